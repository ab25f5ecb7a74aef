//! Browsers: which pages may call, told outside authentication so that they can read refusals, too.

use std::sync::Arc;

use axum::extract::Request;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::gateway::Gateway;
use crate::gateway::context::Project;
use crate::gateway::origin::is_loopback;
use crate::gateway::store::StoreError;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, DELETE, OPTIONS");
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const VARY: HeaderValue =
    HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
/// What a preflight allows when the browser asks for nothing in particular.
const USUAL_HEADERS: HeaderValue =
    HeaderValue::from_static("Authorization, Content-Type, X-End-User-Id, X-Session-Id, X-Thread-Id");
/// Every header that an answer may carry for a program to read.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "X-Trace-Id, X-Request-Id, Retry-After, X-Should-Retry, X-RateLimit-Limit-Requests, \
     X-RateLimit-Remaining-Requests, X-RateLimit-Reset-Requests, X-RateLimit-Limit-Tokens, \
     X-RateLimit-Remaining-Tokens, X-RateLimit-Reset-Tokens, X-RateLimit-Scope, X-Behest-Model, X-Behest-Provider, \
     X-Behest-Attempts, X-Behest-Dropped-Params, X-Behest-PII, X-Behest-Sentinel, X-Behest-Memory, \
     X-Behest-Stream-Id, X-Behest-Cost-Usd",
);

/// What is known of where a request went.
pub struct Site<'s> {
    /// Its project, once a stage knew it: then only that project's list counts.
    pub project: Option<&'s Arc<Project>>,
    /// The Host header, whose slug tells the project of an answer given before any stage ran.
    pub host: Option<&'s HeaderValue>,
    /// It came through a proxy, so that its client is not on this machine.
    pub forwarded: bool,
}

/// What a preflight asked for.
pub struct Preflight {
    /// `Access-Control-Request-Headers`.
    pub asked: Option<HeaderValue>,
}

/// The control plane is never for browsers of other origins.
#[must_use]
pub fn is_control(path: &str) -> bool {
    let path = path.strip_prefix("/auth").unwrap_or(path);
    const CONTROL: [&str; 8] = [
        "/v1/projects",
        "/v1/tenants",
        "/v1/kill-switches",
        "/v1/guardrails",
        "/v1/events",
        "/v1/ledger",
        "/dashboard",
        "/metrics",
    ];
    CONTROL
        .iter()
        .any(|prefix| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Whether the browser asks before it calls.
#[must_use]
pub fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN)
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Puts the CORS headers on, if the origin is allowed. `Vary` goes on either way, for caches between.
pub async fn apply(
    gateway: &Gateway,
    site: &Site<'_>,
    origin: &HeaderValue,
    preflight: Option<Preflight>,
    headers: &mut HeaderMap,
) {
    headers.append(header::VARY, VARY);
    let Ok(name) = origin.to_str() else { return };
    match allowed(gateway, site, name).await {
        Ok(true) => {}
        Ok(false) => return,
        Err(error) => {
            tracing::error!(%error, "the origins of the projects cannot be read");
            return;
        }
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    match preflight {
        None => insert(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED),
        Some(preflight) => {
            insert(headers, header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            insert(headers, header::ACCESS_CONTROL_ALLOW_HEADERS, preflight.asked.unwrap_or(USUAL_HEADERS));
            insert(headers, header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        }
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    headers.insert(name, value);
}

async fn allowed(gateway: &Gateway, site: &Site<'_>, origin: &str) -> Result<bool, StoreError> {
    if gateway.hosts().loopback && !site.forwarded && is_loopback(origin) {
        return Ok(true);
    }
    let of_host = match (site.project, site.host.and_then(|host| host.to_str().ok())) {
        (Some(_), _) | (None, None) => None,
        (None, Some(host)) => match gateway.hosts().slug(host) {
            Some(slug) => gateway.directory().project_by_slug(&slug).await?,
            None => None,
        },
    };
    Ok(match site.project.or(of_host.as_ref()) {
        Some(project) => project.deployed.origins.iter().any(|pattern| pattern.matches(origin)),
        None => gateway.directory().all_origins().await?.iter().any(|pattern| pattern.matches(origin)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_plane_is_told_by_its_paths() {
        for control in ["/v1/projects", "/v1/projects/x/keys", "/auth/v1/projects", "/v1/tenants/t/providers"]
        {
            assert!(is_control(control), "{control}");
        }
        for data in
            ["/v1/chat/completions", "/v1/auth/mint", "/auth/v1/auth/mint", "/v1/projectsx", "/health"]
        {
            assert!(!is_control(data), "{data}");
        }
    }
}
