//! What the ledger can do beside sums: records in their order, costs reckoned again, removal for age, and a check.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::broadcast;
use uuid::Uuid;

use super::StoreError;
use crate::gateway::ledger::record::{Recorded, Rerated, UsageRecord};
use crate::gateway::ledger::report::UsageFilter;

/// The place of a record in the ledger's order: when its call was admitted, then its attempt.
pub type Place = (i64, Uuid);

/// Which records are listed.
#[derive(Debug, Clone)]
pub struct RecordQuery {
    /// Which are selected; granularity and groups are of no matter.
    pub filter: UsageFilter,
    /// Those behind this place only.
    pub after: Option<Place>,
    /// No more than this.
    pub limit: u32,
}

/// A project that the ledger has records of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerProject {
    /// Its id.
    pub id: Uuid,
    /// When its first recorded call was admitted, in Unix milliseconds.
    pub first: i64,
    /// When its last one was.
    pub last: i64,
    /// Whether there is such a project.
    pub is_known: bool,
}

/// Something in the ledger that cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which rule is broken.
    pub rule: &'static str,
    /// Where: the id of an attempt or of a call, or the hour or day of a sum.
    pub at: String,
    /// What is there, and what should be.
    pub problem: String,
}

/// The ledger's part of the database.
#[async_trait]
pub trait Ledger {
    /// Lists records in the ledger's order.
    async fn records(&self, query: RecordQuery) -> Result<Vec<Recorded>, StoreError>;
    /// Keeps costs that were reckoned again, and corrects the sums with them, all in one transaction. What has been
    /// removed meanwhile is left out.
    async fn rerate(&self, costs: Vec<(Uuid, Rerated)>) -> Result<(), StoreError>;
    /// Removes at most `limit` rows of a project's calls admitted before `before`, which begins a day: the sums of its
    /// users, sessions and tags, then the records. The sums by hour stay: they name nobody. Gives how many it removed.
    async fn expire_records(&self, project: Uuid, before: i64, limit: u32) -> Result<u64, StoreError>;
    /// The projects that the ledger has records of.
    async fn ledger_projects(&self) -> Result<Vec<LedgerProject>, StoreError>;
    /// The beginnings of the days on which a project has records or sums, from its first record to its last.
    async fn ledger_days(&self, project: LedgerProject) -> Result<Vec<i64>, StoreError>;
    /// Checks the records of a project's calls admitted on the day that begins at `day`, and their sums; at most
    /// `limit` findings. Calls admitted after `settled` may have attempts that are still under way.
    async fn verify_day(
        &self,
        project: Uuid,
        day: i64,
        settled: i64,
        limit: u32,
    ) -> Result<Vec<Finding>, StoreError>;
    /// Gives records from now on, each once it is committed. Whoever is too slow loses some, and is told how many.
    fn watch(&self) -> broadcast::Receiver<Arc<UsageRecord>>;
}
