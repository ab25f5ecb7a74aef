//! What went wrong, in the words of the person who has to act on it.

use std::error::Error;
use std::fmt;
use std::io;
use std::iter;

use behest_core::Error as ClientError;

/// How the command ended: the process's exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// It did what was asked.
    Success,
    /// The caller can put it right: a flag, a key, a file, an address.
    Failure,
    /// The gateway or this program is at fault.
    Error,
    /// Ctrl-C ended it, as shells report that.
    Interrupted,
}

impl ExitStatus {
    /// The number that the system is told.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Error => 2,
            Self::Interrupted => 130,
        }
    }
}

/// An error that knows what to tell a person besides its message.
pub trait Explain: Error + Send + Sync + 'static {
    /// What to do about it.
    fn hint(&self) -> Option<String> {
        None
    }

    /// Whose problem it is.
    fn status(&self) -> ExitStatus {
        ExitStatus::Failure
    }

    /// The gateway's name for the call that failed.
    fn trace_id(&self) -> Option<&str> {
        None
    }

    /// Whether there is nobody left to tell, as when the reader of a pipe has gone.
    fn is_silent(&self) -> bool {
        false
    }
}

/// Any command's failure.
#[derive(Debug)]
pub struct Report(Box<dyn Explain>);

impl Report {
    /// The exit status that goes with it.
    #[must_use]
    pub fn status(&self) -> ExitStatus {
        self.0.status()
    }

    /// Whether there is nobody left to tell.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.0.is_silent()
    }

    /// The causes below the message, outermost first.
    pub fn causes(&self) -> impl Iterator<Item = String> {
        iter::successors(self.0.source(), |cause| (**cause).source()).map(ToString::to_string)
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        self.0.hint()
    }

    /// The gateway's name for the call that failed.
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        self.0.trace_id()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl<E: Explain> From<E> for Report {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl Explain for ClientError {
    fn hint(&self) -> Option<String> {
        if let Some(hint) = hint_for_code(self.code(), self.retry_after()) {
            return Some(hint);
        }
        nobody_listens(self).then(|| NOBODY_LISTENS.to_owned())
    }

    fn status(&self) -> ExitStatus {
        match self {
            Self::Stream { .. } => ExitStatus::Error,
            _ => status_for_http(self.status()),
        }
    }

    fn trace_id(&self) -> Option<&str> {
        self.trace_id()
    }
}

/// What to do when nobody listens at the address.
pub const NOBODY_LISTENS: &str = "start one with `behest serve`, or name another with `--base-url`";

/// Whether a call failed because nobody listens at the address.
#[must_use]
pub fn nobody_listens(error: &(dyn Error + 'static)) -> bool {
    let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    iter::successors(Some(error), |error| (**error).source())
        .any(|error| error.downcast_ref::<io::Error>().is_some_and(refused))
}

/// Server errors are ours; everything else is for the caller to put right.
#[must_use]
pub fn status_for_http(status: Option<u16>) -> ExitStatus {
    match status {
        Some(500..) => ExitStatus::Error,
        _ => ExitStatus::Failure,
    }
}

/// What to do about one of the gateway's error codes, where the answer is a command.
#[must_use]
pub fn hint_for_code(code: &str, retry_after: Option<u64>) -> Option<String> {
    let hint = match code {
        "missing_env" => "log in with `behest login`, set BEHEST_KEY, or start a gateway with `behest serve`",
        "invalid_token" => "see which key is used with `behest whoami`, and log in again with `behest login`",
        "missing_credentials" => "log in with `behest login`, or set BEHEST_KEY",
        "provider_not_configured" => "add the provider with `behest providers add NAME`",
        "model_not_allowed" => "see what this project may call with `behest models`",
        "project_suspended" => "its operator can wake it with `behest projects resume`",
        "rate_limited" | "unavailable" => {
            return retry_after.map(|seconds| format!("try again in {seconds} s"));
        }
        _ => return None,
    };
    Some(hint.to_owned())
}
