//! Calls into a gateway in this process, without a socket.

use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::body::Body;
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderValue, Request};
use tower::ServiceExt as _;
use url::{Position, Url};

use super::{Answer, Call, Transport, in_time};
use crate::error::Error;

/// Calls a gateway's router directly. They run the whole way that a call over the network runs, limits and records
/// included; the gateway counts their address as `local`.
///
/// The host that the gateway sees is the one of the client's base URL, so `http://amber-fox-042.localhost` calls
/// that project.
#[derive(Debug, Clone)]
pub struct InProcess {
    /// `None` once the gateway is closed; clones share it.
    router: Arc<RwLock<Option<Router>>>,
}

impl InProcess {
    /// Around the gateway's router.
    #[must_use]
    pub fn new(router: Router) -> Self {
        Self { router: Arc::new(RwLock::new(Some(router))) }
    }

    /// Lets the gateway go: later calls of this transport and of its clones fail.
    pub fn close(&self) {
        *self.router.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The lock is held for a clone alone, so that a poisoned one is still good.
    fn router(&self) -> Result<Router, Error> {
        let router = self.router.read().unwrap_or_else(PoisonError::into_inner).clone();
        let closed = || Error::Connection {
            message: "the gateway in this process is closed".to_owned(),
            source: None,
        };
        router.ok_or_else(closed)
    }

    async fn exchange(router: Router, call: Call) -> Result<Answer, Error> {
        let request = to_request(call)?;
        let Ok(response) = router.oneshot(request).await;
        let (parts, body) = response.into_parts();
        let body = body
            .into_data_stream()
            .map_err(|error| Error::connection("the answer broke off before it was whole", error))
            .boxed();
        Ok(Answer::new(parts.status, parts.headers, body))
    }
}

impl Transport for InProcess {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Answer, Error>> {
        let router = self.router();
        in_time(call.timeout, async { Self::exchange(router?, call).await }).boxed()
    }
}

/// The request as a server would have read it from a connection: the path as target, the host as a header.
fn to_request(call: Call) -> Result<Request<Body>, Error> {
    let invalid = |error: &dyn std::fmt::Display| Error::request("base_url", error);
    let url = Url::parse(&call.url).map_err(|error| invalid(&error))?;
    let host = &url[Position::BeforeHost..Position::AfterPort];
    let host = HeaderValue::from_str(host).map_err(|error| invalid(&error))?;
    let mut request = Request::new(Body::empty());
    *request.method_mut() = call.method;
    *request.uri_mut() =
        url[Position::BeforePath..Position::AfterQuery].parse().map_err(|error| invalid(&error))?;
    *request.headers_mut() = call.headers;
    request.headers_mut().insert(HOST, host);
    if !call.body.is_empty() {
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(call.body.len()));
        *request.body_mut() = Body::from(call.body);
    }
    Ok(request)
}
