//! Parts of messages in Gemini's words.

use serde_json::{Map, Value, json};

use super::NAME;
use crate::gateway::providers::translate::parts::{Part, PartKind, Source};
use crate::gateway::providers::translate::{TranslateError, text_of};

/// Where the files of Gemini's Files API are.
const FILES: &str = "https://generativelanguage.googleapis.com/v1beta/";

/// A part in Gemini's words; `None` for an empty text, which Gemini does not take. `place` names it in errors.
pub(super) fn write(part: &Part, place: &str) -> Result<Option<Value>, TranslateError> {
    match &part.kind {
        PartKind::Text(text) | PartKind::Refusal(text) if text.is_empty() => Ok(None),
        PartKind::Text(text) | PartKind::Refusal(text) => Ok(Some(json!({ "text": text }))),
        PartKind::Image { source, .. } | PartKind::File { source, .. } => {
            source_part(source, place).map(Some)
        }
        PartKind::Audio { data, format } => {
            Ok(Some(json!({ "inlineData": { "mimeType": format!("audio/{format}"), "data": data } })))
        }
    }
}

/// Both services fetch public `https` addresses; Vertex, and Gemini after a registration, those of Cloud Storage.
fn source_part(source: &Source, place: &str) -> Result<Value, TranslateError> {
    match source {
        Source::Data { media_type, base64 } => {
            Ok(json!({ "inlineData": { "mimeType": media_type, "data": base64 } }))
        }
        Source::Url(address) | Source::Id(address) if is_address(address) => Ok(at(address)),
        Source::Id(id) if id.starts_with("files/") => Ok(at(&format!("{FILES}{id}"))),
        Source::Url(_) => Err(TranslateError::unsupported(
            place,
            NAME,
            "it fetches https and gs addresses only; send a data URI in base64",
        )),
        Source::Id(_) => Err(TranslateError::unsupported(
            place,
            NAME,
            "it knows its own files only, such as `files/abc`; send a data URI in base64",
        )),
    }
}

fn is_address(text: &str) -> bool {
    ["https://", "http://", "gs://"].iter().any(|scheme| text.starts_with(scheme))
}

fn at(address: &str) -> Value {
    let mut file = Map::new();
    if let Some(media_type) = media_type(address) {
        file.insert("mimeType".to_owned(), Value::from(media_type));
    }
    file.insert("fileUri".to_owned(), Value::from(address));
    json!({ "fileData": file })
}

/// What the name at the end of an address promises. Gemini can do without; Vertex says so if it cannot.
fn media_type(address: &str) -> Option<&'static str> {
    let path = address.split(['?', '#']).next()?;
    let (_, extension) = path.rsplit('/').next()?.rsplit_once('.')?;
    Some(match &*extension.to_ascii_lowercase() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "heif" => "image/heif",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "md" => "text/markdown",
        "html" | "htm" => "text/html",
        "csv" => "text/csv",
        "xml" => "text/xml",
        "json" => "application/json",
        "mp3" => "audio/mp3",
        "wav" => "audio/wav",
        "ogg" => "audio/ogg",
        "flac" => "audio/flac",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        _ => return None,
    })
}

/// The result of a call: an object, and what is no text. `nested` where media may stand in the result itself; else, and
/// where they are at an address, they follow it.
pub(super) fn result(
    name: &str,
    parts: &[Part],
    nested: bool,
    place: &str,
) -> Result<(Value, Vec<Value>), TranslateError> {
    let mut text = String::new();
    let (mut inside, mut after) = (Vec::new(), Vec::new());
    for part in parts {
        match (&part.kind, write(part, place)?) {
            (PartKind::Text(more) | PartKind::Refusal(more), _) => text.push_str(more),
            (_, Some(media)) if nested && media.get("inlineData").is_some() => inside.push(media),
            (_, media) => after.extend(media),
        }
    }
    // Gemini wants an object, and takes one without `output` and `error` as the output itself.
    let response = match serde_json::from_str(&text) {
        Ok(response @ Value::Object(_)) => response,
        _ => json!({ "output": text }),
    };
    let mut result = json!({ "name": name, "response": response });
    if !inside.is_empty() {
        result["parts"] = Value::from(inside);
    }
    Ok((json!({ "functionResponse": result }), after))
}

/// Our own entries of `reasoning_details`, sorted.
#[derive(Default)]
pub(super) struct Signatures<'d> {
    /// Signed thoughts, as parts.
    pub(super) thoughts: Vec<Value>,
    /// The text's.
    pub(super) text: Option<&'d str>,
    calls: Vec<(&'d str, &'d str)>,
}

impl<'d> Signatures<'d> {
    /// Reads the entries. Those of other providers are none of Gemini's.
    pub(super) fn read(details: &'d [Value]) -> Self {
        let mut signatures = Self::default();
        for detail in details.iter().filter(|detail| text_of(detail.get("format")) == Some(super::FORMAT)) {
            let (data, id) = (text_of(detail.get("data")), text_of(detail.get("id")));
            match (text_of(detail.get("type")), data, id) {
                (Some("reasoning.encrypted"), Some(data), Some(id)) => signatures.calls.push((id, data)),
                (Some("reasoning.encrypted"), Some(data), None) => signatures.text = Some(data),
                (Some("reasoning.text"), ..) => {
                    let text = text_of(detail.get("text")).unwrap_or_default();
                    let signature = detail.get("signature").filter(|signature| signature.is_string());
                    signatures.thoughts.extend(signature.map(
                        |signature| json!({ "text": text, "thought": true, "thoughtSignature": signature }),
                    ));
                }
                _ => {}
            }
        }
        signatures
    }

    /// The signature of a call.
    pub(super) fn of_call(&self, id: &str) -> Option<&'d str> {
        self.calls.iter().find(|(call, _)| *call == id).map(|(_, signature)| *signature)
    }
}
