//! A request in Anthropic's words.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::conversation::Conversation;
use super::model::{Model, Off, Thinking};
use super::{NAME, RULES, blocks, parameters, schema};
use crate::gateway::providers::translate::ask::{Effort, Format, Tool, ToolChoice};
use crate::gateway::providers::translate::{Ask, Target, TranslateError, rules};

/// What Anthropic, which requires a bound, is told when nobody knows one.
const DEFAULT_MAX_TOKENS: u64 = 4096;
/// The least budget of thinking.
const LEAST_BUDGET: u64 = 1024;

/// Writes the request; also gives the names of the parameters that it leaves out.
///
/// # Errors
/// [`TranslateError`] for a request that breaks OpenAI's dialect, or that Anthropic has no words for.
pub fn request(
    messages: &[Box<RawValue>],
    parameters: Map<String, Value>,
    target: &Target<'_>,
) -> Result<(Value, Vec<String>), TranslateError> {
    let mut sorted = rules::sort(NAME, RULES, parameters)?;
    let mut ask = Ask::read(messages, &mut sorted)?;
    let model = Model::of(target.model);
    let mut conversation = Conversation::read(&ask.messages, model)?;
    let mut writer = Writer { body: Map::new(), dropped: sorted.dropped };
    conversation.dropped.iter().for_each(|name| writer.drop(name));

    writer.set("model", target.model);
    let config = ask.other.remove("output_config");
    let mut config = config.and_then(|config| config.as_object().cloned()).unwrap_or_default();
    writer.format(ask.format.take(), model, &mut config, &mut conversation)?;
    let forced = writer.tools(&ask, model, &conversation.called)?;
    let thinks = writer.thinking(&mut ask, target, model, &mut config, &conversation, forced);
    if !config.is_empty() {
        writer.set("output_config", config);
    }
    parameters::sampling(&mut writer, &mut ask, model, thinks);
    parameters::stop(&mut writer, ask.stop);
    parameters::metadata(&mut writer, &mut ask.other);
    parameters::service_tier(&mut writer, ask.other.remove("service_tier"));
    if target.stream {
        writer.set("stream", true);
    }
    if !conversation.system.is_empty() {
        writer.set("system", std::mem::take(&mut conversation.system));
    }
    writer.set("messages", conversation.into_messages());
    for (name, value) in sorted.passed {
        writer.body.entry(name).or_insert(value);
    }
    Ok((Value::Object(writer.body), writer.dropped))
}

/// The body so far, and what is left out of it.
pub(super) struct Writer {
    body: Map<String, Value>,
    dropped: Vec<String>,
}

impl Writer {
    pub(super) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.body.insert(name.to_owned(), value.into());
    }

    pub(super) fn drop(&mut self, name: &str) {
        if !self.dropped.iter().any(|dropped| dropped == name) {
            self.dropped.push(name.to_owned());
        }
    }

    fn format(
        &mut self,
        format: Option<Format>,
        model: Model,
        config: &mut Map<String, Value>,
        conversation: &mut Conversation,
    ) -> Result<(), TranslateError> {
        let instruction = match format {
            None | Some(Format::Text) => return Ok(()),
            Some(Format::JsonSchema { schema, .. }) if model.keeps_to_schemas() => {
                let format = json!({ "type": "json_schema", "schema": schema::enforceable(schema) });
                config.insert("format".to_owned(), format);
                return Ok(());
            }
            Some(Format::JsonSchema { strict: true, .. }) => {
                let reason = "this model cannot keep to a schema; Claude 4.5 and later can";
                return Err(TranslateError::unsupported("response_format", NAME, reason));
            }
            Some(Format::JsonSchema { schema, .. }) => {
                format!("Answer with JSON of this JSON Schema and with nothing else: {schema}")
            }
            Some(Format::JsonObject) => "Answer with one JSON object and with nothing else.".to_owned(),
        };
        conversation.system.push(json!({ "type": "text", "text": instruction }));
        Ok(())
    }

    /// Writes the tools and how they are chosen; says whether one must be called.
    fn tools(&mut self, ask: &Ask, model: Model, called: &[String]) -> Result<bool, TranslateError> {
        if ask.tools.is_empty() {
            self.past_tools(called);
            return match &ask.tool_choice {
                None | Some(ToolChoice::Auto | ToolChoice::None) => Ok(false),
                Some(_) => Err(TranslateError::malformed("tool_choice", "needs `tools`")),
            };
        }
        let (mut choice, forced) = match &ask.tool_choice {
            None | Some(ToolChoice::Auto) => (json!({ "type": "auto" }), false),
            Some(ToolChoice::None) => (json!({ "type": "none" }), false),
            Some(ToolChoice::Required) => (json!({ "type": "any" }), true),
            Some(ToolChoice::Function(name)) => (json!({ "type": "tool", "name": name }), true),
            Some(ToolChoice::Allowed { required: false, .. }) => (json!({ "type": "auto" }), false),
            Some(ToolChoice::Allowed { required: true, .. }) => (json!({ "type": "any" }), true),
        };
        if forced && !model.can_be_forced() {
            let reason =
                "this model cannot be made to call a tool; send `auto`, or `response_format` for JSON";
            return Err(TranslateError::unsupported("tool_choice", NAME, reason));
        }
        let allowed = |tool: &&Tool| match &ask.tool_choice {
            Some(ToolChoice::Allowed { names, .. }) => names.contains(&tool.name),
            _ => true,
        };
        let tools: Value = ask.tools.iter().filter(allowed).map(|tool| write_tool(tool, model)).collect();
        self.set("tools", tools);
        let one_by_one = ask.parallel_tool_calls == Some(false) && choice["type"] != "none";
        if one_by_one {
            choice["disable_parallel_tool_use"] = Value::Bool(true);
        }
        if ask.tool_choice.is_some() || one_by_one {
            self.set("tool_choice", choice);
        }
        Ok(forced)
    }

    /// A conversation with calls in it needs their tools, even where no more may be called.
    fn past_tools(&mut self, called: &[String]) {
        let mut names: Vec<&String> = called.iter().collect();
        names.sort();
        names.dedup();
        if !names.is_empty() {
            let tool = |name| json!({ "name": name, "input_schema": { "type": "object" } });
            self.set("tools", names.into_iter().map(tool).collect::<Value>());
            self.set("tool_choice", json!({ "type": "none" }));
        }
    }

    /// Writes the bound and how the model is to think below it; says whether it thinks.
    fn thinking(
        &mut self,
        ask: &mut Ask,
        target: &Target<'_>,
        model: Model,
        config: &mut Map<String, Value>,
        conversation: &Conversation,
        forced: bool,
    ) -> bool {
        let bound = ask.max_tokens.or(target.max_output);
        let theirs = ask.other.remove("thinking");
        let Some(effort) = ask.effort else {
            self.set("max_tokens", bound.unwrap_or(DEFAULT_MAX_TOKENS));
            let thinks = theirs.as_ref().is_some_and(|thinking| thinking["type"] != "disabled");
            theirs.into_iter().for_each(|thinking| self.set("thinking", thinking));
            return thinks;
        };
        let mut max_tokens = bound.unwrap_or(DEFAULT_MAX_TOKENS);
        let mut thinking = None;
        match (model.thinking(), effort) {
            (Thinking::Never, Effort::None) => {}
            (Thinking::Never, _) => self.drop("reasoning_effort"),
            (_, Effort::None) => match model.off() {
                Off::Unasked => {}
                Off::Type(kind) => thinking = Some(json!({ "type": kind })),
                Off::Never => {
                    // The nearest that it can do.
                    config.entry("effort").or_insert(Value::from(model.effort(effort)));
                    self.drop("reasoning_effort");
                }
            },
            _ if forced && !model.can_be_forced_while_thinking() => self.drop("reasoning_effort"),
            (Thinking::Adaptive, _) => {
                config.entry("effort").or_insert(Value::from(model.effort(effort)));
                // Newer models keep their thoughts to themselves unless asked.
                thinking = Some(json!({ "type": "adaptive", "display": "summarized" }));
            }
            (Thinking::Budget, _) => {
                let wanted = budget(effort);
                let bound = bound.unwrap_or(wanted + DEFAULT_MAX_TOKENS);
                // The budget is part of the bound, and the answer needs some of it, too.
                let for_the_answer = DEFAULT_MAX_TOKENS.min(bound / 2);
                let budget = wanted.min(bound - for_the_answer);
                if budget < LEAST_BUDGET || conversation.goes_on_unthought() {
                    self.drop("reasoning_effort");
                } else {
                    max_tokens = bound;
                    thinking = Some(json!({ "type": "enabled", "budget_tokens": budget }));
                }
            }
        }
        self.set("max_tokens", max_tokens);
        let thinking = theirs.or(thinking);
        let thinks = thinking.as_ref().is_some_and(|thinking| thinking["type"] != "disabled");
        thinking.into_iter().for_each(|thinking| self.set("thinking", thinking));
        thinks
    }
}

fn budget(effort: Effort) -> u64 {
    match effort {
        Effort::None | Effort::Minimal => LEAST_BUDGET,
        Effort::Low => 4096,
        Effort::Medium => 8192,
        Effort::High => 16_384,
        Effort::Highest => 32_768,
    }
}

fn write_tool(tool: &Tool, model: Model) -> Value {
    let strict = tool.strict == Some(true) && model.keeps_to_schemas();
    let mut input = match tool.parameters.clone() {
        Some(Value::Object(parameters)) => parameters,
        _ => Map::from_iter([("properties".to_owned(), json!({}))]),
    };
    input.entry("type").or_insert(Value::from("object"));
    let input = Value::Object(input);
    let mut written = json!({ "name": tool.name });
    if let Some(description) = &tool.description {
        written["description"] = Value::from(&**description);
    }
    written["input_schema"] = if strict { schema::enforceable(input) } else { input };
    if strict {
        written["strict"] = Value::Bool(true);
    }
    blocks::marked(written, tool.cache_control.clone())
}
