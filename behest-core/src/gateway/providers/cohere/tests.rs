//! Every request that the providers share, and answers in the form in which Cohere's documents show them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Reader, reply, request};
use crate::gateway::ledger::record::Tokens;
use crate::gateway::providers::ProviderError;
use crate::gateway::providers::translate::fixtures::{self, REQUESTS, split, together};
use crate::gateway::providers::translate::{Event, Target};

macro_rules! answers {
    ($($name:literal),+ $(,)?) => {
        /// Name, whole, streamed.
        const ANSWERS: &[(&str, &str, &str)] = &[$((
            $name,
            include_str!(concat!("fixtures/", $name, ".json")),
            include_str!(concat!("fixtures/", $name, ".sse")),
        )),+];
    };
}

answers!["cited", "cut_short", "text", "thinking", "thinking_tools", "timed_out", "tools"];

fn translated(text: &str) -> Result<(Value, Vec<String>), String> {
    let (messages, parameters) = split(text);
    let target = Target { model: "command-a-reasoning-08-2025", max_output: Some(32_000), stream: false };
    request(&messages, parameters, &target).map_err(|error| error.to_string())
}

/// A short request with these fields as well.
fn asked(fields: Value) -> Result<(Value, Vec<String>), String> {
    let mut request = json!({"messages": [{"role": "user", "content": "Hi."}]});
    let Value::Object(fields) = fields else { panic!("an object") };
    request.as_object_mut().expect("an object").extend(fields);
    translated(&request.to_string())
}

/// Whatever way the bytes come in.
fn streamed(pieces: &[&[u8]]) -> (Result<Vec<Event>, ProviderError>, bool) {
    fixtures::streamed(Reader::default(), pieces)
}

fn error_of(events: &[Value]) -> ProviderError {
    let stream: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    streamed(&[stream.as_bytes()]).0.expect_err("an error")
}

fn used(usage: Value) -> Option<Tokens> {
    let body = json!({"message": {"role": "assistant"}, "finish_reason": "COMPLETE", "usage": usage});
    together(reply(body.to_string().as_bytes()).expect("an answer")).1.tokens
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("JSON")
}

#[test]
fn every_request_is_said_in_coheres_words() {
    for (name, text) in REQUESTS {
        let shown = match translated(text) {
            Ok((body, dropped)) => format!("{}\ndropped: {dropped:?}", pretty(&body)),
            Err(refusal) => format!("refused: {refusal}"),
        };
        insta::assert_snapshot!(format!("request_{name}"), shown);
    }
}

#[test]
fn every_answer_is_said_in_openais_words() {
    for (name, whole, _) in ANSWERS {
        let (completion, _) = together(reply(whole.as_bytes()).expect("an answer"));
        insta::assert_snapshot!(format!("answer_{name}"), pretty(&completion));
    }
}

#[test]
fn a_stream_put_together_is_the_whole_answer() {
    for (name, whole, stream) in ANSWERS {
        let (events, complete) = streamed(&[stream.as_bytes()]);
        let events = events.expect("a stream");
        assert!(matches!(events.first(), Some(Event::Start { .. })), "{name}");
        assert_eq!(together(events), together(reply(whole.as_bytes()).expect("an answer")), "{name}");
        assert!(complete, "{name}");
    }
}

proptest! {
    #[test]
    fn however_the_bytes_are_cut_the_events_are_the_same(
        which in 0..ANSWERS.len(),
        sizes in prop::collection::vec(1usize..40, 1..200),
    ) {
        let stream = ANSWERS[which].2.as_bytes();
        let (mut pieces, mut rest, mut sizes) = (Vec::new(), stream, sizes.into_iter().cycle());
        while !rest.is_empty() {
            let (piece, left) = rest.split_at(sizes.next().unwrap_or(1).min(rest.len()));
            pieces.push(piece);
            rest = left;
        }
        let single: Vec<&[u8]> = stream.chunks(1).collect();
        let wanted = streamed(&[stream]);
        for cut in [pieces, single] {
            let (events, complete) = streamed(&cut);
            prop_assert_eq!(events.expect("a stream"), wanted.0.as_ref().expect("a stream").clone());
            prop_assert_eq!(complete, wanted.1);
        }
    }
}

#[test]
fn a_stream_that_breaks_off_is_not_complete() {
    for (name, _, stream) in ANSWERS {
        let last = stream.rfind("event: message-end").expect("an end");
        for end in 0..last {
            let (events, complete) = streamed(&[&stream.as_bytes()[..end]]);
            assert!(events.is_ok() && !complete, "{name} at {end}");
        }
    }
}

#[test]
fn the_books_go_by_what_is_billed_and_add_up_to_it() {
    let usage = json!({
        "billed_units": {"input_tokens": 6772, "output_tokens": 248},
        "tokens": {"input_tokens": 7596, "output_tokens": 645},
        "cached_tokens": 1000.0,
    });
    let tokens = used(usage).expect("usage");
    assert_eq!((tokens.total_input(), tokens.total_output()), (6772, 248));
    assert_eq!((tokens.input, tokens.cache_read), (Some(5772), Some(1000)));
    assert_eq!((tokens.cache_write, tokens.output, tokens.reasoning), (None, Some(248), None));

    let more_cached_than_billed =
        json!({"billed_units": {"input_tokens": 5, "output_tokens": 2}, "cached_tokens": 48});
    let tokens = used(more_cached_than_billed).expect("usage");
    assert_eq!((tokens.input, tokens.cache_read, tokens.total_input()), (Some(0), Some(5), 5));

    let nothing_billed =
        json!({"billed_units": {"input_tokens": 0, "output_tokens": 0}, "tokens": {"input_tokens": 9}});
    assert_eq!(used(nothing_billed).map(|tokens| (tokens.input, tokens.output)), Some((Some(0), Some(0))));
}

#[test]
fn usage_is_unknown_where_cohere_does_not_say() {
    for usage in
        [json!(null), json!({}), json!({"billed_units": {}}), json!("much"), json!({"cached_tokens": 3})]
    {
        assert_eq!(used(usage.clone()), None, "{usage}");
    }
    let unbilled = used(json!({"billed_units": null, "tokens": {"input_tokens": 7, "output_tokens": 2}}));
    assert_eq!(unbilled.map(|tokens| (tokens.input, tokens.output)), Some((Some(7), Some(2))));
    let half = used(json!({"billed_units": {"output_tokens": 2}}));
    assert_eq!(half.map(|tokens| (tokens.input, tokens.output)), Some((None, Some(2))));
}

#[test]
fn what_is_no_answer_is_an_error() {
    for body in
        ["", "<html>", "[]", "{}", r#"{"message":7}"#, r#"{"message":null,"finish_reason":"COMPLETE"}"#]
    {
        assert!(matches!(reply(body.as_bytes()), Err(ProviderError::Garbage(_))), "{body}");
    }
    let nameless = r#"{"message":{"tool_calls":[{"id":"a","type":"function"}]},"finish_reason":"TOOL_CALL"}"#;
    assert!(matches!(reply(nameless.as_bytes()), Err(ProviderError::Garbage("a call has no id or no name"))));
}

#[test]
fn a_failure_is_told_in_coheres_words() {
    let body = r#"{"id":"1","message":"model 'x' not\nfound"}"#;
    let error = reply(body.as_bytes()).expect_err("an error");
    assert!(matches!(error, ProviderError::InStream { message } if message == "model 'x' notfound"));
    let body = r#"{"id":"1","finish_reason":"ERROR","message":{"role":"assistant","content":[]}}"#;
    let error = reply(body.as_bytes()).expect_err("an error");
    assert!(matches!(error, ProviderError::InStream { message } if message == "it gave no reason"));

    let start = json!({"type": "message-start", "id": "1"});
    for (event, wanted) in [
        (json!({"message": "too many \"tokens\""}), "too many \"tokens\""),
        (json!({"type": "error", "message": "gone"}), "gone"),
        (json!({"type": "error"}), "it gave no reason"),
        (
            json!({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "overloaded"}}),
            "overloaded",
        ),
        (json!({"type": "message-end", "delta": {"error": "overloaded"}}), "overloaded"),
    ] {
        let error = error_of(&[start.clone(), event]);
        assert!(matches!(&error, ProviderError::InStream { message } if message == wanted), "{error}");
    }
}

#[test]
fn malformed_events_are_errors_and_unknown_ones_are_not() {
    let arguments = json!({"message": {"tool_calls": {"function": {"arguments": "{}"}}}});
    for event in [
        json!(7),
        json!({}),
        json!({"type": "content-delta", "index": 0, "delta": "text"}),
        json!({"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": {"id": "a"}}}}),
        json!({"type": "tool-call-delta", "index": 0, "delta": arguments}),
    ] {
        assert!(matches!(error_of(std::slice::from_ref(&event)), ProviderError::Garbage(_)), "{event}");
    }
    let (garbage, complete) = streamed(&[b"data: {\"type\":\"message-start\"\n\n"]);
    assert!(matches!(garbage, Err(ProviderError::Garbage(_))) && !complete);

    let quiet = "data: [DONE]\n\ndata:\n\n: ping\n\ndata: {\"type\":\"from-tomorrow\",\"delta\":[1],\"index\":\"x\"}\n\n\
                 data: {\"type\":\"content-delta\"}\n\ndata: {\"type\":\"citation-start\",\"delta\":null}\n\n";
    let (events, complete) = streamed(&[quiet.as_bytes()]);
    assert_eq!((events.expect("nothing"), complete), (vec![], false));
}

#[test]
fn calls_are_told_apart_whatever_their_index_counts() {
    let begin = |id: &str, index: Value| {
        let call = json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{"}});
        json!({"type": "tool-call-start", "index": index, "delta": {"message": {"tool_calls": [call]}}})
    };
    let more = |text: &str, index: Value| {
        let call = json!({"function": {"arguments": text}});
        json!({"type": "tool-call-delta", "index": index, "delta": {"message": {"tool_calls": [call]}}})
    };
    for (first, second) in [(json!(4), json!(7)), (json!(0), json!(0)), (Value::Null, Value::Null)] {
        let events =
            [begin("a", first.clone()), more("}", first), begin("b", second.clone()), more(" }", second)];
        let stream: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        let (completion, _) = together(streamed(&[stream.as_bytes()]).0.expect("a stream"));
        let calls = &completion["choices"][0]["message"]["tool_calls"];
        assert_eq!((&calls[0]["id"], &calls[0]["function"]["arguments"]), (&json!("a"), &json!("{}")));
        assert_eq!((&calls[1]["id"], &calls[1]["function"]["arguments"]), (&json!("b"), &json!("{ }")));
    }
}

#[test]
fn numbers_stay_within_coheres_bounds_and_as_they_are_written() {
    let fields = json!({"top_p": 1, "frequency_penalty": 1.5, "presence_penalty": -1, "temperature": 1.50});
    let (body, dropped) = asked(fields).expect("a body");
    assert_eq!(
        (&body["p"], &body["frequency_penalty"], &body["temperature"]),
        (&json!(0.99), &json!(1.0), &json!(1.50))
    );
    assert_eq!(body.get("presence_penalty"), None);
    assert_eq!(dropped, ["presence_penalty"]);
    let (body, _) = asked(json!({"top_p": 0, "presence_penalty": 0.5})).expect("a body");
    assert_eq!((&body["p"], &body["presence_penalty"]), (&json!(0.01), &json!(0.5)));
}

#[test]
fn effort_becomes_a_budget_that_leaves_room_for_the_answer() {
    let thinking = |fields: Value| asked(fields).expect("a body").0["thinking"].clone();
    for (effort, wanted) in [
        ("none", json!({"type": "disabled"})),
        ("minimal", json!({"type": "enabled", "token_budget": 512})),
        ("low", json!({"type": "enabled", "token_budget": 2048})),
        ("medium", json!({"type": "enabled", "token_budget": 8192})),
        ("high", json!({"type": "enabled"})),
        ("xhigh", json!({"type": "enabled"})),
    ] {
        assert_eq!(thinking(json!({"reasoning_effort": effort})), wanted);
    }
    let bound = json!({"reasoning_effort": "medium", "max_tokens": 1000});
    assert_eq!(thinking(bound), json!({"type": "enabled", "token_budget": 500}));
    let tight = json!({"reasoning_effort": "low", "max_completion_tokens": 1, "max_tokens": 1000});
    assert_eq!(thinking(tight), json!({"type": "enabled", "token_budget": 1}));
    let own = json!({"reasoning_effort": "low", "thinking": {"type": "disabled"}});
    assert_eq!(thinking(own), json!({"type": "disabled"}));
}

#[test]
fn coheres_own_words_go_on_and_win() {
    let own = json!({
        "p": 0.5, "top_p": 0.9, "k": 3, "top_k": 9, "safety_mode": "STRICT", "citation_options": {"mode": "FAST"},
        "priority": 2, "strict_tools": false, "logprobs": true, "from_tomorrow": [1.50],
        "tools": [{"type": "function", "function": {"name": "f", "strict": true}}],
    });
    let (body, dropped) = asked(own.clone()).expect("a body");
    for name in
        ["p", "k", "safety_mode", "citation_options", "priority", "strict_tools", "logprobs", "from_tomorrow"]
    {
        assert_eq!(body[name], own[name], "{name}");
    }
    assert!(dropped.is_empty());
}

#[test]
fn documents_of_the_request_and_of_its_messages_stand_together() {
    let request = json!({
        "documents": ["A string.", {"id": "d", "data": {"text": "B"}}],
        "messages": [
            {"role": "user", "content": [{"type": "file", "file": {"file_data": "data:text/csv;base64,YSxi"}}]},
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f"}}]},
            {"role": "tool", "tool_call_id": "c", "content": [
                {"type": "file", "file": {"filename": "r.json", "file_data": "data:application/json;base64,e30="}},
                {"type": "text", "text": "Found."},
            ]},
        ],
    });
    let (body, _) = translated(&request.to_string()).expect("a body");
    let wanted = json!(["A string.", {"id": "d", "data": {"text": "B"}}, {"data": {"text": "a,b"}}]);
    assert_eq!(body["documents"], wanted);
    assert_eq!(body["messages"][0], json!({"role": "user", "content": ""}));
    assert_eq!(
        body["messages"][2]["content"],
        json!([
            {"type": "text", "text": "Found."},
            {"type": "document", "document": {"data": {"title": "r.json", "text": "{}"}}},
        ])
    );
}

#[test]
fn what_cohere_has_nothing_like_is_refused_with_advice() {
    let file =
        |file: Value| json!({"messages": [{"role": "user", "content": [{"type": "file", "file": file}]}]});
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let system = json!([{"type": "image_url", "image_url": "https://example.com/a.png"}]);
    for (fields, wanted) in [
        (file(json!({"file_data": "data:text/plain;base64,_"})), "has a file that is not base64"),
        (file(json!({"file_data": "data:text/plain;base64,/w=="})), "a text file must be in UTF-8"),
        (
            json!({"messages": [{"role": "system", "content": system}]}),
            "only a user's message holds more than text",
        ),
        (json!({"web_search_options": {}}), "it does not search; give it a tool that does"),
        (json!({"documents": "one"}), "`documents` must be a list"),
        (json!({"presence_penalty": "much"}), "`presence_penalty` must be a number"),
        (
            json!({"tools": tools, "tool_choice": {"type": "function", "function": {"name": "g"}}}),
            "`tool_choice` names a function that is not in `tools`",
        ),
    ] {
        let refusal = asked(fields).expect_err("a refusal");
        assert!(refusal.contains(wanted), "{refusal}");
    }
}

#[test]
fn allowed_tools_that_need_not_be_called_leave_the_choice_to_the_model() {
    let tool = |name: &str| json!({"type": "function", "function": {"name": name}});
    let allowed = json!({"mode": "auto", "tools": [tool("b")]});
    let fields = json!({
        "tools": [tool("a"), tool("b")],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": allowed},
    });
    let (body, _) = asked(fields).expect("a body");
    assert_eq!(body["tools"].as_array().map(Vec::len), Some(1));
    assert_eq!(body["tools"][0]["function"]["name"], "b");
    assert_eq!(body.get("tool_choice"), None);
}
