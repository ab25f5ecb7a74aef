//! Providers with a dialect of their own, through the whole gateway: what they are sent, and what the client gets.

use std::path::Path;

use behest_core::Secret;
use behest_core::gateway::config::ProviderConfig;
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::support::gateway::{PROVIDER_KEY, TestGateway, providers};
use crate::support::scripted::{Script, Scripted, Step};

/// (provider, where it is asked, where a stream is, the header of its key, what stands before the key)
const DIALECTS: [(&str, &str, &str, &str, &str); 3] = [
    ("anthropic", "/v1/messages", "/v1/messages", "x-api-key", ""),
    ("cohere", "/v2/chat", "/v2/chat", "authorization", "Bearer "),
    (
        "gemini",
        "/models/m-1:generateContent",
        "/models/m-1:streamGenerateContent?alt=sse",
        "x-goog-api-key",
        "",
    ),
];

fn fixture(provider: &str, name: &str) -> Bytes {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gateway/providers").join(provider);
    std::fs::read(folder.join("fixtures").join(name)).expect("a recorded answer").into()
}

/// A gateway whose only provider is `name`, which answers with `script`.
async fn before(name: &str, script: Script) -> (TestGateway, Scripted) {
    let server = Scripted::in_turn(vec![script]).await;
    let provider = ProviderConfig {
        base_url: Some(server.base_url()),
        local: true,
        api_key: Some(Secret::new(PROVIDER_KEY)),
        models: Some(vec!["m-1".to_owned()]),
        ..ProviderConfig::default()
    };
    (TestGateway::with(providers([(name, provider)])).await, server)
}

fn request(stream: bool) -> Value {
    let parameters = json!({ "city": { "type": "string" }, "days": { "type": "integer" } });
    let weather = json!({ "name": "weather", "parameters": { "type": "object", "properties": parameters } });
    json!({
        "model": "m-1", "stream": stream, "stream_options": { "include_usage": true }, "logit_bias": { "7": 1 },
        "messages": [{ "role": "system", "content": "Be brief." }, { "role": "user", "content": "Weather?" }],
        "tools": [{ "type": "function", "function": weather }],
    })
}

#[tokio::test]
async fn each_dialect_is_asked_in_its_own_words_and_answers_in_openais() {
    for (name, path, _, header, before_key) in DIALECTS {
        let script = Script::new(200, vec![Step::Send(fixture(name, "tools.json"))]);
        let (gateway, server) = before(name, script.header("content-type", "application/json")).await;
        let answer = gateway.ask(&request(false)).bearer(&gateway.api_key).await;
        let completion = answer.ok();
        let choice = &completion["choices"][0];
        assert_eq!(choice["finish_reason"], "tool_calls", "{name}: {completion}");
        let calls = choice["message"]["tool_calls"].as_array().expect("calls");
        assert!(calls.iter().all(|call| call["id"].is_string() && call["type"] == "function"), "{name}");
        let arguments = calls[0]["function"]["arguments"].as_str().expect("arguments");
        assert!(serde_json::from_str::<Value>(arguments).expect("JSON").is_object(), "{name}");
        assert!(completion["usage"]["total_tokens"].as_u64() > Some(0), "{name}");
        assert_eq!(answer.header("x-behest-provider"), name);
        assert_eq!(answer.header("x-behest-model"), "m-1");
        assert_eq!(answer.header("x-behest-dropped-params"), "logit_bias", "{name}");

        let seen = server.seen(path);
        assert_eq!(seen.len(), 1, "{name} is asked at its own address");
        assert_eq!(seen[0].header(header), format!("{before_key}{PROVIDER_KEY}"));
        assert!(!seen[0].path.contains(PROVIDER_KEY), "no key stands in an address");
        assert!(seen[0].json().get("logit_bias").is_none(), "{name}");
        let used = gateway.get("/v1/usage").bearer(&gateway.api_key).await.ok();
        assert_eq!(
            used["totals"]["tokens"], completion["usage"]["total_tokens"],
            "{name}: the ledger agrees"
        );
    }
}

#[tokio::test]
async fn a_streamed_answer_put_together_is_the_plain_one() {
    for (name, _, path, ..) in DIALECTS {
        let plain = Script::new(200, vec![Step::Send(fixture(name, "text.json"))]);
        let (gateway, _server) = before(name, plain.header("content-type", "application/json")).await;
        let completion = gateway.ask(&request(false)).bearer(&gateway.api_key).await.ok();

        // In pieces that cut characters.
        let steps = fixture(name, "text.sse")
            .chunks(7)
            .map(|piece| Step::Send(Bytes::copy_from_slice(piece)))
            .collect();
        let (gateway, server) = before(name, Script::sse(steps)).await;
        let answer = gateway.ask(&request(true)).bearer(&gateway.api_key).await;
        assert_eq!(server.seen(path).len(), 1, "{name}");
        let events = answer.events();
        assert_eq!(events.last().map(String::as_str), Some("[DONE]"), "{name}");
        let chunks: Vec<Value> = events[..events.len() - 1]
            .iter()
            .map(|event| serde_json::from_str(event).expect("a chunk"))
            .collect();
        let text: String =
            chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
        assert_eq!(completion["choices"][0]["message"]["content"], text, "{name}");
        let finish = chunks.iter().find_map(|chunk| chunk["choices"][0]["finish_reason"].as_str());
        assert_eq!(completion["choices"][0]["finish_reason"].as_str(), finish, "{name}");
        let usage = &chunks.last().expect("a chunk")["usage"];
        assert_eq!(completion["usage"]["total_tokens"], usage["total_tokens"], "{name}");
        let used = gateway.get("/v1/usage").bearer(&gateway.api_key).await.ok();
        assert_eq!(used["totals"]["tokens"], usage["total_tokens"], "{name}: the ledger agrees");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_never_looks_finished() {
    for (name, ..) in DIALECTS {
        let whole = fixture(name, "text.sse");
        // Late enough for text to have come, and before the event that says that all has.
        let steps = vec![Step::Send(whole.slice(..whole.len() * 3 / 4)), Step::Close];
        let (gateway, _server) = before(name, Script::sse(steps)).await;
        let events = gateway.ask(&request(true)).bearer(&gateway.api_key).await.events();
        let last: Value = serde_json::from_str(events.last().expect("an event")).expect("JSON");
        assert_eq!(last["error"]["code"], "upstream_error", "{name}: {events:?}");
    }
}

#[tokio::test]
async fn what_a_dialect_cannot_say_is_refused_before_anything_is_sent() {
    for (name, ..) in DIALECTS {
        let (gateway, server) = before(name, Script::json(200, &json!({}))).await;
        let body = json!({ "model": "m-1", "functions": [{ "name": "f" }], "messages": [{ "role": "user", "content": "hi" }] });
        let error = gateway.ask(&body).bearer(&gateway.api_key).await.refused(400, "validation_error");
        assert_eq!(error["param"], "functions", "{name}: {error}");
        assert!(server.seen("").is_empty(), "{name}");
    }
}

#[tokio::test]
async fn a_number_that_cannot_be_held_is_refused_before_anything_is_sent() {
    for (name, ..) in DIALECTS {
        for parameter in ["temperature", "top_p"] {
            let (gateway, server) = before(name, Script::json(200, &json!({}))).await;
            let body = format!(
                r#"{{"model":"m-1","messages":[{{"role":"user","content":"hi"}}],"{parameter}":1e999}}"#
            );
            let call = gateway.call(Method::POST, "/v1/chat/completions").body(body);
            let error = call.bearer(&gateway.api_key).await.refused(400, "validation_error");
            assert_eq!(error["param"], parameter, "{name}: {error}");
            assert!(server.seen("").is_empty(), "{name}");
        }
    }
}

#[tokio::test]
async fn servers_that_speak_openais_dialect_but_for_some_words_are_asked_in_theirs() {
    let answer = json!({
        "id": "c1", "object": "chat.completion", "created": 1, "model": "m-1",
        "choices": [{ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": "hi" } }],
        "usage": { "prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4 },
    });
    let azure = "/openai/deployments/m-1/chat/completions?api-version=";
    for (name, path, header, before_key, wanted) in [
        (
            "mistral",
            "/chat/completions",
            "authorization",
            "Bearer ",
            json!({"max_tokens": 5, "random_seed": 7}),
        ),
        (
            "openrouter",
            "/chat/completions",
            "authorization",
            "Bearer ",
            json!({"reasoning": {"effort": "low"}}),
        ),
        ("azure", azure, "api-key", "", json!({"max_completion_tokens": 5, "seed": 7})),
    ] {
        let (gateway, server) = before(name, Script::json(200, &answer)).await;
        let body = json!({
            "model": "m-1", "max_completion_tokens": 5, "seed": 7, "reasoning_effort": "low",
            "messages": [{ "role": "user", "content": "hi" }],
        });
        let completion = gateway.ask(&body).bearer(&gateway.api_key).await.ok();
        assert_eq!(completion["choices"][0]["message"]["content"], "hi", "{name}");
        let seen = server.seen(path);
        assert_eq!(seen.len(), 1, "{name} is asked at its own address");
        assert_eq!(seen[0].header(header), format!("{before_key}{PROVIDER_KEY}"), "{name}");
        let sent = seen[0].json();
        for (field, value) in wanted.as_object().expect("fields") {
            assert_eq!(&sent[field], value, "{name}: {sent}");
        }
    }
}
