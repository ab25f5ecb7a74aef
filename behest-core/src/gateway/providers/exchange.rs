//! One request and the beginning of its answer, over HTTP; and what a provider says when it refuses.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use tokio::time::Instant;

use super::endpoint::Endpoint;
use super::streaming::timed_out;
use super::vertex::tokens::Token;
use super::{ChatCall, Phase, ProviderError, ProviderKey, Timeouts, complaint};
use crate::gateway::clock;

/// The largest plain answer that is read.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// The largest error body that is read.
const MAX_ERROR_BYTES: usize = 64 << 10;
/// How long it may take.
const ERROR_PATIENCE: Duration = Duration::from_secs(5);

/// An answer that has begun, and the key under which it was asked for: some providers repeat it in their words.
pub struct Sent {
    /// The answer.
    pub response: Response<Incoming>,
    /// The key.
    pub key: ProviderKey,
}

/// Sends the request; gives the answer once its headers say that it is one. A credential that does not last is sent anew
/// once, if the provider says that it holds no more.
///
/// # Errors
/// [`ProviderError`] says what the provider did instead, without the key.
pub async fn send(call: ChatCall<'_>) -> Result<Sent, ProviderError> {
    let endpoint = call.upstream.endpoint.as_ref().ok_or(ProviderError::Misconfigured)?;
    let Some(tokens) = endpoint.tokens() else {
        let key = call.upstream.key.clone();
        return match send_once(&call, endpoint, None).await {
            Ok(response) => Ok(Sent { response, key }),
            Err(error) => Err(error.without_key(&key)),
        };
    };
    let mut again = true;
    loop {
        let token = tokens.get(call.errands).await?;
        match send_once(&call, endpoint, Some(&token)).await {
            Ok(response) => return Ok(Sent { response, key: ProviderKey::Open(token.secret) }),
            Err(ProviderError::Failed { status: 401, .. }) if again => {
                tokens.forget(&token);
                again = false;
            }
            Err(error) => return Err(error.without_key(&ProviderKey::Open(token.secret))),
        }
    }
}

async fn send_once(
    call: &ChatCall<'_>,
    endpoint: &Endpoint,
    token: Option<&Token>,
) -> Result<Response<Incoming>, ProviderError> {
    let uri = endpoint.uri(call.model, call.operation, call.stream).ok_or_else(|| no_such_model(call))?;
    let mut request = Request::new(Full::new(call.body.clone()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    *request.headers_mut() = endpoint.headers().clone();
    let headers = request.headers_mut();
    if let Some(token) = token {
        headers.insert(header::AUTHORIZATION, token.bearer.clone());
    }
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
    Err(failed(response).await)
}

/// The client's doing, and not the provider's: nothing is sent.
fn no_such_model(call: &ChatCall<'_>) -> ProviderError {
    let name = &call.upstream.name;
    let message = format!("no model of {name}'s has this name, or none that does what is asked");
    ProviderError::Rejected { status: 404, message, param: Some("model".to_owned()) }
}

/// Sends the request, and reads the whole answer; with the key under which it was asked for.
///
/// # Errors
/// [`ProviderError`] says what the provider did instead.
pub async fn ask(call: ChatCall<'_>) -> Result<(Bytes, ProviderKey), ProviderError> {
    let timeouts = call.timeouts;
    let Sent { response, key } = send(call).await?;
    Ok((whole(response.into_body(), timeouts).await?, key))
}

/// Reads a whole answer.
///
/// # Errors
/// When it breaks off, takes too long, or is too long.
pub async fn whole(body: Incoming, timeouts: Timeouts) -> Result<Bytes, ProviderError> {
    read(body, timeouts, MAX_ANSWER_BYTES).await
}

/// Reads a body up to a limit.
///
/// # Errors
/// When it breaks off, takes too long, or is too long.
pub async fn read(mut body: Incoming, timeouts: Timeouts, limit: usize) -> Result<Bytes, ProviderError> {
    let deadline = Instant::now() + timeouts.total;
    if body.size_hint().lower() > limit as u64 {
        return Err(ProviderError::TooLarge { limit });
    }
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    loop {
        let idle = Instant::now() + timeouts.idle;
        let (until, phase, patience) = if idle < deadline {
            (idle, Phase::Idle, timeouts.idle)
        } else {
            (deadline, Phase::Total, timeouts.total)
        };
        let frame =
            tokio::time::timeout_at(until, body.frame()).await.map_err(|_| timed_out(phase, patience))?;
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

/// What an answer that is none says.
pub(super) async fn failed(response: Response<Incoming>) -> ProviderError {
    // The status says most of it: whoever else may answer must not wait long for the rest.
    let timeouts = Timeouts { idle: ERROR_PATIENCE, total: ERROR_PATIENCE, ..Timeouts::default() };
    let status = response.status().as_u16();
    let retry_after = retry_after(response.headers());
    let body = read(response.into_body(), timeouts, MAX_ERROR_BYTES).await.unwrap_or_default();
    let (message, param) = complaint::of_body(&body);
    match status {
        400 | 404 | 413 | 415 | 422 => ProviderError::Rejected { status, message, param },
        _ => ProviderError::Failed { status, message, retry_after },
    }
}

/// Says what failed without the address: hyper's own words at the end of the chain.
pub(super) fn unreachable(error: &hyper_util::client::legacy::Error) -> ProviderError {
    if !error.is_connect() {
        return ProviderError::NoAnswer;
    }
    ProviderError::Unreachable(root_of(error))
}

/// The last cause of a failure to connect, in hyper's own words.
#[must_use]
pub fn root_of(error: &hyper_util::client::legacy::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    complaint::short(&cause.to_string())
}

/// When the provider wants to be asked again, in seconds: `Retry-After` in either form of RFC 9110, section 10.2.3.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    text.parse().ok().or_else(|| {
        let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_second();
        u64::try_from(date - clock::now_seconds()).ok()
    })
}
