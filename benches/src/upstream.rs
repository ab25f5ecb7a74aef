//! The canned answers of the fake upstream, and the little it reads of a request.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::messages;

/// The model that every completion names: a known one, so that the gateway also prices the call.
pub const MODEL: &str = "gpt-4o-mini";

/// The tokens that every answer counts in the prompt.
pub const PROMPT_TOKENS: u64 = 120;

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
    /// Chat completions, as OpenAI and its compatible servers give them.
    pub chat: Canned,
    /// The same as Anthropic's Messages.
    pub messages: Canned,
    /// The list of models.
    pub models: Bytes,
    /// A gateway's answer to a mint, for clients that ask for a token before their first call.
    pub minted: Bytes,
}

/// An answer in one provider's form, whole and streamed.
pub struct Canned {
    /// The whole answer, of about 600 bytes.
    pub plain: Bytes,
    /// A stream up to the end of its content: the first piece, the first words in it, goes out at once, each other one
    /// after a wait.
    pub paced: Vec<Bytes>,
    /// The event with the usage.
    pub usage: Bytes,
    /// The last event.
    pub last: Bytes,
}

impl Answers {
    /// Makes the answers, with `chunks` content events a stream.
    pub fn new(chunks: usize) -> Self {
        let models = json!({"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "bench"}]});
        let minted = json!({
            "jwt": TOKEN, "access_token": TOKEN, "token_type": "Bearer", "project_id": "bench", "ttl": 86_400,
            "expires_in": 86_400, "expires_at": "2100-01-01T00:00:00Z", "session_id": "bench",
        });
        Self {
            chat: chat(chunks),
            messages: messages::canned(chunks),
            models: Bytes::from(models.to_string()),
            minted: Bytes::from(minted.to_string()),
        }
    }
}

/// What every whole answer says.
pub(crate) fn text() -> String {
    SENTENCE.repeat(3)
}

/// What the content events of a stream say, one after the other.
pub(crate) fn words(chunks: usize) -> impl Iterator<Item = &'static str> {
    SENTENCE.split_inclusive(' ').cycle().take(chunks)
}

/// The pieces of a stream that have waits between them.
///
/// The first piece has content in it: the gateway holds a stream back until there is some, so that another model may
/// still answer, and the time to the first byte would hold a wait of this upstream's.
pub(crate) fn paced(opening: &[u8], mut content: impl Iterator<Item = Bytes>, closing: Bytes) -> Vec<Bytes> {
    let first = [opening, &content.next().unwrap_or_default()].concat();
    [Bytes::from(first)].into_iter().chain(content).chain([closing]).collect()
}

fn chat(chunks: usize) -> Canned {
    let total = PROMPT_TOKENS + chunks as u64;
    let usage = json!({"prompt_tokens": PROMPT_TOKENS, "completion_tokens": chunks, "total_tokens": total});
    let plain = json!({
        "id": "chatcmpl-bench", "object": "chat.completion", "created": 1_700_000_000, "model": MODEL,
        "choices": [{
            "index": 0, "finish_reason": "stop", "logprobs": null,
            "message": {"role": "assistant", "content": text(), "refusal": null},
        }],
        "usage": usage, "system_fingerprint": "fp_bench",
    });
    let role = chunk(&json!({"role": "assistant", "content": ""}), None);
    let content = words(chunks).map(|word| chunk(&json!({"content": word}), None));
    Canned {
        plain: Bytes::from(plain.to_string()),
        paced: paced(&role, content, chunk(&json!({}), Some("stop"))),
        usage: event(&with_choices(json!([]), Some(&usage))),
        last: Bytes::from_static(b"data: [DONE]\n\n"),
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
    use crate::events::EventCount;

    #[test]
    fn the_plain_answer_has_about_600_bytes_and_a_usage() {
        let plain = Answers::new(32).chat.plain;
        let answer: Value = serde_json::from_slice(&plain).unwrap();
        assert!((550..650).contains(&plain.len()), "{} bytes", plain.len());
        assert_eq!(answer["usage"]["total_tokens"], 152);
    }

    #[test]
    fn a_stream_has_a_role_the_chunks_asked_for_and_a_finish() {
        for chunks in [0, 1, 5] {
            let mut count = EventCount::default();
            count.take(&Answers::new(chunks).chat.paced.concat());
            assert_eq!(count.events(), chunks + 2);
        }
    }

    #[test]
    fn the_first_piece_of_a_stream_has_content_in_it_in_either_form() {
        let answers = Answers::new(5);
        for (canned, opening) in [(&answers.chat, "data: {"), (&answers.messages, "event: message_start\n")] {
            let first = String::from_utf8_lossy(&canned.paced[0]);
            assert!(first.starts_with(opening) && first.contains("\"The \""), "{first}");
            assert_eq!(canned.paced.len(), 6);
        }
    }

    #[test]
    fn a_request_without_stream_fields_asks_for_a_plain_answer() {
        let asked: Asked = serde_json::from_str(r#"{"model":"m","messages":[]}"#).unwrap();
        assert!(!asked.stream && !asked.stream_options.include_usage);
    }
}
