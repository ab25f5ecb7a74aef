//! How a call leaves the client: over HTTP, or into a gateway in this very process. The client never learns which.

mod http;
#[cfg(feature = "gateway")]
mod in_process;

use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderMap, Method, StatusCode};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};

use crate::error::Error;

pub use self::http::Http;
#[cfg(feature = "gateway")]
pub use self::in_process::InProcess;

/// One request, whole.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The absolute address.
    pub url: String,
    /// The headers. Those that hold a credential are marked sensitive, so that printing them shows nothing.
    pub headers: HeaderMap,
    /// The body; empty when there is none.
    pub body: Bytes,
    /// How long the answer's status and headers may take. The body is not the transport's to time.
    pub timeout: Option<Duration>,
}

/// The answer to a [`Call`], as soon as its headers are there.
#[non_exhaustive]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body. Dropping it before its end cancels the call at the gateway.
    pub body: BoxStream<'static, Result<Bytes, Error>>,
}

impl Answer {
    /// From its parts.
    #[must_use]
    pub fn new(
        status: StatusCode,
        headers: HeaderMap,
        body: BoxStream<'static, Result<Bytes, Error>>,
    ) -> Self {
        Self { status, headers, body }
    }

    /// The whole body, when it has at most `limit` bytes.
    ///
    /// # Errors
    /// When the body breaks off or is longer.
    pub async fn collect(mut self, limit: usize) -> Result<Bytes, Error> {
        let Some(first) = self.body.next().await.transpose()? else { return Ok(Bytes::new()) };
        let Some(second) = self.body.next().await.transpose()? else { return within(first, limit) };
        let mut whole = Vec::from(within(first, limit)?);
        let mut next = Some(second);
        while let Some(piece) = next {
            if whole.len() + piece.len() > limit {
                return Err(too_long(limit));
            }
            whole.extend_from_slice(&piece);
            next = self.body.next().await.transpose()?;
        }
        Ok(whole.into())
    }

    /// The same answer with its body in memory.
    pub(crate) async fn buffered(self, limit: usize) -> Result<Self, Error> {
        let (status, headers) = (self.status, self.headers.clone());
        let body = self.collect(limit).await?;
        Ok(Self { status, headers, body: stream::once(async move { Ok(body) }).boxed() })
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// How a call leaves the client.
///
/// Dropping the returned future, or the body of the [`Answer`] that it gives, cancels the call.
pub trait Transport: Send + Sync {
    /// Sends `call` and waits for the headers of its answer, at most `call.timeout`.
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Answer, Error>>;

    /// The same way to the gateway with connections of its own.
    ///
    /// # Errors
    /// When there is none: what is in this process stays in it.
    fn renewed(&self) -> Result<Arc<dyn Transport>, Error> {
        Err(Error::config(
            "bad_transport",
            "this client is for the process that made it: make another one here",
        ))
    }
}

/// Runs `work` for at most `limit`.
pub(crate) async fn in_time<T>(
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match limit {
        None => work.await,
        Some(after) => tokio::time::timeout(after, work).await.unwrap_or(Err(Error::Timeout { after })),
    }
}

fn within(piece: Bytes, limit: usize) -> Result<Bytes, Error> {
    if piece.len() > limit { Err(too_long(limit)) } else { Ok(piece) }
}

fn too_long(limit: usize) -> Error {
    Error::Answer { message: format!("the answer has more than {limit} bytes"), source: None }
}
