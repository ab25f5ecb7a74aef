//! Every stage's error, gathered.

use serde_json::Value;

use super::control::ControlError;
use super::ledger::journal::JournalError;
use super::limits::exceeded::Exceeded;
use super::providers::ProviderFailure;
use super::providers::translate::TranslateError;
use super::serve::edge::EdgeError;
use super::stages::authenticate::AuthenticateError;
use super::stages::claim::ClaimError;
use super::stages::dispatch::DispatchError;
use super::stages::locate::LocateError;
use super::stages::read::ReadError;
use super::stages::recall::RecallError;
use super::stages::record::RecordError;
use super::stages::route::RouteError;
use super::stages::select::SelectError;
use super::stages::settings::SettingsError;
use super::stages::switches::Killed;
use super::store::StoreError;
use crate::types::problem::Code;

/// How a stage's error looks from outside. The message is the error's own text.
pub trait Refuse: std::error::Error {
    /// The stable code.
    fn code(&self) -> Code;
    /// The HTTP status, where one code has two.
    fn status(&self) -> u16 {
        self.code().status()
    }
    /// The field that was wrong.
    fn param(&self) -> Option<&str> {
        None
    }
    /// Numbers and names that belong to the code.
    fn details(&self) -> Option<Value> {
        None
    }
    /// When to come again, in seconds; 429 and 503 always say so.
    fn retry_after(&self) -> Option<u64> {
        match self.code() {
            Code::Unavailable | Code::RateLimited => Some(1),
            _ => None,
        }
    }
    /// Whether the client's SDK may repeat the call by itself; `None` leaves it to the SDK.
    fn should_retry(&self) -> Option<bool> {
        self.code().forbids_retry().then_some(false)
    }
    /// How the log tells it, causes included: never in words that may repeat a prompt.
    fn for_log(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        text
    }
    /// Where a person can lift the limit.
    fn upgrade_url(&self) -> Option<&str> {
        None
    }
}

/// Why a request was not answered as it wished.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// At the edge.
    #[error(transparent)]
    Edge(#[from] EdgeError),
    /// The host names no project.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// The credential.
    #[error(transparent)]
    Authenticate(#[from] AuthenticateError),
    /// A kill switch.
    #[error(transparent)]
    Killed(#[from] Killed),
    /// A limit or a budget.
    #[error(transparent)]
    Exceeded(#[from] Box<Exceeded>),
    /// The project's settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The body.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The idempotency key.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The model.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// The conversation.
    #[error(transparent)]
    Recall(#[from] RecallError),
    /// The provider's key or price.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The provider's dialect.
    #[error(transparent)]
    Translate(#[from] TranslateError),
    /// No provider was asked.
    #[error(transparent)]
    Dispatch(#[from] DispatchError),
    /// The provider failed.
    #[error(transparent)]
    Provider(#[from] ProviderFailure),
    /// The answer was not finished.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The control plane.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The ledger cannot take a call.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The store cannot answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal {
    /// The stage's error behind it.
    #[must_use]
    pub fn cause(&self) -> &dyn Refuse {
        match self {
            Self::Edge(error) => error,
            Self::Locate(error) => error,
            Self::Authenticate(error) => error,
            Self::Killed(error) => error,
            Self::Exceeded(error) => &**error,
            Self::Settings(error) => error,
            Self::Read(error) => error,
            Self::Claim(error) => error,
            Self::Select(error) => error,
            Self::Recall(error) => error,
            Self::Route(error) => error,
            Self::Translate(error) => error,
            Self::Dispatch(error) => error,
            Self::Provider(error) => error,
            Self::Record(error) => error,
            Self::Control(error) => error,
            Self::Journal(error) => error,
            Self::Store(error) => error,
        }
    }
}

impl From<Exceeded> for Refusal {
    fn from(exceeded: Exceeded) -> Self {
        Self::Exceeded(Box::new(exceeded))
    }
}

impl Refuse for StoreError {
    fn code(&self) -> Code {
        match self {
            Self::Taken => Code::Conflict,
            Self::TooManyRows => Code::ValidationError,
            Self::Unavailable(_) | Self::Damaged { .. } => Code::Unavailable,
        }
    }
}

impl Refuse for JournalError {
    fn code(&self) -> Code {
        match self {
            Self::Full { .. } | Self::Write(_) => Code::Unavailable,
            Self::TooLong { .. } => Code::ServerError,
        }
    }
}
