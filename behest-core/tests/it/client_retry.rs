//! What the client tries again, what it never does, and how it waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use behest_core::client::CallOptions;
use behest_core::types::chat::ChatRequest;
use behest_core::{Client, Error};
use serde_json::json;
use tokio::time::Instant;

use crate::support::fake::{Fake, completion, json_answer, minted};
use crate::support::scripted::{Gate, Script, Scripted, Step, chunk, done};

const CHAT: &str = "/v1/chat/completions";

fn problem(status: u16, code: &str) -> Script {
    let body =
        json!({ "error": { "code": code, "message": "no", "type": "x", "param": null, "details": null } });
    Script::json(status, &body)
}

async fn ask(client: &Client) -> Result<String, Error> {
    let reply = client.chat().create(&ChatRequest::user("hi"), &CallOptions::default()).await?;
    Ok(reply.text().to_owned())
}

#[tokio::test]
async fn passing_failures_are_tried_again_under_one_idempotency_key() {
    let server = Scripted::in_turn(vec![
        problem(503, "unavailable").header("retry-after", "0"),
        problem(429, "rate_limited").header("retry-after", "0"),
        Script::json(200, &completion("third time")),
    ])
    .await;
    assert_eq!(ask(&server.client()).await.expect("an answer"), "third time");
    let calls = server.seen(CHAT);
    assert_eq!(calls.len(), 3);
    let key = calls[0].header("idempotency-key");
    assert!(uuid::Uuid::parse_str(key).is_ok_and(|key| key.get_version_num() == 4), "{key}");
    assert!(calls.iter().all(|call| call.header("idempotency-key") == key && call.body == calls[0].body));

    ask(&server.client()).await.expect("another answer");
    assert_ne!(server.seen(CHAT)[3].header("idempotency-key"), key, "another call has another key");
}

#[tokio::test]
async fn the_last_error_is_told_when_the_retries_are_used_up() {
    let body = json!({
        "error": {
            "code": "rate_limited", "message": "10 requests per minute are used up", "type": "rate_limit_error",
            "param": null, "details": { "scope": "user" },
        },
    });
    let script = Script::json(429, &body).header("retry-after", "0").header("x-trace-id", "abc");
    let server = Scripted::in_turn(vec![script]).await;
    let error = ask(&server.client()).await.expect_err("a refusal");
    assert_eq!(server.seen(CHAT).len(), 3, "the call and two retries");
    assert_eq!(error.code(), "rate_limited");
    assert_eq!(error.status(), Some(429));
    assert_eq!(error.retry_after(), Some(0));
    assert_eq!(error.trace_id(), Some("abc"));
    assert_eq!(error.message(), "10 requests per minute are used up");
    let Error::Api(error) = error else { panic!("{error:?}") };
    assert_eq!(error.details, Some(json!({ "scope": "user" })));
    assert_eq!(error.raw, body);
}

#[tokio::test]
async fn what_a_retry_cannot_mend_is_asked_once() {
    for (status, code) in [
        (400, "validation_error"),
        (402, "budget_exceeded"),
        (403, "forbidden"),
        (404, "not_found"),
        (409, "conflict"),
        (413, "request_too_large"),
        (422, "provider_not_configured"),
        (451, "pii_blocked"),
    ] {
        let server = Scripted::in_turn(vec![problem(status, code)]).await;
        let error = ask(&server.client()).await.expect_err("a refusal");
        assert_eq!((error.status(), error.code()), (Some(status), code));
        assert_eq!(server.seen(CHAT).len(), 1, "{code}");
    }
}

#[tokio::test]
async fn the_gateway_forbids_and_forces_retries() {
    for status in [500, 502, 504] {
        let server =
            Scripted::in_turn(vec![problem(status, "upstream_error").header("x-should-retry", "false")])
                .await;
        ask(&server.client()).await.expect_err("a refusal");
        assert_eq!(server.seen(CHAT).len(), 1, "{status}");
    }
    let running = problem(409, "conflict").header("x-should-retry", "true").header("retry-after", "0");
    let server = Scripted::in_turn(vec![running, Script::json(200, &completion("stored"))]).await;
    assert_eq!(ask(&server.client()).await.expect("an answer"), "stored");
}

#[tokio::test]
async fn a_wait_above_a_minute_is_left_to_the_caller() {
    let server = Scripted::in_turn(vec![problem(429, "rate_limited").header("retry-after", "61")]).await;
    let error = ask(&server.client()).await.expect_err("a refusal");
    assert_eq!(error.retry_after(), Some(61));
    assert_eq!(server.seen(CHAT).len(), 1);
}

#[tokio::test]
async fn a_broken_connection_is_tried_again() {
    let half = Script::new(200, vec![Step::Send("{\"id\":".into()), Step::Close]);
    let server =
        Scripted::in_turn(vec![Script::reset(), half, Script::json(200, &completion("whole"))]).await;
    assert_eq!(ask(&server.client()).await.expect("an answer"), "whole");
    assert_eq!(server.seen(CHAT).len(), 3);
}

#[tokio::test]
async fn a_stream_is_tried_again_before_its_headers_and_never_after() {
    let begun = Gate::new();
    let server = Scripted::in_turn(vec![
        problem(503, "unavailable").header("retry-after", "0"),
        Script::sse(vec![Step::Wait(begun.clone()), Step::Reset]),
        Script::sse(vec![chunk("second call"), done()]),
    ])
    .await;
    let client = server.client();
    let request = ChatRequest::user("hi");
    let mut stream = client.chat().stream(&request, &CallOptions::default()).await.expect("a stream");
    assert_eq!(server.seen(CHAT).len(), 2, "the refusal was tried again");
    begun.open();
    let item = futures_util::StreamExt::next(&mut stream).await.expect("an item");
    assert_eq!(item.expect_err("it broke").code(), "stream_incomplete");
    assert_eq!(server.seen(CHAT).len(), 2, "the begun stream was not");
}

#[tokio::test]
async fn a_client_that_reaches_nobody_says_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let client = Client::builder()
        .key(crate::support::API_KEY)
        .base_url(format!("http://{address}"))
        .max_retries(0)
        .build()
        .expect("a client");
    let error = ask(&client).await.expect_err("nobody is there");
    assert_eq!((error.code(), error.status()), ("network_error", None));
    assert_eq!(error.message(), format!("no connection to the gateway at http://{address}"));
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test]
async fn a_redirect_is_an_error_and_the_credential_stays_here() {
    let elsewhere = Scripted::in_turn(vec![Script::json(200, &completion("caught"))]).await;
    let server =
        Scripted::in_turn(vec![Script::new(307, vec![]).header("location", &elsewhere.base_url())]).await;
    let error = ask(&server.client()).await.expect_err("a redirect");
    assert_eq!(error.status(), Some(307));
    assert!(error.message().contains("redirects are not followed"), "{error}");
    assert!(elsewhere.seen("/").is_empty());
}

#[tokio::test]
async fn a_call_ends_at_its_deadline_and_is_not_repeated() {
    let server =
        Scripted::in_turn(vec![Script::json(200, &completion("a")), Script::new(200, vec![Step::Hang])])
            .await;
    let client = server.client();
    ask(&client).await.expect("a token is kept");
    let options = CallOptions { timeout: Some(Duration::from_millis(500)), ..CallOptions::default() };
    let error = client.chat().create(&ChatRequest::user("hi"), &options).await.expect_err("too late");
    assert!(matches!(error, Error::Timeout { after } if after == Duration::from_millis(500)), "{error:?}");
    server.departures(1).await;
    assert_eq!(server.seen(CHAT).len(), 2);
}

/// A fake gateway that refuses every chat with these headers.
fn refusing(headers: &'static [(&'static str, &'static str)]) -> (Fake, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let fake = Fake::new(move |call| {
        let answer = if call.url.ends_with("/mint") {
            json_answer(200, &[], &minted("jwt", "s", 3600))
        } else {
            count.fetch_add(1, Ordering::Relaxed);
            json_answer(503, headers, &json!({}))
        };
        async move { Ok(answer) }
    });
    (fake, asked)
}

#[tokio::test(start_paused = true)]
async fn waits_are_half_a_second_to_eight_without_retry_after() {
    let (fake, asked) = refusing(&[]);
    let options = CallOptions { max_retries: Some(6), ..CallOptions::default() };
    let start = Instant::now();
    let error = fake.client().chat().create(&ChatRequest::user("hi"), &options).await.expect_err("a refusal");
    assert_eq!((error.code(), asked.load(Ordering::Relaxed)), ("unavailable", 7));
    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(500 + 1000 + 2000 + 3 * 4000), "{waited:?}");
    assert!(waited <= Duration::from_millis(1000 + 2000 + 4000 + 3 * 8000 + 50), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_for_and_no_longer() {
    let (fake, asked) = refusing(&[("retry-after", "7")]);
    let start = Instant::now();
    ask(&fake.client()).await.expect_err("a refusal");
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    assert_eq!(start.elapsed().as_secs(), 14);
}

#[tokio::test(start_paused = true)]
async fn no_wait_goes_past_the_deadline() {
    let (fake, asked) = refusing(&[("retry-after", "7")]);
    let options = CallOptions { timeout: Some(Duration::from_secs(10)), ..CallOptions::default() };
    let start = Instant::now();
    let error = fake.client().chat().create(&ChatRequest::user("hi"), &options).await.expect_err("a refusal");
    assert_eq!(error.code(), "unavailable", "the refusal says more than a timeout");
    assert_eq!((asked.load(Ordering::Relaxed), start.elapsed().as_secs()), (2, 7));
}
