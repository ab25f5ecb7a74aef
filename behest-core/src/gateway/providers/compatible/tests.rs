//! Requests and answers of the providers that are near OpenAI, in the form in which their documents show them.

use serde_json::json;

use super::*;
use crate::gateway::providers::translate::fixtures::REQUESTS;

fn asked(provider: Compatible, request: &str, stream: bool) -> Result<(Value, Vec<String>), String> {
    let mut fields: Fields = serde_json::from_str(request).expect("an object");
    let messages: Vec<Box<RawValue>> =
        serde_json::from_str(fields.take("messages").expect("messages").get()).expect("a list");
    let target = Target { model: "theirs", max_output: None, stream };
    let (body, dropped) = provider.request(fields, &messages, &target).map_err(|error| error.to_string())?;
    Ok((serde_json::from_slice(&body).expect("JSON"), dropped))
}

fn hello(provider: Compatible, fields: Value) -> Result<(Value, Vec<String>), String> {
    let mut request = json!({"messages": [{"role": "user", "content": "Hi."}]});
    let Value::Object(fields) = fields else { panic!("an object") };
    request.as_object_mut().expect("an object").extend(fields);
    asked(provider, &request.to_string(), false)
}

fn mended(provider: Compatible, answer: Value) -> Option<Value> {
    let answer = provider.mend(answer.to_string().as_bytes())?;
    Some(serde_json::from_slice(&answer).expect("JSON"))
}

#[test]
fn every_request_is_said_in_mistrals_words() {
    for (name, request) in REQUESTS {
        let stream = *name == "unknown_fields";
        let shown = match asked(Compatible::Mistral, request, stream) {
            Ok((body, dropped)) => {
                format!("{}\ndropped: {dropped:?}", serde_json::to_string_pretty(&body).expect("JSON"))
            }
            Err(refusal) => format!("refused: {refusal}"),
        };
        insta::assert_snapshot!(format!("mistral_{name}"), shown);
    }
}

#[test]
fn the_parameters_that_mistral_knows_go_on_as_they_came() {
    let request = r#"{"messages":[],"top_p":0.50,"safe_prompt":true,"metadata":{"x":1.0}}"#;
    let mut fields: Fields = serde_json::from_str(request).expect("an object");
    fields.take("messages");
    let target = Target { model: "mistral-small-latest", max_output: None, stream: false };
    let (body, dropped) = Compatible::Mistral.request(fields, &[], &target).expect("a body");
    let wanted = r#"{"top_p":0.50,"safe_prompt":true,"metadata":{"x":1.0},"model":"mistral-small-latest","messages":[]}"#;
    assert_eq!((&body[..], dropped), (wanted.as_bytes(), vec![]));
}

#[test]
fn a_last_turn_of_the_assistant_is_a_prefix_unless_it_calls() {
    let messages = |last: Value| {
        let said = json!({"role": "assistant", "content": "A"});
        hello(Compatible::Mistral, json!({"messages": [said, last]})).expect("a body").0["messages"].clone()
    };
    let written = messages(json!({"role": "assistant", "content": "B"}));
    assert_eq!((written[0].get("prefix"), written[1].get("prefix")), (None, Some(&json!(true))));
    let written = messages(json!({"role": "assistant", "content": "B", "prefix": false}));
    assert_eq!(written[1]["prefix"], json!(false));
    let call = json!({"id": "abcDEF123", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let written = messages(json!({"role": "assistant", "tool_calls": [call]}));
    assert_eq!((&written[1]["tool_calls"], written[1].get("prefix")), (&json!([call]), None));
}

#[test]
fn the_ids_of_calls_fit_mistral_and_still_name_their_results() {
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "x"});
    let calls = json!({"role": "assistant", "tool_calls": [call("call_1"), call("call_2")]});
    let fields = json!({"messages": [calls, result("call_2"), result("call_1")]});
    let (body, _) = hello(Compatible::Mistral, fields).expect("a body");
    let messages = &body["messages"];
    let ids = [&messages[0]["tool_calls"][0]["id"], &messages[0]["tool_calls"][1]["id"]];
    assert_ne!(ids[0], ids[1]);
    assert_eq!([&messages[2]["tool_call_id"], &messages[1]["tool_call_id"]], ids);
    for id in ids {
        let id = id.as_str().expect("text");
        assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
    }
}

#[test]
fn a_tier_is_one_that_mistral_has() {
    for (tier, wanted, dropped) in [
        (json!("auto"), json!("auto"), vec![]),
        (json!("default"), json!("standard_only"), vec![]),
        (json!("standard_only"), json!("standard_only"), vec![]),
        (json!(null), json!(null), vec![]),
        (json!("flex"), json!(null), vec!["service_tier".to_owned()]),
        (json!("priority"), json!(null), vec!["service_tier".to_owned()]),
    ] {
        let (body, left_out) =
            hello(Compatible::Mistral, json!({"service_tier": tier, "logprobs": true})).expect("a body");
        assert_eq!((&body["service_tier"], left_out), (&wanted, dropped), "{tier}");
        assert_eq!(body["logprobs"], json!(true));
    }
}

#[test]
fn a_signature_of_geminis_on_a_call_goes_to_no_other_model() {
    let call = json!({"id": "abcDEF123", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let mut signed = call.clone();
    signed["extra_content"] = json!({"google": {"thought_signature": "sig"}});
    let messages = json!([{"role": "assistant", "tool_calls": [signed]}]);
    for provider in [Compatible::Mistral, Compatible::OpenRouter] {
        let (body, dropped) = hello(provider, json!({"messages": messages})).expect("a body");
        assert_eq!((&body["messages"][0]["tool_calls"], dropped), (&json!([call]), vec![]));
    }
}

#[test]
fn mistrals_own_names_win_and_nothing_is_asked_twice() {
    let fields = json!({
        "seed": 1, "random_seed": 2, "max_completion_tokens": 3, "max_tokens": 4, "stream_options": {"include_usage": true},
        "store": null, "user": "u",
    });
    let (body, dropped) = hello(Compatible::Mistral, fields).expect("a body");
    assert_eq!((&body["random_seed"], &body["max_tokens"]), (&json!(2), &json!(3)));
    for name in ["seed", "max_completion_tokens", "stream_options", "store", "user"] {
        assert_eq!(body.get(name), None, "{name}");
    }
    assert_eq!(dropped, ["user"]);
    let (body, _) =
        hello(Compatible::Mistral, json!({"max_completion_tokens": null, "seed": null})).expect("a body");
    assert_eq!((body.get("max_tokens"), body.get("random_seed")), (None, None));
}

#[test]
fn what_mistral_has_nothing_like_is_refused() {
    let unknown = json!({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "g"}}]}});
    for (fields, wanted) in [
        (
            json!({"functions": []}),
            "`functions` cannot be sent to Mistral: OpenAI has replaced it; send `tools`",
        ),
        (
            json!({"modalities": ["audio"]}),
            "`modalities` cannot be sent to Mistral: only text comes back; leave it out",
        ),
        (json!({"tool_choice": unknown}), "`tool_choice` must name tools that are in `tools`"),
        (json!({"tools": "none"}), "`tools` must be a list"),
        (json!({"messages": [7]}), "`messages[0]` must be an object"),
    ] {
        assert_eq!(hello(Compatible::Mistral, fields).expect_err("a refusal"), wanted);
    }
    assert!(hello(Compatible::Mistral, json!({"modalities": ["text"]})).is_ok());
}

#[test]
fn mistrals_thoughts_are_told_apart_from_its_words_and_go_back() {
    let thinking = json!({"type": "thinking", "thinking": [{"type": "text", "text": "7 × "}, {"type": "text", "text": "13"}]});
    let reference = json!({"type": "reference", "reference_ids": [0]});
    let content = json!([thinking, {"type": "text", "text": "No"}, {"type": "text", "text": "."}, reference]);
    let usage = json!({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3});
    let answer = json!({
        "id": "x", "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": usage,
    });
    let mended_answer = mended(Compatible::Mistral, answer).expect("a mended one");
    let message = &mended_answer["choices"][0]["message"];
    assert_eq!(
        *message,
        json!({"role": "assistant", "content": "No.", "reasoning_content": "7 × 13", "annotations": [reference]})
    );
    assert_eq!((&mended_answer["usage"], &mended_answer["id"]), (&usage, &json!("x")));

    let again = json!({"messages": [message]}).to_string();
    let (body, _) = asked(Compatible::Mistral, &again, false).expect("a body");
    let thinking = json!({"type": "thinking", "thinking": [{"type": "text", "text": "7 × 13"}]});
    let wanted = json!({
        "role": "assistant", "content": [thinking, {"type": "text", "text": "No."}], "prefix": true,
    });
    assert_eq!(body["messages"], json!([wanted]));
}

#[test]
fn the_name_of_a_speaker_is_dropped_and_said() {
    let messages = json!([{"role": "user", "content": "Hi.", "name": "ada"}]);
    let (body, dropped) = hello(Compatible::Mistral, json!({"messages": messages})).expect("a body");
    assert_eq!(
        (&body["messages"], dropped),
        (&json!([{"role": "user", "content": "Hi."}]), vec!["messages.name".to_owned()])
    );
}

#[test]
fn annotations_in_a_stream_have_their_places_in_each_choice() {
    let chunk = |choice: u64, ids: &[u64]| {
        let annotations: Vec<Value> =
            ids.iter().map(|id| json!({"type": "reference", "reference_ids": [id]})).collect();
        json!({"choices": [{"index": choice, "delta": {"annotations": annotations}}]}).to_string()
    };
    let mut counts = BTreeMap::new();
    let mut places = |choice, ids: &[u64]| {
        let numbered = number_annotations(chunk(choice, ids).as_bytes(), &mut counts).expect("annotations");
        let numbered: Value = serde_json::from_slice(&numbered).expect("JSON");
        let annotations = numbered["choices"][0]["delta"]["annotations"].as_array().expect("a list").clone();
        annotations.iter().map(|annotation| annotation["index"].as_u64()).collect::<Vec<_>>()
    };
    assert_eq!(places(0, &[7, 8]), [Some(0), Some(1)]);
    assert_eq!(places(1, &[7]), [Some(0)]);
    assert_eq!(places(0, &[9]), [Some(2)]);
    assert_eq!(number_annotations(b"{\"choices\":[]}", &mut counts), None);
}

#[test]
fn a_chunk_of_mistrals_thoughts_has_no_words() {
    let thinking = json!([{"type": "thinking", "thinking": "so"}]);
    let chunk = json!({"choices": [{"index": 0, "delta": {"content": thinking}, "finish_reason": null}]});
    let wanted = json!({
        "choices": [{"index": 0, "delta": {"content": null, "reasoning_content": "so"}, "finish_reason": null}],
    });
    assert_eq!(mended(Compatible::Mistral, chunk), Some(wanted));
    let full = json!({"choices": [{"index": 0, "delta": {"content": "t"}, "finish_reason": "model_length"}]});
    let full = mended(Compatible::Mistral, full).expect("a mended one");
    assert_eq!(full["choices"][0], json!({"index": 0, "delta": {"content": "t"}, "finish_reason": "length"}));
}

#[test]
fn an_answer_that_is_in_openais_words_goes_on_as_it_came() {
    let plain =
        json!({"choices": [{"index": 0, "delta": {"content": "[thinking]"}, "finish_reason": "stop"}]});
    for provider in [Compatible::Mistral, Compatible::OpenRouter, Compatible::Azure] {
        assert_eq!(mended(provider, plain.clone()), None);
        assert_eq!(provider.mend(b"\"reasoning\" is no JSON"), None);
        assert_eq!(mended(provider, json!({"choices": [], "usage": {"prompt_tokens": 1}})), None);
    }
    let filtered = json!({
        "choices": [{
            "index": 0, "finish_reason": "content_filter", "message": {"role": "assistant"},
            "content_filter_results": {"hate": {"filtered": true, "severity": "high"}},
        }],
        "prompt_filter_results": [{"prompt_index": 0}],
    });
    assert_eq!(mended(Compatible::Azure, filtered), None);
}

#[test]
fn openrouter_is_asked_for_effort_in_its_words_and_for_the_rest_as_it_came() {
    let own = json!({
        "provider": {"order": ["a"]}, "models": ["b"], "transforms": ["middle-out"], "plugins": [{"id": "web"}], "n": 2,
        "reasoning_effort": "high", "top_k": 3,
    });
    let (body, dropped) = hello(Compatible::OpenRouter, own.clone()).expect("a body");
    for name in ["provider", "models", "transforms", "plugins", "n", "top_k"] {
        assert_eq!(body[name], own[name], "{name}");
    }
    assert_eq!((&body["reasoning"], body.get("reasoning_effort")), (&json!({"effort": "high"}), None));
    assert_eq!((body.get("usage"), &body["model"]), (None, &json!("theirs")));
    assert!(dropped.is_empty());
    let both =
        json!({"reasoning_effort": "high", "reasoning": {"max_tokens": 9}, "usage": {"include": false}});
    let (body, _) = hello(Compatible::OpenRouter, both).expect("a body");
    // Usage comes without being asked for, and the published request has no field for it any more.
    assert_eq!((&body["reasoning"], body.get("usage")), (&json!({"max_tokens": 9}), None));
}

#[test]
fn openrouters_thoughts_have_the_name_that_others_give_them_and_their_details_stay() {
    let details = json!([{"type": "reasoning.text", "text": "so", "signature": "s", "index": 0}]);
    for part in ["message", "delta"] {
        let answer = json!({"choices": [{"index": 0, part: {"content": "x", "reasoning": "so", "reasoning_details": details}}]});
        let mended = mended(Compatible::OpenRouter, answer).expect("a mended one");
        assert_eq!(
            mended["choices"][0][part],
            json!({"content": "x", "reasoning": "so", "reasoning_details": details, "reasoning_content": "so"})
        );
    }
    let silent = json!({"choices": [{"index": 0, "delta": {"content": "x", "reasoning": null}}]});
    assert_eq!(mended(Compatible::OpenRouter, silent), None);
}

#[test]
fn openrouter_gets_thoughts_back_by_its_own_name_for_them() {
    let back = |said: Value| {
        let request = json!({"messages": [{"role": "user", "content": "\"reasoning_content\""}, said]});
        let (body, dropped) = asked(Compatible::OpenRouter, &request.to_string(), false).expect("a body");
        assert!(dropped.is_empty());
        body["messages"][1].clone()
    };
    let own = json!({"type": "reasoning.text", "text": "so", "signature": "s"});
    let anthropics = json!({"type": "thinking", "thinking": "so", "signature": "s"});
    let said =
        json!({"role": "assistant", "reasoning_content": "so", "reasoning_details": [anthropics, own]});
    let wanted = json!({"role": "assistant", "reasoning_details": [own], "reasoning": "so"});
    assert_eq!(back(said), wanted);
    let said = json!({"role": "assistant", "content": "x", "reasoning_content": "so", "reasoning": "mine"});
    assert_eq!(back(said), json!({"role": "assistant", "content": "x", "reasoning": "mine"}));
}

#[test]
fn a_stream_asks_for_usage_where_that_must_be_asked_for() {
    let request = r#"{"messages":[],"stream":true,"stream_options":{"include_usage":false,"other":1}}"#;
    for provider in [Compatible::OpenRouter, Compatible::Azure] {
        let (body, _) = asked(provider, request, true).expect("a body");
        assert_eq!(body["stream_options"], json!({"include_usage": true, "other": 1}));
    }
    let (body, _) = asked(Compatible::Mistral, request, true).expect("a body");
    assert_eq!(body.get("stream_options"), None);
}

#[test]
fn azure_gets_everything_as_it_came_for_the_deployment() {
    for (name, request) in REQUESTS {
        let mut wanted: Value = serde_json::from_str(request).expect("a request");
        let stream = wanted["stream"] == true;
        let (body, dropped) = asked(Compatible::Azure, request, stream).expect("a body");
        wanted["model"] = json!("theirs");
        assert_eq!((body, dropped), (wanted, vec![]), "{name}");
    }
}

#[test]
fn the_rules_speak_of_every_parameter_once_and_in_order() {
    for provider in [Compatible::Mistral, Compatible::OpenRouter, Compatible::Azure] {
        let names: Vec<&str> = provider.rules().iter().map(|(name, _)| *name).collect();
        assert!(names.is_sorted(), "{}: {names:?}", provider.name());
        for (name, _) in crate::gateway::providers::cohere::RULES {
            let coheres = [
                "citation_options",
                "documents",
                "k",
                "p",
                "priority",
                "safety_mode",
                "strict_tools",
                "thinking",
                "top_k",
            ];
            assert!(names.contains(name) || coheres.contains(name), "{} leaves {name} out", provider.name());
        }
    }
}
