//! How events reach an address of the operator's, signed and at least once.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use behest_core::Secret;
use behest_core::gateway::Gateway;
use behest_core::gateway::config::Config;
use behest_core::gateway::events::Raised;
use behest_core::gateway::rotation::Rotation;
use behest_core::types::event::EventKind;
use http::Method;
use serde_json::{Value, json};

use crate::support::gateway::{ADMIN_SECRET, Answer, Call, TestGateway, eventually};
use crate::support::scripted::{Script, Scripted, Seen, Step};

/// A gateway on data that outlives it.
struct Site {
    gateway: Gateway,
    router: Router,
}

impl Site {
    async fn start(data: &Path, config: Config) -> Self {
        let config = Config { admin_secret: Some(Secret::new(ADMIN_SECRET)), ..config };
        let gateway = Gateway::builder(config).data_dir(data).build().await.expect("a gateway");
        let router = gateway.router();
        Self { gateway, router }
    }

    async fn get(&self, path: &str) -> Value {
        Call::new(&self.router, Method::GET, path).admin().await.ok()
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        Call::new(&self.router, Method::POST, path).admin().json(body).await
    }

    /// A webhook to `server`; gives its id and secret.
    async fn webhook(&self, server: &Scripted, more: Value) -> (String, String) {
        let mut body = json!({ "url": format!("{}/hook", server.base_url()), "local": true });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let made = self.post("/v1/webhooks", &body).await.created();
        let text = |name: &str| made[name].as_str().expect("text").to_owned();
        (text("id"), text("secret"))
    }

    fn raise(&self, kind: EventKind) {
        let message = "it happened".to_owned();
        let raised =
            Raised { kind, tenant: None, project: None, message, data: json!({ "limit": 7 }), once: None };
        self.gateway.events().raise(raised);
    }

    /// The last delivery of a webhook, once it is in this state after so many tries.
    async fn delivery(&self, webhook: &str, state: &str, tries: u64) -> Value {
        eventually(async || {
            let listed = self.get(&format!("/v1/webhooks/{webhook}/deliveries")).await;
            let last = listed["data"][0].clone();
            (last["state"] == state && last["tries"] == tries).then_some(last)
        })
        .await
    }

    async fn stop(self) {
        self.gateway.shut_down().await;
    }
}

/// Changes what waits, as if the time had come.
fn change(data: &Path, change: &str) {
    let database = rusqlite::Connection::open(data.join("behest.db")).expect("a database");
    assert!(database.execute(change, []).expect("a change") > 0);
}

/// A server that answers with these statuses, and with the last one from then on.
async fn answering(statuses: &'static [u16]) -> Scripted {
    let count = Arc::new(Mutex::new(0));
    Scripted::start(move |_: Seen| {
        let mut count = count.lock().expect("a count");
        let status = statuses[statuses.len().min(*count + 1) - 1];
        *count += 1;
        async move { Script::json(status, &json!({})).header("location", "/elsewhere") }
    })
    .await
}

/// The signature that the specification asks for, reckoned from the request alone.
fn signature(secret: &str, seen: &Seen) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a prefix")).expect("base64");
    let body = String::from_utf8_lossy(&seen.body);
    let signed = format!("{}.{}.{body}", seen.header("webhook-id"), seen.header("webhook-timestamp"));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
    format!("v1,{}", STANDARD.encode(tag.as_ref()))
}

#[tokio::test]
async fn an_event_arrives_signed_as_it_is_listed() {
    let (folder, server) = (tempfile::tempdir().expect("a folder"), answering(&[204]).await);
    let site = Site::start(&folder.path().join("data"), Config::default()).await;
    let (id, secret) = site.webhook(&server, json!({ "kinds": ["limit_exceeded"] })).await;
    site.raise(EventKind::BudgetExceeded);
    site.raise(EventKind::LimitExceeded);
    server.requests(1).await;
    let delivered = site.delivery(&id, "delivered", 1).await;
    assert_eq!((&delivered["last_status"], &delivered["kind"]), (&json!(204), &json!("limit_exceeded")));
    let seen = server.seen("/hook");
    assert_eq!(seen.len(), 1, "only the kinds that are wanted");
    assert_eq!(seen[0].header("content-type"), "application/json");
    assert_eq!(seen[0].header("webhook-signature"), signature(&secret, &seen[0]));
    let now = behest_core::gateway::clock::now_seconds();
    let sent: i64 = seen[0].header("webhook-timestamp").parse().expect("a time");
    assert!((now - 60..=now).contains(&sent), "{sent}");
    let listed = site.get("/v1/events?kind=limit_exceeded").await;
    assert_eq!(seen[0].json(), listed["data"][0]);
    assert_eq!(seen[0].header("webhook-id"), listed["data"][0]["id"]);

    let test = site.post(&format!("/v1/webhooks/{id}/test"), &json!({})).await.created();
    server.requests(2).await;
    let ping = server.seen("/hook").pop().expect("a ping");
    assert_eq!(
        (&ping.json()["kind"], ping.header("webhook-id")),
        (&json!("ping"), test["event_id"].as_str().unwrap())
    );
    site.stop().await;
}

#[tokio::test]
async fn what_failed_is_tried_again_after_a_restart_with_the_same_id() {
    let (folder, server) = (tempfile::tempdir().expect("a folder"), answering(&[500, 503, 200]).await);
    let data = folder.path().join("data");
    let mut site = Site::start(&data, Config::default()).await;
    let (id, secret) = site.webhook(&server, json!({})).await;
    site.raise(EventKind::BudgetExceeded);
    for tries in 1..=2 {
        let pending = site.delivery(&id, "pending", tries).await;
        assert!(pending["next_at"].is_string() && pending["last_status"].as_u64() >= Some(500), "{pending}");
        site.stop().await;
        change(&data, "UPDATE webhook_deliveries SET next_at = 1");
        site = Site::start(&data, Config::default()).await;
    }
    site.delivery(&id, "delivered", 3).await;
    let seen = server.seen("/hook");
    assert_eq!(seen.len(), 3);
    for again in &seen {
        assert_eq!(again.header("webhook-id"), seen[0].header("webhook-id"));
        assert_eq!(again.body, seen[0].body);
        assert_eq!(again.header("webhook-signature"), signature(&secret, again));
    }
    site.stop().await;
}

#[tokio::test]
async fn after_the_last_try_a_delivery_is_given_up_and_the_webhook_stays() {
    // A redirect is no delivery, and nobody follows it.
    let (folder, server) = (tempfile::tempdir().expect("a folder"), answering(&[302]).await);
    let data = folder.path().join("data");
    let site = Site::start(&data, Config::default()).await;
    let (id, _) = site.webhook(&server, json!({})).await;
    site.raise(EventKind::BudgetExceeded);
    site.delivery(&id, "pending", 1).await;
    site.stop().await;
    change(&data, "UPDATE webhook_deliveries SET next_at = 1, tries = 7");
    let site = Site::start(&data, Config::default()).await;
    let failed = site.delivery(&id, "failed", 8).await;
    assert_eq!((&failed["last_status"], failed.get("next_at")), (&json!(302), None));
    assert!(site.get(&format!("/v1/webhooks/{id}")).await.get("disabled_at").is_none());
    assert!(server.seen("/elsewhere").is_empty());
    site.stop().await;
}

#[tokio::test]
async fn an_address_that_is_gone_gets_no_more() {
    let (folder, server) = (tempfile::tempdir().expect("a folder"), answering(&[410]).await);
    let site = Site::start(&folder.path().join("data"), Config::default()).await;
    let (id, _) = site.webhook(&server, json!({})).await;
    let path = format!("/v1/webhooks/{id}");
    site.raise(EventKind::BudgetExceeded);
    site.delivery(&id, "failed", 1).await;
    eventually(async || site.get(&path).await.get("disabled_at").cloned()).await;
    site.post(&format!("{path}/test"), &json!({})).await.refused(409, "conflict");
    site.raise(EventKind::BudgetExceeded);
    eventually(async || (site.get("/v1/events").await["data"].as_array()?.len() == 2).then_some(())).await;
    assert_eq!(site.get(&format!("{path}/deliveries")).await["data"].as_array().expect("data").len(), 1);
    site.stop().await;
}

#[tokio::test]
async fn a_slow_address_delays_nobody_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let slow = Scripted::start(|_: Seen| async { Script::raw(vec![Step::Hang]) }).await;
    let quick = answering(&[200]).await;
    let site = Site::start(&folder.path().join("data"), Config::default()).await;
    site.webhook(&slow, json!({})).await;
    site.webhook(&quick, json!({})).await;
    for _ in 0..20 {
        site.raise(EventKind::BudgetExceeded);
    }
    quick.requests(20).await;
    assert!(slow.seen("/hook").len() <= 4, "few at once");
    site.stop().await;
}

#[tokio::test]
async fn a_webhook_of_a_project_hears_of_that_project_only() {
    let server = answering(&[200]).await;
    let site = TestGateway::start().await;
    let sibling = site.project_of(&site.project.tenant_id).await.id;
    let body = |more: Value| {
        let mut body = json!({ "url": format!("{}/hook", server.base_url()), "local": true });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body
    };
    let of_project = body(json!({ "project_id": site.project.slug }));
    let made = site.post("/v1/webhooks", &of_project).admin().await.created();
    assert_eq!(
        (&made["project_id"], &made["tenant_id"]),
        (&json!(site.project.id), &json!(site.project.tenant_id))
    );
    let id = |text: &str| Some(text.parse().expect("an id"));
    let tenant = id(&site.project.tenant_id);
    for project in [None, id(&sibling), id(&site.project.id)] {
        let (kind, message) = (EventKind::LimitExceeded, "it happened".to_owned());
        site.gateway.events().raise(Raised { kind, tenant, project, message, data: json!({}), once: None });
    }
    server.requests(1).await;
    let path = format!("/v1/webhooks/{}/deliveries", made["id"].as_str().expect("an id"));
    eventually(async || {
        let listed = site.get(&path).admin().await.ok();
        (listed["data"][0]["state"] == "delivered")
            .then(|| assert_eq!(listed["data"].as_array().unwrap().len(), 1))
    })
    .await;
    assert_eq!(server.seen("/hook")[0].json()["project_id"], site.project.id.as_str());
    let stranger = site.tenant(&json!({ "name": "stranger" })).await.id;
    let mixed = body(json!({ "project_id": site.project.id, "tenant_id": stranger }));
    site.post("/v1/webhooks", &mixed).admin().await.refused(400, "validation_error");
}

#[tokio::test]
async fn only_the_operator_sets_addresses_and_private_ones_are_declared() {
    let site = TestGateway::start().await;
    let dashboard = site.token_of_role(&site.project.id, "dashboard-service").await;
    let public = json!({ "url": "https://hooks.example.com/x?token=1", "kinds": ["ledger_failed"] });
    site.post("/v1/webhooks", &public).bearer(&dashboard).await.refused(403, "forbidden");
    site.get("/v1/webhooks").bearer(&dashboard).await.refused(403, "forbidden");
    for url in ["http://127.0.0.1/x", "http://169.254.169.254/x", "http://[::1]/", "http://localhost/x"] {
        let error =
            site.post("/v1/webhooks", &json!({ "url": url })).admin().await.refused(400, "validation_error");
        assert!(error["message"].as_str().expect("a message").contains("private network"), "{error}");
    }
    for bad in [
        json!({ "url": "ftp://x.example/" }),
        json!({ "url": "https://u:p@x.example/" }),
        json!({ "url": "https://x.example/", "kinds": [] }),
        json!({ "url": "https://x.example/", "kinds": ["nonsense"] }),
        json!({ "url": "https://x.example/", "retries": 3 }),
    ] {
        site.post("/v1/webhooks", &bad).admin().await.refused(400, "validation_error");
    }
    let made = site.post("/v1/webhooks", &public).admin().await.created();
    let path = format!("/v1/webhooks/{}", made["id"].as_str().expect("an id"));
    for rest in ["", "/deliveries"] {
        site.get(&format!("{path}{rest}")).bearer(&dashboard).await.refused(403, "forbidden");
    }
    assert_eq!(site.get("/v1/webhooks").admin().await.ok()["data"][0]["url"], public["url"]);
    assert_eq!(site.call(Method::DELETE, &path).admin().await.status, 204);
    site.call(Method::DELETE, &path).admin().await.refused(404, "not_found");
    site.get("/v1/webhooks/nonsense").admin().await.refused(404, "not_found");
}

#[tokio::test]
async fn a_private_address_is_not_dialled_even_if_it_stands_in_the_database() {
    let (folder, server) = (tempfile::tempdir().expect("a folder"), answering(&[200]).await);
    let data = folder.path().join("data");
    let site = Site::start(&data, Config::default()).await;
    let (id, _) = site.webhook(&server, json!({})).await;
    change(&data, "UPDATE webhooks SET local = 0");
    site.raise(EventKind::BudgetExceeded);
    let refused = site.delivery(&id, "pending", 1).await;
    assert_eq!(refused["last_error"], "the address is not allowed");
    assert!(server.seen("/").is_empty());
    site.stop().await;
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("the log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_secret_is_shown_once_and_sealed_under_the_master_key() {
    let (folder, server) = (tempfile::tempdir().expect("a folder"), answering(&[500]).await);
    let data = folder.path().join("data");
    let log = Log::default();
    let writer = log.clone();
    // Of the whole process, because deliveries have a thread of their own; each test has a process.
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("the only log");
    let site = Site::start(&data, Config::default()).await;
    let (id, secret) = site.webhook(&server, json!({})).await;
    let bytes = secret.strip_prefix("whsec_").expect("a prefix");
    assert_eq!(STANDARD.decode(bytes).expect("base64").len(), 32);
    site.raise(EventKind::BudgetExceeded);
    site.delivery(&id, "pending", 1).await;
    for path in
        ["/v1/webhooks".to_owned(), format!("/v1/webhooks/{id}"), format!("/v1/webhooks/{id}/deliveries")]
    {
        let text = site.get(&path).await.to_string();
        assert!(!text.contains(bytes), "{text}");
    }
    site.stop().await;
    let database = std::fs::read(data.join("behest.db")).expect("a database");
    let found = database.windows(bytes.len()).any(|window| window == bytes.as_bytes());
    assert!(!found, "the secret is in the database");
    let logged = String::from_utf8_lossy(&log.0.lock().expect("the log")).into_owned();
    assert!(!logged.is_empty() && !logged.contains(bytes), "the secret is in the log");
}

#[tokio::test]
async fn a_webhook_of_the_file_keeps_what_waits_for_it_and_goes_with_its_line() {
    let (folder, server) = (tempfile::tempdir().expect("a folder"), answering(&[500, 200]).await);
    let data = folder.path().join("data");
    let secret = format!("whsec_{}", STANDARD.encode([7; 32]));
    let text = format!(
        "[[webhooks]]\nurl = \"{}/hook\"\nsecret_env = \"ALERTS\"\nkinds = [\"limit_exceeded\"]\nlocal = true",
        server.base_url()
    );
    let with = |value: Option<&str>| {
        let mut config = Config::from_toml(&text).expect("a configuration");
        let value = value.map(str::to_owned);
        config.apply_environment(|name| value.clone().filter(|_| name == "ALERTS"))?;
        config.check().map(|()| config)
    };
    let error = with(None).expect_err("no secret").to_string();
    assert_eq!(error, "`webhooks[0].secret_env` names ALERTS, which is not set");
    let error = with(Some("hunter2")).expect_err("no secret").to_string();
    assert!(error.contains("whsec_") && !error.contains("hunter2"), "{error}");

    let site = Site::start(&data, with(Some(&secret)).expect("a configuration")).await;
    let listed = site.get("/v1/webhooks").await;
    let id = listed["data"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(listed["data"][0]["from_file"], true);
    let path = format!("/v1/webhooks/{id}");
    Call::new(&site.router, Method::DELETE, &path).admin().await.refused(409, "conflict");
    site.raise(EventKind::LimitExceeded);
    site.delivery(&id, "pending", 1).await;
    site.stop().await;
    change(&data, "UPDATE webhook_deliveries SET next_at = 1");
    let site = Site::start(&data, with(Some(&secret)).expect("a configuration")).await;
    site.delivery(&id, "delivered", 2).await;
    assert_eq!(
        server.seen("/hook")[1].header("webhook-signature"),
        signature(&secret, &server.seen("/hook")[1])
    );
    site.stop().await;
    let site = Site::start(&data, Config::default()).await;
    assert_eq!(site.get("/v1/webhooks").await["data"], json!([]));
    site.stop().await;
}

#[tokio::test]
async fn a_webhook_of_the_file_that_is_gone_stays_so_until_its_line_changes() {
    let (folder, server) = (tempfile::tempdir().expect("a folder"), answering(&[410]).await);
    let data = folder.path().join("data");
    let with = |byte: u8| {
        let url = server.base_url();
        let text = format!("[[webhooks]]\nurl = \"{url}/hook\"\nsecret_env = \"ALERTS\"\nlocal = true");
        let mut config = Config::from_toml(&text).expect("a configuration");
        let secret = format!("whsec_{}", STANDARD.encode([byte; 32]));
        config.apply_environment(|name| Some(secret.clone()).filter(|_| name == "ALERTS")).expect("a secret");
        config
    };
    let site = Site::start(&data, with(7)).await;
    let listed = site.get("/v1/webhooks").await;
    let path = format!("/v1/webhooks/{}", listed["data"][0]["id"].as_str().expect("an id"));
    site.raise(EventKind::BudgetExceeded);
    let disabled_at = eventually(async || site.get(&path).await.get("disabled_at").cloned()).await;
    site.stop().await;
    let site = Site::start(&data, with(7)).await;
    assert_eq!(site.get(&path).await["disabled_at"], disabled_at);
    let refused = site.post(&format!("{path}/test"), &json!({})).await.refused(409, "conflict");
    assert!(refused["message"].as_str().expect("a message").contains("configuration file"), "{refused}");
    site.stop().await;
    let site = Site::start(&data, with(8)).await;
    assert!(site.get(&path).await.get("disabled_at").is_none());
    site.stop().await;
}

#[tokio::test]
async fn a_new_master_key_seals_the_secrets_anew() {
    let (folder, server) = (tempfile::tempdir().expect("a folder"), answering(&[200]).await);
    let data = folder.path().join("data");
    let site = Site::start(&data, Config::default()).await;
    let (id, secret) = site.webhook(&server, json!({})).await;
    site.stop().await;
    let rotation = Rotation { data_dir: data.clone(), key: None, new_key: None };
    let done = rotation.run(|_| ControlFlow::Continue(())).await.expect("a new key");
    assert_eq!((done.resealed, done.unreadable.len()), (2, 0), "the gateway's signing key, and this");
    let site = Site::start(&data, Config::default()).await;
    site.raise(EventKind::BudgetExceeded);
    site.delivery(&id, "delivered", 1).await;
    let seen = server.seen("/hook").pop().expect("a request");
    assert_eq!(seen.header("webhook-signature"), signature(&secret, &seen));
    site.stop().await;
}
