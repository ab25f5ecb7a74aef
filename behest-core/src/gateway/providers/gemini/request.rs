//! What is asked, as Gemini's request.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::contents::{self, Conversation};
use super::thinking::Family;
use super::{NAME, RULES, schema};
use crate::gateway::providers::translate::ask::{Format, Said, Tool, ToolChoice};
use crate::gateway::providers::translate::rules::{Sorted, sort};
use crate::gateway::providers::translate::{Ask, Message, Part, Rules, Target, TranslateError};

/// The body, and the names of what was left out. `model` and `stream` are the address's.
///
/// # Errors
/// What breaks OpenAI's dialect, and what Gemini has nothing like.
pub fn request(
    messages: &[Box<RawValue>],
    parameters: Map<String, Value>,
    target: &Target<'_>,
) -> Result<(Value, Vec<String>), TranslateError> {
    write(RULES, messages, parameters, target)
}

/// The same by the rules of either service.
///
/// # Errors
/// As for [`request`].
pub fn write(
    rules: Rules,
    messages: &[Box<RawValue>],
    parameters: Map<String, Value>,
    target: &Target<'_>,
) -> Result<(Value, Vec<String>), TranslateError> {
    let mut sorted = sort(NAME, rules, parameters)?;
    let ask = Ask::read(messages, &mut sorted)?;
    let Sorted { passed: mut body, mut dropped, .. } = sorted;
    let family = Family::of(target.model);
    let Conversation { instructions, contents } = contents::write(&ask.messages, family)?;
    body.insert("contents".to_owned(), Value::from(contents));
    if !instructions.is_empty() {
        body.insert("systemInstruction".to_owned(), json!({ "parts": instructions }));
    }
    drop_marks(&ask, &mut dropped);
    let tools = tools(&ask, &mut dropped);
    if !tools.is_empty() {
        body.insert("tools".to_owned(), Value::from(tools));
    }
    if let Some(choice) = ask.tool_choice.as_ref().filter(|_| !ask.tools.is_empty()) {
        body.insert("toolConfig".to_owned(), json!({ "functionCallingConfig": calling(choice) }));
    }
    let config = generation_config(ask, family, &mut dropped)?;
    if !config.is_empty() {
        body.insert("generationConfig".to_owned(), Value::Object(config));
    }
    Ok((Value::Object(body), dropped))
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

fn tools(ask: &Ask, dropped: &mut Vec<String>) -> Vec<Value> {
    let mut tools = Vec::new();
    if !ask.tools.is_empty() {
        let functions: Vec<Value> = ask.tools.iter().map(declaration).collect();
        tools.push(json!({ "functionDeclarations": functions }));
    }
    if let Some(options) = ask.other.get("web_search_options") {
        tools.push(json!({ "googleSearch": {} }));
        if options.as_object().is_some_and(|options| !options.is_empty()) {
            dropped.push("web_search_options".to_owned());
        }
    }
    if ask.tools.iter().any(|tool| tool.strict == Some(true)) {
        dropped.push("strict".to_owned());
    }
    if ask.parallel_tool_calls == Some(false) {
        dropped.push("parallel_tool_calls".to_owned());
    }
    tools
}

fn declaration(tool: &Tool) -> Value {
    let mut function = Map::new();
    function.insert("name".to_owned(), Value::from(&*tool.name));
    if let Some(description) = &tool.description {
        function.insert("description".to_owned(), Value::from(&**description));
    }
    if let Some(parameters) = tool.parameters.clone().filter(|parameters| !schema::is_empty(parameters)) {
        function.insert("parametersJsonSchema".to_owned(), schema::clean(parameters));
    }
    Value::Object(function)
}

/// AUTO takes no names; VALIDATED is AUTO with names.
fn calling(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => json!({ "mode": "AUTO" }),
        ToolChoice::None => json!({ "mode": "NONE" }),
        ToolChoice::Required => json!({ "mode": "ANY" }),
        ToolChoice::Function(name) => json!({ "mode": "ANY", "allowedFunctionNames": [name] }),
        ToolChoice::Allowed { names, required } => {
            let mode = if *required { "ANY" } else { "VALIDATED" };
            json!({ "mode": mode, "allowedFunctionNames": names })
        }
    }
}

/// How long an answer may be and how many there are: limits go by OpenAI's words for it, which Gemini's own may lower
/// and not raise.
fn bound_answers(config: &mut Map<String, Value>, ask: &Ask) {
    let theirs = |config: &Map<String, Value>, name: &str| config.get(name).and_then(Value::as_u64);
    if let Some(bound) = ask.max_tokens {
        let bound = theirs(config, "maxOutputTokens").map_or(bound, |theirs| theirs.min(bound));
        config.insert("maxOutputTokens".to_owned(), Value::from(bound));
    }
    let asked = ask.other.get("n").and_then(Value::as_u64).unwrap_or(1);
    if theirs(config, "candidateCount").is_some_and(|theirs| theirs > asked) {
        config.insert("candidateCount".to_owned(), Value::from(asked));
    }
}

/// What the client said in Gemini's own words stands; the rest is added.
fn generation_config(
    mut ask: Ask,
    family: Family,
    dropped: &mut Vec<String>,
) -> Result<Map<String, Value>, TranslateError> {
    let mut config = match ask.other.remove("generationConfig") {
        None => Map::new(),
        Some(Value::Object(config)) => config,
        Some(_) => return Err(TranslateError::malformed("generationConfig", "must be an object")),
    };
    bound_answers(&mut config, &ask);
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            config.entry(name).or_insert(value);
        }
    };
    set("temperature", ask.temperature.map(Value::Number));
    set("topP", ask.top_p.map(Value::Number));
    set("topK", ask.other.remove("top_k"));
    set("stopSequences", (!ask.stop.is_empty()).then(|| Value::from(ask.stop)));
    let (seed, wide): (Vec<_>, Vec<_>) =
        ask.seed.into_iter().partition(|seed| seed.as_i64().is_some_and(|seed| i32::try_from(seed).is_ok()));
    set("seed", seed.into_iter().next().map(Value::Number));
    dropped.extend(wide.iter().map(|_| "seed".to_owned()));
    // Some models answer 400 to the mere presence of what follows, so nothing is said where nothing is asked.
    let mut asked = |name: &str| {
        let nothing = |value: &Value| value == &Value::Bool(false) || value.as_f64() == Some(0.0);
        ask.other.remove(name).filter(|value| !nothing(value))
    };
    set("candidateCount", asked("n").filter(|count| count != &Value::from(1)));
    set("presencePenalty", asked("presence_penalty"));
    set("frequencyPenalty", asked("frequency_penalty"));
    set("responseLogprobs", asked("logprobs"));
    set("logprobs", asked("top_logprobs"));
    match ask.format {
        None | Some(Format::Text) => {}
        Some(Format::JsonObject) => set("responseMimeType", Some(Value::from("application/json"))),
        Some(Format::JsonSchema { schema, .. }) => {
            set("responseMimeType", Some(Value::from("application/json")));
            set("responseJsonSchema", Some(schema::clean(schema)));
        }
    }
    if let Some(effort) = ask.effort {
        match family.config(effort) {
            Some(thinking) => set("thinkingConfig", Some(thinking)),
            None => dropped.push("reasoning_effort".to_owned()),
        }
    }
    Ok(config)
}
