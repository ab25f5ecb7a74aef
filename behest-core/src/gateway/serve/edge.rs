//! The edge: what happens to every request before and after the stages.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::client_address::{self, Limited};
use super::cors;
use crate::gateway::context::{Incoming, Trace};
use crate::gateway::limits::rates::Rates;
use crate::gateway::refusal::{Refusal, Refuse};
use crate::gateway::rescue;
use crate::gateway::{Gateway, clock};
use crate::types::problem::Code;

/// The trace id of an answer.
pub const TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");
/// The same value under OpenAI's name.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The other end of the connection. Absent for calls inside the process.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Why the edge let nothing through.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EdgeError {
    /// A host that is not ours.
    #[error(
        "this gateway does not answer for that host: use localhost, an address, or add it to `allowed_hosts`"
    )]
    Misdirected,
    /// No such path.
    #[error("there is nothing at this path")]
    NoRoute,
    /// Another method.
    #[error("this path takes another method")]
    Method,
    /// The path's text is not UTF-8.
    #[error("the path cannot be read: percent-encode it as UTF-8")]
    Path,
    /// A part of the query is wrong.
    #[error("`{field}` {problem}")]
    Query {
        /// Which.
        field: &'static str,
        /// What it should be.
        problem: String,
    },
    /// A stage broke.
    #[error("a fault inside the gateway")]
    Panicked,
}

impl Refuse for EdgeError {
    fn code(&self) -> Code {
        match self {
            Self::Misdirected => Code::Misdirected,
            Self::NoRoute => Code::NotFound,
            Self::Method => Code::MethodNotAllowed,
            Self::Path | Self::Query { .. } => Code::ValidationError,
            Self::Panicked => Code::ServerError,
        }
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::Query { field, .. } => Some(field),
            _ => None,
        }
    }
}

/// Gives every request its trace, refuses foreign hosts, answers preflights, turns refusals into answers, and puts
/// the headers on that every answer has.
pub async fn edge(State(gateway): State<Gateway>, mut request: Request, next: Next) -> Response {
    let trace = Trace {
        id: trace_id(request.headers()),
        started: Instant::now(),
        project: Arc::new(OnceLock::new()),
        rates: Arc::default(),
    };
    let forwarded = client_address::is_forwarded(request.headers());
    let limited = client_address::limited(&gateway, &request);
    let origin = request.headers().get(header::ORIGIN).cloned();
    let has_cors = !cors::is_control(request.uri().path());
    let preflight = has_cors && cors::is_preflight(&request);
    let slug_host = request.headers().get(header::HOST).cloned();
    let asked_headers = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();

    let response = if !answers_for(&gateway, &request) {
        Refusal::from(EdgeError::Misdirected).into_response()
    } else if preflight {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    } else if let Err(refusal) = admit(&gateway, limited, &trace.rates).await {
        refusal.into_response()
    } else {
        request.extensions_mut().insert(trace.clone());
        // A panic ends one request, never a worker with everybody else's.
        let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
        answer.unwrap_or_else(|_| Refusal::from(EdgeError::Panicked).into_response())
    };

    let mut response = rescue::respond(response, &trace.id);
    if has_cors {
        trace.rates.write(response.headers_mut(), clock::now_ms());
    }
    if let Some(origin) = origin.filter(|_| has_cors) {
        let site = cors::Site { project: trace.project.get(), host: slug_host.as_ref(), forwarded };
        let preflight = preflight.then_some(asked_headers).map(|asked| cors::Preflight { asked });
        cors::apply(&gateway, &site, &origin, preflight, response.headers_mut()).await;
    }
    trace_headers(response.headers_mut(), &trace.id);
    response
}

/// Lets an address make its requests of a minute.
async fn admit(gateway: &Gateway, limited: Option<Limited>, rates: &Rates) -> Result<(), Refusal> {
    match limited {
        Some(limited) => client_address::admit(gateway, limited, rates).await,
        None => Ok(()),
    }
}

/// Runs a change to its end even when its caller has gone: one that was committed and not told to the caches would
/// leave a revoked key in force.
pub async fn to_its_end(request: Request, next: Next) -> Response {
    let answer = tokio::spawn(next.run(request)).await;
    answer.unwrap_or_else(|_| Refusal::from(EdgeError::Panicked).into_response())
}

fn answers_for(gateway: &Gateway, request: &Request) -> bool {
    // HTTP/2 has no Host header; its authority stands in the URI.
    let host = request.headers().get(header::HOST).map(HeaderValue::as_bytes);
    let host = host.or_else(|| request.uri().authority().map(|authority| authority.as_str().as_bytes()));
    host.and_then(|host| std::str::from_utf8(host).ok()).is_some_and(|host| gateway.hosts().answers(host))
}

/// The W3C trace id when `traceparent` came, else a fresh one.
fn trace_id(headers: &HeaderMap) -> Arc<str> {
    let given = headers.get("traceparent").and_then(|value| value.to_str().ok()).and_then(parse_traceparent);
    match given {
        Some(id) => Arc::from(id),
        None => {
            let mut buffer = uuid::Uuid::encode_buffer();
            Arc::from(&*uuid::Uuid::new_v4().simple().encode_lower(&mut buffer))
        }
    }
}

/// W3C Trace Context, section 3.2: `version-traceid-parentid-flags`, a trace id of zeros is invalid.
fn parse_traceparent(value: &str) -> Option<&str> {
    let mut parts = value.split('-');
    let (version, id, parent) = (parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let valid =
        hex(version, 2) && version != "ff" && hex(id, 32) && hex(parent, 16) && parts.next().is_some();
    (valid && id.bytes().any(|byte| byte != b'0')).then_some(id)
}

fn trace_headers(headers: &mut HeaderMap, id: &str) {
    // Hexadecimal digits always make a header.
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(TRACE_ID, value.clone());
        headers.insert(REQUEST_ID, value);
    }
}

impl Incoming {
    /// Takes a request that has passed the edge.
    #[must_use]
    pub fn from_request(request: Request) -> Self {
        let (mut head, body) = request.into_parts();
        let trace = head.extensions.remove::<Trace>().unwrap_or_else(|| Trace {
            id: trace_id(&head.headers),
            started: Instant::now(),
            project: Arc::new(OnceLock::new()),
            rates: Arc::default(),
        });
        Self { head, body, trace }
    }
}

/// The answer to a path that nobody serves.
pub async fn no_route(method: Method) -> Refusal {
    tracing::debug!(%method, "no route");
    EdgeError::NoRoute.into()
}

/// The answer to a method that a path does not take.
pub async fn no_method() -> Refusal {
    EdgeError::Method.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_w3c_trace_id_is_taken_over_and_a_broken_one_is_not() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(parse_traceparent(good), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(parse_traceparent(bad), None, "{bad}");
        }
    }
}
