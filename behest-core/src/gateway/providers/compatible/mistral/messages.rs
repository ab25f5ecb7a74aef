//! OpenAI's messages as Mistral takes them.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use super::{Lost, remove};
use crate::gateway::providers::translate::TranslateError;

/// Fields of OpenAI's messages, and of our answers, that Mistral refuses.
const UNKNOWN: &[&str] = &["annotations", "audio", "function_call", "reasoning", "reasoning_details"];

/// The messages.
pub fn messages(messages: &[Box<RawValue>], lost: &mut Lost) -> Result<Vec<Box<RawValue>>, TranslateError> {
    let mut written = Vec::with_capacity(messages.len());
    for (index, raw) in messages.iter().enumerate() {
        let malformed = |_| TranslateError::malformed(format!("messages[{index}]"), "must be an object");
        let mut message: Map<String, Value> = serde_json::from_str(raw.get()).map_err(malformed)?;
        translate(&mut message, index + 1 == messages.len(), lost);
        written.push(to_raw_value(&message).map_err(malformed)?);
    }
    Ok(written)
}

fn translate(message: &mut Map<String, Value>, last: bool, lost: &mut Lost) {
    message.retain(|name, _| !UNKNOWN.contains(&&**name));
    lost.mark |= message.shift_remove("cache_control").is_some();
    for part in message.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten() {
        lost.mark |= remove(part, "cache_control");
        translate_part(part);
    }
    let role = message.get("role").and_then(Value::as_str).map(str::to_owned);
    if role.as_deref() != Some("tool") {
        lost.name |= message.shift_remove("name").is_some_and(|name| name.is_string());
    }
    match role.as_deref() {
        Some("developer") => {
            message.insert("role".to_owned(), Value::from("system"));
        }
        Some("assistant") => translate_assistant(message, last),
        Some("tool") => {
            if let Some(id) = message.get_mut("tool_call_id") {
                translate_id(id);
            }
        }
        _ => {}
    }
}

/// Thoughts are a part of the content, and the first one. A last turn is one to go on from, which Mistral wants told.
fn translate_assistant(message: &mut Map<String, Value>, last: bool) {
    let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned));
    let refusal = text(message.shift_remove("refusal"));
    if let Some(refusal) = refusal.filter(|_| message.get("content").is_none_or(Value::is_null)) {
        message.insert("content".to_owned(), Value::from(refusal));
    }
    let thoughts = text(message.shift_remove("reasoning_content"));
    if let Some(thoughts) = thoughts.filter(|thoughts| !thoughts.trim().is_empty()) {
        let thinking = json!({ "type": "thinking", "thinking": [{ "type": "text", "text": thoughts }] });
        let mut content = vec![thinking];
        match message.get_mut("content").map(Value::take) {
            Some(Value::String(text)) if !text.is_empty() => {
                content.push(json!({ "type": "text", "text": text }));
            }
            Some(Value::Array(parts)) => content.extend(parts),
            _ => {}
        }
        message.insert("content".to_owned(), Value::from(content));
    }
    let calls = message.get_mut("tool_calls").and_then(Value::as_array_mut);
    let mut calling = false;
    for call in calls.into_iter().flatten() {
        // A signature of Gemini's, which is no other model's business.
        remove(call, "extra_content");
        call.get_mut("id").map(translate_id);
        calling = true;
    }
    if last && !calling {
        message.entry("prefix").or_insert(Value::Bool(true));
    }
}

fn translate_part(part: &mut Value) {
    let translated = match part["type"].as_str() {
        Some("refusal") => json!({ "type": "text", "text": part["refusal"] }),
        Some("input_audio") if part["input_audio"].is_object() => {
            json!({ "type": "input_audio", "input_audio": part["input_audio"]["data"] })
        }
        Some("file") => match &part["file"] {
            file if file["file_id"].is_string() => json!({ "type": "file", "file_id": file["file_id"] }),
            file => {
                let address = file.get("file_data").or_else(|| file.get("file_url"));
                let Some(address) = address else { return };
                let mut document = json!({ "type": "document_url", "document_url": address });
                if file["filename"].is_string() {
                    document["document_name"] = file["filename"].clone();
                }
                document
            }
        },
        _ => return,
    };
    *part = translated;
}

/// Nine letters and digits: Mistral takes no other id, and a conversation may have begun with another provider.
fn translate_id(id: &mut Value) {
    let Some(text) = id.as_str() else { return };
    if text.len() == ID_LETTERS && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return;
    }
    let hash = digest(&SHA256, text.as_bytes());
    let letter = |byte: &u8| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]);
    *id = Value::from(hash.as_ref().iter().take(ID_LETTERS).map(letter).collect::<String>());
}

const ID_LETTERS: usize = 9;
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
