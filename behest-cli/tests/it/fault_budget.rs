//! Budgets under many calls at once, over real sockets: the provider's own books say what was spent.

use std::time::Instant;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::faults::answer::Answer;
use crate::faults::books::{
    Books, EVENT, MODEL, agrees, bound, budget, charged, cost, ledger, make, question, settings,
};
use crate::faults::scripted::{Script, Seen, Step, chunk, done};
use crate::faults::{Faulty, case_of, finish, usage};

/// Tokens of each answer, which is as many as the question allows.
const LENGTH: u64 = 500;
/// What the provider bills for a question and its whole answer, at the most.
const WHOLE: u64 = cost(8, LENGTH);

/// The tokens that the gateway sets aside for the question beyond what the provider counts, at the most: it takes a
/// byte for a token, since no tokenizer makes more of it.
const PROMPT_BYTES: u64 = 100;

fn ask(case: &str, stream: bool, max_tokens: Option<u64>) -> Value {
    let message = json!({ "role": "user", "content": format!("{case} tell me all") });
    let mut body = json!({ "model": MODEL, "stream": stream, "messages": [message] });
    if let Some(max_tokens) = max_tokens {
        body["max_tokens"] = json!(max_tokens);
    }
    body
}

/// Writes as much as it may, in events of some words, and tells at the end what it was.
fn answer(books: &Books, seen: &Seen, length: u64, in_step: bool) -> Script {
    let case = case_of(seen);
    let entry = books.open(&case, seen, false);
    let output = length.min(bound(seen));
    if seen.json()["stream"] != true {
        let answer = json!({
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": "words" }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": entry.input, "completion_tokens": output },
        });
        let body = Step::Send(answer.to_string().into());
        return Script::new(200, vec![Step::Count(entry.written, output), body]);
    }
    let sizes: Vec<u64> = (0..output.div_ceil(EVENT)).map(|n| EVENT.min(output - n * EVENT)).collect();
    let gates = if in_step { books.gates(&case, sizes.len()) } else { Vec::new() };
    let mut steps = Vec::new();
    for (index, size) in sizes.into_iter().enumerate() {
        steps.extend(gates.get(index).cloned().map(Step::Wait));
        steps.push(Step::Count(entry.written.clone(), size));
        steps.push(chunk(&" word".repeat(size as usize)));
    }
    steps.extend([finish(), usage(entry.input, output), done()]);
    Script::sse(steps)
}

/// So many calls at once, half of them streamed, against a budget for `affordable` of them; gives how many passed, and the figures.
async fn rush(calls: usize, affordable: u64) -> (usize, String) {
    let books = Books::default();
    let kept = books.clone();
    let faulty =
        Faulty::start(&settings(), move |seen| std::future::ready(answer(&kept, &seen, LENGTH, false))).await;
    // A little more than the calls cost: the gateway cannot count a question as its provider does.
    let limit = affordable * WHOLE + cost(PROMPT_BYTES, 0);
    make(&faulty, "budgets", &budget("b", "project", limit)).await;
    let begun = Instant::now();
    let answers = join_all((0..calls).map(|number| {
        let case = format!("c{number}");
        let request = question(&faulty, &case, &ask(&case, number % 2 == 0, Some(LENGTH)));
        tokio::spawn(Answer::of(request))
    }))
    .await;
    let seconds = begun.elapsed().as_secs_f64();
    let mut passed = 0;
    for answer in answers {
        let answer = answer.expect("no panic");
        match answer.status {
            200 => passed += 1,
            _ => assert_eq!((answer.status, answer.code().as_str()), (402, "budget_exceeded"), "{answer:?}"),
        }
    }
    assert_eq!(books.entries().len(), passed, "who was refused never reached the provider");
    let used = agrees(&faulty, "b").await;
    let (billed, cut) = (books.bill(), cuts(&faulty, &books).await);
    let told = format!(
        "{calls} calls, money for {affordable}: {passed} passed, {cut} cut, billed {billed} of {limit}, {seconds:.1} s"
    );
    assert!(used >= billed, "{used} used, {billed} billed");
    assert!(billed <= limit, "{billed} of {limit}");
    faulty.finish();
    (passed, told)
}

/// Every record is what the provider billed, to the token, or marked as an estimate and not below; gives how many
/// answers were cut.
async fn cuts(faulty: &Faulty, books: &Books) -> usize {
    let ledger = ledger(faulty).await;
    let mut cut = 0;
    for (case, entries) in books.entries() {
        let ([record], [entry]) = (&ledger[&case][..], &entries[..]) else {
            panic!("{case}: {:?}", ledger[&case])
        };
        match record.status.as_str() {
            "ok" => assert_eq!((charged(record), record.estimated), (entry.bill(), false), "{record:?}"),
            _ => {
                assert_eq!((record.status.as_str(), record.estimated), ("cut", true), "{record:?}");
                assert!(record.output_tokens >= Some(entry.output()), "{entry:?} {record:?}");
                cut += 1;
            }
        }
    }
    cut
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_at_once_against_a_budget_for_one_spend_it_once() {
    for calls in [200, 1_000] {
        let (passed, told) = rush(calls, 1).await;
        println!("{told}");
        assert_eq!(passed, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_at_once_against_a_budget_for_fifty_spend_it_on_fifty() {
    for calls in [200, 1_000] {
        let (passed, told) = rush(calls, 50).await;
        println!("{told}");
        // Each sets aside some tokens more for its question than the provider counts, which is 5% of what it may cost;
        // where less than a whole answer is left, a shorter one may pass beside the fifty.
        assert!((47..=52).contains(&passed), "{passed} of {calls} passed");
    }
}

/// Reads a stream in step with its provider; gives whether it ended in order.
async fn read_in_step(books: Books, case: String, request: reqwest::RequestBuilder) -> bool {
    let response = request.send().await.expect("an answer");
    if response.status() != 200 {
        assert_eq!(response.status(), 402);
        return false;
    }
    let (mut read, mut pieces) = (String::new(), response.bytes_stream());
    while let Some(piece) = pieces.next().await {
        read.push_str(std::str::from_utf8(&piece.expect("a piece")).expect("UTF-8"));
        if !read.contains("\"length\"") {
            books.has_read(&case, read.matches("\"content\":\" word").count());
        }
    }
    read.contains("[DONE]")
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_without_a_bound_of_their_own_end_where_the_money_ends() {
    let books = Books::default();
    let kept = books.clone();
    let faulty =
        Faulty::start(&settings(), move |seen| std::future::ready(answer(&kept, &seen, 4_000, true))).await;
    let limit = cost(0, 10_000);
    make(&faulty, "budgets", &budget("b", "project", limit)).await;
    let begun = Instant::now();
    let streams = join_all((0..200).map(|number| {
        let case = format!("c{number}");
        let request = question(&faulty, &case, &ask(&case, true, None));
        tokio::spawn(read_in_step(books.clone(), case, request))
    }))
    .await;
    let passed = streams.into_iter().filter(|whole| *whole.as_ref().expect("no panic")).count();
    let seconds = begun.elapsed().as_secs_f64();
    let used = agrees(&faulty, "b").await;
    let (billed, cut) = (books.bill(), cuts(&faulty, &books).await);
    println!(
        "200 streams: {passed} passed, {cut} cut, used {used}, billed {billed} of {limit}, {seconds:.1} s"
    );
    assert_eq!(books.entries().len(), passed, "each of them ended in order");
    assert!(cut > 0 && used >= billed, "{used} used, {billed} billed");
    // The bound: one event for each stream under way, the one that went beyond.
    assert!(billed <= limit + passed as u64 * cost(0, EVENT), "{billed} of {limit}");
    assert!(used >= limit / 10 * 9, "the money is of use: {used} of {limit}");
    faulty.finish();
}
