//! `behest serve`: start a gateway, say how to use it, and stop it gently.

mod announce;
mod open_files;
mod profile;
mod signals;

use std::io::IsTerminal as _;

use behest_core::gateway::serve::{self as gateway, Ready};
use behest_core::gateway::setup::{StartError, is_loopback};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::args::LogFormat;
use crate::printer::Printer;
use crate::report::{ExitStatus, Explain, Report};
use crate::settings::{SecretPlace, ServeSettings};

/// The log filter cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("`{filter}` is no log filter: {reason}")]
pub struct BadFilter {
    filter: String,
    /// Not a `source`: it says everything twice.
    reason: ParseError,
}

impl Explain for BadFilter {
    fn hint(&self) -> Option<String> {
        Some("write a level, as in `info`, or levels by module, as in `behest_core=debug,warn`".to_owned())
    }
}

impl Explain for gateway::ServeError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::PortTaken { .. } => "choose another port with `--port`, or any free one with `--port 0`",
            Self::Listen { .. } => "check `--host` and `--port`: ports below 1024 need special rights",
            Self::Start(StartError::Locked { .. }) => {
                "stop the other gateway, or name another directory with `--data-dir`"
            }
            Self::Start(StartError::HalfRotated { .. }) => {
                "the command goes on where it was stopped; it needs the same `--data-dir`"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }

    fn status(&self) -> ExitStatus {
        match self {
            Self::System(_) => ExitStatus::Error,
            _ => ExitStatus::Failure,
        }
    }
}

/// Runs the gateway until it is told to stop and has drained.
///
/// # Errors
/// [`Report`] when it cannot start.
pub fn run(settings: ServeSettings, printer: Printer) -> Result<ExitStatus, Report> {
    start_log(&settings.log, settings.log_format)?;
    open_files::raise_limit();
    // A profile must not send a key to an address that others can take.
    let keeps_profile = settings.keeps_profile && is_loopback(&settings.config.host);
    let place = settings.secret_place;
    let stop = signals::first_stop()?;
    gateway::run(settings.config, stop, |ready| tell(ready, &place, keeps_profile, printer))?;
    Ok(ExitStatus::Success)
}

/// Keeps the profile and says how to use the gateway. Neither failing is a reason to stop serving.
fn tell(ready: &Ready, place: &SecretPlace, keeps_profile: bool, printer: Printer) {
    let secret_file = match place {
        SecretPlace::DataDir => ready.admin_secret_file.as_deref(),
        SecretPlace::File(path) => Some(path.as_path()),
        SecretPlace::Environment => None,
    };
    let credentials_file = match keeps_profile.then(|| profile::keep(ready, secret_file)) {
        Some(Ok(file)) => Some(file),
        Some(Err(error)) => {
            printer.warn("no profile is kept for `behest chat`");
            printer.report(&error);
            None
        }
        None => None,
    };
    let announcement = announce::Announcement::new(ready, secret_file, credentials_file);
    if let Err(error) = printer.answer(&announcement, announce::Announcement::text) {
        printer.report(&error.into());
    }
}

fn start_log(filter: &str, format: LogFormat) -> Result<(), BadFilter> {
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(|reason| BadFilter { filter: filter.to_owned(), reason })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && behest_core::env::read("NO_COLOR").is_none());
    // Where the process has a log already, as when it is a Python program that used the SDK before, that one stays.
    let _ = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    Ok(())
}
