//! The start of a gateway: its data directory, its keys, its first tenant and project.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Semaphore;
use uuid::Uuid;

use super::auth::api_keys;
use super::auth::directory::Directory;
use super::auth::key_cache::KeyCache;
use super::auth::provider_keys::Audit;
use super::auth::seal::{SealError, Sealer};
use super::auth::signing_keys::Tokens;
use super::config::{Config, ConfigError};
use super::control::access::Failures;
use super::control::projects;
use super::data_dir::{self, ADMIN_SECRET_FILE, DATABASE_FILE, JOURNAL_FILE, MASTER_KEY_FILE};
use super::events::Events;
use super::hosts::Hosts;
use super::idempotency::Answers;
use super::ledger::journal::Journal;
use super::limits::counters::Counters;
use super::limits::memory::MemoryCounters;
use super::limits::switches::Switches;
use super::limits::truth::LedgerTruth;
use super::providers::http::HttpClients;
use super::providers::{ProviderKey, Upstream, known};
use super::routing::health::Health;
use super::routing::models::current::CurrentModels;
use super::store::rows::{ApiKeyRow, TenantRow};
use super::store::sqlite::Sqlite;
use super::store::{Store, StoreError};
use super::{Gateway, Shared, Worker, clock, events, limits, rotation};
use crate::gateway::drain::Drain;
use crate::gateway::ledger::record::{KeySource, UsageRecord};
use crate::secret::Secret;
use crate::token::Rules;
use crate::types::control::Plan;
use crate::types::mint::Role;

/// Why a gateway cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The data directory cannot be made, read or written.
    #[error("the data directory {} cannot be used", path.display())]
    DataDir {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another gateway has it.
    #[error("the data directory {} is in use by another gateway", path.display())]
    Locked {
        /// Where.
        path: PathBuf,
    },
    /// No data directory was given and the platform has none.
    #[error("no data directory: give one with --data-dir or BEHEST_DATA_DIR")]
    NoDataDir,
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The master key.
    #[error("the master key (BEHEST_ENCRYPTION_KEY or the file `{MASTER_KEY_FILE}`): {0}")]
    MasterKey(#[from] SealError),
    /// A change of the master key was begun: half of the keys are sealed by one, half by the other.
    #[error("a change of the master key was begun in {} and is not done: run `behest providers rotate-master` to its end", path.display())]
    HalfRotated {
        /// Where.
        path: PathBuf,
    },
    /// The admin secret file is damaged.
    #[error("the admin secret in {} must have at least 32 characters", path.display())]
    AdminSecret {
        /// Where.
        path: PathBuf,
    },
    /// The database.
    #[error("the database cannot be used: {0}")]
    Store(#[from] StoreError),
    /// The connections.
    #[error("the system's certificates cannot be loaded")]
    Certificates(#[source] io::Error),
}

/// As many sums are kept in memory, of some hundred bytes each; those that nobody needs make room.
const MOST_METERS: usize = 200_000;

/// What was made at the first start. The two secrets are shown once.
#[derive(Debug, Clone)]
pub struct FirstStart {
    /// The first API key, of role `user`.
    pub api_key: Secret,
    /// The operator's secret.
    pub admin_secret: Secret,
}

/// Opens or makes everything that a gateway needs.
pub(super) async fn start(config: Config) -> Result<Gateway, StartError> {
    config.check()?;
    let models = CurrentModels::load(config.catalogue_file.as_deref())?;
    let data_dir = config.data_dir.clone().ok_or(StartError::NoDataDir)?;
    let in_data_dir = |source| StartError::DataDir { path: data_dir.clone(), source };
    data_dir::make_private(&data_dir).map_err(in_data_dir)?;
    let lock = data_dir::lock(&data_dir).map_err(in_data_dir)?;
    let lock = lock.ok_or_else(|| StartError::Locked { path: data_dir.clone() })?;
    let half_rotated = || StartError::HalfRotated { path: data_dir.clone() };
    if config.encryption_key.is_none() && rotation::is_begun_in(&data_dir) {
        return Err(half_rotated());
    }

    let sealer = Arc::new(Sealer::from_text(&master_key(&config, &data_dir)?)?);
    let admin_secret = admin_secret(&config, &data_dir)?;
    // Made before the database makes them, so that conversations are nobody else's to read.
    for file in [DATABASE_FILE, JOURNAL_FILE] {
        let open =
            data_dir::private_options().write(true).create(true).truncate(false).open(data_dir.join(file));
        open.map_err(in_data_dir)?;
    }
    let store: Arc<dyn Store> =
        Arc::new(Sqlite::open(&data_dir.join(DATABASE_FILE), config.ledger_durability)?);
    if rotation::is_begun(&*store).await? {
        return Err(half_rotated());
    }
    let (journal, open) =
        Journal::open(&data_dir.join(JOURNAL_FILE), config.max_calls).map_err(in_data_dir)?;
    models.resume(&*store).await?;
    settle_open(&*store, open).await?;
    journal.clear().map_err(in_data_dir)?;

    let rules = Rules {
        issuers: [std::slice::from_ref(&config.issuer), &config.accepted_issuers].concat(),
        audience: config.audience.clone(),
        ..Rules::default()
    };
    let tokens = Tokens::load(&*store, &sealer, rules, config.issuer.clone()).await?;
    let key_audit = Audit::of(&*store, &sealer).await?;
    let first_start = first_start(&*store, &admin_secret).await?;
    let hosts = Hosts {
        base_domain: config.base_domain.clone(),
        allowed: config.allowed_hosts.clone(),
        loopback: is_loopback(&config.host),
    };
    let http = HttpClients::new(config.timeouts.connect, config.connect_timeouts())
        .map_err(StartError::Certificates)?;
    events::from_file::write(&*store, &sealer, &config.webhooks).await?;
    // Connections of its own: they belong to the thread that made them.
    let to_webhooks = HttpClients::new(config.timeouts.connect, []).map_err(StartError::Certificates)?;
    let events = Events::start(&store, &sealer, to_webhooks).await?;
    let worker = Arc::new(Worker { http, mailbox: None });
    let rules = limits::rules::Rules::of(&config)?;
    rules.check_projects(&*store).await?;
    let switches = Switches::load(&*store, &config).await?;
    let directory =
        Directory::new(Arc::clone(&store), Arc::clone(&sealer), platform_providers(&config)?, rules);
    let body_memory = Arc::new(Semaphore::new(config.max_body_bytes_total / 1024 + 1));
    let truth = Arc::new(LedgerTruth(Arc::clone(&store)));
    let counters: Arc<dyn Counters> = Arc::new(MemoryCounters::new(truth, clock::now_ms(), MOST_METERS));
    let shared = Shared {
        directory,
        switches,
        health: Health::default(),
        models,
        answers: Answers::default(),
        key_cache: KeyCache::new()?,
        tokens,
        sealer,
        key_audit,
        journal,
        events,
        counters,
        learned: Arc::default(),
        drain: Drain::default(),
        hosts,
        admin_secret,
        admin_failures: Failures::default(),
        body_memory,
        _lock: lock,
        first_start,
        data_dir,
        store,
        config,
    };
    Ok(Gateway { shared: Arc::new(shared), worker })
}

/// Whether an address to listen on is this machine's own.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The platform's providers: those of the configuration, keys from the environment.
fn platform_providers(config: &Config) -> Result<Vec<Arc<Upstream>>, ConfigError> {
    let upstream = |(name, provider): (&String, &super::config::ProviderConfig)| {
        let base_url =
            match &provider.base_url {
                Some(base_url) => super::providers::address::check_base_url(base_url, provider.local)
                    .map_err(|error| ConfigError::Value {
                        key: format!("providers.{name}.base_url"),
                        problem: format!("is refused: {error}"),
                    })?,
                None => match known::base_url(name) {
                    Some(base_url) => base_url,
                    None => {
                        return Err(ConfigError::Value {
                            key: format!("providers.{name}.base_url"),
                            problem: "is needed: where does it answer?".to_owned(),
                        });
                    }
                },
            };
        let key = provider.api_key.clone().map_or(ProviderKey::None, ProviderKey::Open);
        let models = provider.models.clone();
        let source = KeySource::Platform;
        Ok(Arc::new(Upstream::new(name.clone(), base_url, provider.local, key, source, models)))
    };
    // One that only sets limits has nothing to be called with.
    let callable = |(name, provider): &(&String, &super::config::ProviderConfig)| {
        provider.api_key.is_some() || provider.base_url.is_some() || known::base_url(name).is_none()
    };
    config.providers.iter().filter(callable).map(upstream).collect()
}

/// Settles at their estimate the calls that the last process left open. A slot whose record was committed since is
/// only stale.
async fn settle_open(store: &dyn Store, mut open: Vec<UsageRecord>) -> Result<(), StoreError> {
    let missing = store.unrecorded(open.iter().map(|record| record.attempt_id).collect()).await?;
    open.retain(|record| missing.contains(&record.attempt_id));
    if !open.is_empty() {
        tracing::warn!(
            calls = open.len(),
            "calls that the last process left open are settled at their estimate"
        );
        store.append_records(open).await?;
    }
    Ok(())
}

async fn first_start(store: &dyn Store, admin_secret: &Secret) -> Result<Option<FirstStart>, StoreError> {
    if !store.tenants().await?.is_empty() {
        return Ok(None);
    }
    let now = clock::now_ms();
    let tenant =
        TenantRow { id: Uuid::now_v7(), name: "default".to_owned(), plan: Plan::Enterprise, created_at: now };
    let api_key = api_keys::generate();
    let hashed = api_key.clone();
    let hash = tokio::task::spawn_blocking(move || api_keys::hash(&hashed))
        .await
        .map_err(|error| StoreError::Unavailable(error.to_string()))?
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let project = projects::fresh(tenant.id, "default".to_owned());
    let key = ApiKeyRow {
        id: Uuid::now_v7(),
        project_id: project.id,
        name: "first".to_owned(),
        role: Role::User,
        lookup: api_keys::lookup(api_key.expose()),
        hash,
        last_four: api_keys::last_four(api_key.expose()),
        created_at: now,
        revoked_at: None,
    };
    store.add_first(tenant, project, key).await?;
    Ok(Some(FirstStart { api_key, admin_secret: admin_secret.clone() }))
}

fn master_key(config: &Config, data_dir: &Path) -> Result<Secret, StartError> {
    match &config.encryption_key {
        Some(key) => Ok(key.clone()),
        None => secret_file(data_dir, MASTER_KEY_FILE, || Ok(Sealer::generate()?)),
    }
}

fn admin_secret(config: &Config, data_dir: &Path) -> Result<Secret, StartError> {
    if let Some(secret) = &config.admin_secret {
        return Ok(Secret::new(secret.expose().trim()));
    }
    let secret = secret_file(data_dir, ADMIN_SECRET_FILE, || Ok(Sealer::generate()?))?;
    if secret.expose().len() < super::config::MIN_ADMIN_SECRET {
        return Err(StartError::AdminSecret { path: data_dir.join(ADMIN_SECRET_FILE) });
    }
    Ok(secret)
}

/// Reads a 0600 file of the data directory, or makes it.
fn secret_file(
    data_dir: &Path,
    name: &str,
    make: impl FnOnce() -> Result<Secret, StartError>,
) -> Result<Secret, StartError> {
    let in_data_dir = |source| StartError::DataDir { path: data_dir.to_owned(), source };
    if let Some(secret) = data_dir::read_secret(data_dir, name).map_err(in_data_dir)? {
        return Ok(secret);
    }
    let secret = make()?;
    data_dir::write_secret(data_dir, name, &secret).map_err(in_data_dir)?;
    Ok(secret)
}
