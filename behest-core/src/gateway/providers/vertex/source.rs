//! Where access tokens come from: Google's token server, or the machine's metadata server.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::Full;
use serde::Deserialize;

use super::account::Account;
use crate::gateway::clock;
use crate::gateway::providers::http::HttpClients;
use crate::gateway::providers::{ProviderError, Timeouts, complaint, exchange};
use crate::secret::Secret;

/// Where a machine of Google Cloud asks for the token of its own account.
const METADATA_PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
/// How long a token server has. Calls wait for it, so less than for a model.
const PATIENCE: Duration = Duration::from_secs(10);
/// No answer of a token server is longer.
const MAX_BYTES: usize = 64 << 10;
/// What a token lasts if nobody says, in seconds.
const UNSAID: u64 = 300;
/// What it lasts at most, whatever the server says. Google's last an hour.
const LONGEST: u64 = 24 * 3600;

/// Where tokens come from.
#[derive(Debug)]
pub(super) enum Source {
    /// A service account signs for them.
    Account {
        account: Account,
        /// Its token server stands on a private network, as the operator declared.
        local: bool,
    },
    /// The machine has one. A fixed, link-local address that only the operator can switch on.
    Metadata { base_url: String },
}

/// An access token as it came.
pub(super) struct Granted {
    pub(super) token: Secret,
    pub(super) lifetime: Duration,
}

#[derive(Deserialize)]
struct Grant {
    access_token: Secret,
    #[serde(default)]
    expires_in: Option<u64>,
}

impl Source {
    /// Asks for a token.
    ///
    /// # Errors
    /// What the server said instead.
    pub(super) async fn ask(&self, http: &HttpClients) -> Result<Granted, ProviderError> {
        let (request, local) = self.request()?;
        let silent = |_| unreachable(format!("it was silent for {} s", PATIENCE.as_secs()));
        let response = tokio::time::timeout(PATIENCE, http.to(local).request(request))
            .await
            .map_err(silent)?
            .map_err(|error| unreachable(exchange::root_of(&error)))?;
        let status = response.status();
        let retry_after = exchange::retry_after(response.headers());
        let timeouts = Timeouts { idle: PATIENCE, total: PATIENCE, ..Timeouts::default() };
        let body = exchange::read(response.into_body(), timeouts, MAX_BYTES).await;
        let body = body.map_err(|error| unreachable(error.to_string()))?;
        if status != StatusCode::OK {
            let message = format!("no access token: {}", complaint::of_body(&body).0);
            return Err(ProviderError::Failed { status: status.as_u16(), message, retry_after });
        }
        let grant: Grant = serde_json::from_slice(&body).map_err(|_| no_token())?;
        let lifetime = Duration::from_secs(grant.expires_in.unwrap_or(UNSAID).min(LONGEST));
        Ok(Granted { token: grant.access_token, lifetime })
    }

    fn request(&self) -> Result<(Request<Full<Bytes>>, bool), ProviderError> {
        let (url, body, local) = match self {
            Self::Account { account, local } => {
                let assertion = account
                    .assertion(clock::now_seconds())
                    .map_err(|_| unreachable("the account's key cannot sign".to_owned()))?;
                let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
                let body = format!("grant_type={grant}&assertion={}", assertion.expose());
                (account.token_url().to_owned(), body, *local)
            }
            Self::Metadata { base_url } => (format!("{base_url}{METADATA_PATH}"), String::new(), true),
        };
        let uri: Uri = url.parse().map_err(|_| unreachable("its address cannot be called".to_owned()))?;
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.uri_mut() = uri;
        match self {
            Self::Account { .. } => {
                *request.method_mut() = Method::POST;
                let form = HeaderValue::from_static("application/x-www-form-urlencoded");
                request.headers_mut().insert(header::CONTENT_TYPE, form);
            }
            // Without it the server refuses: no page in a browser can be made to send it.
            Self::Metadata { .. } => {
                request.headers_mut().insert("metadata-flavor", HeaderValue::from_static("Google"));
            }
        }
        Ok((request, local))
    }
}

/// Nothing went to Vertex, and so nothing is to be paid: this is no garbage of its own.
pub(super) fn no_token() -> ProviderError {
    unreachable("its answer is no access token".to_owned())
}

fn unreachable(why: String) -> ProviderError {
    ProviderError::Unreachable(format!("the token server: {why}"))
}
