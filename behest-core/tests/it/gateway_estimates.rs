//! What a call is taken to have used when its provider never said, or had said only a part when the client left.

use behest_core::gateway::config::ProviderConfig;
use behest_core::gateway::ledger::tokenizer;
use serde_json::{Value, json};

use crate::support::gateway::{TestGateway, eventually, provider, providers};
use crate::support::scripted::{Script, Scripted, Step, chunk, done, event};

/// Seven tokens of OpenAI's.
const SAID: &str = "Hello there, how are you?";

/// A gateway before a provider of this name, which answers with `script`.
async fn before(name: &str, script: Script) -> (TestGateway, Scripted) {
    while tokenizer::count("a").is_none() {
        tokio::task::yield_now().await;
    }
    let server = Scripted::in_turn(vec![script]).await;
    let provider = ProviderConfig { base_url: Some(server.base_url()), ..provider(&server, &["m-1"]) };
    (TestGateway::with(providers([(name, provider)])).await, server)
}

fn ask(stream: bool) -> Value {
    let message = json!({ "role": "user", "content": "hello world" });
    json!({ "model": "m-1", "stream": stream, "messages": [message] })
}

/// Input, output, and how many of the records are estimated.
async fn used(gateway: &TestGateway) -> [u64; 3] {
    let used = eventually(async || {
        let used = gateway.get("/v1/usage").bearer(&gateway.api_key).await.ok();
        (used["totals"]["requests"] == 1).then_some(used)
    })
    .await;
    ["input_tokens", "output_tokens", "estimated_requests"]
        .map(|name| used["totals"][name].as_u64().expect("a number"))
}

/// Reads a stream up to `text` and leaves.
async fn leave_at(gateway: &TestGateway, server: &Scripted, text: &str) {
    let mut open = gateway.ask(&ask(true)).bearer(&gateway.api_key).open().await;
    open.until(text).await;
    drop(open);
    server.departures(1).await;
}

/// What was used by a stream that its client left: the input as it is, and the output with what its provider may have
/// written before it noticed, which is some tokens and never more than is set aside.
async fn left(gateway: &TestGateway, input: u64, heard: u64) {
    let [told, output, estimated] = used(gateway).await;
    assert_eq!((told, estimated), (input, 1));
    assert!((heard + 25..=1_024).contains(&output), "{output} after {heard} were heard");
}

#[tokio::test]
async fn an_answer_without_usage_is_counted_and_marked() {
    let message = json!({ "role": "assistant", "content": SAID });
    let answer = json!({ "choices": [{ "index": 0, "finish_reason": "stop", "message": message }] });
    let (gateway, _server) = before("fake", Script::json(200, &answer)).await;
    gateway.ask(&ask(false)).bearer(&gateway.api_key).await.ok();
    // The two words, and what OpenAI adds to a message and to a prompt.
    assert_eq!(used(&gateway).await, [2 + 4 + 3, 7, 1]);
}

#[tokio::test]
async fn a_stream_without_usage_is_counted_and_marked() {
    let steps = vec![chunk("Hello there, ho"), chunk("w are you?"), done()];
    let (gateway, _server) = before("fake", Script::sse(steps)).await;
    gateway.ask(&ask(true)).bearer(&gateway.api_key).await.events();
    assert_eq!(used(&gateway).await, [9, 7, 1]);
}

#[tokio::test]
async fn a_stream_that_its_client_leaves_is_counted_as_far_as_it_came_and_may_have_gone_on() {
    let (gateway, server) = before("fake", Script::sse(vec![chunk(SAID), Step::Hang])).await;
    leave_at(&gateway, &server, "how are you").await;
    left(&gateway, 9, 7).await;
}

#[tokio::test]
async fn thoughts_are_counted_as_well_and_once() {
    let piece = |delta: Value| {
        event(&json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] }).to_string())
    };
    let thought =
        piece(json!({ "content": "", "reasoning_content": "Hello there,", "reasoning": "Hello there," }));
    let steps = vec![thought, chunk(" how are you?"), done()];
    let (gateway, _server) = before("fake", Script::sse(steps)).await;
    gateway.ask(&ask(true)).bearer(&gateway.api_key).await.events();
    assert_eq!(used(&gateway).await, [9, 7, 1]);
}

#[tokio::test]
async fn what_anthropic_tells_at_its_beginning_stands_when_the_client_leaves() {
    let usage = json!({ "input_tokens": 2095, "cache_read_input_tokens": 5, "output_tokens": 1 });
    let message = json!({ "id": "msg_1", "model": "m-1", "content": [], "usage": usage });
    let delta = json!({ "type": "text_delta", "text": SAID });
    let steps = [
        json!({ "type": "message_start", "message": message }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": delta }),
    ];
    let mut steps: Vec<Step> = steps.iter().map(|it| event(&it.to_string())).collect();
    steps.push(Step::Hang);
    let (gateway, server) = before("anthropic", Script::sse(steps)).await;
    leave_at(&gateway, &server, "how are you").await;
    left(&gateway, 2_100, 7).await;
}

#[tokio::test]
async fn an_estimate_is_never_less_than_what_was_told() {
    let usage = json!({ "promptTokenCount": 11, "candidatesTokenCount": 40, "thoughtsTokenCount": 60, "totalTokenCount": 111 });
    let content = json!({ "role": "model", "parts": [{ "text": "hello" }] });
    let piece = json!({ "candidates": [{ "content": content }], "usageMetadata": usage });
    let (gateway, server) = before("gemini", Script::sse(vec![event(&piece.to_string()), Step::Hang])).await;
    leave_at(&gateway, &server, "hello").await;
    left(&gateway, 11, 100).await;
}

#[tokio::test]
async fn usage_with_every_piece_is_exact_at_the_end_and_a_floor_before() {
    let piece = |text: &str, output: u64| {
        let choice = json!({ "index": 0, "delta": { "content": text }, "finish_reason": null });
        let usage = json!({ "prompt_tokens": 20, "completion_tokens": output, "total_tokens": 20 + output });
        event(&json!({ "choices": [choice], "usage": usage }).to_string())
    };
    let last = |steps: Vec<Step>| Script::sse(steps);
    let (gateway, server) = before("fake", last(vec![piece("hello", 50), chunk(" there"), Step::Hang])).await;
    leave_at(&gateway, &server, " there").await;
    left(&gateway, 20, 50).await;

    let (gateway, _server) = before("fake", last(vec![piece("hel", 1), piece("lo", 2), done()])).await;
    gateway.ask(&ask(true)).bearer(&gateway.api_key).await.events();
    assert_eq!(used(&gateway).await, [20, 2, 0]);
}

/// (what the provider reports, what is recorded)
fn reports() -> [(Value, [u64; 3]); 5] {
    [
        (json!({ "prompt_tokens": 11 }), [11, 7, 1]),
        (json!({ "completion_tokens": 3 }), [9, 3, 1]),
        (json!({ "completion_tokens": 0 }), [9, 0, 1]),
        (json!({ "prompt_tokens": 0, "completion_tokens": 5 }), [0, 5, 0]),
        (
            json!({ "prompt_tokens": 11, "completion_tokens_details": { "reasoning_tokens": 30 } }),
            [11, 30, 1],
        ),
    ]
}

#[tokio::test]
async fn half_a_report_is_completed_and_marked() {
    for (usage, wanted) in reports() {
        let message = json!({ "role": "assistant", "content": SAID });
        let choice = json!({ "index": 0, "finish_reason": "stop", "message": message });
        let answer = json!({ "choices": [choice], "usage": usage });
        let (gateway, _server) = before("fake", Script::json(200, &answer)).await;
        gateway.ask(&ask(false)).bearer(&gateway.api_key).await.ok();
        assert_eq!(used(&gateway).await, wanted, "{usage}");
    }
}

#[tokio::test]
async fn so_is_half_a_report_at_the_end_of_a_stream() {
    for (usage, wanted) in reports() {
        let end = event(&json!({ "choices": [], "usage": usage }).to_string());
        let (gateway, _server) = before("fake", Script::sse(vec![chunk(SAID), end, done()])).await;
        gateway.ask(&ask(true)).bearer(&gateway.api_key).await.events();
        assert_eq!(used(&gateway).await, wanted, "{usage}");
    }
}

#[tokio::test]
async fn other_dialects_may_say_half_as_well() {
    let content = json!([{ "type": "text", "text": SAID }]);
    let claude = json!({ "id": "m", "type": "message", "role": "assistant", "model": "m-1", "content": content,
        "stop_reason": "end_turn", "usage": { "output_tokens": 4 } });
    let (gateway, _server) = before("anthropic", Script::json(200, &claude)).await;
    gateway.ask(&ask(false)).bearer(&gateway.api_key).await.ok();
    let [input, output, estimated] = used(&gateway).await;
    assert!(input > 0);
    assert_eq!((output, estimated), (4, 1));

    let message = json!({ "role": "assistant", "content": content });
    let cohere = json!({ "id": "c", "finish_reason": "COMPLETE", "message": message,
        "usage": { "billed_units": { "input_tokens": 12 } } });
    let (gateway, _server) = before("cohere", Script::json(200, &cohere)).await;
    gateway.ask(&ask(false)).bearer(&gateway.api_key).await.ok();
    assert_eq!(used(&gateway).await, [12, 7, 1]);
}

#[tokio::test]
async fn a_picture_is_no_text_in_a_long_request_either() {
    let answer = json!({ "choices": [{ "index": 0, "finish_reason": "stop",
        "message": { "role": "assistant", "content": SAID } }] });
    let (gateway, _server) = before("fake", Script::json(200, &answer)).await;
    let url = format!("data:image/png;base64,{}", "iVBO".repeat(125_000));
    let mut request = ask(false);
    request["messages"][0]["content"] = json!([{ "type": "image_url", "image_url": { "url": url } }]);
    gateway.ask(&request).bearer(&gateway.api_key).await.ok();
    let [input, output, estimated] = used(&gateway).await;
    assert!((1_000..1_100).contains(&input), "{input}");
    assert_eq!((output, estimated), (7, 1));
}
