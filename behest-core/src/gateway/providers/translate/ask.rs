//! What a chat request asks, read from OpenAI's dialect once for all the others.

use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use super::parts::Part;
use super::rules::Sorted;
use super::{TranslateError, text_of};

/// What a provider's request needs to know beside what is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'t> {
    /// The model, by the provider's name for it.
    pub model: &'t str,
    /// How many tokens its answer may have, where that is known.
    pub max_output: Option<u64>,
    /// Whether the answer is streamed.
    pub stream: bool,
}

/// A request in our own words.
#[derive(Debug, Default, PartialEq)]
pub struct Ask {
    /// The conversation, instructions included, in its order.
    pub messages: Vec<Message>,
    /// What the model may call.
    pub tools: Vec<Tool>,
    /// Whether it may, or must.
    pub tool_choice: Option<ToolChoice>,
    /// Whether it may call several at once.
    pub parallel_tool_calls: Option<bool>,
    /// The form of the answer.
    pub format: Option<Format>,
    /// How many tokens the answer may have: `max_completion_tokens`, else `max_tokens`.
    pub max_tokens: Option<u64>,
    /// Randomness, 0 to 2.
    pub temperature: Option<Number>,
    /// Nucleus sampling.
    pub top_p: Option<Number>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// For answers that can be repeated.
    pub seed: Option<Number>,
    /// How much to think first.
    pub effort: Option<Effort>,
    /// Every other parameter that the provider translates itself.
    pub other: Map<String, Value>,
}

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// `system` or `developer`: an instruction.
    System(Vec<Part>),
    /// The end user.
    User(Vec<Part>),
    /// The model.
    Assistant(Said),
    /// The result of a call.
    Tool {
        /// Which call.
        id: String,
        /// What came of it.
        parts: Vec<Part>,
    },
}

/// What the model said before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Said {
    /// Its words.
    pub parts: Vec<Part>,
    /// Its thoughts, from `reasoning_content`.
    pub reasoning: Option<String>,
    /// Thoughts in the provider's own form, from `reasoning_details`: some providers want them back unchanged.
    pub reasoning_details: Vec<Value>,
    /// What it wanted called.
    pub calls: Vec<Call>,
}

/// One call of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its id.
    pub id: String,
    /// The tool.
    pub name: String,
    /// JSON text.
    pub arguments: String,
    /// Gemini's signature of the thought behind it, from `extra_content.google.thought_signature`, where Google's own
    /// OpenAI-compatible service puts it.
    pub signature: Option<String>,
}

/// A function that the model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// The JSON Schema of its arguments.
    pub parameters: Option<Value>,
    /// Whether the arguments keep to it exactly.
    pub strict: Option<bool>,
    /// See [`Part::cache_control`].
    pub cache_control: Option<Value>,
}

/// Whether the model calls tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// As it likes.
    Auto,
    /// Not at all.
    None,
    /// At least one.
    Required,
    /// This one.
    Function(String),
    /// One of these: `allowed_tools`.
    Allowed {
        /// By name.
        names: Vec<String>,
        /// Whether it must.
        required: bool,
    },
}

/// The form of the answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Format {
    /// Plain text.
    Text,
    /// Some JSON object.
    JsonObject,
    /// JSON of this schema.
    JsonSchema {
        /// Its name.
        name: Option<String>,
        /// The JSON Schema.
        schema: Value,
        /// Whether the answer keeps to it exactly.
        strict: bool,
    },
}

/// How much to think first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Not at all.
    None,
    /// As little as possible.
    Minimal,
    /// A little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// As much as possible.
    Highest,
}

impl Ask {
    /// Reads the conversation and what the provider's rules left to translate.
    ///
    /// # Errors
    /// [`TranslateError::Malformed`] names the field that breaks OpenAI's dialect.
    pub fn read(messages: &[Box<RawValue>], sorted: &mut Sorted) -> Result<Self, TranslateError> {
        let mut asked = std::mem::take(&mut sorted.asked);
        let mut named = false;
        let read = |(index, message): (usize, &RawValue)| read_message(message, index, &mut named);
        let messages = messages.iter().map(AsRef::as_ref).enumerate().map(read).collect::<Result<_, _>>()?;
        if named {
            sorted.dropped.push(MESSAGE_NAME.to_owned());
        }
        let max_tokens = (asked.remove("max_completion_tokens"), asked.remove("max_tokens"));
        Ok(Self {
            messages,
            tools: read_tools(asked.remove("tools"))?,
            tool_choice: asked.remove("tool_choice").map(|value| read_choice(&value)).transpose()?,
            parallel_tool_calls: asked.remove("parallel_tool_calls").and_then(|value| value.as_bool()),
            format: asked.remove("response_format").map(read_format).transpose()?,
            max_tokens: max_tokens.0.or(max_tokens.1).and_then(|value| value.as_u64()),
            temperature: number(&mut asked, "temperature")?,
            top_p: number(&mut asked, "top_p")?,
            stop: read_stop(asked.remove("stop"))?,
            seed: number(&mut asked, "seed")?,
            effort: asked.remove("reasoning_effort").map(|value| read_effort(&value)).transpose()?,
            other: asked,
        })
    }
}

fn number(asked: &mut Map<String, Value>, name: &'static str) -> Result<Option<Number>, TranslateError> {
    match asked.remove(name) {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(Some(number)),
        Some(_) => Err(TranslateError::malformed(name, "must be a number")),
    }
}

/// Who among several speakers said it: only OpenAI's dialect has a word for that. Said in what is dropped, since putting it
/// into the text would change the text.
pub const MESSAGE_NAME: &str = "messages.name";

fn read_message(message: &RawValue, index: usize, named: &mut bool) -> Result<Message, TranslateError> {
    let place = format!("messages[{index}]");
    let malformed = |problem| TranslateError::malformed(&*place, problem);
    let message: Map<String, Value> =
        serde_json::from_str(message.get()).map_err(|_| malformed("must be an object"))?;
    let mut parts = Part::read_all(message.get("content"), &format!("{place}.content"))?;
    // A mark may stand on the message instead of on a part of it.
    if let (Some(mark), Some(last)) = (message.get("cache_control"), parts.last_mut()) {
        last.cache_control.get_or_insert_with(|| mark.clone());
    }
    let role = text_of(message.get("role"));
    *named |= text_of(message.get("name")).is_some() && !matches!(role, Some("tool" | "function"));
    match role {
        Some("system" | "developer") => Ok(Message::System(parts)),
        Some("user") => Ok(Message::User(parts)),
        Some("assistant") => {
            if let Some(refusal) = text_of(message.get("refusal")) {
                parts.push(Part {
                    kind: super::parts::PartKind::Refusal(refusal.to_owned()),
                    cache_control: None,
                });
            }
            Ok(Message::Assistant(Said {
                parts,
                reasoning: text_of(message.get("reasoning_content")).map(str::to_owned),
                reasoning_details: message
                    .get("reasoning_details")
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default(),
                calls: read_calls(message.get("tool_calls"), &place)?,
            }))
        }
        Some("tool" | "function") => {
            let id = text_of(message.get("tool_call_id")).or_else(|| text_of(message.get("name")));
            let id = id.ok_or_else(|| malformed("has no `tool_call_id`"))?;
            Ok(Message::Tool { id: id.to_owned(), parts })
        }
        _ => Err(malformed("has a `role` that is none of system, developer, user, assistant and tool")),
    }
}

fn read_calls(calls: Option<&Value>, place: &str) -> Result<Vec<Call>, TranslateError> {
    let Some(calls) = calls.filter(|calls| !calls.is_null()) else { return Ok(Vec::new()) };
    let malformed =
        || TranslateError::malformed(format!("{place}.tool_calls"), "must be a list of function calls");
    let read = |call: &Value| {
        let function = call.get("function").ok_or_else(malformed)?;
        let text = |value| text_of(value).map(str::to_owned).ok_or_else(malformed);
        Ok(Call {
            id: text(call.get("id"))?,
            name: text(function.get("name"))?,
            arguments: text_of(function.get("arguments")).unwrap_or("{}").to_owned(),
            signature: text_of(call.pointer("/extra_content/google/thought_signature")).map(str::to_owned),
        })
    };
    calls.as_array().ok_or_else(malformed)?.iter().map(read).collect()
}

fn read_tools(tools: Option<Value>) -> Result<Vec<Tool>, TranslateError> {
    let Some(tools) = tools else { return Ok(Vec::new()) };
    let malformed = || TranslateError::malformed("tools", "must be a list of functions");
    let read = |tool: &Value| {
        let function = tool.get("function").filter(|_| text_of(tool.get("type")) == Some("function"));
        let function = function.ok_or_else(malformed)?;
        Ok(Tool {
            name: text_of(function.get("name")).ok_or_else(malformed)?.to_owned(),
            description: text_of(function.get("description")).map(str::to_owned),
            parameters: function.get("parameters").filter(|schema| !schema.is_null()).cloned(),
            strict: function.get("strict").and_then(Value::as_bool),
            cache_control: tool.get("cache_control").or_else(|| function.get("cache_control")).cloned(),
        })
    };
    tools.as_array().ok_or_else(malformed)?.iter().map(read).collect()
}

fn read_choice(choice: &Value) -> Result<ToolChoice, TranslateError> {
    let malformed = || {
        TranslateError::malformed("tool_choice", "must be auto, none, required, a function, or allowed_tools")
    };
    let name =
        |tool: &Value| text_of(tool.pointer("/function/name")).map(str::to_owned).ok_or_else(malformed);
    match (choice.as_str(), text_of(choice.get("type"))) {
        (Some("auto"), _) => Ok(ToolChoice::Auto),
        (Some("none"), _) => Ok(ToolChoice::None),
        (Some("required" | "any"), _) => Ok(ToolChoice::Required),
        (None, Some("function")) => name(choice).map(ToolChoice::Function),
        (None, Some("allowed_tools")) => {
            let allowed = choice.get("allowed_tools").ok_or_else(malformed)?;
            let tools = allowed.get("tools").and_then(Value::as_array).ok_or_else(malformed)?;
            Ok(ToolChoice::Allowed {
                names: tools.iter().map(name).collect::<Result<_, _>>()?,
                required: text_of(allowed.get("mode")) == Some("required"),
            })
        }
        _ => Err(malformed()),
    }
}

fn read_format(format: Value) -> Result<Format, TranslateError> {
    let malformed = || {
        TranslateError::malformed(
            "response_format",
            "must be text, json_object, or json_schema with a schema",
        )
    };
    match text_of(format.get("type")) {
        Some("text") => Ok(Format::Text),
        Some("json_object") => Ok(Format::JsonObject),
        Some("json_schema") => {
            let inner = format.get("json_schema").ok_or_else(malformed)?;
            Ok(Format::JsonSchema {
                name: text_of(inner.get("name")).map(str::to_owned),
                schema: inner.get("schema").cloned().ok_or_else(malformed)?,
                strict: inner.get("strict").and_then(Value::as_bool).unwrap_or(false),
            })
        }
        _ => Err(malformed()),
    }
}

fn read_stop(stop: Option<Value>) -> Result<Vec<String>, TranslateError> {
    let malformed = || TranslateError::malformed("stop", "must be text or a list of texts");
    match stop {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![text]),
        Some(Value::Array(texts)) => {
            texts.iter().map(|text| text.as_str().map(str::to_owned).ok_or_else(malformed)).collect()
        }
        Some(_) => Err(malformed()),
    }
}

fn read_effort(effort: &Value) -> Result<Effort, TranslateError> {
    match effort.as_str() {
        Some("none") => Ok(Effort::None),
        Some("minimal") => Ok(Effort::Minimal),
        Some("low") => Ok(Effort::Low),
        Some("medium") => Ok(Effort::Medium),
        Some("high") => Ok(Effort::High),
        Some("xhigh" | "max") => Ok(Effort::Highest),
        _ => Err(TranslateError::malformed(
            "reasoning_effort",
            "must be none, minimal, low, medium, high or xhigh",
        )),
    }
}
