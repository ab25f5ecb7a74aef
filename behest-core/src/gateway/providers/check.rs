//! Whether a provider takes a key: one free call, before the key is kept.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;

use super::compatible::Compatible;
use super::endpoint::AZURE_VERSION;
use super::exchange::{failed, unreachable};
use super::http::HttpClients;
use super::{Dialect, Phase, ProviderError, Upstream};

/// For the whole call.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a provider says to a key.
#[derive(Debug)]
pub enum Verdict {
    /// It takes the key, or has nothing that could be asked for free.
    Taken,
    /// It refuses the key.
    Refused(ProviderError),
    /// It could not be asked.
    Unknown(ProviderError),
}

/// Asks a provider for what every key may read and nobody pays for. Its words come back without the key.
pub async fn check(upstream: &Upstream, http: &HttpClients) -> Verdict {
    match ask(upstream, http).await.map_err(|error| error.without_key(&upstream.key)) {
        Ok(()) => Verdict::Taken,
        Err(error) => judge(upstream.dialect, error),
    }
}

async fn ask(upstream: &Upstream, http: &HttpClients) -> Result<(), ProviderError> {
    let Some(path) = free_path(upstream.dialect) else { return Ok(()) };
    let unusable = || ProviderError::Misconfigured;
    let endpoint = upstream.endpoint.as_ref().ok_or_else(unusable)?;
    if let Some(tokens) = endpoint.tokens() {
        // Whoever gets a token for it has a key that holds.
        return tokens.get(http).await.map(drop);
    }
    let mut request = Request::new(Full::new(Bytes::new()));
    *request.method_mut() = Method::GET;
    *request.uri_mut() = format!("{}{path}", upstream.base_url).parse().map_err(|_| unusable())?;
    *request.headers_mut() = endpoint.headers().clone();
    let call = async {
        let response = http.to(upstream.local).request(request).await.map_err(|error| unreachable(&error))?;
        // What it answers is not read: that it answers is enough.
        if response.status().is_success() { Ok(()) } else { Err(failed(response).await) }
    };
    let silent = ProviderError::TimedOut { phase: Phase::Total, seconds: PATIENCE.as_secs() };
    tokio::time::timeout(PATIENCE, call).await.unwrap_or(Err(silent))
}

/// Below the base URL; `None` where nobody is called.
fn free_path(dialect: Dialect) -> Option<String> {
    let path = match dialect {
        Dialect::Local => return None,
        Dialect::OpenAi | Dialect::Compatible(Compatible::Mistral) | Dialect::Gemini => "/models",
        Dialect::Vertex => "",
        // Its models are open to everybody, with any key or none.
        Dialect::Compatible(Compatible::OpenRouter) => "/key",
        Dialect::Compatible(Compatible::Azure) => {
            return Some(format!("/openai/models?api-version={AZURE_VERSION}"));
        }
        Dialect::Anthropic | Dialect::Cohere => "/v1/models",
    };
    Some(path.to_owned())
}

fn judge(dialect: Dialect, error: ProviderError) -> Verdict {
    let status = match &error {
        ProviderError::Rejected { status, .. } | ProviderError::Failed { status, .. } => *status,
        _ => return Verdict::Unknown(error),
    };
    match StatusCode::from_u16(status) {
        Ok(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Verdict::Refused(error),
        // Google's word for a key that it does not know.
        Ok(StatusCode::BAD_REQUEST) if matches!(dialect, Dialect::Gemini | Dialect::Vertex) => {
            Verdict::Refused(error)
        }
        // Compatible servers need not list their models; and who is told to pay, or to slow down, has been recognised.
        Ok(
            StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::PAYMENT_REQUIRED
            | StatusCode::TOO_MANY_REQUESTS,
        ) => Verdict::Taken,
        _ => Verdict::Unknown(error),
    }
}
