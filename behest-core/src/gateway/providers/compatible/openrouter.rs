//! OpenRouter: one key to many providers. It leaves out itself what a model does not know, unless
//! `provider.require_parameters` says otherwise, and takes `reasoning_details` back as it gave them.

use bytes::Bytes;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::{remove, said, set};
use crate::gateway::body::Fields;
use crate::gateway::providers::translate::Rule::{Passed, Translated};
use crate::gateway::providers::translate::Rules;

/// What becomes of each parameter.
pub const RULES: Rules = &[
    ("audio", Passed),
    ("frequency_penalty", Passed),
    ("function_call", Passed),
    ("functions", Passed),
    ("logit_bias", Passed),
    ("logprobs", Passed),
    ("max_completion_tokens", Passed),
    ("max_tokens", Passed),
    (
        "messages",
        Translated(
            "the same; `reasoning_content` is `reasoning`; `reasoning_details` of others' forms, and `extra_content` of \
             calls, are left out",
        ),
    ),
    ("metadata", Passed),
    ("min_p", Passed),
    ("modalities", Passed),
    ("model", Translated("the same, as `author/model`")),
    ("models", Passed),
    ("n", Passed),
    ("parallel_tool_calls", Passed),
    ("plugins", Passed),
    ("prediction", Passed),
    ("presence_penalty", Passed),
    ("prompt_cache_key", Passed),
    ("prompt_cache_retention", Passed),
    ("provider", Passed),
    ("reasoning", Passed),
    ("reasoning_effort", Translated("`reasoning.effort`, unless `reasoning` is there")),
    ("repetition_penalty", Passed),
    ("response_format", Passed),
    ("route", Passed),
    ("safety_identifier", Passed),
    ("seed", Passed),
    ("service_tier", Passed),
    ("stop", Passed),
    ("store", Passed),
    ("stream", Passed),
    ("stream_options", Translated("the same, with `include_usage`")),
    ("temperature", Passed),
    ("tool_choice", Passed),
    ("tools", Passed),
    ("top_a", Passed),
    ("top_k", Passed),
    ("top_logprobs", Passed),
    ("top_p", Passed),
    ("transforms", Passed),
    ("usage", Translated("left out: it comes in any case")),
    ("user", Passed),
    ("verbosity", Passed),
    ("web_search_options", Passed),
];

/// What becomes of each parameter of a request for embeddings.
pub const EMBEDDINGS_RULES: Rules = &[
    ("dimensions", Passed),
    ("encoding_format", Passed),
    ("input", Passed),
    ("input_type", Passed),
    ("model", Translated("the same, as `author/model`")),
    ("provider", Passed),
    ("user", Passed),
];

pub fn patch(fields: &mut Fields) {
    let effort = fields.take("reasoning_effort").filter(|effort| effort.get() != "null");
    if let Some(effort) = effort.filter(|_| fields.get("reasoning").is_none()) {
        set(fields, "reasoning", &serde_json::json!({ "effort": effort }));
    }
    fields.take("usage");
}

/// Thoughts go back by OpenRouter's own name for them. What another provider gave in a form of its own, details or a
/// call's signature, is none of OpenRouter's, which refuses it.
pub fn messages(messages: &[Box<RawValue>]) -> Vec<Box<RawValue>> {
    messages.iter().map(|message| translate(message).unwrap_or_else(|| message.clone())).collect()
}

fn translate(message: &RawValue) -> Option<Box<RawValue>> {
    let holds = |name: &str| memchr::memmem::find(message.get().as_bytes(), name.as_bytes()).is_some();
    if !holds("\"reasoning_") && !holds("\"extra_content\"") {
        return None;
    }
    let mut message: Map<String, Value> = serde_json::from_str(message.get()).ok()?;
    if let Some(thoughts) = message.shift_remove("reasoning_content") {
        message.entry("reasoning").or_insert(thoughts);
    }
    if let Some(Value::Array(details)) = message.get_mut("reasoning_details") {
        details.retain(|detail| detail["type"].as_str().is_some_and(|kind| kind.starts_with("reasoning.")));
    }
    for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
        remove(call, "extra_content");
    }
    to_raw_value(&message).ok()
}

/// Thoughts come as `reasoning`; they are given by the name that others have for them as well.
pub fn mend(answer: &[u8]) -> Option<Bytes> {
    memchr::memmem::find(answer, b"\"reasoning\"")?;
    let mut answer: Value = serde_json::from_slice(answer).ok()?;
    let mut mended = false;
    for message in said(&mut answer) {
        if let Some(Value::String(thoughts)) = message.get("reasoning").cloned()
            && !message.contains_key("reasoning_content")
        {
            message.insert("reasoning_content".to_owned(), Value::from(thoughts));
            mended = true;
        }
    }
    mended.then(|| Bytes::from(answer.to_string()))
}
