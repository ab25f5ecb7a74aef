//! Every kind of request, and answers plain and streamed, in the form in which the documents show them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Reader, reply, request};
use crate::gateway::providers::ProviderError;
use crate::gateway::providers::translate::fixtures::{self, REQUESTS, split};
use crate::gateway::providers::translate::{Event, Target, answer};
use crate::sse;

macro_rules! answers {
    ($($name:literal),+) => {
        /// By name: the plain answer, and the stream of the same.
        const ANSWERS: &[(&str, &str, &str)] = &[$((
            $name,
            include_str!(concat!("fixtures/", $name, ".json")),
            include_str!(concat!("fixtures/", $name, ".sse")),
        )),+];
    };
}

answers!["citations", "length", "refusal", "text", "thinking", "tools"];

fn fixture(name: &str) -> &'static str {
    REQUESTS.iter().find(|(known, _)| *known == name).expect("a fixture").1
}

/// What becomes of a request, its model's name left out.
fn translated(wanted: &str, model: &str, max_output: Option<u64>) -> Value {
    let (messages, parameters) = split(wanted);
    let stream = parameters.get("stream") == Some(&json!(true));
    match request(&messages, parameters, &Target { model, max_output, stream }) {
        Ok((mut body, dropped)) => {
            let told = body.as_object_mut().expect("an object").shift_remove("model");
            assert_eq!(told, Some(json!(model)));
            json!({ "body": body, "dropped": dropped })
        }
        Err(error) => json!({ "refused": error.to_string() }),
    }
}

/// The request with one more parameter.
fn with(name: &str, parameter: &str, value: Value) -> String {
    let mut wanted: Value = serde_json::from_str(fixture(name)).expect("a request");
    wanted[parameter] = value;
    wanted.to_string()
}

#[test]
fn every_kind_of_request_is_said_in_anthropics_words() {
    for (name, wanted) in REQUESTS {
        let newest = translated(wanted, "claude-opus-5-5", Some(128_000));
        let older = translated(wanted, "claude-sonnet-4-5", Some(64_000));
        let older = if without_bound(&older) == without_bound(&newest) { json!("the same") } else { older };
        let both = json!({ "claude-opus-5-5": newest, "claude-sonnet-4-5": older });
        insta::assert_json_snapshot!(format!("anthropic_request_{name}"), both);
    }
}

fn without_bound(translated: &Value) -> Value {
    let mut translated = translated.clone();
    if let Some(body) = translated.get_mut("body").and_then(Value::as_object_mut) {
        body.remove("max_tokens");
    }
    translated
}

#[test]
fn a_bound_is_the_clients_or_the_models_or_ours() {
    let bound = |name, max_output| {
        translated(fixture(name), "claude-opus-5-5", max_output)["body"]["max_tokens"].clone()
    };
    assert_eq!(bound("text", Some(128_000)), 300);
    assert_eq!(bound("prefill", Some(128_000)), 128_000);
    assert_eq!(bound("prefill", None), 4096);
}

#[test]
fn an_effort_becomes_what_the_model_knows() {
    let effort = |model: &str, effort: &str| {
        let asked = translated(&with("prefill", "reasoning_effort", json!(effort)), model, Some(128_000));
        let body = &asked["body"];
        (body["thinking"].clone(), body["output_config"]["effort"].clone(), asked["dropped"].clone())
    };
    let adaptive = json!({"type": "adaptive", "display": "summarized"});
    let heard = json!([]);
    let unheard = json!(["reasoning_effort"]);
    for (model, wanted, thinking, word, dropped) in [
        ("claude-opus-5-5", "minimal", adaptive.clone(), json!("low"), &heard),
        ("claude-opus-5-5", "xhigh", adaptive.clone(), json!("xhigh"), &heard),
        ("claude-sonnet-4-6", "xhigh", adaptive.clone(), json!("max"), &heard),
        ("claude-opus-5-5", "none", Value::Null, json!("low"), &unheard),
        ("claude-sonnet-5-5", "none", json!({"type": "between_tools"}), Value::Null, &heard),
        ("claude-haiku-5-5", "none", json!({"type": "disabled"}), Value::Null, &heard),
        ("claude-opus-4-8", "none", Value::Null, Value::Null, &heard),
        ("claude-3-5-haiku-20241022", "high", Value::Null, Value::Null, &unheard),
        ("claude-3-5-haiku-20241022", "none", Value::Null, Value::Null, &heard),
    ] {
        assert_eq!(effort(model, wanted), (thinking, word, dropped.clone()), "{model} {wanted}");
    }
}

#[test]
fn a_budget_leaves_room_for_the_answer_and_is_dropped_where_it_would_be_refused() {
    let asked = |name: &str, bound: Option<u64>, effort: &str, max_output: Option<u64>| {
        let mut wanted: Value = serde_json::from_str(fixture(name)).expect("a request");
        wanted["reasoning_effort"] = json!(effort);
        wanted["max_completion_tokens"] = json!(bound);
        let asked = translated(&wanted.to_string(), "claude-haiku-4-5", max_output);
        (asked["body"]["thinking"]["budget_tokens"].clone(), asked["body"]["max_tokens"].clone())
    };
    assert_eq!(asked("text", None, "high", Some(64_000)), (json!(16_384), json!(64_000)));
    assert_eq!(asked("text", None, "high", None), (json!(16_384), json!(20_480)));
    assert_eq!(asked("text", Some(5000), "high", None), (json!(2500), json!(5000)));
    assert_eq!(asked("text", Some(2000), "low", None), (Value::Null, json!(2000)));
    // The model's turn goes on after a call, and its beginning brings thoughts or none.
    assert_eq!(asked("reasoning", None, "low", None).0, 4096);
    assert_eq!(asked("tools", None, "low", None).0, Value::Null);
    assert_eq!(asked("prefill", None, "low", None).0, Value::Null);
    assert_eq!(asked("tool_choice_required", None, "low", None).0, Value::Null);
}

#[test]
fn sampling_goes_as_far_as_the_model_takes_it() {
    let sampled = |model: &str, top_p: f64, effort: Value| {
        let mut wanted: Value =
            serde_json::from_str(&with("text", "top_p", json!(top_p))).expect("a request");
        for message in wanted["messages"].as_array_mut().expect("messages") {
            message.as_object_mut().expect("a message").remove("name");
        }
        wanted["temperature"] = json!(0.5);
        wanted["top_k"] = json!(7);
        wanted["max_completion_tokens"] = json!(9000);
        wanted["reasoning_effort"] = effort;
        let asked = translated(&wanted.to_string(), model, None);
        let body = &asked["body"];
        let values = json!([body["temperature"], body["top_p"], body["top_k"]]);
        (values, asked["dropped"].clone())
    };
    let none = json!([]);
    let all = json!(["temperature", "top_p", "top_k"]);
    for (model, top_p, effort, values, dropped) in [
        ("claude-opus-4-20250514", 0.5, Value::Null, json!([0.5, 0.5, 7]), &none),
        ("claude-sonnet-4-6", 0.5, Value::Null, json!([0.5, null, 7]), &json!(["top_p"])),
        ("claude-sonnet-4-6", 1.0, Value::Null, json!([0.5, null, 7]), &none),
        ("claude-sonnet-4-6", 0.5, json!("low"), json!([null, null, null]), &all),
        (
            "claude-sonnet-4-6",
            0.97,
            json!("low"),
            json!([null, 0.97, null]),
            &json!(["temperature", "top_k"]),
        ),
        ("claude-sonnet-5", 0.97, Value::Null, json!([null, null, null]), &all),
        ("somebody-elses", 0.5, Value::Null, json!([0.5, 0.5, 7]), &none),
    ] {
        assert_eq!(sampled(model, top_p, effort), (values, dropped.clone()), "{model} {top_p}");
    }
}

#[test]
fn no_rule_stands_twice() {
    let mut names: Vec<&str> = super::RULES.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn a_conversation_with_calls_keeps_their_tools_where_none_may_be_called_any_more() {
    let asked = translated(&with("reasoning", "tools", Value::Null), "claude-opus-5-5", None);
    assert_eq!(asked["body"]["tools"], json!([{"name": "factors", "input_schema": {"type": "object"}}]));
    assert_eq!(asked["body"]["tool_choice"], json!({"type": "none"}));
}

#[test]
fn anthropics_own_parameters_go_on_beside_ours() {
    let mut wanted: Value = serde_json::from_str(fixture("json_schema")).expect("a request");
    wanted["output_config"] = json!({"effort": "max", "task_budget": {"type": "tokens", "total": 1}});
    wanted["thinking"] = json!({"type": "adaptive"});
    wanted["reasoning_effort"] = json!("low");
    wanted["cache_control"] = json!({"type": "ephemeral"});
    let asked = translated(&wanted.to_string(), "claude-opus-5-5", None);
    let body = &asked["body"];
    assert_eq!(body["output_config"]["effort"], "max");
    assert_eq!(body["output_config"]["task_budget"]["total"], 1);
    assert_eq!(body["output_config"]["format"]["type"], "json_schema");
    assert_eq!(body["thinking"], json!({"type": "adaptive"}));
    assert_eq!(body["cache_control"], json!({"type": "ephemeral"}));
}

#[test]
fn what_anthropic_has_no_words_for_is_refused_with_advice() {
    let refused = |wanted: String, model: &str| translated(&wanted, model, None)["refused"].clone();
    for (wanted, model, reason) in [
        (
            with("json_schema", "tools", Value::Null),
            "claude-opus-4-1",
            "`response_format` cannot be sent to anthropic: this model cannot keep to a schema; Claude 4.5 and \
             later can",
        ),
        (with("text", "tool_choice", json!("required")), "claude-opus-5", "`tool_choice` needs `tools`"),
        (
            with("text", "system", json!("be kind")),
            "claude-opus-5",
            "`system` cannot be sent to anthropic: instructions stand in `messages`",
        ),
    ] {
        assert_eq!(refused(wanted, model), reason);
    }
    let loose = translated(fixture("json_schema_loose"), "claude-opus-4-1", None);
    assert!(loose["body"]["system"][0]["text"].as_str().expect("an instruction").contains("\"properties\""));
}

/// The events of a stream that comes in these pieces, and whether it is complete.
fn streamed<'c>(pieces: impl IntoIterator<Item = &'c [u8]>) -> Result<(Vec<Event>, bool), ProviderError> {
    let pieces: Vec<&[u8]> = pieces.into_iter().collect();
    let (events, complete) = fixtures::streamed(Reader::default(), &pieces);
    Ok((events?, complete))
}

fn assembled(events: Vec<Event>) -> Value {
    let (completion, summary) = answer::assemble(events, "ours".to_owned(), "ours".to_owned(), 7);
    json!({ "completion": completion, "tokens": summary.tokens, "finish": summary.finish_reason })
}

#[test]
fn a_stream_put_together_is_the_plain_answer() {
    for (name, plain, stream) in ANSWERS {
        let plain = assembled(reply(plain.as_bytes()).expect("an answer"));
        let (events, complete) = streamed([stream.as_bytes()]).expect("a stream");
        assert!(complete, "{name}");
        assert_eq!(assembled(events), plain, "{name}");
        insta::assert_json_snapshot!(format!("anthropic_answer_{name}"), plain);
    }
}

#[test]
fn a_stream_that_is_cut_off_anywhere_is_not_complete() {
    for (name, _, stream) in ANSWERS {
        let events: Vec<&str> = stream.split_inclusive("\n\n").collect();
        for end in 0..events.len() {
            let cut = events[..end].concat();
            let (_, complete) = streamed([cut.as_bytes()]).expect("no error");
            assert!(!complete, "{name} after {end} events");
        }
    }
}

#[test]
fn every_call_of_a_stream_has_arguments_that_are_json() {
    let (events, _) = streamed([ANSWERS[5].2.as_bytes()]).expect("a stream");
    let arguments = |call: u32| -> String {
        let text = |event: &Event| match event {
            Event::Arguments { index, text, .. } if *index == call => Some(text.clone()),
            _ => None,
        };
        events.iter().filter_map(text).collect()
    };
    assert_eq!(arguments(0), "{\"city\":\"Ōsaka\",\"days\":2}");
    assert_eq!(arguments(1), "{}");
}

#[test]
fn thoughts_that_come_back_are_the_ones_that_were_given() {
    let thinking = ANSWERS[4].1;
    let answer = assembled(reply(thinking.as_bytes()).expect("an answer"));
    let conversation = json!({"messages": [
        {"role": "user", "content": "Is 91 prime?"},
        answer["completion"]["choices"][0]["message"],
        {"role": "tool", "tool_call_id": "toolu_01C", "content": "[7,13]"},
    ]});
    let sent = translated(&conversation.to_string(), "claude-opus-5-5", None);
    let given: Value = serde_json::from_str(thinking).expect("JSON");
    assert_eq!(sent["body"]["messages"][1]["content"], given["content"]);
}

#[test]
fn an_error_in_a_stream_is_told_in_the_providers_words() {
    let overloaded = "event: error\n\
        data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let begun = ANSWERS[3].2.split_inclusive("\n\n").take(4).collect::<String>();
    let error = streamed([begun.as_bytes(), overloaded.as_bytes()]).expect_err("an error");
    assert!(matches!(error, ProviderError::InStream { message } if message == "Overloaded"));
}

#[test]
fn what_is_no_event_is_an_error_and_what_is_not_known_is_none() {
    let read = |data: &str| {
        let event = sse::Event { data: data.to_owned().into(), ..sse::Event::default() };
        Reader::default().read(&event)
    };
    for garbage in [
        "",
        "half of {",
        "[]",
        "{}",
        r#"{"type":"message_start"}"#,
        r#"{"type":"content_block_start","index":0}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"x"}}"#,
        r#"{"type":"content_block_start","index":-1,"content_block":{"type":"text"}}"#,
    ] {
        assert!(matches!(read(garbage), Err(ProviderError::Garbage(_))), "{garbage}");
    }
    for unknown in [r#"{"type":"ping"}"#, r#"{"type":"from_tomorrow","index":7}"#, "[DONE]"] {
        assert_eq!(read(unknown).expect("nothing"), [], "{unknown}");
    }
    let error = read(r#"{"type":"error"}"#).expect_err("an error");
    assert!(matches!(error, ProviderError::InStream { message } if message == "it gave no reason"));
}

proptest! {
    #[test]
    fn chunking_a_stream_changes_nothing(
        which in 0..ANSWERS.len(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let stream = ANSWERS[which].2.as_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|ends| &stream[ends[0]..ends[1]]);
        let whole = streamed([stream]).expect("a stream");
        prop_assert_eq!(&streamed(pieces).expect("a stream"), &whole);
        prop_assert_eq!(streamed(stream.chunks(1)).expect("a stream"), whole);
    }
}
