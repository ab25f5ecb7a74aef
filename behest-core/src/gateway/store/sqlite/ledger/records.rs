//! Records read back, in the order in which their calls were admitted.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use uuid::Uuid;

use super::super::values::{from_json_or_none, named, uuid};
use super::reports::{Source, Values, wanted};
use crate::gateway::ledger::money::NanoUsd;
use crate::gateway::ledger::record::{KeySource, Outcome, Recorded, Rerated, Reserved, Tokens, UsageRecord};
use crate::gateway::store::ledger::RecordQuery;

const COLUMNS: &str = "attempt_id, operation_id, tenant_id, project_id, attempt, admitted_at, started_at, first_byte_at,
    ended_at, user_id, session_id, thread_id, tier, api_key_id, tags, requested_model, model, provider, key_source,
    streamed, dropped_parameters, reserved_tokens, reserved_nano_usd, input_tokens, cache_read_tokens,
    cache_write_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens, cost_nano_usd, price_version, estimated,
    status, finish_reason, rerated_nano_usd, rerated_price_version, rerated_at";

pub(in super::super) fn records(
    connection: &Connection,
    query: &RecordQuery,
) -> rusqlite::Result<Vec<Recorded>> {
    let mut values = Values::default();
    let filter = &query.filter;
    // The index is entered where the last page ended: a later page costs no more than the first.
    let from = query.after.map_or(filter.from, |(admitted_at, _)| admitted_at.max(filter.from));
    let mut wanted = wanted(filter, &Source::Records, (from, filter.to), &mut values);
    if let Some((admitted_at, attempt)) = query.after {
        let admitted_at = values.bind(Value::Integer(admitted_at));
        let attempt = values.bind(Value::Blob(attempt.as_bytes().to_vec()));
        wanted.push(format!("(admitted_at, attempt_id) > ({admitted_at}, {attempt})"));
    }
    let limit = values.bind(Value::Integer(query.limit.into()));
    let sql = format!(
        "SELECT {COLUMNS} FROM usage_records WHERE {} ORDER BY admitted_at, attempt_id LIMIT {limit}",
        wanted.join(" AND "),
    );
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_map(params_from_iter(values.0), read)?.collect()
}

/// One record by its attempt, if it is there.
pub(super) fn record(connection: &Connection, attempt: Uuid) -> rusqlite::Result<Option<Recorded>> {
    let sql = format!("SELECT {COLUMNS} FROM usage_records WHERE attempt_id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_map([attempt.as_bytes()], read)?.next().transpose()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Recorded> {
    let count = |column| {
        let stored: Option<i64> = row.get(column)?;
        Ok::<_, rusqlite::Error>(stored.map(|count| u64::try_from(count).unwrap_or(0)))
    };
    let money = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(NanoUsd));
    let dropped: Option<String> = row.get(20)?;
    let dropped = dropped.iter().flat_map(|names| names.split(',')).map(str::to_owned).collect();
    let reserved_cost = money(22)?;
    let rerated_version: Option<String> = row.get(35)?;
    let rerated_at: Option<i64> = row.get(36)?;
    let record = UsageRecord {
        attempt_id: uuid(row, 0)?,
        operation_id: uuid(row, 1)?,
        tenant_id: uuid(row, 2)?,
        project_id: uuid(row, 3)?,
        attempt: row.get(4)?,
        admitted_at: row.get(5)?,
        started_at: row.get(6)?,
        first_byte_at: row.get(7)?,
        ended_at: row.get(8)?,
        user_id: row.get(9)?,
        session_id: row.get(10)?,
        thread_id: row.get(11)?,
        tier: row.get(12)?,
        api_key_id: row.get::<_, Option<[u8; 16]>>(13)?.map(Uuid::from_bytes),
        tags: from_json_or_none(row, 14)?,
        requested_model: row.get(15)?,
        model: row.get(16)?,
        provider: row.get(17)?,
        key_source: named(row, 18, KeySource::parse)?,
        streamed: row.get(19)?,
        dropped,
        reserved: count(21)?.map(|tokens| Reserved { tokens, cost: reserved_cost }),
        tokens: Tokens {
            input: count(23)?,
            cache_read: count(24)?,
            cache_write: count(25)?,
            cache_write_1h: count(26)?,
            output: count(27)?,
            reasoning: count(28)?,
        },
        cost: money(29)?,
        price_version: row.get(30)?,
        estimated: row.get(31)?,
        outcome: named(row, 32, Outcome::parse)?,
        finish_reason: row.get(33)?,
    };
    let rerated = money(34)?.zip(rerated_version).zip(rerated_at);
    let rerated = rerated.map(|((cost, price_version), at)| Rerated { cost, price_version, at });
    Ok(Recorded { record, rerated })
}
