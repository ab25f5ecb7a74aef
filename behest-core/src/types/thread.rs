//! Threads: conversations that the gateway remembers.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One line of `GET /v1/threads`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct Thread {
    /// The id that the client chose.
    pub id: String,
    /// The beginning of the first user message, or `null`.
    pub title: Option<String>,
    /// RFC 3339 instant.
    pub created_at: String,
    /// RFC 3339 instant.
    pub last_message_at: String,
    /// How many messages it holds.
    pub messages_count: u64,
}

/// One message of a thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct ThreadMessage {
    /// The message's own id.
    pub id: String,
    /// `user`, `assistant`, `tool`, ...
    pub role: String,
    /// Text, parts, or `null` when the message only calls tools.
    pub content: Value,
    /// RFC 3339 instant.
    pub created_at: String,
    /// `true` when the answer was cut off before its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
    /// Whatever else the message carried, such as `tool_calls`.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}
