//! One call, from its parts to its answer: headers, token, tries.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::time::{Instant, sleep};
use url::Url;

use super::Client;
use super::config::read_headers;
use super::json::JsonCall;
use super::options::{CallOptions, check_session, check_thread, check_user};
use super::refusal::api_error;
use super::reply::{Meta, Reply, trace_id};
use super::retry::{Outcome, next_try};
use super::tokens::{Token, TokenKey};
use crate::error::Error;
use crate::secret::Secret;
use crate::token::Credential;
use crate::transport::{Answer, Call, in_time};

/// The longest plain answer that is read.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;
/// The longest refusal that is read.
const MAX_REFUSAL_BYTES: usize = 1024 * 1024;

/// What is to be sent, before it has headers.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// What the call is called: its address may hold what a log should not, such as a thread's id.
    pub name: &'static str,
    pub method: Method,
    pub url: Url,
    /// JSON, or empty.
    pub body: Bytes,
    /// Whether the answer is handed over as it arrives. Otherwise it is read whole, and read again by a further try
    /// when the connection breaks.
    pub streamed: bool,
}

impl Outgoing {
    pub fn get(name: &'static str, url: Url) -> Self {
        Self { name, method: Method::GET, url, body: Bytes::new(), streamed: false }
    }

    pub fn post(name: &'static str, url: Url, body: Bytes) -> Self {
        Self { method: Method::POST, body, ..Self::get(name, url) }
    }
}

/// Until when a call may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    after: Duration,
    at: Option<Instant>,
}

impl Deadline {
    pub fn after(after: Duration) -> Self {
        Self { after, at: Instant::now().checked_add(after) }
    }

    /// What is left, or `None` for ever.
    fn left(&self) -> Option<Duration> {
        self.at.map(|at| at.saturating_duration_since(Instant::now()))
    }

    async fn bound<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        in_time(self.left(), work).await.map_err(|error| match error {
            // Of this deadline the whole is told, not what was left; another's, such as a mint's, stays its own.
            Error::Timeout { .. } if self.left() == Some(Duration::ZERO) => {
                Error::Timeout { after: self.after }
            }
            error => error,
        })
    }
}

enum Bearer {
    /// The caller's own, or the API key.
    Given(Secret),
    /// Minted or signed by this client, which can get another.
    Ours(TokenKey, Arc<Token>),
}

impl Bearer {
    fn secret(&self) -> &Secret {
        match self {
            Self::Given(secret) => secret,
            Self::Ours(_, token) => &token.jwt,
        }
    }
}

struct Failure {
    error: Error,
    /// Set when another try may help.
    outcome: Option<Outcome>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let outcome = matches!(error, Error::Connection { .. }).then(Outcome::default);
        Self { error, outcome }
    }
}

impl Client {
    /// The address of a path, whose parts are escaped, with the parts of the query that are there.
    pub(crate) fn address(&self, path: &[&str], query: &[(&str, Option<&str>)]) -> Result<Url, Error> {
        let mut url = Url::parse(&self.inner.config.base_url)
            .map_err(|error| Error::config("bad_base_url", error.to_string()))?;
        url.path_segments_mut()
            .map_err(|()| Error::config("bad_base_url", "the base URL cannot have a path"))?
            .pop_if_empty()
            .extend(path);
        for (name, value) in query {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        Ok(url)
    }

    /// Sends with a user's token. A 401 to a token of ours is answered by one fresh token and one more try.
    pub(crate) async fn send(&self, outgoing: &Outgoing, options: &CallOptions) -> Result<Answer, Error> {
        let deadline = Deadline::after(options.timeout.unwrap_or(self.inner.config.timeout));
        let headers = self.headers(outgoing, options)?;
        let mut tries = Tries::new(options.max_retries.unwrap_or(self.inner.config.max_retries));
        let bearer = deadline.bound(self.bearer(options)).await?;
        let result = self.try_until(outgoing, &headers, bearer.secret(), &deadline, &mut tries).await;
        match (bearer, result) {
            (Bearer::Ours(key, token), Err(error)) if error.status() == Some(401) => {
                self.inner.tokens.forget(&key, &token);
                let bearer = deadline.bound(self.bearer(options)).await?;
                self.try_until(outgoing, &headers, bearer.secret(), &deadline, &mut tries).await
            }
            (_, result) => result,
        }
    }

    /// Sends with the API key.
    pub(crate) async fn send_with_key(
        &self,
        outgoing: &Outgoing,
        key: &Secret,
        timeout: Duration,
    ) -> Result<Answer, Error> {
        let deadline = Deadline::after(timeout);
        let headers = self.headers(outgoing, &CallOptions::default())?;
        let mut tries = Tries::new(self.inner.config.max_retries);
        self.try_until(outgoing, &headers, key, &deadline, &mut tries).await
    }

    /// Asks with a user's token, and reads the answer.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        call: &JsonCall,
        options: &CallOptions,
    ) -> Result<Reply<T>, Error> {
        read_json(self.send(&call.outgoing(self)?, options).await?).await
    }

    async fn bearer(&self, options: &CallOptions) -> Result<Bearer, Error> {
        if let Some(token) = &options.token {
            return Ok(Bearer::Given(token.clone()));
        }
        if options.as_api_key {
            return match &self.inner.config.credential {
                Credential::ApiKey(key) => Ok(Bearer::Given(key.clone())),
                Credential::Sign(_) => {
                    Err(Error::request("as_api_key", "this client has a private key and no API key"))
                }
            };
        }
        let key = options.token_key(&self.inner.config)?;
        let mint = || {
            let (client, key) = (self.clone(), key.clone());
            async move { client.new_token(&key).await }
        };
        let token = self.inner.tokens.get(&key, mint).await?;
        Ok(Bearer::Ours(key, token))
    }

    /// Everything but `Authorization`. The same for every try, so a repeated call is known by its key.
    fn headers(&self, outgoing: &Outgoing, options: &CallOptions) -> Result<HeaderMap, Error> {
        let accept = if outgoing.streamed { "text/event-stream" } else { "application/json" };
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.insert(USER_AGENT, self.inner.config.agent.clone());
        if !outgoing.body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if outgoing.method != Method::GET {
            let key = uuid::Uuid::new_v4().to_string();
            insert(&mut headers, "idempotency-key", &key)?;
        }
        if let Some(id) = &options.session_id {
            insert(&mut headers, "x-session-id", &check_session(id)?)?;
        }
        if let Some(id) = &options.thread_id {
            insert(&mut headers, "x-thread-id", &check_thread(id)?)?;
        }
        // Beside a token this is ignored; beside an API key it names the end user.
        if let (Some(id), true) = (&options.user_id, options.token.is_some() || options.as_api_key) {
            insert(&mut headers, "x-end-user-id", &check_user(id)?)?;
        }
        headers.extend(self.inner.config.headers.clone());
        headers.extend(read_headers(&options.headers)?);
        Ok(headers)
    }

    /// Tries until there is an answer, and tells the log how it went.
    async fn try_until(
        &self,
        outgoing: &Outgoing,
        headers: &HeaderMap,
        bearer: &Secret,
        deadline: &Deadline,
        tries: &mut Tries,
    ) -> Result<Answer, Error> {
        let began = Instant::now();
        let result = self.try_again(outgoing, headers, bearer, deadline, tries).await;
        let (status, code, trace_id) = match &result {
            Ok(answer) => (Some(answer.status.as_u16()), None, trace_id(&answer.headers)),
            Err(error) => (error.status(), Some(error.code()), error.trace_id().map(str::to_owned)),
        };
        let (call, elapsed, retries) = (outgoing.name, began.elapsed(), tries.made);
        tracing::debug!(call, status, code, trace_id, ?elapsed, retries, "the call has an answer");
        result
    }

    /// Tries until there is an answer, or the retry rule or the deadline says that it is enough.
    async fn try_again(
        &self,
        outgoing: &Outgoing,
        headers: &HeaderMap,
        bearer: &Secret,
        deadline: &Deadline,
        tries: &mut Tries,
    ) -> Result<Answer, Error> {
        let mut headers = headers.clone();
        headers.insert(AUTHORIZATION, authorization(bearer)?);
        loop {
            let Failure { error, outcome } = match self.try_once(outgoing, &headers, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let Some(wait) = outcome.and_then(|outcome| tries.next(&outcome)) else { return Err(error) };
            if deadline.left().is_some_and(|left| left <= wait) {
                return Err(error);
            }
            tracing::debug!(
                call = outgoing.name,
                code = error.code(),
                status = error.status(),
                ?wait,
                "trying the call again"
            );
            sleep(wait).await;
        }
    }

    async fn try_once(
        &self,
        outgoing: &Outgoing,
        headers: &HeaderMap,
        deadline: &Deadline,
    ) -> Result<Answer, Failure> {
        let call = Call {
            method: outgoing.method.clone(),
            url: outgoing.url.to_string(),
            headers: headers.clone(),
            body: outgoing.body.clone(),
            timeout: deadline.left(),
        };
        let answer = deadline.bound(self.inner.transport.send(call)).await?;
        let (status, headers) = (answer.status, answer.headers.clone());
        if !status.is_success() {
            // Whatever happens to its body, the refusal is known by its status.
            let body = deadline.bound(answer.collect(MAX_REFUSAL_BYTES)).await.unwrap_or_default();
            let outcome = Outcome::refused(status.as_u16(), &headers);
            let error = api_error(status.as_u16(), &headers, &body);
            return Err(Failure { error, outcome: Some(outcome) });
        }
        if outgoing.streamed {
            return Ok(answer);
        }
        Ok(deadline.bound(answer.buffered(MAX_ANSWER_BYTES)).await?)
    }
}

/// Counts the retries of one call, a fresh token's try included.
struct Tries {
    made: u32,
    max: u32,
}

impl Tries {
    fn new(max: u32) -> Self {
        Self { made: 0, max }
    }

    fn next(&mut self, outcome: &Outcome) -> Option<Duration> {
        let wait = next_try(self.made, self.max, outcome, jitter())?;
        self.made += 1;
        Some(wait)
    }
}

/// A random number in 0..1.
fn jitter() -> f64 {
    let (high, _) = uuid::Uuid::new_v4().as_u64_pair();
    f64::from((high >> 32) as u32) / f64::from(u32::MAX)
}

/// Reads a JSON answer and what its headers say.
pub(crate) async fn read_json<T: DeserializeOwned>(answer: Answer) -> Result<Reply<T>, Error> {
    let meta = Meta::read(&answer.headers);
    let body = answer.collect(MAX_ANSWER_BYTES).await?;
    serde_json::from_slice(&body).map(|data| Reply::new(data, meta)).map_err(no_json)
}

/// Reads a JSON answer as text.
pub(crate) async fn read_text(answer: Answer) -> Result<Reply<Bytes>, Error> {
    let meta = Meta::read(&answer.headers);
    let body = answer.collect(MAX_ANSWER_BYTES).await?;
    let text = std::str::from_utf8(&body).map_err(no_json)?;
    serde_json::from_str::<IgnoredAny>(text).map_err(no_json)?;
    Ok(Reply::new(body, meta))
}

fn no_json(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Answer {
        message: "the answer is not the JSON that belongs to this call: check the base URL".to_owned(),
        source: Some(Arc::new(error)),
    }
}

/// Writes a request's body.
pub(crate) fn to_json(body: &impl serde::Serialize) -> Result<Bytes, Error> {
    serde_json::to_vec(body).map(Bytes::from).map_err(|error| Error::request("body", error))
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) -> Result<(), Error> {
    // An end user's id may be any text; a header carries its UTF-8 bytes.
    let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|error| Error::request(name, error))?;
    headers.insert(HeaderName::from_static(name), value);
    Ok(())
}

fn authorization(bearer: &Secret) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", bearer.expose().trim()))
        .map_err(|_| Error::request("token", "a token has visible ASCII characters only"))?;
    value.set_sensitive(true);
    Ok(value)
}
