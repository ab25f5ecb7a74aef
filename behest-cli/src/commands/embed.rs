//! `behest embed`: vectors of texts.

use std::iter;

use behest_core::client::CallOptions;
use behest_core::types::embeddings::{Embeddings, EmbeddingsRequest};

use crate::commands::input;
use crate::commands::tally::dollars;
use crate::identity;
use crate::printer::{Printer, Table};
use crate::report::{ExitStatus, Explain, Report};
use crate::settings::{Connection, EmbedSettings};

/// How many of a vector's numbers, and how much of its text, a person is shown.
const SHOWN_NUMBERS: usize = 4;
const SHOWN_TEXT: usize = 40;

/// There is nothing to embed.
#[derive(Debug, thiserror::Error)]
#[error("there is no text: none is given, and standard input is empty")]
pub struct NoText;

impl Explain for NoText {
    fn hint(&self) -> Option<String> {
        Some("pass one, as in `behest embed \"The sky is blue\"`, or pipe in lines".to_owned())
    }
}

/// Embeds the texts of the command line, or the lines of standard input.
///
/// # Errors
/// [`Report`]
pub async fn run(
    settings: EmbedSettings,
    connection: &Connection,
    printer: Printer,
) -> Result<ExitStatus, Report> {
    let texts = if settings.texts.is_empty() { lines()? } else { settings.texts };
    let identity = identity::identify(connection, settings.user.as_deref()).await?;
    let request = EmbeddingsRequest {
        model: settings.model,
        dimensions: settings.dimensions,
        ..EmbeddingsRequest::new(texts.clone())
    };
    let options = CallOptions {
        user_id: Some(identity.client.config().default_user_id.clone()),
        session_id: settings.session,
        // The key itself is told what a call costs, as an end user's token is not.
        as_api_key: identity.has_api_key(),
        ..CallOptions::default()
    };
    let embeddings = identity.client.embeddings();
    let reply = match embeddings.create(&request, &options).await {
        // The project refuses API keys here; a minted token does it.
        Err(error) if options.as_api_key && error.status() == Some(401) => {
            embeddings.create(&request, &CallOptions { as_api_key: false, ..options }).await?
        }
        answered => answered?,
    };
    let (answer, meta) = (&reply.data, &reply.meta);
    printer.answer(answer, |answer| table(answer, &texts))?;
    let tokens = answer.usage.as_ref().map(|usage| format!("{} tokens in", usage.prompt_tokens));
    let cost = meta.cost_usd.map_or_else(|| "cost unknown".to_owned(), dollars);
    let tokens = tokens.unwrap_or_else(|| "tokens unknown".to_owned());
    printer.aside(format_args!("{}: {tokens}, {cost}", answer.model));
    Ok(ExitStatus::Success)
}

/// The lines of standard input that hold something.
fn lines() -> Result<Vec<String>, Report> {
    let piped = input::piped()?.unwrap_or_default();
    let lines: Vec<String> =
        piped.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
    if lines.is_empty() { Err(NoText.into()) } else { Ok(lines) }
}

fn table(answer: &Embeddings, texts: &[String]) -> String {
    let mut table = Table::new(["text", "dimensions", "begins with"], "no vectors");
    for embedding in &answer.data {
        let text = texts.get(embedding.index as usize).map(|text| shortened(text)).unwrap_or_default();
        let numbers = embedding.embedding.to_floats().unwrap_or_default();
        let first = numbers.iter().take(SHOWN_NUMBERS).map(|number| format!("{number:.4}"));
        let more = (numbers.len() > SHOWN_NUMBERS).then(|| "...".to_owned());
        let first: Vec<String> = first.chain(more).collect();
        table.row([text, numbers.len().to_string(), first.join(" ")]);
    }
    table.to_string()
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= SHOWN_TEXT {
        return text.to_owned();
    }
    text.chars().take(SHOWN_TEXT - 3).chain(iter::repeat_n('.', 3)).collect()
}
