//! Mistral: OpenAI's dialect with some other names, and a refusal for every field that it does not know. Thoughts are
//! parts of the content; dropping them from a conversation makes its models worse, so they go back where they came from.

mod answer;
mod embeddings;
mod messages;

use serde_json::{Value, json};

use super::{remove, rename, set};
use crate::gateway::body::Fields;
use crate::gateway::providers::translate::Rule::{Dropped, Passed, Refused, Translated};
use crate::gateway::providers::translate::ask::MESSAGE_NAME;
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
    ("logprobs", Passed),
    ("max_completion_tokens", Translated("`max_tokens`")),
    ("max_tokens", Translated("the same; `max_completion_tokens` wins")),
    (
        "messages",
        Translated(
            "the same; `developer` is `system`, `reasoning_content` a `thinking` part, a refusal text, a file a \
             `document_url`, a last turn of the assistant a `prefix`, the id of a call one of Mistral's form; \
             `cache_control` and `name` are dropped, and so is a call's `extra_content`",
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
    ("service_tier", Translated("`auto` is the same, `default` becomes `standard_only`, others are dropped")),
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
    ("top_logprobs", Passed),
    ("top_p", Passed),
    ("user", Dropped),
    ("verbosity", Dropped),
    ("web_search_options", Refused("it does not search in this way; give it a tool that does")),
];

/// What is left out of requests where the rules leave the parameter in.
#[derive(Default)]
pub struct Lost {
    /// A mark for a cache.
    mark: bool,
    /// The name of a speaker.
    name: bool,
    /// A tier of OpenAI's.
    tier: bool,
}

impl Lost {
    /// What is said of it.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let lost = [("service_tier", self.tier), ("cache_control", self.mark), (MESSAGE_NAME, self.name)];
        lost.into_iter().filter(|(_, lost)| *lost).map(|(name, _)| name.to_owned())
    }
}

/// Patches all fields but the messages.
pub fn patch(fields: &mut Fields, lost: &mut Lost) -> Result<(), TranslateError> {
    if let Some(bound) = fields.take("max_completion_tokens").filter(|bound| bound.get() != "null") {
        fields.set("max_tokens", bound);
    }
    rename(fields, "seed", "random_seed");
    fields.take("stream_options");
    patch_tier(fields, lost);
    let mut tools = read(fields, "tools")?;
    for tool in &mut tools {
        lost.mark |= complete(tool);
    }
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
    Ok(())
}

/// Mistral has its own word for one of OpenAI's tiers, and none for the dearer and the cheaper ones.
fn patch_tier(fields: &mut Fields, lost: &mut Lost) {
    let Some(tier) = fields.take("service_tier") else { return };
    match tier.get() {
        "null" => {}
        r#""auto""# | r#""standard_only""# => fields.set("service_tier", tier),
        r#""default""# => set(fields, "service_tier", "standard_only"),
        _ => lost.tier = true,
    }
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
