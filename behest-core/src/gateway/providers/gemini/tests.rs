//! Every request that the providers share, and answers in the form in which Google's documents show them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Reader, reply, request};
use crate::gateway::ledger::record::Tokens;
use crate::gateway::providers::ProviderError;
use crate::gateway::providers::translate::fixtures::{self, REQUESTS, split, together};
use crate::gateway::providers::translate::{Event, Target};
use crate::sse::Event as ServerSent;

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

answers!["blocked", "grounded", "safety", "several", "text", "thoughts_only", "tools", "vertex"];

fn answers(name: &str) -> (&'static str, &'static str) {
    let (_, whole, streamed) = ANSWERS.iter().find(|(known, ..)| *known == name).expect("an answer");
    (whole, streamed)
}

fn asked(name: &str, model: &str) -> Value {
    let (_, text) = REQUESTS.iter().find(|(known, _)| *known == name).expect("a request");
    translated(text, model).expect("a body").0
}

fn translated(text: &str, model: &str) -> Result<(Value, Vec<String>), String> {
    let (messages, parameters) = split(text);
    let target = Target { model, max_output: Some(65_536), stream: false };
    request(&messages, parameters, &target).map_err(|error| error.to_string())
}

fn small(mut request: Value, parameters: Value) -> Result<(Value, Vec<String>), String> {
    let Value::Object(parameters) = parameters else { panic!("an object") };
    request.as_object_mut().expect("an object").extend(parameters);
    translated(&request.to_string(), "gemini-3.8-flash")
}

fn hello(parameters: Value) -> Result<(Value, Vec<String>), String> {
    small(json!({"messages": [{"role": "user", "content": "Hi."}]}), parameters)
}

/// Whatever way the bytes come in.
fn streamed(pieces: &[&[u8]]) -> (Result<Vec<Event>, ProviderError>, bool) {
    fixtures::streamed(Reader::default(), pieces)
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("JSON")
}

#[test]
fn every_request_is_said_in_geminis_words() {
    for (name, text) in REQUESTS {
        let shown = match translated(text, "gemini-3.8-flash") {
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
        // The last event brings the last reason to end.
        let last = stream.trim_end().rfind("\r\n\r\n").unwrap_or(0);
        for end in (0..last).step_by(7) {
            let (events, complete) = streamed(&[&stream.as_bytes()[..end]]);
            assert!(events.is_ok() && !complete, "{name} at {end}");
        }
    }
}

#[test]
fn what_was_used_falls_into_buckets_that_add_up_to_geminis_total() {
    for (name, whole, _) in ANSWERS {
        let (_, summary) = together(reply(whole.as_bytes()).expect("an answer"));
        let tokens = summary.tokens.expect("usage");
        let body: Value = serde_json::from_str(whole).expect("JSON");
        let total = body["usageMetadata"]["totalTokenCount"].as_u64().expect("a total");
        assert_eq!(tokens.total_input() + tokens.total_output(), total, "{name}");
    }
    let used = |usage: Value| {
        let body = json!({"candidates": [{"finishReason": "STOP"}], "usageMetadata": usage});
        together(reply(body.to_string().as_bytes()).expect("an answer")).1.tokens
    };
    // A report that cannot be read is none, and the answer goes on.
    for none in
        [json!(null), json!({}), json!("many"), json!({"promptTokenCount": -1, "totalTokenCount": "7"})]
    {
        assert_eq!(used(none.clone()), None, "{none}");
    }
    let partial = Tokens { input: Some(3), ..Tokens::default() };
    assert_eq!(used(json!({"promptTokenCount": 3})), Some(partial));
}

#[test]
fn usage_is_not_guessed_while_the_answer_still_comes() {
    let (_, stream) = answers("thoughts_only");
    let first = stream.split_inclusive("\r\n\r\n").next().expect("an event");
    let (events, _) = streamed(&[first.as_bytes()]);
    let wanted = Tokens { input: Some(21), reasoning: Some(50), ..Tokens::default() };
    assert_eq!(events.expect("events").last(), Some(&Event::Usage(wanted)));
}

#[test]
fn errors_are_told_in_geminis_own_words() {
    let error = r#"{"error":{"code":503,"message":"The model is\noverloaded.","status":"UNAVAILABLE"}}"#;
    let listed = format!("[{error}]");
    for body in [error, &listed] {
        let read = reply(body.as_bytes());
        assert!(
            matches!(read, Err(ProviderError::InStream { message }) if message == "The model isoverloaded.")
        );
        let (_, stream) = answers("tools");
        let begun = stream.split_inclusive("\r\n\r\n").next().expect("an event");
        let (events, complete) = streamed(&[begun.as_bytes(), b"data: ", body.as_bytes(), b"\n\n"]);
        assert!(matches!(events, Err(ProviderError::InStream { .. })));
        assert!(!complete);
    }
}

#[test]
fn what_is_no_answer_is_garbage() {
    for body in
        ["", "<html>", "{}", "[]", "[{}]", "7", r#"{"candidates":[]}"#, r#"{"candidates":{}}"#, "[DONE]"]
    {
        assert!(matches!(reply(body.as_bytes()), Err(ProviderError::Garbage(_))), "{body}");
    }
    for data in [&b"{"[..], b"7", b"\xff", br#"{"candidates":[{"content":{"parts":[{"text":7}]}}]}"#] {
        let event = ServerSent { data: data.to_vec().into(), ..ServerSent::default() };
        assert!(matches!(Reader::default().read(&event), Err(ProviderError::Garbage(_))), "{data:?}");
    }
}

#[test]
fn what_nobody_knows_yet_is_no_error() {
    let body = json!({
        "candidates": [{
            "content": {"parts": [{"text": "Hi", "partMetadata": {"a": 1}}, {"hologram": {"rays": 3}}], "role": "model"},
            "finishReason": "BORED",
            "mood": ["well"],
        }],
        "promptFeedback": {"safetyRatings": [{"category": "NEW"}]},
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2, "joules": 0.5},
    });
    let (completion, _) = together(reply(body.to_string().as_bytes()).expect("an answer"));
    assert_eq!(completion["choices"][0]["message"]["content"], "Hi");
    assert_eq!(completion["choices"][0]["finish_reason"], "bored");
}

#[test]
fn a_picture_in_an_answer_is_not_lost() {
    let part = json!({"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}});
    let body =
        json!({"candidates": [{"content": {"parts": [{"text": "Here: "}, part]}, "finishReason": "STOP"}]});
    let (completion, _) = together(reply(body.to_string().as_bytes()).expect("an answer"));
    let wanted = "Here: ![](data:image/png;base64,iVBORw0KGgo=)";
    assert_eq!(completion["choices"][0]["message"]["content"], wanted);
}

/// A client keeps the message as it came and adds results; every part that Gemini signed goes back as it was.
#[test]
fn signatures_come_back_on_the_parts_that_they_came_with() {
    for name in ["text", "tools", "vertex"] {
        let (whole, stream) = answers(name);
        let original: Value = serde_json::from_str(whole).expect("JSON");
        for events in [reply(whole.as_bytes()), streamed(&[stream.as_bytes()]).0] {
            let (completion, _) = together(events.expect("an answer"));
            let message = &completion["choices"][0]["message"];
            let mut messages = vec![json!({"role": "user", "content": "Hi."}), message.clone()];
            // The last call's result comes first.
            for call in message["tool_calls"].as_array().into_iter().flatten().rev() {
                messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": call["id"]}));
            }
            let (body, _) = small(json!({"messages": messages}), json!({})).expect("a body");
            let signed = |parts: &Value| -> Vec<Value> {
                let parts = parts.as_array().expect("parts").iter();
                let mut signed: Vec<Value> =
                    parts.filter(|part| part.get("thoughtSignature").is_some()).cloned().collect();
                for part in &mut signed {
                    // Vertex does not take the ids that Gemini gives.
                    if let Some(call) = part.get_mut("functionCall").and_then(Value::as_object_mut) {
                        call.remove("id");
                    }
                }
                signed
            };
            let mut wanted = signed(&original["candidates"][0]["content"]["parts"]);
            if name == "vertex" {
                // 2.5 signs the thought alone; 3 would not take the call without a signature.
                let call = json!({"name": "book", "args": {"seats": 2}});
                wanted.push(
                    json!({"functionCall": call, "thoughtSignature": "skip_thought_signature_validator"}),
                );
            }
            assert_eq!(signed(&body["contents"][1]["parts"]), wanted, "{name}");
            if let Some(calls) = message["tool_calls"].as_array() {
                let results = body["contents"][2]["parts"].as_array().expect("results");
                let order = results.iter().map(|result| &result["functionResponse"]["response"]["output"]);
                assert!(order.eq(calls.iter().map(|call| &call["id"])), "{name}: {results:?}");
            }
        }
    }
}

#[test]
fn earlier_models_are_asked_in_their_own_way() {
    let body = asked("reasoning", "gemini-2.5-flash");
    let thinking = json!({"thinkingBudget": 24576, "includeThoughts": true});
    assert_eq!(body["generationConfig"]["thinkingConfig"], thinking);
    assert!(!body.to_string().contains("skip_thought_signature_validator"));
    // A picture in a result stands beside it.
    let parts = &asked("tool_result_parts", "gemini-2.5-flash")["contents"][2]["parts"];
    assert_eq!(parts[0]["functionResponse"]["parts"], Value::Null);
    assert_eq!(parts[1]["inlineData"]["mimeType"], "image/png");
    let request = r#"{"messages":[{"role":"user","content":"Hi."}],"reasoning_effort":"low"}"#;
    let (body, dropped) = translated(request, "gemini-2.0-flash").expect("a body");
    assert_eq!((body.get("generationConfig"), dropped), (None, vec!["reasoning_effort".to_owned()]));
}

#[test]
fn what_the_client_says_in_geminis_own_words_goes_on() {
    let settings = json!([{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]);
    let (body, dropped) = hello(json!({
        "safetySettings": settings,
        "generationConfig": {"temperature": 0.5, "mediaResolution": "MEDIA_RESOLUTION_LOW"},
        "temperature": 1, "top_k": 20, "seed": 4_294_967_296_u64, "web_search_options": {"search_context_size": "low"},
    }))
    .expect("a body");
    assert_eq!(body["safetySettings"], settings);
    let wanted = json!({"temperature": 0.5, "mediaResolution": "MEDIA_RESOLUTION_LOW", "topK": 20});
    assert_eq!(body["generationConfig"], wanted);
    assert_eq!(body["tools"], json!([{"googleSearch": {}}]));
    assert_eq!(dropped, ["web_search_options", "seed"]);
}

#[test]
fn a_choice_among_some_tools_needs_no_call() {
    let tool = |name: &str| json!({"type": "function", "function": {"name": name}});
    let choice = json!({"mode": "auto", "tools": [tool("a")]});
    let (body, _) = hello(json!({
        "tools": [tool("a"), tool("b")],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": choice},
    }))
    .expect("a body");
    let wanted = json!({"functionCallingConfig": {"mode": "VALIDATED", "allowedFunctionNames": ["a"]}});
    assert_eq!(body["toolConfig"], wanted);
}

#[test]
fn addresses_that_google_reads_go_on_and_others_are_refused_with_advice() {
    let ask = |part: Value| small(json!({"messages": [{"role": "user", "content": [part]}]}), json!({}));
    let image = |url: &str| ask(json!({"type": "image_url", "image_url": {"url": url}}));
    let file = |id: &str| ask(json!({"type": "file", "file": {"file_id": id}}));
    for (asked, mime, uri) in [
        (
            image("https://example.com/A.JPG?size=.9"),
            json!("image/jpeg"),
            "https://example.com/A.JPG?size=.9",
        ),
        (image("https://example.com/photo"), Value::Null, "https://example.com/photo"),
        (file("gs://bucket/contract.pdf"), json!("application/pdf"), "gs://bucket/contract.pdf"),
        (file("files/abc"), Value::Null, "https://generativelanguage.googleapis.com/v1beta/files/abc"),
    ] {
        let data = &asked.expect("a body").0["contents"][0]["parts"][0]["fileData"];
        assert_eq!((&data["mimeType"], &data["fileUri"]), (&mime, &json!(uri)));
    }
    for refused in [image("data:image/svg+xml,%3Csvg%3E"), image("ftp://example.com/a.png"), file("file-7")] {
        let refusal = refused.expect_err("a refusal");
        assert!(refusal.starts_with("`messages[0].content` cannot be sent to Gemini: "), "{refusal}");
        assert!(refusal.ends_with("send a data URI in base64"), "{refusal}");
    }
}

#[test]
fn conversations_that_gemini_cannot_read_are_refused() {
    let call = |arguments: &str| {
        let function = json!({"name": "f", "arguments": arguments});
        json!({"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": function}]})
    };
    let image = json!([{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]);
    for (messages, wanted) in [
        (
            json!([{"role": "system", "content": "Be brief."}]),
            "`messages` cannot be sent to Gemini: it wants a message",
        ),
        (
            json!([{"role": "system", "content": image}]),
            "`messages[0]` cannot be sent to Gemini: its instructions",
        ),
        (
            json!([{"role": "tool", "tool_call_id": "x", "content": ""}]),
            "`messages[0].tool_call_id` names no call",
        ),
        (json!([call("[1]")]), "`messages[0].tool_calls` must have arguments"),
        (json!([call("{\"a\":")]), "`messages[0].tool_calls` must have arguments"),
    ] {
        let refusal = small(json!({"messages": messages}), json!({})).expect_err("a refusal");
        assert!(refusal.starts_with(wanted), "{refusal}");
    }
    assert!(hello(json!({"generationConfig": 7})).is_err());
    assert!(hello(json!({"modalities": ["text", "audio"]})).is_err());
}

#[test]
fn a_signature_comes_and_goes_in_googles_own_form_as_well() {
    let call = |extra: Value| {
        let mut call = json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}});
        call["extra_content"] = extra;
        let result = json!({"role": "tool", "tool_call_id": "c1", "content": "1"});
        let said = json!({"role": "assistant", "tool_calls": [call]});
        let request = json!({"messages": [{"role": "user", "content": "Hi."}, said, result]});
        let (body, _) = small(request, json!({})).expect("a body");
        body["contents"][1]["parts"][0]["thoughtSignature"].clone()
    };
    assert_eq!(call(json!({"google": {"thought_signature": "sig"}})), "sig");
    assert_eq!(call(Value::Null), "skip_thought_signature_validator");

    let part = json!({"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "sig"});
    let body = json!({"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]}).to_string();
    let (completion, _) = together(reply(body.as_bytes()).expect("an answer"));
    let message = &completion["choices"][0]["message"];
    assert_eq!(message["tool_calls"][0]["extra_content"]["google"]["thought_signature"], "sig");
    assert_eq!(message["reasoning_details"][0]["data"], "sig");
}
