//! What providers do instead of answering.

use serde_json::{Value, json};

use super::ProviderKey;
use super::censored::censored;
use crate::gateway::refusal::Refuse;
use crate::types::problem::Code;

/// Which phase took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Until the headers.
    FirstByte,
    /// Between two pieces.
    Idle,
    /// All of it.
    Total,
}

/// Why a provider gave no whole answer. Messages are the provider's own, cleaned of our key and cut short.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// It did not like the request: the client can mend it.
    #[error("the provider refused the request: {message}")]
    Rejected {
        /// 400, 404, 413, 422...
        status: u16,
        /// In its own words.
        message: String,
        /// The field it named.
        param: Option<String>,
    },
    /// It answered with an error that the client cannot mend.
    #[error("the provider answered {status}: {message}")]
    Failed {
        /// 401, 403, 429, 5xx...
        status: u16,
        /// In its own words.
        message: String,
        /// When it wants to be asked again, in seconds.
        retry_after: Option<u64>,
    },
    /// No connection.
    #[error("the provider cannot be reached: {0}")]
    Unreachable(String),
    /// Its address or its key cannot stand in a request.
    #[error("the provider cannot be called as it is configured: mend its address or its key")]
    Misconfigured,
    /// The connection broke before the answer's headers came.
    #[error("the provider closed the connection without an answer")]
    NoAnswer,
    /// The answer broke off.
    #[error("the provider's answer broke off before its end")]
    BrokeOff,
    /// The answer is no answer.
    #[error("the provider's answer cannot be read: {0}")]
    Garbage(&'static str),
    /// The answer is above the cap.
    #[error("the provider's answer is above {limit} bytes")]
    TooLarge {
        /// The cap.
        limit: usize,
    },
    /// It fell silent.
    #[error("the provider was silent for {seconds} s ({phase:?})")]
    TimedOut {
        /// In which phase.
        phase: Phase,
        /// The limit.
        seconds: u64,
    },
    /// It sent an error in the middle of a stream.
    #[error("the provider broke its answer off: {message}")]
    InStream {
        /// In its own words.
        message: String,
    },
}

impl ProviderError {
    /// The same without the provider's own words, which may repeat the prompt: for the log.
    #[must_use]
    pub fn without_words(&self) -> String {
        match self {
            Self::Rejected { status, .. } => format!("the provider refused the request with {status}"),
            Self::Failed { status, .. } => format!("the provider answered {status}"),
            Self::InStream { .. } => "the provider broke its answer off with an error".to_owned(),
            other => other.to_string(),
        }
    }

    /// The same with the provider's key taken out of its words: some repeat it.
    #[must_use]
    pub fn without_key(mut self, key: &ProviderKey) -> Self {
        let ProviderKey::Open(key) = key else { return self };
        match &mut self {
            Self::Rejected { message, param, .. } => {
                *message = censored(message, key.expose());
                *param = param.take().map(|param| censored(&param, key.expose()));
            }
            Self::Failed { message, .. } | Self::InStream { message } => {
                *message = censored(message, key.expose());
            }
            _ => {}
        }
        self
    }
}

/// A provider's failure with its name: what the caller is told.
#[derive(Debug, thiserror::Error)]
#[error("{provider}: {source}")]
pub struct ProviderFailure {
    /// Which provider.
    pub provider: String,
    /// How many attempts were made, over all providers.
    pub attempts: u32,
    /// What it did.
    pub source: ProviderError,
}

impl Refuse for ProviderFailure {
    fn code(&self) -> Code {
        match &self.source {
            ProviderError::Rejected { status: 413, .. } => Code::RequestTooLarge,
            ProviderError::Rejected { .. } => Code::ValidationError,
            ProviderError::TimedOut { .. } => Code::UpstreamTimeout,
            ProviderError::Failed { .. }
            | ProviderError::Unreachable(_)
            | ProviderError::Misconfigured
            | ProviderError::NoAnswer
            | ProviderError::BrokeOff
            | ProviderError::Garbage(_)
            | ProviderError::TooLarge { .. }
            | ProviderError::InStream { .. } => Code::UpstreamError,
        }
    }

    fn status(&self) -> u16 {
        match &self.source {
            ProviderError::Rejected { status: 422, .. } => 422,
            _ => self.code().status(),
        }
    }

    fn param(&self) -> Option<&str> {
        match &self.source {
            ProviderError::Rejected { param, .. } => param.as_deref(),
            _ => None,
        }
    }

    fn for_log(&self) -> String {
        format!("{}: {}", self.provider, self.source.without_words())
    }

    fn details(&self) -> Option<Value> {
        let status = match &self.source {
            ProviderError::Rejected { status, .. } | ProviderError::Failed { status, .. } => Some(status),
            _ => None,
        };
        Some(json!({ "provider": self.provider, "provider_status": status, "attempts": self.attempts }))
    }
}
