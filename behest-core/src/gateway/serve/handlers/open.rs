//! What is open to everybody, and the metrics.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::gateway::context::Incoming;
use crate::gateway::control::access;
use crate::gateway::refusal::Refusal;
use crate::gateway::serve::{openapi, respond};
use crate::gateway::{Gateway, clock};
use crate::types::problem::Problem;

/// Whether the gateway lives.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Health {
    /// Always `ok`.
    status: &'static str,
    /// The gateway's version.
    version: &'static str,
}

/// Whether the gateway can serve, and what each thing it needs says.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Readiness {
    /// `ready` or `not_ready`.
    status: &'static str,
    /// By name: `ok`, or what is wrong.
    checks: Checks,
}

/// What a gateway needs.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Checks {
    /// The database answers.
    store: String,
    /// Records are committed.
    ledger: String,
    /// The gateway is not on its way down.
    lifecycle: String,
    /// The providers' keys can be read. It is told and does not decide: the gateway serves everybody else.
    provider_keys: String,
}

/// Says that the gateway lives
#[utoipa::path(get, path = "/health", tag = "open", operation_id = "getHealth", responses((status = 200, description = "It lives", body = Health)), security(()))]
pub async fn health() -> Response {
    respond::ok(&Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// Says whether the gateway can serve
#[utoipa::path(
    get, path = "/ready", tag = "open", operation_id = "getReady",
    responses((status = 200, description = "It can", body = Readiness), (status = 503, description = "It cannot", body = Readiness)),
    security(())
)]
pub async fn ready(State(gateway): State<Gateway>) -> Response {
    let ok = || "ok".to_owned();
    let checks = Checks {
        store: gateway.store().ping().await.map_or_else(|error| error.to_string(), |()| ok()),
        ledger: match gateway.store().ledger_state() {
            state if state.healthy && gateway.journal().writable() => ok(),
            state if state.healthy => "the journal cannot be written".to_owned(),
            state => format!("records cannot be committed; {} are kept for a retry", state.kept),
        },
        lifecycle: if gateway.drain().has_begun() { "shutting down".to_owned() } else { ok() },
        provider_keys: match gateway.key_audit().unreadable() {
            0 => ok(),
            count => format!("{count} cannot be read; the log of the start names them"),
        },
    };
    let ready = [&checks.store, &checks.ledger, &checks.lifecycle].iter().all(|check| *check == "ok");
    let (code, status) =
        if ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not_ready") };
    let mut response = respond::json(code, &Readiness { status, checks });
    if !ready {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// This document
#[utoipa::path(get, path = "/openapi.json", tag = "open", operation_id = "getOpenApi", responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json")), security(()))]
pub async fn get_openapi() -> Response {
    let mut response = Response::new(Body::from(openapi::document()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Counters in Prometheus' text format
#[utoipa::path(
    get, path = "/metrics", tag = "operator", operation_id = "getMetrics",
    responses((status = 200, description = "The metrics", body = String, content_type = "text/plain"), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []))
)]
pub async fn metrics(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    let incoming = Incoming::from_request(request);
    access::admin(&gateway, &incoming.head).await?.operator_only()?;
    let ledger = gateway.store().ledger_state();
    let mut text = String::new();
    let mut metric = |name: &str, kind: &str, help: &str, value: u64| {
        text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"));
    };
    metric(
        "behest_ledger_commits_total",
        "counter",
        "Transactions that the ledger committed.",
        ledger.commits,
    );
    metric(
        "behest_ledger_records_total",
        "counter",
        "Usage records that the ledger committed.",
        ledger.records,
    );
    metric("behest_ledger_kept", "gauge", "Settlements kept until the ledger can be written.", ledger.kept);
    metric("behest_ledger_healthy", "gauge", "Whether the last commit succeeded.", u64::from(ledger.healthy));
    metric(
        "behest_calls_in_flight",
        "gauge",
        "Calls to providers under way.",
        u64::from(gateway.journal().in_flight()),
    );
    metric(
        "behest_provider_keys_unreadable",
        "gauge",
        "Stored keys of providers that the master key does not open.",
        gateway.key_audit().unreadable() as u64,
    );
    let held = gateway.counters().gauges();
    let age = held.oldest.map_or(0, |oldest| clock::now_ms().saturating_sub(oldest) / 1_000);
    for (name, help, value) in [
        ("behest_reservations_open", "Admissions and reservations that have not ended.", held.leases),
        (
            "behest_reservations_oldest_seconds",
            "The age of the oldest of them.",
            u64::try_from(age).unwrap_or(0),
        ),
        (
            "behest_reserved_calls",
            "Calls under way, summed over the limits that count them.",
            held.concurrency,
        ),
        ("behest_reserved_tokens", "Tokens held, summed over the limits that count them.", held.tokens),
        (
            "behest_reserved_nano_usd",
            "Nano-dollars held, summed over the budgets that count them.",
            held.money,
        ),
        ("behest_meters", "Sums that are kept in memory.", held.meters),
    ] {
        metric(name, "gauge", help, value);
    }
    metric(
        "behest_events_lost_total",
        "counter",
        "Events lost because too many waited to be stored.",
        gateway.events().lost(),
    );
    let mut response = Response::new(Body::from(text));
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    Ok(response)
}
