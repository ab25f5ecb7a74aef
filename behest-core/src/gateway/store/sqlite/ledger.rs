//! Usage records in SQLite.

use rusqlite::types::{Value, ValueRef};
use rusqlite::{CachedStatement, Connection, params, params_from_iter};
use uuid::Uuid;

use super::values::{count, json, signed};
use crate::gateway::ledger::money::NanoUsd;
use crate::gateway::ledger::record::{KeySource, UsageRecord};
use crate::gateway::ledger::report::{BillingRow, GroupBy, Sums, UsageFilter, UsageRow};

const APPEND: &str = "INSERT INTO usage_records (attempt_id, operation_id, tenant_id, project_id, started_at,
        first_byte_at, ended_at, user_id, session_id, thread_id, tier, api_key_id, tags, requested_model, model,
        provider, key_source, streamed, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens,
        reasoning_tokens, cost_nano_usd, price_version, estimated, status, finish_reason, cache_write_1h_tokens,
        attempt, admitted_at, dropped_parameters, reserved_tokens, reserved_nano_usd)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23,
        ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34)
    ON CONFLICT (attempt_id) DO NOTHING";

/// Appends records; made once for each group of them.
pub(super) struct Appender<'c>(CachedStatement<'c>);

impl<'c> Appender<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached(APPEND).map(Self)
    }

    /// Appends a record, unless its attempt has one: that is what makes every retry of a settlement safe. Tells
    /// whether it did.
    pub(super) fn append(&mut self, record: &UsageRecord) -> rusqlite::Result<bool> {
        let statement = &mut self.0;
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
            record.tokens.input.map(signed),
            record.tokens.cache_read.map(signed),
            record.tokens.cache_write.map(signed),
            record.tokens.output.map(signed),
            record.tokens.reasoning.map(signed),
            record.cost.map(|cost| cost.0),
            record.price_version,
            record.estimated,
            record.outcome.as_str(),
            record.finish_reason,
            record.tokens.cache_write_1h.map(signed),
            record.attempt,
            record.admitted_at,
            dropped,
            record.reserved.map(|reserved| signed(reserved.tokens)),
            record.reserved.and_then(|reserved| reserved.cost).map(|cost| cost.0),
        ])?;
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

const SUMS: &str = "COUNT(*),
    SUM(COALESCE(input_tokens, 0) + COALESCE(cache_read_tokens, 0) + COALESCE(cache_write_tokens, 0)
        + COALESCE(cache_write_1h_tokens, 0)),
    SUM(COALESCE(output_tokens, 0) + COALESCE(reasoning_tokens, 0)),
    COALESCE(SUM(cost_nano_usd), 0),
    COALESCE(SUM(cost_nano_usd IS NULL), 0),
    COALESCE(SUM(estimated), 0)";

pub(super) fn usage(connection: &Connection, filter: &UsageFilter) -> rusqlite::Result<Vec<UsageRow>> {
    let (group, tag) = match &filter.group_by {
        None => ("NULL", None),
        Some(GroupBy::Model) => ("model", None),
        Some(GroupBy::Provider) => ("provider", None),
        Some(GroupBy::User) => ("user_id", None),
        Some(GroupBy::Session) => ("session_id", None),
        Some(GroupBy::Thread) => ("thread_id", None),
        Some(GroupBy::Tier) => ("tier", None),
        Some(GroupBy::Status) => ("status", None),
        Some(GroupBy::ApiKey) => ("api_key_id", None),
        Some(GroupBy::Tag(tag)) => ("(SELECT value FROM json_each(tags) WHERE key = ?7)", Some(tag)),
    };
    let sql = format!(
        "SELECT started_at / ?4 * ?4 AS bucket, {group} AS grouped, {SUMS}
        FROM usage_records
        WHERE project_id = ?1 AND started_at >= ?2 AND started_at < ?3
            AND (?5 IS NULL OR user_id = ?5) AND (?6 IS NULL OR session_id = ?6) {model}
        GROUP BY bucket, grouped ORDER BY bucket, grouped",
        model = if filter.model.is_some() { "AND model = ?8" } else { "" },
    );
    // SQLite counts parameters up to the highest number, so the ones a query leaves out are bound as NULL.
    let text = |value: &Option<String>| value.clone().map_or(Value::Null, Value::Text);
    let mut values = vec![
        Value::Blob(filter.project_id.as_bytes().to_vec()),
        Value::Integer(filter.from),
        Value::Integer(filter.to),
        Value::Integer(filter.granularity.milliseconds()),
        text(&filter.user_id),
        text(&filter.session_id),
    ];
    if tag.is_some() || filter.model.is_some() {
        values.push(text(&tag.cloned()));
    }
    if filter.model.is_some() {
        values.push(text(&filter.model));
    }
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| {
        Ok(UsageRow { bucket: row.get(0)?, group: group_name(row.get_ref(1)?)?, sums: sums(row, 2)? })
    })?;
    rows.collect()
}

pub(super) fn billing(connection: &Connection, filter: &UsageFilter) -> rusqlite::Result<Vec<BillingRow>> {
    let sql = format!(
        "SELECT key_source, model, {SUMS}
        FROM usage_records
        WHERE project_id = ?1 AND started_at >= ?2 AND started_at < ?3 AND (?4 IS NULL OR user_id = ?4)
        GROUP BY key_source, model ORDER BY SUM(cost_nano_usd) DESC, model",
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let project = filter.project_id.as_bytes();
    let rows = statement.query_map(params![project, filter.from, filter.to, filter.user_id], |row| {
        let key_source = match row.get_ref(0)?.as_str()? {
            "byok" => KeySource::Byok,
            _ => KeySource::Platform,
        };
        Ok(BillingRow { key_source, model: row.get(1)?, sums: sums(row, 2)? })
    })?;
    rows.collect()
}

/// Groups are texts, but for API keys, whose ids are blobs.
fn group_name(value: ValueRef<'_>) -> rusqlite::Result<Option<String>> {
    Ok(match value {
        ValueRef::Null => None,
        ValueRef::Blob(bytes) => Uuid::from_slice(bytes).ok().map(|id| id.to_string()),
        text => Some(text.as_str()?.to_owned()),
    })
}

fn sums(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Sums> {
    Ok(Sums {
        requests: count(row, first)?,
        input: count(row, first + 1)?,
        output: count(row, first + 2)?,
        cost: NanoUsd(row.get(first + 3)?),
        unpriced: count(row, first + 4)?,
        estimated: count(row, first + 5)?,
    })
}
