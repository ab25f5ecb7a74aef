//! What a request asks of the model that answers it.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::gateway::context::{Candidate, ModelRequest};
use crate::types::catalogue::Capability;

/// A message whose content is in parts; others are not read.
#[derive(Deserialize)]
struct InParts {
    content: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    #[serde(default, rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Format {
    #[serde(rename = "type")]
    kind: String,
}

/// The capabilities that the request makes use of.
#[must_use]
pub fn of(request: &ModelRequest) -> Vec<Capability> {
    let mut needs = Vec::new();
    let tools: Option<Vec<serde::de::IgnoredAny>> = read(request.fields.get("tools"));
    if tools.is_some_and(|tools| !tools.is_empty()) {
        needs.push(Capability::Tools);
    }
    let format: Option<Format> = read(request.fields.get("response_format"));
    if format.is_some_and(|format| format.kind == "json_schema") {
        needs.push(Capability::JsonSchema);
    }
    let effort: Option<String> = read(request.fields.get("reasoning_effort"));
    if effort.is_some_and(|effort| effort != "none") {
        needs.push(Capability::Reasoning);
    }
    for message in &request.messages {
        let Some(InParts { content }) = read(Some(message)) else { continue };
        needs.extend(content.iter().filter_map(|part| match part.kind.as_str() {
            "image_url" => Some(Capability::Images),
            "input_audio" => Some(Capability::Audio),
            "file" => Some(Capability::Documents),
            _ => None,
        }));
    }
    needs
}

/// Without those that the list says cannot do it, unless none can: lists are behind, and the provider's word is better.
#[must_use]
pub fn able(candidates: Vec<Candidate>, needs: &[Capability]) -> Vec<Candidate> {
    let can = |candidate: &Candidate| {
        let listed = candidate.model.listed.as_ref();
        listed.is_none_or(|entry| needs.iter().all(|need| entry.capabilities.has(*need)))
    };
    if candidates.iter().any(can) { candidates.into_iter().filter(can).collect() } else { candidates }
}

fn read<'r, T: Deserialize<'r>>(raw: Option<&'r RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}
