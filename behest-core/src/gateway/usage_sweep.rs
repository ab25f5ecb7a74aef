//! Retention of the ledger: records, and the sums of their users, sessions and tags, after the days that their project
//! sets. The sums by hour name nobody and stay for good, so that what was spent is never forgotten.

use uuid::Uuid;

use super::store::{Store, StoreError};

/// No record is removed earlier: budgets of a month have their truth in the records, and so has what a crash left open.
pub const LEAST_DAYS: u32 = 62;
/// Removed in one transaction: few enough not to hold up the ledger.
const AT_ONCE: u32 = 500;
const DAY_MS: i64 = 86_400_000;

/// Removes what of a project's is older than `days`, in whole UTC days and a few rows at a time.
///
/// # Errors
/// When the store cannot answer.
pub async fn expire(store: &dyn Store, project: Uuid, days: u32, now: i64) -> Result<(), StoreError> {
    let before = (now / DAY_MS - i64::from(days.max(LEAST_DAYS))) * DAY_MS;
    while store.expire_records(project, before, AT_ONCE).await? == u64::from(AT_ONCE) {}
    Ok(())
}
