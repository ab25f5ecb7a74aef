//! API keys as a credential on the data plane, and the hosts they may be used on.

use http::Method;
use serde_json::{Value, json};

use crate::support::API_KEY;
use crate::support::gateway::{TestGateway, host_of};

#[tokio::test]
async fn an_api_key_speaks_for_the_end_user_it_names_or_for_nobody() {
    let site = TestGateway::start().await;
    let key = site.api_key.as_str();
    assert_eq!(site.chat("hello").bearer(key).await.text(), "You said: hello");
    assert_eq!(site.chat("hello").bearer(key).user("").await.text(), "You said: hello");
    assert_eq!(site.chat("hello").bearer(key).user("zoë").await.text(), "You said: hello");
    assert_eq!(site.usage_by("user_id").await, [(Value::Null, 2), (json!("zoë"), 1)]);
    let listed = site.get(&site.of_project("keys")).admin().await.ok();
    assert_eq!(site.usage_by("api_key_id").await, [(listed["data"][0]["id"].clone(), 3)]);
    for bad in ["x".repeat(256).as_str(), "admin", "system", "dashboard-service", "\u{80}"] {
        let error = site.chat("hello").bearer(key).user(bad).await.refused(400, "validation_error");
        assert_eq!(error["param"], "X-End-User-Id", "{bad}");
    }
}

#[tokio::test]
async fn a_thread_needs_an_end_user() {
    let site = TestGateway::start().await;
    let key = site.api_key.as_str();
    let refused = [
        site.chat("hello").bearer(key).thread("t").await,
        site.get("/v1/threads").bearer(key).await,
        site.get("/v1/threads/t").bearer(key).await,
        site.get("/v1/threads/t/messages").bearer(key).await,
        site.call(Method::DELETE, "/v1/threads/t").bearer(key).await,
    ];
    for answer in refused {
        let error = answer.refused(400, "validation_error");
        assert_eq!(error["param"], "X-End-User-Id");
        assert!(error["message"].as_str().is_some_and(|message| message.contains("X-End-User-Id")));
    }
    site.chat("hello").bearer(key).user("ann").thread("t").await.ok();
    assert_eq!(site.get("/v1/threads/t").bearer(key).user("ann").await.ok()["messages_count"], 2);
}

#[tokio::test]
async fn tags_come_with_the_key_and_within_bounds() {
    let site = TestGateway::start().await;
    let tagged = |tags: &str| site.chat("hello").bearer(&site.api_key).header("x-behest-tags", tags);
    tagged("team=search, env=prod").await.ok();
    assert_eq!(site.usage_by("tag:team").await, [(json!("search"), 1)]);
    let token = site.token("ann").await;
    tagged("team=other").bearer(&token).await.ok();
    assert_eq!(
        site.usage_by("tag:team").await,
        [(Value::Null, 1), (json!("search"), 1)],
        "a token's are its own"
    );
    for bad in ["team", "a b=c", &format!("a={}", "x".repeat(129))] {
        assert_eq!(tagged(bad).await.refused(400, "validation_error")["param"], "X-Behest-Tags");
    }
}

#[tokio::test]
async fn a_project_can_turn_api_keys_off_on_the_data_plane() {
    let site = TestGateway::start().await;
    site.chat("hello").bearer(&site.api_key).await.ok();
    site.set(&json!({ "api_key_on_data_plane": "deny" })).await;
    for call in [
        site.chat("hello"),
        site.chat("hello").user("ann"),
        site.get("/v1/models"),
        site.get("/v1/usage"),
        site.get("/v1/threads").user("ann"),
    ] {
        let error = call.bearer(&site.api_key).await.refused(401, "invalid_token");
        assert!(error["message"].as_str().is_some_and(|message| message.contains("mint")), "{error}");
    }
    let token = site.token("ann").await;
    site.chat("hello").bearer(&token).await.ok();
    site.set(&json!({ "api_key_on_data_plane": "allow" })).await;
    site.chat("hello").bearer(&site.api_key).await.ok();
}

#[tokio::test]
async fn a_revoked_key_is_out_from_the_next_request_on() {
    let site = TestGateway::start().await;
    let made = site.key(&site.project.id, "user").await;
    let models = || site.get("/v1/models").bearer(&made.key);
    models().await.ok();
    models().await.ok();
    let path = site.of_project(&format!("keys/{}", made.api_key.id));
    assert_eq!(site.call(Method::DELETE, &path).admin().await.status, 204);
    let error = models().await.refused(401, "invalid_token");
    assert!(error["message"].as_str().is_some_and(|message| message.contains("revoked")));
    let body = json!({ "user_id": "ann" });
    site.post("/v1/auth/mint", &body).bearer(&made.key).await.refused(401, "invalid_token");
    site.call(Method::DELETE, &path).admin().await.refused(404, "not_found");
    site.get("/v1/models").bearer(&site.api_key).await.ok();

    let listed = site.get(&site.of_project("keys")).admin().await;
    let text = String::from_utf8_lossy(&listed.body).into_owned();
    assert!(!text.contains(&made.key) && !text.contains("argon2"), "{text}");
    let listed = listed.ok();
    let row = &listed["data"][1];
    assert_eq!(row["last_four"].as_str(), made.key.get(made.key.len() - 4..));
    assert!(row["revoked_at"].is_string() && row.get("key").is_none(), "{row}");
}

#[tokio::test]
async fn strange_credentials_are_refused_and_told_how_to_come() {
    let site = TestGateway::start().await;
    let models = || site.get("/v1/models");
    let missing = models().await;
    missing.refused(401, "missing_credentials");
    assert_eq!(missing.header("www-authenticate"), "Bearer");
    for bad in [API_KEY, "behest_sk_live_", "behest_sk_live_zz"] {
        models().bearer(bad).await.refused(401, "invalid_token");
    }
    for header in ["", "Bearer", "Bearer "] {
        models().header("authorization", header).await.refused(401, "missing_credentials");
    }
    for header in ["Basic abc", "token"] {
        models().header("authorization", header).await.refused(401, "invalid_token");
    }
    models().header("authorization", &format!("bearer  {}", site.api_key)).await.ok();
    models()
        .header("x-admin-secret", crate::support::gateway::ADMIN_SECRET)
        .await
        .refused(401, "missing_credentials");
}

#[tokio::test]
async fn the_host_names_the_project() {
    let site = TestGateway::start().await;
    let other = site.project_of(&site.project.tenant_id).await;
    let models = |host: &str| site.get("/v1/models").bearer(&site.api_key).host(host);
    for own in [site.host(), format!("{}:8080", site.host()), site.host().to_uppercase()] {
        models(&own).await.ok();
    }
    for bare in ["localhost", "127.0.0.1:8080", "[::1]:8080"] {
        models(bare).await.ok();
    }
    models(&host_of(&other)).await.refused(403, "forbidden");
    models("no-such-000.localhost").await.refused(404, "not_found");
    site.get("/v1/models").host("no-such-000.localhost").await.refused(404, "not_found");
    let token = site.token("ann").await;
    models(&host_of(&other)).bearer(&token).await.refused(403, "forbidden");
}

#[tokio::test]
async fn a_suspended_project_says_so_to_every_credential_until_it_is_active_again() {
    let site = TestGateway::start().await;
    let token = site.token("ann").await;
    let calls = || [site.chat("hello").bearer(&site.api_key), site.get("/v1/threads").bearer(&token)];
    for call in calls() {
        call.await.ok();
    }
    let path = format!("/v1/projects/{}", site.project.id);
    assert_eq!(site.call(Method::DELETE, &path).admin().await.status, 204);
    for call in calls() {
        let answer = call.await;
        answer.refused(403, "project_suspended");
        assert_eq!(answer.header("x-should-retry"), "false");
    }
    site.get("/v1/models").bearer(&site.api_key).host(&site.host()).await.refused(403, "project_suspended");
    site.get("/v1/models").bearer(API_KEY).await.refused(401, "invalid_token");
    site.change(&site.project.id, &json!({ "status": "active" })).await;
    for call in calls() {
        call.await.ok();
    }
}
