//! Which model is meant, who serves it, and who sees what it costs.

use behest_core::Secret;
use behest_core::gateway::config::ProviderConfig;
use http::Method;
use serde_json::{Value, json};

use crate::support::fake::completion;
use crate::support::gateway::{Answer, TestGateway, provider, providers};
use crate::support::scripted::{Script, Scripted, chunk, done, event};

const COST: &str = "x-behest-cost-usd";

async fn upstream() -> Scripted {
    Scripted::in_turn(vec![Script::json(200, &completion("hi"))]).await
}

/// An answer of `gpt-4o-mini` whose price the table knows: 0.00045 dollars.
fn priced() -> Value {
    let mut answer = completion("hi");
    answer["usage"] = json!({ "prompt_tokens": 1000, "completion_tokens": 500 });
    answer
}

async fn call(site: &TestGateway, model: Value) -> Answer {
    let mut body = json!({ "messages": [{ "role": "user", "content": "hi" }] });
    if !model.is_null() {
        body["model"] = model;
    }
    site.ask(&body).bearer(&site.api_key).await
}

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().expect("data").iter().map(|row| row["id"].as_str().expect("an id")).collect()
}

#[tokio::test]
async fn with_nothing_configured_the_offline_model_answers_every_name() {
    let site = TestGateway::start().await;
    for model in [json!(null), json!(""), json!("default"), json!("local/echo"), json!("gpt-4o"), json!("x")]
    {
        let answer = call(&site, model.clone()).await;
        assert_eq!(answer.text(), "You said: hi", "{model}");
        assert_eq!(
            (&answer.json()["model"], answer.header("x-behest-model")),
            (&json!("local/echo"), "local/echo")
        );
        assert_eq!((answer.header("x-behest-provider"), answer.header(COST)), ("local", "0"));
    }
    let list = site.get("/v1/models").bearer(&site.api_key).await.ok();
    assert_eq!((&list["object"], ids(&list)), (&json!("list"), vec!["local/echo"]));
    assert_eq!(
        (&list["data"][0]["object"], &list["data"][0]["owned_by"]),
        (&json!("model"), &json!("behest"))
    );
    for id in ["local/echo", "local%2Fecho"] {
        let found = site.get(&format!("/v1/models/{id}")).bearer(&site.api_key).await.ok();
        assert_eq!(found, list["data"][0], "{id}");
    }
    site.get("/v1/models/none").bearer(&site.api_key).await.refused(404, "not_found");
}

#[tokio::test]
async fn with_a_provider_names_mean_what_they_say() {
    let upstream = upstream().await;
    let site = TestGateway::before(&upstream).await;
    let error = call(&site, json!("fake-11")).await.refused(400, "validation_error");
    assert_eq!(error["param"], "model");
    let nearest = error["details"]["nearest"].as_array().expect("names");
    assert!(nearest.contains(&json!("fake-1")) && nearest.len() <= 3, "{error}");
    assert!(error["message"].as_str().is_some_and(|message| message.contains("fake-1")), "{error}");
    let error = call(&site, json!("gemini-2.5-flash")).await.refused(422, "provider_not_configured");
    assert_eq!(error["details"]["provider"], "gemini");
    call(&site, json!("gemini/gemini-2.5-flash")).await.refused(422, "provider_not_configured");
    let echo = call(&site, json!("local/echo")).await;
    assert_eq!(echo.header("x-behest-provider"), "local", "it can always be called by its name");
    assert_eq!(upstream.seen("/v1/chat/completions").len(), 0);
    let list = site.get("/v1/models").bearer(&site.api_key).await.ok();
    assert_eq!(ids(&list), ["fake-1", "fake-2", "local/echo"]);
    assert_eq!(list["data"][0]["owned_by"], "fake");
}

#[tokio::test]
async fn the_model_behind_no_name_is_the_projects_or_the_only_one() {
    let upstream = upstream().await;
    let site = TestGateway::before(&upstream).await;
    let unnamed = [json!(null), json!(""), json!(" "), json!("default")];
    for model in &unnamed {
        call(&site, model.clone()).await.refused(400, "validation_error");
    }
    site.set(&json!({ "provider_model": "fake-2" })).await;
    for model in &unnamed {
        assert_eq!(call(&site, model.clone()).await.header("x-behest-model"), "fake-2");
        assert_eq!(upstream.seen("/v1/chat").pop().expect("a request").json()["model"], "fake-2");
    }
    assert_eq!(call(&site, json!("fake-1")).await.header("x-behest-model"), "fake-1");
    let only = TestGateway::with(providers([("fake", provider(&upstream, &["fake-1"]))])).await;
    assert_eq!(call(&only, json!(null)).await.header("x-behest-model"), "fake-1");
}

#[tokio::test]
async fn a_project_may_be_held_to_a_list() {
    let upstream = upstream().await;
    let site = TestGateway::before(&upstream).await;
    site.set(&json!({ "model_allowlist": ["fake-2", "local/echo"] })).await;
    for denied in ["fake-1", "fake/fake-1"] {
        let answer = call(&site, json!(denied)).await;
        assert_eq!(answer.refused(403, "model_not_allowed")["param"], "model");
        assert_eq!(answer.header("x-should-retry"), "false");
    }
    for allowed in ["fake-2", "fake/fake-2", "local/echo"] {
        call(&site, json!(allowed)).await.ok();
    }
    let list = site.get("/v1/models").bearer(&site.api_key).await.ok();
    assert_eq!(ids(&list), ["fake-2", "local/echo"]);
    site.get("/v1/models/fake-1").bearer(&site.api_key).await.refused(404, "not_found");
    site.set(&json!({ "model_allowlist": ["fake/fake-1"] })).await;
    call(&site, json!("fake-1")).await.ok();
    call(&site, json!("local/echo")).await.refused(403, "model_not_allowed");
    site.set(&json!({ "model_allowlist": [] })).await;
    call(&site, json!("fake-1")).await.refused(403, "model_not_allowed");
}

#[tokio::test]
async fn a_tenants_own_provider_takes_the_place_of_the_platforms() {
    let (platform, own) = (upstream().await, upstream().await);
    let site = TestGateway::before(&platform).await;
    let other = site.tenant(&json!({ "name": "other" })).await;
    let foreign = site.project_of(&other.id).await;
    let foreign_key = site.key(&foreign.id, "user").await.key;
    call(&site, json!("fake-1")).await.ok();
    let add = json!({
        "name": "fake", "api_key": "sk-of-the-tenant", "base_url": format!("{}/v1", own.base_url()), "local": true,
        "models": ["fake-1", "own-1"], "check": false,
    });
    site.post(&site.of_tenant("providers"), &add).admin().await.created();
    call(&site, json!("fake-1")).await.ok();
    call(&site, json!("own-1")).await.ok();
    call(&site, json!("fake-2")).await.refused(400, "validation_error");
    assert_eq!((platform.seen("/v1/chat").len(), own.seen("/v1/chat").len()), (1, 2));
    assert_eq!(own.seen("/v1/chat")[0].bearer(), "sk-of-the-tenant");
    // Nobody else's calls are paid with it.
    let body = json!({ "model": "fake-1", "messages": [{ "role": "user", "content": "hi" }] });
    site.ask(&body).bearer(&foreign_key).await.ok();
    assert_eq!((platform.seen("/v1/chat").len(), own.seen("/v1/chat").len()), (2, 2));
    let bill = site.get("/v1/billing/usage").bearer(&site.api_key).await.ok();
    assert_eq!((&bill["platform"]["requests"], &bill["byok"]["requests"]), (&json!(1), &json!(2)));
    let models: Vec<&Value> =
        bill["byok"]["by_model"].as_array().expect("models").iter().map(|row| &row["model"]).collect();
    assert!(models.contains(&&json!("own-1")) && models.len() == 2, "{bill}");

    let path = site.of_tenant("providers/fake");
    assert_eq!(site.call(Method::DELETE, &path).admin().await.status, 204);
    call(&site, json!("fake-2")).await.ok();
    assert_eq!(
        platform.seen("/v1/chat").pop().expect("a request").bearer(),
        crate::support::gateway::PROVIDER_KEY
    );
}

#[tokio::test]
async fn prices_are_for_customers_and_for_users_only_where_the_project_says_so() {
    let upstream = Scripted::in_turn(vec![Script::json(200, &priced())]).await;
    let site = TestGateway::with(providers([("openai", provider(&upstream, &["gpt-4o-mini"]))])).await;
    let (user, admin) = (site.token("ann").await, site.token_of_role(&site.project.id, "admin").await);
    let cost = async |credential: &str| site.chat("hi").bearer(credential).await.header(COST).to_owned();
    assert_eq!(cost(&site.api_key).await, "0.00045");
    assert_eq!(cost(&admin).await, "0.00045");
    assert_eq!(cost(&user).await, "");
    site.set(&json!({ "show_cost_to_users": true })).await;
    assert_eq!(cost(&user).await, "0.00045");
}

#[tokio::test]
async fn in_streams_the_usage_chunk_carries_the_price() {
    let usage = json!({ "choices": [], "usage": { "prompt_tokens": 1000, "completion_tokens": 500 } });
    let script = Script::sse(vec![chunk("hi"), event(&usage.to_string()), done()]);
    let upstream = Scripted::in_turn(vec![script]).await;
    let site = TestGateway::with(providers([("openai", provider(&upstream, &["gpt-4o-mini"]))])).await;
    let user = site.token("ann").await;
    let last = async |credential: &str, include: bool| {
        let body = json!({ "stream": true, "stream_options": { "include_usage": include },
            "messages": [{ "role": "user", "content": "hi" }] });
        let answer = site.ask(&body).bearer(credential).await;
        assert!(!answer.headers.contains_key(COST), "unknown before the answer has come");
        let events = answer.events();
        serde_json::from_str::<Value>(&events[events.len() - 2]).expect("JSON")
    };
    let told = last(&site.api_key, true).await;
    assert_eq!((&told["usage"], &told["behest"]["cost_usd"]), (&usage["usage"], &json!(0.00045)));
    assert_eq!(last(&user, true).await, usage, "as it came");
    assert_eq!(last(&site.api_key, false).await["choices"][0]["delta"]["content"], "hi");
    site.set(&json!({ "show_cost_to_users": true })).await;
    assert_eq!(last(&user, true).await["behest"]["cost_usd"], 0.00045);
}

#[tokio::test]
async fn an_unknown_price_is_never_zero() {
    let upstream = Scripted::in_turn(vec![Script::json(200, &priced())]).await;
    let site = TestGateway::before(&upstream).await;
    let totals = async || site.get("/v1/usage").bearer(&site.api_key).await.ok()["totals"].clone();
    let ceiling: f64 = call(&site, json!("fake-1")).await.header(COST).parse().expect("a price");
    assert!(ceiling > 0.00045, "the dearest price of the table: {ceiling}");
    assert_eq!(totals().await["unpriced_requests"], 0);

    site.set(&json!({ "unknown_price_policy": "flag" })).await;
    let answer = call(&site, json!("fake-1")).await;
    answer.ok();
    assert!(!answer.headers.contains_key(COST));
    let flagged = totals().await;
    assert_eq!((&flagged["unpriced_requests"], &flagged["requests"]), (&json!(1), &json!(2)));
    assert_eq!(flagged["cost_usd"], ceiling, "what is not known is not in the sum");

    site.set(&json!({ "unknown_price_policy": "deny" })).await;
    let error = call(&site, json!("fake-1")).await.refused(403, "model_not_allowed");
    assert!(error["message"].as_str().is_some_and(|message| message.contains("unknown_price_policy")));
    call(&site, json!("local/echo")).await.ok();
    assert_eq!(upstream.seen("/v1/chat").len(), 2);
}

/// A provider at its public address, which these tests never call.
fn with_key() -> ProviderConfig {
    ProviderConfig { api_key: Some(Secret::new("sk-nobodys")), ..ProviderConfig::default() }
}

#[tokio::test]
async fn the_catalogue_names_limits_and_capabilities() {
    let site = TestGateway::with(providers([("openai", with_key())])).await;
    let found = site.get("/v1/models/gpt-4o-mini").bearer(&site.api_key).await.ok();
    assert_eq!((&found["context_length"], &found["max_output_tokens"]), (&json!(128_000), &json!(16_384)));
    assert_eq!(
        (&found["capabilities"]["tools"], &found["capabilities"]["reasoning"]),
        (&json!(true), &json!(false))
    );
    let offline = site.get("/v1/models/local/echo").bearer(&site.api_key).await.ok();
    assert_eq!(offline.get("capabilities"), None);
}

#[tokio::test]
async fn new_models_of_a_family_are_known_by_it_and_slips_are_told() {
    let site = TestGateway::with(providers([("mistral", with_key())])).await;
    let told = call(&site, json!("gpt-99-turbo")).await.refused(422, "provider_not_configured");
    assert_eq!(told["details"]["provider"], "openai");
    let told = call(&site, json!("gpt-4o-2099-01-01")).await.refused(422, "provider_not_configured");
    assert_eq!(told["details"]["provider"], "openai");
    let told = call(&site, json!("mistral-large-latset")).await.refused(400, "validation_error");
    assert_eq!(told["details"]["nearest"][0], "mistral-large-latest");
}

fn catalogue(version: &str, price: u64) -> Value {
    let model = json!({ "prices": [{ "input": price, "output": price }] });
    json!({ "version": version, "models": { "fake/fake-1": model } })
}

#[tokio::test]
async fn an_update_of_the_catalogue_prices_the_next_call_and_only_the_operator_may_send_one() {
    let upstream = Scripted::in_turn((0..3).map(|_| Script::json(200, &priced())).collect()).await;
    let site = TestGateway::before(&upstream).await;
    let put = |body: &Value| site.call(Method::PUT, "/v1/catalogue").json(body);
    let cost = async || call(&site, json!("fake-1")).await.header(COST).to_owned();
    let at_ceiling = cost().await;
    let changed = put(&catalogue("mine", 1_000_000)).admin().await.ok();
    assert_eq!(
        (&changed["version"], &changed["added"], &changed["removed"]),
        (&json!("mine"), &json!(1), &json!(0))
    );
    assert_eq!(cost().await, "0.0015");
    assert_ne!(at_ceiling, "0.0015");

    let snapshot = put(&catalogue("mine", 2_000_000)).admin().await.ok();
    assert_eq!((&snapshot["added"], &snapshot["changed"]), (&json!(0), &json!(1)));
    let shown = site.get("/v1/catalogue").admin().await.ok();
    assert_eq!(
        shown["models"]["fake/fake-1"]["prices"][0],
        json!({
            "version": "mine", "input": 2_000_000, "output": 2_000_000
        })
    );
    assert_eq!(cost().await, "0.003");

    // What is wrong changes nothing.
    for bad in [json!([]), json!({}), json!({ "version": "v", "models": { "fake/fake-1": null, "x": {} } })] {
        put(&bad).admin().await.refused(400, "validation_error");
    }
    assert_eq!(site.get("/v1/catalogue").admin().await.ok(), shown);

    let admin = site.token_of_role(&site.project.id, "admin").await;
    let service = site.token_of_role(&site.project.id, "dashboard-service").await;
    for token in [admin, service] {
        put(&catalogue("theirs", 0)).bearer(&token).await.refused(403, "forbidden");
        site.get("/v1/catalogue").bearer(&token).await.refused(403, "forbidden");
    }
    put(&catalogue("theirs", 0)).bearer(&site.api_key).await.refused(403, "forbidden");
    put(&catalogue("theirs", 0)).await.refused(401, "missing_credentials");
}
