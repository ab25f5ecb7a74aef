//! What a person types, or a script pipes in, besides arguments.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use behest_core::Secret;

use crate::printer::Printer;
use crate::report::Explain;

/// More than this on standard input is a mistake: no model reads as much.
pub const MAX_INPUT: u64 = 32 * 1024 * 1024;

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// Reading failed.
    #[error("cannot read what was typed")]
    Read(#[from] io::Error),
    /// Standard input is not text.
    #[error("standard input is not UTF-8 text")]
    NotText,
    /// Standard input is larger than any request may be.
    #[error("standard input holds more than {} MiB", MAX_INPUT / 1024 / 1024)]
    TooLong,
    /// Nothing came.
    #[error("{0}: nothing was given")]
    Nothing(String),
}

impl Explain for InputError {}

/// A secret: typed without an echo, or the first line of standard input; all of it where that begins as JSON does, since
/// some keys are files.
///
/// # Errors
/// [`InputError`] when none comes.
pub fn secret(what: &str, printer: Printer) -> Result<Secret, InputError> {
    let text = if io::stdin().is_terminal() {
        printer.prompt(format_args!("{what} (not shown): "));
        rpassword::read_password()?
    } else {
        let mut text = first_line()?;
        if text.trim_start().starts_with('{') {
            io::stdin().lock().take(MAX_INPUT).read_to_string(&mut text)?;
        }
        text
    };
    match text.trim() {
        "" => Err(InputError::Nothing(what.to_owned())),
        text => Ok(Secret::new(text)),
    }
}

/// A line that a person types; empty takes `default`. Without a person, `None`.
///
/// # Errors
/// [`InputError::Read`]
pub fn ask(what: &str, default: &str, printer: Printer) -> Result<Option<String>, InputError> {
    if !io::stdin().is_terminal() {
        return Ok(None);
    }
    printer.prompt(format_args!("{what} [{default}]: "));
    let line = first_line()?;
    Ok(Some(if line.trim().is_empty() { default.to_owned() } else { line.trim().to_owned() }))
}

/// Everything on standard input, when that is not a terminal.
///
/// # Errors
/// [`InputError`] when it is no text, or too long.
pub fn piped() -> Result<Option<String>, InputError> {
    if io::stdin().is_terminal() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    io::stdin().lock().take(MAX_INPUT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_INPUT {
        return Err(InputError::TooLong);
    }
    String::from_utf8(bytes).map(Some).map_err(|_| InputError::NotText)
}

fn first_line() -> Result<String, InputError> {
    let mut line = String::new();
    io::stdin().lock().take(MAX_INPUT).read_line(&mut line)?;
    Ok(line)
}
