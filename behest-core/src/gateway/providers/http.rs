//! Connections to providers: pooled, without redirects, and only to addresses that were checked.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower::Service;

use super::address::is_public;

/// A pooled client whose names are resolved by [`Resolver`].
pub type HttpClient = Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>;

/// The two ways out. Each worker thread has its own pair, so that a connection never changes threads.
#[derive(Clone)]
pub struct HttpClients {
    public: HttpClient,
    local: HttpClient,
}

impl HttpClients {
    /// Fresh pools.
    ///
    /// # Errors
    /// When the system's certificates cannot be loaded.
    pub fn new(connect_timeout: Duration) -> io::Result<Self> {
        Ok(Self { public: client(false, connect_timeout)?, local: client(true, connect_timeout)? })
    }

    /// The way to a provider that is, or is not, declared local.
    #[must_use]
    pub fn to(&self, local: bool) -> &HttpClient {
        if local { &self.local } else { &self.public }
    }
}

fn client(local: bool, connect_timeout: Duration) -> io::Result<HttpClient> {
    let mut connector = HttpConnector::new_with_resolver(Resolver { local });
    // Without it small requests wait for the other side's delayed acknowledgement: up to 40 ms.
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(connect_timeout));
    connector.enforce_http(false);
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_platform_verifier(rustls::crypto::aws_lc_rs::default_provider())
        .map_err(io::Error::other)?
        .https_or_http()
        .enable_http1()
        .enable_http2()
        .wrap_connector(connector);
    Ok(Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(60))
        .timer(TokioTimer::new())
        // All calls of a thread share a connection: a few clients that read slowly must not use its window up.
        .http2_initial_stream_window_size(1 << 20)
        .http2_initial_connection_window_size(256 << 20)
        .build(connector))
}

/// Resolves a name once for each connection and gives only addresses that may be dialled, so that what was checked
/// and what is dialled are the same. Literal addresses never come here: they are checked with the base URL.
#[derive(Clone)]
pub struct Resolver {
    local: bool,
}

type Addresses = std::vec::IntoIter<SocketAddr>;

impl Service<Name> for Resolver {
    type Response = Addresses;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Addresses>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let local = self.local;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| local || is_public(address.ip())).collect();
            if allowed.is_empty() {
                return Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    "the name has no public address, and the provider is not declared local",
                ));
            }
            Ok(allowed.into_iter())
        })
    }
}
