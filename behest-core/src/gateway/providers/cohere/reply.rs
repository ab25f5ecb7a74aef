//! A whole answer as events, and what its parts and those of a stream have in common.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::gateway::ledger::record::Tokens;
use crate::gateway::providers::ProviderError;
use crate::gateway::providers::complaint::{self, MAX_TOKENS};
use crate::gateway::providers::translate::{Event, Finish};

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    message: Option<Said>,
    #[serde(default)]
    finish_reason: Option<String>,
    #[serde(default)]
    usage: Option<Value>,
    #[serde(default)]
    logprobs: Option<Vec<Value>>,
}

/// An answer's message; an error has words in its place.
#[derive(Deserialize)]
#[serde(untagged)]
enum Said {
    Error(String),
    Answer(Box<Message>),
}

/// A message, or what an event of a stream adds to one: there, a list may be a single thing.
#[derive(Default, Deserialize)]
pub struct Message {
    #[serde(default)]
    pub content: Option<OneOrMany<Block>>,
    #[serde(default)]
    pub tool_plan: Option<String>,
    #[serde(default)]
    pub tool_calls: Option<OneOrMany<Call>>,
    #[serde(default)]
    pub citations: Option<OneOrMany<Value>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

/// Words or thoughts.
#[derive(Deserialize)]
pub struct Block {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
}

#[derive(Deserialize)]
pub struct Call {
    #[serde(default)]
    pub id: Option<String>,
    #[serde(default)]
    pub function: Option<Function>,
}

#[derive(Deserialize)]
pub struct Function {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub arguments: Option<String>,
}

/// Reads a whole answer.
///
/// # Errors
/// [`ProviderError::InStream`] for an error in an answer's place, [`ProviderError::Garbage`] for what is no answer.
pub fn reply(body: &[u8]) -> Result<Vec<Event>, ProviderError> {
    let reply: Reply =
        serde_json::from_slice(body).map_err(|_| ProviderError::Garbage("it is not a chat answer"))?;
    let message = match reply.message {
        Some(Said::Answer(message)) => message,
        Some(Said::Error(words)) => return Err(failure(Some(&words))),
        None => return Err(ProviderError::Garbage("it has no message")),
    };
    let finish = finish(reply.finish_reason.as_deref(), None)?;
    let mut events = vec![Event::Start { id: reply.id, model: None }];
    events.extend(message.content.into_iter().flatten().filter_map(said));
    events.extend(plan(message.tool_plan));
    for (index, call) in (0..).zip(message.tool_calls.into_iter().flatten()) {
        events.extend(begun(index, call)?);
    }
    events.extend(message.citations.into_iter().flatten().filter_map(citation));
    events.extend(logprobs(reply.logprobs.unwrap_or_default()));
    events.extend(tokens(reply.usage.as_ref()).map(Event::Usage));
    events.extend(finish.map(|reason| Event::Finish { choice: 0, reason }));
    Ok(events)
}

/// An empty piece says nothing.
pub fn said(block: Block) -> Option<Event> {
    let filled = |text: &String| !text.is_empty();
    match (block.text.filter(filled), block.thinking.filter(filled)) {
        (Some(text), _) => Some(Event::Text { choice: 0, text }),
        (None, Some(text)) => Some(Event::Reasoning { choice: 0, text }),
        (None, None) => None,
    }
}

/// What the model means to do with its tools, before it calls them.
pub fn plan(plan: Option<String>) -> Option<Event> {
    plan.filter(|plan| !plan.is_empty()).map(|text| Event::Reasoning { choice: 0, text })
}

/// The events of a call that begins, with as much of its arguments as there is.
pub fn begun(index: u32, call: Call) -> Result<Vec<Event>, ProviderError> {
    let function = call.function.unwrap_or(Function { name: None, arguments: None });
    let (Some(id), Some(name)) = (call.id, function.name) else {
        return Err(ProviderError::Garbage("a call has no id or no name"));
    };
    let mut events = vec![Event::Call { choice: 0, index, id, name, signature: None }];
    events.extend(arguments(index, function.arguments));
    Ok(events)
}

pub fn arguments(index: u32, text: Option<String>) -> Option<Event> {
    text.filter(|text| !text.is_empty()).map(|text| Event::Arguments { choice: 0, index, text })
}

pub fn citation(citation: Value) -> Option<Event> {
    citation.is_object().then_some(Event::Citation { choice: 0, citation })
}

/// Cohere gives a piece of text with the probabilities of the tokens in it, mostly one; that of the piece is their
/// product.
pub fn logprobs(items: Vec<Value>) -> Option<Event> {
    let entry = |item: Value| {
        let text = item.get("text")?.as_str()?;
        let logprob: f64 = item.get("logprobs")?.as_array()?.iter().filter_map(Value::as_f64).sum();
        let bytes = text.as_bytes();
        Some(json!({ "token": text, "logprob": logprob, "bytes": bytes, "top_logprobs": [] }))
    };
    let tokens: Vec<Value> = items.into_iter().filter_map(entry).collect();
    (!tokens.is_empty()).then_some(Event::Logprobs { choice: 0, tokens })
}

/// Why the answer ends; `error` is what Cohere says beside it.
///
/// # Errors
/// [`ProviderError::InStream`] when it failed.
pub fn finish(reason: Option<&str>, error: Option<&str>) -> Result<Option<Finish>, ProviderError> {
    Ok(Some(match reason {
        Some("COMPLETE" | "STOP_SEQUENCE") => Finish::Stop,
        // A bound of time is one, too: the answer is not whole, and the client is to know.
        Some("MAX_TOKENS" | "TIMEOUT") => Finish::Length,
        Some("TOOL_CALL") => Finish::ToolCalls,
        Some("ERROR") => return Err(failure(error)),
        Some(other) => Finish::Other(other.to_ascii_lowercase()),
        None if error.is_some() => return Err(failure(error)),
        None => return Ok(None),
    }))
}

/// An answer that failed, in Cohere's words.
pub fn failure(words: Option<&str>) -> ProviderError {
    ProviderError::InStream { message: complaint::of_value(&Value::from(words)) }
}

/// What Cohere says was used. Its documents on prices: `billed_units` are what is paid for; `tokens` counts those as well
/// that Cohere puts in (templates, special tokens), for which nobody pays. So the books go by `billed_units`, by `tokens`
/// only where they are missing. Thoughts are not told apart from the rest of the output. `cached_tokens` counts the
/// prompt's tokens that a cache held, those that nobody pays for included; nothing says how many of them were billed, so
/// there are at most as many as were billed, and the sum stays Cohere's own.
pub fn tokens(usage: Option<&Value>) -> Option<Tokens> {
    let count = |pointer: &str| usage?.pointer(pointer).and_then(count);
    let input = count("/billed_units/input_tokens").or_else(|| count("/tokens/input_tokens"));
    let output = count("/billed_units/output_tokens").or_else(|| count("/tokens/output_tokens"));
    if input.is_none() && output.is_none() {
        return None;
    }
    let cached = count("/cached_tokens").map(|cached| cached.min(input.unwrap_or(cached)));
    Some(Tokens {
        input: input.map(|all| all - cached.unwrap_or(0)),
        cache_read: cached,
        cache_write: None,
        cache_write_1h: None,
        output,
        reasoning: None,
    })
}

/// Cohere's counts are of the kind `double`.
fn count(value: &Value) -> Option<u64> {
    let whole = value.as_f64().filter(|number| *number >= 0.0).map(|number| number.round() as u64);
    Some(value.as_u64().or(whole)?.min(MAX_TOKENS))
}

impl<T> IntoIterator for OneOrMany<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        match self {
            Self::Many(many) => many.into_iter(),
            Self::One(one) => vec![one].into_iter(),
        }
    }
}
