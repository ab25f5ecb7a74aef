//! `behest providers rotate-master`: a new master key for the data of a stopped gateway.

use std::ops::ControlFlow;

use behest_core::env;
use behest_core::gateway::rotation::{RotateError, Rotated, Rotation};
use serde::Serialize;

use crate::printer::Printer;
use crate::report::{ExitStatus, Explain, Report};

impl Explain for RotateError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoData { .. } => {
                "name the gateway's directory with `--data-dir`, or its configuration with `--config`"
            }
            Self::Running { .. } => "stop it, change the key, and start it again",
            Self::NoKey => "set BEHEST_ENCRYPTION_KEY to the key that the gateway has used",
            Self::NoNewKey => "make one, as with `openssl rand -hex 32`, and put it where your secrets are",
            Self::WrongKey { .. } => "give the key that the gateway has used until now",
            Self::Another { .. } => "run the command with those two keys first",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// What the command answers.
#[derive(Serialize)]
struct Answer {
    /// How many values were sealed anew.
    resealed: usize,
    /// How many an earlier run had sealed anew.
    already: usize,
    /// What cannot be read, and why.
    unreadable: Vec<String>,
    /// The id of the new master key.
    master_key: String,
}

/// Seals everything anew and says what is left to do.
///
/// # Errors
/// [`Report`] when it cannot begin, or not go on.
pub async fn run(rotation: Rotation, printer: Printer) -> Result<ExitStatus, Report> {
    let place = rotation.data_dir.display().to_string();
    let Rotated { resealed, already, unreadable, key_id, in_data_dir, needs_old_key } =
        rotation.run(|_| ControlFlow::Continue(())).await?;
    let status = if unreadable.is_empty() { ExitStatus::Success } else { ExitStatus::Failure };
    let answer = Answer { resealed, already, unreadable, master_key: key_id };
    printer.answer(&answer, text)?;
    if in_data_dir {
        printer.say(format_args!("the new master key is in {place}/master-key: the gateway can start"));
    } else {
        printer.say(format_args!(
            "before the gateway starts, put the key of {} into {}",
            env::ENCRYPTION_KEY_NEW,
            env::ENCRYPTION_KEY
        ));
    }
    if needs_old_key && in_data_dir {
        printer.say(format_args!(
            "the old one is kept in {place}/master-key.old: something it sealed is damaged"
        ));
    } else if needs_old_key {
        printer.say(format_args!("keep the old one: something it sealed is damaged"));
    }
    Ok(status)
}

fn text(answer: &Answer) -> String {
    let Answer { resealed, already, unreadable, master_key } = answer;
    let mut text = format!("sealed by master key {master_key}: {resealed} anew, {already} before\n");
    for what in unreadable {
        text.push_str(&format!("cannot be read, and stays as it is: {what}\n"));
    }
    text
}
