//! The check of the ledger: one project and one day at a time, from one snapshot, and nothing is changed.

use std::collections::BTreeMap;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, ToSql, params};
use uuid::Uuid;

use super::super::values::uuid;
use super::reports::COST;
use super::rollups::DAY_MS;
use crate::gateway::clock;
use crate::gateway::store::ledger::{Finding, LedgerProject};

/// Steps from one project to the next along the index, instead of reading every record.
const PROJECTS: &str = "WITH RECURSIVE project (id) AS (
        SELECT MIN(project_id) FROM usage_records
        UNION ALL
        SELECT (SELECT MIN(project_id) FROM usage_records WHERE project_id > project.id)
        FROM project WHERE project.id IS NOT NULL
    )
    SELECT id, (SELECT MIN(admitted_at) FROM usage_records WHERE project_id = project.id),
        (SELECT MAX(admitted_at) FROM usage_records WHERE project_id = project.id),
        EXISTS (SELECT 1 FROM projects WHERE projects.id = project.id)
    FROM project WHERE id IS NOT NULL";

/// (the rule, the condition that breaks it, what is wrong)
const RULES: [(&str, &str, &str); 5] = [
    (
        "tokens",
        "MIN(COALESCE(input_tokens, 0), COALESCE(cache_read_tokens, 0), COALESCE(cache_write_tokens, 0),
            COALESCE(cache_write_1h_tokens, 0), COALESCE(output_tokens, 0), COALESCE(reasoning_tokens, 0)) < 0",
        "a count of tokens is below zero",
    ),
    ("cost", "MIN(COALESCE(cost_nano_usd, 0), COALESCE(rerated_nano_usd, 0)) < 0", "a cost is below zero"),
    ("price", "cost_nano_usd IS NOT NULL AND price_version IS NULL", "a cost has no price list behind it"),
    (
        "rerated",
        "(rerated_nano_usd IS NULL) + (rerated_price_version IS NULL) + (rerated_at IS NULL) IN (1, 2)",
        "a cost reckoned again lacks its price list or its time",
    ),
    (
        "tenant",
        "tenant_id <> (SELECT tenant_id FROM projects WHERE projects.id = project_id)",
        "the record names another tenant than its project's",
    ),
];

/// Attempts of a call are numbered from 1 without a gap. Records of before there were numbers all have 1.
const ATTEMPTS: &str = "SELECT operation_id, COUNT(*), MIN(attempt), MAX(attempt) FROM usage_records
    WHERE project_id = ?1 AND admitted_at >= ?2 AND admitted_at < ?3
    GROUP BY operation_id
    HAVING MIN(attempt) <> 1 OR (MAX(attempt) > 1 AND (COUNT(*) <> MAX(attempt) OR COUNT(DISTINCT attempt) <> COUNT(*)))
    LIMIT ?4";

pub(in super::super) fn projects(connection: &Connection) -> rusqlite::Result<Vec<LedgerProject>> {
    let project = |row: &Row<'_>| {
        Ok(LedgerProject { id: uuid(row, 0)?, first: row.get(1)?, last: row.get(2)?, is_known: row.get(3)? })
    };
    connection.prepare_cached(PROJECTS)?.query_map([], project)?.collect()
}

/// The days that have records or sums, from the first to the last record. Days between them are not looked at: one
/// record with a broken clock must not mean millions of them.
const DAYS: &str = "WITH RECURSIVE recorded (at) AS (
        SELECT MIN(admitted_at) FROM usage_records WHERE project_id = ?1 AND admitted_at >= ?2
        UNION ALL
        SELECT (SELECT MIN(admitted_at) FROM usage_records
            WHERE project_id = ?1 AND admitted_at >= (recorded.at / ?4 + 1) * ?4)
        FROM recorded WHERE recorded.at IS NOT NULL
    )
    SELECT at / ?4 * ?4 AS day FROM recorded WHERE at <= ?3
    UNION SELECT hour / ?4 * ?4 FROM usage_hours WHERE project_id = ?1 AND hour >= ?2 / ?4 * ?4 AND hour <= ?3
    UNION SELECT day FROM usage_days WHERE project_id = ?1 AND day >= ?2 / ?4 * ?4 AND day <= ?3
    ORDER BY day";

pub(in super::super) fn days(connection: &Connection, project: &LedgerProject) -> rusqlite::Result<Vec<i64>> {
    let mut statement = connection.prepare_cached(DAYS)?;
    let values = params![project.id.as_bytes(), project.first, project.last, DAY_MS];
    statement.query_map(values, |row| row.get(0))?.collect()
}

pub(in super::super) fn day(
    connection: &Connection,
    project: Uuid,
    day: i64,
    settled: i64,
    limit: u32,
) -> rusqlite::Result<Vec<Finding>> {
    let snapshot = connection.unchecked_transaction()?;
    let mut findings = Vec::new();
    let id = project.as_bytes();
    for (rule, broken, problem) in RULES {
        let mut statement = snapshot.prepare_cached(&format!(
            "SELECT attempt_id FROM usage_records
            WHERE project_id = ?1 AND admitted_at >= ?2 AND admitted_at < ?3 AND {broken} LIMIT ?4"
        ))?;
        let mut rows = statement.query(params![id, day, day + DAY_MS, limit])?;
        while let Some(row) = rows.next()? {
            findings.push(Finding { rule, at: uuid(row, 0)?.to_string(), problem: problem.to_owned() });
        }
    }
    let mut statement = snapshot.prepare_cached(ATTEMPTS)?;
    let mut rows = statement.query(params![id, day, settled.min(day + DAY_MS), limit])?;
    while let Some(row) = rows.next()? {
        let (records, first, last): (i64, i64, i64) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let problem = format!("the call has {records} records, numbered from {first} to {last}");
        findings.push(Finding { rule: "attempts", at: uuid(row, 0)?.to_string(), problem });
    }
    for sums in SUMS {
        sums.check(&snapshot, project, day, &mut findings)?;
    }
    findings.truncate(limit as usize);
    Ok(findings)
}

/// A table of sums, or a part of it, and how the same is had from the records.
struct Sums {
    rule: &'static str,
    /// The columns that are apart from those which both tables have, in the table and from the records.
    key: &'static str,
    from_records: &'static str,
    /// The table with its conditions, and where the records come from.
    table: &'static str,
    records: &'static str,
}

const SUMS: [Sums; 4] = [
    Sums {
        rule: "sums of hours",
        key: "hour",
        from_records: "admitted_at / 3600000 * 3600000",
        table: "usage_hours WHERE project_id = ?1 AND hour >= ?2 AND hour < ?3",
        records: "usage_records WHERE TRUE",
    },
    Sums {
        rule: "sums of users",
        key: "subject",
        from_records: "user_id",
        table: "usage_days WHERE project_id = ?1 AND day >= ?2 AND day < ?3 AND kind = 'user' AND name = ''",
        records: "usage_records WHERE user_id IS NOT NULL",
    },
    Sums {
        rule: "sums of sessions",
        key: "subject",
        from_records: "session_id",
        table: "usage_days WHERE project_id = ?1 AND day >= ?2 AND day < ?3 AND kind = 'session' AND name = ''",
        records: "usage_records WHERE session_id IS NOT NULL",
    },
    Sums {
        rule: "sums of tags",
        key: "json_array(name, subject)",
        from_records: "json_array(tag.key, tag.value)",
        table: "usage_days WHERE project_id = ?1 AND day >= ?2 AND day < ?3 AND kind = 'tag'",
        records: "usage_records, json_each(tags) AS tag WHERE TRUE",
    },
];

/// The key of a sum as texts, and the eleven columns of it.
type Summed = BTreeMap<Vec<String>, [i64; 11]>;

impl Sums {
    fn check(
        &self,
        connection: &Connection,
        project: Uuid,
        day: i64,
        findings: &mut Vec<Finding>,
    ) -> rusqlite::Result<()> {
        let Self { key, from_records, table, records, .. } = self;
        let kept = read(
            connection,
            &format!(
                "SELECT {key}, model, provider, tier, api_key_id, status, key_source, attempts, calls, input_tokens,
                    cache_read_tokens, cache_write_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens,
                    cost_nano_usd, unpriced, estimated
                FROM {table}"
            ),
            project,
            day,
        )?;
        let mut summed = read(
            connection,
            &format!(
                "SELECT {from_records}, model, provider, COALESCE(tier, ''), COALESCE(api_key_id, x''), status,
                    key_source, COUNT(*), SUM(attempt = 1), COALESCE(SUM(input_tokens), 0),
                    COALESCE(SUM(cache_read_tokens), 0), COALESCE(SUM(cache_write_tokens), 0),
                    COALESCE(SUM(cache_write_1h_tokens), 0), COALESCE(SUM(output_tokens), 0),
                    COALESCE(SUM(reasoning_tokens), 0), COALESCE(SUM({COST}), 0), SUM({COST} IS NULL), SUM(estimated)
                FROM {records} AND project_id = ?1 AND admitted_at >= ?2 AND admitted_at < ?3
                GROUP BY 1, 2, 3, 4, 5, 6, 7"
            ),
            project,
            day,
        )?;
        let mut found = |key: &[String], problem| {
            let at = format!("{}: {}", clock::rfc3339(day), key.join(" "));
            findings.push(Finding { rule: self.rule, at, problem });
        };
        for (key, kept) in kept {
            match summed.remove(&key) {
                Some(right) if right == kept => {}
                Some(right) => found(&key, format!("{kept:?} is kept, and the records give {right:?}")),
                None => found(&key, format!("{kept:?} is kept, and there are no such records")),
            }
        }
        for (key, right) in summed {
            found(&key, format!("nothing is kept, and the records give {right:?}"));
        }
        Ok(())
    }
}

fn read(connection: &Connection, sql: &str, project: Uuid, day: i64) -> rusqlite::Result<Summed> {
    let end = day + DAY_MS;
    let values: [&dyn ToSql; 3] = [project.as_bytes(), &day, &end];
    let mut statement = connection.prepare_cached(sql)?;
    let sum = |row: &Row<'_>| {
        let mut key = Vec::with_capacity(7);
        for column in 0..7 {
            key.push(match row.get_ref(column)? {
                ValueRef::Blob(bytes) => Uuid::from_slice(bytes).map(|id| id.to_string()).unwrap_or_default(),
                ValueRef::Integer(time) => clock::rfc3339(time),
                other => other.as_str().unwrap_or_default().to_owned(),
            });
        }
        let mut sums = [0; 11];
        for (column, sum) in sums.iter_mut().enumerate() {
            *sum = row.get(column + 7)?;
        }
        Ok((key, sums))
    };
    statement.query_map(values, sum)?.collect()
}
