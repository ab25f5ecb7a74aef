//! A project's settings: a draft that changes nothing until it is deployed.

use http::Method;
use serde_json::{Value, json};

use crate::support::gateway::{Call, TestGateway};

const COST: &str = "x-behest-cost-usd";

fn verb(site: &TestGateway, verb: &str) -> Call {
    site.call(Method::POST, &site.of_project(verb)).admin()
}

async fn shown(site: &TestGateway) -> (Value, Value) {
    let view = site.get(&site.of_project("settings")).admin().await.ok();
    (view["deployed"].clone(), view["draft"].clone())
}

#[tokio::test]
async fn a_draft_is_deployed_or_discarded() {
    let site = TestGateway::start().await;
    assert_eq!(shown(&site).await, (json!({}), Value::Null));
    verb(&site, "deploy").await.refused(409, "conflict");
    verb(&site, "discard").await.refused(409, "conflict");

    let settings = json!({ "memory_enabled": true, "memory_window": 4 });
    let put = site.draft(&site.project.id, &settings).admin().await.ok();
    assert_eq!((&put["deployed"], &put["draft"]), (&json!({}), &settings));
    assert_eq!(verb(&site, "discard").await.ok()["draft"], Value::Null);
    assert_eq!(shown(&site).await, (json!({}), Value::Null));

    site.draft(&site.project.id, &settings).admin().await.ok();
    assert_eq!(verb(&site, "deploy").await.ok()["deployed"], settings);
    assert_eq!(shown(&site).await, (settings.clone(), Value::Null));
    verb(&site, "deploy").await.refused(409, "conflict");

    // A draft replaces the whole: what it leaves out goes back to the default.
    site.set(&json!({ "memory_window": 6 })).await;
    assert_eq!(shown(&site).await.0, json!({ "memory_window": 6 }));
}

#[tokio::test]
async fn every_setting_goes_in_and_comes_back() {
    let site = TestGateway::start().await;
    let all = json!({
        "provider_model": "local/echo", "fallback_models": ["local/echo"], "model_aliases": { "mine": "local/echo" },
        "routes": { "r": { "strategy": "weighted", "models": ["mine"], "weights": [2], "hedge_after_ms": 500 } },
        "model_allowlist": ["local/echo"], "system_prompt": "Be brief.",
        "cors_origins": ["https://a.example", "https://app-*.vercel.app"], "memory_enabled": true,
        "memory_window": 1000, "retention_days": 30, "store_tool_calls": true, "api_key_on_data_plane": "allow",
        "unknown_price_policy": "flag", "show_cost_to_users": true, "rpm_limit": 1_000, "user_rpm_limit": 100,
        "concurrency_limit": 50, "user_concurrency_limit": 5, "tokens_per_day": 1_000_000_000_000_u64,
        "user_tokens_per_day": 1, "user_tokens_per_month": 2, "tag_keys": ["team", "env"],
        "usage_retention_days": 400,
    });
    site.set(&all).await;
    assert_eq!(shown(&site).await.0, all);
    site.chat("hello").bearer(&site.api_key).await.ok();
}

#[tokio::test]
async fn what_cannot_be_put_in_force_is_not_stored() {
    let site = TestGateway::start().await;
    for (field, bad) in [
        ("memory_window", json!(0)),
        ("memory_window", json!(1001)),
        ("retention_days", json!(0)),
        ("cors_origins", json!(["*"])),
        ("cors_origins", json!(["https://*.com"])),
        ("cors_origins", json!(["example.com"])),
        ("system_prompt", json!("x".repeat((256 << 10) + 1))),
        ("model_allowlist", json!(vec!["m"; 1001])),
        ("rpm_limit", json!(0)),
        ("user_rpm_limit", json!(1_000_000_000_001_u64)),
        ("concurrency_limit", json!(0)),
        ("user_concurrency_limit", json!(0)),
        ("tokens_per_day", json!(0)),
        ("user_tokens_per_day", json!(0)),
        ("user_tokens_per_month", json!(0)),
        ("tag_keys", json!(["two words"])),
        ("tag_keys", json!(vec!["t"; 65])),
        ("usage_retention_days", json!(0)),
        ("usage_retention_days", json!(36_501)),
    ] {
        let answer = site.draft(&site.project.id, &json!({ field: bad })).admin().await;
        assert_eq!(answer.refused(400, "validation_error")["param"], field);
    }
    for bad in [
        json!({ "memory_window": "4" }),
        json!({ "memory_window": -1 }),
        json!({ "rpm_limit": -1 }),
        json!({ "rpm_limit": 1.5 }),
        json!({ "memory_enabled": "yes" }),
        json!({ "unknown_price_policy": "ignore" }),
        json!({ "api_key_on_data_plane": "sometimes" }),
        json!([]),
    ] {
        site.draft(&site.project.id, &bad).admin().await.refused(400, "validation_error");
    }
    let error = site.draft(&site.project.id, &json!({ "memory_windw": 4 })).admin().await;
    let error = error.refused(400, "validation_error");
    assert!(error["message"].as_str().is_some_and(|message| message.contains("memory_windw")), "{error}");
    assert_eq!(shown(&site).await, (json!({}), Value::Null), "nothing of it was stored");
}

#[tokio::test]
async fn a_test_token_sees_the_draft_and_nobody_else_does() {
    let site = TestGateway::start().await;
    let minted = verb(&site, "test-token").json(&json!({ "user_id": "tess", "ttl": 60 })).await.created();
    assert_eq!((&minted["ttl"], &minted["project_id"]), (&json!(60), &json!(site.project.id)));
    let test = minted["jwt"].as_str().expect("a token").to_owned();
    let plain = site.token("ann").await;
    let cost = async |token: &str| site.chat("hello").bearer(token).await.header(COST).to_owned();
    assert_eq!((cost(&test).await, cost(&plain).await), (String::new(), String::new()), "no draft yet");

    site.draft(&site.project.id, &json!({ "show_cost_to_users": true })).admin().await.ok();
    assert_eq!((cost(&test).await, cost(&plain).await), ("0".to_owned(), String::new()));
    site.draft(&site.project.id, &json!({ "show_cost_to_users": false })).admin().await.ok();
    assert_eq!(cost(&test).await, "", "the newest draft");
    site.set(&json!({ "show_cost_to_users": true })).await;
    assert_eq!((cost(&test).await, cost(&plain).await), ("0".to_owned(), "0".to_owned()));

    // It is an ordinary user's token otherwise.
    site.get(&site.of_project("settings")).bearer(&test).await.refused(403, "forbidden");
    assert_eq!(verb(&site, "test-token").await.created()["ttl"], 900);
    for bad in [json!({ "ttl": 59 }), json!({ "user_id": "admin" }), json!({ "user": "ann" })] {
        verb(&site, "test-token").json(&bad).await.refused(400, "validation_error");
    }
}

#[tokio::test]
async fn only_the_tags_that_a_project_names_are_accepted() {
    let site = TestGateway::start().await;
    let tagged = |tags: &str| site.chat("hello").bearer(&site.api_key).header("x-behest-tags", tags);
    let mint = |tags: Value| {
        site.post("/v1/auth/mint", &json!({ "user_id": "ann", "tags": tags })).bearer(&site.api_key)
    };
    tagged("anything=goes").await.ok();
    let before = mint(json!({ "colour": "red" })).await.ok();

    site.set(&json!({ "tag_keys": ["team", "env"] })).await;
    tagged("team=search,env=prod").await.ok();
    site.chat("hello").bearer(&site.api_key).await.ok();
    let error = tagged("team=search,colour=red").await.refused(400, "validation_error");
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains("`colour`") && message.contains("accepts team, env"), "{message}");
    assert_eq!(mint(json!({ "colour": "red" })).await.refused(400, "validation_error")["param"], "tags");
    mint(json!({ "team": "search" })).await.ok();
    // A token that was minted when more was accepted is no way around it.
    let token = before["jwt"].as_str().expect("a token");
    site.chat("hello").bearer(token).await.refused(400, "validation_error");

    site.set(&json!({ "tag_keys": [] })).await;
    let error = tagged("team=search").await.refused(400, "validation_error");
    assert!(error["message"].as_str().is_some_and(|message| message.contains("accepts none")), "{error}");
}
