//! A client that goes away, in every phase of its call.

use crate::faults::scripted::{Script, Seen, Step};
use crate::faults::wire::{Wire, question};
use crate::faults::{ANSWER, Faulty, case_of, completion, ending, first, streamed};

fn script(seen: &Seen) -> Script {
    let started = || {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{";
        Script::raw(vec![Step::Raw(head.into()), Step::Hang])
    };
    match case_of(seen).as_str() {
        "before-headers" => Script::raw(vec![Step::Hang]),
        "in-the-body" => started(),
        "before-the-first-event" => Script::sse(vec![Step::Hang]),
        "in-the-middle" => Script::sse([vec![first(), Step::Hang], ending()].concat()),
        "in-a-pause" | "after-a-pause" => {
            Script::json(503, &serde_json::json!({})).header("retry-after", "1")
        }
        _ if seen.json()["stream"] == true => streamed(),
        _ => completion(),
    }
}

async fn start() -> Faulty {
    Faulty::start("", |seen| async move { script(&seen) }).await
}

/// Waits until the provider has seen `departures` clients go, and the ledger has closed this one's account.
async fn is_cancelled(faulty: &Faulty, case: &str, departures: usize) {
    faulty.upstream.departures(departures).await;
    faulty.settles(case, "cancelled").await;
    faulty.is_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_call_is_cancelled_at_the_provider_when_its_client_goes() {
    let faulty = start().await;
    for (count, case) in ["before-headers", "in-the-body"].into_iter().enumerate() {
        let mut client = Wire::to(&faulty).await;
        assert!(client.send(question(&faulty, case, false)).await);
        faulty.upstream.requests(count + 1).await;
        drop(client);
        is_cancelled(&faulty, case, count + 1).await;
    }
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_cancelled_at_the_provider_when_its_client_goes() {
    let faulty = start().await;
    let cases = ["before-headers", "before-the-first-event", "in-the-middle"];
    for (count, case) in cases.into_iter().enumerate() {
        let mut client = Wire::to(&faulty).await;
        assert!(client.send(question(&faulty, case, true)).await);
        faulty.upstream.requests(count + 1).await;
        if case == "in-the-middle" {
            client.until(ANSWER).await;
        }
        drop(client);
        is_cancelled(&faulty, case, count + 1).await;
    }
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_closes_its_half_has_gone() {
    let faulty = start().await;
    let mut client = Wire::to(&faulty).await;
    assert!(client.send(question(&faulty, "before-headers", false)).await);
    faulty.upstream.requests(1).await;
    client.half_close().await;
    is_cancelled(&faulty, "before-headers", 1).await;
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_call_of_an_sdk_is_cancelled_and_others_on_the_gateway_are_not() {
    let faulty = start().await;
    let request = faulty.question("before-headers", false);
    let call = tokio::spawn(request.send());
    faulty.upstream.requests(1).await;
    call.abort();
    assert!(call.await.is_err_and(|error| error.is_cancelled()));
    is_cancelled(&faulty, "before-headers", 1).await;
    assert_eq!(faulty.ask("fine", false).await.status, 200);
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_further_attempt_is_made_for_a_client_that_goes_during_the_pause() {
    let faulty = start().await;
    for stream in [false, true] {
        let mut client = Wire::to(&faulty).await;
        assert!(client.send(question(&faulty, "in-a-pause", stream)).await);
        // Its first attempt is over, so it waits for its second.
        let attempts = if stream { "failed failed" } else { "failed" };
        faulty.settles("in-a-pause", attempts).await;
        drop(client);
    }
    // A call that began after them has had all its attempts, with the same pauses: theirs would have come before.
    let later = faulty.ask("after-a-pause", false).await;
    assert_eq!(later.status, 502, "{later:?}");
    faulty.settles("after-a-pause", "failed failed failed").await;
    faulty.settles("in-a-pause", "failed failed").await;
    assert_eq!(faulty.upstream.seen("/v1/chat").len(), 5);
    faulty.is_quiet().await;
    faulty.finish();
}
