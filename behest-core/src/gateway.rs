//! The whole gateway: identity, models, memory and the ledger behind one HTTP interface.
//!
//! ```no_run
//! use behest_core::gateway::{Gateway, config::Config};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let gateway = Gateway::builder(Config::default()).data_dir("/var/lib/behest").build().await?;
//! let router = gateway.router(); // an `axum::Router`, to nest or to serve
//! # Ok(())
//! # }
//! ```

pub mod auth;
pub mod body;
pub mod clock;
pub mod config;
pub mod context;
pub mod control;
pub mod data_dir;
pub mod drain;
pub mod events;
pub mod hosts;
pub mod idempotency;
pub mod inputs;
pub mod ledger;
pub mod limits;
pub mod memory;
pub mod memory_sweep;
pub mod origin;
pub mod pipeline;
pub mod providers;
pub mod refusal;
pub mod rescue;
pub mod rotation;
pub mod routing;
pub mod serve;
pub mod settings;
pub mod setup;
pub mod stages;
pub mod store;
pub mod tags;
pub mod upkeep;
pub mod usage_sweep;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;

use auth::directory::Directory;
use auth::key_cache::KeyCache;
use auth::provider_keys::Audit;
use auth::seal::Sealer;
use auth::signing_keys::Tokens;
use config::Config;
use drain::Drain;
use events::Events;
use hosts::Hosts;
use idempotency::Answers;
use ledger::journal::Journal;
use ledger::mailbox::Mailbox;
use limits::counters::{Counters, Gauges};
use limits::learned::Learned;
use limits::switches::Switches;
use providers::http::HttpClients;
use routing::health::Health;
use routing::models::ModelTable;
use routing::models::current::CurrentModels;
use setup::{FirstStart, StartError};
use store::Store;

use crate::secret::Secret;

/// A running gateway. Clones share everything but their connections to providers.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
    worker: Arc<Worker>,
}

/// What each serving thread has for itself.
struct Worker {
    http: HttpClients,
    /// Where the ledger tells this thread's calls of their commits; `None` outside of `serve`.
    mailbox: Option<Mailbox>,
}

struct Shared {
    config: Config,
    store: Arc<dyn Store>,
    directory: Directory,
    switches: Switches,
    health: Health,
    models: CurrentModels,
    answers: Answers,
    key_cache: KeyCache,
    tokens: Tokens,
    sealer: Arc<Sealer>,
    key_audit: Audit,
    journal: Arc<Journal>,
    events: Arc<Events>,
    counters: Arc<dyn Counters>,
    learned: Arc<Learned>,
    drain: Drain,
    hosts: Hosts,
    admin_secret: Secret,
    admin_failures: control::access::Failures,
    body_memory: Arc<Semaphore>,
    /// Held while the gateway lives: a second one on the same data would be two writers of one ledger.
    _lock: std::fs::File,
    first_start: Option<FirstStart>,
    data_dir: PathBuf,
}

/// Builds a [`Gateway`].
pub struct GatewayBuilder {
    config: Config,
}

impl GatewayBuilder {
    /// Where the database, the journal and the keys live.
    #[must_use]
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.data_dir = Some(path.into());
        self
    }

    /// Opens the data directory, making what is missing, and settles what a crash left open.
    ///
    /// # Errors
    /// [`StartError`] says what cannot be used and what to do.
    pub async fn build(self) -> Result<Gateway, StartError> {
        setup::start(self.config).await
    }
}

impl Gateway {
    /// Begins to build a gateway.
    #[must_use]
    pub fn builder(config: Config) -> GatewayBuilder {
        GatewayBuilder { config }
    }

    /// The gateway as an `axum` router, to serve, to nest, or to call without a socket.
    pub fn router(&self) -> axum::Router {
        serve::routes::router(self.clone())
    }

    /// What was made at the first start; `None` at later ones.
    #[must_use]
    pub fn first_start(&self) -> Option<&FirstStart> {
        self.shared.first_start.as_ref()
    }

    /// The same gateway with connections to providers of its own, for the runtime that this is called in.
    ///
    /// # Errors
    /// When the system's certificates cannot be loaded.
    pub fn for_this_runtime(&self) -> std::io::Result<Self> {
        let http = HttpClients::new(self.config().timeouts.connect, self.config().connect_timeouts())?;
        let worker = Arc::new(Worker { http, mailbox: Some(Mailbox::open()) });
        Ok(Self { worker, ..self.clone() })
    }

    /// Shuts the gateway down: drains it, then closes it. Idempotent.
    pub async fn shut_down(&self) {
        self.drain_calls().await;
        self.close().await;
    }

    /// Takes no new calls, waits for those under way until the configured deadline, and ends the rest with an error
    /// that says so. Idempotent.
    pub async fn drain_calls(&self) {
        self.drain().begin();
        let quiet = async {
            while self.journal().in_flight() > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let patience = std::time::Duration::from_secs(self.config().drain_deadline);
        let in_time = tokio::time::timeout(patience, quiet).await.is_ok();
        // Also where all is quiet: a call in the pause before its next attempt has none under way, and must not wait.
        self.drain().cut_off();
        if !in_time {
            // Cut-off calls settle at once; a client that does not read its last event is not waited for.
            let settle = async {
                while self.journal().in_flight() > 0 {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            };
            let _ = tokio::time::timeout(std::time::Duration::from_secs(2), settle).await;
        }
    }

    /// Commits what is queued and closes the store; calls that are still under way are settled at the next start.
    /// Idempotent.
    pub async fn close(&self) {
        self.events().close().await;
        self.store().close().await;
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Where the data lives.
    #[must_use]
    pub fn data_dir(&self) -> &std::path::Path {
        &self.shared.data_dir
    }

    /// Where events are raised and listened to.
    #[must_use]
    pub fn events(&self) -> &Arc<Events> {
        &self.shared.events
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.shared.store
    }

    pub(crate) fn store_handle(&self) -> Arc<dyn Store> {
        Arc::clone(&self.shared.store)
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.shared.directory
    }

    /// The kill switches.
    pub(crate) fn switches(&self) -> &Switches {
        &self.shared.switches
    }

    /// The models as they are known now.
    #[must_use]
    pub fn models(&self) -> Arc<ModelTable> {
        self.shared.models.get()
    }

    pub(crate) fn current_models(&self) -> &CurrentModels {
        &self.shared.models
    }

    pub(crate) fn health(&self) -> &Health {
        &self.shared.health
    }

    pub(crate) fn answers(&self) -> &Answers {
        &self.shared.answers
    }

    pub(crate) fn counters(&self) -> &Arc<dyn Counters> {
        &self.shared.counters
    }

    pub(crate) fn learned(&self) -> &Arc<Learned> {
        &self.shared.learned
    }

    /// What calls under way hold of their limits.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        self.counters().gauges()
    }

    pub(crate) fn key_cache(&self) -> &KeyCache {
        &self.shared.key_cache
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.shared.tokens
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        &self.shared.sealer
    }

    pub(crate) fn key_audit(&self) -> &Audit {
        &self.shared.key_audit
    }

    pub(crate) fn journal(&self) -> &Arc<Journal> {
        &self.shared.journal
    }

    pub(crate) fn drain(&self) -> &Drain {
        &self.shared.drain
    }

    pub(crate) fn hosts(&self) -> &Hosts {
        &self.shared.hosts
    }

    pub(crate) fn http(&self) -> &HttpClients {
        &self.worker.http
    }

    pub(crate) fn mailbox(&self) -> Option<Mailbox> {
        self.worker.mailbox.clone()
    }

    pub(crate) fn body_memory(&self) -> &Arc<Semaphore> {
        &self.shared.body_memory
    }

    pub(crate) fn admin_secret(&self) -> &Secret {
        &self.shared.admin_secret
    }

    pub(crate) fn admin_failures(&self) -> &control::access::Failures {
        &self.shared.admin_failures
    }
}
