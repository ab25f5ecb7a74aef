//! What is put in front of a conversation, and what of it is kept.

use serde_json::{Value, json};

use crate::support::gateway::{Answer, TestGateway, provider, providers};
use crate::support::scripted::{Script, Scripted};
use crate::support::{fake, scripted};

/// A provider that says `answer 0`, `answer 1`, ...
async fn upstream() -> Scripted {
    let answers = (0..9).map(|turn| Script::json(200, &fake::completion(&format!("answer {turn}"))));
    Scripted::in_turn(answers.collect()).await
}

/// Role and content of every message of the provider's last request.
fn sent(upstream: &Scripted) -> Vec<String> {
    let seen = upstream.seen("/v1/chat/completions");
    let body = seen.last().expect("a request").json();
    let line = |message: &Value| {
        let role = message["role"].as_str().expect("a role");
        format!("{role}: {}", message["content"].as_str().unwrap_or("-"))
    };
    body["messages"].as_array().expect("messages").iter().map(line).collect()
}

fn message(role: &str, text: &str) -> Value {
    json!({ "role": role, "content": text })
}

/// A chat in the thread `t` of the user `ann`.
async fn ask(site: &TestGateway, messages: &[Value]) -> Answer {
    let call = site.ask(&json!({ "model": "fake-1", "messages": messages }));
    let answer = call.bearer(&site.api_key).user("ann").thread("t").await;
    answer.ok();
    answer
}

async fn stored(site: &TestGateway) -> Vec<String> {
    let messages = site.get("/v1/threads/t/messages").bearer(&site.api_key).user("ann").await.said();
    messages.into_iter().map(|(role, text)| format!("{role}: {text}")).collect()
}

#[tokio::test]
async fn stored_turns_go_in_front_and_instructions_are_not_stored() {
    let upstream = upstream().await;
    let site = TestGateway::before(&upstream).await;
    site.set(&json!({ "system_prompt": "You are Bo." })).await;
    ask(&site, &[message("system", "Be brief."), message("user", "one")]).await;
    assert_eq!(sent(&upstream), ["system: You are Bo.", "system: Be brief.", "user: one"]);
    let answer = ask(&site, &[message("developer", "Rhyme."), message("user", "two")]).await;
    assert_eq!(answer.header("x-behest-memory"), "2");
    let all = ["system: You are Bo.", "developer: Rhyme.", "user: one", "assistant: answer 0", "user: two"];
    assert_eq!(sent(&upstream), all, "the project's prompt first, always");
    assert_eq!(stored(&site).await, ["user: one", "assistant: answer 0", "user: two", "assistant: answer 1"]);
}

#[tokio::test]
async fn a_client_that_brings_the_conversation_gets_no_second_one() {
    let upstream = upstream().await;
    let site = TestGateway::before(&upstream).await;
    ask(&site, &[message("user", "one")]).await;
    let body = [
        message("user", "one"),
        message("assistant", "mine"),
        message("user", "two"),
        message("user", "three"),
    ];
    let answer = ask(&site, &body).await;
    assert_eq!(answer.header("x-behest-memory"), "0");
    assert_eq!(sent(&upstream), ["user: one", "assistant: mine", "user: two", "user: three"]);
    let kept = ["user: one", "assistant: answer 0", "user: two", "user: three", "assistant: answer 1"];
    assert_eq!(stored(&site).await, kept, "what follows the last answer, together with the new one");
}

#[tokio::test]
async fn without_a_thread_nothing_is_remembered_and_nothing_is_said_of_memory() {
    let upstream = upstream().await;
    let site = TestGateway::before(&upstream).await;
    for _ in 0..2 {
        let call = site.ask(&json!({ "model": "fake-1", "messages": [message("user", "one")] }));
        let call = call.bearer(&site.api_key).user("ann").header("x-session-id", "s");
        assert!(
            !call.await.headers.contains_key("x-behest-memory"),
            "a session attributes cost and nothing else"
        );
        assert_eq!(sent(&upstream), ["user: one"]);
    }
    assert_eq!(site.usage_by("session_id").await, [(json!("s"), 2)]);
    assert_eq!(site.get("/v1/threads").bearer(&site.api_key).user("ann").await.ok(), json!([]));
}

fn tool_call() -> Value {
    json!([{ "id": "c1", "type": "function", "function": { "name": "weather", "arguments": "{\"city\":\"Oslo\"}" } }])
}

/// A question, the model's tool call, the tool's result, and the answer.
async fn with_a_tool(site: &TestGateway) {
    ask(site, &[message("user", "Oslo?")]).await;
    let call = json!({ "role": "assistant", "content": null, "tool_calls": tool_call() });
    let result = json!({ "role": "tool", "tool_call_id": "c1", "content": "rain" });
    ask(site, &[message("user", "Oslo?"), call, result]).await;
}

async fn tool_upstream() -> Scripted {
    let mut calls = fake::completion("");
    calls["choices"][0]["message"]["content"] = Value::Null;
    calls["choices"][0]["message"]["tool_calls"] = tool_call();
    let answers = [calls, fake::completion("It rains."), fake::completion("Still.")];
    Scripted::in_turn(answers.iter().map(|answer| Script::json(200, answer)).collect()).await
}

#[tokio::test]
async fn tool_calls_are_kept_only_where_the_project_says_so() {
    let upstream = tool_upstream().await;
    let site = TestGateway::before(&upstream).await;
    with_a_tool(&site).await;
    assert_eq!(stored(&site).await, ["user: Oslo?", "assistant: It rains."]);
    ask(&site, &[message("user", "And now?")]).await;
    assert_eq!(sent(&upstream), ["user: Oslo?", "assistant: It rains.", "user: And now?"]);

    let upstream = tool_upstream().await;
    let site = TestGateway::before(&upstream).await;
    site.set(&json!({ "store_tool_calls": true })).await;
    with_a_tool(&site).await;
    let all = ["user: Oslo?", "assistant: ", "tool: rain", "assistant: It rains."];
    assert_eq!(stored(&site).await, all);
    let messages = site.get("/v1/threads/t/messages").bearer(&site.api_key).user("ann").await.ok();
    assert_eq!((&messages[1]["content"], &messages[1]["tool_calls"]), (&Value::Null, &tool_call()));
    assert_eq!(messages[2]["tool_call_id"], "c1");
    ask(&site, &[message("user", "And now?")]).await;
    let seen = upstream.seen("/v1/chat/completions");
    let last = seen.last().expect("a request").json();
    assert_eq!(last["messages"][1]["tool_calls"], tool_call(), "the call goes up as it was");
    assert_eq!(last["messages"].as_array().map(Vec::len), Some(5));
}

#[tokio::test]
async fn streamed_answers_are_remembered_like_plain_ones() {
    let streamed = |piece: Value| {
        scripted::event(
            &json!({ "choices": [{ "index": 0, "delta": piece, "finish_reason": null }] }).to_string(),
        )
    };
    let call =
        |arguments: &str| json!({ "tool_calls": [{ "index": 0, "function": { "arguments": arguments } }] });
    let head = json!({ "role": "assistant", "content": null, "tool_calls": [
        { "index": 0, "id": "c1", "type": "function", "function": { "name": "weather", "arguments": "" } }] });
    let steps =
        vec![streamed(head), streamed(call("{\"city\":")), streamed(call("\"Oslo\"}")), scripted::done()];
    let text = vec![scripted::chunk("It "), scripted::chunk("rains."), scripted::done()];
    let upstream = Scripted::in_turn(vec![Script::sse(steps), Script::sse(text)]).await;
    let site = TestGateway::before(&upstream).await;
    site.set(&json!({ "store_tool_calls": true })).await;
    for said in [
        vec![message("user", "Oslo?")],
        vec![json!({ "role": "tool", "tool_call_id": "c1", "content": "rain" })],
    ] {
        let body = json!({ "model": "fake-1", "stream": true, "messages": said });
        site.ask(&body).bearer(&site.api_key).user("ann").thread("t").await.events();
    }
    let all = ["user: Oslo?", "assistant: ", "tool: rain", "assistant: It rains."];
    assert_eq!(stored(&site).await, all);
    let messages = site.get("/v1/threads/t/messages").bearer(&site.api_key).user("ann").await.ok();
    assert_eq!(messages[1]["tool_calls"], tool_call(), "put together, without the stream's index");
    assert_eq!(sent(&upstream), ["user: Oslo?", "assistant: -", "tool: rain"]);
}

#[tokio::test]
async fn sessions_remember_where_the_project_turns_that_on_within_a_sliding_window() {
    let upstream = upstream().await;
    let site = TestGateway::before(&upstream).await;
    site.set(&json!({ "memory_enabled": true, "memory_window": 4 })).await;
    let ann = site.mint(&site.api_key, &json!({ "user_id": "ann", "session_id": "of-the-token" })).await;
    let ask = async |credential: &str, said: &str, session: &str| {
        let body = json!({ "model": "fake-1", "messages": [message("user", said)] });
        let answer = site.ask(&body).bearer(credential).header("x-session-id", session).await;
        answer.ok();
        answer.header("x-behest-memory").to_owned()
    };
    let counts = [ask(&ann, "one", "s").await, ask(&ann, "two", "s").await, ask(&ann, "three", "s").await];
    assert_eq!(counts, ["0", "2", "4"]);
    assert_eq!(ask(&ann, "four", "s").await, "4");
    let window = ["user: two", "assistant: answer 1", "user: three", "assistant: answer 2", "user: four"];
    assert_eq!(sent(&upstream), window);
    assert_eq!(ask(&ann, "five", "other").await, "0", "another session of the same user");
    assert_eq!(ask(&ann, "six", "").await, "0", "the token's own session");
    assert_eq!(ask(&ann, "seven", "of-the-token").await, "2", "under its name, too");
    let bob = site.token("bob").await;
    assert_eq!(ask(&bob, "eight", "s").await, "0", "another user's session of the same name");
    assert_eq!(ask(&site.api_key, "nine", "s").await, "0", "nobody's");
    assert_eq!(ask(&site.api_key, "ten", "s").await, "2");
    let bad = site.chat("hello").bearer(&ann).header("x-session-id", "a b").await;
    assert_eq!(bad.refused(400, "validation_error")["param"], "X-Session-Id");
    // Sessions are no threads.
    assert_eq!(site.get("/v1/threads").bearer(&ann).await.ok(), json!([]));
}

#[tokio::test]
async fn the_named_thread_wins_over_the_session() {
    let upstream = upstream().await;
    let site = TestGateway::before(&upstream).await;
    site.set(&json!({ "memory_enabled": true })).await;
    let in_session = async |thread: &str| {
        let call = site.ask(&json!({ "model": "fake-1", "messages": [message("user", "hello")] }));
        let call = call.bearer(&site.api_key).user("ann").header("x-session-id", "s").thread(thread);
        call.await.header("x-behest-memory").to_owned()
    };
    assert_eq!(in_session("t").await, "0");
    assert_eq!(in_session("").await, "0", "the session learnt nothing of the thread");
    assert_eq!(in_session("t").await, "2");
    assert_eq!(site.usage_by("thread_id").await, [(Value::Null, 1), (json!("t"), 2)]);
    assert_eq!(site.usage_by("session_id").await, [(json!("s"), 3)]);
}

#[tokio::test]
async fn whole_oldest_turns_are_left_out_to_fit_the_model() {
    let upstream = upstream().await;
    // 8,192 tokens fit this model, says the price table.
    let site = TestGateway::with(providers([("openai", provider(&upstream, &["gpt-4"]))])).await;
    let long = |turn: u32| format!("turn {turn} {}", "word ".repeat(1_800));
    let ask = async |said: &str| {
        let body = json!({ "model": "gpt-4", "messages": [message("user", said)] });
        let answer = site.ask(&body).bearer(&site.api_key).user("ann").thread("t").await;
        answer.ok();
        answer.header("x-behest-memory").to_owned()
    };
    let counts = [ask(&long(0)).await, ask(&long(1)).await, ask(&long(2)).await, ask(&long(3)).await];
    assert_eq!(counts, ["0", "2", "4", "4"], "a turn is about 2,260 tokens");
    let sent = sent(&upstream);
    assert!(sent[0].starts_with("user: turn 1 ") && sent[1] == "assistant: answer 1", "{sent:?}");
    assert_eq!(sent.len(), 5);
    assert_eq!(stored(&site).await.len(), 8, "the thread itself keeps everything");
    assert_eq!(ask("short").await, "6");
}
