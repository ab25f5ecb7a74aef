//! `behest chat`: ask once, or converse.

mod answer;
mod conversation;
mod lines;
mod repl;

use std::io::{self, IsTerminal as _};

use crate::commands::input;
use crate::identity::{self, Identity};
use crate::printer::Printer;
use crate::report::{ExitStatus, Explain, Report};
use crate::settings::{ChatSettings, Connection};

use answer::{Asker, Outcome};
use conversation::Conversation;

/// There is nothing to ask.
#[derive(Debug, thiserror::Error)]
#[error("there is no prompt: none is given, and standard input is empty")]
pub struct NoPrompt;

impl Explain for NoPrompt {
    fn hint(&self) -> Option<String> {
        Some("pass one, as in `behest chat \"Why is the sky blue?\"`".to_owned())
    }
}

/// Asks once when there is a prompt or a pipe, else converses.
///
/// # Errors
/// [`Report`]
pub async fn run(
    settings: ChatSettings,
    connection: &Connection,
    printer: Printer,
) -> Result<ExitStatus, Report> {
    let converse = settings.interactive || (settings.prompt.is_none() && io::stdin().is_terminal());
    let prompt =
        if converse { settings.prompt.clone() } else { Some(whole_prompt(settings.prompt.clone())?) };
    let identity = identity::identify(connection, settings.user.as_deref()).await?;
    let conversation = Conversation::new(settings.system.clone(), settings.thread.clone());
    let asker = asker(identity, &settings, printer);
    if converse {
        return repl::run(asker, conversation, prompt, printer).await;
    }
    once(asker, conversation, prompt.unwrap_or_default(), printer).await
}

/// The prompt of the command line and then what is piped in.
fn whole_prompt(prompt: Option<String>) -> Result<String, Report> {
    let piped = input::piped()?.filter(|text| !text.trim().is_empty());
    match (prompt, piped) {
        (Some(prompt), Some(piped)) => Ok(format!("{prompt}\n\n{piped}")),
        (Some(text), None) | (None, Some(text)) => Ok(text),
        (None, None) => Err(NoPrompt.into()),
    }
}

fn asker(identity: Identity, settings: &ChatSettings, printer: Printer) -> Asker {
    Asker::new(identity, settings.model.clone(), settings.session.clone(), settings.stream, printer)
}

async fn once(
    mut asker: Asker,
    conversation: Conversation,
    prompt: String,
    printer: Printer,
) -> Result<ExitStatus, Report> {
    match asker.ask(&conversation, &prompt).await? {
        Outcome::Whole(answer) => {
            printer.aside(answer.summary());
            Ok(ExitStatus::Success)
        }
        Outcome::Cancelled(_) => {
            printer.aside("cancelled");
            Ok(ExitStatus::Interrupted)
        }
    }
}
