//! The embedded database: one SQLite file, one writer thread, a few readers.

mod events;
mod ledger;
mod limits_policy;
mod memory;
mod policy;
mod providers;
mod readers;
mod truth;
mod values;
mod webhooks;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;
use uuid::Uuid;

use super::rows::{
    ApiKeyRow, BudgetRow, ConversationKey, ConversationRow, Expiry, History, KillRow, KillTarget, MessageRow,
    Owner, ProjectPolicy, ProjectRow, ProviderRow, SigningKeyRow, TenantRow, TierRow,
};
use super::{LedgerState, ProjectScope, Store, StoreError};
use crate::gateway::ledger::record::{Settlement, UsageRecord};
use crate::gateway::ledger::report::{BillingRow, UsageFilter, UsageRow};
use crate::gateway::limits::counters::Question;
use crate::types::budget::NewBudget;
use crate::types::control::{ProjectSettings, ProjectStatus};
use readers::Readers;
use writer::Writer;

const MIGRATIONS: [&str; 9] = [
    include_str!("sqlite/migrations/0001_first.sql"),
    include_str!("sqlite/migrations/0002_cache_write_1h.sql"),
    include_str!("sqlite/migrations/0003_project_providers.sql"),
    include_str!("sqlite/migrations/0004_admission.sql"),
    include_str!("sqlite/migrations/0005_truth.sql"),
    include_str!("sqlite/migrations/0006_policy.sql"),
    include_str!("sqlite/migrations/0007_rollups.sql"),
    include_str!("sqlite/migrations/0008_events.sql"),
    include_str!("sqlite/migrations/0009_event_scopes.sql"),
];

/// What a committed record survives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// The end of the process, however sudden: WAL with `synchronous=NORMAL`.
    #[default]
    Process,
    /// A power cut, too: `synchronous=FULL`, one disk flush for each group of commits.
    Power,
}

/// The store on SQLite.
pub struct Sqlite {
    writer: Writer,
    readers: Arc<Readers>,
}

impl Sqlite {
    /// Opens the database at `path`, makes or migrates its tables, and starts its writer.
    ///
    /// # Errors
    /// When the file cannot be opened or was written by a newer version.
    pub fn open(path: &Path, durability: Durability) -> Result<Self, StoreError> {
        let mut connection = Connection::open(path).map_err(unavailable)?;
        prepare(&connection, durability).map_err(unavailable)?;
        migrate(&mut connection)?;
        Ok(Self { writer: Writer::start(connection)?, readers: Arc::new(Readers::new(path)) })
    }

    /// Runs `work` on a reading connection, off the async threads.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.read(work).await
    }

    /// The same for reports, which read many rows: they wait for each other and for nobody else.
    async fn report<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.report(work).await
    }

    /// Runs `work` in the writer's next transaction; the answer comes after its commit.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.run(work).await
    }
}

fn prepare(connection: &Connection, durability: Durability) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let synchronous = match durability {
        Durability::Process => "NORMAL",
        Durability::Power => "FULL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // 64 MB between checkpoints: each one flushes to the disk in the middle of a commit.
    connection.pragma_update(None, "wal_autocheckpoint", 16_384)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let done: usize = connection
        .pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
        .map_err(unavailable)?
        .try_into()
        .map_err(|_| StoreError::Damaged { table: "user_version" })?;
    if done > MIGRATIONS.len() {
        return Err(StoreError::Unavailable(format!(
            "the database is at version {done}, this program knows {}: it was written by a newer one",
            MIGRATIONS.len()
        )));
    }
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(done) {
        let transaction = connection.transaction().map_err(unavailable)?;
        transaction.execute_batch(migration).map_err(unavailable)?;
        transaction.pragma_update(None, "user_version", (index + 1) as i64).map_err(unavailable)?;
        transaction.commit().map_err(unavailable)?;
    }
    Ok(())
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

/// SQLite's messages name tables and files, never values.
fn unavailable(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error().map(|inner| inner.extended_code) {
        Some(rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => {
            StoreError::Taken
        }
        _ => StoreError::Unavailable(error.to_string()),
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn value(&self, name: &'static str) -> Result<Option<String>, StoreError> {
        self.read(move |connection| policy::value(connection, name)).await
    }

    async fn value_or_insert(&self, name: &'static str, value: String) -> Result<String, StoreError> {
        self.write(move |connection| policy::value_or_insert(connection, name, &value)).await
    }

    async fn change_value(
        &self,
        name: &'static str,
        from: Option<String>,
        to: Option<String>,
    ) -> Result<bool, StoreError> {
        let change = move |connection: &Connection| {
            policy::change_value(connection, name, from.as_deref(), to.as_deref())
        };
        self.write(change).await
    }

    async fn add_first(
        &self,
        tenant: TenantRow,
        project: ProjectRow,
        key: ApiKeyRow,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            policy::add_tenant(connection, &tenant)?;
            policy::add_project(connection, &project)?;
            policy::add_api_key(connection, &key)
        })
        .await
    }

    async fn add_tenant(&self, row: TenantRow) -> Result<(), StoreError> {
        self.write(move |connection| policy::add_tenant(connection, &row)).await
    }

    async fn tenant(&self, id: Uuid) -> Result<Option<TenantRow>, StoreError> {
        self.read(move |connection| policy::tenant(connection, id)).await
    }

    async fn tenants(&self) -> Result<Vec<TenantRow>, StoreError> {
        self.read(policy::tenants).await
    }

    async fn add_project(&self, row: ProjectRow) -> Result<(), StoreError> {
        self.write(move |connection| policy::add_project(connection, &row)).await
    }

    async fn project(&self, id: Uuid) -> Result<Option<ProjectRow>, StoreError> {
        self.read(move |connection| policy::project(connection, id)).await
    }

    async fn project_by_slug(&self, slug: &str) -> Result<Option<ProjectRow>, StoreError> {
        let slug = slug.to_owned();
        self.read(move |connection| policy::project_by_slug(connection, &slug)).await
    }

    async fn projects(&self, scope: ProjectScope) -> Result<Vec<ProjectRow>, StoreError> {
        self.read(move |connection| policy::projects(connection, scope)).await
    }

    async fn change_project(
        &self,
        id: Uuid,
        name: Option<String>,
        status: Option<ProjectStatus>,
    ) -> Result<Option<ProjectRow>, StoreError> {
        self.write(move |connection| policy::change_project(connection, id, name.as_deref(), status)).await
    }

    async fn set_draft(&self, id: Uuid, draft: Option<ProjectSettings>) -> Result<bool, StoreError> {
        self.write(move |connection| policy::set_draft(connection, id, draft.as_ref())).await
    }

    async fn deploy_draft(&self, id: Uuid) -> Result<bool, StoreError> {
        self.write(move |connection| policy::deploy_draft(connection, id)).await
    }

    async fn add_api_key(&self, row: ApiKeyRow) -> Result<(), StoreError> {
        self.write(move |connection| policy::add_api_key(connection, &row)).await
    }

    async fn api_key(&self, lookup: [u8; 32]) -> Result<Option<ApiKeyRow>, StoreError> {
        self.read(move |connection| policy::api_key(connection, lookup)).await
    }

    async fn api_key_by_id(&self, id: Uuid) -> Result<Option<ApiKeyRow>, StoreError> {
        self.read(move |connection| policy::api_key_by_id(connection, id)).await
    }

    async fn api_keys(&self, project: Uuid) -> Result<Vec<ApiKeyRow>, StoreError> {
        self.read(move |connection| policy::api_keys(connection, project)).await
    }

    async fn revoke_api_key(
        &self,
        project: Uuid,
        id: Uuid,
        now: i64,
    ) -> Result<Option<[u8; 32]>, StoreError> {
        self.write(move |connection| policy::revoke_api_key(connection, project, id, now)).await
    }

    async fn add_signing_key(&self, row: SigningKeyRow) -> Result<(), StoreError> {
        self.write(move |connection| policy::add_signing_key(connection, &row)).await
    }

    async fn signing_key(&self, kid: &str) -> Result<Option<SigningKeyRow>, StoreError> {
        let kid = kid.to_owned();
        self.read(move |connection| policy::signing_key(connection, &kid)).await
    }

    async fn signing_keys(&self, tenant: Option<Uuid>) -> Result<Vec<SigningKeyRow>, StoreError> {
        self.read(move |connection| policy::signing_keys(connection, tenant)).await
    }

    async fn revoke_signing_key(&self, tenant: Uuid, kid: &str, now: i64) -> Result<bool, StoreError> {
        let kid = kid.to_owned();
        self.write(move |connection| policy::revoke_signing_key(connection, tenant, &kid, now)).await
    }

    async fn put_provider(&self, row: ProviderRow) -> Result<(), StoreError> {
        self.write(move |connection| providers::put(connection, &row)).await
    }

    async fn providers(&self, owner: Owner) -> Result<Vec<ProviderRow>, StoreError> {
        self.read(move |connection| providers::of_owner(connection, owner)).await
    }

    async fn all_providers(&self) -> Result<Vec<ProviderRow>, StoreError> {
        self.read(providers::all).await
    }

    async fn remove_provider(&self, owner: Owner, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.write(move |connection| providers::remove(connection, owner, &name)).await
    }

    async fn reseal_provider(
        &self,
        id: Uuid,
        from: String,
        sealed: String,
        master_key_id: String,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| providers::reseal(connection, id, &from, &sealed, &master_key_id)).await
    }

    async fn project_policy(&self, id: Uuid) -> Result<Option<ProjectPolicy>, StoreError> {
        self.read(move |connection| limits_policy::project_policy(connection, id)).await
    }

    async fn add_tier(&self, row: TierRow, at_most: u32) -> Result<bool, StoreError> {
        self.write(move |connection| limits_policy::add_tier(connection, &row, at_most)).await
    }

    async fn put_tier(&self, row: TierRow, at_most: u32) -> Result<bool, StoreError> {
        self.write(move |connection| limits_policy::put_tier(connection, &row, at_most)).await
    }

    async fn remove_tier(&self, project: Uuid, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.write(move |connection| limits_policy::remove_tier(connection, project, &name)).await
    }

    async fn add_budget(&self, row: BudgetRow, at_most: u32) -> Result<bool, StoreError> {
        self.write(move |connection| limits_policy::add_budget(connection, &row, at_most)).await
    }

    async fn change_budget(&self, project: Uuid, id: Uuid, terms: NewBudget) -> Result<bool, StoreError> {
        self.write(move |connection| limits_policy::change_budget(connection, project, id, &terms)).await
    }

    async fn remove_budget(&self, project: Uuid, id: Uuid) -> Result<bool, StoreError> {
        self.write(move |connection| limits_policy::remove_budget(connection, project, id)).await
    }

    async fn kill_switches(&self) -> Result<Vec<KillRow>, StoreError> {
        self.read(limits_policy::kill_switches).await
    }

    async fn throw_kill_switch(&self, row: KillRow) -> Result<KillRow, StoreError> {
        self.write(move |connection| limits_policy::throw(connection, &row)).await
    }

    async fn take_back_kill_switch(&self, target: KillTarget) -> Result<bool, StoreError> {
        self.write(move |connection| limits_policy::take_back(connection, &target)).await
    }

    async fn history(&self, key: ConversationKey, limit: u32, now: i64) -> Result<History, StoreError> {
        self.read(move |connection| memory::history(connection, &key, limit, now)).await
    }

    async fn threads(
        &self,
        project: Uuid,
        user: &str,
        limit: u32,
        before: Option<i64>,
    ) -> Result<Vec<ConversationRow>, StoreError> {
        let user = user.to_owned();
        self.read(move |connection| memory::threads(connection, project, &user, limit, before)).await
    }

    async fn conversation(&self, key: ConversationKey) -> Result<Option<ConversationRow>, StoreError> {
        self.read(move |connection| memory::conversation(connection, &key)).await
    }

    async fn messages(&self, key: ConversationKey) -> Result<Vec<MessageRow>, StoreError> {
        self.read(move |connection| memory::messages(connection, &key)).await
    }

    async fn delete_conversation(&self, key: ConversationKey) -> Result<bool, StoreError> {
        self.write(move |connection| memory::delete(connection, &key)).await
    }

    async fn expire_conversations(&self, scope: Expiry, before: i64, limit: u32) -> Result<u64, StoreError> {
        self.write(move |connection| memory::expire(connection, scope, before, limit)).await
    }

    fn settle(&self, settlement: Settlement) {
        self.writer.settle(settlement);
    }

    fn ledger_state(&self) -> LedgerState {
        self.writer.state()
    }

    async fn unrecorded(&self, attempts: Vec<Uuid>) -> Result<Vec<Uuid>, StoreError> {
        self.read(move |connection| ledger::unrecorded(connection, attempts)).await
    }

    async fn append_records(&self, records: Vec<UsageRecord>) -> Result<(), StoreError> {
        self.write(move |connection| {
            let mut ledger = ledger::Appender::new(connection)?;
            records.iter().try_for_each(|record| ledger.append(record).map(drop))?;
            ledger.finish()
        })
        .await
    }

    async fn usage(&self, filter: UsageFilter) -> Result<Vec<UsageRow>, StoreError> {
        self.report(move |connection| ledger::usage(connection, &filter))
            .await?
            .ok_or(StoreError::TooManyRows)
    }

    async fn usage_of_records(&self, filter: UsageFilter) -> Result<Vec<UsageRow>, StoreError> {
        let rows = self.report(move |connection| ledger::usage_of_records(connection, &filter)).await?;
        rows.ok_or(StoreError::TooManyRows)
    }

    async fn billing(&self, filter: UsageFilter) -> Result<Vec<BillingRow>, StoreError> {
        self.report(move |connection| ledger::billing(connection, &filter))
            .await?
            .ok_or(StoreError::TooManyRows)
    }

    async fn spent(&self, questions: Vec<Question>, except: Vec<Uuid>) -> Result<Vec<u64>, StoreError> {
        // Jobs are committed in the order in which they come: after this one, so is every settlement before it.
        self.write(|_| Ok(())).await?;
        self.read(move |connection| truth::spent(connection, &questions, &except)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.read(|connection| connection.query_row("SELECT 1", [], |_| Ok(()))).await
    }

    async fn close(&self) {
        self.writer.close().await;
    }
}
