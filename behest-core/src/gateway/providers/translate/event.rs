//! What a model says, piece by piece, whoever's model it is.

use serde_json::Value;

use crate::gateway::ledger::record::Tokens;

/// One piece of what a model says. `choice` is its place among several answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The answer begins.
    Start {
        /// The provider's id for it.
        id: Option<String>,
        /// The model that answers, in the provider's words.
        model: Option<String>,
    },
    /// Text.
    Text {
        /// Which answer.
        choice: u32,
        /// The new part of it.
        text: String,
    },
    /// Thoughts, as far as the provider shows them.
    Reasoning {
        /// Which answer.
        choice: u32,
        /// The new part of them.
        text: String,
    },
    /// Thoughts in the provider's own form, to be given back unchanged with the conversation (signatures, redacted
    /// blocks).
    ReasoningDetail {
        /// Which answer.
        choice: u32,
        /// One whole block.
        detail: Value,
    },
    /// What it will not say.
    Refusal {
        /// Which answer.
        choice: u32,
        /// The new part of it.
        text: String,
    },
    /// It begins to call a tool.
    Call {
        /// Which answer.
        choice: u32,
        /// The call's place among several, from 0.
        index: u32,
        /// Its id.
        id: String,
        /// The tool.
        name: String,
        /// Gemini's signature of the thought behind it.
        signature: Option<String>,
    },
    /// More of a call's arguments, which are JSON text.
    Arguments {
        /// Which answer.
        choice: u32,
        /// Which call.
        index: u32,
        /// The new part.
        text: String,
    },
    /// A source that the text leans on, in the provider's own form.
    Citation {
        /// Which answer.
        choice: u32,
        /// One whole citation.
        citation: Value,
    },
    /// How likely the tokens of the text were.
    Logprobs {
        /// Which answer.
        choice: u32,
        /// Entries of OpenAI's `logprobs.content`, one for each token.
        tokens: Vec<Value>,
    },
    /// One answer ends.
    Finish {
        /// Which.
        choice: u32,
        /// Why.
        reason: Finish,
    },
    /// What was used, so far or in all: the last one counts.
    Usage(Tokens),
}

/// Why an answer ends, in OpenAI's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// It is complete.
    Stop,
    /// It reached its bound.
    Length,
    /// It waits for the results of calls.
    ToolCalls,
    /// Something was held back.
    ContentFilter,
    /// What the provider says, where OpenAI has no word for it.
    Other(String),
}

impl Finish {
    /// The word for it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Other(reason) => reason,
        }
    }
}
