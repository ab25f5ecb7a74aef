//! An answer that is a refusal, read into an error.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use super::reply::trace_id;
use super::retry::retry_after;
use crate::error::{ApiError, Cause, Error, StreamError};
use crate::types::problem::Code;

impl Error {
    /// What a client makes of an answer that is a refusal. Headers that are none are left out.
    #[must_use]
    pub fn from_answer(status: u16, headers: &[(String, String)], body: &[u8]) -> Self {
        let pair = |(name, value): &(String, String)| {
            Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value).ok()?))
        };
        api_error(status, &headers.iter().filter_map(pair).collect(), body)
    }
}

/// Reads a refusal. Behest's body has every field; what a proxy or an older gateway answers is read as far as it
/// goes, and completed from the status.
pub(crate) fn api_error(status: u16, headers: &HeaderMap, body: &[u8]) -> Error {
    let raw = serde_json::from_slice(body)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()));
    let said = Said::read(&raw);
    Error::Api(Box::new(ApiError {
        status,
        code: said.code.unwrap_or_else(|| usual_code(status).to_owned()),
        message: said.message.unwrap_or_else(|| usual_message(status)),
        param: said.param,
        details: said.details,
        retry_after: retry_after(headers),
        trace_id: trace_id(headers),
        raw,
    }))
}

/// Reads the error event that ends a broken stream, if `event` is one.
pub(crate) fn stream_error(event: &Value, trace_id: Option<&str>) -> Option<Error> {
    event.get("error").filter(|error| !error.is_null())?;
    let said = Said::read(event);
    Some(Error::Stream(Box::new(StreamError {
        code: said.code.unwrap_or_else(|| Code::ServerError.as_str().to_owned()),
        message: said.message.unwrap_or_else(|| "the gateway ended the stream with an error".to_owned()),
        param: said.param,
        details: said.details,
        trace_id: trace_id.map(str::to_owned),
        source: None,
    })))
}

/// A stream that broke on the way.
pub(crate) fn broken_stream(
    code: &str,
    message: impl Into<String>,
    trace_id: Option<&str>,
    source: Option<Cause>,
) -> Error {
    Error::Stream(Box::new(StreamError {
        code: code.to_owned(),
        message: message.into(),
        param: None,
        details: None,
        trace_id: trace_id.map(str::to_owned),
        source,
    }))
}

struct Said {
    code: Option<String>,
    message: Option<String>,
    param: Option<String>,
    details: Option<Value>,
}

impl Said {
    /// From `{"error": {...}}`, from `{"error": "text"}`, or from `{"message", "code"}` alone.
    fn read(body: &Value) -> Self {
        let nested = body.get("error");
        let find = |name: &str| {
            let found = nested.and_then(|error| error.get(name)).or_else(|| body.get(name));
            found.filter(|value| !value.is_null())
        };
        let text = |name: &str| find(name).and_then(Value::as_str).map(str::to_owned);
        let plain = nested.and_then(Value::as_str).map(str::to_owned);
        Self {
            code: text("code"),
            message: text("message").or(plain),
            param: text("param"),
            details: find("details").cloned(),
        }
    }
}

/// The code that a status usually goes with.
fn usual_code(status: u16) -> &'static str {
    let code = match status {
        400 | 422 => Code::ValidationError,
        401 => Code::InvalidToken,
        402 => Code::QuotaExceeded,
        403 => Code::Forbidden,
        404 => Code::NotFound,
        405 => Code::MethodNotAllowed,
        409 => Code::Conflict,
        410 => Code::Gone,
        413 => Code::RequestTooLarge,
        421 => Code::Misdirected,
        429 => Code::RateLimited,
        451 => Code::ContentBlocked,
        502 => Code::UpstreamError,
        503 => Code::Unavailable,
        504 => Code::UpstreamTimeout,
        500.. => Code::ServerError,
        _ => return "http_error",
    };
    code.as_str()
}

fn usual_message(status: u16) -> String {
    let name = StatusCode::from_u16(status).map_or_else(|_| status.to_string(), |status| status.to_string());
    match status {
        300..400 => format!("HTTP {name}: redirects are not followed; correct the base URL"),
        _ => format!("HTTP {name}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(status: u16, body: &str) -> ApiError {
        match api_error(status, &HeaderMap::new(), body.as_bytes()) {
            Error::Api(error) => *error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_published_envelope_is_read() {
        let error = read(
            402,
            r#"{"error":{"code":"budget_exceeded","message":"used up","type":"x","param":"model","details":{"limit":5}},"code":"y"}"#,
        );
        assert_eq!((error.code.as_str(), error.message.as_str()), ("budget_exceeded", "used up"));
        assert_eq!((error.param.as_deref(), error.details), (Some("model"), Some(json!({"limit": 5}))));
        let error = read(403, r#"{"error":"no BYOK","code":"BYOAK_REQUIRES_PRO"}"#);
        assert_eq!((error.code.as_str(), error.message.as_str()), ("BYOAK_REQUIRES_PRO", "no BYOK"));
        let error = read(400, r#"{"message":"wrong","code":"invalid_signing_key"}"#);
        assert_eq!((error.code.as_str(), error.message.as_str()), ("invalid_signing_key", "wrong"));
        let error = read(
            400,
            r#"{"error":{"message":"bad","type":"invalid_request_error","param":null,"code":null}}"#,
        );
        assert_eq!((error.code.as_str(), error.message.as_str()), ("validation_error", "bad"));
    }

    #[test]
    fn what_a_proxy_answers_is_completed_from_the_status() {
        for (status, code) in [
            (400, "validation_error"),
            (401, "invalid_token"),
            (402, "quota_exceeded"),
            (403, "forbidden"),
            (404, "not_found"),
            (418, "http_error"),
            (422, "validation_error"),
            (429, "rate_limited"),
            (500, "server_error"),
            (502, "upstream_error"),
            (503, "unavailable"),
            (521, "server_error"),
        ] {
            let error = read(status, "<html>oops</html>");
            assert_eq!(error.code, code);
            assert!(error.message.starts_with(&format!("HTTP {status}")), "{}", error.message);
            assert_eq!(error.raw, json!("<html>oops</html>"));
        }
        assert!(read(301, "").message.contains("redirects are not followed"));
    }
}
