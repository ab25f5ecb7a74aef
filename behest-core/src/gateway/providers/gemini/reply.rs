//! What Gemini answers: the same object as a whole answer and as each event of a stream.

use serde::Deserialize;
use serde_json::Value;

use super::stream::Reader;
use crate::gateway::providers::ProviderError;
use crate::gateway::providers::translate::Event;

/// `GenerateContentResponse`, or an error.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Response {
    pub(super) candidates: Option<Vec<Candidate>>,
    pub(super) prompt_feedback: Option<PromptFeedback>,
    /// Read leniently: an answer is paid for and goes on, whatever its report of usage looks like.
    pub(super) usage_metadata: Option<Value>,
    pub(super) model_version: Option<String>,
    pub(super) response_id: Option<String>,
    pub(super) error: Option<Value>,
}

/// What became of the prompt itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PromptFeedback {
    pub(super) block_reason: Option<String>,
    /// Vertex says more.
    pub(super) block_reason_message: Option<String>,
}

/// One of several answers, or a piece of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Candidate {
    /// Left out where it is 0.
    pub(super) index: Option<u32>,
    pub(super) content: Option<Content>,
    pub(super) finish_reason: Option<String>,
    pub(super) finish_message: Option<String>,
    pub(super) citation_metadata: Option<Value>,
    pub(super) grounding_metadata: Option<Value>,
    pub(super) logprobs_result: Option<Value>,
}

#[derive(Deserialize)]
pub(super) struct Content {
    pub(super) parts: Option<Vec<Part>>,
}

/// A piece of an answer. Other kinds than these come from tools that only Gemini's own dialect can ask for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part {
    pub(super) text: Option<String>,
    pub(super) thought: Option<bool>,
    pub(super) thought_signature: Option<String>,
    pub(super) function_call: Option<FunctionCall>,
    pub(super) inline_data: Option<Blob>,
}

#[derive(Deserialize)]
pub(super) struct FunctionCall {
    /// Vertex gives none, and earlier models neither.
    pub(super) id: Option<String>,
    pub(super) name: String,
    pub(super) args: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob {
    pub(super) mime_type: Option<String>,
    pub(super) data: String,
}

/// A whole answer as events. A list of pieces, which the stream without `alt=sse` is, is one, too.
///
/// # Errors
/// [`ProviderError::InStream`] for an error body, [`ProviderError::Garbage`] for what is no answer.
pub fn reply(body: &[u8]) -> Result<Vec<Event>, ProviderError> {
    let mut reader = Reader::default();
    let mut events = Vec::new();
    for response in read(body).ok_or(ProviderError::Garbage("it is not an answer of generateContent"))? {
        events.extend(reader.take(response)?);
    }
    if reader.has_answer() { Ok(events) } else { Err(ProviderError::Garbage("it has no candidates")) }
}

/// The response in a body or an event. Errors, and what a proxy makes of a stream, come in a list.
pub(super) fn read(body: &[u8]) -> Option<Vec<Response>> {
    if body.trim_ascii_start().starts_with(b"[") {
        serde_json::from_slice(body).ok()
    } else {
        serde_json::from_slice(body).ok().map(|response| vec![response])
    }
}
