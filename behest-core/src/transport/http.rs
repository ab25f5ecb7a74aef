//! Calls over HTTP/1.1 and HTTP/2.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::{StreamExt as _, TryStreamExt as _};
use url::{Host, Url};

use super::{Answer, Call, Transport, in_time};
use crate::error::Error;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an unused connection is kept: shorter than the minute after which proxies usually close theirs, so that
/// a call seldom meets a connection that is just being closed.
const IDLE: Duration = Duration::from_secs(45);
/// How many unused connections are kept per host.
const IDLE_CONNECTIONS: usize = 64;

/// Calls over the network, on kept connections.
///
/// Redirects are not followed: a credential is for one address only. A connection that fell silent is found out by
/// TCP keep-alive; there is no limit on how long a streamed answer may take.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    base_url: Arc<str>,
}

impl Http {
    /// For calls to `base_url`.
    ///
    /// For a plain `http` address no certificates are loaded, so a container without any can call a local gateway;
    /// for a loopback address the system's proxy is left aside.
    ///
    /// # Errors
    /// When `base_url` is no URL, or when the system has no certificates to check an `https` address with.
    pub fn new(base_url: &str) -> Result<Self, Error> {
        let url = Url::parse(base_url)
            .map_err(|error| Error::config("bad_base_url", format!("the base URL is no URL: {error}")))?;
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .tcp_nodelay(true)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_CONNECTIONS);
        if url.scheme() == "http" {
            builder = builder.tls_certs_only([]);
        }
        if is_loopback(&url) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| {
            Error::config("bad_transport", format!("no HTTPS connection can be made from here: {error}"))
        })?;
        Ok(Self { client, base_url: Arc::from(base_url) })
    }

    async fn exchange(&self, call: Call) -> Result<Answer, Error> {
        let request = self.client.request(call.method, &call.url).headers(call.headers).body(call.body);
        let response = request.send().await.map_err(|error| self.failed(error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let transport = self.clone();
        let body = response.bytes_stream().map_err(move |error| transport.failed(error));
        Ok(Answer::new(status, headers, body.boxed()))
    }

    fn failed(&self, error: reqwest::Error) -> Error {
        // The address may hold what a log should not, such as a thread's id.
        let error = error.without_url();
        let message = if error.is_connect() {
            format!("no connection to the gateway at {}", self.base_url)
        } else {
            "the connection broke before the answer was whole".to_owned()
        };
        Error::connection(message, error)
    }
}

impl Transport for Http {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Answer, Error>> {
        in_time(call.timeout, self.exchange(call)).boxed()
    }

    fn renewed(&self) -> Result<Arc<dyn Transport>, Error> {
        Ok(Arc::new(Self::new(&self.base_url)?))
    }
}

/// Whether only this machine can be behind `url`.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
