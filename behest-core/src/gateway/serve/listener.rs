//! The listener: one thread accepts, each core serves.
//!
//! Every worker is a thread with a runtime of its own and its own connections to providers, so that a request is
//! answered on the thread that read it. One thread accepts and deals connections out in turn: an even load without
//! SO_REUSEPORT, under which a second server could take the same port unnoticed.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use axum::Router;
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::connection::{self, Closing};
use super::ready::Ready;
use crate::gateway::config::{Config, PatienceConfig};
use crate::gateway::setup::StartError;
use crate::gateway::store::StoreError;
use crate::gateway::{Gateway, upkeep};

/// Why the gateway does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// It could not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Somebody has the port.
    #[error("the port {port} on {host} is taken")]
    PortTaken {
        /// The address.
        host: String,
        /// The port.
        port: u16,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {host}:{port}")]
    Listen {
        /// The address.
        host: String,
        /// The port.
        port: u16,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Threads, certificates or the system's patience.
    #[error("the server cannot run")]
    System(#[from] io::Error),
    /// The store.
    #[error("the store cannot answer: {0}")]
    Store(#[from] StoreError),
}

/// Serves until `shutdown` ends, then drains. `on_ready` runs once, when requests are answered.
///
/// # Errors
/// [`ServeError`] says what cannot be used and, where one can tell, what to change.
pub fn run(
    config: Config,
    shutdown: impl Future<Output = ()>,
    on_ready: impl FnOnce(&Ready),
) -> Result<(), ServeError> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let serving = Serving::start(config).await?;
        on_ready(&serving.ready().await?);
        shutdown.await;
        serving.stop().await;
        Ok(())
    })
}

/// A gateway that answers on an address, until it is stopped; dropping it lets go of the address, but neither waits for
/// calls nor closes the data in order. Accepting belongs to the runtime that started it; the requests have threads of
/// their own.
pub struct Serving {
    gateway: Gateway,
    address: SocketAddr,
    accepting: DropGuard,
    workers: Workers,
    sweeping: AbortOnDropHandle<()>,
}

impl Serving {
    /// Opens the address, then the data.
    ///
    /// # Errors
    /// As [`run`].
    pub async fn start(mut config: Config) -> Result<Self, ServeError> {
        let listener = bind(&config)?;
        let address = listener.local_addr()?;
        // Whether it is loopback is told by the address and not by the name that led there.
        config.host = address.ip().to_string();
        let gateway = Gateway::builder(config).build().await?;
        let workers = Workers::start(&gateway)?;
        let accepting = accept(listener, &workers)?;
        let sweeping = AbortOnDropHandle::new(tokio::spawn(upkeep::run(gateway.clone())));
        Ok(Self { gateway, address, accepting, workers, sweeping })
    }

    /// The gateway itself.
    #[must_use]
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Where it answers.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What there is to tell about it.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn ready(&self) -> Result<Ready, StoreError> {
        let base_url = format!("http://{}", self.address);
        Ready::of(&self.gateway, &base_url, Some(self.address.port())).await
    }

    /// Takes no new calls, gives those under way their time, and closes the gateway.
    pub async fn stop(self) {
        tracing::info!(
            calls = self.gateway.journal().in_flight(),
            "shutting down: no new calls, waiting for these"
        );
        drop(self.accepting);
        self.sweeping.abort();
        self.workers.stop_keep_alive();
        self.gateway.drain_calls().await;
        // The last connections first: what they still hold is settled while the ledger can be written.
        self.workers.join().await;
        self.gateway.close().await;
        // It holds the gateway, and with it the data directory's lock.
        let _ = self.sweeping.await;
    }
}

fn bind(config: &Config) -> Result<TcpListener, ServeError> {
    let (host, port) = (config.host.trim_matches(['[', ']']).to_owned(), config.port);
    TcpListener::bind((host.as_str(), port)).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ServeError::PortTaken { host, port },
        _ => ServeError::Listen { host, port, source },
    })
}

/// Deals connections out in turn, from a task of the main runtime.
fn accept(listener: TcpListener, workers: &Workers) -> io::Result<DropGuard> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let inboxes: Vec<_> = workers.threads.iter().map(|worker| worker.inbox.clone()).collect();
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        let mut turns = inboxes.iter().cycle();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stopped.cancelled() => return,
            };
            match accepted.and_then(|(stream, peer)| Ok((stream.into_std()?, peer))) {
                Ok(connection) => {
                    if let Some(inbox) = turns.next() {
                        // A worker ends only after the accepting has.
                        let _ = inbox.send(connection);
                    }
                }
                Err(error) => {
                    // Out of file descriptors, or a client that left: neither ends the gateway.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    });
    Ok(stop.drop_guard())
}

type Connection = (TcpStream, SocketAddr);

struct Worker {
    inbox: UnboundedSender<Connection>,
    thread: std::thread::JoinHandle<()>,
}

struct Workers {
    threads: Vec<Worker>,
    closing: Closing,
}

impl Workers {
    fn start(gateway: &Gateway) -> Result<Self, ServeError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let closing = Closing::default();
        let patience = gateway.config().patience_seconds;
        let mut threads = Vec::new();
        for index in 0..gateway.config().workers.unwrap_or(cores) {
            let (inbox, connections) = unbounded_channel();
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let router = {
                let _inside = runtime.enter();
                gateway.for_this_runtime()?.router()
            };
            let closing = closing.clone();
            let thread = std::thread::Builder::new()
                .name(format!("behest-worker-{index}"))
                .spawn(move || runtime.block_on(work(connections, router, patience, closing)))?;
            threads.push(Worker { inbox, thread });
        }
        Ok(Self { threads, closing })
    }

    fn stop_keep_alive(&self) {
        self.closing.last_request.cancel();
    }

    async fn join(self) {
        self.closing.end.cancel();
        for Worker { inbox, thread } in self.threads {
            drop(inbox);
            // A worker that panicked has nothing left to close.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

/// Takes a connection over to the runtime of this thread.
fn adopt(stream: TcpStream) -> io::Result<tokio::net::TcpStream> {
    stream.set_nonblocking(true)?;
    // Without it the first token waits for the client's delayed acknowledgement.
    stream.set_nodelay(true)?;
    tokio::net::TcpStream::from_std(stream)
}

async fn work(
    mut connections: UnboundedReceiver<Connection>,
    router: Router,
    patience: PatienceConfig,
    closing: Closing,
) {
    let tracker = TaskTracker::new();
    loop {
        let connection = tokio::select! {
            connection = connections.recv() => connection,
            () = closing.end.cancelled() => None,
        };
        let Some((stream, peer)) = connection else { break };
        let (router, closing) = (router.clone(), closing.clone());
        tracker.spawn(async move {
            let served = match adopt(stream) {
                Ok(stream) => connection::serve(stream, peer, router, patience, closing).await,
                Err(error) => return tracing::debug!(%error, "a connection could not be taken over"),
            };
            if let Err(error) = served {
                // A client's broken connection is its own affair.
                tracing::debug!(%error, "a connection ended");
            }
        });
    }
    tracker.close();
    // What was answered last is written out; nobody is waited for longer.
    let _ = tokio::time::timeout(Duration::from_secs(1), tracker.wait()).await;
}
