//! Chat completions in OpenAI's dialect. Unknown fields are kept, so nothing that a newer API adds is lost.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One message of a conversation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct Message {
    /// `system`, `developer`, `user`, `assistant` or `tool`.
    pub role: String,
    /// Text, parts, or `null` when the message only calls tools.
    #[serde(default)]
    pub content: Value,
    /// Whatever else it carries: `name`, `tool_calls`, `tool_call_id`, ...
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Message {
    /// A plain text message.
    #[must_use]
    pub fn text(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self { role: role.into(), content: Value::String(content.into()), extra: Map::new() }
    }

    /// A message of the end user.
    #[must_use]
    pub fn user(content: impl Into<String>) -> Self {
        Self::text("user", content)
    }

    /// An instruction to the model.
    #[must_use]
    pub fn system(content: impl Into<String>) -> Self {
        Self::text("system", content)
    }
}

/// The body of `POST /v1/chat/completions`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct ChatRequest {
    /// The model; absent, empty or `default` is the project's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The conversation.
    pub messages: Vec<Message>,
    /// Whether the answer comes as server-sent events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// Every other parameter, passed on as it is.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl ChatRequest {
    /// A request with one user message, for the project's own model.
    #[must_use]
    pub fn user(content: impl Into<String>) -> Self {
        Self { messages: vec![Message::user(content)], ..Self::default() }
    }

    /// Names the model.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Sets any other parameter, such as `temperature`.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extra.insert(name.into(), value.into());
        self
    }
}

/// Tokens of one call, as OpenAI counts them: `prompt_tokens` includes cached ones, `completion_tokens` includes
/// reasoning.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct Usage {
    /// Tokens that went in.
    #[serde(default)]
    pub prompt_tokens: u64,
    /// Tokens that came out.
    #[serde(default)]
    pub completion_tokens: u64,
    /// Both together.
    #[serde(default)]
    pub total_tokens: u64,
    /// Details, such as `prompt_tokens_details`.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// One of the answers in a [`ChatCompletion`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct Choice {
    /// Its place.
    #[serde(default)]
    pub index: u32,
    /// The answer.
    pub message: Message,
    /// `stop`, `length`, `tool_calls`, `content_filter`, or what the provider says.
    #[serde(default)]
    pub finish_reason: Option<String>,
    /// Whatever else it carries.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct ChatCompletion {
    /// The provider's id for it.
    #[serde(default)]
    pub id: String,
    /// The model that answered.
    #[serde(default)]
    pub model: String,
    /// The answers.
    #[serde(default)]
    pub choices: Vec<Choice>,
    /// Tokens, when the provider said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Whatever else it carries.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl ChatCompletion {
    /// The text of the first answer; empty when it has none.
    #[must_use]
    pub fn text(&self) -> &str {
        self.choices.first().and_then(|choice| choice.message.content.as_str()).unwrap_or_default()
    }
}

/// One piece of one of the answers in a stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct ChunkChoice {
    /// Which answer it belongs to.
    #[serde(default)]
    pub index: u32,
    /// What is new: `role`, `content`, `tool_calls`, ...
    #[serde(default)]
    pub delta: Map<String, Value>,
    /// Set in the last piece.
    #[serde(default)]
    pub finish_reason: Option<String>,
    /// Whatever else it carries.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// One event of a streamed answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct ChatCompletionChunk {
    /// The provider's id for the answer.
    #[serde(default)]
    pub id: String,
    /// The model that answers.
    #[serde(default)]
    pub model: String,
    /// The pieces; empty in the chunk that carries usage.
    #[serde(default)]
    pub choices: Vec<ChunkChoice>,
    /// Tokens, in the last chunk, when the request asked for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Whatever else it carries.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl ChatCompletionChunk {
    /// The new text of the first answer; empty when this chunk brings none.
    #[must_use]
    pub fn text(&self) -> &str {
        self.choices
            .first()
            .and_then(|choice| choice.delta.get("content"))
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}
