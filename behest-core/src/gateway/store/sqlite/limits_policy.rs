//! Tiers, budgets and kill switches in SQLite.

use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::policy;
use super::values::{from_json, json, named, uuid};
use crate::gateway::store::rows::{BudgetRow, KillRow, KillTarget, ProjectPolicy, TierRow};
use crate::types::budget::NewBudget;
use crate::types::kill::KillScope;

pub(super) fn project_policy(connection: &Connection, id: Uuid) -> rusqlite::Result<Option<ProjectPolicy>> {
    let Some(row) = policy::project(connection, id)? else { return Ok(None) };
    Ok(Some(ProjectPolicy { row, tiers: tiers(connection, id)?, budgets: budgets(connection, id)? }))
}

fn tiers(connection: &Connection, project: Uuid) -> rusqlite::Result<Vec<TierRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT project_id, name, overrides, created_at FROM tiers WHERE project_id = ?1 ORDER BY name",
    )?;
    statement.query_map(params![project.as_bytes()], tier_row)?.collect()
}

pub(super) fn add_tier(connection: &Connection, row: &TierRow, at_most: u32) -> rusqlite::Result<bool> {
    if count(connection, "SELECT count(*) FROM tiers WHERE project_id = ?1", row.project_id)? >= at_most {
        return Ok(false);
    }
    connection.execute(
        "INSERT INTO tiers (project_id, name, overrides, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![row.project_id.as_bytes(), row.name, json(&row.overrides)?, row.created_at],
    )?;
    Ok(true)
}

pub(super) fn put_tier(connection: &Connection, row: &TierRow, at_most: u32) -> rusqlite::Result<bool> {
    let replaced = connection.execute(
        "UPDATE tiers SET overrides = ?3 WHERE project_id = ?1 AND name = ?2",
        params![row.project_id.as_bytes(), row.name, json(&row.overrides)?],
    )?;
    if replaced > 0 { Ok(true) } else { add_tier(connection, row, at_most) }
}

pub(super) fn remove_tier(connection: &Connection, project: Uuid, name: &str) -> rusqlite::Result<bool> {
    let removed = connection.execute(
        "DELETE FROM tiers WHERE project_id = ?1 AND name = ?2",
        params![project.as_bytes(), name],
    )?;
    Ok(removed > 0)
}

fn budgets(connection: &Connection, project: Uuid) -> rusqlite::Result<Vec<BudgetRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, project_id, terms, created_at FROM budgets WHERE project_id = ?1 ORDER BY id",
    )?;
    statement.query_map(params![project.as_bytes()], budget_row)?.collect()
}

pub(super) fn add_budget(connection: &Connection, row: &BudgetRow, at_most: u32) -> rusqlite::Result<bool> {
    if count(connection, "SELECT count(*) FROM budgets WHERE project_id = ?1", row.project_id)? >= at_most {
        return Ok(false);
    }
    connection.execute(
        "INSERT INTO budgets (id, project_id, name, terms, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            row.id.as_bytes(),
            row.project_id.as_bytes(),
            row.terms.name,
            json(&row.terms)?,
            row.created_at
        ],
    )?;
    Ok(true)
}

pub(super) fn change_budget(
    connection: &Connection,
    project: Uuid,
    id: Uuid,
    terms: &NewBudget,
) -> rusqlite::Result<bool> {
    let changed = connection.execute(
        "UPDATE budgets SET name = ?3, terms = ?4 WHERE project_id = ?1 AND id = ?2",
        params![project.as_bytes(), id.as_bytes(), terms.name, json(terms)?],
    )?;
    Ok(changed > 0)
}

pub(super) fn remove_budget(connection: &Connection, project: Uuid, id: Uuid) -> rusqlite::Result<bool> {
    let removed = connection.execute(
        "DELETE FROM budgets WHERE project_id = ?1 AND id = ?2",
        params![project.as_bytes(), id.as_bytes()],
    )?;
    Ok(removed > 0)
}

fn count(connection: &Connection, query: &str, project: Uuid) -> rusqlite::Result<u32> {
    connection.prepare_cached(query)?.query_row(params![project.as_bytes()], |row| row.get(0))
}

const KILL: &str =
    "SELECT scope, tenant_id, project_id, user_id, api_key_id, reason, created_at FROM kill_switches";
/// One switch, by the values of its columns: `IS` compares nothing with nothing.
const THIS: &str =
    "scope = ?1 AND tenant_id IS ?2 AND project_id IS ?3 AND user_id IS ?4 AND api_key_id IS ?5";

pub(super) fn kill_switches(connection: &Connection) -> rusqlite::Result<Vec<KillRow>> {
    let mut statement = connection.prepare_cached(&format!("{KILL} ORDER BY created_at, rowid"))?;
    statement.query_map([], kill_row)?.collect()
}

/// Throws a switch; of one that is thrown already only the reason changes.
pub(super) fn throw(connection: &Connection, row: &KillRow) -> rusqlite::Result<KillRow> {
    let target = &row.target;
    let (tenant, project, api_key) = (target.tenant(), target.project(), target.api_key());
    let key = (
        target.scope().as_str(),
        tenant.as_ref().map(Uuid::as_bytes),
        project.as_ref().map(Uuid::as_bytes),
        target.user(),
        api_key.as_ref().map(Uuid::as_bytes),
    );
    let changed = connection.execute(
        &format!("UPDATE kill_switches SET reason = ?6 WHERE {THIS}"),
        params![key.0, key.1, key.2, key.3, key.4, row.reason],
    )?;
    if changed == 0 {
        connection.execute(
            "INSERT INTO kill_switches (scope, tenant_id, project_id, user_id, api_key_id, reason, created_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![key.0, key.1, key.2, key.3, key.4, row.reason, row.created_at],
        )?;
    }
    let mut statement = connection.prepare_cached(&format!("{KILL} WHERE {THIS}"))?;
    statement.query_row(params![key.0, key.1, key.2, key.3, key.4], kill_row)
}

/// Takes a switch back; `false` when it is not thrown.
pub(super) fn take_back(connection: &Connection, target: &KillTarget) -> rusqlite::Result<bool> {
    let (tenant, project, api_key) = (target.tenant(), target.project(), target.api_key());
    let removed = connection.execute(
        &format!("DELETE FROM kill_switches WHERE {THIS}"),
        params![
            target.scope().as_str(),
            tenant.as_ref().map(Uuid::as_bytes),
            project.as_ref().map(Uuid::as_bytes),
            target.user(),
            api_key.as_ref().map(Uuid::as_bytes)
        ],
    )?;
    Ok(removed > 0)
}

fn tier_row(row: &Row<'_>) -> rusqlite::Result<TierRow> {
    Ok(TierRow {
        project_id: uuid(row, 0)?,
        name: row.get(1)?,
        overrides: from_json(row, 2)?,
        created_at: row.get(3)?,
    })
}

fn budget_row(row: &Row<'_>) -> rusqlite::Result<BudgetRow> {
    Ok(BudgetRow {
        id: uuid(row, 0)?,
        project_id: uuid(row, 1)?,
        terms: from_json(row, 2)?,
        created_at: row.get(3)?,
    })
}

fn kill_row(row: &Row<'_>) -> rusqlite::Result<KillRow> {
    let target = match named(row, 0, KillScope::parse)? {
        KillScope::Global => KillTarget::Global,
        KillScope::Tenant => KillTarget::Tenant { tenant: uuid(row, 1)? },
        KillScope::Project => KillTarget::Project { tenant: uuid(row, 1)?, project: uuid(row, 2)? },
        KillScope::User => {
            KillTarget::User { tenant: uuid(row, 1)?, project: uuid(row, 2)?, user: row.get(3)? }
        }
        KillScope::Key => {
            KillTarget::Key { tenant: uuid(row, 1)?, project: uuid(row, 2)?, api_key: uuid(row, 4)? }
        }
    };
    Ok(KillRow { target, reason: row.get(5)?, created_at: row.get(6)? })
}
