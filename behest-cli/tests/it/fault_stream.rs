//! A provider that does everything wrong, asked for a stream.

use bytes::Bytes;

use crate::fault_upstream::{failed, gigabyte, raw};
use crate::faults::answer::Answer;
use crate::faults::scripted::{Script, Seen, Step, event};
use crate::faults::{ANSWER, Faulty, PROVIDER_KEY, case_of, ending, finish, first, streamed};

const SETTINGS: &str = "timeouts_seconds.first_byte = 1\ntimeouts_seconds.idle = 1";

fn script(case: &str, again: bool) -> Script {
    let steps = |steps: &[&[Step]]| Script::sse(steps.concat());
    let half = Step::Send("data: {\"choices\":[{\"index\":0,\"del".into());
    match case {
        "hangs-before-headers" => Script::raw(vec![Step::Hang]),
        "hangs-before-the-first-event" => Script::sse(vec![Step::Hang]),
        "begins-with-garbage" => steps(&[&[event("<html>")], &ending()]),
        "is-empty" => Script::sse(vec![]),
        "is-no-stream" => Script::new(200, vec![Step::Send("<html>hello</html>".into())]),
        "begins-with-an-error" => steps(&[&[event(r#"{"error":{"message":"overloaded"}}"#)]]),
        "fails" => failed(500),
        "recovers" if !again => failed(503).header("retry-after", "0"),

        "hangs-in-the-middle" => Script::sse(vec![first(), Step::Hang]),
        "hangs-in-an-event" => Script::sse(vec![first(), half, Step::Hang]),
        "closes-in-an-event" => Script::sse(vec![first(), half, Step::Close]),
        "ends-in-an-event" => Script::sse(vec![first(), half]),
        "closes-between-events" => Script::sse(vec![first(), Step::Close]),
        "ends-without-a-reason" => Script::sse(vec![first()]),
        "resets" => Script::sse(vec![first(), Step::Reset]),
        "sends-garbage" => steps(&[&[first(), event("{\"choices\":")], &ending()]),
        "sends-invalid-utf-8" => steps(&[
            &[
                first(),
                Step::Send(Bytes::from_static(
                    b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\xff\xfe\"}}]}\n\n",
                )),
            ],
            &ending(),
        ]),
        "breaks-the-chunks" => Script::sse(vec![first(), raw("zz\r\n"), Step::Close]),
        "says-that-it-failed" => {
            let words = format!("{{\"error\":{{\"message\":\"overloaded: {PROVIDER_KEY}\"}}}}");
            steps(&[&[first(), event(&words)], &ending()])
        }
        "sends-an-endless-event" => steps(&[&[first(), Step::Send("data: ".into())], &gigabyte()]),

        "leaves-done-out" => Script::sse(vec![first(), finish()]),
        "closes-after-done" => steps(&[&[first()], &ending(), &[Step::Close]]),
        _ => streamed(),
    }
}

fn handler() -> impl Fn(Seen) -> std::future::Ready<Script> + Send + Sync + 'static {
    let asked = std::sync::Mutex::new(std::collections::HashSet::new());
    move |seen| {
        let case = case_of(&seen);
        let again = !asked.lock().expect("no panic").insert(case.clone());
        std::future::ready(script(&case, again))
    }
}

async fn ask(faulty: &Faulty, case: &str, records: &str) -> Answer {
    let before = faulty.upstream.seen("/v1/chat").len();
    let answer = faulty.ask(case, true).await;
    let asked = faulty.upstream.seen("/v1/chat").len() - before;
    assert_eq!(asked, records.split(' ').count(), "{case}: one record for each attempt");
    faulty.settles(case, records).await;
    assert!(!answer.body.contains(PROVIDER_KEY), "{case}: {answer:?}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_before_the_first_event_is_a_real_status() {
    let faulty = Faulty::start(SETTINGS, handler()).await;
    for (case, status, code, records) in [
        ("hangs-before-headers", 504, "upstream_timeout", "timed_out"),
        ("hangs-before-the-first-event", 504, "upstream_timeout", "timed_out"),
        ("begins-with-garbage", 502, "upstream_error", "failed"),
        ("is-empty", 502, "upstream_error", "failed"),
        ("is-no-stream", 502, "upstream_error", "failed"),
        ("begins-with-an-error", 502, "upstream_error", "failed"),
        ("fails", 502, "upstream_error", "failed failed failed"),
    ] {
        let answer = ask(&faulty, case, records).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{case}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{case}");
    }
    let answer = ask(&faulty, "recovers", "failed ok").await;
    assert_eq!(answer.header("x-behest-attempts"), Some("2"));
    assert!(answer.is_done(), "{answer:?}");
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_in_the_middle_is_an_error_event_and_never_looks_finished() {
    let faulty = Faulty::start(SETTINGS, handler()).await;
    for (case, code, record) in [
        ("hangs-in-the-middle", "upstream_timeout", "timed_out"),
        ("hangs-in-an-event", "upstream_timeout", "timed_out"),
        ("closes-in-an-event", "upstream_error", "incomplete"),
        ("ends-in-an-event", "upstream_error", "incomplete"),
        ("closes-between-events", "upstream_error", "incomplete"),
        ("ends-without-a-reason", "upstream_error", "incomplete"),
        ("resets", "upstream_error", "incomplete"),
        ("sends-garbage", "upstream_error", "incomplete"),
        ("sends-invalid-utf-8", "upstream_error", "incomplete"),
        ("breaks-the-chunks", "upstream_error", "incomplete"),
        ("says-that-it-failed", "upstream_error", "incomplete"),
    ] {
        let answer = ask(&faulty, case, record).await;
        assert_eq!(answer.status, 200, "{case}: {answer:?}");
        let events = answer.events();
        assert!(events[0].contains(ANSWER), "{case}: {answer:?}");
        assert_eq!(events.len(), 2, "{case}: what came, then the error: {answer:?}");
        assert_eq!(answer.code(), code, "{case}");
        assert!(!answer.is_done(), "{case}: {answer:?}");
    }
    faulty.is_quiet().await;
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_gave_its_reason_is_whole_even_without_the_last_word() {
    let faulty = Faulty::start(SETTINGS, handler()).await;
    for case in ["leaves-done-out", "closes-after-done", "fine"] {
        let answer = ask(&faulty, case, "ok").await;
        assert_eq!(answer.events().last(), Some(&"[DONE]"), "{case}: {answer:?}");
        assert_eq!(answer.events().len(), 3, "{case}: the usage was not asked for: {answer:?}");
    }
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_event_is_cut_off_and_does_not_stay_in_memory() {
    let faulty = Faulty::start(SETTINGS, handler()).await;
    faulty.ask("fine", true).await;
    let before = faulty.memory("VmRSS");
    for round in 1..=3 {
        let answer = faulty.ask("sends-an-endless-event", true).await;
        assert_eq!(answer.code(), "upstream_error");
        assert!(!answer.is_done(), "{answer:?}");
        faulty.upstream.departures(round).await;
    }
    let peak = faulty.memory("VmHWM");
    println!("memory: {before} MB before, {peak} MB at most");
    assert!(peak < before + 150, "{before} MB before, {peak} MB at most");
    faulty.settles("sends-an-endless-event", "incomplete incomplete incomplete").await;
    faulty.finish();
}
