//! Between OpenAI's dialect and others: what a request asks, and what a model says, in words of our own.
//!
//! A provider with a dialect of its own brings two pure functions and a state machine: [`Ask`] to its request, its whole
//! answer to [`Event`]s, its stream to the same events. The rest is shared, so a streamed answer put together is the plain
//! one: [`chunks`] writes events as OpenAI's chunks, [`answer`] as OpenAI's completion.

pub mod answer;
pub mod ask;
pub mod chunks;
pub mod embed;
pub mod ending;
pub mod event;
#[cfg(test)]
pub mod fixtures;
pub mod parts;
pub mod rules;
pub mod vectors;

use serde_json::Value;

use crate::gateway::refusal::Refuse;
use crate::types::problem::Code;

pub use ask::{Ask, Message, Target};
pub use event::{Event, Finish};
pub use parts::Part;
pub use rules::{Rule, Rules};

/// Why a request cannot be said in the provider's dialect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TranslateError {
    /// It breaks a rule of OpenAI's dialect.
    #[error("`{param}` {problem}")]
    Malformed {
        /// Which field.
        param: String,
        /// What it should be.
        problem: &'static str,
    },
    /// The provider has nothing like it, and leaving it out would change what was asked.
    #[error("`{param}` cannot be sent to {provider}: {reason}")]
    Unsupported {
        /// Which field.
        param: String,
        /// Who cannot.
        provider: &'static str,
        /// Why, and what to do.
        reason: &'static str,
    },
    /// More texts than the provider takes in one call.
    #[error(
        "`input` has {texts} texts, and {provider} takes at most {most} in one call: send them in several calls"
    )]
    TooMany {
        /// How many came.
        texts: usize,
        /// Who takes fewer.
        provider: &'static str,
        /// How many it takes.
        most: usize,
    },
}

impl TranslateError {
    pub(super) fn malformed(param: impl Into<String>, problem: &'static str) -> Self {
        Self::Malformed { param: param.into(), problem }
    }

    pub(super) fn unsupported(
        param: impl Into<String>,
        provider: &'static str,
        reason: &'static str,
    ) -> Self {
        Self::Unsupported { param: param.into(), provider, reason }
    }
}

impl Refuse for TranslateError {
    fn code(&self) -> Code {
        Code::ValidationError
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::Malformed { param, .. } | Self::Unsupported { param, .. } => Some(param),
            Self::TooMany { .. } => Some("input"),
        }
    }
}

/// The text of a JSON value that is text.
pub(super) fn text_of(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str)
}
