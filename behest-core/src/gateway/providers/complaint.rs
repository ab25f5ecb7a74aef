//! What a provider says when it refuses or fails, in whatever form it says it; and how much of what it says is believed.

use serde_json::Value;

/// How much of a message is passed on.
const MAX_MESSAGE_CHARACTERS: usize = 500;
/// How many of several complaints are passed on.
const MAX_COMPLAINTS: usize = 3;
/// How deep a complaint may lie in the body: deeper ones are no form that a provider uses.
const MAX_DEPTH: u8 = 6;
/// More tokens than any call has: a provider's slip must not outgrow the ledger.
pub const MAX_TOKENS: u64 = 1 << 32;

const NO_REASON: &str = "it gave no reason";

/// The message of an error body and the field that it names.
#[must_use]
pub fn of_body(body: &[u8]) -> (String, Option<String>) {
    match serde_json::from_slice::<Value>(body) {
        Ok(body) => (of_value(&body), param(&body)),
        Err(_) => (NO_REASON.to_owned(), None),
    }
}

/// The message of an error that was read already.
#[must_use]
pub fn of_value(error: &Value) -> String {
    words(error, MAX_DEPTH).map_or_else(|| NO_REASON.to_owned(), |words| short(&words))
}

/// A message without control characters, cut where it becomes a page.
#[must_use]
pub fn short(message: &str) -> String {
    message.chars().filter(|character| !character.is_control()).take(MAX_MESSAGE_CHARACTERS).collect()
}

fn words(error: &Value, depth: u8) -> Option<String> {
    let deeper = |value: &Value| words(value, depth.checked_sub(1)?);
    match error {
        Value::String(words) => (!words.trim().is_empty()).then(|| words.clone()),
        Value::Array(errors) => {
            let all: Vec<String> = errors.iter().filter_map(deeper).take(MAX_COMPLAINTS).collect();
            (!all.is_empty()).then(|| all.join("; "))
        }
        Value::Object(fields) => {
            // OAuth's form: a code, and beside it a sentence.
            if let Some(sentence) = fields.get("error_description").and_then(deeper) {
                let code = fields.get("error").and_then(deeper);
                return Some(code.map_or_else(|| sentence.clone(), |code| format!("{code}: {sentence}")));
            }
            // A validator's form: a sentence about a place.
            if let Some(sentence) = fields.get("msg").and_then(deeper) {
                let place = fields.get("loc").and_then(place);
                return Some(place.map_or_else(|| sentence.clone(), |place| format!("{place}: {sentence}")));
            }
            let names = ["error", "message", "detail", "errors", "title", "status", "type", "code"];
            let said = names.iter().find_map(|name| fields.get(*name).and_then(deeper))?;
            // OpenRouter's form: what the provider behind it said stands apart, as text or as JSON in text.
            let raw = error.pointer("/metadata/raw").and_then(deeper).map(|raw| {
                let inner = serde_json::from_str::<Value>(&raw).ok();
                inner.as_ref().and_then(deeper).unwrap_or(raw)
            });
            Some(raw.map_or_else(|| said.clone(), |raw| format!("{said}: {raw}")))
        }
        _ => None,
    }
}

fn param(body: &Value) -> Option<String> {
    let named = body.pointer("/error/param").or_else(|| body.get("param")).and_then(Value::as_str);
    let details = body.get("detail").or_else(|| body.pointer("/message/detail"));
    let located = || details?.get(0)?.get("loc").and_then(place);
    named.map(str::to_owned).or_else(located).map(|param| short(&param))
}

/// `["body", "messages", 0, "content"]` as `messages[0].content`.
fn place(path: &Value) -> Option<String> {
    let mut text = String::new();
    for step in path.as_array()? {
        match step {
            Value::String(name) if name == "body" && text.is_empty() => {}
            Value::String(name) if text.is_empty() => text.push_str(name),
            Value::String(name) => text.extend([".", name]),
            Value::Number(index) => text.push_str(&format!("[{index}]")),
            _ => return None,
        }
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_found_in_every_common_error_body() {
        let validator = r#"{"detail":[{"type":"missing","loc":["body","messages",0,"content"],"msg":"Field required","input":"a secret"}]}"#;
        let nested = r#"{"object":"error","message":{"detail":[{"loc":["body","seed"],"msg":"Extra inputs"}]},"type":"invalid_request_error"}"#;
        let router = r#"{"error":{"code":502,"message":"Provider returned error","metadata":{"raw":"{\"error\":{\"message\":\"too busy\"}}"}}}"#;
        let plain_raw =
            r#"{"error":{"code":502,"message":"Provider returned error","metadata":{"raw":"overloaded"}}}"#;
        for (body, wanted) in [
            (r#"{"error":{"message":"no such model","param":"model"}}"#, ("no such model", Some("model"))),
            (r#"{"error":"model not found"}"#, ("model not found", None)),
            (r#"{"message":"bad","object":"error"}"#, ("bad", None)),
            (r#"{"detail":"Unauthorized"}"#, ("Unauthorized", None)),
            (validator, ("messages[0].content: Field required", Some("messages[0].content"))),
            (nested, ("seed: Extra inputs", Some("seed"))),
            (router, ("Provider returned error: too busy", None)),
            (plain_raw, ("Provider returned error: overloaded", None)),
            (r#"{"errors":[{"message":"one"},"two"]}"#, ("one; two", None)),
            (r#"[{"error":{"code":400,"message":"in a list"}}]"#, ("in a list", None)),
            (r#"{"error":{"status":"INTERNAL"}}"#, ("INTERNAL", None)),
            (
                r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#,
                ("invalid_grant: Invalid JWT Signature.", None),
            ),
            (r#"{"error":null,"message":" "}"#, (NO_REASON, None)),
            ("<html>502</html>", (NO_REASON, None)),
            ("7", (NO_REASON, None)),
            ("", (NO_REASON, None)),
        ] {
            let (message, param) = of_body(body.as_bytes());
            assert_eq!((message.as_str(), param.as_deref()), wanted, "{body}");
        }
        assert_eq!(short(&"x".repeat(9_999)).len(), MAX_MESSAGE_CHARACTERS);
        let deep = "[".repeat(100) + &"]".repeat(100);
        assert_eq!(of_body(deep.as_bytes()).0, NO_REASON);
    }
}
