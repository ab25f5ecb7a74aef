//! The conversation in Cohere's words.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::NAME;
use crate::gateway::providers::translate::ask::{Call, Said};
use crate::gateway::providers::translate::parts::{PartKind, Source};
use crate::gateway::providers::translate::{Message, Part, TranslateError};

/// Messages, and the documents that stand beside them.
#[derive(Default)]
pub struct Conversation {
    pub messages: Vec<Value>,
    pub documents: Vec<Value>,
}

/// Writes each message as one of Cohere's.
pub fn write(messages: &[Message]) -> Result<Conversation, TranslateError> {
    let mut conversation = Conversation::default();
    for (index, message) in messages.iter().enumerate() {
        let place = format!("messages[{index}].content");
        let message = match message {
            Message::System(parts) => json!({ "role": "system", "content": content(words(parts, &place)?) }),
            Message::User(parts) => {
                let parts = of_user(parts, &place, &mut conversation.documents)?;
                json!({ "role": "user", "content": content(parts) })
            }
            Message::Assistant(said) => of_assistant(said, &place)?,
            Message::Tool { id, parts } => {
                json!({ "role": "tool", "tool_call_id": id, "content": of_tool(parts, &place)? })
            }
        };
        conversation.messages.push(message);
    }
    Ok(conversation)
}

/// One text stands for itself, and so does nothing; else the parts are a list.
fn content(mut parts: Vec<Value>) -> Value {
    let single = parts.len() == 1 && parts[0]["type"] == "text";
    match parts.is_empty() || single {
        true => parts.pop().map_or(Value::from(""), |mut part| part["text"].take()),
        false => Value::from(parts),
    }
}

fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

/// Parts of a role that has nothing but words.
fn words(parts: &[Part], place: &str) -> Result<Vec<Value>, TranslateError> {
    let word = |part: &Part| match &part.kind {
        PartKind::Text(words) | PartKind::Refusal(words) => Ok(text(words)),
        _ => Err(TranslateError::unsupported(place, NAME, "only a user's message holds more than text")),
    };
    parts.iter().map(word).collect()
}

fn of_user(parts: &[Part], place: &str, documents: &mut Vec<Value>) -> Result<Vec<Value>, TranslateError> {
    let mut written = Vec::new();
    for part in parts {
        match &part.kind {
            PartKind::Text(words) | PartKind::Refusal(words) => written.push(text(words)),
            PartKind::Image { source, detail } => written.push(image(source, detail.as_deref(), place)?),
            PartKind::File { source, filename } => {
                documents.push(document(source, filename.as_deref(), place)?);
            }
            PartKind::Audio { .. } => {
                return Err(TranslateError::unsupported(
                    place,
                    NAME,
                    "it takes no sound; send what was said",
                ));
            }
        }
    }
    Ok(written)
}

/// Cohere fetches what is given by address.
fn image(source: &Source, detail: Option<&str>, place: &str) -> Result<Value, TranslateError> {
    let url = match source {
        Source::Url(url) => url.clone(),
        Source::Data { media_type, base64 } => format!("data:{media_type};base64,{base64}"),
        Source::Id(_) => {
            return Err(TranslateError::unsupported(place, NAME, "it keeps no pictures; send a data URI"));
        }
    };
    let mut image = json!({ "url": url });
    if let Some(detail) = detail {
        image["detail"] = Value::from(detail);
    }
    Ok(json!({ "type": "image_url", "image_url": image }))
}

/// Documents are text, with whatever else the model may know of them.
fn document(source: &Source, filename: Option<&str>, place: &str) -> Result<Value, TranslateError> {
    let unsupported = |reason| Err(TranslateError::unsupported(place, NAME, reason));
    let text = match source {
        Source::Data { media_type, base64 } if is_text(media_type) => {
            let bytes = STANDARD
                .decode(base64)
                .map_err(|_| TranslateError::malformed(place, "has a file that is not base64"))?;
            match String::from_utf8(bytes) {
                Ok(text) => text,
                Err(_) => return unsupported("a text file must be in UTF-8"),
            }
        }
        Source::Data { .. } => {
            return unsupported("it takes documents as text only; send the text of the file");
        }
        Source::Url(_) => return unsupported("it fetches no documents; send the text in a data URI"),
        Source::Id(_) => return unsupported("it keeps no files; send the text in a data URI"),
    };
    let mut data = Map::new();
    if let Some(filename) = filename {
        data.insert("title".to_owned(), Value::from(filename));
    }
    data.insert("text".to_owned(), Value::from(text));
    Ok(json!({ "data": data }))
}

fn is_text(media_type: &str) -> bool {
    let media_type = media_type.to_ascii_lowercase();
    let known = ["application/json", "application/xml", "application/yaml", "application/x-ndjson"];
    media_type.starts_with("text/")
        || known.contains(&&*media_type)
        || media_type.ends_with("+json")
        || media_type.ends_with("+xml")
}

/// What the model thought before a call is its plan; Cohere gave it by that name.
fn of_assistant(said: &Said, place: &str) -> Result<Value, TranslateError> {
    let mut message = Map::new();
    message.insert("role".to_owned(), Value::from("assistant"));
    let mut parts = words(&said.parts, place)?;
    if let Some(reasoning) = said.reasoning.as_deref().filter(|reasoning| !reasoning.is_empty()) {
        if said.calls.is_empty() {
            parts.insert(0, json!({ "type": "thinking", "thinking": reasoning }));
        } else {
            message.insert("tool_plan".to_owned(), Value::from(reasoning));
        }
    }
    let content = content(parts);
    if said.calls.is_empty() || content != "" {
        message.insert("content".to_owned(), content);
    }
    if !said.calls.is_empty() {
        message.insert("tool_calls".to_owned(), said.calls.iter().map(call).collect());
    }
    Ok(Value::Object(message))
}

fn call(call: &Call) -> Value {
    let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments };
    json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": arguments } })
}

/// Text as text; a text file as a document, which the answer can cite.
fn of_tool(parts: &[Part], place: &str) -> Result<Value, TranslateError> {
    let mut written = Vec::new();
    let mut words = String::new();
    for part in parts {
        match &part.kind {
            PartKind::Text(more) | PartKind::Refusal(more) => words.push_str(more),
            PartKind::File { source, filename } => {
                let document = document(source, filename.as_deref(), place)?;
                written.push(json!({ "type": "document", "document": document }));
            }
            PartKind::Image { .. } | PartKind::Audio { .. } => {
                return Err(TranslateError::unsupported(
                    place,
                    NAME,
                    "a tool's result is text or documents; send a picture in a user's message",
                ));
            }
        }
    }
    if written.is_empty() {
        return Ok(Value::from(words));
    }
    if !words.is_empty() {
        written.insert(0, text(&words));
    }
    Ok(Value::from(written))
}
