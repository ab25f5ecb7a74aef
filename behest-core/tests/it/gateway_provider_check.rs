//! A key is kept once its provider has said that it takes it.

use http::Method;
use serde_json::{Value, json};

use crate::support::gateway::{Answer, TestGateway};
use crate::support::scripted::{Script, Scripted, Seen};

/// The last part of a key says what its provider answers.
const KEY: &str = "sk-canary-of-the-check-";

async fn server() -> Scripted {
    Scripted::start(|seen: Seen| async move {
        let shown = ["authorization", "x-api-key", "x-goog-api-key", "api-key"];
        let key = shown.map(|name| seen.header(name)).concat();
        let answer = key.rsplit('-').next().unwrap_or_default();
        if answer == "reset" {
            return Script::reset();
        }
        let status = answer.parse().expect("a status");
        let said = format!("no: {}", key.trim_start_matches("Bearer "));
        Script::json(status, &json!({ "error": { "message": said, "param": key } }))
            .header("location", "http://169.254.169.254/latest")
    })
    .await
}

async fn add(site: &TestGateway, name: &str, base_url: &str, answer: &str) -> Answer {
    let key = format!("{KEY}{answer}");
    let body = json!({ "name": name, "api_key": key, "base_url": base_url, "local": true });
    let answer = site.post(&site.of_tenant("providers"), &body).admin().await;
    assert!(!String::from_utf8_lossy(&answer.body).contains(KEY), "{answer:?}");
    answer
}

async fn own(site: &TestGateway) -> Vec<Value> {
    let listed = site.get(&site.of_tenant("providers")).admin().await.ok();
    let rows = listed["data"].as_array().expect("data").clone();
    rows.into_iter().filter(|row| row["source"] == "tenant").collect()
}

#[tokio::test]
async fn each_provider_is_asked_for_what_is_free_with_the_key_in_its_header() {
    let server = server().await;
    let site = TestGateway::start().await;
    for (name, base, path, header) in [
        ("openai", "/v1", "/v1/models", "authorization"),
        ("anthropic", "", "/v1/models", "x-api-key"),
        ("gemini", "/v1beta", "/v1beta/models", "x-goog-api-key"),
        ("cohere", "", "/v1/models", "authorization"),
        ("mistral", "/v1", "/v1/models", "authorization"),
        ("openrouter", "/api/v1", "/api/v1/key", "authorization"),
        ("azure", "", "/openai/models?api-version=2024-10-21", "api-key"),
        ("mine", "/v1", "/v1/models", "authorization"),
    ] {
        add(&site, name, &format!("{}{base}", server.base_url()), "200").await.created();
        let seen = server.seen("/").pop().expect("a request");
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("GET", path), "{name}");
        assert!(seen.header(header).ends_with(&format!("{KEY}200")), "{name}: {seen:?}");
    }
    assert_eq!(own(&site).await.len(), 8);
}

#[tokio::test]
async fn what_a_provider_refuses_is_not_kept() {
    let server = server().await;
    let site = TestGateway::start().await;
    let url = format!("{}/v1", server.base_url());
    for (name, answer) in [("mine", "401"), ("mine", "403"), ("gemini", "400")] {
        let refused = add(&site, name, &url, answer).await.refused(400, "validation_error");
        assert_eq!(refused["param"], "api_key");
        let message = refused["message"].as_str().expect("a message");
        assert!(message.contains("is refused by") && message.contains("[key]"), "{message}");
    }
    for answer in ["400", "302", "500", "503", "reset"] {
        let refused = add(&site, "mine", &url, answer).await.refused(502, "upstream_error");
        assert!(refused["message"].as_str().expect("a message").contains("--no-check"), "{refused}");
    }
    add(&site, "mine", "http://127.0.0.1:1/v1", "200").await.refused(502, "upstream_error");
    assert_eq!(own(&site).await, Vec::<Value>::new());
    // A server need not list its models, and who must pay or wait is known there.
    for answer in ["404", "405", "402", "429"] {
        add(&site, "mine", &url, answer).await.created();
    }
}

#[tokio::test]
async fn an_address_that_only_a_name_hides_is_not_dialled() {
    let site = TestGateway::start().await;
    let body =
        json!({ "name": "mine", "api_key": format!("{KEY}200"), "base_url": "http://localhost.:1/v1" });
    let path = site.of_tenant("providers");
    site.post(&path, &body).admin().await.refused(400, "validation_error");
}

#[tokio::test]
async fn unasked_it_is_kept_as_it_is() {
    let server = server().await;
    let site = TestGateway::start().await;
    let mut body = json!({ "name": "mine", "api_key": format!("{KEY}401"), "check": false, "local": true });
    body["base_url"] = json!(format!("{}/v1", server.base_url()));
    site.post(&site.of_tenant("providers"), &body).admin().await.created();
    assert_eq!(server.seen("/").len(), 0);
    // Of a key this short, four characters would be much of it.
    body["api_key"] = json!("short");
    let short = site.post(&site.of_tenant("providers"), &body).admin().await.created();
    assert_eq!(short.get("key_last_four"), None);
    let path = site.of_tenant("providers/mine");
    assert_eq!(site.call(Method::DELETE, &path).admin().await.status, 204);
}
