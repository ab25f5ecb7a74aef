//! Mistral's answers in OpenAI's words.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::super::said;

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default)]
    choices: Vec<Choice<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default, alias = "delta")]
    message: Option<Message<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
}

/// Says a list of parts as OpenAI does: words as `content`, thoughts as `reasoning_content`, what else there is (references
/// to sources) as `annotations`. An answer that filled the context is one that reached its bound.
pub fn mend(answer: &[u8]) -> Option<Bytes> {
    let seen: Answer<'_> = serde_json::from_slice(answer).ok()?;
    let in_parts = |choice: &Choice<'_>| {
        choice
            .message
            .as_ref()
            .and_then(|message| message.content)
            .is_some_and(|raw| raw.get().starts_with('['))
    };
    let full = |choice: &Choice<'_>| choice.finish_reason.is_some_and(|raw| raw.get() == "\"model_length\"");
    if !seen.choices.iter().any(|choice| in_parts(choice) || full(choice)) {
        return None;
    }
    let mut answer: Value = serde_json::from_slice(answer).ok()?;
    for message in said(&mut answer) {
        if let Some(Value::Array(parts)) = message.get_mut("content").map(|content| match content {
            Value::Array(_) => content.take(),
            _ => Value::Null,
        }) {
            tell_apart(message, parts);
        }
    }
    for choice in answer["choices"].as_array_mut().into_iter().flatten() {
        if choice["finish_reason"] == "model_length" {
            choice["finish_reason"] = Value::from("length");
        }
    }
    Some(Bytes::from(answer.to_string()))
}

fn tell_apart(message: &mut Map<String, Value>, parts: Vec<Value>) {
    let (mut words, mut thoughts, mut others) = (String::new(), String::new(), Vec::new());
    for part in parts {
        match part["type"].as_str() {
            Some("text") => words.push_str(part["text"].as_str().unwrap_or_default()),
            Some("thinking") => thoughts.push_str(&text_within(&part["thinking"])),
            _ => others.push(part),
        }
    }
    if !words.is_empty() {
        message.insert("content".to_owned(), Value::from(words));
    }
    if !thoughts.is_empty() {
        message.insert("reasoning_content".to_owned(), Value::from(thoughts));
    }
    if !others.is_empty() {
        message.insert("annotations".to_owned(), Value::from(others));
    }
}

/// Thoughts are a list of parts, and were plain text once.
fn text_within(thinking: &Value) -> String {
    match thinking {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}
