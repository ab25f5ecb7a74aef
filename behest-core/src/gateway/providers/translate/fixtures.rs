//! One request for each thing that a request can hold. Every provider's tests translate all of them.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{Event, answer};
use crate::gateway::providers::translated::DialectReader;
use crate::gateway::providers::{ProviderError, Summary};
use crate::sse::Framer;

macro_rules! requests {
    ($($name:literal),+ $(,)?) => {
        /// By name.
        pub const REQUESTS: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("fixtures/", $name, ".json")))),+];
    };
}

requests![
    "audio",
    "cache_marks",
    "document_id",
    "document_url",
    "documents",
    "images",
    "images_inline",
    "instructions",
    "json_object",
    "json_schema",
    "json_schema_loose",
    "logprobs",
    "parallel_off",
    "prefill",
    "reasoning",
    "reasoning_text_only",
    "refusals",
    "sampling",
    "sampling_wide",
    "several_answers",
    "text",
    "tool_choice_allowed",
    "tool_choice_function",
    "tool_choice_none",
    "tool_choice_required",
    "tool_result_parts",
    "tools",
    "unknown_fields",
];

/// The events of a stream that comes in these pieces, up to an error; and whether it was complete by then.
pub fn streamed(
    mut reader: impl DialectReader,
    pieces: &[&[u8]],
) -> (Result<Vec<Event>, ProviderError>, bool) {
    let (mut framer, mut events) = (Framer::new(1 << 20), Vec::new());
    for piece in pieces {
        framer.push(piece);
        while let Some(event) = framer.next_event().expect("below the cap") {
            match reader.read(&event) {
                Ok(more) => events.extend(more),
                Err(error) => return (Err(error), reader.is_complete()),
            }
        }
    }
    (Ok(events), reader.is_complete())
}

/// The completion that the events make.
pub fn together(events: Vec<Event>) -> (Value, Summary) {
    answer::assemble(events, "ours".to_owned(), "asked-for".to_owned(), 1)
}

/// A request's messages and all its other fields, `model` and `stream` among them.
pub fn split(request: &str) -> (Vec<Box<RawValue>>, Map<String, Value>) {
    let mut fields: Map<String, Value> = serde_json::from_str(request).expect("a request");
    let messages = fields.remove("messages").expect("messages").to_string();
    (serde_json::from_str(&messages).expect("a list"), fields)
}
