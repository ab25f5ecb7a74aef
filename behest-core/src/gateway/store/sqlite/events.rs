//! Events in SQLite.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::values::{from_json, json, named, uuid, uuid_or_none};
use super::{Sqlite, webhooks};
use crate::gateway::store::events::{EventFilter, EventOrder, EventRow, EventStore, LedgerWatch};
use crate::gateway::store::{ProjectScope, StoreError};
use crate::types::event::EventKind;

#[async_trait]
impl EventStore for Sqlite {
    async fn add_events(&self, rows: Vec<EventRow>) -> Result<Vec<bool>, StoreError> {
        self.write(move |connection| rows.iter().map(|row| add(connection, row)).collect()).await
    }

    async fn events(
        &self,
        filter: EventFilter,
        order: EventOrder,
        limit: u32,
    ) -> Result<Vec<EventRow>, StoreError> {
        // By the order of ids, of all or of one scope, no more rows are read than given. What looks for more may pass
        // over many, and waits with the reports.
        let is_quick = filter.kinds.is_empty() && filter.since.is_none();
        let list = move |connection: &Connection| list(connection, &filter, order, limit);
        if is_quick { self.read(list).await } else { self.report(list).await }
    }

    async fn newest_event(&self) -> Result<Option<Uuid>, StoreError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT id FROM events ORDER BY id DESC LIMIT 1")?;
            statement.query_row([], |row| uuid(row, 0)).optional()
        })
        .await
    }

    async fn expire_events(&self, before: i64, limit: u32) -> Result<u64, StoreError> {
        self.write(move |connection| {
            let old = "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < ?1 LIMIT ?2)";
            let deleted = connection.execute(old, params![before, limit])? as u64;
            Ok(deleted.max(webhooks::expire(connection, before, limit)?))
        })
        .await
    }

    fn watch_ledger(&self, watch: LedgerWatch) {
        self.writer.watch_health(watch);
    }
}

fn add(connection: &Connection, row: &EventRow) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO events (id, kind, at, tenant_id, project_id, message, data, once)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
    )?;
    let added = statement.execute(params![
        row.id.as_bytes(),
        row.kind.as_str(),
        row.at,
        row.tenant.as_ref().map(Uuid::as_bytes),
        row.project.as_ref().map(Uuid::as_bytes),
        row.message,
        json(&row.data)?,
        row.once
    ])?;
    if added > 0 {
        webhooks::post(connection, row)?;
    }
    Ok(added > 0)
}

fn list(
    connection: &Connection,
    filter: &EventFilter,
    order: EventOrder,
    limit: u32,
) -> rusqlite::Result<Vec<EventRow>> {
    // Each scope is a statement of its own, so that each finds its index.
    let (scope, of) = match filter.scope {
        ProjectScope::All => ("?1 IS NULL", None),
        ProjectScope::Tenant(tenant) => ("tenant_id = ?1", Some(tenant)),
        ProjectScope::Project(project) => ("project_id = ?1", Some(project)),
    };
    let (from, side) = match order {
        EventOrder::NewestFirst(before) => (before.unwrap_or(Uuid::max()), "id < ?4 ORDER BY id DESC"),
        EventOrder::OldestFirst(after) => (after, "id > ?4 ORDER BY id"),
    };
    let kinds: Vec<&str> = filter.kinds.iter().map(|kind| kind.as_str()).collect();
    let kinds = if kinds.is_empty() { None } else { Some(json(&kinds)?) };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT id, kind, at, tenant_id, project_id, message, data, once FROM events
        WHERE {scope} AND (?2 IS NULL OR at >= ?2) AND (?3 IS NULL OR kind IN (SELECT value FROM json_each(?3)))
            AND {side} LIMIT ?5"
    ))?;
    let parameters = params![of.as_ref().map(Uuid::as_bytes), filter.since, kinds, from.as_bytes(), limit];
    statement.query_map(parameters, event_row)?.collect()
}

fn event_row(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow {
        id: uuid(row, 0)?,
        kind: named(row, 1, EventKind::parse)?,
        at: row.get(2)?,
        tenant: uuid_or_none(row, 3)?,
        project: uuid_or_none(row, 4)?,
        message: row.get(5)?,
        data: from_json(row, 6)?,
        once: row.get(7)?,
    })
}
