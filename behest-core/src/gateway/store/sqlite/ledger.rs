//! Usage records in SQLite.

mod records;
mod reports;
mod rollups;
mod upkeep;
mod verify;

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{CachedStatement, Connection, params};
use tokio::sync::broadcast;
use uuid::Uuid;

pub(super) use self::reports::{billing, usage, usage_of_records};
use self::rollups::Batch;
pub(super) use self::rollups::{DAY_MS, HOUR_MS};
use super::Sqlite;
use super::values::{json, signed};
use crate::gateway::ledger::record::{Recorded, Rerated, UsageRecord};
use crate::gateway::store::StoreError;
use crate::gateway::store::ledger::{Finding, Ledger, LedgerProject, RecordQuery};

/// No attempt has more tokens of a kind: what a provider tells above it is nonsense, and would spoil every sum.
const MOST_TOKENS: u64 = 1 << 40;
/// No attempt costs more, in nano-dollars: about a million dollars.
const MOST_COST: i64 = 1 << 50;

const APPEND: &str = "INSERT INTO usage_records (attempt_id, operation_id, tenant_id, project_id, started_at,
        first_byte_at, ended_at, user_id, session_id, thread_id, tier, api_key_id, tags, requested_model, model,
        provider, key_source, streamed, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens,
        reasoning_tokens, cost_nano_usd, price_version, estimated, status, finish_reason, cache_write_1h_tokens,
        attempt, admitted_at, dropped_parameters, reserved_tokens, reserved_nano_usd)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23,
        ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34)
    ON CONFLICT (attempt_id) DO NOTHING";

/// Appends records; made once for each group of them.
pub(super) struct Appender<'c, 'r> {
    connection: &'c Connection,
    statement: CachedStatement<'c>,
    batch: Batch<'r>,
}

impl<'c, 'r> Appender<'c, 'r> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self { connection, statement: connection.prepare_cached(APPEND)?, batch: Batch::default() })
    }

    /// Writes the sums of what was appended: a group is not whole without them.
    pub(super) fn finish(self) -> rusqlite::Result<()> {
        self.batch.write(self.connection)
    }

    /// Appends a record, unless its attempt has one: that is what makes every retry of a settlement safe. Tells
    /// whether it did.
    pub(super) fn append(&mut self, record: &'r UsageRecord) -> rusqlite::Result<bool> {
        let statement = &mut self.statement;
        let tokens =
            rollups::buckets(&record.tokens).map(|count| count.map(|count| signed(count.min(MOST_TOKENS))));
        let [input, cache_read, cache_write, cache_write_1h, output, reasoning] = tokens;
        let cost = record.cost.map(|cost| cost.0.min(MOST_COST));
        let tags = record.tags.as_ref().map(json).transpose()?;
        let dropped = (!record.dropped.is_empty()).then(|| record.dropped.join(","));
        let added = statement.execute(params![
            record.attempt_id.as_bytes(),
            record.operation_id.as_bytes(),
            record.tenant_id.as_bytes(),
            record.project_id.as_bytes(),
            record.started_at,
            record.first_byte_at,
            record.ended_at,
            record.user_id,
            record.session_id,
            record.thread_id,
            record.tier,
            record.api_key_id.as_ref().map(Uuid::as_bytes),
            tags,
            record.requested_model,
            record.model,
            record.provider,
            record.key_source.as_str(),
            record.streamed,
            input,
            cache_read,
            cache_write,
            output,
            reasoning,
            cost,
            record.price_version,
            record.estimated,
            record.outcome.as_str(),
            record.finish_reason,
            cache_write_1h,
            record.attempt,
            record.admitted_at,
            dropped,
            record.reserved.map(|reserved| signed(reserved.tokens)),
            record.reserved.and_then(|reserved| reserved.cost).map(|cost| cost.0),
        ])?;
        if added > 0 {
            self.batch.add(record, tokens, cost);
        }
        Ok(added > 0)
    }
}

pub(super) fn unrecorded(connection: &Connection, attempts: Vec<Uuid>) -> rusqlite::Result<Vec<Uuid>> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM usage_records WHERE attempt_id = ?1")?;
    let mut missing = Vec::new();
    for attempt in attempts {
        if !statement.exists(params![attempt.as_bytes()])? {
            missing.push(attempt);
        }
    }
    Ok(missing)
}

#[async_trait]
impl Ledger for Sqlite {
    async fn records(&self, query: RecordQuery) -> Result<Vec<Recorded>, StoreError> {
        self.report(move |connection| records::records(connection, &query)).await
    }

    async fn rerate(&self, costs: Vec<(Uuid, Rerated)>) -> Result<(), StoreError> {
        self.write(move |connection| upkeep::rerate(connection, &costs)).await
    }

    async fn expire_records(&self, project: Uuid, before: i64, limit: u32) -> Result<u64, StoreError> {
        self.write(move |connection| upkeep::expire(connection, project, before, limit)).await
    }

    async fn ledger_projects(&self) -> Result<Vec<LedgerProject>, StoreError> {
        self.report(verify::projects).await
    }

    async fn ledger_days(&self, project: LedgerProject) -> Result<Vec<i64>, StoreError> {
        self.report(move |connection| verify::days(connection, &project)).await
    }

    async fn verify_day(
        &self,
        project: Uuid,
        day: i64,
        settled: i64,
        limit: u32,
    ) -> Result<Vec<Finding>, StoreError> {
        self.report(move |connection| verify::day(connection, project, day, settled, limit)).await
    }

    fn watch(&self) -> broadcast::Receiver<Arc<UsageRecord>> {
        self.writer.watch()
    }
}
