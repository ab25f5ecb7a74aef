//! A provider that does everything wrong, asked for a plain answer.

use bytes::Bytes;
use serde_json::json;

use crate::faults::answer::Answer;
use crate::faults::scripted::{Script, Seen, Step};
use crate::faults::{ANSWER, Faulty, PROMPT, PROVIDER_KEY, case_of, completion};

const SETTINGS: &str = "timeouts_seconds.first_byte = 1\ntimeouts_seconds.idle = 1";

/// An error in OpenAI's form that repeats what it should not.
pub fn failed(status: u16) -> Script {
    let message = format!("no: {PROMPT}, {PROVIDER_KEY}");
    Script::json(status, &json!({ "error": { "message": message, "type": "x" } }))
}

/// Bytes that are no HTTP chunk.
pub fn raw(bytes: impl Into<Bytes>) -> Step {
    Step::Raw(bytes.into())
}

/// A gigabyte, in pieces that share their memory.
pub fn gigabyte() -> Vec<Step> {
    vec![Step::Send(Bytes::from(vec![b'x'; 1 << 18])); 1 << 12]
}

/// The provider's answer to a case. `retried-*` fail until they are asked again.
fn script(case: &str, again: bool) -> Script {
    let begun = |length: usize, rest: Step| {
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
        Script::raw(vec![raw(format!("{head}{{\"choices\":[")), rest])
    };
    match case {
        "hangs-before-headers" => Script::raw(vec![Step::Hang]),
        "hangs-in-the-body" => begun(1000, Step::Hang),
        "closes-early" => begun(1000, Step::Close),
        "resets-in-the-body" => begun(1000, Step::Reset),
        "closes-without-an-answer" => Script::raw(vec![Step::Close]),
        "speaks-no-http" => Script::raw(vec![raw("garbage\r\n\r\n"), Step::Close]),
        "sends-html" => Script::new(200, vec![Step::Send("<html>hello</html>".into())]),
        "sends-other-json" => Script::json(200, &json!({ "ok": true })),
        "sends-a-gigabyte" => Script::new(200, gigabyte()),
        "announces-a-gigabyte" => begun(1 << 30, Step::Hang),
        "sends-an-error-as-200" => {
            Script::json(200, &json!({ "error": { "message": format!("no: {PROVIDER_KEY}") } }))
        }
        "retried-429" if !again => failed(429).header("retry-after", "1"),
        "retried-503" if !again => failed(503).header("retry-after", "0"),
        "wants-too-long-a-pause" => failed(429).header("retry-after", "3600"),
        "redirects" => Script::new(302, vec![]).header("location", "http://169.254.169.254/latest"),
        _ => match case.strip_prefix("status-").map(|status| status.parse().expect("a status")) {
            Some(status) => failed(status),
            None => completion(),
        },
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

/// Asks a case; checks status, code, how often the provider was asked, and the records.
async fn expect(faulty: &Faulty, case: &str, status: u16, code: &str, records: &str) -> Answer {
    let before = faulty.upstream.seen("/v1/chat").len();
    let answer = faulty.ask(case, false).await;
    let found = if answer.status < 400 { String::new() } else { answer.code() };
    assert_eq!((answer.status, found.as_str()), (status, code), "{case}: {answer:?}");
    let asked = faulty.upstream.seen("/v1/chat").len() - before;
    assert_eq!(asked, records.split(' ').count(), "{case}: one record for each attempt");
    faulty.settles(case, records).await;
    if status >= 500 {
        // The gateway has done the retrying.
        assert_eq!(answer.header("x-should-retry"), Some("false"), "{case}");
    }
    assert!(!answer.body.contains(PROVIDER_KEY), "{case}: {answer:?}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_plain_answer_is_a_clear_error_with_one_record_for_each_attempt() {
    let faulty = Faulty::start(SETTINGS, handler()).await;
    expect(&faulty, "hangs-before-headers", 504, "upstream_timeout", "timed_out").await;
    expect(&faulty, "hangs-in-the-body", 504, "upstream_timeout", "timed_out").await;
    for case in [
        "closes-early",
        "resets-in-the-body",
        "sends-html",
        "sends-other-json",
        "sends-an-error-as-200",
        "wants-too-long-a-pause",
        "redirects",
        "status-501",
    ] {
        expect(&faulty, case, 502, "upstream_error", "failed").await;
    }
    for case in ["closes-without-an-answer", "speaks-no-http", "status-500", "status-503", "status-529"] {
        expect(&faulty, case, 502, "upstream_error", "failed failed failed").await;
    }
    faulty.is_quiet().await;
    assert_eq!(faulty.ask("fine", false).await.status, 200);
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_refusal_is_never_taken_for_the_clients_own_credential() {
    let faulty = Faulty::start(SETTINGS, handler()).await;
    for case in ["status-401", "status-403", "status-402"] {
        let answer = expect(&faulty, case, 502, "upstream_error", "failed").await;
        let status: u16 = case[7..].parse().expect("a status");
        assert_eq!(answer.json()["error"]["details"]["provider_status"], status);
        assert!(answer.body.contains("[key]"), "the provider's own words, without the key: {answer:?}");
    }
    for (case, status) in [("status-400", 400), ("status-404", 400), ("status-422", 422)] {
        expect(&faulty, case, status, "validation_error", "failed").await;
    }
    expect(&faulty, "status-413", 413, "request_too_large", "failed").await;
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_recovers_is_asked_again_after_the_pause_that_it_wants() {
    let faulty = Faulty::start(SETTINGS, handler()).await;
    let begun = std::time::Instant::now();
    let answer = expect(&faulty, "retried-429", 200, "", "failed ok").await;
    assert!(begun.elapsed().as_secs() >= 1, "Retry-After was kept");
    assert_eq!(answer.header("x-behest-attempts"), Some("2"));
    assert!(answer.body.contains(ANSWER));
    let answer = expect(&faulty, "retried-503", 200, "", "failed ok").await;
    assert_eq!(answer.header("x-behest-attempts"), Some("2"));
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_cannot_be_reached_is_a_clear_error_and_costs_nothing() {
    let faulty = Faulty::start(SETTINGS, handler()).await;
    let mut body = crate::faults::body("refuses", false);
    body["model"] = "nobody".into();
    let answer = Answer::of(faulty.question("refuses", false).json(&body)).await;
    assert_eq!((answer.status, answer.code().as_str()), (502, "upstream_error"), "{answer:?}");
    faulty.settles("refuses", "failed failed failed").await;
    let report = Answer::of(faulty.get("/v1/usage")).await.json();
    assert_eq!(report["totals"]["tokens"], 0, "{report}");
    assert_eq!(report["totals"]["estimated_requests"], 0, "{report}");
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gigabyte_from_a_provider_is_cut_off_and_does_not_stay_in_memory() {
    let faulty = Faulty::start(SETTINGS, handler()).await;
    faulty.ask("fine", false).await;
    let before = faulty.memory("VmRSS");
    let mut departures = 0;
    let mut peaks = Vec::new();
    for _ in 0..4 {
        for case in ["sends-a-gigabyte", "announces-a-gigabyte"] {
            let answer = faulty.ask(case, false).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (502, "upstream_error"),
                "{case}: {answer:?}"
            );
            departures += 1;
            faulty.upstream.departures(departures).await;
        }
        peaks.push(faulty.memory("VmHWM"));
    }
    println!("memory: {before} MB before, at most {peaks:?} MB");
    assert!(peaks[3] < before + 300, "{before} MB before, at most {peaks:?} MB");
    // The tokenizer's tables may come in meanwhile, once. What four more answers would leave behind is more than this.
    assert!(peaks[3] < peaks[1] + 140, "it does not grow with every call: {peaks:?} MB");
    faulty.settles("sends-a-gigabyte", "failed failed failed failed").await;
    assert_eq!(faulty.ask("fine", false).await.status, 200);
    faulty.finish();
}
