//! Retention: sessions after their lifetime, threads after the days that their project sets, events after 90 days.

use std::time::Duration;

use super::store::rows::Expiry;
use super::store::{ProjectScope, StoreError};
use super::{Gateway, clock, usage_sweep};
use crate::gateway::memory::SESSION_LIFETIME_MS;

/// Removed in one transaction: few enough not to hold up the ledger.
const AT_ONCE: u32 = 100;
const DAY_MS: i64 = 86_400_000;
/// How long events are kept.
const EVENTS_MS: i64 = 90 * DAY_MS;
/// How often what has outlived its time is looked for.
const EVERY: Duration = Duration::from_secs(600);

/// Removes what has outlived its time, a few conversations at a time, for as long as the gateway runs.
pub async fn run(gateway: Gateway) {
    loop {
        if let Err(error) = sweep(&gateway).await {
            tracing::warn!(%error, "what has outlived its time could not be removed");
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Removes what has outlived its time.
///
/// # Errors
/// When the store cannot answer.
pub async fn sweep(gateway: &Gateway) -> Result<(), StoreError> {
    let now = clock::now_ms();
    expire(gateway, Expiry::Sessions, now - SESSION_LIFETIME_MS).await?;
    for project in gateway.store().projects(ProjectScope::All).await? {
        if let Some(days) = project.deployed.retention_days {
            expire(gateway, Expiry::Threads(project.id), now - i64::from(days) * DAY_MS).await?;
        }
        if let Some(days) = project.deployed.usage_retention_days {
            usage_sweep::expire(gateway.store(), project.id, days, now).await?;
        }
    }
    while gateway.store().expire_events(now - EVENTS_MS, AT_ONCE).await? == u64::from(AT_ONCE) {}
    Ok(())
}

async fn expire(gateway: &Gateway, scope: Expiry, before: i64) -> Result<(), StoreError> {
    while gateway.store().expire_conversations(scope, before, AT_ONCE).await? == u64::from(AT_ONCE) {}
    Ok(())
}
