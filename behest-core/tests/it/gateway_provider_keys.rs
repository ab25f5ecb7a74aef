//! Whose key a call is made with: the project's, else the tenant's, else the platform's, and never another's.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use behest_core::Secret;
use behest_core::gateway::Gateway;
use behest_core::gateway::config::Config;
use http::Method;
use serde_json::{Value, json};

use crate::support::fake::completion;
use crate::support::gateway::{ADMIN_SECRET, Answer, Call, TestGateway, provider, providers};
use crate::support::scripted::{Script, Scripted, Seen};

const OF_TENANT: &str = "sk-canary-of-the-tenant-1111";
const OF_PROJECT: &str = "sk-canary-of-the-project-2222";

async fn server() -> Scripted {
    Scripted::start(|_: Seen| async { Script::json(200, &completion("hi")) }).await
}

/// A provider of `server` with a key.
fn new(server: &Scripted, name: &str, key: &str) -> Value {
    let base_url = format!("{}/v1", server.base_url());
    json!({ "name": name, "api_key": key, "base_url": base_url, "local": true, "models": ["m"] })
}

async fn ask(site: &TestGateway, key: &str) -> Answer {
    let body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    site.ask(&body).bearer(key).await
}

fn of(project: &str, rest: &str) -> String {
    format!("/v1/projects/{project}/{rest}")
}

fn names(list: &Value) -> Vec<(String, String)> {
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let rows = list["data"].as_array().expect("data").iter();
    rows.map(|row| (text(row, "name"), text(row, "source"))).collect()
}

fn pairs(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned())).collect()
}

#[tokio::test]
async fn a_projects_key_goes_before_its_tenants_and_is_used_by_nobody_else() {
    let server = server().await;
    let site = TestGateway::with(providers([("mine", provider(&server, &["m"]))])).await;
    let sibling = site.project_of(&site.project.tenant_id).await.id;
    let stranger = site.tenant(&json!({ "name": "other" })).await;
    let foreign = site.project_of(&stranger.id).await.id;
    let sibling_key = site.key(&sibling, "user").await.key;
    let foreign_key = site.key(&foreign, "user").await.key;
    let used = async |key: &str| {
        ask(&site, key).await.ok();
        server.seen("/v1/chat").pop().expect("a request").bearer().to_owned()
    };
    let platform = used(&site.api_key).await;
    site.post(&site.of_tenant("providers"), &new(&server, "mine", OF_TENANT)).admin().await.created();
    assert_eq!(used(&site.api_key).await, OF_TENANT);
    let made = site.post(&site.of_project("providers"), &new(&server, "mine", OF_PROJECT)).admin().await;
    let made = made.created();
    assert_eq!((&made["source"], &made["project_id"]), (&json!("project"), &json!(site.project.id)));
    assert_eq!((&made["key_last_four"], &made["readable"]), (&json!("2222"), &json!(true)));
    for _ in 0..2 {
        assert_eq!(used(&site.api_key).await, OF_PROJECT);
        assert_eq!(used(&sibling_key).await, OF_TENANT);
        assert_eq!(used(&foreign_key).await, platform);
    }
    // What a project pays with its own key is its own.
    let bill = site.get("/v1/billing/usage").bearer(&site.api_key).await.ok();
    assert_eq!((&bill["platform"]["requests"], &bill["byok"]["requests"]), (&json!(1), &json!(3)));

    let path = site.of_project("providers/mine");
    assert_eq!(site.call(Method::DELETE, &path).admin().await.status, 204);
    site.call(Method::DELETE, &path).admin().await.refused(404, "not_found");
    assert_eq!(used(&site.api_key).await, OF_TENANT, "the tenant's own stays");
    site.call(Method::DELETE, &site.of_tenant("providers/mine")).admin().await;
    assert_eq!(used(&site.api_key).await, platform);
}

#[tokio::test]
async fn a_list_shows_what_is_called_and_nothing_of_others() {
    let server = server().await;
    let site = TestGateway::with(providers([("shared", provider(&server, &["m"]))])).await;
    let sibling = site.project_of(&site.project.tenant_id).await.id;
    for name in ["shared", "both"] {
        site.post(&site.of_tenant("providers"), &new(&server, name, OF_TENANT)).admin().await.created();
    }
    for name in ["both", "own"] {
        site.post(&site.of_project("providers"), &new(&server, name, OF_PROJECT)).admin().await.created();
    }
    let list = async |path: &str| {
        let listed = site.get(path).admin().await;
        assert!(!String::from_utf8_lossy(&listed.body).contains("sk-"), "{listed:?}");
        names(&listed.ok())
    };
    let local = ("local", "built-in");
    let of_tenant = pairs(&[("both", "tenant"), ("shared", "tenant"), local]);
    assert_eq!(list(&site.of_tenant("providers")).await, of_tenant);
    assert_eq!(list(&of(&sibling, "providers")).await, of_tenant);
    let of_project = pairs(&[("both", "project"), ("own", "project"), ("shared", "tenant"), local]);
    assert_eq!(list(&site.of_project("providers")).await, of_project);
    let stranger = site.tenant(&json!({ "name": "other" })).await;
    let foreign = site.project_of(&stranger.id).await.id;
    assert_eq!(list(&of(&foreign, "providers")).await, pairs(&[("shared", "platform"), local]));
}

#[tokio::test]
async fn each_admin_manages_its_own_and_addresses_stay_the_operators() {
    let server = server().await;
    let site = TestGateway::start().await;
    let sibling = site.project_of(&site.project.tenant_id).await.id;
    let stranger = site.tenant(&json!({ "name": "other" })).await;
    let foreign = site.project_of(&stranger.id).await.id;
    let (boss, tenant) = (
        site.token_of_role(&site.project.id, "admin").await,
        site.token_of_role(&site.project.id, "dashboard-service").await,
    );
    for project in [&site.project.id, &sibling, &foreign] {
        let path = of(project, "providers");
        site.post(&path, &new(&server, "mine", OF_PROJECT)).admin().await.created();
    }
    let plain = json!({ "name": "openai", "api_key": "sk-canary-3333", "check": false });
    let attempts = async |token: &str, project: &str| {
        let path = of(project, "providers");
        let removal = format!("{path}/openai");
        [
            site.post(&path, &plain).bearer(token).await.status,
            site.get(&path).bearer(token).await.status,
            site.call(Method::DELETE, &removal).bearer(token).await.status,
        ]
    };
    assert_eq!(attempts(&boss, &site.project.id).await, [201, 200, 204]);
    assert_eq!(attempts(&boss, &sibling).await, [404, 404, 404]);
    assert_eq!(attempts(&boss, &foreign).await, [404, 404, 404]);
    assert_eq!(attempts(&tenant, &site.project.id).await, [201, 200, 204]);
    assert_eq!(attempts(&tenant, &sibling).await, [201, 200, 204]);
    assert_eq!(attempts(&tenant, &foreign).await, [404, 404, 404]);
    // A project's admin reaches nothing of its tenant's.
    site.post(&site.of_tenant("providers"), &plain).bearer(&boss).await.refused(403, "forbidden");
    site.post(&site.of_tenant("providers"), &plain).admin().await.created();
    let path = site.of_project("providers/openai");
    site.call(Method::DELETE, &path).bearer(&boss).await.refused(404, "not_found");
    for token in [&boss, &tenant] {
        let path = site.of_project("providers");
        let call = site.post(&path, &new(&server, "mine", OF_PROJECT)).bearer(token);
        call.await.refused(403, "forbidden");
    }
    assert_eq!(attempts(&site.api_key, &site.project.id).await, [403, 403, 403]);
}

#[tokio::test]
async fn a_free_plan_has_no_keys_of_its_projects_either() {
    let site = TestGateway::start().await;
    let free = site.tenant(&json!({ "name": "small", "plan": "free" })).await;
    let project = site.project_of(&free.id).await.id;
    let body = json!({ "name": "openai", "api_key": "sk-canary-3333", "check": false });
    site.post(&of(&project, "providers"), &body).admin().await.refused(403, "BYOAK_REQUIRES_PRO");
}

/// What is logged, to be read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("a log")).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("a log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn start_in(data: &Path) -> (Gateway, Router) {
    let config = Config { admin_secret: Some(Secret::new(ADMIN_SECRET)), ..Config::default() };
    let gateway = Gateway::builder(config).data_dir(data).build().await.expect("a gateway");
    let router = gateway.router();
    (gateway, router)
}

#[tokio::test]
async fn a_key_that_cannot_be_read_is_told_of_and_never_replaced_by_another() {
    let server = server().await;
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let (gateway, router) = start_in(&data).await;
    let api_key = gateway.first_start().expect("a first start").api_key.expose().to_owned();
    let call = |router: &Router, method, path: &str| Call::new(router, method, path).admin();
    let project = call(&router, Method::GET, "/v1/projects").await.ok()["data"][0].clone();
    let id = |name: &str| project[name].as_str().expect("an id").to_owned();
    let of_tenant = format!("/v1/tenants/{}/providers", id("tenant_id"));
    let of_project = of(&id("id"), "providers");
    for (path, key) in [(&of_tenant, OF_TENANT), (&of_project, OF_PROJECT)] {
        call(&router, Method::POST, path).json(&new(&server, "mine", key)).await.created();
    }
    gateway.shut_down().await;
    drop((gateway, router));

    // The project's key takes the place of the tenant's, which is another owner's.
    let database = rusqlite::Connection::open(data.join("behest.db")).expect("a database");
    let moved = "UPDATE providers SET sealed_key = (SELECT sealed_key FROM providers WHERE project_id IS NULL) \
        WHERE project_id IS NOT NULL";
    assert_eq!(database.execute(moved, []).expect("moved"), 1);
    drop(database);

    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let (gateway, router) = {
        // Of this thread, which is the only one of the test's runtime.
        let _logged = tracing::subscriber::set_default(subscriber);
        start_in(&data).await
    };
    let log = log.text();
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("cannot be read")).collect();
    assert_eq!(warnings.len(), 1, "{log}");
    for wanted in [&id("tenant_id"), &id("id"), "WARN", "provider=\"mine\"", "sealed_by", "master_key"] {
        assert!(warnings[0].contains(wanted), "{wanted}: {}", warnings[0]);
    }
    let listed = call(&router, Method::GET, &of_project).await.ok();
    assert_eq!((&listed["data"][0]["name"], &listed["data"][0]["readable"]), (&json!("mine"), &json!(false)));
    let listed = call(&router, Method::GET, &of_tenant).await.ok();
    assert_eq!(listed["data"][0]["readable"], true);
    let unreadable = async || {
        let metrics = call(&router, Method::GET, "/metrics").await;
        let text = String::from_utf8_lossy(&metrics.body).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix("behest_provider_keys_unreadable "));
        line.expect("the metric").to_owned()
    };
    assert_eq!(unreadable().await, "1");
    let ready = call(&router, Method::GET, "/ready").await.ok();
    assert_eq!(ready["status"], "ready", "it is told and does not decide");
    assert!(ready["checks"]["provider_keys"].as_str().expect("text").starts_with("1 cannot be read"));
    let asked = server.seen("/v1/chat").len();
    let chat = || {
        let body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
        Call::new(&router, Method::POST, "/v1/chat/completions").bearer(&api_key).json(&body)
    };
    chat().await.refused(503, "unavailable");
    assert_eq!(server.seen("/v1/chat").len(), asked, "nobody else's key is used");

    call(&router, Method::POST, &of_project).json(&new(&server, "mine", OF_PROJECT)).await.created();
    chat().await.ok();
    assert_eq!(server.seen("/v1/chat").pop().expect("a request").bearer(), OF_PROJECT);
    assert_eq!(unreadable().await, "0");
    let ready = call(&router, Method::GET, "/ready").await.ok();
    assert_eq!(ready["checks"]["provider_keys"], "ok");
    gateway.shut_down().await;
}
