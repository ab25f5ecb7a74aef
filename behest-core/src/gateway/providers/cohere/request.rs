//! What is asked, as Cohere's request.

use serde_json::value::RawValue;
use serde_json::{Map, Number, Value, json};

use super::messages::{self, Conversation};
use super::{NAME, RULES};
use crate::gateway::providers::translate::ask::{Effort, Format, Said, Tool, ToolChoice};
use crate::gateway::providers::translate::rules::{Sorted, sort};
use crate::gateway::providers::translate::{Ask, Message, Part, Target, TranslateError};

/// The body, and the names of what was left out.
///
/// # Errors
/// What breaks OpenAI's dialect, and what Cohere has nothing like.
pub fn request(
    messages: &[Box<RawValue>],
    parameters: Map<String, Value>,
    target: &Target<'_>,
) -> Result<(Value, Vec<String>), TranslateError> {
    let mut sorted = sort(NAME, RULES, parameters)?;
    let mut ask = Ask::read(messages, &mut sorted)?;
    let Sorted { passed, mut dropped, .. } = sorted;
    let Conversation { messages, documents } = messages::write(&ask.messages)?;
    let documents = all_documents(ask.other.remove("documents"), documents)?;
    drop_marks(&ask, &mut dropped);

    let mut body = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    set("model", Some(Value::from(target.model)));
    set("stream", Some(Value::from(target.stream)));
    set("messages", Some(Value::from(messages)));
    set("documents", (!documents.is_empty()).then(|| Value::from(documents)));

    let (tools, choice) = callable(std::mem::take(&mut ask.tools), ask.tool_choice.take())?;
    let strict = tools.iter().any(|tool| tool.strict == Some(true));
    set("tools", (!tools.is_empty()).then(|| tools.into_iter().map(tool).collect()));
    set("strict_tools", strict.then_some(Value::Bool(true)));
    set("tool_choice", choice.map(Value::from));
    if ask.parallel_tool_calls == Some(false) {
        dropped.push("parallel_tool_calls".to_owned());
    }

    set("response_format", ask.format.map(response_format));
    set("thinking", ask.effort.map(|effort| thinking(effort, ask.max_tokens.or(target.max_output))));
    set("max_tokens", ask.max_tokens.map(Value::from));
    set("stop_sequences", (!ask.stop.is_empty()).then(|| Value::from(ask.stop)));
    set("temperature", ask.temperature.map(Value::Number));
    set("p", ask.top_p.map(|number| within(number, 0.01, 0.99)));
    set("k", ask.other.remove("top_k"));
    set("seed", ask.seed.map(Value::Number));
    for name in ["frequency_penalty", "presence_penalty"] {
        match ask.other.remove(name) {
            None => {}
            Some(Value::Number(number)) if number.as_f64().is_some_and(|number| number < 0.0) => {
                dropped.push(name.to_owned());
            }
            Some(Value::Number(number)) => set(name, Some(within(number, 0.0, 1.0))),
            Some(_) => return Err(TranslateError::malformed(name, "must be a number")),
        }
    }
    body.extend(passed);
    Ok((Value::Object(body), dropped))
}

/// A number that is out of bounds becomes the bound; one within stays as it was written.
fn within(number: Number, least: f64, most: f64) -> Value {
    match number.as_f64() {
        Some(value) if value < least => Value::from(least),
        Some(value) if value > most => Value::from(most),
        _ => Value::Number(number),
    }
}

fn all_documents(given: Option<Value>, found: Vec<Value>) -> Result<Vec<Value>, TranslateError> {
    let mut documents = match given {
        None => Vec::new(),
        Some(Value::Array(documents)) => documents,
        Some(_) => return Err(TranslateError::malformed("documents", "must be a list")),
    };
    documents.extend(found);
    Ok(documents)
}

fn drop_marks(ask: &Ask, dropped: &mut Vec<String>) {
    let marked = |part: &Part| part.cache_control.is_some();
    let in_messages = ask.messages.iter().any(|message| match message {
        Message::System(parts)
        | Message::User(parts)
        | Message::Tool { parts, .. }
        | Message::Assistant(Said { parts, .. }) => parts.iter().any(marked),
    });
    if in_messages || ask.tools.iter().any(|tool| tool.cache_control.is_some()) {
        dropped.push("cache_control".to_owned());
    }
}

/// The tools that may be called, and Cohere's word for whether they must. It cannot name one of them, so the others are
/// left out.
fn callable(
    mut tools: Vec<Tool>,
    choice: Option<ToolChoice>,
) -> Result<(Vec<Tool>, Option<&'static str>), TranslateError> {
    let (names, required) = match choice {
        None | Some(ToolChoice::Auto) => return Ok((tools, None)),
        Some(ToolChoice::None) => return Ok((tools, Some("NONE"))),
        Some(ToolChoice::Required) => return Ok((tools, Some("REQUIRED"))),
        Some(ToolChoice::Function(name)) => (vec![name], true),
        Some(ToolChoice::Allowed { names, required }) => (names, required),
    };
    if names.iter().any(|name| tools.iter().all(|tool| tool.name != *name)) {
        return Err(TranslateError::malformed("tool_choice", "names a function that is not in `tools`"));
    }
    tools.retain(|tool| names.contains(&tool.name));
    Ok((tools, required.then_some("REQUIRED")))
}

fn tool(tool: Tool) -> Value {
    let mut function = Map::new();
    function.insert("name".to_owned(), Value::from(tool.name));
    if let Some(description) = tool.description {
        function.insert("description".to_owned(), Value::from(description));
    }
    // Cohere wants them even of a function that takes nothing.
    let parameters = tool.parameters.unwrap_or_else(|| json!({ "type": "object", "properties": {} }));
    function.insert("parameters".to_owned(), parameters);
    json!({ "type": "function", "function": function })
}

fn response_format(format: Format) -> Value {
    match format {
        Format::Text => json!({ "type": "text" }),
        Format::JsonObject => json!({ "type": "json_object" }),
        Format::JsonSchema { schema, .. } => json!({ "type": "json_object", "json_schema": schema }),
    }
}

/// Cohere counts thoughts into `limit`, the bound of the whole answer, and advises to think without a budget, or to leave
/// a good part of the bound to the words.
fn thinking(effort: Effort, limit: Option<u64>) -> Value {
    let budget: u64 = match effort {
        Effort::None => return json!({ "type": "disabled" }),
        Effort::High | Effort::Highest => return json!({ "type": "enabled" }),
        Effort::Minimal => 512,
        Effort::Low => 2048,
        Effort::Medium => 8192,
    };
    let half = limit.map_or(budget, |limit| limit / 2);
    json!({ "type": "enabled", "token_budget": budget.min(half).max(1) })
}
