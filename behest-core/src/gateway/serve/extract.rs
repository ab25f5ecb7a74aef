//! What handlers take out of a request.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::edge::EdgeError;
use crate::gateway::Gateway;
use crate::gateway::clock;
use crate::gateway::refusal::Refusal;
use crate::gateway::stages::read;

/// The captured parts of the path, percent-decoded, in their order.
pub struct Captured(Vec<String>);

impl Captured {
    /// The part at `index`; empty when the route has none.
    #[must_use]
    pub fn at(&self, index: usize) -> &str {
        self.0.get(index).map(String::as_str).unwrap_or_default()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Captured {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Refusal::from(EdgeError::Path).into_response())?;
        Ok(Self(params.iter().map(|(_, value)| value.to_owned()).collect()))
    }
}

/// Reads a JSON body. An empty one is `{}`, for requests whose every field is optional.
///
/// # Errors
/// When it is too large, not JSON, or not of the right form; the message never repeats what it says.
pub async fn json<T: DeserializeOwned>(gateway: &Gateway, body: axum::body::Body) -> Result<T, Refusal> {
    let (bytes, _permit) = read::collect(gateway, body).await?;
    let bytes = if bytes.trim_ascii().is_empty() { &b"{}"[..] } else { bytes.trim_ascii_start() };
    // serde reads a list as the fields in their order: one that is empty would be a request that asks for nothing.
    if bytes.first() == Some(&b'[') {
        return Err(read::ReadError::Json("an object is wanted, and this is a list".to_owned()).into());
    }
    Ok(serde_json::from_slice(bytes).map_err(|error| {
        // serde's messages for our own types name fields and types. A wrong value it would quote, which may be a key.
        let message = error.to_string();
        let quotes = message.contains("invalid value") || message.contains("invalid type");
        if error.is_data() && !quotes { read::ReadError::Json(message) } else { read::not_json(error) }
    })?)
}

/// Reads a body of text.
///
/// # Errors
/// When it is too large, or no UTF-8.
pub async fn text(gateway: &Gateway, body: axum::body::Body) -> Result<String, Refusal> {
    let (bytes, _permit) = read::collect(gateway, body).await?;
    let text =
        std::str::from_utf8(&bytes).map_err(|_| read::ReadError::Json("it is not UTF-8 text".to_owned()))?;
    Ok(text.to_owned())
}

/// The parameters of a query.
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the query of a request.
    #[must_use]
    pub fn of(head: &Parts) -> Self {
        let query = head.uri.query().unwrap_or_default();
        Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// A parameter; an empty one is as good as none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        found.filter(|value| !value.is_empty())
    }

    /// An instant, RFC 3339 or a date, as Unix milliseconds.
    ///
    /// # Errors
    /// When it is neither.
    pub fn instant(&self, name: &'static str) -> Result<Option<i64>, EdgeError> {
        self.get(name).map_or(Ok(None), |text| {
            let problem = "must be an RFC 3339 instant such as 2026-01-31T00:00:00Z, or a date".to_owned();
            clock::parse(text).map(Some).ok_or(EdgeError::Query { field: name, problem })
        })
    }

    /// A whole number within bounds.
    ///
    /// # Errors
    /// When it is none, or outside.
    pub fn number(
        &self,
        name: &'static str,
        bounds: std::ops::RangeInclusive<u32>,
    ) -> Result<Option<u32>, EdgeError> {
        self.get(name).map_or(Ok(None), |text| {
            let number = text.parse().ok().filter(|number| bounds.contains(number));
            let problem = format!("must be a whole number from {} to {}", bounds.start(), bounds.end());
            number.map(Some).ok_or(EdgeError::Query { field: name, problem })
        })
    }
}
