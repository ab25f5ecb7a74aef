//! Headers and bodies that handlers share.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::gateway::context::Reply;
use crate::gateway::ledger::money::NanoUsd;
use crate::types::control::Page;

const MODEL: HeaderName = HeaderName::from_static("x-behest-model");
const PROVIDER: HeaderName = HeaderName::from_static("x-behest-provider");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-behest-attempts");
const DROPPED: HeaderName = HeaderName::from_static("x-behest-dropped-params");
const MEMORY: HeaderName = HeaderName::from_static("x-behest-memory");
const COST: HeaderName = HeaderName::from_static("x-behest-cost-usd");
/// No cache may keep it.
pub const NO_STORE: HeaderValue = HeaderValue::from_static("private, no-store");

/// A JSON answer that no cache may keep.
#[must_use]
pub fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    // Our own types have string keys and finite numbers, so writing them cannot fail.
    let body = serde_json::to_vec(value).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response
}

/// 200 with JSON.
#[must_use]
pub fn ok<T: Serialize>(value: &T) -> Response {
    json(StatusCode::OK, value)
}

/// 201 with JSON.
#[must_use]
pub fn created<T: Serialize>(value: &T) -> Response {
    json(StatusCode::CREATED, value)
}

/// 204.
#[must_use]
pub fn gone() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// 200 with a whole list.
#[must_use]
pub fn list<T: Serialize>(data: Vec<T>) -> Response {
    ok(&Page { data, next: None })
}

/// Who answered, after how many attempts, and with how much memory.
pub fn answer_headers(headers: &mut HeaderMap, reply: &Reply) {
    let model = &reply.candidate.model;
    if let Ok(name) = HeaderValue::from_str(&model.name) {
        headers.insert(MODEL, name);
    }
    if let Ok(provider) = HeaderValue::from_str(&model.upstream.name) {
        headers.insert(PROVIDER, provider);
    }
    headers.insert(ATTEMPTS, HeaderValue::from(reply.attempts));
    // Names of fields are the client's own text: one that no header can hold stays out of it.
    if !reply.dropped.is_empty()
        && let Ok(dropped) = HeaderValue::from_str(&reply.dropped.join(", "))
    {
        headers.insert(DROPPED, dropped);
    }
    if let Some(recalled) = reply.turn.recalled {
        headers.insert(MEMORY, HeaderValue::from(recalled));
    }
    headers.insert(header::CACHE_CONTROL, NO_STORE);
}

/// What a plain answer cost, for those who may know.
pub fn cost_header(headers: &mut HeaderMap, cost: NanoUsd) {
    if let Ok(cost) = HeaderValue::from_str(&cost.to_decimal()) {
        headers.insert(COST, cost);
    }
}

/// A stream of events that no proxy may hold back.
pub fn stream_headers(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
}
