//! Providers in SQLite, and what a change of the master key writes.

use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::values::{from_json_or_none, json, uuid};
use crate::gateway::store::rows::{Owner, ProviderRow};

const PROVIDER: &str = "SELECT id, tenant_id, project_id, name, base_url, local, sealed_key, master_key_id, \
    last_four, models, created_at FROM providers";

pub(super) fn put(connection: &Connection, row: &ProviderRow) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT OR REPLACE INTO providers (id, tenant_id, project_id, name, base_url, local, sealed_key,
            master_key_id, last_four, models, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            row.id.as_bytes(),
            row.owner.tenant().as_bytes(),
            row.owner.project().as_ref().map(Uuid::as_bytes),
            row.name,
            row.base_url,
            row.local,
            row.sealed_key,
            row.master_key_id,
            row.last_four,
            row.models.as_ref().map(json).transpose()?,
            row.created_at
        ],
    )?;
    Ok(())
}

pub(super) fn of_owner(connection: &Connection, owner: Owner) -> rusqlite::Result<Vec<ProviderRow>> {
    let mut statement = connection
        .prepare_cached(&format!("{PROVIDER} WHERE tenant_id = ?1 AND project_id IS ?2 ORDER BY name"))?;
    let project = owner.project();
    statement
        .query_map(params![owner.tenant().as_bytes(), project.as_ref().map(Uuid::as_bytes)], provider_row)?
        .collect()
}

pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<ProviderRow>> {
    let mut statement =
        connection.prepare_cached(&format!("{PROVIDER} ORDER BY tenant_id, project_id, name"))?;
    statement.query_map([], provider_row)?.collect()
}

pub(super) fn remove(connection: &Connection, owner: Owner, name: &str) -> rusqlite::Result<bool> {
    let project = owner.project();
    let removed = connection.execute(
        "DELETE FROM providers WHERE tenant_id = ?1 AND project_id IS ?2 AND name = ?3",
        params![owner.tenant().as_bytes(), project.as_ref().map(Uuid::as_bytes), name],
    )?;
    Ok(removed > 0)
}

pub(super) fn reseal(
    connection: &Connection,
    id: Uuid,
    from: &str,
    sealed: &str,
    master_key_id: &str,
) -> rusqlite::Result<bool> {
    let changed = connection.execute(
        "UPDATE providers SET sealed_key = ?3, master_key_id = ?4 WHERE id = ?1 AND sealed_key = ?2",
        params![id.as_bytes(), from, sealed, master_key_id],
    )?;
    Ok(changed > 0)
}

fn provider_row(row: &Row<'_>) -> rusqlite::Result<ProviderRow> {
    let tenant = uuid(row, 1)?;
    let project = row.get::<_, Option<[u8; 16]>>(2)?.map(Uuid::from_bytes);
    Ok(ProviderRow {
        id: uuid(row, 0)?,
        owner: project.map_or(Owner::Tenant(tenant), |project| Owner::Project { tenant, project }),
        name: row.get(3)?,
        base_url: row.get(4)?,
        local: row.get(5)?,
        sealed_key: row.get(6)?,
        master_key_id: row.get(7)?,
        last_four: row.get(8)?,
        models: from_json_or_none(row, 9)?,
        created_at: row.get(10)?,
    })
}
