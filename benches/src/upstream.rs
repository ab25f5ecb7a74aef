//! The canned answers of the fake upstream, and the little it reads of a request.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

/// The model that every answer names: a known one, so that the gateway also prices the call.
pub const MODEL: &str = "gpt-4o-mini";

/// What looks like a token; nobody reads it here.
const TOKEN: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1aWQiOiJiZW5jaCJ9.c2lnbmF0dXJl";

const SENTENCE: &str =
    "The quick brown fox jumps over the lazy dog while the gateway counts every token of it. ";

/// What decides the kind of answer; everything else in the request is skipped.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    /// Whether the answer comes as server-sent events.
    #[serde(default)]
    pub stream: bool,
    /// Whether the events end with the usage.
    #[serde(default)]
    pub stream_options: StreamOptions,
}

/// The part of a streaming request that says what the stream contains.
#[derive(Debug, Default, Deserialize)]
pub struct StreamOptions {
    /// Whether the last chunk before `[DONE]` carries the usage.
    #[serde(default)]
    pub include_usage: bool,
}

/// The bytes of every answer, made once.
pub struct Answers {
    /// A whole completion, of about 600 bytes.
    pub plain: Bytes,
    /// The list of models.
    pub models: Bytes,
    /// A gateway's answer to a mint, for clients that ask for a token before their first call.
    pub minted: Bytes,
    /// The events of a stream up to the finish reason.
    pub events: Vec<Bytes>,
    /// The event with the usage.
    pub usage: Bytes,
    /// The last event.
    pub done: Bytes,
}

impl Answers {
    /// Makes the answers, with `chunks` content events a stream.
    pub fn new(chunks: usize) -> Self {
        let usage = json!({"prompt_tokens": 120, "completion_tokens": chunks, "total_tokens": 120 + chunks});
        let plain = json!({
            "id": "chatcmpl-bench", "object": "chat.completion", "created": 1_700_000_000, "model": MODEL,
            "choices": [{
                "index": 0, "finish_reason": "stop", "logprobs": null,
                "message": {"role": "assistant", "content": SENTENCE.repeat(3), "refusal": null},
            }],
            "usage": usage, "system_fingerprint": "fp_bench",
        });
        let models = json!({"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "bench"}]});
        let minted = json!({
            "jwt": TOKEN, "access_token": TOKEN, "token_type": "Bearer", "project_id": "bench", "ttl": 86_400,
            "expires_in": 86_400, "expires_at": "2100-01-01T00:00:00Z", "session_id": "bench",
        });
        let mut events = vec![chunk(&json!({"role": "assistant", "content": ""}), None)];
        events.extend(
            SENTENCE
                .split_inclusive(' ')
                .cycle()
                .take(chunks)
                .map(|word| chunk(&json!({"content": word}), None)),
        );
        events.push(chunk(&json!({}), Some("stop")));
        Self {
            plain: Bytes::from(plain.to_string()),
            models: Bytes::from(models.to_string()),
            minted: Bytes::from(minted.to_string()),
            events,
            usage: event(&with_choices(json!([]), Some(&usage))),
            done: Bytes::from_static(b"data: [DONE]\n\n"),
        }
    }
}

fn chunk(delta: &Value, finish_reason: Option<&str>) -> Bytes {
    event(&with_choices(json!([{"index": 0, "delta": delta, "finish_reason": finish_reason}]), None))
}

fn with_choices(choices: Value, usage: Option<&Value>) -> Value {
    json!({
        "id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": MODEL,
        "choices": choices, "usage": usage,
    })
}

fn event(data: &Value) -> Bytes {
    Bytes::from(format!("data: {data}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_answer_has_about_600_bytes_and_a_usage() {
        let answers = Answers::new(32);
        let answer: Value = serde_json::from_slice(&answers.plain).unwrap();
        assert!((550..650).contains(&answers.plain.len()), "{} bytes", answers.plain.len());
        assert_eq!(answer["usage"]["total_tokens"], 152);
    }

    #[test]
    fn a_stream_has_a_role_the_chunks_asked_for_and_a_finish() {
        assert_eq!(Answers::new(5).events.len(), 7);
    }

    #[test]
    fn a_request_without_stream_fields_asks_for_a_plain_answer() {
        let asked: Asked = serde_json::from_str(r#"{"model":"m","messages":[]}"#).unwrap();
        assert!(!asked.stream && !asked.stream_options.include_usage);
    }
}
