//! Browsers: which pages may call, and which hosts are answered.

use behest_core::gateway::config::Config;
use http::Method;
use serde_json::json;

use crate::support::gateway::{Answer, Call, TestGateway, host_of};

const ALLOWED: &str = "https://a.example";
const STRANGER: &str = "https://evil.example";

/// Not bound to loopback: no origin is allowed that no project lists.
fn public() -> Config {
    Config { host: "0.0.0.0".to_owned(), ..Config::default() }
}

async fn public_site() -> TestGateway {
    let site = TestGateway::with(public()).await;
    site.set(&json!({ "cors_origins": [ALLOWED, "https://app-*.vercel.app"] })).await;
    site
}

#[track_caller]
fn assert_open(answer: &Answer, origin: &str) {
    assert_eq!(answer.header("access-control-allow-origin"), origin, "{answer:?}");
    assert!(answer.header("vary").contains("Origin"), "{answer:?}");
}

#[track_caller]
fn assert_closed(answer: &Answer) {
    let cors = answer.headers.keys().find(|name| name.as_str().starts_with("access-control-"));
    assert_eq!(cors, None, "{answer:?}");
}

fn preflight(call: Call, origin: &str) -> Call {
    call.origin(origin).header("access-control-request-method", "POST")
}

#[tokio::test]
async fn listed_origins_may_read_answers_and_errors() {
    let site = public_site().await;
    let chat = |origin: &str| site.chat("hello").bearer(&site.api_key).origin(origin);
    for origin in [ALLOWED, "https://app-git-main.vercel.app"] {
        let answer = chat(origin).await;
        answer.ok();
        assert_open(&answer, origin);
    }
    for origin in [
        STRANGER,
        "http://a.example",
        "https://a.example:8443",
        "https://a.example.evil.example",
        "https://app-a.b.vercel.app",
        "http://localhost:3000",
        "null",
    ] {
        let answer = chat(origin).await;
        answer.ok();
        assert_closed(&answer);
        assert!(answer.header("vary").contains("Origin"), "{origin}");
    }
    let refused = site.ask(&json!({})).bearer(&site.api_key).origin(ALLOWED).await;
    refused.refused(400, "validation_error");
    assert_open(&refused, ALLOWED);
    let lost = site.get("/v1/nothing").origin(ALLOWED).await;
    lost.refused(404, "not_found");
    assert_open(&lost, ALLOWED);
}

#[tokio::test]
async fn caches_keep_the_public_keys_apart_by_origin_even_when_none_came() {
    let site = public_site().await;
    let keys = site.get("/.well-known/jwks.json").await;
    assert!(keys.header("vary").contains("Origin"), "{keys:?}");
}

#[tokio::test]
async fn programs_in_a_browser_may_read_every_header_of_the_contract() {
    let site = public_site().await;
    let answer = site.chat("hello").bearer(&site.api_key).origin(ALLOWED).await;
    let exposed = answer.header("access-control-expose-headers").to_ascii_lowercase();
    let exposed: Vec<&str> = exposed.split(',').map(str::trim).collect();
    for name in [
        "x-trace-id",
        "x-request-id",
        "retry-after",
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
        "x-ratelimit-limit-tokens",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-reset-tokens",
        "x-ratelimit-scope",
        "x-behest-model",
        "x-behest-provider",
        "x-behest-attempts",
        "x-behest-dropped-params",
        "x-behest-pii",
        "x-behest-sentinel",
        "x-behest-memory",
        "x-behest-stream-id",
        "x-behest-cost-usd",
    ] {
        assert!(exposed.contains(&name), "{name}");
    }
}

#[tokio::test]
async fn a_preflight_needs_no_credential() {
    let site = public_site().await;
    let options = || site.call(Method::OPTIONS, "/v1/chat/completions");
    let asked = "authorization, x-stainless-lang";
    for path in ["/v1/chat/completions", "/v1/auth/mint", "/v1/threads/t", "/v1/usage"] {
        let call = preflight(site.call(Method::OPTIONS, path), ALLOWED);
        let answer = call.header("access-control-request-headers", asked).await;
        assert_eq!(answer.status, 204, "{path}");
        assert_open(&answer, ALLOWED);
        assert_eq!(answer.header("access-control-allow-headers"), asked);
        assert_eq!(answer.header("access-control-max-age"), "600");
        let methods = answer.header("access-control-allow-methods");
        for method in ["GET", "POST", "DELETE", "OPTIONS"] {
            assert!(methods.contains(method), "{methods}");
        }
        assert_eq!(answer.header("access-control-allow-credentials"), "", "tokens travel in a header");
    }
    assert_closed(&preflight(options(), STRANGER).await);
    let slug = preflight(options(), ALLOWED).host(&site.host()).await;
    assert_open(&slug, ALLOWED);
}

#[tokio::test]
async fn before_the_project_is_known_any_active_projects_list_counts_and_after_it_only_its_own() {
    let site = public_site().await;
    let other = site.project_of(&site.project.tenant_id).await;
    let theirs = "https://b.example";
    site.set_of(&other.id, &json!({ "cors_origins": [theirs] })).await;

    let unknown = |origin: &str| site.get("/v1/models").bearer("nonsense").origin(origin);
    assert_open(&unknown(ALLOWED).await, ALLOWED);
    assert_open(&unknown(theirs).await, theirs);
    assert_open(&preflight(site.call(Method::OPTIONS, "/v1/models"), theirs).await, theirs);
    assert_closed(&unknown(STRANGER).await);

    let known = site.get("/v1/models").bearer(&site.api_key);
    let answer = known.origin(theirs).await;
    answer.ok();
    assert_closed(&answer);
    let mint = site.post("/v1/auth/mint", &json!({ "user_id": "ann" })).bearer(&site.api_key);
    assert_closed(&mint.origin(theirs).await);

    // A host with a slug tells the project before any credential is looked at.
    assert_closed(&unknown(theirs).host(&site.host()).await);
    assert_open(&unknown(theirs).host(&host_of(&other)).await, theirs);
    assert_closed(&preflight(site.call(Method::OPTIONS, "/v1/models"), theirs).host(&site.host()).await);

    site.change(&other.id, &json!({ "status": "suspended" })).await;
    assert_closed(&unknown(theirs).await);
}

#[tokio::test]
async fn the_control_plane_is_for_no_browser() {
    let site = public_site().await;
    for path in ["/v1/projects", "/auth/v1/projects", "/v1/tenants", &site.of_project("settings")] {
        let answer = site.get(path).admin().origin(ALLOWED).await;
        answer.ok();
        assert_closed(&answer);
        let asked = preflight(site.call(Method::OPTIONS, path), ALLOWED).await;
        assert!(asked.status >= 400, "{path}: {asked:?}");
        assert_closed(&asked);
        assert_closed(&site.get(path).origin(ALLOWED).await);
    }
}

#[tokio::test]
async fn bound_to_loopback_pages_of_this_machine_may_call() {
    let site = TestGateway::start().await;
    for origin in ["http://localhost:3000", "http://127.0.0.1:5173", "http://localhost"] {
        assert_open(&site.get("/v1/models").bearer(&site.api_key).origin(origin).await, origin);
        assert_open(&preflight(site.call(Method::OPTIONS, "/v1/models"), origin).await, origin);
    }
    for origin in ["https://localhost:3000", "http://localhost.evil.example", ALLOWED] {
        assert_closed(&site.get("/v1/models").bearer(&site.api_key).origin(origin).await);
    }
}

#[tokio::test]
async fn bound_to_loopback_foreign_hosts_are_misdirected() {
    let config = Config {
        base_domain: Some("ai.example.com".to_owned()),
        allowed_hosts: vec!["box.lan".to_owned()],
        ..Config::default()
    };
    let site = TestGateway::with(config).await;
    let models = |host: &str| site.get("/v1/models").bearer(&site.api_key).host(host);
    for host in ["evil.example", "localhost.evil.example", "10.0.0.1:8080", "a.b.localhost"] {
        models(host).await.refused(421, "misdirected");
        let health = site.get("/health").host(host).await;
        health.refused(421, "misdirected");
        assert!(!health.header("x-trace-id").is_empty());
    }
    // The forwarded host is never believed.
    models("evil.example").header("x-forwarded-host", "localhost").await.refused(421, "misdirected");
    models("localhost").header("x-forwarded-host", "evil.example").await.ok();
    let slug = format!("{}.ai.example.com", site.project.slug);
    for host in ["ai.example.com", "box.lan:8080", slug.as_str(), "127.0.0.1", "[::1]:1"] {
        models(host).await.ok();
    }
    models("no-such-000.ai.example.com").await.refused(404, "not_found");
    let public = TestGateway::with(public()).await;
    public.get("/health").host("any.example").await.ok();
}
