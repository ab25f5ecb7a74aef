//! A small client of the control plane.

mod follow;
mod operator;

use std::time::Duration;

use behest_core::Secret;
use behest_core::types::control::Page;
use behest_core::types::problem::Problem;
use bytes::Bytes;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use follow::{Followed, Follower};
pub use operator::{Operator, read_secret};

use crate::report::{ExitStatus, Explain, NOBODY_LISTENS, hint_for_code, nobody_listens, status_for_http};

/// A control call that takes longer is given up.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Work on the whole ledger may take this long.
const LONG_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// A stream that is silent for longer is dead: the gateway gives a sign of life every 15 seconds.
const SILENCE: Duration = Duration::from_secs(60);
/// The header that carries the admin secret.
const ADMIN_SECRET: &str = "x-admin-secret";

/// Why a control call failed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The gateway's address is none.
    #[error("`{0}` is not the address of a gateway: it begins with http:// or https://")]
    Address(String),
    /// The HTTP client cannot be made.
    #[error("cannot prepare HTTPS")]
    Client(#[source] reqwest::Error),
    /// The secret holds characters that no header can carry.
    #[error("the admin secret holds characters that cannot be sent")]
    Secret,
    /// Nothing answers there.
    #[error("cannot reach the gateway at {base_url}")]
    Unreachable {
        /// The address.
        base_url: String,
        /// What the network said.
        #[source]
        source: reqwest::Error,
    },
    /// The gateway said no.
    #[error("{message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The stable name of the failure; empty when the answer had none.
        code: String,
        /// What the gateway says.
        message: String,
        /// The gateway's name for the call.
        trace_id: Option<String>,
        /// When to try again, in seconds.
        retry_after: Option<u64>,
    },
    /// An answer broke off before its end.
    #[error("the answer of {base_url} broke off")]
    Broken {
        /// The address.
        base_url: String,
        /// What the network said.
        #[source]
        source: reqwest::Error,
    },
    /// The answer is not what the control plane answers.
    #[error("the answer of {base_url} is not that of a Behest gateway ({status})")]
    Garbled {
        /// The address.
        base_url: String,
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

impl Explain for ControlError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreachable { source, .. } if nobody_listens(source) => Some(NOBODY_LISTENS.to_owned()),
            Self::Refused { status: 401, .. } => Some(
                "check BEHEST_ADMIN_SECRET or `--admin-secret-file`: `behest serve` says where it keeps the secret"
                    .to_owned(),
            ),
            Self::Refused { code, retry_after, .. } => hint_for_code(code, *retry_after),
            Self::Broken { .. } => Some("what came is not whole: ask again".to_owned()),
            _ => None,
        }
    }

    fn status(&self) -> ExitStatus {
        match self {
            Self::Refused { status, .. } => status_for_http(Some(*status)),
            Self::Client(_) | Self::Broken { .. } => ExitStatus::Error,
            _ => ExitStatus::Failure,
        }
    }

    fn trace_id(&self) -> Option<&str> {
        match self {
            Self::Refused { trace_id, .. } => trace_id.as_deref(),
            _ => None,
        }
    }
}

/// The parameters of a query; those without a value are left out.
pub type Query<'a> = [(&'a str, Option<&'a str>)];

/// Calls the control plane of one gateway with its admin secret.
pub struct Control {
    http: reqwest::Client,
    /// For answers without an end.
    streams: reqwest::Client,
    base_url: Url,
    admin_secret: Secret,
}

impl Control {
    /// A client for the gateway at `base_url`.
    ///
    /// # Errors
    /// [`ControlError::Address`] when that is no HTTP address.
    pub fn new(base_url: &str, admin_secret: Secret) -> Result<Self, ControlError> {
        let address = || ControlError::Address(base_url.to_owned());
        let url = Url::parse(base_url).map_err(|_| address())?;
        if !matches!(url.scheme(), "http" | "https") || url.cannot_be_a_base() {
            return Err(address());
        }
        // The secret goes to this address and nowhere else, whatever the answer says.
        let client = || reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let http = client().build().map_err(ControlError::Client)?;
        let streams = client().connect_timeout(TIMEOUT).read_timeout(SILENCE);
        let streams = streams.build().map_err(ControlError::Client)?;
        Ok(Self { http, streams, base_url: url, admin_secret })
    }

    /// Reads one thing.
    ///
    /// # Errors
    /// [`ControlError`]
    pub async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, ControlError> {
        self.find(path, &[]).await
    }

    /// Reads what a query asks for.
    ///
    /// # Errors
    /// [`ControlError`]
    pub async fn find<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &Query<'_>,
    ) -> Result<T, ControlError> {
        let body = self.send(self.http.request(Method::GET, self.url(path, query)).timeout(TIMEOUT)).await?;
        self.read(&body)
    }

    /// Reads every page of a list.
    ///
    /// # Errors
    /// [`ControlError`]
    pub async fn list<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Vec<T>, ControlError> {
        let mut rows = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page: Page<T> = self.find(path, &[("after", after.as_deref())]).await?;
            let is_empty = page.data.is_empty();
            rows.extend(page.data);
            match page.next {
                // A page without rows cannot lead on: stop rather than ask for ever.
                Some(next) if !is_empty => after = Some(next),
                _ => return Ok(rows),
            }
        }
    }

    /// Creates or changes something, and reads what came of it.
    ///
    /// # Errors
    /// [`ControlError`]
    pub async fn write<B: Serialize, T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: &B,
    ) -> Result<T, ControlError> {
        let request = self.http.request(method, self.url(path, &[])).timeout(TIMEOUT).json(body);
        self.read(&self.send(request).await?)
    }

    /// Has the gateway do something that may take long, and reads what came of it.
    ///
    /// # Errors
    /// [`ControlError`]
    pub async fn work<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &B,
    ) -> Result<T, ControlError> {
        let request = self.http.request(Method::POST, self.url(path, &[])).timeout(LONG_TIMEOUT).json(body);
        self.read(&self.send(request).await?)
    }

    /// Does something that has no answer, such as deleting.
    ///
    /// # Errors
    /// [`ControlError`]
    pub async fn act(&self, method: Method, path: &[&str]) -> Result<(), ControlError> {
        self.act_on(method, path, &[]).await
    }

    /// Does something that has no answer to what a query names.
    ///
    /// # Errors
    /// [`ControlError`]
    pub async fn act_on(&self, method: Method, path: &[&str], query: &Query<'_>) -> Result<(), ControlError> {
        self.send(self.http.request(method, self.url(path, query)).timeout(TIMEOUT)).await.map(drop)
    }

    /// Opens an answer that is read as it comes.
    ///
    /// # Errors
    /// [`ControlError`]
    pub async fn open(&self, path: &[&str], query: &Query<'_>) -> Result<Response, ControlError> {
        self.begin(self.streams.request(Method::GET, self.url(path, query))).await
    }

    /// The next piece of an answer; `None` at its end.
    ///
    /// # Errors
    /// [`ControlError::Broken`]
    pub async fn piece(&self, answer: &mut Response) -> Result<Option<Bytes>, ControlError> {
        answer.chunk().await.map_err(|source| ControlError::Broken {
            base_url: self.base_url.to_string(),
            source: source.without_url(),
        })
    }

    /// What an event of a stream says.
    ///
    /// # Errors
    /// [`ControlError::Garbled`]
    pub fn read_event<T: DeserializeOwned>(&self, data: &[u8]) -> Result<T, ControlError> {
        self.read(&Answer { status: StatusCode::OK, body: data.to_vec() })
    }

    /// `path` below the base URL, each segment escaped.
    fn url(&self, path: &[&str], query: &Query<'_>) -> Url {
        let mut url = self.base_url.clone();
        // An HTTP address always has a path, which `new` has checked.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        for (name, value) in query {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        url
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer, ControlError> {
        let response = self.begin(request).await?;
        let status = response.status();
        let body = response.bytes().await.map_err(|source| self.unreachable(source))?.to_vec();
        Ok(Answer { status, body })
    }

    /// Asks, and gives the answer unread; a refusal is read, and an error.
    async fn begin(&self, request: RequestBuilder) -> Result<Response, ControlError> {
        let mut secret = reqwest::header::HeaderValue::from_str(self.admin_secret.expose())
            .map_err(|_| ControlError::Secret)?;
        secret.set_sensitive(true);
        let request = request.header(ADMIN_SECRET, secret);
        let response = request.send().await.map_err(|source| self.unreachable(source))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
        let trace_id = header("x-trace-id");
        let retry_after = header("retry-after").and_then(|seconds| seconds.parse().ok());
        let body = response.bytes().await.map_err(|source| self.unreachable(source))?.to_vec();
        let problem: Problem = self.read(&Answer { status, body })?;
        Err(ControlError::Refused {
            status: status.as_u16(),
            code: problem.error.code,
            message: problem.error.message,
            trace_id,
            retry_after,
        })
    }

    fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, ControlError> {
        serde_json::from_slice(&answer.body).map_err(|source| ControlError::Garbled {
            base_url: self.base_url.to_string(),
            status: answer.status.as_u16(),
            source,
        })
    }

    fn unreachable(&self, source: reqwest::Error) -> ControlError {
        // reqwest's message repeats the whole URL; the causes below it say what the network said.
        ControlError::Unreachable { base_url: self.base_url.to_string(), source: source.without_url() }
    }
}

/// A whole answer.
struct Answer {
    status: StatusCode,
    body: Vec<u8>,
}
