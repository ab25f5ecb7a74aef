//! Mistral: OpenAI's dialect with some other names, and a refusal for every field that it does not know. Thoughts are
//! parts of the content; dropping them from a conversation makes its models worse, so they go back where they came from.

mod answer;
mod embeddings;
mod messages;

use serde_json::{Value, json};

use super::{rename, set};
use crate::gateway::body::Fields;
use crate::gateway::providers::translate::Rule::{Dropped, Passed, Refused, Translated};
use crate::gateway::providers::translate::{Rules, TranslateError};

pub use answer::mend;
pub use embeddings::{RULES as EMBEDDINGS_RULES, patch as patch_embeddings};
pub use messages::messages;

/// What becomes of each parameter.
pub const RULES: Rules = &[
    ("audio", Refused("only text comes back; leave it out")),
    ("frequency_penalty", Passed),
    ("function_call", Refused("OpenAI has replaced it; send `tool_choice`")),
    ("functions", Refused("OpenAI has replaced it; send `tools`")),
    ("guardrails", Passed),
    ("logit_bias", Dropped),
    ("logprobs", Dropped),
    ("max_completion_tokens", Translated("`max_tokens`")),
    ("max_tokens", Translated("the same; `max_completion_tokens` wins")),
    (
        "messages",
        Translated(
            "the same; `developer` is `system`, `reasoning_content` a `thinking` part, a refusal text, a file a \
             `document_url`, a last turn of the assistant a `prefix`, the id of a call one of Mistral's form; \
             `cache_control` and `name` are dropped",
        ),
    ),
    ("metadata", Passed),
    ("modalities", Refused("only text comes back; leave it out")),
    ("model", Translated("the same")),
    ("n", Passed),
    ("parallel_tool_calls", Passed),
    ("prediction", Passed),
    ("presence_penalty", Passed),
    ("prompt_cache_key", Passed),
    ("prompt_cache_retention", Dropped),
    ("prompt_mode", Passed),
    ("random_seed", Passed),
    ("reasoning_effort", Passed),
    ("response_format", Passed),
    ("safe_prompt", Passed),
    ("safety_identifier", Dropped),
    ("seed", Translated("`random_seed`")),
    ("service_tier", Dropped),
    ("stop", Passed),
    ("store", Dropped),
    ("stream", Passed),
    ("stream_options", Translated("left out: the last chunk has the usage in any case")),
    ("temperature", Passed),
    (
        "tool_choice",
        Translated(
            "the same, with `any` for `required`; of tools that are not among the allowed ones none is sent",
        ),
    ),
    ("tools", Translated("the same; `cache_control` is dropped")),
    ("top_logprobs", Dropped),
    ("top_p", Passed),
    ("user", Dropped),
    ("verbosity", Dropped),
    ("web_search_options", Refused("it does not search in this way; give it a tool that does")),
];

/// Patches all fields but the messages; says whether a mark for a cache was among them.
pub fn patch(fields: &mut Fields) -> Result<bool, TranslateError> {
    if let Some(bound) = fields.take("max_completion_tokens").filter(|bound| bound.get() != "null") {
        fields.set("max_tokens", bound);
    }
    rename(fields, "seed", "random_seed");
    fields.take("stream_options");
    let mut tools = read(fields, "tools")?;
    // Every tool is completed, so nothing may stop at the first.
    let marked = tools.iter_mut().filter_map(|tool| complete(tool).then_some(())).count() > 0;
    match read_choice(fields) {
        Value::String(word) if word == "required" => set(fields, "tool_choice", "any"),
        choice if choice["type"] == "allowed_tools" => {
            allow(&mut tools, &choice["allowed_tools"])?;
            let must = choice["allowed_tools"]["mode"] == "required";
            set(fields, "tool_choice", if must { "any" } else { "auto" });
        }
        _ => {}
    }
    if tools.is_empty() {
        fields.take("tools");
    } else {
        set(fields, "tools", &tools);
    }
    Ok(marked)
}

fn read(fields: &Fields, name: &str) -> Result<Vec<Value>, TranslateError> {
    let tools = fields.get(name).map_or(Ok(None), |raw| serde_json::from_str(raw.get()));
    Ok(tools.map_err(|_| TranslateError::malformed(name, "must be a list"))?.unwrap_or_default())
}

fn read_choice(fields: &Fields) -> Value {
    fields.get("tool_choice").and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// Mistral wants parameters even of a function that takes nothing. Says whether the tool had a mark for a cache.
fn complete(tool: &mut Value) -> bool {
    let mut marked = remove(tool, "cache_control");
    if let Some(function) = tool.get_mut("function") {
        marked |= remove(function, "cache_control");
        if let Some(function) =
            function.as_object_mut().filter(|function| !function.contains_key("parameters"))
        {
            function.insert("parameters".to_owned(), json!({ "type": "object", "properties": {} }));
        }
    }
    marked
}

/// Takes a field out of an object, and says whether it was there.
fn remove(object: &mut Value, name: &str) -> bool {
    object.as_object_mut().is_some_and(|object| object.shift_remove(name).is_some())
}

/// Leaves the tools out that are not allowed: Mistral has no word for it.
fn allow(tools: &mut Vec<Value>, allowed: &Value) -> Result<(), TranslateError> {
    let name = |tool: &Value| tool.pointer("/function/name").cloned();
    let names: Vec<Option<Value>> = allowed["tools"].as_array().into_iter().flatten().map(name).collect();
    let known = |wanted: &Option<Value>| wanted.is_some() && tools.iter().any(|tool| name(tool) == *wanted);
    if names.is_empty() || !names.iter().all(known) {
        return Err(TranslateError::malformed("tool_choice", "must name tools that are in `tools`"));
    }
    tools.retain(|tool| names.contains(&name(tool)));
    Ok(())
}
