//! What needs no client.

use behest_core::Error;
use behest_core::client::{resolve_config as resolve, sign_legacy_json};
use behest_core::token::{BadToken, Credential, decode};
use napi_derive::napi;
use serde_json::Value;

use crate::error::to_js;

/// A configuration's JSON, and the deprecations met on the way.
#[napi(object, object_from_js = false)]
pub struct Resolved {
    /// What a client would run with, without secrets.
    pub config: String,
    /// What to warn about.
    pub notices: Vec<String>,
}

/// What a client with these options would run with.
#[napi]
pub fn resolve_config(options: String) -> napi::Result<Resolved> {
    let config = resolve(options.as_bytes()).map_err(to_js)?;
    Ok(Resolved { config: config.to_json(), notices: config.notices().to_vec() })
}

/// `apiKey` or `sign`.
#[napi]
pub fn detect_mode(key: String) -> napi::Result<&'static str> {
    Credential::detect(&key).map(|credential| credential.mode().as_str()).map_err(to_js)
}

/// The payload of a token as JSON, unverified.
#[napi]
pub fn decode_token(token: String) -> napi::Result<String> {
    decode(&token).map(|claims| Value::Object(claims).to_string()).map_err(not_a_token)
}

fn not_a_token(error: BadToken) -> napi::Error {
    to_js(Error::Request { param: "token", message: error.to_string() })
}

/// A token with the claims of the legacy signers.
#[napi]
pub fn sign_legacy(options: String) -> napi::Result<String> {
    sign_legacy_json(options.as_bytes()).map_err(to_js)
}

/// The error's JSON that a client would make of this answer.
#[napi]
pub fn classify_http_error(status: u16, headers: Vec<(String, String)>, body: String) -> String {
    Error::from_answer(status, &headers, body.as_bytes()).to_json()
}
