//! What needs no client.

use behest_core::Error;
use behest_core::client;
use behest_core::token::{self, Credential};
use pyo3::prelude::*;

use crate::errors::to_python;

/// The version of Behest that this module was built from.
#[pyfunction]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// A token's claims as JSON, unverified.
#[pyfunction]
pub fn decode_token(py: Python<'_>, token: &str) -> PyResult<String> {
    let claims =
        token::decode(token).map_err(|error| Error::Request { param: "token", message: error.to_string() });
    let claims = claims.map_err(|error| to_python(py, &error))?;
    Ok(serde_json::Value::Object(claims).to_string())
}

/// `apiKey` or `sign`.
#[pyfunction]
pub fn detect_mode(py: Python<'_>, key: &str) -> PyResult<&'static str> {
    let credential = Credential::detect(key).map_err(|error| to_python(py, &error.into()))?;
    Ok(credential.mode().as_str())
}

/// What a client with these options, as JSON, would run with, as JSON; and what should be changed.
#[pyfunction]
pub fn resolve_config(py: Python<'_>, options: &[u8]) -> PyResult<(String, Vec<String>)> {
    let config = client::resolve_config(options).map_err(|error| to_python(py, &error))?;
    Ok((config.to_json(), config.notices().to_vec()))
}

/// The exception for an answer.
#[pyfunction]
pub fn classify(py: Python<'_>, status: u16, headers: Vec<(String, String)>, body: &[u8]) -> Py<PyAny> {
    let error = Error::from_answer(status, &headers, body);
    to_python(py, &error).into_value(py).into_any()
}

/// A token with the legacy claims, as JSON.
#[pyfunction]
pub fn sign_legacy(py: Python<'_>, options: &[u8]) -> PyResult<String> {
    client::sign_legacy_json(options).map_err(|error| to_python(py, &error))
}
