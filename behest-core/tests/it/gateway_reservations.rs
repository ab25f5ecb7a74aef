//! Money: budgets hold before a call and during its answer, and what they hold comes free.

use std::future::IntoFuture as _;

use behest_core::gateway::config::Config;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::support::gateway::{TestGateway, eventually, provider, providers};
use super::support::scripted::{Gate, Script, Scripted, Step, chunk, done, event};

/// In the price list: 0.15 dollars for a million tokens in, 0.60 for a million out.
const MODEL: &str = "gpt-4o-mini";
/// What [`answer`] costs: 1,000 tokens in and 500 out.
const COST: f64 = 0.000_45;

fn usage() -> Value {
    json!({ "prompt_tokens": 1_000, "completion_tokens": 500, "total_tokens": 1_500 })
}

fn answer() -> Value {
    json!({
        "id": "c", "object": "chat.completion", "model": MODEL,
        "choices": [{ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": "hello" } }],
        "usage": usage(),
    })
}

/// A prompt of about 1,000 tokens, whose answer may have 500.
fn ask(stream: bool) -> Value {
    json!({
        "model": MODEL, "max_tokens": 500, "stream": stream,
        "messages": [{ "role": "user", "content": "a word ".repeat(560) }],
    })
}

fn config(upstream: &Scripted) -> Config {
    providers([("openai", provider(upstream, &[MODEL, "gpt-4o"]))])
}

async fn budget(test: &TestGateway, terms: Value) -> Value {
    test.post(&test.of_project("budgets"), &terms).admin().await.created()
}

async fn spent(test: &TestGateway) -> f64 {
    let report = test.get("/v1/usage").bearer(&test.api_key).await.ok();
    report["totals"]["cost_usd"].as_f64().expect("a cost")
}

async fn nothing_is_held(test: &TestGateway) {
    eventually(async || {
        let gauges = test.gateway.gauges();
        (gauges.leases == 0 && gauges.tokens == 0 && gauges.money == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn two_hundred_calls_at_once_against_a_budget_for_one_spend_it_once() {
    let gate = Gate::new();
    let upstream = {
        let gate = gate.clone();
        Scripted::start(move |seen| {
            let gate = gate.clone();
            // As models do, it keeps to the bound that it is given.
            let bound = seen.json()["max_tokens"].as_u64().unwrap_or(u64::MAX).min(500);
            let mut answer = answer();
            answer["usage"]["completion_tokens"] = json!(bound);
            async move {
                gate.wait().await;
                Script::json(200, &answer)
            }
        })
        .await
    };
    let test = TestGateway::with(config(&upstream)).await;
    budget(&test, json!({ "name": "one", "scope": "project", "window": "total", "limit_usd": COST * 1.2 }))
        .await;
    let calls: Vec<_> =
        (0..200).map(|_| tokio::spawn(test.ask(&ask(false)).bearer(&test.api_key).into_future())).collect();
    // All are decided while the one that passed is under way.
    upstream.requests(1).await;
    let mut left = calls;
    while left.len() > 1 {
        let (answer, _, rest) = futures_util::future::select_all(left).await;
        let error = answer.expect("an answer").refused(402, "budget_exceeded");
        assert_eq!(error["details"]["scope"], "project_budget");
        assert_eq!(error["details"]["budget"], "one");
        assert!(error["details"]["reserved"].as_f64().is_some_and(|held| held > 0.0), "{error}");
        left = rest;
    }
    let one = left.pop().expect("the one");
    gate.open();
    one.await.expect("an answer").ok();
    assert!((spent(&test).await - COST).abs() < 1e-12);
    nothing_is_held(&test).await;
    let error = test.ask(&ask(false)).bearer(&test.api_key).await.refused(402, "budget_exceeded");
    assert_eq!(error["details"]["used"], COST);
    assert_eq!(error["details"]["reserved"], 0.0);
}

#[tokio::test]
async fn every_scope_of_a_budget_counts_its_own_and_nobody_elses() {
    let upstream = Scripted::start(|_| async { Script::json(200, &answer()) }).await;
    let test = TestGateway::with(config(&upstream)).await;
    let limit = COST * 1.5;
    let key = test.key(&test.project.id, "user").await;
    let terms = |scope: &str, more: Value| {
        let mut terms = json!({ "name": scope, "scope": scope, "window": "month", "limit_usd": limit });
        terms.as_object_mut().expect("terms").extend(more.as_object().expect("more").clone());
        terms
    };
    let with = |name: &'static str, value: &str| (name, value.to_owned());
    let cases = [
        (terms("user", json!({})), with("x-end-user-id", "alice"), with("x-end-user-id", "bob")),
        (terms("session", json!({})), with("x-session-id", "s1"), with("x-session-id", "s2")),
        (
            terms("tag", json!({ "tag": "team" })),
            with("x-behest-tags", "team=search"),
            with("x-behest-tags", "team=ads"),
        ),
        (
            terms("api_key", json!({ "subject": key.api_key.id })),
            with("authorization", &format!("Bearer {}", key.key)),
            with("authorization", &format!("Bearer {}", test.api_key)),
        ),
    ];
    for (terms, mine, other) in cases {
        let made = budget(&test, terms.clone()).await;
        let call = |header: &(&'static str, String)| {
            test.ask(&ask(false)).bearer(&test.api_key).header(header.0, &header.1)
        };
        call(&mine).await.ok();
        let error = call(&mine).await.refused(402, "budget_exceeded");
        assert_eq!(
            error["details"]["scope"],
            format!("{}_budget", terms["scope"].as_str().expect("a scope"))
        );
        call(&other).await.ok();
        let path = test.of_project(&format!("budgets/{}", made["id"].as_str().expect("an id")));
        test.call(http::Method::DELETE, &path).admin().await.ok();
        call(&mine).await.ok();
    }
}

#[tokio::test]
async fn a_budget_made_in_the_middle_of_its_window_knows_what_was_spent() {
    let upstream = Scripted::start(|_| async { Script::json(200, &answer()) }).await;
    let test = TestGateway::with(config(&upstream)).await;
    test.ask(&ask(false)).bearer(&test.api_key).await.ok();
    budget(&test, json!({ "name": "late", "scope": "project", "window": "month", "limit_usd": COST * 1.5 }))
        .await;
    let error = test.ask(&ask(false)).bearer(&test.api_key).await.refused(402, "budget_exceeded");
    assert_eq!(error["details"]["used"], COST);
}

#[tokio::test]
async fn a_models_budget_counts_that_model_alone() {
    let upstream = Scripted::start(|_| async { Script::json(200, &answer()) }).await;
    let test = TestGateway::with(config(&upstream)).await;
    let terms =
        json!({ "name": "m", "scope": "model", "subject": MODEL, "window": "day", "limit_usd": COST * 1.5 });
    budget(&test, terms).await;
    test.ask(&ask(false)).bearer(&test.api_key).await.ok();
    test.ask(&ask(false)).bearer(&test.api_key).await.refused(402, "budget_exceeded");
    let mut other = ask(false);
    other["model"] = json!("gpt-4o");
    test.ask(&other).bearer(&test.api_key).await.ok();
}

#[tokio::test]
async fn above_a_downgrading_budget_the_cheaper_model_answers() {
    let upstream = Scripted::start(|_| async { Script::json(200, &answer()) }).await;
    let test = TestGateway::with(config(&upstream)).await;
    let terms = json!({
        "name": "d", "scope": "user", "window": "month", "limit_usd": 0.000_001,
        "on_exceed": "downgrade", "downgrade_to": MODEL,
    });
    budget(&test, terms).await;
    let mut dear = ask(false);
    dear["model"] = json!("gpt-4o");
    let call = || test.ask(&dear).bearer(&test.api_key).user("alice");
    let first = call().await;
    first.ok();
    assert_eq!(first.header("x-behest-model"), "gpt-4o");
    let second = call().await;
    second.ok();
    assert_eq!(second.header("x-behest-model"), MODEL);
}

#[tokio::test]
async fn a_notifying_budget_refuses_nothing_and_its_thresholds_tell_once() {
    let upstream = Scripted::start(|_| async { Script::json(200, &answer()) }).await;
    let test = TestGateway::with(config(&upstream)).await;
    let terms = json!({
        "name": "n", "scope": "project", "window": "month", "limit_usd": COST * 4.0, "on_exceed": "notify",
    });
    budget(&test, terms).await;
    for _ in 0..6 {
        test.ask(&ask(false)).bearer(&test.api_key).await.ok();
    }
    let percents = eventually(async || {
        let events = test.get("/v1/events?kind=budget_threshold").admin().await.ok();
        let rows = events["data"].as_array().expect("events");
        let mut percents: Vec<_> = rows.iter().filter_map(|row| row["data"]["percent"].as_u64()).collect();
        percents.sort_unstable();
        (percents.len() >= 3).then_some(percents)
    })
    .await;
    assert_eq!(percents, [50, 80, 100]);
}

#[tokio::test]
async fn a_stream_that_reaches_its_budget_is_cut_and_ends_as_too_long() {
    // Counted closely from the first word on.
    while behest_core::gateway::ledger::tokenizer::count("a").is_none() {
        tokio::task::yield_now().await;
    }
    // 4,000 words, whatever bound it is given; the budget has money for some hundreds.
    let mut steps: Vec<Step> = (0..4_000).map(|_| chunk("word ")).collect();
    steps.push(event(&json!({ "choices": [], "usage": usage() }).to_string()));
    steps.push(done());
    let upstream = Scripted::start(move |_| {
        let steps = steps.clone();
        async move { Script::sse(steps) }
    })
    .await;
    let test = TestGateway::with(config(&upstream)).await;
    let limit = 0.000_6;
    budget(&test, json!({ "name": "cut", "scope": "project", "window": "total", "limit_usd": limit })).await;
    let mut body = ask(true);
    body["max_tokens"] = json!(4_000);
    body["stream_options"] = json!({ "include_usage": true });
    let answer = test.ask(&body).bearer(&test.api_key).await;
    let events = answer.events();
    assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
    let parsed: Vec<Value> =
        events[..events.len() - 1].iter().map(|event| serde_json::from_str(event).expect("json")).collect();
    let finish = parsed.iter().filter_map(|event| event["choices"][0]["finish_reason"].as_str());
    assert_eq!(finish.collect::<Vec<_>>(), ["length"]);
    let words = parsed.iter().filter(|event| event["choices"][0]["delta"]["content"] == "word ").count();
    assert!((100..1_500).contains(&words), "{words} words came");
    let told = parsed.last().expect("a usage chunk");
    assert!(told["usage"]["completion_tokens"].as_u64().is_some_and(|tokens| tokens > 100), "{told}");
    // The bound that the provider was given is what the budget could pay for.
    let bound = upstream.seen("/")[0].json()["max_tokens"].as_u64().expect("a bound");
    assert!(bound < 1_500, "{bound}");
    let spent = spent(&test).await;
    assert!(spent <= limit + 0.000_001, "{spent} of {limit}");
    nothing_is_held(&test).await;
    let status = test.usage_by("status").await;
    assert_eq!(status, [(json!("cut"), 1)]);
    let event = eventually(async || {
        let events = test.get("/v1/events?kind=budget_exceeded").admin().await.ok();
        events["data"].as_array().expect("events").first().cloned()
    })
    .await;
    assert_eq!((&event["data"]["cut"], &event["data"]["budget"]), (&json!(true), &json!("cut")));
}

#[tokio::test]
async fn a_stream_goes_on_where_there_is_more() {
    let mut steps: Vec<Step> = (0..3_000).map(|_| chunk("word ")).collect();
    steps.push(event(
        &json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] }).to_string(),
    ));
    steps.push(event(&json!({ "choices": [], "usage": usage() }).to_string()));
    steps.push(done());
    let upstream = Scripted::start(move |_| {
        let steps = steps.clone();
        async move { Script::sse(steps) }
    })
    .await;
    let test = TestGateway::with(config(&upstream)).await;
    budget(&test, json!({ "name": "roomy", "scope": "project", "window": "total", "limit_usd": 1.0 })).await;
    let mut body = ask(true);
    body.as_object_mut().expect("a body").remove("max_tokens");
    let events = test.ask(&body).bearer(&test.api_key).await.events();
    assert_eq!(events.iter().filter(|event| event.contains("word ")).count(), 3_000);
    assert!(upstream.seen("/")[0].json().get("max_tokens").is_none());
    assert_eq!(test.usage_by("status").await, [(json!("ok"), 1)]);
}

#[tokio::test]
async fn the_price_of_many_answers_at_once_is_reserved_for_all_of_them() {
    let upstream = Scripted::start(|_| async { Script::json(200, &answer()) }).await;
    let test = TestGateway::with(config(&upstream)).await;
    budget(&test, json!({ "name": "n", "scope": "project", "window": "total", "limit_usd": 0.001 })).await;
    let mut body = ask(false);
    body["n"] = json!(8);
    // 8 answers of at least 256 tokens are 0.00123 dollars.
    test.ask(&body).bearer(&test.api_key).await.refused(402, "budget_exceeded");
    body["n"] = json!(1);
    test.ask(&body).bearer(&test.api_key).await.ok();
}

#[tokio::test]
async fn failing_providers_leave_nothing_held_and_nothing_spent() {
    let upstream =
        Scripted::start(|_| async { Script::json(500, &json!({ "error": { "message": "no" } })) }).await;
    let test = TestGateway::with(config(&upstream)).await;
    budget(&test, json!({ "name": "f", "scope": "project", "window": "total", "limit_usd": COST * 1.2 }))
        .await;
    let calls = (0..20).map(|_| test.ask(&ask(false)).bearer(&test.api_key).into_future());
    let answers = join_all(calls).await;
    assert!(answers.iter().all(|answer| [402, 502, 503].contains(&answer.status)));
    nothing_is_held(&test).await;
    assert!(spent(&test).await.abs() < f64::EPSILON);
}
