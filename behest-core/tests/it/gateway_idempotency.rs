//! `Idempotency-Key`: a call that is repeated is neither made nor paid twice.

use serde_json::{Value, json};

use crate::support::gateway::{Call, TestGateway, eventually};
use crate::support::scripted::{Gate, Script, Scripted, Step, chunk, done, event};

const CHAT: &str = "/v1/chat/completions";

fn says(text: &str) -> Script {
    let choice =
        json!({ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": text } });
    Script::json(
        200,
        &json!({ "id": "c1", "choices": [choice], "usage": { "prompt_tokens": 9, "completion_tokens": 1 } }),
    )
}

fn streams(ending: Vec<Step>) -> Script {
    Script::sse([vec![chunk("hello")], ending].concat())
}

fn finished() -> Vec<Step> {
    let end = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
    vec![event(&end.to_string()), done()]
}

fn body(said: &str, stream: bool) -> Value {
    json!({ "model": "fake-1", "stream": stream, "messages": [{ "role": "user", "content": said }] })
}

fn ask(site: &TestGateway, key: &str, said: &str) -> Call {
    site.ask(&body(said, false)).bearer(&site.api_key).header("idempotency-key", key)
}

async fn records(site: &TestGateway) -> u64 {
    site.usage_by("status").await.iter().map(|(_, requests)| requests).sum()
}

#[tokio::test]
async fn the_same_call_gets_the_same_answer_and_no_new_record() {
    let upstream = Scripted::in_turn(vec![says("one"), says("two"), says("three"), says("four")]).await;
    let site = TestGateway::before(&upstream).await;
    let first = ask(&site, "k-1", "hi").await;
    let again = ask(&site, "k-1", "hi").await;
    assert_eq!((first.text(), &first.body), ("one".to_owned(), &again.body));
    for header in
        ["content-type", "x-behest-model", "x-behest-attempts", "x-behest-cost-usd", "cache-control"]
    {
        assert_eq!(first.header(header), again.header(header), "{header}");
        assert_ne!(first.header(header), "", "{header}");
    }
    assert_ne!(first.header("x-trace-id"), again.header("x-trace-id"), "each request has its own");
    assert_eq!(records(&site).await, 1);

    ask(&site, "k-1", "something else").await.refused(422, "validation_error");
    assert_eq!(ask(&site, "k-1", "hi").user("u").await.text(), "two", "another user's key is another key");
    assert_eq!(ask(&site, "k-2", "hi").await.text(), "three");
    let elsewhere = site.key(&site.project_of(&site.project.tenant_id).await.id, "user").await.key;
    assert_eq!(ask(&site, "k-1", "hi").bearer(&elsewhere).await.text(), "four", "so is another project's");
    assert_eq!(upstream.seen(CHAT).len(), 4);
    for bad in ["", "a b", &"x".repeat(256)] {
        ask(&site, bad, "hi").await.refused(400, "validation_error");
    }
}

#[tokio::test]
async fn while_the_first_is_under_way_the_second_is_told_to_come_again() {
    let gate = Gate::new();
    let held = gate.clone();
    let upstream = Scripted::start(move |_| {
        let held = held.clone();
        async move {
            held.wait().await;
            says("one")
        }
    })
    .await;
    let site = TestGateway::before(&upstream).await;
    let first = tokio::spawn(ask(&site, "k", "hi").into_future());
    upstream.requests(1).await;
    let answer = ask(&site, "k", "hi").await;
    answer.refused(409, "conflict");
    assert_eq!((answer.header("x-should-retry"), answer.header("retry-after")), ("true", "1"));
    assert_eq!(answer.json()["retryable"], true);
    gate.open();
    assert_eq!(first.await.expect("no panic").text(), "one");
    assert_eq!(ask(&site, "k", "hi").await.text(), "one");
    assert_eq!(upstream.seen(CHAT).len(), 1);
}

#[tokio::test]
async fn what_failed_or_broke_off_is_made_anew() {
    let scripts = vec![
        Script::json(400, &json!({ "error": { "message": "no" } })),
        says("one"),
        streams(vec![Step::Close]),
        streams(finished()),
        streams(vec![Step::Hang]),
        streams(finished()),
    ];
    let upstream = Scripted::in_turn(scripts).await;
    let site = TestGateway::before(&upstream).await;
    ask(&site, "k", "hi").await.refused(400, "validation_error");
    assert_eq!(ask(&site, "k", "hi").await.text(), "one");

    let stream = || site.ask(&body("hi", true)).bearer(&site.api_key).header("idempotency-key", "s");
    assert!(stream().await.events().last().is_some_and(|last| last.contains("upstream_error")));
    let whole = stream().await;
    assert_eq!(whole.events().last().map(String::as_str), Some("[DONE]"));
    assert_eq!(stream().await.body, whole.body, "a complete stream is repeated");
    assert_eq!(upstream.seen(CHAT).len(), 4);

    let left = || site.ask(&body("hi", true)).bearer(&site.api_key).header("idempotency-key", "left");
    let mut open = left().open().await;
    open.until("hello").await;
    drop(open);
    upstream.departures(1).await;
    let events = eventually(async || {
        let answer = left().await;
        (answer.status == 200).then(|| answer.events())
    })
    .await;
    assert_eq!(events.last().map(String::as_str), Some("[DONE]"), "a client that left may ask anew");
}

#[tokio::test]
async fn an_answer_that_is_too_long_to_keep_is_made_again() {
    let long = "x".repeat(1 << 20);
    let upstream = Scripted::in_turn(vec![says(&long), says("two")]).await;
    let site = TestGateway::before(&upstream).await;
    assert_eq!(ask(&site, "k", "hi").await.text(), long);
    assert_eq!(ask(&site, "k", "hi").await.text(), "two");
}

#[tokio::test]
async fn an_answer_that_is_too_long_to_keep_has_its_key_while_it_goes_out() {
    let gate = Gate::new();
    let long = "x".repeat(400 << 10);
    let steps = vec![chunk(&long), chunk(&long), chunk(&long), chunk("half"), Step::Wait(gate.clone())];
    let first = Script::sse([steps, finished()].concat());
    let upstream = Scripted::in_turn(vec![first, streams(finished())]).await;
    let site = TestGateway::before(&upstream).await;
    let stream = || site.ask(&body("hi", true)).bearer(&site.api_key).header("idempotency-key", "k");
    let mut open = stream().open().await;
    open.until("half").await;
    stream().await.refused(409, "conflict");
    gate.open();
    assert_eq!(open.rest().await.events().last().map(String::as_str), Some("[DONE]"));
    assert!(stream().await.events()[0].contains("hello"), "made anew");
    assert_eq!(upstream.seen(CHAT).len(), 2);
}
