//! One request and the beginning of its answer, over HTTP; and what a provider says when it refuses.

use bytes::{Bytes, BytesMut};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use serde::Deserialize;
use tokio::time::Instant;

use super::streaming::timed_out;
use super::{ChatCall, Phase, ProviderError, Timeouts};

/// The largest plain answer that is read.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// The largest error body that is read, and how much of its message is passed on.
const MAX_ERROR_BYTES: usize = 64 << 10;
const MAX_MESSAGE_CHARACTERS: usize = 500;

/// Sends the request; gives the answer once its headers say that it is one.
///
/// # Errors
/// [`ProviderError`] says what the provider did instead.
pub async fn send(call: ChatCall<'_>) -> Result<Response<Incoming>, ProviderError> {
    let unusable = || ProviderError::Unreachable("it cannot be called as configured".to_owned());
    let endpoint = call.upstream.endpoint.as_ref().ok_or_else(unusable)?;
    let uri = endpoint.uri(call.model, call.operation, call.stream).ok_or_else(unusable)?;
    let mut request = Request::new(Full::new(call.body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    *request.headers_mut() = endpoint.headers().clone();
    let headers = request.headers_mut();
    if let Some(traceparent) = call.traceparent {
        headers.insert("traceparent", traceparent.clone());
    }
    let waiting = call.http.request(request);
    let response = tokio::time::timeout(call.timeouts.first_byte, waiting)
        .await
        .map_err(|_| timed_out(Phase::FirstByte, call.timeouts.first_byte))?
        .map_err(|error| unreachable(&error))?;
    if response.status() == StatusCode::OK {
        return Ok(response);
    }
    Err(failed(response, call.timeouts).await)
}

/// Sends the request, and reads the whole answer.
///
/// # Errors
/// [`ProviderError`] says what the provider did instead.
pub async fn ask(call: ChatCall<'_>) -> Result<Bytes, ProviderError> {
    let timeouts = call.timeouts;
    whole(send(call).await?.into_body(), timeouts).await
}

/// Reads a whole answer.
///
/// # Errors
/// When it breaks off, takes too long, or is too long.
pub async fn whole(body: Incoming, timeouts: Timeouts) -> Result<Bytes, ProviderError> {
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
#[must_use]
pub fn message_of(error: &str) -> String {
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
