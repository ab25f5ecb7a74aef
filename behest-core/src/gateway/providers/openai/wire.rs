//! Address, authentication and errors of OpenAI's HTTP interface.

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use serde::Deserialize;
use tokio::time::Instant;

use super::stream::timed_out;
use crate::gateway::providers::{ChatCall, Phase, ProviderError, ProviderKey, Timeouts};

/// The largest plain answer that is read.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// The largest error body that is read, and how much of its message is passed on.
const MAX_ERROR_BYTES: usize = 64 << 10;
const MAX_MESSAGE_CHARACTERS: usize = 500;

/// Where a server's chat completions are, and what to show there.
#[derive(Debug, Clone)]
pub struct Endpoint {
    uri: Uri,
    authorization: Option<HeaderValue>,
}

impl Endpoint {
    /// Makes address and credential ready; `None` when one of them cannot stand in a request.
    pub(in crate::gateway::providers) fn new(base_url: &str, key: &ProviderKey) -> Option<Self> {
        let uri = format!("{base_url}/chat/completions").parse().ok()?;
        let authorization = match key {
            ProviderKey::Open(key) => {
                let mut bearer = HeaderValue::try_from(format!("Bearer {}", key.expose())).ok()?;
                bearer.set_sensitive(true);
                Some(bearer)
            }
            ProviderKey::None | ProviderKey::Unreadable(_) => None,
        };
        Some(Self { uri, authorization })
    }
}

/// Sends the request; gives the answer once its headers say that it is one.
pub(super) async fn send(call: ChatCall<'_>) -> Result<Response<Incoming>, ProviderError> {
    let endpoint = call.upstream.endpoint.as_ref();
    let endpoint =
        endpoint.ok_or_else(|| ProviderError::Unreachable("it cannot be called as configured".to_owned()))?;
    let mut request = Request::new(Full::new(call.body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = endpoint.uri.clone();
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(authorization) = &endpoint.authorization {
        headers.insert(header::AUTHORIZATION, authorization.clone());
    }
    if let Some(traceparent) = call.traceparent {
        headers.insert("traceparent", traceparent.clone());
    }
    let waiting = call.http.to(call.upstream.local).request(request);
    let response = tokio::time::timeout(call.timeouts.first_byte, waiting)
        .await
        .map_err(|_| timed_out(Phase::FirstByte, call.timeouts.first_byte))?
        .map_err(|error| unreachable(&error))?;
    if response.status() == StatusCode::OK {
        return Ok(response);
    }
    Err(failed(response, call.timeouts).await)
}

/// Reads a whole answer.
pub(super) async fn whole(body: Incoming, timeouts: Timeouts) -> Result<Bytes, ProviderError> {
    read(body, timeouts, MAX_ANSWER_BYTES).await
}

async fn read(mut body: Incoming, timeouts: Timeouts, limit: usize) -> Result<Bytes, ProviderError> {
    let deadline = Instant::now() + timeouts.total;
    if body.size_hint().lower() > limit as u64 {
        return Err(ProviderError::TooLarge { limit });
    }
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    loop {
        let until = deadline.min(Instant::now() + timeouts.idle);
        let frame = tokio::time::timeout_at(until, body.frame())
            .await
            .map_err(|_| timed_out(Phase::Idle, timeouts.idle))?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|_| ProviderError::BrokeOff)?;
        let Ok(data) = frame.into_data() else { continue };
        if first.as_ref().map_or(0, Bytes::len) + rest.len() + data.len() > limit {
            return Err(ProviderError::TooLarge { limit });
        }
        // Most answers come in one piece, which then is not copied.
        match &first {
            None => first = Some(data),
            Some(_) => rest.extend_from_slice(&data),
        }
    }
    let first = first.unwrap_or_default();
    if rest.is_empty() {
        return Ok(first);
    }
    let mut all = BytesMut::with_capacity(first.len() + rest.len());
    all.extend_from_slice(&first);
    all.extend_from_slice(&rest);
    Ok(all.freeze())
}

async fn failed(response: Response<Incoming>, timeouts: Timeouts) -> ProviderError {
    let status = response.status().as_u16();
    let retry_after =
        response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let body = read(response.into_body(), timeouts, MAX_ERROR_BYTES).await.unwrap_or_default();
    let (message, param) = error_of(&body);
    match status {
        400 | 404 | 413 | 415 | 422 => ProviderError::Rejected { status, message, param },
        _ => ProviderError::Failed { status, message, retry_after },
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ErrorBody {
    Nested { error: ErrorDetail },
    Flat(ErrorDetail),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ErrorDetail {
    Object {
        message: String,
        #[serde(default)]
        param: Option<String>,
    },
    Text(String),
}

fn error_of(body: &[u8]) -> (String, Option<String>) {
    let detail = match serde_json::from_slice::<ErrorBody>(body) {
        Ok(ErrorBody::Nested { error } | ErrorBody::Flat(error)) => error,
        Err(_) => return ("it gave no reason".to_owned(), None),
    };
    match detail {
        ErrorDetail::Object { message, param } => (short(&message), param),
        ErrorDetail::Text(message) => (short(&message), None),
    }
}

/// The message of an error object, or of an error that is plain text.
pub(super) fn message_of(error: &str) -> String {
    match serde_json::from_str::<ErrorDetail>(error) {
        Ok(ErrorDetail::Object { message, .. } | ErrorDetail::Text(message)) => short(&message),
        Err(_) => "it gave no reason".to_owned(),
    }
}

fn short(message: &str) -> String {
    message.chars().filter(|character| !character.is_control()).take(MAX_MESSAGE_CHARACTERS).collect()
}

/// Says what failed without the address: hyper's own words at the end of the chain.
fn unreachable(error: &hyper_util::client::legacy::Error) -> ProviderError {
    if !error.is_connect() {
        return ProviderError::NoAnswer;
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    ProviderError::Unreachable(short(&cause.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_found_in_every_common_error_body() {
        for (body, wanted) in [
            (r#"{"error":{"message":"no such model","param":"model"}}"#, ("no such model", Some("model"))),
            (r#"{"error":"model not found"}"#, ("model not found", None)),
            (r#"{"message":"bad","object":"error"}"#, ("bad", None)),
            ("<html>502</html>", ("it gave no reason", None)),
            ("", ("it gave no reason", None)),
        ] {
            let (message, param) = error_of(body.as_bytes());
            assert_eq!((message.as_str(), param.as_deref()), wanted, "{body}");
        }
        assert_eq!(short(&"x".repeat(9_999)).len(), MAX_MESSAGE_CHARACTERS);
    }
}
