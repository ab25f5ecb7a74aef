//! Tiers: what a user's entitlement changes of its project's settings.

use behest_core::gateway::config::Config;
use http::Method;
use serde_json::{Value, json};

use crate::support::gateway::{Call, TestGateway};
use crate::support::scripted::{Script, Scripted};

fn names(list: &Value) -> Vec<(&str, &str)> {
    let rows = list["data"].as_array().expect("data").iter();
    rows.map(|row| (row["name"].as_str().expect("a name"), row["source"].as_str().expect("a source")))
        .collect()
}

fn tier(site: &TestGateway, method: Method, name: &str) -> Call {
    site.call(method, &site.of_project(&format!("tiers/{name}"))).admin()
}

fn create(site: &TestGateway, body: &Value) -> Call {
    site.post(&site.of_project("tiers"), body).admin()
}

async fn list(site: &TestGateway) -> Value {
    site.get(&site.of_project("tiers")).admin().await.ok()
}

const BUILT_IN: [(&str, &str); 3] = [("free", "built-in"), ("max", "built-in"), ("pro", "built-in")];

#[tokio::test]
async fn every_project_has_the_built_in_tiers() {
    let site = TestGateway::start().await;
    assert_eq!(names(&list(&site).await), BUILT_IN);
    let free = tier(&site, Method::GET, "free").await.ok();
    assert_eq!(free["rpm_limit"], 10);
    tier(&site, Method::GET, "gold").await.refused(404, "not_found");
    let refused = tier(&site, Method::DELETE, "free").await.refused(409, "conflict");
    assert!(refused["message"].as_str().is_some_and(|message| message.contains("built in")), "{refused}");

    let resolved = tier(&site, Method::GET, "free/resolved").await.ok();
    assert_eq!((&resolved["requests_per_day"], &resolved["tokens_per_day"]), (&json!(100), &json!(50_000)));
    assert_eq!(resolved["sources"]["rpm_limit"], "built-in tier");
    assert_eq!(resolved["sources"]["memory_window"], "gateway");
    tier(&site, Method::GET, "gold/resolved").await.refused(404, "not_found");
}

#[tokio::test]
async fn a_tier_is_made_replaced_and_removed() {
    let site = TestGateway::start().await;
    let gold = json!({ "name": "gold", "rpm_limit": 7, "memory_enabled": true });
    let made = create(&site, &gold).await.created();
    assert_eq!(made, json!({ "name": "gold", "rpm_limit": 7, "memory_enabled": true, "source": "api" }));
    let taken = create(&site, &gold).await.refused(409, "conflict");
    assert!(taken["message"].as_str().is_some_and(|message| message.contains("`gold`")), "{taken}");

    let put = tier(&site, Method::PUT, "gold").json(&json!({ "tokens_per_month": 9 })).await.ok();
    assert_eq!(
        put,
        json!({ "name": "gold", "tokens_per_month": 9, "source": "api" }),
        "all of it is replaced"
    );
    assert_eq!(tier(&site, Method::GET, "gold").await.ok(), put);
    tier(&site, Method::PUT, "silver").json(&json!({})).await.ok();
    // Over a built-in tier, what is left out stays built in.
    create(&site, &json!({ "name": "free", "rpm_limit": 2 })).await.created();
    let all = [("free", "api"), ("gold", "api"), ("max", "built-in"), ("pro", "built-in"), ("silver", "api")];
    assert_eq!(names(&list(&site).await), all);
    let free = tier(&site, Method::GET, "free/resolved").await.ok();
    assert_eq!((&free["rpm_limit"], &free["requests_per_day"]), (&json!(2), &json!(100)));
    let sources = &free["sources"];
    assert_eq!(
        (&sources["rpm_limit"], &sources["requests_per_day"]),
        (&json!("tier"), &json!("built-in tier"))
    );

    for name in ["free", "gold", "silver"] {
        assert_eq!(tier(&site, Method::DELETE, name).await.status, 204);
    }
    tier(&site, Method::DELETE, "gold").await.refused(404, "not_found");
    assert_eq!(names(&list(&site).await), BUILT_IN);
}

#[tokio::test]
async fn what_is_left_out_is_the_projects() {
    let site = TestGateway::start().await;
    site.set(&json!({ "rpm_limit": 90, "user_tokens_per_day": 5, "memory_window": 4, "provider_model": "local/echo" }))
        .await;
    create(&site, &json!({ "name": "gold", "memory_window": 8, "concurrency_limit": 2 })).await.created();
    let gold = tier(&site, Method::GET, "gold/resolved").await.ok();
    assert_eq!(
        gold,
        json!({
            "name": "gold", "rpm_limit": 9, "tokens_per_day": 5, "concurrency_limit": 2, "memory_enabled": false,
            "memory_window": 8, "store_tool_calls": false, "provider_model": "local/echo",
            "sources": {
                "rpm_limit": "project", "requests_per_day": "gateway", "tokens_per_day": "project",
                "tokens_per_month": "gateway", "concurrency_limit": "tier", "memory_enabled": "gateway",
                "memory_window": "tier", "store_tool_calls": "gateway", "provider_model": "project",
                "system_prompt": "gateway",
            },
        })
    );
    site.set(&json!({ "user_rpm_limit": 33 })).await;
    assert_eq!(
        tier(&site, Method::GET, "gold/resolved").await.ok()["rpm_limit"],
        33,
        "it follows the project"
    );
}

#[tokio::test]
async fn a_tier_out_of_bounds_is_not_stored() {
    let site = TestGateway::start().await;
    for (field, bad) in [
        ("rpm_limit", json!(0)),
        ("requests_per_day", json!(1_000_000_000_001_u64)),
        ("tokens_per_day", json!(0)),
        ("tokens_per_month", json!(0)),
        ("concurrency_limit", json!(0)),
        ("memory_window", json!(0)),
        ("system_prompt", json!("x".repeat((256 << 10) + 1))),
        ("provider_model", json!("")),
    ] {
        let put = tier(&site, Method::PUT, "gold").json(&json!({ field: bad })).await;
        assert_eq!(put.refused(400, "validation_error")["param"], field);
    }
    for bad in ["", "two words", "1", "a/b", &"x".repeat(65)] {
        let made = create(&site, &json!({ "name": bad })).await;
        assert_eq!(made.refused(400, "validation_error")["param"], "name");
    }
    // What has no effect yet, or is no field at all, is not silently accepted.
    for field in ["pii_mode", "sentinel_mode", "retention_days", "rpm_limitt", "source"] {
        let refused =
            create(&site, &json!({ "name": "gold", field: "x" })).await.refused(400, "validation_error");
        assert!(refused["message"].as_str().is_some_and(|message| message.contains(field)), "{refused}");
        tier(&site, Method::PUT, "gold").json(&json!({ field: "x" })).await.refused(400, "validation_error");
    }
    create(&site, &json!({ "rpm_limit": 3 })).await.refused(400, "validation_error");
    assert_eq!(names(&list(&site).await), BUILT_IN);
}

#[tokio::test]
async fn a_project_makes_a_hundred_tiers() {
    let site = TestGateway::start().await;
    for index in 0..100 {
        create(&site, &json!({ "name": format!("t{index}") })).await.created();
    }
    create(&site, &json!({ "name": "more" })).await.refused(409, "conflict");
    tier(&site, Method::PUT, "more").json(&json!({})).await.refused(409, "conflict");
    tier(&site, Method::PUT, "t5").json(&json!({ "rpm_limit": 1 })).await.ok();
}

#[tokio::test]
async fn tiers_are_the_projects_and_its_tenants() {
    let site = TestGateway::start().await;
    let sibling = site.project_of(&site.project.tenant_id).await;
    let admin = site.token_of_role(&site.project.id, "admin").await;
    let service = site.token_of_role(&site.project.id, "dashboard-service").await;
    let other = site.tenant(&json!({ "name": "other" })).await;
    let foreign = site.project_of(&other.id).await;
    let make = |project: &str, name: &str, token: &str| {
        site.post(&format!("/v1/projects/{project}/tiers"), &json!({ "name": name })).bearer(token)
    };
    make(&site.project.id, "gold", &admin).await.created();
    make(&sibling.id, "gold", &admin).await.refused(404, "not_found");
    make(&sibling.slug, "gold", &service).await.created();
    make(&foreign.id, "gold", &service).await.refused(404, "not_found");
    make(&site.project.id, "silver", &site.token("ann").await).await.refused(403, "forbidden");
    make(&site.project.id, "silver", &site.api_key).await.refused(403, "forbidden");
    site.get(&format!("/auth{}", site.of_project("tiers"))).bearer(&admin).await.ok();
}

#[tokio::test]
async fn a_tier_binds_its_users_from_the_next_request_on() {
    let choice =
        json!({ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": "hi" } });
    let answer = json!({ "id": "c1", "object": "chat.completion", "choices": [choice] });
    let upstream = Scripted::start(move |_| std::future::ready(Script::json(200, &answer))).await;
    let site = TestGateway::before(&upstream).await;
    site.set(&json!({ "provider_model": "fake-1" })).await;
    let gold = site.mint(&site.api_key, &json!({ "user_id": "ann", "tier": "gold" })).await;
    let free = site.mint(&site.api_key, &json!({ "user_id": "ann", "tier": 1 })).await;
    let model =
        async |token: &str| site.chat("hello").bearer(token).await.header("x-behest-model").to_owned();
    assert_eq!(model(&gold).await, "fake-1", "a tier that nobody has described changes nothing");
    create(&site, &json!({ "name": "gold", "provider_model": "fake-2" })).await.created();
    assert_eq!(model(&gold).await, "fake-2");
    assert_eq!((model(&free).await, model(&site.api_key).await), ("fake-1".to_owned(), "fake-1".to_owned()));
    create(&site, &json!({ "name": "free", "provider_model": "fake-2" })).await.created();
    assert_eq!(model(&free).await, "fake-2", "1 is `free`");
    assert_eq!(tier(&site, Method::DELETE, "gold").await.status, 204);
    assert_eq!(model(&gold).await, "fake-1");
}

#[tokio::test]
async fn the_files_tiers_are_the_files() {
    let text = "[[tiers]]\nproject = \"*\"\nname = \"gold\"\nrpm_limit = 5\nsystem_prompt = \"Be brief.\"";
    let site = TestGateway::with(Config::from_toml(text).expect("a configuration")).await;
    let gold = tier(&site, Method::GET, "gold").await.ok();
    assert_eq!((&gold["rpm_limit"], &gold["source"]), (&json!(5), &json!("config")));
    for call in [
        create(&site, &json!({ "name": "gold" })),
        tier(&site, Method::PUT, "gold").json(&json!({ "rpm_limit": 500 })),
        tier(&site, Method::DELETE, "gold"),
    ] {
        let refused = call.await.refused(409, "conflict");
        let message = refused["message"].as_str().expect("a message");
        assert!(message.contains("`gold`") && message.contains("configuration file"), "{message}");
    }
    let sibling = site.project_of(&site.project.tenant_id).await;
    site.get(&format!("/v1/projects/{}/tiers/gold", sibling.id)).admin().await.ok();
}

#[tokio::test]
async fn a_file_that_says_nothing_that_can_hold_is_refused() {
    for (text, told) in [
        ("[[tiers]]\nname = \"gold\"", "project"),
        ("[[tiers]]\nproject = \"*\"\nname = \"g g\"", "`tiers[0].name`"),
        ("[[tiers]]\nproject = \"*\"\nname = \"g\"\nrpm_limit = 0", "`tiers[0].rpm_limit`"),
        ("[[tiers]]\nproject = \"*\"\nname = \"g\"\nrpm = 1", "rpm"),
        (
            "[[tiers]]\nproject = \"*\"\nname = \"g\"\n[[tiers]]\nproject = \"*\"\nname = \"g\"",
            "`tiers[1].name`",
        ),
        ("[[tiers]]\nproject = \"no-such-001\"\nname = \"g\"", "`tiers[0].project`"),
        (
            "[[budgets]]\nproject = \"no-such-001\"\nname = \"g\"\nscope = \"project\"\nwindow = \"day\"\nlimit_usd = 1",
            "`budgets[0].project`",
        ),
        (
            "[[budgets]]\nproject = \"*\"\nname = \"g\"\nscope = \"project\"\nwindow = \"day\"\nlimit_usd = 0",
            "`budgets[0].limit_usd`",
        ),
        ("[[budgets]]\nproject = \"*\"\nname = \"g\"\nscope = \"project\"\nwindow = \"day\"", "limit_usd"),
        ("[[kill_switches]]\nscope = \"project\"\nid = \"no-such-001\"", "`kill_switches[0].id`"),
        ("[[kill_switches]]\nscope = \"user\"\nid = \"ann\"", "`kill_switches[0].project_id`"),
    ] {
        let error = match Config::from_toml(text) {
            Err(error) => error.to_string(),
            Ok(config) => {
                let folder = tempfile::tempdir().expect("a folder");
                let built =
                    behest_core::gateway::Gateway::builder(config).data_dir(folder.path()).build().await;
                built.err().map(|error| error.to_string()).unwrap_or_else(|| panic!("it starts with {text}"))
            }
        };
        assert!(error.contains(told), "{text}: {error}");
    }
}

#[tokio::test]
async fn the_document_keeps_a_tokens_tier_and_a_projects_apart() {
    let site = TestGateway::start().await;
    let document = site.get("/openapi.json").await.ok();
    let schemas = &document["components"]["schemas"];
    assert!(schemas["Tier"]["oneOf"].is_array(), "a number or a name: {}", schemas["Tier"]);
    for name in ["ProjectTier", "NewTier", "ResolvedTier", "Budget", "NewBudget", "KillSwitch"] {
        assert!(schemas[name].is_object(), "{name}");
    }
    let body = &document["paths"]["/v1/projects/{id}/tiers/{tier}"]["get"]["responses"]["200"]["content"];
    assert_eq!(body["application/json"]["schema"]["$ref"], "#/components/schemas/ProjectTier");
}
