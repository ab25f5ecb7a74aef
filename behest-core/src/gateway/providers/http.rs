//! Connections to providers: pooled, without redirects, and only to addresses that were checked.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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

type Connector = HttpsConnector<HttpConnector<Resolver>>;

/// A pooled client whose names are resolved by [`Resolver`].
pub type HttpClient = Client<Connector, Full<Bytes>>;

/// How many calls go over the connections of one lane. Under HTTP/2 they all share one, and a server that follows RFC
/// 9113 (section 6.5.2) lets at least this many be under way there: one more would wait for another's end.
const CALLS_PER_LANE: usize = 100;

/// The ways out. Each worker thread has its own, so that a connection never changes threads.
#[derive(Clone)]
pub struct HttpClients(Arc<Exits>);

struct Exits {
    /// With the general patience.
    public: Exit,
    local: Exit,
    /// With a provider's own.
    others: Vec<(bool, Duration, Exit)>,
}

/// The connections to public or to private addresses that are made with one patience.
struct Exit {
    connector: Connector,
    lanes: Mutex<Vec<Arc<Lane>>>,
}

struct Lane {
    client: HttpClient,
    under_way: AtomicUsize,
}

/// A call's place on a lane. To be held until its answer has ended.
pub struct Way(Arc<Lane>);

impl std::ops::Deref for Way {
    type Target = HttpClient;

    fn deref(&self) -> &HttpClient {
        &self.0.client
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl HttpClients {
    /// Fresh pools, for the general patience with connections and for those that some providers have.
    ///
    /// # Errors
    /// When the system's certificates cannot be loaded.
    pub fn new(general: Duration, others: impl IntoIterator<Item = Duration>) -> io::Result<Self> {
        let mut own = Vec::new();
        for patience in others {
            let known = own.iter().any(|(_, known, _)| *known == patience);
            if patience != general && !known {
                own.push((false, patience, Exit::new(false, patience)?));
                own.push((true, patience, Exit::new(true, patience)?));
            }
        }
        let (public, local) = (Exit::new(false, general)?, Exit::new(true, general)?);
        Ok(Self(Arc::new(Exits { public, local, others: own })))
    }

    /// A call's way to a provider that is, or is not, declared local.
    #[must_use]
    pub fn way(&self, local: bool, patience: Duration) -> Way {
        let wanted = |(for_local, its, _): &&(bool, Duration, Exit)| *for_local == local && *its == patience;
        self.0.others.iter().find(wanted).map_or_else(|| self.general(local), |(_, _, exit)| exit).way()
    }

    /// The client for an errand, such as the exchange of a token.
    #[must_use]
    pub fn to(&self, local: bool) -> HttpClient {
        HttpClient::clone(&self.general(local).way())
    }

    fn general(&self, local: bool) -> &Exit {
        if local { &self.0.local } else { &self.0.public }
    }
}

impl Exit {
    fn new(local: bool, patience: Duration) -> io::Result<Self> {
        Ok(Self { connector: connector(local, patience)?, lanes: Mutex::default() })
    }

    /// On the first lane with room: with few calls there is one, and its connections are used again.
    fn way(&self) -> Way {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let roomy = lanes.iter().find(|lane| lane.under_way.load(Ordering::Relaxed) < CALLS_PER_LANE);
        let lane = match roomy {
            Some(lane) => Arc::clone(lane),
            None => {
                let fresh = Lane { client: client(self.connector.clone()), under_way: AtomicUsize::new(0) };
                let fresh = Arc::new(fresh);
                lanes.push(Arc::clone(&fresh));
                fresh
            }
        };
        lane.under_way.fetch_add(1, Ordering::Relaxed);
        Way(lane)
    }
}

fn connector(local: bool, connect_timeout: Duration) -> io::Result<Connector> {
    let mut connector = HttpConnector::new_with_resolver(Resolver { local });
    // Without it small requests wait for the other side's delayed acknowledgement: up to 40 ms.
    connector.set_nodelay(true);
    connector.set_keepalive(Some(Duration::from_secs(30)));
    connector.set_connect_timeout(Some(connect_timeout));
    connector.enforce_http(false);
    Ok(HttpsConnectorBuilder::new()
        .with_provider_and_platform_verifier(rustls::crypto::aws_lc_rs::default_provider())
        .map_err(io::Error::other)?
        .https_or_http()
        .enable_http1()
        .enable_http2()
        .wrap_connector(connector))
}

fn client(connector: Connector) -> HttpClient {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(60))
        .timer(TokioTimer::new())
        // A connection that died in silence must not take a hundred calls along until each has lost its patience.
        .http2_keep_alive_interval(Duration::from_secs(20))
        .http2_keep_alive_timeout(Duration::from_secs(10))
        // The calls of a lane share a connection: a few clients that read slowly must not use its window up.
        .http2_initial_stream_window_size(1 << 20)
        .http2_initial_connection_window_size(256 << 20)
        .build(connector)
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
                    "the name has no public address, and it is not declared local",
                ));
            }
            Ok(allowed.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn calls_share_a_lane_until_it_is_full_and_give_their_place_back() {
        let seconds = Duration::from_secs;
        let clients = HttpClients::new(seconds(1), [seconds(2), seconds(1), seconds(2)]).expect("clients");
        assert_eq!(clients.0.others.len(), 2);
        let lanes = |exit: &Exit| exit.lanes.lock().expect("no panic").len();
        let take = |count| (0..count).map(|_| clients.way(false, seconds(1))).collect::<Vec<_>>();
        let mut ways = take(CALLS_PER_LANE);
        assert_eq!(lanes(&clients.0.public), 1);
        ways.extend(take(2 * CALLS_PER_LANE));
        assert_eq!(lanes(&clients.0.public), 3);
        drop(ways);
        drop(take(CALLS_PER_LANE));
        assert_eq!(lanes(&clients.0.public), 3, "old lanes are used again");
        drop(clients.way(true, seconds(2)));
        assert_eq!((lanes(&clients.0.local), lanes(&clients.0.others[1].2)), (0, 1));
    }
}
