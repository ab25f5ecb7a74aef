//! The books after SIGKILL: the provider keeps its own, and ours must agree.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::faults::answer::Answer;
use crate::faults::scripted::{Script, Seen, Step, done};
use crate::faults::{ANSWER, Faulty, case_of, finish, first, usage};

const CLIENTS: usize = 32;
/// After how many calls each round's gateway is killed.
const ROUNDS: [usize; 4] = [20, 75, 160, 300];

/// What the provider knows of a call.
#[derive(Debug, Clone, Copy, Default)]
struct Served {
    times: u64,
    input: u64,
    output: u64,
}

type Books = Arc<Mutex<HashMap<String, Served>>>;

/// Writes the call down, then answers it: some at once, some after a while, all with tokens of their own.
fn serve(books: &Books, seen: &Seen) -> Script {
    let case = case_of(seen);
    let mut books = books.lock().expect("no panic");
    let number = books.len() as u64;
    let served =
        books.entry(case).or_insert(Served { times: 0, input: 1_000 + number, output: 1 + number % 97 });
    served.times += 1;
    let pause = Step::Pause(Duration::from_millis(number % 7 * 3));
    if seen.json()["stream"] == true {
        let usage = usage(served.input, served.output);
        return Script::sse(vec![pause.clone(), first(), pause, finish(), usage, done()]);
    }
    let answer = json!({
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": ANSWER }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": served.input, "completion_tokens": served.output },
    });
    Script::new(200, vec![pause.clone(), Step::Send(answer.to_string().into()), pause])
}

/// Asks one question after another until the gateway is gone; gives the cases whose answer came whole.
async fn client(requests: Vec<(String, reqwest::RequestBuilder)>) -> Vec<String> {
    let mut complete = Vec::new();
    for (case, request) in requests {
        let Ok(response) = request.send().await else { break };
        let status = response.status();
        let Ok(body) = response.text().await else { break };
        assert_eq!(status, 200, "{body}");
        assert!(body.contains(ANSWER), "{body}");
        let whole = body.contains("[DONE]") || serde_json::from_str::<Value>(&body).is_ok();
        assert!(whole, "an answer that ended in order is whole: {body}");
        complete.push(case);
    }
    complete
}

/// The records of every session: how many, how many of them estimated, tokens in and out.
async fn records(faulty: &Faulty) -> HashMap<String, [u64; 4]> {
    let report = Answer::of(faulty.get("/v1/usage?group_by=session_id")).await.json();
    let mut records: HashMap<String, [u64; 4]> = HashMap::new();
    for bucket in report["breakdown"].as_array().expect("a list") {
        let sums = records.entry(bucket["group"].as_str().expect("a session").to_owned()).or_default();
        let figures = ["requests", "estimated_requests", "input_tokens", "output_tokens"];
        for (sum, figure) in sums.iter_mut().zip(figures) {
            *sum += bucket[figure].as_u64().expect("a number");
        }
    }
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_is_lost_or_counted_twice_when_the_gateway_is_killed_under_load() {
    let books = Books::default();
    let kept = Arc::clone(&books);
    let mut faulty = Faulty::start("", move |seen| std::future::ready(serve(&kept, &seen))).await;
    let mut complete = Vec::new();
    let mut killed_at = 0;
    for (round, calls) in ROUNDS.into_iter().enumerate() {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let question = |turn: usize| {
                    let case = format!("r{round}-c{number}-t{turn}");
                    (case.clone(), faulty.question(&case, (number + turn).is_multiple_of(2)))
                };
                tokio::spawn(client((0..1_000).map(question).collect()))
            })
            .collect();
        killed_at += calls;
        faulty.upstream.requests(killed_at).await;
        faulty.gateway().signal("KILL");
        for client in clients {
            complete.extend(client.await.expect("no panic"));
        }
        killed_at = faulty.upstream.seen("/v1/chat").len();
        assert_eq!(faulty.restart().code(), None, "it was killed");
        compare(&books, &complete, &records(&faulty).await);
        assert_eq!(faulty.metric("behest_calls_in_flight ").await, 0);
    }
    let by_end = Answer::of(faulty.get("/v1/usage?group_by=status")).await.json();
    let lost =
        by_end["breakdown"].as_array().expect("a list").iter().find(|bucket| bucket["group"] == "lost");
    let lost = lost.expect("some calls were under way when the gateway was killed");
    assert_eq!(lost["requests"], lost["estimated_requests"], "{lost}");
    let calls = books.lock().expect("no panic").len();
    println!("{calls} calls, {} seen complete, {} settled at the restart", complete.len(), lost["requests"]);
    faulty.finish();
}

/// Holds our records against the provider's books and what the clients saw.
fn compare(books: &Books, complete: &[String], records: &HashMap<String, [u64; 4]>) {
    let books = books.lock().expect("no panic");
    for (case, served) in books.iter() {
        let [count, estimated, input, output] = records.get(case).copied().unwrap_or_default();
        assert_eq!(count, served.times, "{case} reached the provider {} times", served.times);
        if estimated == 0 {
            assert_eq!((input, output), (served.input, served.output), "{case} is not marked as estimated");
        }
    }
    for case in complete {
        let served = books.get(case).unwrap_or_else(|| panic!("{case} was answered by nobody"));
        assert_eq!(records[case], [1, 0, served.input, served.output], "{case} was seen complete");
    }
    for (case, [count, estimated, ..]) in records.iter().filter(|(case, _)| !books.contains_key(*case)) {
        // Noted, and killed before it was sent: nobody can know that, so it counts at its estimate.
        assert_eq!((*count, *estimated), (1, 1), "{case} never reached the provider");
    }
}
