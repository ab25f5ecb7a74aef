//! The only place where a [`Refusal`] becomes something a caller can see.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::refusal::Refusal;
use crate::types::problem::{Code, Problem, ProblemDetail};

/// Tells OpenAI's SDKs whether to repeat a call by themselves.
pub const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// A refusal on its way to the edge, where it is written with the request's trace.
#[derive(Clone)]
struct Refused(Arc<Refusal>);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(Refused(Arc::new(self)));
        response
    }
}

/// Writes the refusal in `response`, if it holds one; logs it if it is a fault of ours.
pub fn respond(mut response: Response, trace_id: &str) -> Response {
    match response.extensions_mut().remove::<Refused>() {
        Some(Refused(refusal)) => write(&refusal, trace_id),
        None => response,
    }
}

fn write(refusal: &Refusal, trace_id: &str) -> Response {
    let cause = refusal.cause();
    log(refusal, trace_id);
    let status = StatusCode::from_u16(cause.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::new(Body::from(body(refusal)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = cause.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(should_retry) = cause.should_retry() {
        headers.insert(SHOULD_RETRY, HeaderValue::from_static(if should_retry { "true" } else { "false" }));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The data of the one event that ends a stream which failed after its first byte.
#[must_use]
pub fn event(refusal: &Refusal, trace_id: &str) -> Bytes {
    log(refusal, trace_id);
    crate::sse::encode(&body(refusal))
}

fn body(refusal: &Refusal) -> Vec<u8> {
    let cause = refusal.cause();
    let code = cause.code();
    let message = match code {
        // What went wrong inside is for the log; the caller learns what it can do.
        Code::ServerError => "the gateway failed; the trace id finds the reason in its log".to_owned(),
        _ => refusal.to_string(),
    };
    let problem = Problem {
        error: ProblemDetail {
            code: code.as_str().to_owned(),
            message: message.clone(),
            kind: code.kind().to_owned(),
            param: cause.param().map(str::to_owned),
            details: cause.details(),
        },
        message,
        code: code.as_str().to_owned(),
        retryable: cause.should_retry() == Some(true) || code.retryable(),
        upgrade_url: cause.upgrade_url().map(str::to_owned),
    };
    serde_json::to_vec(&problem).unwrap_or_default()
}

fn log(refusal: &Refusal, trace_id: &str) {
    let code = refusal.cause().code().as_str();
    if refusal.cause().status() >= 500 {
        tracing::error!(trace_id, code, error = refusal.cause().for_log(), "request failed");
    } else {
        tracing::debug!(trace_id, code, "request refused");
    }
}
