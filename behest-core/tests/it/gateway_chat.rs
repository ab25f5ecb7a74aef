//! Chat through a provider: what goes up, what comes down, and what does not.

use std::time::Duration;

use behest_core::gateway::config::Config;
use behest_core::gateway::providers::Timeouts;
use serde_json::{Value, json};

use crate::support::fake::completion;
use crate::support::gateway::{Call, PROVIDER_KEY, TestGateway, provider, providers};
use crate::support::scripted::{Gate, Script, Scripted, Step, chunk, done, event};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn raw(status: u16, body: &str) -> Script {
    Script::new(status, vec![Step::Send(body.to_owned().into())])
}

fn streamed(site: &TestGateway, include_usage: Option<bool>) -> Call {
    let mut body =
        json!({ "model": "fake-1", "stream": true, "messages": [{ "role": "user", "content": "hi" }] });
    if let Some(include_usage) = include_usage {
        body["stream_options"] = json!({ "include_usage": include_usage, "other": 1 });
    }
    site.ask(&body).bearer(&site.api_key)
}

#[tokio::test]
async fn what_is_not_understood_passes_untouched_both_ways() {
    let down = r#"{ "id":"x", "choices":[{"index":0,"message":{"role":"assistant","content":"h\u00e9","new":1.50},"finish_reason":"stop"}],  "usage":{"prompt_tokens":1,"completion_tokens":2,"odd":1e400},"system_fingerprint":null }"#;
    let upstream = Scripted::in_turn(vec![raw(200, down)]).await;
    let site = TestGateway::before(&upstream).await;
    let up = r#"{"temperature":0.10,"model":"fake-1","seed":18446744073709551615,"future":{"a":[ 1 ,null]},"user":"u\u00e9","messages":[{"role":"user","content":"hi","x":1e400},{"role":"critic","content":null}]}"#;
    let answer = site.chat("").body(up).bearer(&site.api_key).await;
    assert_eq!(String::from_utf8_lossy(&answer.body), down);
    assert_eq!(String::from_utf8_lossy(&upstream.seen("/v1/chat/completions")[0].body), up);
    assert_eq!(answer.header("content-type"), "application/json");
    let told = ["x-behest-model", "x-behest-provider", "x-behest-attempts"].map(|name| answer.header(name));
    assert_eq!(told, ["fake-1", "fake", "1"]);
    // The provider's own prefix is ours, and not sent.
    let up = up.replace("\"fake-1\"", "\"fake/any-name\"");
    let answer = site.chat("").body(up.clone()).bearer(&site.api_key).await;
    assert_eq!(String::from_utf8_lossy(&answer.body), down);
    let sent = upstream.seen("/v1/chat/completions")[1].body.clone();
    assert_eq!(String::from_utf8_lossy(&sent), up.replace("fake/any-name", "any-name"));
}

#[tokio::test]
async fn a_stream_passes_event_by_event_and_usage_only_to_those_who_asked() {
    let odd = r#"{"id":"c", "choices":[{"index":0,"delta":{"content":"h\u00e9"},"new":1.50}],"x":null}"#;
    let last = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":500}}"#;
    let script = Script::sse(vec![event(odd), event(last), event(usage), done()]);
    let upstream = Scripted::in_turn(vec![script]).await;
    let site = TestGateway::before(&upstream).await;
    site.set(&json!({ "unknown_price_policy": "flag" })).await;
    for asked in [None, Some(false), Some(true)] {
        let answer = streamed(&site, asked).await;
        assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8");
        let mut wanted = vec![odd, last];
        wanted.extend((asked == Some(true)).then_some(usage));
        wanted.push("[DONE]");
        assert_eq!(answer.events(), wanted, "{asked:?}");
        let sent = upstream.seen("/v1/chat/completions").pop().expect("a request").json();
        assert_eq!(sent["stream_options"]["include_usage"], true, "asked upstream, always");
        assert_eq!(sent["stream_options"].get("other").is_some(), asked.is_some());
    }
    let report = site.get("/v1/usage").bearer(&site.api_key).await.ok();
    assert_eq!(
        (&report["totals"]["input_tokens"], &report["totals"]["output_tokens"]),
        (&json!(3000), &json!(1500))
    );
    assert_eq!(report["totals"]["estimated_requests"], 0);
}

#[tokio::test]
async fn of_the_clients_headers_only_the_trace_goes_up_and_never_its_credential() {
    let upstream = Scripted::in_turn(vec![Script::json(200, &completion("hi"))]).await;
    let site = TestGateway::before(&upstream).await;
    let token = site.token("ann").await;
    for credential in [&site.api_key, &token] {
        let call = site.ask(&json!({ "model": "fake-1", "messages": [{ "role": "user", "content": "hi" }] }));
        let call = call.bearer(credential).user("ann").thread("t").header("traceparent", TRACEPARENT);
        let call = call.header("tracestate", "a=b").header("x-stainless-lang", "js").header("cookie", "c=d");
        let call = call.header("x-behest-tags", "a=b").header("openai-organization", "org");
        call.header("user-agent", "test")
            .header("accept", "*/*")
            .header("x-forwarded-for", "10.0.0.1")
            .await
            .ok();
        let seen = upstream.seen("/v1/chat/completions").pop().expect("a request");
        let mut names: Vec<&str> = seen.headers.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["authorization", "content-length", "content-type", "host", "traceparent"]);
        assert_eq!((seen.bearer(), seen.header("traceparent")), (PROVIDER_KEY, TRACEPARENT));
    }
    site.ask(&json!({ "model": "fake-1", "messages": [{ "role": "user", "content": "hi" }] }))
        .bearer(&token)
        .await
        .ok();
    let seen = upstream.seen("/v1/chat/completions").pop().expect("a request");
    assert!(!seen.headers.contains_key("traceparent"), "none is made up");
}

#[tokio::test]
async fn every_answer_has_one_trace_id_under_two_names() {
    let site = TestGateway::start().await;
    let calls = || {
        [
            site.chat("hello").bearer(&site.api_key),
            site.chat("hello"),
            site.ask(&json!({})).bearer(&site.api_key),
            site.get("/v1/nothing"),
            site.get("/health"),
            site.get("/v1/projects"),
            site.get("/health").host("evil.example"),
        ]
    };
    let mut seen = std::collections::HashSet::new();
    for call in calls() {
        let answer = call.await;
        let id = answer.header("x-trace-id").to_owned();
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{answer:?}");
        assert_eq!(answer.header("x-request-id"), id);
        assert!(seen.insert(id), "each has its own");
    }
    for call in calls() {
        let answer = call.header("traceparent", TRACEPARENT).await;
        assert_eq!(answer.header("x-trace-id"), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(answer.header("x-request-id"), "4bf92f3577b34da6a3ce929d0e0e4736");
    }
}

#[tokio::test]
async fn a_providers_refusal_is_passed_on_without_its_key() {
    let leaky = json!({ "error": { "message": format!("bad key {PROVIDER_KEY}"), "param": "messages" } });
    let slow = Script::json(429, &leaky).header("retry-after", "60");
    let scripts = vec![Script::json(400, &leaky), Script::json(422, &leaky), Script::json(401, &leaky), slow];
    let upstream = Scripted::in_turn(scripts).await;
    let site = TestGateway::before(&upstream).await;
    let ask = || site.ask(&json!({ "model": "fake-1", "messages": [{ "role": "user", "content": "hi" }] }));
    let wanted = [(400, "validation_error", 400), (422, "validation_error", 422)];
    for (status, code, of_the_provider) in
        [&wanted[..], &[(502, "upstream_error", 401), (502, "upstream_error", 429)]].concat()
    {
        let answer = ask().bearer(&site.api_key).await;
        let error = answer.refused(status, code);
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains("bad key [key]") && !message.contains(PROVIDER_KEY), "{message}");
        assert_eq!(
            error["details"],
            json!({ "provider": "fake", "provider_status": of_the_provider, "attempts": 1 })
        );
        assert_eq!(answer.header("x-should-retry"), if status == 502 { "false" } else { "" });
    }
    assert_eq!(upstream.seen("/v1/chat/completions").len(), 4, "none of these gets better by asking again");
}

#[tokio::test]
async fn the_gateway_asks_again_by_itself_and_counts_each_attempt() {
    let busy = Script::json(503, &json!({ "error": { "message": "busy" } }));
    let upstream = Scripted::in_turn(vec![busy, Script::json(200, &completion("hi"))]).await;
    let site = TestGateway::before(&upstream).await;
    let answer = site.ask(&json!({ "model": "fake-1", "messages": [{ "role": "user", "content": "hi" }] }));
    let answer = answer.bearer(&site.api_key).await;
    assert_eq!((answer.text().as_str(), answer.header("x-behest-attempts")), ("hi", "2"));
    assert_eq!(site.usage_by("status").await, [(json!("failed"), 1), (json!("ok"), 1)]);
}

#[tokio::test]
async fn broken_providers_become_errors_that_never_look_finished() {
    let half = Step::Send("data: {\"choices\":[{\"index\"".to_owned().into());
    let upstream = Scripted::in_turn(vec![
        raw(200, "<html>"),
        raw(200, "{}"),
        Script::sse(vec![Step::Close]),
        Script::sse(vec![event("nonsense")]),
        Script::sse(vec![chunk("a"), half, Step::Close]),
        Script::sse(vec![chunk("a")]),
        Script::sse(vec![chunk("a"), event("nonsense")]),
    ])
    .await;
    let site = TestGateway::before(&upstream).await;
    for _ in 0..2 {
        let body = json!({ "model": "fake-1", "messages": [{ "role": "user", "content": "hi" }] });
        site.ask(&body).bearer(&site.api_key).await.refused(502, "upstream_error");
    }
    for _ in 0..2 {
        streamed(&site, None).await.refused(502, "upstream_error");
    }
    for _ in 0..3 {
        let events = streamed(&site, None).await.events();
        assert_eq!(events.len(), 2, "{events:?}");
        let problem: Value = serde_json::from_str(&events[1]).expect("JSON");
        assert_eq!(problem["error"]["code"], "upstream_error", "{problem}");
    }
}

#[tokio::test]
async fn a_silent_provider_is_timed_out_in_every_phase() {
    let never = Gate::new();
    let scripts = vec![Script::sse(vec![Step::Hang]), Script::sse(vec![chunk("a"), Step::Wait(never)])];
    let upstream = Scripted::in_turn(scripts).await;
    let short = Timeouts { idle: Duration::from_millis(60), ..Timeouts::default() };
    let config = providers([("fake", provider(&upstream, &["fake-1"]))]);
    let site = TestGateway::with(Config { timeouts: short, ..config }).await;
    let answer = streamed(&site, None).await;
    answer.refused(504, "upstream_timeout");
    assert_eq!(answer.header("x-should-retry"), "false");
    let events = streamed(&site, None).await.events();
    assert!(events.len() == 2 && events[1].contains("\"upstream_timeout\""), "{events:?}");
    assert_eq!(site.usage_by("status").await, [(json!("timed_out"), 2)]);
    upstream.departures(2).await;
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_a_502() {
    let gone = {
        let upstream = Scripted::in_turn(vec![Script::reset()]).await;
        provider(&upstream, &["fake-1"])
    };
    let site = TestGateway::with(providers([("fake", gone)])).await;
    let body = json!({ "model": "fake-1", "messages": [{ "role": "user", "content": "hi" }] });
    let error = site.ask(&body).bearer(&site.api_key).await.refused(502, "upstream_error");
    assert!(error["message"].as_str().is_some_and(|message| !message.contains("127.0.0.1")), "{error}");
    assert_eq!(site.usage_by("status").await, [(json!("failed"), 3)]);
}

#[tokio::test]
async fn bodies_that_are_no_chats_are_refused_before_any_provider_is_asked() {
    let upstream = Scripted::in_turn(vec![Script::json(200, &completion("hi"))]).await;
    let config = providers([("fake", provider(&upstream, &["fake-1"]))]);
    let site = TestGateway::with(Config { max_body_bytes: 4096, ..config }).await;
    let user = json!([{ "role": "user", "content": "hi" }]);
    for (param, body) in [
        ("messages", json!({ "model": "fake-1" })),
        ("messages", json!({ "messages": [] })),
        ("messages", json!({ "messages": "hi" })),
        ("messages", json!({ "messages": [{ "content": "hi" }] })),
        ("messages", json!({ "messages": ["hi"] })),
        ("model", json!({ "messages": user, "model": 7 })),
        ("stream", json!({ "messages": user, "stream": "yes" })),
        ("stream_options", json!({ "messages": user, "stream": true, "stream_options": 1 })),
        ("max_tokens", json!({ "messages": user, "max_tokens": -1 })),
        ("max_completion_tokens", json!({ "messages": user, "max_completion_tokens": "1" })),
    ] {
        let answer = site.ask(&body).bearer(&site.api_key).await;
        assert_eq!(answer.refused(400, "validation_error")["param"], param, "{body}");
    }
    for body in ["", "{", "[]", "null", "{\"messages\":[{\"role\":\"user\",\"content\":\"secret"] {
        let call = site.chat("").body(body).bearer(&site.api_key);
        let error = call.await.refused(400, "validation_error");
        assert!(!error["message"].as_str().expect("a message").contains("secret"), "{error}");
    }
    let invalid =
        [&b"{\"messages\":[{\"role\":\"user\",\"content\":\""[..], &[0xff, 0xfe], b"\"}]}"].concat();
    site.chat("").body(invalid).bearer(&site.api_key).await.refused(400, "validation_error");
    site.chat(&"x".repeat(4096)).bearer(&site.api_key).await.refused(413, "request_too_large");
    // A body that never says how long it is, too.
    assert!(upstream.seen("/v1/chat/completions").is_empty());
    assert_eq!(site.usage_by("status").await, []);
}
