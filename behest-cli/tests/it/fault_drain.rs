//! A gateway that is told to stop while calls are under way.

use crate::faults::answer::{Answer, check_problem};
use crate::faults::scripted::{Gate, Script, Step};
use crate::faults::wire::{Wire, address, outcome, question};
use crate::faults::{ANSWER, Faulty, case_of, ending, eventually, first};
use crate::sandbox::Sandbox;

/// Refused, or answered with 503.
async fn takes_no_calls(address: &str, question: &str) -> bool {
    let Ok(mut stream) = tokio::net::TcpStream::connect(address).await else { return true };
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut answer = String::new();
    if stream.write_all(question.as_bytes()).await.is_err()
        || stream.read_to_string(&mut answer).await.is_err()
        || answer.is_empty()
    {
        return true;
    }
    outcome(&answer) == (503, "unavailable".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_in_flight_may_finish_and_nobody_else_may_begin() {
    let gate = Gate::new();
    let opened = gate.clone();
    let mut faulty = Faulty::start_in(Sandbox::new(), "", &["--drain-deadline", "30"], move |seen| {
        let held = vec![first(), Step::Wait(opened.clone())];
        let steps = if case_of(&seen) == "held" { held } else { vec![first()] };
        async move { Script::sse([steps, ending()].concat()) }
    })
    .await;
    let mut held = Wire::to(&faulty).await;
    assert!(held.send(question(&faulty, "held", true)).await);
    held.until(ANSWER).await;

    faulty.gateway().signal("TERM");
    let (address, late) = (address(&faulty), question(&faulty, "late", true));
    eventually("new calls are refused", async || takes_no_calls(&address, &late).await).await;
    gate.open();
    let rest = held.rest().await;
    assert!(rest.contains("data: [DONE]"), "{rest}");

    assert_eq!(faulty.restart().code(), Some(0));
    assert!(!faulty.gateway().log().contains("left open"), "{}", faulty.gateway().log());
    faulty.settles("held", "ok").await;
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_outlive_the_deadline_end_with_a_clear_error_and_leave_nothing_open() {
    let mut faulty = Faulty::start_in(Sandbox::new(), "", &["--drain-deadline", "1"], |seen| async move {
        match case_of(&seen).as_str() {
            "hanging-stream" => Script::sse(vec![first(), Step::Hang]),
            "hanging-before-the-first-event" => Script::sse(vec![Step::Hang]),
            "paused" => Script::json(503, &serde_json::json!({})).header("retry-after", "5"),
            _ => Script::raw(vec![Step::Hang]),
        }
    })
    .await;
    let mut stream = Wire::to(&faulty).await;
    assert!(stream.send(question(&faulty, "hanging-stream", true)).await);
    stream.until(ANSWER).await;
    let mut waiting = Vec::new();
    for (case, streamed) in
        [("hanging-before-the-first-event", true), ("hanging-plain", false), ("paused", false)]
    {
        let mut wire = Wire::to(&faulty).await;
        assert!(wire.send(question(&faulty, case, streamed)).await);
        waiting.push((case, wire));
    }
    faulty.upstream.requests(4).await;
    faulty.settles("paused", "failed").await;

    faulty.gateway().signal("TERM");
    let rest = stream.rest().await;
    assert!(!rest.contains("[DONE]"), "{rest}");
    let event = rest.split("data: ").nth(1).and_then(|event| event.split("\n\n").next()).expect("an event");
    assert_eq!(check_problem(&serde_json::from_str(event).expect("JSON")), "unavailable");
    for (case, mut wire) in waiting {
        assert_eq!(outcome(&wire.rest().await), (503, "unavailable".to_owned()), "{case}");
    }
    faulty.upstream.departures(3).await;

    assert_eq!(faulty.restart().code(), Some(0));
    assert!(!faulty.gateway().log().contains("left open"), "{}", faulty.gateway().log());
    for case in ["hanging-stream", "hanging-before-the-first-event", "hanging-plain"] {
        faulty.settles(case, "incomplete").await;
    }
    faulty.settles("paused", "failed").await;
    assert_eq!(Answer::of(faulty.get("/ready")).await.status, 200);
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_between_two_attempts_is_told_at_once() {
    let faulty = Faulty::start_in(Sandbox::new(), "", &["--drain-deadline", "30"], |_| async {
        Script::json(503, &serde_json::json!({})).header("retry-after", "5")
    });
    let mut faulty = faulty.await;
    let mut client = Wire::to(&faulty).await;
    assert!(client.send(question(&faulty, "paused", false)).await);
    faulty.settles("paused", "failed").await;
    let begun = std::time::Instant::now();
    faulty.gateway().signal("TERM");
    assert_eq!(outcome(&client.rest().await), (503, "unavailable".to_owned()));
    assert_eq!(faulty.restart().code(), Some(0));
    assert!(begun.elapsed().as_secs() < 5, "neither the pause nor the deadline was waited for");
    assert_eq!(faulty.upstream.seen("/v1/chat").len(), 1);
    faulty.finish();
}
