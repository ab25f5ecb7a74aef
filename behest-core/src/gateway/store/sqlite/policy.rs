//! Tenants, projects and keys in SQLite.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::values::{from_json, from_json_or_none, json, named, uuid};
use crate::gateway::store::ProjectScope;
use crate::gateway::store::rows::{ApiKeyRow, ProjectRow, SigningKeyRow, TenantRow};
use crate::types::control::{Plan, ProjectSettings, ProjectStatus};
use crate::types::mint::Role;

pub(super) fn value(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    let mut statement = connection.prepare_cached("SELECT value FROM gateway_values WHERE name = ?1")?;
    statement.query_row(params![name], |row| row.get(0)).optional()
}

pub(super) fn value_or_insert(connection: &Connection, name: &str, value: &str) -> rusqlite::Result<String> {
    connection.execute(
        "INSERT INTO gateway_values (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING",
        params![name, value],
    )?;
    connection.query_row("SELECT value FROM gateway_values WHERE name = ?1", params![name], |row| row.get(0))
}

/// Writes `to`, or nothing, in the place of `from`; `false` when another value stands there.
pub(super) fn change_value(
    connection: &Connection,
    name: &str,
    from: Option<&str>,
    to: Option<&str>,
) -> rusqlite::Result<bool> {
    let changed = match (from, to) {
        (None, None) => 0,
        (None, Some(to)) => connection.execute(
            "INSERT INTO gateway_values (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING",
            params![name, to],
        )?,
        (Some(from), None) => connection
            .execute("DELETE FROM gateway_values WHERE name = ?1 AND value = ?2", params![name, from])?,
        (Some(from), Some(to)) => connection.execute(
            "UPDATE gateway_values SET value = ?3 WHERE name = ?1 AND value = ?2",
            params![name, from, to],
        )?,
    };
    Ok(changed > 0)
}

pub(super) fn add_tenant(connection: &Connection, row: &TenantRow) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO tenants (id, name, plan, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![row.id.as_bytes(), row.name, row.plan.as_str(), row.created_at],
    )?;
    Ok(())
}

pub(super) fn tenant(connection: &Connection, id: Uuid) -> rusqlite::Result<Option<TenantRow>> {
    let mut statement =
        connection.prepare_cached("SELECT id, name, plan, created_at FROM tenants WHERE id = ?1")?;
    statement.query_row(params![id.as_bytes()], tenant_row).optional()
}

pub(super) fn tenants(connection: &Connection) -> rusqlite::Result<Vec<TenantRow>> {
    let mut statement = connection
        .prepare_cached("SELECT id, name, plan, created_at FROM tenants ORDER BY created_at, id")?;
    statement.query_map([], tenant_row)?.collect()
}

const PROJECT: &str = "SELECT id, tenant_id, slug, name, status, created_at, deployed, draft FROM projects";

pub(super) fn add_project(connection: &Connection, row: &ProjectRow) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO projects (id, tenant_id, slug, name, status, created_at, deployed, draft)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            row.id.as_bytes(),
            row.tenant_id.as_bytes(),
            row.slug,
            row.name,
            status_name(row.status),
            row.created_at,
            json(&row.deployed)?,
            row.draft.as_ref().map(json).transpose()?
        ],
    )?;
    Ok(())
}

pub(super) fn project(connection: &Connection, id: Uuid) -> rusqlite::Result<Option<ProjectRow>> {
    let mut statement = connection.prepare_cached(&format!("{PROJECT} WHERE id = ?1"))?;
    statement.query_row(params![id.as_bytes()], project_row).optional()
}

pub(super) fn project_by_slug(connection: &Connection, slug: &str) -> rusqlite::Result<Option<ProjectRow>> {
    let mut statement = connection.prepare_cached(&format!("{PROJECT} WHERE slug = ?1"))?;
    statement.query_row(params![slug], project_row).optional()
}

pub(super) fn projects(connection: &Connection, scope: ProjectScope) -> rusqlite::Result<Vec<ProjectRow>> {
    let (tenant, project) = match scope {
        ProjectScope::All => (None, None),
        ProjectScope::Tenant(tenant) => (Some(tenant), None),
        ProjectScope::Project(project) => (None, Some(project)),
    };
    let mut statement = connection.prepare_cached(&format!(
        "{PROJECT} WHERE (?1 IS NULL OR tenant_id = ?1) AND (?2 IS NULL OR id = ?2) ORDER BY created_at, id"
    ))?;
    let tenant = tenant.as_ref().map(Uuid::as_bytes);
    let project = project.as_ref().map(Uuid::as_bytes);
    statement.query_map(params![tenant, project], project_row)?.collect()
}

pub(super) fn change_project(
    connection: &Connection,
    id: Uuid,
    name: Option<&str>,
    status: Option<ProjectStatus>,
) -> rusqlite::Result<Option<ProjectRow>> {
    connection.execute(
        "UPDATE projects SET name = COALESCE(?2, name), status = COALESCE(?3, status) WHERE id = ?1",
        params![id.as_bytes(), name, status.map(status_name)],
    )?;
    project(connection, id)
}

pub(super) fn set_draft(
    connection: &Connection,
    id: Uuid,
    draft: Option<&ProjectSettings>,
) -> rusqlite::Result<bool> {
    let changed = match draft {
        Some(draft) => connection
            .execute("UPDATE projects SET draft = ?2 WHERE id = ?1", params![id.as_bytes(), json(draft)?])?,
        None => connection.execute(
            "UPDATE projects SET draft = NULL WHERE id = ?1 AND draft IS NOT NULL",
            params![id.as_bytes()],
        )?,
    };
    Ok(changed > 0)
}

pub(super) fn deploy_draft(connection: &Connection, id: Uuid) -> rusqlite::Result<bool> {
    let changed = connection.execute(
        "UPDATE projects SET deployed = draft, draft = NULL WHERE id = ?1 AND draft IS NOT NULL",
        params![id.as_bytes()],
    )?;
    Ok(changed > 0)
}

const API_KEY: &str =
    "SELECT id, project_id, name, role, lookup, hash, last_four, created_at, revoked_at FROM api_keys";

pub(super) fn add_api_key(connection: &Connection, row: &ApiKeyRow) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO api_keys (id, project_id, name, role, lookup, hash, last_four, created_at, revoked_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            row.id.as_bytes(),
            row.project_id.as_bytes(),
            row.name,
            row.role.as_str(),
            row.lookup,
            row.hash,
            row.last_four,
            row.created_at,
            row.revoked_at
        ],
    )?;
    Ok(())
}

pub(super) fn api_key(connection: &Connection, lookup: [u8; 32]) -> rusqlite::Result<Option<ApiKeyRow>> {
    let mut statement = connection.prepare_cached(&format!("{API_KEY} WHERE lookup = ?1"))?;
    statement.query_row(params![lookup], api_key_row).optional()
}

pub(super) fn api_key_by_id(connection: &Connection, id: Uuid) -> rusqlite::Result<Option<ApiKeyRow>> {
    let mut statement = connection.prepare_cached(&format!("{API_KEY} WHERE id = ?1"))?;
    statement.query_row(params![id.as_bytes()], api_key_row).optional()
}

pub(super) fn api_keys(connection: &Connection, project: Uuid) -> rusqlite::Result<Vec<ApiKeyRow>> {
    let mut statement =
        connection.prepare_cached(&format!("{API_KEY} WHERE project_id = ?1 ORDER BY created_at, id"))?;
    statement.query_map(params![project.as_bytes()], api_key_row)?.collect()
}

pub(super) fn revoke_api_key(
    connection: &Connection,
    project: Uuid,
    id: Uuid,
    now: i64,
) -> rusqlite::Result<Option<[u8; 32]>> {
    let mut statement = connection.prepare_cached(
        "UPDATE api_keys SET revoked_at = ?3 WHERE project_id = ?1 AND id = ?2 AND revoked_at IS NULL
        RETURNING lookup",
    )?;
    statement.query_row(params![project.as_bytes(), id.as_bytes(), now], |row| row.get(0)).optional()
}

const SIGNING_KEY: &str = "SELECT kid, tenant_id, name, jwk, created_at, revoked_at FROM signing_keys";

pub(super) fn add_signing_key(connection: &Connection, row: &SigningKeyRow) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO signing_keys (kid, tenant_id, name, jwk, created_at, revoked_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![row.kid, row.tenant_id.as_bytes(), row.name, json(&row.jwk)?, row.created_at, row.revoked_at],
    )?;
    Ok(())
}

pub(super) fn signing_key(connection: &Connection, kid: &str) -> rusqlite::Result<Option<SigningKeyRow>> {
    let mut statement = connection.prepare_cached(&format!("{SIGNING_KEY} WHERE kid = ?1"))?;
    statement.query_row(params![kid], signing_key_row).optional()
}

pub(super) fn signing_keys(
    connection: &Connection,
    tenant: Option<Uuid>,
) -> rusqlite::Result<Vec<SigningKeyRow>> {
    let mut statement = connection.prepare_cached(&format!(
        "{SIGNING_KEY} WHERE (?1 IS NULL OR tenant_id = ?1) ORDER BY created_at, kid"
    ))?;
    statement.query_map(params![tenant.as_ref().map(Uuid::as_bytes)], signing_key_row)?.collect()
}

pub(super) fn revoke_signing_key(
    connection: &Connection,
    tenant: Uuid,
    kid: &str,
    now: i64,
) -> rusqlite::Result<bool> {
    let changed = connection.execute(
        "UPDATE signing_keys SET revoked_at = ?3 WHERE tenant_id = ?1 AND kid = ?2 AND revoked_at IS NULL",
        params![tenant.as_bytes(), kid, now],
    )?;
    Ok(changed > 0)
}

fn tenant_row(row: &Row<'_>) -> rusqlite::Result<TenantRow> {
    Ok(TenantRow {
        id: uuid(row, 0)?,
        name: row.get(1)?,
        plan: named(row, 2, Plan::parse)?,
        created_at: row.get(3)?,
    })
}

fn project_row(row: &Row<'_>) -> rusqlite::Result<ProjectRow> {
    Ok(ProjectRow {
        id: uuid(row, 0)?,
        tenant_id: uuid(row, 1)?,
        slug: row.get(2)?,
        name: row.get(3)?,
        status: named(row, 4, |name| match name {
            "active" => Some(ProjectStatus::Active),
            "suspended" => Some(ProjectStatus::Suspended),
            _ => None,
        })?,
        created_at: row.get(5)?,
        deployed: from_json(row, 6)?,
        draft: from_json_or_none(row, 7)?,
    })
}

fn api_key_row(row: &Row<'_>) -> rusqlite::Result<ApiKeyRow> {
    Ok(ApiKeyRow {
        id: uuid(row, 0)?,
        project_id: uuid(row, 1)?,
        name: row.get(2)?,
        role: named(row, 3, Role::parse)?,
        lookup: row.get(4)?,
        hash: row.get(5)?,
        last_four: row.get(6)?,
        created_at: row.get(7)?,
        revoked_at: row.get(8)?,
    })
}

fn signing_key_row(row: &Row<'_>) -> rusqlite::Result<SigningKeyRow> {
    Ok(SigningKeyRow {
        kid: row.get(0)?,
        tenant_id: uuid(row, 1)?,
        name: row.get(2)?,
        jwk: from_json(row, 3)?,
        created_at: row.get(4)?,
        revoked_at: row.get(5)?,
    })
}

const fn status_name(status: ProjectStatus) -> &'static str {
    match status {
        ProjectStatus::Active => "active",
        ProjectStatus::Suspended => "suspended",
    }
}
