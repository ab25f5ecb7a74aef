//! The ledger and the budgets after SIGKILL, among clients that leave and providers that fail: the provider keeps its own
//! books, and ours must agree with them or be marked, and not below.

use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::faults::books::{
    Books, EVENT, Entry, MODEL, agrees, budget, charged, ledger, make, nano, question, read, settings,
};
use crate::faults::scripted::{Script, Seen, Step, chunk, done};
use crate::faults::{Faulty, case_of, finish, usage};
use behest_core::types::usage_record::UsageEntry;

const CLIENTS: u64 = 24;
/// After how many more requests to the provider each round's gateway is killed.
const ROUNDS: [usize; 4] = [40, 90, 150, 220];

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Whole,
    /// Its client leaves.
    Left,
    /// Its provider never answers, and its client leaves.
    Silent,
    /// Its provider fails at first.
    Fails,
    /// Its provider hangs up at first.
    Resets,
    /// Its provider hangs up in the middle.
    Half,
}

/// A call: everything about it follows from its number.
#[derive(Debug, Clone, Copy)]
struct Plan {
    number: u64,
    stream: bool,
    fate: Fate,
}

impl Plan {
    fn of(case: &str) -> Self {
        let number = case.rsplit('-').next().and_then(|number| number.parse::<u64>().ok()).expect("a number");
        let fate = match number / 2 % 10 {
            0 | 2 | 4 | 6 | 8 => Fate::Whole,
            1 => Fate::Left,
            3 => Fate::Silent,
            5 => Fate::Fails,
            7 => Fate::Resets,
            _ => Fate::Half,
        };
        Self { number, stream: number.is_multiple_of(2), fate }
    }

    /// Tokens of its answer; some are much longer than most.
    const fn length(self) -> u64 {
        if self.number.is_multiple_of(16) { 240 } else { 20 + self.number % 40 }
    }

    /// When its client leaves.
    fn patience(self) -> Duration {
        match self.fate {
            Fate::Left | Fate::Silent => Duration::from_millis(self.number * 7_919 % 120),
            _ => crate::faults::PATIENCE,
        }
    }

    fn body(self, case: &str) -> Value {
        let message = json!({ "role": "user", "content": format!("{case} tell me all") });
        json!({ "model": MODEL, "stream": self.stream, "max_tokens": 400, "messages": [message] })
    }
}

fn answer(books: &Books, seen: &Seen) -> Script {
    let case = case_of(seen);
    let plan = Plan::of(&case);
    let is_first = !books.entries().contains_key(&case);
    let fails = is_first && plan.fate == Fate::Fails;
    let entry = books.open(&case, seen, fails);
    match plan.fate {
        Fate::Fails if is_first => Script::json(500, &json!({ "error": { "message": "no" } })),
        Fate::Resets if is_first => Script::reset(),
        Fate::Silent => Script::raw(vec![Step::Hang]),
        _ if plan.stream => stream(books, &case, plan, &entry),
        _ => plain(plan, &entry),
    }
}

fn plain(plan: Plan, entry: &Entry) -> Script {
    let answer = json!({
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": "words" }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": entry.input, "completion_tokens": plan.length() },
    });
    // It is written before the first byte comes.
    let written = Step::Count(entry.written.clone(), plan.length());
    let (pause, body) = (Step::Pause(Duration::from_millis(plan.number % 7 * 4)), answer.to_string());
    match plan.fate {
        Fate::Half => {
            Script::new(200, vec![written, pause, Step::Send(body[..40].to_owned().into()), Step::Close])
        }
        _ => Script::new(200, vec![written, pause, Step::Send(body.into())]),
    }
}

fn stream(books: &Books, case: &str, plan: Plan, entry: &Entry) -> Script {
    let (events, rest) = (plan.length().div_ceil(EVENT), plan.length() % EVENT);
    let gates = books.gates(case, events as usize);
    let mut steps = Vec::new();
    for (index, gate) in (0..events).zip(gates) {
        let size = if index + 1 == events && rest > 0 { rest } else { EVENT };
        steps.extend([Step::Wait(gate), Step::Pause(Duration::from_millis(1))]);
        steps.extend([Step::Count(entry.written.clone(), size), chunk(&" word".repeat(size as usize))]);
        if plan.fate == Fate::Half && index == events / 2 {
            steps.push(Step::Close);
        }
    }
    steps.extend([finish(), usage(entry.input, plan.length()), done()]);
    Script::sse(steps)
}

/// Reads an answer, a stream in step with its provider; `None` when the gateway went away, else whether it is whole.
async fn read_answer(books: &Books, case: &str, request: reqwest::RequestBuilder) -> Option<bool> {
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    assert!([200, 502, 503].contains(&status), "{case}: {status}");
    let (mut read, mut pieces) = (String::new(), response.bytes_stream());
    while let Some(piece) = pieces.next().await {
        read.push_str(std::str::from_utf8(&piece.ok()?).expect("UTF-8"));
        books.has_read(case, read.matches("\"content\":\" word").count());
    }
    Some(status == 200 && (read.contains("[DONE]") || serde_json::from_str::<Value>(&read).is_ok()))
}

/// Asks one question after another until the gateway is gone; gives the cases whose answer came whole.
async fn client(books: Books, cases: Vec<(String, reqwest::RequestBuilder)>) -> Vec<String> {
    let mut complete = Vec::new();
    for (case, request) in cases {
        let patience = Plan::of(&case).patience();
        match tokio::time::timeout(patience, read_answer(&books, &case, request)).await {
            Ok(Some(true)) => complete.push(case),
            Ok(None) => break,
            Ok(Some(false)) | Err(_) => {}
        }
    }
    complete
}

/// How many attempts are in the ledger, how many of them as estimates, and how many that a crash left open.
#[derive(Debug, Default)]
struct Counts {
    exact: usize,
    estimated: usize,
    lost: usize,
    never_sent: usize,
    charged: u64,
    billed: u64,
}

/// Holds the ledger against the provider's books and what the clients saw.
async fn compare(faulty: &Faulty, books: &Books, complete: &[String]) -> Counts {
    let (ledger, books) = (ledger(faulty).await, books.entries());
    let mut counts = Counts::default();
    for (case, records) in &ledger {
        let numbers = records.iter().map(|record| record.attempt);
        assert!(numbers.eq(1..=records.len() as u32), "{case}: each attempt is there once: {records:?}");
        let entries = books.get(case).map_or(&[][..], Vec::as_slice);
        // Noted, and left or killed before it was sent: nobody can know that, so it counts at its estimate.
        assert!(records.len() - entries.len() <= 1, "{case}: {entries:?} {records:?}");
        counts.never_sent += records.len() - entries.len();
        for record in records {
            counts.charged += charged(record);
            counts.lost += usize::from(record.status == "lost");
            *(if record.estimated { &mut counts.estimated } else { &mut counts.exact }) += 1;
            is_within_its_reservation(record);
        }
        for (record, entry) in records.iter().zip(entries) {
            counts.billed += entry.bill();
            agree(record, entry);
        }
    }
    for (case, entries) in &books {
        let known = ledger.get(case).map_or(0, Vec::len);
        assert!(known >= entries.len(), "{case} was asked {} times and is recorded {known}", entries.len());
    }
    for case in complete {
        let last = ledger[case].last().expect("a record");
        assert_eq!(
            (last.status.as_str(), last.estimated),
            ("ok", false),
            "{case} was seen complete: {last:?}"
        );
    }
    counts
}

fn used(record: &UsageEntry) -> u64 {
    record.input_tokens.expect("known") + record.output_tokens.expect("known")
}

fn is_within_its_reservation(record: &UsageEntry) {
    let reserved =
        (record.reserved_tokens.expect("reserved"), nano(record.reserved_usd.as_deref().expect("reserved")));
    assert!(used(record) <= reserved.0 && charged(record) <= reserved.1, "{record:?}");
}

/// What the provider told stands to the token and the nano-dollar; what it did not is marked, and not below.
fn agree(record: &UsageEntry, entry: &Entry) {
    if !record.estimated {
        let told = if entry.refused { (0, 0) } else { (entry.input, entry.output()) };
        assert_eq!(
            (record.input_tokens, record.output_tokens),
            (Some(told.0), Some(told.1)),
            "{entry:?} {record:?}"
        );
        assert_eq!(charged(record), entry.bill(), "{entry:?} {record:?}");
        return;
    }
    assert_ne!((record.status.as_str(), record.finish_reason.as_deref()), ("ok", Some("stop")), "{record:?}");
    assert!(record.input_tokens >= Some(entry.input), "{entry:?} {record:?}");
    // Where all that is set aside is counted as used, one event may have been on its way beyond that.
    let on_its_way = if Some(used(record)) == record.reserved_tokens { EVENT } else { 0 };
    assert!(record.output_tokens.expect("known") + on_its_way >= entry.output(), "{entry:?} {record:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_never_below_the_provider_whoever_leaves_fails_or_is_killed() {
    let books = Books::default();
    let kept = books.clone();
    let mut faulty = Faulty::start(&settings(), move |seen| std::future::ready(answer(&kept, &seen))).await;
    make(&faulty, "budgets", &budget("all", "project", 1_000_000_000_000)).await;
    let begun = std::time::Instant::now();
    let (mut complete, mut last) = (Vec::new(), Counts::default());
    for (round, requests) in ROUNDS.into_iter().enumerate() {
        let before = faulty.upstream.seen("/v1/chat").len();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client_number| {
                let cases = (0..200).map(|turn| {
                    let case = format!("r{round}-c{client_number}-{}", client_number + turn * 7);
                    let request = question(&faulty, &case, &Plan::of(&case).body(&case));
                    (case, request)
                });
                tokio::spawn(client(books.clone(), cases.collect()))
            })
            .collect();
        faulty.upstream.requests(before + requests).await;
        faulty.gateway().signal("KILL");
        for client in clients {
            complete.extend(client.await.expect("no panic"));
        }
        assert_eq!(faulty.restart().code(), None, "it was killed");
        agrees(&faulty, "all").await;
        let counts = compare(&faulty, &books, &complete).await;
        println!("{} s: {} complete, {counts:?}", begun.elapsed().as_secs(), complete.len());
        assert!(counts.charged >= counts.billed, "{counts:?}");
        last = counts;
    }
    // There were some of each kind, or nothing was shown.
    assert!(last.exact > 0 && last.lost > 0 && last.estimated > last.lost, "{last:?}");
    faulty.finish();
}

/// The layers of limits for one caller, as far as a window of theirs lasts.
async fn standings(faulty: &Faulty, caller: &str) -> Vec<(String, Value, Value)> {
    let limits = read(faulty, &format!("limits?{caller}")).await;
    let layers = limits["data"].as_array().expect("layers").iter();
    let layers = layers.filter(|layer| layer["scope"] != "project" && layer["scope"] != "user");
    layers
        .map(|layer| {
            assert_eq!(layer["reserved"], 0.0, "{layer}");
            (
                layer["scope"].as_str().expect("a name").to_owned(),
                layer["budget"].clone(),
                layer["used"].clone(),
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_forgives_nothing_and_counts_nothing_twice() {
    let books = Books::default();
    let kept = books.clone();
    let mut faulty = Faulty::start(&settings(), move |seen| std::future::ready(answer(&kept, &seen))).await;
    make(&faulty, "tiers", &json!({ "name": "trial", "requests_per_day": 100, "tokens_per_day": 100_000 }))
        .await;
    for scope in ["project", "user", "session", "tier", "model", "api_key"] {
        make(&faulty, "budgets", &budget(scope, scope, 1_000_000_000)).await;
    }
    let mut of_tag = budget("tag", "tag", 1_000_000_000);
    of_tag["tag"] = json!("team");
    make(&faulty, "budgets", &of_tag).await;
    let minted = faulty.http.post(faulty.url("/v1/auth/mint")).bearer_auth(&faulty.key);
    let minted = minted.json(&json!({ "user_id": "ann", "tier": "trial", "tags": { "team": "search" } }));
    let minted = crate::faults::answer::Answer::of(minted).await.json();
    let token = minted["jwt"].as_str().expect("a token").to_owned();
    faulty.secrets.push(token.clone());
    let ask = |faulty: &Faulty, case: &str| {
        let body = Plan::of(case).body(case);
        let request = faulty.http.post(faulty.url("/v1/chat/completions")).bearer_auth(&token);
        request.header("x-session-id", "s-0").json(&body)
    };
    // Numbers of whole answers: plain, plain, streamed.
    for case in ["a-1", "b-5", "c-4"] {
        assert_eq!(read_answer(&books, case, ask(&faulty, case)).await, Some(true));
    }
    let caller = format!("user_id=ann&tier=trial&session_id=s-0&model={MODEL}&tags=team%3Dsearch");
    let before = standings(&faulty, &caller).await;
    assert_eq!(before.iter().filter(|(_, budget, _)| budget.is_string()).count(), 6, "{before:?}");
    let requests = before.iter().find(|(scope, ..)| scope == "user_requests_day").expect("the layer");
    assert_eq!(requests.2, 3.0);
    assert!(
        before.iter().all(|(scope, _, used)| scope.contains("concurrency") || used.as_f64() > Some(0.0)),
        "{before:?}"
    );
    for signal in ["TERM", "KILL"] {
        faulty.gateway().signal(signal);
        faulty.restart();
        assert_eq!(standings(&faulty, &caller).await, before, "after SIG{signal}");
    }
    // Killed while the provider is silent: the whole of what was set aside.
    let seen = faulty.upstream.seen("/v1/chat").len();
    let call = tokio::spawn(ask(&faulty, "d-7").send());
    faulty.upstream.requests(seen + 1).await;
    let held = read(&faulty, &format!("limits?{caller}")).await;
    faulty.gateway().signal("KILL");
    assert!(call.await.expect("no panic").is_err());
    faulty.restart();
    let after = standings(&faulty, &caller).await;
    for (layer, (scope, _, used)) in held["data"]
        .as_array()
        .expect("layers")
        .iter()
        .filter(|layer| layer["scope"] != "project" && layer["scope"] != "user")
        .zip(&after)
    {
        let sum = layer["used"].as_f64().expect("a sum") + layer["reserved"].as_f64().expect("a sum");
        let expected = if scope.contains("concurrency") { 0.0 } else { sum };
        assert!((used.as_f64().expect("a sum") - expected).abs() < 1e-9, "{scope}: {layer}, then {used}");
    }
    faulty.finish();
}
