//! The client's request as the provider gets it.

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::gateway::body::Fields;

/// Writes the request with the provider's name for the model. A stream is always asked for usage: without it the
/// call would cost nothing in our books.
pub(super) fn write(fields: &mut Fields, messages: &[Box<RawValue>], model: &str, stream: bool) -> Bytes {
    if let Ok(model) = to_raw_value(model) {
        fields.set("model", model);
    }
    if stream {
        let options = fields.get("stream_options").map(RawValue::get).unwrap_or("null");
        let mut options = match serde_json::from_str(options) {
            Ok(Value::Object(options)) => options,
            _ => serde_json::Map::new(),
        };
        options.insert("include_usage".to_owned(), Value::Bool(true));
        if let Ok(options) = to_raw_value(&options) {
            fields.set("stream_options", options);
        }
    }
    fields.write(messages)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(request: &str, stream: bool) -> String {
        let mut fields: Fields = serde_json::from_str(request).expect("an object");
        let messages: Vec<Box<RawValue>> =
            serde_json::from_str(fields.take("messages").expect("messages").get()).expect("a list");
        String::from_utf8(write(&mut fields, &messages, "gpt-x", stream).to_vec()).expect("text")
    }

    #[test]
    fn only_the_model_and_the_wish_for_usage_change() {
        let request = r#"{"model":"default","messages":[{"role":"user","content":"hi","x":1.50}],"seed":18446744073709551615,"future":{"a":[]}}"#;
        insta::assert_snapshot!(written(request, false), @r#"{"model":"gpt-x","seed":18446744073709551615,"future":{"a":[]},"messages":[{"role":"user","content":"hi","x":1.50}]}"#);
    }

    #[test]
    fn a_stream_asks_for_usage_and_keeps_its_other_options() {
        let request = r#"{"messages":[],"stream":true,"stream_options":{"include_usage":false,"other":1}}"#;
        insta::assert_snapshot!(written(request, true), @r#"{"stream":true,"stream_options":{"include_usage":true,"other":1},"model":"gpt-x","messages":[]}"#);
        let request = r#"{"messages":[],"stream":true,"stream_options":null}"#;
        insta::assert_snapshot!(written(request, true), @r#"{"stream":true,"stream_options":{"include_usage":true},"model":"gpt-x","messages":[]}"#);
    }
}
