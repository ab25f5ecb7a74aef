//! Anthropic's Messages form of the fake upstream's answers: the same text as in OpenAI's, in as many steps.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::upstream::{Canned, PROMPT_TOKENS, paced, text, words};

/// The model that these answers name: a known one, so that the gateway also prices the call.
pub const MODEL: &str = "claude-haiku-4-5";

/// Makes the answers, with `chunks` content events a stream.
pub fn canned(chunks: usize) -> Canned {
    let whole = json!([{"type": "text", "text": text(), "citations": null}]);
    let begin = json!({"type": "message_start", "message": message(&json!([]), &Value::Null, 1)});
    let block =
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
    let deltas = words(chunks).map(|word| {
        let delta = json!({"type": "text_delta", "text": word});
        event(&json!({"type": "content_block_delta", "index": 0, "delta": delta}))
    });
    let opening = [event(&begin), event(&block)].concat();
    let closing = event(&json!({"type": "content_block_stop", "index": 0}));
    let end = json!({
        "type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
        "usage": {"output_tokens": chunks},
    });
    Canned {
        plain: Bytes::from(message(&whole, &json!("end_turn"), chunks).to_string()),
        paced: paced(&opening, deltas, closing),
        usage: event(&end),
        last: event(&json!({"type": "message_stop"})),
    }
}

fn message(content: &Value, stop_reason: &Value, output_tokens: usize) -> Value {
    json!({
        "id": "msg_bench", "type": "message", "role": "assistant", "model": MODEL, "content": content,
        "stop_reason": stop_reason, "stop_sequence": null,
        "usage": {
            "input_tokens": PROMPT_TOKENS, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
            "output_tokens": output_tokens, "service_tier": "standard",
        },
    })
}

fn event(data: &Value) -> Bytes {
    let kind = data["type"].as_str().unwrap_or_default();
    Bytes::from(format!("event: {kind}\ndata: {data}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::EventCount;
    use crate::upstream::Answers;

    #[test]
    fn a_plain_message_says_what_the_completion_says_and_reports_the_same_usage() {
        let answers = Answers::new(32);
        let [chat, message] = [&answers.chat, &answers.messages]
            .map(|canned| serde_json::from_slice::<Value>(&canned.plain).unwrap());
        assert_eq!(message["content"][0]["text"], chat["choices"][0]["message"]["content"]);
        assert_eq!(message["usage"]["input_tokens"], chat["usage"]["prompt_tokens"]);
        assert_eq!(message["usage"]["output_tokens"], chat["usage"]["completion_tokens"]);
    }

    #[test]
    fn a_stream_has_each_event_in_its_place_and_as_many_pieces_as_openais() {
        let answers = Answers::new(2);
        let Canned { paced, usage, last, .. } = &answers.messages;
        let stream = [&paced.concat()[..], usage, last].concat();
        let stream = String::from_utf8(stream).unwrap();
        let kinds: Vec<_> = stream.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
        assert_eq!(
            kinds,
            [
                "message_start",
                "content_block_start",
                "content_block_delta",
                "content_block_delta",
                "content_block_stop",
                "message_delta",
                "message_stop",
            ]
        );
        let mut count = EventCount::default();
        count.take(stream.as_bytes());
        assert_eq!(count.events(), kinds.len());
        assert_eq!(paced.len(), answers.chat.paced.len());
    }

    #[test]
    fn a_stream_says_the_words_that_openais_does() {
        let answers = Answers::new(5);
        let said = |canned: &Canned, pointer| -> String {
            let stream = String::from_utf8(canned.paced.concat()).unwrap();
            let events = stream.lines().filter_map(|line| line.strip_prefix("data: "));
            events
                .map(|event| serde_json::from_str::<Value>(event).unwrap())
                .filter_map(|event| event.pointer(pointer)?.as_str().map(str::to_owned))
                .collect()
        };
        assert_eq!(said(&answers.messages, "/delta/text"), said(&answers.chat, "/choices/0/delta/content"));
        assert_eq!(said(&answers.messages, "/delta/text"), "The quick brown fox jumps ");
    }
}
