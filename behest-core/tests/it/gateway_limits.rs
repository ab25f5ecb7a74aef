//! Requests per minute and day, calls under way, tokens, and what callers are told of them.

use behest_core::gateway::config::Config;
use http::Method;
use serde_json::{Value, json};

use super::support::gateway::{Answer, TestGateway, eventually};
use super::support::scripted::{Gate, Script, Scripted, Step};

/// Makes calls until one is refused: at most twice as many as the limit pass, where a minute ends between them.
async fn until_refused(limit: usize, call: impl AsyncFn() -> Answer) -> Answer {
    for _ in 0..=2 * limit {
        let answer = call().await;
        if answer.status != 200 {
            return answer;
        }
    }
    panic!("nothing was refused");
}

fn answer() -> Value {
    json!({
        "id": "c", "object": "chat.completion", "model": "fake-1",
        "choices": [{ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": "hello" } }],
        "usage": { "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15 },
    })
}

/// A provider that answers when the gate is open.
async fn gated(gate: &Gate) -> Scripted {
    let gate = gate.clone();
    Scripted::start(move |_| {
        let gate = gate.clone();
        async move {
            gate.wait().await;
            Script::json(200, &answer())
        }
    })
    .await
}

#[tokio::test]
async fn a_project_has_its_requests_of_a_minute_and_an_api_key_sees_their_numbers() {
    let test = TestGateway::start().await;
    test.set(&json!({ "rpm_limit": 3 })).await;
    let first = test.chat("hi").bearer(&test.api_key).await;
    first.ok();
    assert_eq!(first.header("x-ratelimit-limit-requests"), "3");
    assert_eq!(first.header("x-ratelimit-scope"), "project");
    assert!(matches!(first.header("x-ratelimit-reset-requests").parse(), Ok(1..=60_u64)), "{first:?}");
    let refused = until_refused(3, async || test.chat("hi").bearer(&test.api_key).await).await;
    let error = refused.refused(429, "rate_limited");
    assert_eq!(error["details"]["scope"], "project");
    assert_eq!((&error["details"]["limit"], &error["details"]["remaining"]), (&json!(3), &json!(0)));
    assert!(error["details"]["resets_at"].is_string());
    assert!(error["message"].as_str().is_some_and(|message| message.contains("`rpm_limit`")), "{error}");
    assert!(matches!(refused.header("retry-after").parse(), Ok(1..=60_u64)), "{refused:?}");
    assert_eq!(refused.header("x-ratelimit-remaining-requests"), "0");
}

#[tokio::test]
async fn a_user_learns_of_a_wider_limit_only_that_it_is_there() {
    let test = TestGateway::start().await;
    test.set(&json!({ "rpm_limit": 3, "user_rpm_limit": 100 })).await;
    let token = test.token("alice").await;
    let refused = until_refused(3, async || test.chat("hi").bearer(&token).await).await;
    let error = refused.refused(429, "rate_limited");
    assert_eq!(error["details"]["scope"], "project");
    assert!(error["details"].get("limit").is_none(), "{error}");
    assert!(!error["message"].as_str().unwrap_or_default().contains(" 3 "), "{error}");
    assert_eq!(refused.header("x-ratelimit-limit-requests"), "", "{refused:?}");
}

#[tokio::test]
async fn each_user_has_requests_of_its_own() {
    let test = TestGateway::start().await;
    test.set(&json!({ "user_rpm_limit": 2 })).await;
    let (alice, bob) = (test.token("alice").await, test.token("bob").await);
    let refused = until_refused(2, async || test.chat("hi").bearer(&alice).await).await;
    let error = refused.refused(429, "rate_limited");
    assert_eq!((&error["details"]["scope"], &error["details"]["limit"]), (&json!("user"), &json!(2)));
    test.chat("hi").bearer(&bob).await.ok();
    // Named by an API key, the same user is the same.
    until_refused(2, async || test.chat("hi").bearer(&test.api_key).user("alice").await).await;
}

#[tokio::test]
async fn a_tier_has_requests_of_a_day_and_what_no_provider_saw_is_not_one() {
    let test = TestGateway::start().await;
    test.post(&test.of_project("tiers"), &json!({ "name": "trial", "requests_per_day": 2 }))
        .admin()
        .await
        .created();
    let token = test.mint(&test.api_key, &json!({ "user_id": "alice", "tier": "trial" })).await;
    let bad = json!({ "messages": [] });
    for _ in 0..3 {
        test.ask(&bad).bearer(&token).await.refused(400, "validation_error");
    }
    for _ in 0..2 {
        test.chat("hi").bearer(&token).await.ok();
    }
    let refused = test.chat("hi").bearer(&token).await;
    let error = refused.refused(402, "quota_exceeded");
    assert_eq!(error["details"]["scope"], "user_requests_day");
    assert_eq!((&error["details"]["used"], &error["details"]["limit"]), (&json!(2), &json!(2)));
    assert_eq!(refused.header("x-should-retry"), "false");
    assert_eq!(refused.header("retry-after"), "");
}

#[tokio::test]
async fn a_refused_step_changes_nothing() {
    let test = TestGateway::start().await;
    test.post(&test.of_project("tiers"), &json!({ "name": "trial", "requests_per_day": 1 }))
        .admin()
        .await
        .created();
    let token = test.mint(&test.api_key, &json!({ "user_id": "alice", "tier": "trial" })).await;
    test.chat("hi").bearer(&token).await.ok();
    let standing = async || {
        let path = test.of_project("limits?user_id=alice&tier=trial");
        let limits = test.get(&path).admin().await.ok();
        let used = |scope: &str| {
            let rows = limits["data"].as_array().expect("layers");
            rows.iter().find(|row| row["scope"] == scope).expect("the layer")["used"].clone()
        };
        (used("project"), used("user"), used("user_requests_day"))
    };
    let before = standing().await;
    test.chat("hi").bearer(&token).await.refused(402, "quota_exceeded");
    let after = standing().await;
    // A minute may have ended in between; nothing was added.
    assert!(after == before || after.0 == json!(0.0), "{before:?} {after:?}");
    assert_eq!(after.2, json!(1.0));
}

#[tokio::test]
async fn calls_at_once_are_bounded_for_users_and_projects_and_come_free() {
    let gate = Gate::new();
    let upstream = gated(&gate).await;
    let test = TestGateway::before(&upstream).await;
    test.set(&json!({ "provider_model": "fake-1", "user_concurrency_limit": 1, "concurrency_limit": 2 }))
        .await;
    let (alice, bob) = (test.token("alice").await, test.token("bob").await);
    let first = tokio::spawn(test.chat("hi").bearer(&alice).into_future());
    upstream.requests(1).await;
    let refused = test.chat("hi").bearer(&alice).await;
    let error = refused.refused(429, "rate_limited");
    assert_eq!(error["details"]["scope"], "user_concurrency");
    assert_eq!(refused.header("retry-after"), "1");
    let second = tokio::spawn(test.chat("hi").bearer(&bob).into_future());
    upstream.requests(2).await;
    let error = test.chat("hi").bearer(&test.api_key).await.refused(429, "rate_limited");
    assert_eq!(error["details"]["scope"], "project_concurrency");
    // A client that goes away gives its place back.
    second.abort();
    upstream.departures(1).await;
    eventually(async || {
        let path = test.of_project("limits");
        let limits = test.get(&path).admin().await.ok();
        let rows = limits["data"].as_array().expect("layers").clone();
        rows.iter().any(|row| row["scope"] == "project_concurrency" && row["reserved"] == 1.0).then_some(())
    })
    .await;
    gate.open();
    first.await.expect("an answer").ok();
    test.chat("hi").bearer(&alice).await.ok();
}

use std::future::IntoFuture as _;

#[tokio::test]
async fn tokens_of_a_day_are_refused_when_they_are_used_up() {
    let upstream = Scripted::start(|_| async { Script::json(200, &answer()) }).await;
    let test = TestGateway::before(&upstream).await;
    test.set(&json!({ "provider_model": "fake-1", "user_tokens_per_day": 400 })).await;
    let token = test.token("alice").await;
    let body = json!({ "messages": [{ "role": "user", "content": "hi" }], "max_tokens": 100 });
    let first = test.ask(&body).bearer(&token).await;
    first.ok();
    assert_eq!(first.header("x-ratelimit-limit-tokens"), "400");
    // 15 of the 400 are used by each call; the next one needs 100 for its answer and some for its prompt.
    let refused = until_refused(30, async || test.ask(&body).bearer(&token).await).await;
    let error = refused.refused(402, "quota_exceeded");
    assert_eq!(error["details"]["scope"], "user_tokens_day");
    let number = |name: &str| error["details"][name].as_u64().expect("a number");
    assert_eq!((number("limit"), number("reserved"), number("used") % 15), (400, 0, 0));
    assert!(number("used") <= 400 && number("used") > 250, "{error}");
    assert!(refused.header("x-ratelimit-scope") == "user_tokens_day", "{refused:?}");
}

#[tokio::test]
async fn a_plain_answer_is_bound_to_what_is_left_and_a_roomy_limit_binds_nothing() {
    let upstream = Scripted::start(|_| async { Script::json(200, &answer()) }).await;
    let test = TestGateway::before(&upstream).await;
    test.set(&json!({ "provider_model": "fake-1", "user_tokens_per_day": 1_000 })).await;
    let token = test.token("alice").await;
    test.chat("hi").bearer(&token).await.ok();
    let sent = upstream.seen("/").pop().expect("a request").json();
    assert!(matches!(sent["max_tokens"].as_u64(), Some(200..=1_000)), "{sent}");
    test.set(&json!({ "provider_model": "fake-1" })).await;
    test.chat("hi").bearer(&token).await.ok();
    let sent = upstream.seen("/").pop().expect("a request").json();
    assert!(sent.get("max_tokens").is_none(), "{sent}");
}

#[tokio::test]
async fn what_a_crash_of_the_client_used_is_counted_and_nothing_stays_held() {
    let upstream = Scripted::start(|_| async { Script::new(200, vec![Step::Hang]) }).await;
    let test = TestGateway::before(&upstream).await;
    test.set(&json!({ "provider_model": "fake-1" })).await;
    let token = test.token("alice").await;
    let call = tokio::spawn(test.chat("hi").bearer(&token).into_future());
    upstream.requests(1).await;
    call.abort();
    upstream.departures(1).await;
    eventually(async || {
        let gauges = test.gateway.gauges();
        (gauges.leases == 0 && gauges.tokens == 0 && gauges.concurrency == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_limits_nothing_is_refused_and_everything_recorded() {
    let mut config = Config::default();
    config.limits.enabled = false;
    let test = TestGateway::with(config).await;
    test.set(&json!({ "rpm_limit": 1, "user_tokens_per_day": 1 })).await;
    for _ in 0..5 {
        test.chat("hi").bearer(&test.api_key).user("alice").await.ok();
    }
    assert_eq!(test.usage_by("user_id").await, [(json!("alice"), 5)]);
}

#[tokio::test]
async fn a_kill_switch_stops_the_next_request_and_says_why() {
    let test = TestGateway::start().await;
    let token = test.token("alice").await;
    let switch = |body: &Value| test.call(Method::PUT, "/v1/kill-switches").json(body).admin();
    let project = test.project.id.as_str();
    test.chat("hi").bearer(&token).await.ok();
    switch(&json!({ "scope": "user", "id": "alice", "project_id": project, "reason": "abuse" })).await.ok();
    let error = test.chat("hi").bearer(&token).await.refused(403, "killed");
    assert!(error["message"].as_str().is_some_and(|message| message.contains("abuse")), "{error}");
    test.get("/v1/models").bearer(&token).await.refused(403, "killed");
    test.chat("hi").bearer(&test.api_key).user("alice").await.refused(403, "killed");
    test.chat("hi").bearer(&test.api_key).user("bob").await.ok();
    let path = format!("/v1/kill-switches?scope=user&id=alice&project_id={project}");
    test.call(Method::DELETE, &path).admin().await.ok();
    test.chat("hi").bearer(&token).await.ok();
    for scope in [json!({ "scope": "global" }), json!({ "scope": "project", "id": project })] {
        switch(&scope).await.ok();
        test.chat("hi").bearer(&token).await.refused(403, "killed");
        let query = match scope.get("id") {
            Some(_) => format!("/v1/kill-switches?scope=project&id={project}"),
            None => "/v1/kill-switches?scope=global".to_owned(),
        };
        test.call(Method::DELETE, &query).admin().await.ok();
        test.chat("hi").bearer(&token).await.ok();
    }
}
