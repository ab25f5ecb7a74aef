//! What is done to records after they are written: costs reckoned again, and removal for age.

use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use super::rollups::Batch;
use super::{MOST_COST, records};
use crate::gateway::ledger::record::{Recorded, Rerated};

const RERATE: &str =
    "UPDATE usage_records SET rerated_nano_usd = ?2, rerated_price_version = ?3, rerated_at = ?4
    WHERE attempt_id = ?1";

pub(in super::super) fn rerate(connection: &Connection, costs: &[(Uuid, Rerated)]) -> rusqlite::Result<()> {
    let mut found: Vec<(Recorded, i64)> = Vec::with_capacity(costs.len());
    let mut statement = connection.prepare_cached(RERATE)?;
    for (attempt, rerated) in costs {
        if let Some(before) = records::record(connection, *attempt)? {
            let cost = rerated.cost.0.min(MOST_COST);
            statement.execute(params![attempt.as_bytes(), cost, rerated.price_version, rerated.at])?;
            found.push((before, cost));
        }
    }
    let mut batch = Batch::default();
    for (before, cost) in &found {
        let unpriced = i64::from(before.cost().is_none());
        batch.correct(&before.record, cost - before.cost().unwrap_or_default().0, -unpriced);
    }
    batch.write(connection)
}

const EXPIRE_SUMS: &str = "DELETE FROM usage_days
    WHERE (project_id, kind, name, day, subject, model, provider, tier, api_key_id, status, key_source) IN (
        SELECT project_id, kind, name, day, subject, model, provider, tier, api_key_id, status, key_source
        FROM usage_days WHERE project_id = ?1 AND kind = ?2 AND name = ?3 AND day < ?4 LIMIT ?5)";

const EXPIRE_RECORDS: &str = "DELETE FROM usage_records WHERE attempt_id IN (
    SELECT attempt_id FROM usage_records WHERE project_id = ?1 AND admitted_at < ?2 LIMIT ?3)";

pub(in super::super) fn expire(
    connection: &Connection,
    project: Uuid,
    before: i64,
    limit: u32,
) -> rusqlite::Result<u64> {
    let project = project.as_bytes();
    let mut left = i64::from(limit);
    let mut of_a_kind = |kind: &str, name: &str| {
        let mut statement = connection.prepare_cached(EXPIRE_SUMS)?;
        left -= count(statement.execute(params![project, kind, name, before, left])?);
        Ok::<_, rusqlite::Error>(())
    };
    of_a_kind("user", "")?;
    of_a_kind("session", "")?;
    let mut next = connection.prepare_cached(
        "SELECT name FROM usage_days WHERE project_id = ?1 AND kind = 'tag' AND name > ?2 ORDER BY name LIMIT 1",
    )?;
    let mut name = String::new();
    while let Some(found) = next.query_row(params![project, name], |row| row.get(0)).optional()? {
        name = found;
        of_a_kind("tag", &name)?;
    }
    let mut statement = connection.prepare_cached(EXPIRE_RECORDS)?;
    left -= count(statement.execute(params![project, before, left])?);
    Ok(u64::try_from(i64::from(limit) - left).unwrap_or(0))
}

/// Rows are counted as SQLite's own integers.
fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
