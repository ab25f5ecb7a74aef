//! `behest chat` against a scripted server.

use serde_json::json;

use crate::sandbox::{Behest, Sandbox};
use crate::script::{KEY, Script, minted, problem};

const COMPLETIONS: &str = "POST /v1/chat/completions";

fn streamed(pieces: &[&str]) -> String {
    let chunk = |delta: &str| json!({ "id": "1", "model": "local/echo", "choices": [{ "index": 0, "delta": { "content": delta } }] });
    let mut body = String::new();
    for piece in pieces {
        body.push_str(&format!("data: {}\n\n", chunk(piece)));
    }
    let usage = json!({
        "id": "1", "model": "local/echo", "choices": [],
        "usage": { "prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5 },
        "behest": { "cost_usd": 0.0005 },
    });
    format!("{body}data: {usage}\n\ndata: [DONE]\n\n")
}

fn whole() -> String {
    json!({
        "id": "1", "model": "local/echo",
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": "Hello" }, "finish_reason": "length" }],
        "usage": { "prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5 },
    })
    .to_string()
}

fn chat(script: &Script, arguments: &[&str]) -> Behest {
    let arguments = ["chat"].iter().chain(arguments);
    Sandbox::new().behest(arguments).env("BEHEST_KEY", KEY).env("BEHEST_BASE_URL", &script.base_url)
}

#[test]
fn an_answer_goes_to_stdout_and_its_cost_to_stderr() {
    let script = Script::start([(COMPLETIONS, 200, streamed(&["Hel", "lo\n\n", "**you**"]))]);
    behest_snapshot!(chat(&script, &["good", "morning"]), @r"
    exit_code: 0
    ----- stdout -----
    Hello

    **you**

    ----- stderr -----
    local/echo: 3 tokens in, 2 out, $0.0005, [SECONDS] s
    ");
    let asked = &script.asked()[0];
    assert_eq!(asked.body["messages"], json!([{ "role": "user", "content": "good morning" }]));
    assert_eq!(asked.body["stream"], true);
    assert_eq!(asked.header("x-end-user-id"), Some("default"));
}

#[test]
fn everything_that_is_asked_for_is_sent() {
    let script = Script::start([(COMPLETIONS, 200, whole())]);
    let arguments = [
        "--model",
        "m",
        "--user",
        "u",
        "--session",
        "s",
        "--thread",
        "t",
        "--system",
        "be brief",
        "--no-stream",
        "hi",
    ];
    behest_snapshot!(chat(&script, &arguments), @r"
    exit_code: 0
    ----- stdout -----
    Hello

    ----- stderr -----
    local/echo: 3 tokens in, 2 out, $0.00025, [SECONDS] s, ended by length
    ");
    let asked = &script.asked()[0];
    assert_eq!(asked.body["model"], "m");
    assert_eq!(asked.body["messages"][0], json!({ "role": "system", "content": "be brief" }));
    let header = |name: &str| asked.header(name).unwrap_or_default().to_owned();
    assert_eq!([header("x-end-user-id"), header("x-session-id"), header("x-thread-id")], ["u", "s", "t"]);
}

#[test]
fn json_is_the_whole_completion_with_its_cost() {
    let script = Script::start([(COMPLETIONS, 200, whole())]);
    let json = chat(&script, &["--json", "hi"]).run().json();
    assert_eq!(json["choices"][0]["message"]["content"], "Hello");
    assert_eq!(json["behest"]["cost_usd"], 0.00025);
}

#[test]
fn a_pipe_follows_the_prompt() {
    let script = Script::start([(COMPLETIONS, 200, streamed(&["ok"]))]);
    chat(&script, &["Summarise"]).input("the text\n").run().text();
    assert_eq!(script.asked()[0].body["messages"][0]["content"], "Summarise\n\nthe text\n");
    chat(&script, &[]).input("alone\n").run().text();
    assert_eq!(script.asked()[1].body["messages"][0]["content"], "alone\n");
}

#[test]
fn where_api_keys_are_refused_a_minted_token_asks() {
    let script = Script::start([
        (COMPLETIONS, 401, problem("invalid_token", "API keys are refused here: mint a token").to_string()),
        ("POST /v1/auth/mint", 200, minted().to_string()),
    ]);
    let outcome = chat(&script, &["hi"]).run();
    assert_eq!(outcome.exit_code, 1);
    let bearers: Vec<_> =
        script.asked().iter().map(|asked| asked.header("authorization").map(str::to_owned)).collect();
    assert_eq!(bearers[1], Some(format!("Bearer {KEY}")), "the mint carries the key");
    assert_eq!(bearers[2], Some("Bearer head.body.signature".to_owned()));
}

#[test]
fn an_answer_that_breaks_off_fails_with_2() {
    let body = streamed(&["Hel"])
        .split("data: {\"id\":\"1\",\"model\":\"local/echo\",\"choices\":[]")
        .next()
        .map(str::to_owned);
    let error = problem("upstream_error", "the provider closed the connection");
    let script = Script::start([(COMPLETIONS, 200, format!("{}data: {error}\n\n", body.expect("a part")))]);
    behest_snapshot!(chat(&script, &["hi"]), @r"
    exit_code: 2
    ----- stdout -----
    Hel

    ----- stderr -----
    error: the provider closed the connection
      trace id: trace-1
    ");
}

#[test]
fn a_refusal_is_told_with_its_hint() {
    let script =
        Script::start([(COMPLETIONS, 422, problem("provider_not_configured", "`openai` has no key"))]);
    behest_snapshot!(chat(&script, &["hi"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: `openai` has no key
      trace id: trace-1

    hint: add the provider with `behest providers add NAME`
    ");
}

#[test]
fn a_conversation_remembers_and_obeys_commands() {
    let script = Script::start([(COMPLETIONS, 200, streamed(&["Hello"]))]);
    let lines = "/help\none\ntwo\n/modle\n/model m\n/thread trip\nthree\n/new\nfour\n/quit\nnever\n";
    behest_snapshot!(chat(&script, &["--interactive"]).input(lines), @r"
    exit_code: 0
    ----- stdout -----
    Hello
    Hello
    Hello
    Hello

    ----- stderr -----
    /new             forget what was said and begin again
    /thread [ID]     let the gateway remember this conversation, under an id of yours or a new one
    /model [NAME]    ask another model, or see which there are
    /usage           what this conversation used, and what the end user used today
    /quit            leave (as Ctrl-D does)
    Ctrl-C           cancel an answer
    local/echo: 3 tokens in, 2 out, $0.0005, [SECONDS] s
    local/echo: 3 tokens in, 2 out, $0.0005, [SECONDS] s
    there is no /modle; /help lists commands
    asking m from now on
    the gateway now remembers this conversation as thread trip
    local/echo: 3 tokens in, 2 out, $0.0005, [SECONDS] s
    a new conversation
    local/echo: 3 tokens in, 2 out, $0.0005, [SECONDS] s
    ");
    let asked = script.asked();
    let sizes: Vec<_> =
        asked.iter().map(|asked| asked.body["messages"].as_array().map_or(0, Vec::len)).collect();
    assert_eq!(sizes, [1, 3, 1, 1]);
    let threads: Vec<_> = asked.iter().map(|asked| asked.header("x-thread-id")).collect();
    assert_eq!(threads, [None, None, Some("trip"), None]);
    assert_eq!(asked[2].body["model"], "m");
}

#[test]
fn a_conversation_outlives_a_refusal_and_exits_with_its_status() {
    let script =
        Script::start([(COMPLETIONS, 402, problem("quota_exceeded", "the day's requests are used up"))]);
    behest_snapshot!(chat(&script, &["--interactive"]).input("one\n\n/usage\n"), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: the day's requests are used up
      trace id: trace-1
    this conversation: nothing yet
    error: there is nothing here
      trace id: trace-1
    ");
}
