//! What lasts: the one trait that every database must satisfy, and the rows it keeps.
//!
//! Rows are keyed by UUIDs and by tuples of columns, never by joined strings. Times are Unix milliseconds.

pub mod events;
pub mod ledger;
pub mod rows;
pub mod sqlite;
pub mod webhooks;

use async_trait::async_trait;
use uuid::Uuid;

use crate::gateway::ledger::record::{Settlement, UsageRecord};
use crate::gateway::ledger::report::{BillingRow, MOST_ROWS, UsageFilter, UsageRow};
use crate::gateway::limits::counters::Question;
use crate::types::budget::NewBudget;
use crate::types::control::{ProjectSettings, ProjectStatus};

use ledger::Ledger;
use rows::{
    ApiKeyRow, BudgetRow, ConversationKey, ConversationRow, History, KillRow, KillTarget, MessageRow, Owner,
    ProjectPolicy, ProjectRow, ProviderRow, SigningKeyRow, TenantRow, TierRow,
};

/// Why the store did not do what it was asked. Never the caller's fault: the gateway answers 503, except for
/// [`StoreError::Taken`] and [`StoreError::TooManyRows`].
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Something with this name is there already.
    #[error("it exists already")]
    Taken,
    /// The database refused or could not be reached; the text is the database's own, without any row's content.
    #[error("the store cannot answer: {0}")]
    Unavailable(String),
    /// A report would have more rows than fit in memory.
    #[error(
        "the report has more than {most} rows, with or without `limit`: ask for a shorter window, a longer \
         `granularity`, fewer groups, or one value of a group",
        most = MOST_ROWS
    )]
    TooManyRows,
    /// A row cannot be read back: written by a newer version, or damaged.
    #[error("a row of `{table}` cannot be read")]
    Damaged {
        /// Which table.
        table: &'static str,
    },
}

/// Which projects a list shows.
#[derive(Debug, Clone, Copy)]
pub enum ProjectScope {
    /// All of them: the operator's view.
    All,
    /// One tenant's.
    Tenant(Uuid),
    /// One alone.
    Project(Uuid),
}

/// A database that keeps what lasts.
#[async_trait]
pub trait Store: Ledger + events::EventStore + webhooks::WebhookStore {
    /// Reads one of the gateway's own values, such as its sealed signing key.
    async fn value(&self, name: &'static str) -> Result<Option<String>, StoreError>;
    /// Writes one of the gateway's own values, if nobody has; gives the value that stands.
    async fn value_or_insert(&self, name: &'static str, value: String) -> Result<String, StoreError>;
    /// Writes `to` in the place of `from`, either of which may be nothing; `false` when another value stands there.
    async fn change_value(
        &self,
        name: &'static str,
        from: Option<String>,
        to: Option<String>,
    ) -> Result<bool, StoreError>;

    /// Adds the first tenant with its project and key, all of them or none.
    async fn add_first(
        &self,
        tenant: TenantRow,
        project: ProjectRow,
        key: ApiKeyRow,
    ) -> Result<(), StoreError>;
    /// Adds a tenant.
    async fn add_tenant(&self, row: TenantRow) -> Result<(), StoreError>;
    /// Finds a tenant.
    async fn tenant(&self, id: Uuid) -> Result<Option<TenantRow>, StoreError>;
    /// Lists tenants, oldest first.
    async fn tenants(&self) -> Result<Vec<TenantRow>, StoreError>;

    /// Adds a project; [`StoreError::Taken`] when the slug is.
    async fn add_project(&self, row: ProjectRow) -> Result<(), StoreError>;
    /// Finds a project.
    async fn project(&self, id: Uuid) -> Result<Option<ProjectRow>, StoreError>;
    /// Finds the project of a slug.
    async fn project_by_slug(&self, slug: &str) -> Result<Option<ProjectRow>, StoreError>;
    /// Lists projects, oldest first.
    async fn projects(&self, scope: ProjectScope) -> Result<Vec<ProjectRow>, StoreError>;
    /// Renames a project or changes its status; gives the new row, or `None` when there is no such project.
    async fn change_project(
        &self,
        id: Uuid,
        name: Option<String>,
        status: Option<ProjectStatus>,
    ) -> Result<Option<ProjectRow>, StoreError>;
    /// Writes the draft settings, or removes them.
    async fn set_draft(&self, id: Uuid, draft: Option<ProjectSettings>) -> Result<bool, StoreError>;
    /// Puts the draft in force; `false` when there is none.
    async fn deploy_draft(&self, id: Uuid) -> Result<bool, StoreError>;

    /// Adds an API key.
    async fn add_api_key(&self, row: ApiKeyRow) -> Result<(), StoreError>;
    /// Finds an API key, revoked ones too, by the SHA-256 of its text.
    async fn api_key(&self, lookup: [u8; 32]) -> Result<Option<ApiKeyRow>, StoreError>;
    /// Finds an API key, revoked ones too, by its id.
    async fn api_key_by_id(&self, id: Uuid) -> Result<Option<ApiKeyRow>, StoreError>;
    /// Lists a project's keys, oldest first, revoked ones too.
    async fn api_keys(&self, project: Uuid) -> Result<Vec<ApiKeyRow>, StoreError>;
    /// Revokes a key of a project; gives its look-up, or `None` when it has no such active key.
    async fn revoke_api_key(&self, project: Uuid, id: Uuid, now: i64)
    -> Result<Option<[u8; 32]>, StoreError>;

    /// Adds a tenant's signing key.
    async fn add_signing_key(&self, row: SigningKeyRow) -> Result<(), StoreError>;
    /// Finds a signing key, revoked ones too.
    async fn signing_key(&self, kid: &str) -> Result<Option<SigningKeyRow>, StoreError>;
    /// Lists signing keys, oldest first, revoked ones too; of one tenant, or of all.
    async fn signing_keys(&self, tenant: Option<Uuid>) -> Result<Vec<SigningKeyRow>, StoreError>;
    /// Revokes a signing key of a tenant; `false` when it has no such active key.
    async fn revoke_signing_key(&self, tenant: Uuid, kid: &str, now: i64) -> Result<bool, StoreError>;

    /// Adds a provider, or replaces its owner's of the same name.
    async fn put_provider(&self, row: ProviderRow) -> Result<(), StoreError>;
    /// Lists an owner's providers by name: a tenant's without those of its projects.
    async fn providers(&self, owner: Owner) -> Result<Vec<ProviderRow>, StoreError>;
    /// Lists everybody's providers.
    async fn all_providers(&self) -> Result<Vec<ProviderRow>, StoreError>;
    /// Removes an owner's provider; `false` when it has none of that name.
    async fn remove_provider(&self, owner: Owner, name: &str) -> Result<bool, StoreError>;
    /// Writes a provider's key sealed anew; `false` when what stands there is not `from`.
    async fn reseal_provider(
        &self,
        id: Uuid,
        from: String,
        sealed: String,
        master_key_id: String,
    ) -> Result<bool, StoreError>;

    /// Finds a project with its tiers and budgets.
    async fn project_policy(&self, id: Uuid) -> Result<Option<ProjectPolicy>, StoreError>;
    /// Adds a tier; `false` when the project has `at_most` already, [`StoreError::Taken`] when it has this one.
    async fn add_tier(&self, row: TierRow, at_most: u32) -> Result<bool, StoreError>;
    /// Replaces what a tier changes, or adds it; `false` when the project has `at_most` others.
    async fn put_tier(&self, row: TierRow, at_most: u32) -> Result<bool, StoreError>;
    /// Removes a tier; `false` when the project has none of that name.
    async fn remove_tier(&self, project: Uuid, name: &str) -> Result<bool, StoreError>;
    /// Adds a budget; `false` when the project has `at_most` already, [`StoreError::Taken`] when it has the name.
    async fn add_budget(&self, row: BudgetRow, at_most: u32) -> Result<bool, StoreError>;
    /// Replaces a budget's terms; `false` when the project has no such budget, [`StoreError::Taken`] when another has
    /// the name.
    async fn change_budget(&self, project: Uuid, id: Uuid, terms: NewBudget) -> Result<bool, StoreError>;
    /// Removes a budget; `false` when the project has no such budget.
    async fn remove_budget(&self, project: Uuid, id: Uuid) -> Result<bool, StoreError>;
    /// Lists the kill switches that are thrown, oldest first.
    async fn kill_switches(&self) -> Result<Vec<KillRow>, StoreError>;
    /// Throws a kill switch, and gives what stands: of one that was thrown before only the reason changes.
    async fn throw_kill_switch(&self, row: KillRow) -> Result<KillRow, StoreError>;
    /// Takes a kill switch back; `false` when it is not thrown.
    async fn take_back_kill_switch(&self, target: KillTarget) -> Result<bool, StoreError>;

    /// Reads a conversation's last `limit` messages, oldest first, and the mark that a later write must match.
    async fn history(&self, key: ConversationKey, limit: u32, now: i64) -> Result<History, StoreError>;
    /// Lists a user's threads, newest first, those last used before `before` only.
    async fn threads(
        &self,
        project: Uuid,
        user: &str,
        limit: u32,
        before: Option<i64>,
    ) -> Result<Vec<ConversationRow>, StoreError>;
    /// Finds one conversation.
    async fn conversation(&self, key: ConversationKey) -> Result<Option<ConversationRow>, StoreError>;
    /// Reads all messages of a conversation, oldest first.
    async fn messages(&self, key: ConversationKey) -> Result<Vec<MessageRow>, StoreError>;
    /// Deletes a conversation for good; `false` when it was not there.
    async fn delete_conversation(&self, key: ConversationKey) -> Result<bool, StoreError>;
    /// Deletes at most `limit` conversations last used before `before`; gives how many.
    async fn expire_conversations(
        &self,
        scope: rows::Expiry,
        before: i64,
        limit: u32,
    ) -> Result<u64, StoreError>;

    /// Hands a settlement to the ledger's writer: never waits, never fails. The outcome arrives on its own channel.
    fn settle(&self, settlement: Settlement);
    /// Whether the last commit of the ledger succeeded, and how many there were.
    fn ledger_state(&self) -> LedgerState;
    /// Which of these attempts have no record yet.
    async fn unrecorded(&self, attempts: Vec<Uuid>) -> Result<Vec<Uuid>, StoreError>;
    /// Writes records at once, skipping those that exist: start-up's way to settle what a crash left open.
    async fn append_records(&self, records: Vec<UsageRecord>) -> Result<(), StoreError>;
    /// Sums records by bucket and group, oldest bucket first.
    async fn usage(&self, filter: UsageFilter) -> Result<Vec<UsageRow>, StoreError>;
    /// The same from the records alone, without the sums kept beside them: what these are checked and measured against.
    async fn usage_of_records(&self, filter: UsageFilter) -> Result<Vec<UsageRow>, StoreError>;
    /// Sums records by model and by whose key paid.
    async fn billing(&self, filter: UsageFilter) -> Result<Vec<BillingRow>, StoreError>;
    /// Sums what the records say of each question, after everything settled before this call is committed, and without
    /// the records of the calls in `except`.
    async fn spent(&self, questions: Vec<Question>, except: Vec<Uuid>) -> Result<Vec<u64>, StoreError>;
    /// Asks the database for a sign of life.
    async fn ping(&self) -> Result<(), StoreError>;
    /// Commits what is queued and stops the writer. Idempotent.
    async fn close(&self);
}

/// What the ledger's writer knows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerState {
    /// The last commit succeeded.
    pub healthy: bool,
    /// Transactions committed since the start.
    pub commits: u64,
    /// Records committed since the start.
    pub records: u64,
    /// Settlements kept for a retry.
    pub kept: u64,
}
