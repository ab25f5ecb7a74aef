//! The control plane: who may change what.

use behest_core::gateway::config::Config;
use http::Method;
use serde_json::{Value, json};

use crate::support::gateway::{TestGateway, host_of};

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().expect("data").iter().map(|row| row["id"].as_str().expect("an id")).collect()
}

#[tokio::test]
async fn wrong_admin_secrets_are_refused_and_soon_throttled() {
    let site = TestGateway::start().await;
    let projects = || site.get("/v1/projects");
    projects().await.refused(401, "missing_credentials");
    for _ in 0..10 {
        projects().header("x-admin-secret", "wrong").await.refused(401, "invalid_token");
    }
    let throttled = projects().header("x-admin-secret", "wrong").await;
    throttled.refused(429, "rate_limited");
    let seconds: u64 = throttled.header("retry-after").parse().expect("whole seconds");
    assert!((1..=61).contains(&seconds), "{seconds}");
    projects().admin().await.refused(429, "rate_limited");
    site.chat("hello").bearer(&site.api_key).await.ok();
}

#[tokio::test]
async fn api_keys_and_users_never_reach_it() {
    let site = TestGateway::start().await;
    let service = site.key(&site.project.id, "dashboard-service").await.key;
    let user = site.token("ann").await;
    for path in ["/v1/projects", "/v1/tenants", &site.of_project("keys"), &site.of_tenant("providers")] {
        for key in [&site.api_key, &service] {
            site.get(path).bearer(key).await.refused(403, "forbidden");
        }
        site.get(path).bearer(&user).await.refused(403, "forbidden");
        site.get(path).bearer("nonsense").await.refused(401, "invalid_token");
        site.get(path).header("x-role", "admin").await.refused(401, "missing_credentials");
    }
}

#[tokio::test]
async fn an_admin_has_its_own_project_and_no_other() {
    let site = TestGateway::start().await;
    let sibling = site.project_of(&site.project.tenant_id).await;
    let admin = site.token_of_role(&site.project.id, "admin").await;
    let get = |path: &str| site.get(path).bearer(&admin);
    assert_eq!(ids(&get("/v1/projects").await.ok()), [site.project.id.as_str()]);
    for rest in ["settings", "keys", "usage"] {
        get(&site.of_project(rest)).await.ok();
        get(&format!("/v1/projects/{}/{rest}", sibling.id)).await.refused(404, "not_found");
    }
    get(&format!("/v1/projects/{}", sibling.slug)).await.refused(404, "not_found");
    let draft = |project: &str| site.draft(project, &json!({ "memory_window": 3 })).bearer(&admin);
    draft(&site.project.slug).await.ok();
    draft(&sibling.id).await.refused(404, "not_found");
    let made =
        site.post(&site.of_project("keys"), &json!({ "role": "admin" })).bearer(&admin).await.created();
    let above = json!({ "role": "dashboard-service" });
    site.post(&site.of_project("keys"), &above).bearer(&admin).await.refused(403, "forbidden");
    let path = |project: &str| format!("/v1/projects/{project}/keys/{}", made["id"].as_str().expect("an id"));
    let delete = |path: &str| site.call(Method::DELETE, path).bearer(&admin);
    delete(&path(&sibling.id)).await.refused(404, "not_found");
    assert_eq!(delete(&path(&site.project.id)).await.status, 204);
    // What concerns the tenant is above it.
    get(&site.of_tenant("signing-keys")).await.refused(403, "forbidden");
    get(&site.of_tenant("providers")).await.refused(403, "forbidden");
    site.post("/v1/projects", &json!({ "name": "x" })).bearer(&admin).await.refused(403, "forbidden");
    // On another project's host it is not even asked.
    get(&site.of_project("settings")).host(&site.host()).await.ok();
    get(&site.of_project("settings")).host(&host_of(&sibling)).await.refused(403, "forbidden");
    get(&site.of_project("settings")).host("no-such-000.localhost").await.refused(404, "not_found");
}

#[tokio::test]
async fn a_dashboard_has_its_own_tenant_and_no_other() {
    let site = TestGateway::start().await;
    let sibling = site.project_of(&site.project.tenant_id).await;
    let other = site.tenant(&json!({ "name": "other" })).await;
    let foreign = site.project_of(&other.id).await;
    let token = site.token_of_role(&site.project.id, "dashboard-service").await;
    let get = |path: &str| site.get(path).bearer(&token);
    assert_eq!(ids(&get("/v1/projects").await.ok()), [site.project.id.as_str(), &sibling.id]);
    assert_eq!(ids(&get("/v1/tenants").await.ok()), [site.project.tenant_id.as_str()]);
    get(&format!("/v1/projects/{}/settings", sibling.id)).await.ok();
    get(&format!("/v1/projects/{}", sibling.id)).host(&host_of(&sibling)).await.ok();
    get(&site.of_tenant("signing-keys")).await.ok();
    for path in [
        format!("/v1/projects/{}", foreign.id),
        format!("/v1/projects/{}", foreign.slug),
        format!("/v1/projects/{}/keys", foreign.id),
        format!("/v1/projects/{}/usage", foreign.id),
        format!("/v1/tenants/{}/signing-keys", other.id),
        format!("/v1/tenants/{}/providers", other.id),
        "/v1/tenants/no-uuid/providers".to_owned(),
    ] {
        get(&path).await.refused(404, "not_found");
    }
    let new = |tenant: &str| site.post("/v1/projects", &json!({ "name": "x", "tenant_id": tenant }));
    new(&site.project.tenant_id).bearer(&token).await.created();
    new(&other.id).bearer(&token).await.refused(404, "not_found");
    let made = site.post("/v1/projects", &json!({ "name": "mine" })).bearer(&token).await.created();
    assert_eq!(made["tenant_id"], site.project.tenant_id);
    let key = site.post(&site.of_tenant("signing-keys"), &json!({})).bearer(&token).await.created();
    let revoke = |tenant: &str| {
        let kid = key["kid"].as_str().expect("a kid");
        site.call(Method::DELETE, &format!("/v1/tenants/{tenant}/signing-keys/{kid}"))
    };
    revoke(&other.id).admin().await.refused(404, "not_found");
    assert_eq!(revoke(&site.project.tenant_id).bearer(&token).await.status, 204);
}

#[tokio::test]
async fn some_things_are_the_operators_alone() {
    let site = TestGateway::start().await;
    let token = site.token_of_role(&site.project.id, "dashboard-service").await;
    let providers = site.of_tenant("providers");
    let provider = |body: Value| site.post(&providers, &body);
    let own = json!({ "name": "openai", "api_key": "sk-tenant-1234", "check": false });
    provider(own).bearer(&token).await.created();
    for body in [
        json!({ "name": "mine", "api_key": "k", "base_url": "https://mine.example/v1" }),
        json!({ "name": "openai", "api_key": "k", "local": true }),
    ] {
        provider(body).bearer(&token).await.refused(403, "forbidden");
    }
    site.post("/v1/tenants", &json!({ "name": "x" })).bearer(&token).await.refused(403, "forbidden");
    site.get("/metrics").bearer(&token).await.refused(403, "forbidden");
    site.get("/metrics").await.refused(401, "missing_credentials");
    let metrics = site.get("/metrics").admin().await;
    assert!(String::from_utf8_lossy(&metrics.body).contains("behest_ledger_healthy 1"), "{metrics:?}");

    for unasked in [
        json!({ "name": "far", "base_url": "https://far.example/v1", "check": false }),
        json!({ "name": "near", "base_url": "http://10.0.0.1/v1", "local": true, "check": false }),
    ] {
        provider(unasked).admin().await.created();
    }
    let private = json!({ "name": "near", "base_url": "http://10.0.0.1/v1" });
    assert_eq!(provider(private).admin().await.refused(400, "validation_error")["param"], "base_url");
    for bad in [json!({ "name": "local" }), json!({ "name": "A b" }), json!({ "name": "nowhere" })] {
        provider(bad).admin().await.refused(400, "validation_error");
    }
    let listed = site.get(&providers).bearer(&token).await;
    assert!(!String::from_utf8_lossy(&listed.body).contains("sk-tenant"), "a key never comes back");
    let listed = listed.ok();
    let row = listed["data"].as_array().expect("data").iter().find(|row| row["name"] == "openai");
    assert_eq!(row.expect("it is listed")["key_last_four"], "1234");
    let remove = || site.call(Method::DELETE, &format!("{providers}/openai")).bearer(&token);
    assert_eq!(remove().await.status, 204);
    remove().await.refused(404, "not_found");
}

#[tokio::test]
async fn unknown_fields_and_bad_names_are_refused() {
    let site = TestGateway::start().await;
    for path in [
        "/v1/tenants",
        "/v1/projects",
        &site.of_project("keys"),
        &site.of_project("test-token"),
        &site.of_tenant("signing-keys"),
        &site.of_tenant("providers"),
        &site.of_project("providers"),
    ] {
        let answer = site.post(path, &json!({ "name": "x", "surprise": 1 })).admin().await;
        answer.refused(400, "validation_error");
        site.post(path, &json!([])).admin().await.refused(400, "validation_error");
        site.call(Method::POST, path).admin().body("{\"name\":").await.refused(400, "validation_error");
    }
    let path = format!("/v1/projects/{}", site.project.id);
    let patch = |body: Value| site.call(Method::PATCH, &path).admin().json(&body);
    patch(json!({ "name": "new", "slug": "mine" })).await.refused(400, "validation_error");
    assert_eq!(patch(json!({ "name": " new " })).await.ok()["name"], "new");
    for bad in [json!(""), json!("  "), json!("x".repeat(201)), json!("a\u{1}")] {
        patch(json!({ "name": bad })).await.refused(400, "validation_error");
        site.post("/v1/projects", &json!({ "name": bad })).admin().await.refused(400, "validation_error");
    }
    patch(json!({ "status": "deleted" })).await.refused(400, "validation_error");
    site.post(&site.of_project("keys"), &json!({ "role": "root" }))
        .admin()
        .await
        .refused(400, "validation_error");
    site.call(Method::PUT, "/v1/projects").admin().await.refused(405, "method_not_allowed");
    site.tenant(&json!({ "name": "second" })).await;
    let error = site.post("/v1/projects", &json!({ "name": "whose" })).admin().await;
    assert_eq!(error.refused(400, "validation_error")["param"], "tenant_id");
}

#[tokio::test]
async fn projects_are_found_by_id_or_slug_and_keep_their_slug() {
    let site = TestGateway::start().await;
    let made = site.project_of(&site.project.tenant_id).await;
    let parts: Vec<&str> = made.slug.split('-').collect();
    assert_eq!(parts.len(), 3, "{}", made.slug);
    assert!(parts[2].len() == 3 && parts[2].parse::<u16>().is_ok(), "{}", made.slug);
    for id in [&made.id, &made.slug] {
        for prefix in ["", "/auth"] {
            let found = site.get(&format!("{prefix}/v1/projects/{id}")).admin().await.ok();
            assert_eq!((&found["id"], &found["status"]), (&json!(made.id), &json!("active")));
        }
    }
    let list = site.get("/v1/projects").admin().await;
    assert_eq!(ids(&list.ok()), [site.project.id.as_str(), &made.id]);
    site.get("/v1/projects/none").admin().await.refused(404, "not_found");
}

#[tokio::test]
async fn plans_gate_only_those_who_were_sold_one() {
    let site = TestGateway::with(Config::default()).await;
    let free = site.tenant(&json!({ "name": "small", "plan": "free" })).await;
    let new = || site.post("/v1/projects", &json!({ "name": "x", "tenant_id": free.id })).admin();
    let first = new().await.created();
    new().await.created();
    new().await.created();
    new().await.refused(409, "conflict");
    site.change(first["id"].as_str().expect("an id"), &json!({ "status": "suspended" })).await;
    new().await.created();
    let path = format!("/v1/tenants/{}/providers", free.id);
    let refused = site.post(&path, &json!({ "name": "openai", "api_key": "sk-x" })).admin().await;
    refused.refused(403, "BYOAK_REQUIRES_PRO");
    assert!(refused.json()["upgrade_url"].is_string());
    for _ in 0..4 {
        site.project_of(&site.project.tenant_id).await;
    }
}
