//! Streamed answers, and everything that can end one.

use std::time::Duration;

use behest_core::client::{CallOptions, ChatStream};
use behest_core::transport::Answer;
use behest_core::types::chat::{ChatCompletionChunk, ChatRequest};
use behest_core::{Client, Error};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use tokio::time::Instant;

use crate::support::fake::{Fake, json_answer, minted};
use crate::support::scripted::{Gate, Script, Scripted, Step, chunk, done, event};

const CHAT: &str = "/v1/chat/completions";

async fn open(client: &Client) -> ChatStream {
    let request = ChatRequest::user("hi");
    client.chat().stream(&request, &CallOptions::default()).await.expect("a stream")
}

/// The text that came, and the error that ended it.
async fn read(stream: &mut ChatStream) -> (String, Option<Error>) {
    let mut text = String::new();
    while let Some(item) = stream.next().await {
        match item {
            Ok(chunk) => text.push_str(chunk.text()),
            Err(error) => {
                assert!(stream.next().await.is_none(), "an error is the last item");
                return (text, Some(error));
            }
        }
    }
    assert!(stream.next().await.is_none(), "an ended stream stays ended");
    (text, None)
}

async fn read_script(steps: Vec<Step>) -> (String, Option<Error>) {
    let script = Script::sse(steps).header("x-trace-id", "t1");
    let server = Scripted::in_turn(vec![script]).await;
    read(&mut open(&server.client()).await).await
}

#[tokio::test]
async fn chunks_arrive_one_by_one_with_all_their_fields() {
    let (first, last) = (Gate::new(), Gate::new());
    let usage = json!({
        "id": "c1", "model": "local/echo", "choices": [], "behest": { "cost_usd": 0.25 },
        "usage": { "prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5 },
    });
    let script = Script::sse(vec![
        chunk("one "),
        Step::Wait(first.clone()),
        chunk("two"),
        Step::Send(": ping\n\n".into()),
        Step::Wait(last.clone()),
        event(&usage.to_string()),
        done(),
    ])
    .header("x-trace-id", "t1")
    .header("x-behest-model", "local/echo")
    .header("x-behest-provider", "local")
    .header("x-behest-attempts", "1")
    .header("x-behest-memory", "4");
    let server = Scripted::in_turn(vec![script]).await;
    let mut stream = open(&server.client()).await;
    assert_eq!(stream.meta().trace_id.as_deref(), Some("t1"));
    assert_eq!(stream.meta().model.as_deref(), Some("local/echo"));
    assert_eq!(stream.meta().provider.as_deref(), Some("local"));
    assert_eq!((stream.meta().attempts, stream.meta().memory), (Some(1), Some(4)));

    let mut next = async || stream.next().await.expect("an item").expect("a chunk");
    assert_eq!(next().await.text(), "one ");
    first.open();
    assert_eq!(next().await.text(), "two");
    last.open();
    let chunk: ChatCompletionChunk = next().await;
    assert_eq!(chunk.usage.expect("usage").total_tokens, 5);
    assert_eq!(chunk.extra["behest"]["cost_usd"], 0.25);
    assert!(stream.next().await.is_none());

    let call = &server.seen(CHAT)[0];
    assert_eq!(call.json()["stream"], true);
    assert_eq!(call.header("accept"), "text/event-stream");
}

#[tokio::test]
async fn an_answer_is_the_same_however_its_bytes_are_cut() {
    let whole: Vec<u8> = [chunk("zoë "), chunk("火"), done()]
        .into_iter()
        .flat_map(|step| match step {
            Step::Send(bytes) => bytes.to_vec(),
            other => panic!("{other:?}"),
        })
        .collect();
    for size in [1, 7, 64, whole.len()] {
        let steps = whole.chunks(size).map(|piece| Step::Send(Bytes::copy_from_slice(piece))).collect();
        let (text, error) = read_script(steps).await;
        assert_eq!(text, "zoë 火", "{size}");
        assert!(error.is_none(), "{error:?}");
    }
}

#[tokio::test]
async fn one_event_of_eight_megabytes_in_a_thousand_pieces_is_read() {
    let long = "x".repeat(8 << 20);
    let Step::Send(whole) = chunk(&long) else { panic!("a chunk is bytes") };
    let mut steps: Vec<Step> = whole
        .chunks(whole.len().div_ceil(1024))
        .map(|piece| Step::Send(Bytes::copy_from_slice(piece)))
        .collect();
    assert_eq!(steps.len(), 1024);
    steps.push(done());
    let (text, error) = read_script(steps).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(text.len(), long.len());
}

#[tokio::test]
async fn an_event_above_sixteen_megabytes_is_refused() {
    let piece = Bytes::from("x".repeat(1 << 20));
    let mut steps = vec![chunk("a"), Step::Send("data: ".into())];
    steps.extend((0..17).map(|_| Step::Send(piece.clone())));
    steps.push(Step::Hang);
    let (text, error) = read_script(steps).await;
    assert_eq!(text, "a");
    assert_eq!(error.expect("an error").code(), "stream_event_too_large");
}

#[tokio::test]
async fn an_error_event_is_the_last_item() {
    let problem = json!({
        "error": {
            "code": "upstream_error", "message": "the provider went away", "type": "server_error", "param": null,
            "details": { "provider": "openai" },
        },
    });
    let (text, error) = read_script(vec![chunk("half "), event(&problem.to_string()), chunk("never")]).await;
    assert_eq!(text, "half ");
    let error = error.expect("an error");
    assert_eq!((error.code(), error.status(), error.trace_id()), ("upstream_error", None, Some("t1")));
    assert_eq!(error.message(), "the provider went away");
    let Error::Stream(error) = error else { panic!("{error:?}") };
    assert_eq!(error.details, Some(json!({ "provider": "openai" })));
}

#[tokio::test]
async fn an_answer_without_its_end_is_never_taken_for_complete() {
    let cut = Gate::new();
    for steps in
        [vec![chunk("half")], vec![chunk("half"), Step::Close], vec![Step::Send("data: {\"cho".into())]]
    {
        let (_, error) = read_script(steps).await;
        let error = error.expect("an error");
        let known = ["stream_incomplete", "stream_parse_error"];
        assert!(known.contains(&error.code()), "{error:?}");
        assert_eq!(error.trace_id(), Some("t1"));
    }
    let script = Script::sse(vec![chunk("half"), Step::Wait(cut.clone()), Step::Reset]);
    let server = Scripted::in_turn(vec![script]).await;
    let mut stream = open(&server.client()).await;
    assert_eq!(stream.next().await.expect("an item").expect("a chunk").text(), "half");
    cut.open();
    let (_, error) = read(&mut stream).await;
    let error = error.expect("an error");
    assert_eq!(error.code(), "stream_incomplete");
    assert!(std::error::Error::source(&error).is_some(), "the system's words are kept");
}

#[tokio::test]
async fn an_event_that_is_no_chunk_is_an_error() {
    let (_, error) = read_script(vec![event("{not json"), done()]).await;
    assert_eq!(error.expect("an error").code(), "stream_parse_error");
}

#[tokio::test]
async fn a_last_event_without_its_blank_line_counts() {
    let (text, error) = read_script(vec![chunk("all"), Step::Send("data: [DONE]".into())]).await;
    assert_eq!(text, "all");
    assert!(error.is_none(), "{error:?}");
}

#[tokio::test]
async fn dropping_a_stream_closes_its_connection() {
    let server = Scripted::in_turn(vec![Script::sse(vec![chunk("a"), Step::Hang])]).await;
    let mut stream = open(&server.client()).await;
    assert_eq!(stream.next().await.expect("an item").expect("a chunk").text(), "a");
    drop(stream);
    server.departures(1).await;
}

#[tokio::test]
async fn dropping_a_call_before_its_headers_closes_its_connection() {
    let hold = Gate::new();
    let held = hold.clone();
    let server = Scripted::start(move |seen| {
        let held = held.clone();
        async move {
            if seen.path == "/v1/auth/mint" {
                return Script::json(200, &minted("jwt", "s", 3600));
            }
            held.wait().await;
            Script::sse(vec![done()])
        }
    })
    .await;
    let client = server.client();
    let request = ChatRequest::user("hi");
    let options = CallOptions::default();
    let chat = client.chat();
    tokio::select! {
        _ = chat.stream(&request, &options) => panic!("the gate is closed"),
        () = server.requests(2) => {}
    }
    server.departures(1).await;
    hold.open();
}

#[tokio::test]
async fn whole_answers_leave_their_connection_to_the_next_call() {
    let server = Scripted::in_turn(vec![Script::sse(vec![chunk("a"), done()])]).await;
    let client = server.client();
    for _ in 0..10 {
        let (text, error) = read(&mut open(&client).await).await;
        assert!(error.is_none() && text == "a", "{error:?}");
    }
    let calls = server.seen(CHAT);
    assert_eq!(calls.len(), 10);
    assert!(calls.iter().all(|call| call.connection == 0), "one connection serves them all");
}

#[tokio::test]
async fn a_refused_stream_is_an_error_before_the_first_byte() {
    let body = json!({ "error": { "code": "budget_exceeded", "message": "used up" } });
    let server = Scripted::in_turn(vec![Script::json(402, &body)]).await;
    let request = ChatRequest::user("hi");
    let error =
        server.client().chat().stream(&request, &CallOptions::default()).await.expect_err("a refusal");
    assert_eq!((error.code(), error.status()), ("budget_exceeded", Some(402)));
}

/// A fake gateway whose stream goes on as `body` does.
fn streaming(
    body: impl Fn() -> stream::BoxStream<'static, Result<Bytes, Error>> + Send + Sync + 'static,
) -> Fake {
    Fake::new(move |call| {
        let answer = if call.url.ends_with("/mint") {
            json_answer(200, &[], &minted("jwt", "s", 3600))
        } else {
            Answer::new(StatusCode::OK, HeaderMap::new(), body())
        };
        async move { Ok(answer) }
    })
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_only_pings_goes_on_and_a_silent_one_ends() {
    let fake = streaming(|| {
        let pings = stream::iter(0..40).then(async |_| {
            tokio::time::sleep(Duration::from_secs(15)).await;
            Ok(Bytes::from_static(b": ping\n\n"))
        });
        pings.chain(stream::pending()).boxed()
    });
    let start = Instant::now();
    let (_, error) = read(&mut open(&fake.client()).await).await;
    assert_eq!(error.expect("an error").code(), "stream_incomplete");
    assert_eq!(
        start.elapsed().as_secs(),
        40 * 15 + 120,
        "the pings kept it alive, then two minutes of silence"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_may_take_longer_than_a_call() {
    let fake = streaming(|| {
        let late = stream::once(async {
            tokio::time::sleep(Duration::from_secs(90)).await;
            Ok(Bytes::from_static(b"data: [DONE]\n\n"))
        });
        late.boxed()
    });
    let options = CallOptions { timeout: Some(Duration::from_secs(5)), ..CallOptions::default() };
    let mut stream = fake.client().chat().stream(&ChatRequest::user("hi"), &options).await.expect("a stream");
    let (_, error) = read(&mut stream).await;
    assert!(error.is_none(), "{error:?}");
}
