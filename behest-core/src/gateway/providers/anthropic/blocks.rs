//! A message's parts as content blocks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::NAME;
use crate::gateway::providers::translate::TranslateError;
use crate::gateway::providers::translate::ask::Call;
use crate::gateway::providers::translate::parts::{Part, PartKind, Source};

/// A part of a user's message or of a tool's result; `None` for an empty text, which Anthropic refuses. `place` names
/// the part in errors.
pub(super) fn block(part: &Part, place: &str) -> Result<Option<Value>, TranslateError> {
    let block = match &part.kind {
        PartKind::Text(text) | PartKind::Refusal(text) if text.is_empty() => return Ok(None),
        PartKind::Text(text) | PartKind::Refusal(text) => json!({ "type": "text", "text": text }),
        PartKind::Image { source, .. } => json!({ "type": "image", "source": plain_source(source) }),
        PartKind::File { source, filename } => document(source, filename.as_deref(), place)?,
        PartKind::Audio { .. } => {
            return Err(TranslateError::unsupported(place, NAME, "it takes no sound; send its text"));
        }
    };
    Ok(Some(marked(block, part.cache_control.clone())))
}

/// A part where only text may stand.
pub(super) fn text_block(
    part: &Part,
    place: &str,
    reason: &'static str,
) -> Result<Option<Value>, TranslateError> {
    match &part.kind {
        PartKind::Text(_) | PartKind::Refusal(_) => block(part, place),
        _ => Err(TranslateError::unsupported(place, NAME, reason)),
    }
}

/// The result of a call. A mark on one of its parts is set on the whole: blocks inside cannot be marked.
pub(super) fn tool_result(id: &str, parts: &[Part], place: &str) -> Result<Value, TranslateError> {
    let mark = parts.iter().rev().find_map(|part| part.cache_control.clone());
    let plain = |part: &Part| Part { kind: part.kind.clone(), cache_control: None };
    let mut content = Vec::with_capacity(parts.len());
    for part in parts {
        content.extend(block(&plain(part), place)?);
    }
    let mut result = json!({ "type": "tool_result", "tool_use_id": call_id(id) });
    if !content.is_empty() {
        result["content"] = Value::from(content);
    }
    Ok(marked(result, mark))
}

/// A call that the model made.
pub(super) fn tool_use(call: &Call) -> Value {
    let arguments = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
    let input = match serde_json::from_str(arguments) {
        Ok(Value::Object(input)) => input,
        // What a model once got wrong stays in the conversation, and only an object may stand here.
        _ => Map::from_iter([("not_an_object".to_owned(), Value::from(arguments))]),
    };
    json!({ "type": "tool_use", "id": call_id(&call.id), "name": call.name, "input": input })
}

/// Other providers' ids may hold characters that Anthropic refuses in its own.
fn call_id(id: &str) -> String {
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    id.chars().map(|character| if allowed(character) { character } else { '_' }).collect()
}

fn document(source: &Source, filename: Option<&str>, place: &str) -> Result<Value, TranslateError> {
    let mut document = match source {
        Source::Data { media_type, .. } if media_type.starts_with("image/") => {
            return Ok(json!({ "type": "image", "source": plain_source(source) }));
        }
        Source::Data { media_type, base64 } if is_text(media_type) => {
            let bytes = STANDARD.decode(base64).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let text = bytes.ok_or_else(|| TranslateError::malformed(place, "is no text in base64"))?;
            json!({ "type": "document", "source": { "type": "text", "media_type": "text/plain", "data": text } })
        }
        Source::Data { media_type, .. } if media_type != "application/pdf" => {
            let reason = "it takes documents as PDF or text; convert it first";
            return Err(TranslateError::unsupported(place, NAME, reason));
        }
        source => json!({ "type": "document", "source": plain_source(source) }),
    };
    if let Some(filename) = filename {
        document["title"] = Value::from(filename);
    }
    Ok(document)
}

fn is_text(media_type: &str) -> bool {
    media_type.starts_with("text/") || matches!(media_type, "application/json" | "application/xml")
}

fn plain_source(source: &Source) -> Value {
    match source {
        Source::Data { media_type, base64 } => {
            json!({ "type": "base64", "media_type": media_type, "data": base64 })
        }
        Source::Url(url) => json!({ "type": "url", "url": url }),
        Source::Id(id) => json!({ "type": "file", "file_id": id }),
    }
}

pub(super) fn marked(mut block: Value, mark: Option<Value>) -> Value {
    if let Some(mark) = mark {
        block["cache_control"] = mark;
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_got_wrong_and_ids_of_others_still_make_a_call() {
        let call = |id: &str, arguments: &str| Call {
            id: id.to_owned(),
            name: "f".to_owned(),
            arguments: arguments.to_owned(),
            signature: None,
        };
        let wanted =
            json!({"type": "tool_use", "id": "a_b", "name": "f", "input": {"not_an_object": "{\"x\":"}});
        assert_eq!(tool_use(&call("a:b", "{\"x\":")), wanted);
        assert_eq!(tool_use(&call("a", " "))["input"], json!({}));
        assert_eq!(tool_use(&call("a", "[1]"))["input"], json!({"not_an_object": "[1]"}));
    }

    #[test]
    fn a_document_that_it_cannot_read_is_refused() {
        let file = |media_type: &str, base64: &str| Part {
            kind: PartKind::File {
                source: Source::Data { media_type: media_type.to_owned(), base64: base64.to_owned() },
                filename: None,
            },
            cache_control: None,
        };
        let error = block(&file("application/msword", "AAAA"), "messages[0].content").expect_err("a refusal");
        let wanted = "`messages[0].content` cannot be sent to anthropic: it takes documents as PDF or text; convert it first";
        assert_eq!(error.to_string(), wanted);
        let error = block(&file("text/plain", "/w=="), "messages[0].content").expect_err("no UTF-8");
        assert_eq!(error.to_string(), "`messages[0].content` is no text in base64");
        let picture = block(&file("image/png", "AAAA"), "").expect("a block").expect("a block");
        assert_eq!(picture["type"], "image");
    }
}
