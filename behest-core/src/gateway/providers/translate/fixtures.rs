//! One request for each thing that a request can hold. Every provider's tests translate all of them.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

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

/// A request's messages and all its other fields, `model` and `stream` among them.
pub fn split(request: &str) -> (Vec<Box<RawValue>>, Map<String, Value>) {
    let mut fields: Map<String, Value> = serde_json::from_str(request).expect("a request");
    let messages = fields.remove("messages").expect("messages").to_string();
    (serde_json::from_str(&messages).expect("a list"), fields)
}
