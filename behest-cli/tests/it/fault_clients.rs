//! Clients that are slow, silent, or do not listen.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;
use tokio::time::sleep;

use crate::faults::answer::Answer;
use crate::faults::scripted::{Script, event};
use crate::faults::wire::{Wire, head, outcome, question};
use crate::faults::{ANSWER, Faulty, completion, first};

const IMPATIENT: &str = "patience_seconds = { headers = 1, body = 1, write = 1 }";

async fn impatient() -> Faulty {
    Faulty::start(IMPATIENT, |_| async { completion() }).await
}

/// Sends a byte now and then until the other end has had enough.
async fn drip(wire: &mut Wire, text: &str) -> Duration {
    let begun = Instant::now();
    for byte in text.as_bytes() {
        if wire.has_ended() || !wire.send([*byte]).await {
            return begun.elapsed();
        }
        sleep(Duration::from_millis(200)).await;
    }
    panic!("it was patient enough for all of it")
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_come_a_byte_at_a_time_end_the_connection() {
    let faulty = impatient().await;
    let mut wire = Wire::to(&faulty).await;
    let took =
        drip(&mut wire, "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: ................\r\n").await;
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert_eq!(Answer::of(faulty.get("/health")).await.status, 200);
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_on_which_nothing_is_asked_is_closed() {
    let faulty = impatient().await;
    // Nothing, the beginning of HTTP/2, and a request with nothing after it.
    for said in ["", "PRI * HT", "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
        let mut wire = Wire::to(&faulty).await;
        assert!(wire.send(said).await);
        let begun = Instant::now();
        let answer = wire.rest().await;
        assert_eq!(answer.starts_with("HTTP/1.1 200 OK"), said.starts_with("GET"), "{said}: {answer}");
        // It may linger for two seconds more.
        assert!(begun.elapsed() < Duration::from_secs(6), "{said}: {:?}", begun.elapsed());
    }
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_a_byte_at_a_time_is_refused() {
    let faulty = impatient().await;
    for headers in ["Content-Length: 1000\r\n", "Transfer-Encoding: chunked\r\n"] {
        let mut wire = Wire::to(&faulty).await;
        assert!(wire.send(head(&faulty, headers)).await);
        let dripping = async {
            loop {
                let _ = wire.send(if headers.starts_with('C') { "{" } else { "1\r\n{\r\n" }).await;
                if wire.has_ended() {
                    break;
                }
                sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), dripping).await.expect("it ends");

        let mut wire = Wire::to(&faulty).await;
        assert!(wire.send(head(&faulty, headers)).await);
        let answer = wire.rest().await;
        assert_eq!(outcome(&answer), (400, "validation_error".to_owned()), "{answer}");
        assert!(answer.contains("did not arrive within 1 s"), "{answer}");
    }
    assert_eq!(faulty.ask("fine", false).await.status, 200);
    assert_eq!(faulty.upstream.seen("/v1/chat").len(), 1);
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_above_the_limit_is_refused_and_its_sender_reads_why() {
    let faulty = Faulty::start("", |_| async { completion() }).await;
    let text = "x".repeat(40 << 20);
    let body = Bytes::from(json!({ "messages": [{ "role": "user", "content": text }] }).to_string());
    faulty.ask("fine", false).await;
    let before = faulty.memory("VmRSS");
    for _ in 0..3 {
        for chunked in [false, true] {
            let request = faulty.http.post(faulty.url("/v1/chat/completions")).bearer_auth(&faulty.key);
            let pieces: Vec<Result<Bytes, std::convert::Infallible>> = (0..body.len())
                .step_by(1 << 20)
                .map(|at| Ok(body.slice(at..body.len().min(at + (1 << 20)))))
                .collect();
            let request = match chunked {
                true => request.body(reqwest::Body::wrap_stream(futures_util::stream::iter(pieces))),
                false => request.body(body.clone()),
            };
            let answer = Answer::of(request).await;
            assert_eq!((answer.status, answer.code().as_str()), (413, "request_too_large"), "{answer:?}");
            assert!(answer.body.contains(&(32 << 20).to_string()), "the limit is named: {answer:?}");
        }
    }
    // A credential that is no good is told before the body is looked at, and that answer arrives, too.
    for _ in 0..3 {
        let request = faulty.http.post(faulty.url("/v1/chat/completions")).bearer_auth("nobody");
        let answer = Answer::of(request.body(body.clone())).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_token"), "{answer:?}");
    }
    let (after, peak) = (faulty.memory("VmRSS"), faulty.memory("VmHWM"));
    println!("memory: {before} MB before, {peak} MB at most, {after} MB after");
    assert!(peak < before + 200, "{before} MB before, {peak} MB at most");
    assert_eq!(faulty.upstream.seen("/v1/chat").len(), 1);
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_reading_holds_the_provider_back_and_then_is_gone() {
    const PIECES: usize = 1 << 13;
    let faulty = Faulty::start(IMPATIENT, |seen| async move {
        if seen.json()["stream"] != true {
            return completion();
        }
        let content = "y".repeat(1 << 16);
        let chunk = json!({ "choices": [{ "index": 0, "delta": { "content": content } }] });
        Script::sse([vec![first()], vec![event(&chunk.to_string()); PIECES]].concat())
    })
    .await;
    faulty.ask("fine", false).await;
    let before = faulty.memory("VmRSS");
    let mut client = Wire::to(&faulty).await;
    assert!(client.send(question(&faulty, "deaf", true)).await);
    client.until(ANSWER).await;
    faulty.upstream.departures(1).await;
    let (sent, all) = (faulty.upstream.sent() >> 20, PIECES << 16 >> 20);
    let peak = faulty.memory("VmHWM");
    println!("{sent} of {all} MB were sent; memory: {before} MB before, {peak} MB at most");
    assert!(sent < 64, "only what fits into the buffers in between was sent: {sent} of {all} MB");
    assert!(peak < before + 40, "{before} MB before, {peak} MB at most");
    faulty.settles("deaf", "cancelled").await;
    faulty.is_quiet().await;
    assert!(!client.rest().await.contains("[DONE]"));
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_gets_everything() {
    let faulty = Faulty::start(IMPATIENT, |_| async {
        let chunk = json!({ "choices": [{ "index": 0, "delta": { "content": "y".repeat(1 << 16) } }] });
        let steps = [vec![first()], vec![event(&chunk.to_string()); 256], crate::faults::ending()];
        Script::sse(steps.concat())
    })
    .await;
    let mut response = faulty.question("slow", true).send().await.expect("an answer");
    let (mut read, mut end) = (0, Vec::new());
    while let Some(chunk) = response.chunk().await.expect("bytes") {
        if read / (1 << 21) != (read + chunk.len()) / (1 << 21) {
            // It stops now and then, never for as long as the gateway's patience.
            sleep(Duration::from_millis(300)).await;
        }
        read += chunk.len();
        end.extend_from_slice(&chunk);
        end.drain(..end.len().saturating_sub(64));
    }
    assert!(read > 256 << 16, "{read} bytes");
    assert!(String::from_utf8_lossy(&end).ends_with("data: [DONE]\n\n"));
    faulty.settles("slow", "ok").await;
    faulty.finish();
}
