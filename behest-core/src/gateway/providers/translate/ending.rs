//! The end of a streamed answer that the gateway ends itself, in OpenAI's words.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::gateway::ledger::money::NanoUsd;
use crate::gateway::ledger::record::Tokens;

/// The last events of an answer whose last event so far was `last`: each of its `answers` finishes by its length, and the
/// usage follows where the client asked for it.
#[must_use]
pub fn of(last: &[u8], answers: u64, usage: Option<(Tokens, Option<NanoUsd>)>) -> Vec<Bytes> {
    let mut head = match serde_json::from_slice(last) {
        Ok(Value::Object(head)) => head,
        _ => Map::new(),
    };
    head.entry("object").or_insert_with(|| json!("chat.completion.chunk"));
    head.remove("usage");
    let choice = |index: u64| json!({ "index": index, "delta": {}, "finish_reason": "length" });
    // No provider answers more than some hundreds at once.
    head.insert("choices".to_owned(), (0..answers.clamp(1, 1_024)).map(choice).collect());
    let mut events = vec![written(&head)];
    if let Some((tokens, cost)) = usage {
        let (prompt, completion) = (tokens.total_input(), tokens.total_output());
        head.insert("choices".to_owned(), json!([]));
        head.insert(
            "usage".to_owned(),
            json!({
                "prompt_tokens": prompt,
                "completion_tokens": completion,
                "total_tokens": prompt.saturating_add(completion),
            }),
        );
        if let Some(cost) = cost {
            head.insert("behest".to_owned(), json!({ "cost_usd": cost.as_usd() }));
        }
        events.push(written(&head));
    }
    events
}

fn written(head: &Map<String, Value>) -> Bytes {
    // Maps of JSON values always can be written.
    Bytes::from(serde_json::to_vec(head).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_modelled_on_what_came() {
        let last = br#"{"id":"c","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{"content":"x"}}],"usage":null}"#;
        let tokens = Tokens { input: Some(3), output: Some(2), ..Tokens::default() };
        let events = of(last, 2, Some((tokens, Some(NanoUsd(5)))));
        let events: Vec<_> = events.iter().map(|event| String::from_utf8_lossy(event)).collect();
        insta::assert_snapshot!(events.join("\n"), @r#"
        {"id":"c","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"length"},{"index":1,"delta":{},"finish_reason":"length"}]}
        {"id":"c","object":"chat.completion.chunk","created":7,"model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5},"behest":{"cost_usd":5e-9}}
        "#);
    }

    #[test]
    fn an_answer_of_which_nothing_came_ends_as_well() {
        let events = of(b"", 1, None);
        insta::assert_snapshot!(String::from_utf8_lossy(&events[0]), @r#"{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#);
    }
}
