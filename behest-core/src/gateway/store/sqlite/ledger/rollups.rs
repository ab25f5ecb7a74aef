//! Sums kept beside the records: by hour of everybody, by day of each user, session and tag.
//!
//! A batch of records is summed in memory first and merged in the order of the tables, in the batch's own transaction:
//! one row is touched once for each batch, and no reader ever sees a record without its sums.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::gateway::ledger::record::{Tokens, UsageRecord};

pub(in super::super) const HOUR_MS: i64 = 3_600_000;
pub(in super::super) const DAY_MS: i64 = 86_400_000;

/// What is merged into a row; never below nothing, and never above what a row can hold, so that a nonsense of some
/// provider cannot keep the ledger from being written.
const MERGE: &str = "DO UPDATE SET attempts = attempts + excluded.attempts, calls = calls + excluded.calls,
    input_tokens = min(input_tokens, 9223372036854775807 - excluded.input_tokens) + excluded.input_tokens,
    cache_read_tokens = min(cache_read_tokens, 9223372036854775807 - excluded.cache_read_tokens) + excluded.cache_read_tokens,
    cache_write_tokens =
        min(cache_write_tokens, 9223372036854775807 - excluded.cache_write_tokens) + excluded.cache_write_tokens,
    cache_write_1h_tokens =
        min(cache_write_1h_tokens, 9223372036854775807 - excluded.cache_write_1h_tokens) + excluded.cache_write_1h_tokens,
    output_tokens = min(output_tokens, 9223372036854775807 - excluded.output_tokens) + excluded.output_tokens,
    reasoning_tokens = min(reasoning_tokens, 9223372036854775807 - excluded.reasoning_tokens) + excluded.reasoning_tokens,
    cost_nano_usd = min(cost_nano_usd, 9223372036854775807 - excluded.cost_nano_usd) + excluded.cost_nano_usd,
    unpriced = unpriced + excluded.unpriced, estimated = estimated + excluded.estimated";

/// What both tables know of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Shared<'r> {
    model: &'r str,
    provider: &'r str,
    tier: &'r str,
    api_key: &'r [u8],
    status: &'static str,
    key_source: &'static str,
}

/// Who a day's row is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Subject<'r> {
    kind: &'static str,
    name: &'r str,
    day: i64,
    id: &'r str,
}

/// The columns that are summed, in their order.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    attempts: i64,
    calls: i64,
    tokens: [i64; 6],
    cost: i64,
    unpriced: i64,
    estimated: i64,
}

impl Part {
    fn of(record: &UsageRecord, tokens: [Option<i64>; 6], cost: Option<i64>) -> Self {
        Self {
            attempts: 1,
            calls: i64::from(record.attempt == 1),
            tokens: tokens.map(|count| count.unwrap_or(0)),
            cost: cost.unwrap_or(0),
            unpriced: i64::from(cost.is_none()),
            estimated: i64::from(record.estimated),
        }
    }

    fn add(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.calls += other.calls;
        for (sum, count) in self.tokens.iter_mut().zip(other.tokens) {
            *sum = sum.saturating_add(count);
        }
        self.cost = self.cost.saturating_add(other.cost);
        self.unpriced += other.unpriced;
        self.estimated += other.estimated;
    }
}

/// The sums of a batch that is being appended.
#[derive(Debug, Default)]
pub(super) struct Batch<'r> {
    hours: BTreeMap<(&'r [u8], i64, Shared<'r>), Part>,
    days: BTreeMap<(&'r [u8], Subject<'r>, Shared<'r>), Part>,
}

/// The buckets of tokens in the order of the columns.
pub(super) fn buckets(tokens: &Tokens) -> [Option<u64>; 6] {
    [
        tokens.input,
        tokens.cache_read,
        tokens.cache_write,
        tokens.cache_write_1h,
        tokens.output,
        tokens.reasoning,
    ]
}

impl<'r> Batch<'r> {
    /// Adds a record, with its numbers as they were stored.
    pub(super) fn add(&mut self, record: &'r UsageRecord, tokens: [Option<i64>; 6], cost: Option<i64>) {
        self.count(record, &Part::of(record, tokens, cost));
    }

    /// Adds what a record costs more or less than it did.
    pub(super) fn correct(&mut self, record: &'r UsageRecord, cost: i64, unpriced: i64) {
        self.count(record, &Part { cost, unpriced, ..Part::default() });
    }

    fn count(&mut self, record: &'r UsageRecord, part: &Part) {
        let project = record.project_id.as_bytes().as_slice();
        let shared = Shared {
            model: &record.model,
            provider: &record.provider,
            tier: record.tier.as_deref().unwrap_or_default(),
            api_key: record.api_key_id.as_ref().map_or(&[], |id: &Uuid| id.as_bytes().as_slice()),
            status: record.outcome.as_str(),
            key_source: record.key_source.as_str(),
        };
        let hour = record.admitted_at / HOUR_MS * HOUR_MS;
        self.hours.entry((project, hour, shared)).or_default().add(part);
        let day = record.admitted_at / DAY_MS * DAY_MS;
        let mut of = |kind, name, id| {
            self.days.entry((project, Subject { kind, name, day, id }, shared)).or_default().add(part);
        };
        if let Some(user) = &record.user_id {
            of("user", "", user);
        }
        if let Some(session) = &record.session_id {
            of("session", "", session);
        }
        for (name, value) in record.tags.iter().flatten() {
            of("tag", name, value);
        }
    }

    /// Merges the sums into the tables.
    pub(super) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached(&format!(
            "INSERT INTO usage_hours VALUES
                (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
            ON CONFLICT {MERGE}"
        ))?;
        for ((project, hour, shared), part) in &self.hours {
            let [input, read, write, write_1h, output, reasoning] = part.tokens;
            statement.execute(params![
                project,
                hour,
                shared.model,
                shared.provider,
                shared.tier,
                shared.api_key,
                shared.status,
                shared.key_source,
                part.attempts,
                part.calls,
                input,
                read,
                write,
                write_1h,
                output,
                reasoning,
                part.cost,
                part.unpriced,
                part.estimated,
            ])?;
        }
        let mut statement = connection.prepare_cached(&format!(
            "INSERT INTO usage_days VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                ?18, ?19, ?20, ?21, ?22)
            ON CONFLICT {MERGE}"
        ))?;
        for ((project, subject, shared), part) in &self.days {
            let [input, read, write, write_1h, output, reasoning] = part.tokens;
            statement.execute(params![
                project,
                subject.kind,
                subject.name,
                subject.day,
                subject.id,
                shared.model,
                shared.provider,
                shared.tier,
                shared.api_key,
                shared.status,
                shared.key_source,
                part.attempts,
                part.calls,
                input,
                read,
                write,
                write_1h,
                output,
                reasoning,
                part.cost,
                part.unpriced,
                part.estimated,
            ])?;
        }
        Ok(())
    }
}
