//! Webhooks and their outbox in SQLite.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::Sqlite;
use super::values::{from_json_or_none, json, named, uuid, uuid_or_none};
use crate::gateway::store::StoreError;
use crate::gateway::store::events::EventRow;
use crate::gateway::store::webhooks::{DeliveryRow, WebhookRow, WebhookStore};
use crate::types::event::EventKind;

const WEBHOOK: &str = "SELECT id, url, local, kinds, tenant_id, project_id, from_file, sealed_secret, \
    master_key_id, created_at, disabled_at FROM webhooks";
const DELIVERY: &str = "SELECT webhook_id, event_id, kind, body, created_at, tries, next_at, last_at, last_status, \
    last_error, delivered FROM webhook_deliveries";

#[async_trait]
impl WebhookStore for Sqlite {
    async fn put_webhook(&self, row: WebhookRow) -> Result<(), StoreError> {
        self.write(move |connection| put(connection, &row)).await
    }

    async fn webhooks(&self) -> Result<Vec<WebhookRow>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&format!("{WEBHOOK} ORDER BY created_at, id"))?;
            statement.query_map([], webhook_row)?.collect()
        })
        .await
    }

    async fn webhook(&self, id: Uuid) -> Result<Option<WebhookRow>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&format!("{WEBHOOK} WHERE id = ?1"))?;
            statement.query_row(params![id.as_bytes()], webhook_row).optional()
        })
        .await
    }

    async fn remove_webhook(&self, id: Uuid) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let removed = connection.execute("DELETE FROM webhooks WHERE id = ?1", params![id.as_bytes()])?;
            Ok(removed > 0)
        })
        .await
    }

    async fn disable_webhook(&self, id: Uuid, now: i64) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.execute(
                "UPDATE webhooks SET disabled_at = ?2 WHERE id = ?1 AND disabled_at IS NULL",
                params![id.as_bytes(), now],
            )?;
            connection.execute(
                "UPDATE webhook_deliveries SET next_at = NULL WHERE webhook_id = ?1 AND next_at IS NOT NULL",
                params![id.as_bytes()],
            )?;
            Ok(())
        })
        .await
    }

    async fn reseal_webhook(
        &self,
        id: Uuid,
        from: String,
        sealed: String,
        master_key_id: String,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let changed = connection.execute(
                "UPDATE webhooks SET sealed_secret = ?3, master_key_id = ?4 WHERE id = ?1 AND sealed_secret = ?2",
                params![id.as_bytes(), from, sealed, master_key_id],
            )?;
            Ok(changed > 0)
        })
        .await
    }

    async fn add_delivery(&self, row: DeliveryRow) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.execute(
                "INSERT INTO webhook_deliveries (webhook_id, event_id, kind, body, created_at, tries, next_at, \
                    delivered)
                VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, 0)",
                params![
                    row.webhook.as_bytes(),
                    row.event.as_bytes(),
                    row.kind.as_str(),
                    row.body,
                    row.created_at,
                    row.next_at
                ],
            )?;
            Ok(())
        })
        .await
    }

    async fn due_deliveries(
        &self,
        webhook: Uuid,
        now: i64,
        limit: u32,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "{DELIVERY} WHERE webhook_id = ?1 AND next_at <= ?2 ORDER BY next_at, event_id LIMIT ?3"
            ))?;
            statement.query_map(params![webhook.as_bytes(), now, limit], delivery_row)?.collect()
        })
        .await
    }

    async fn next_delivery(&self, webhook: Uuid) -> Result<Option<i64>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT min(next_at) FROM webhook_deliveries WHERE webhook_id = ?1 AND next_at IS NOT NULL",
            )?;
            statement.query_row(params![webhook.as_bytes()], |row| row.get(0))
        })
        .await
    }

    async fn note_delivery(&self, row: DeliveryRow) -> Result<(), StoreError> {
        self.write(move |connection| {
            // One that was under way when its address answered 410 to another is not tried again either.
            connection.execute(
                "UPDATE webhook_deliveries SET tries = ?3, next_at = CASE WHEN EXISTS \
                    (SELECT 1 FROM webhooks WHERE id = ?1 AND disabled_at IS NULL) THEN ?4 END, last_at = ?5, last_status = ?6, \
                    last_error = ?7, delivered = ?8
                WHERE webhook_id = ?1 AND event_id = ?2",
                params![
                    row.webhook.as_bytes(),
                    row.event.as_bytes(),
                    row.tries,
                    row.next_at,
                    row.last_at,
                    row.last_status,
                    row.last_error,
                    row.delivered
                ],
            )?;
            Ok(())
        })
        .await
    }

    async fn deliveries(&self, webhook: Uuid, limit: u32) -> Result<Vec<DeliveryRow>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "{DELIVERY} WHERE webhook_id = ?1 ORDER BY event_id DESC LIMIT ?2"
            ))?;
            statement.query_map(params![webhook.as_bytes(), limit], delivery_row)?.collect()
        })
        .await
    }
}

/// Puts an event into the outbox of every webhook that wants it.
pub(super) fn post(connection: &Connection, event: &EventRow) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO webhook_deliveries (webhook_id, event_id, kind, body, created_at, tries, next_at, delivered)
        SELECT id, ?1, ?2, ?3, ?4, 0, ?4, 0 FROM webhooks
        WHERE disabled_at IS NULL AND (kinds IS NULL OR ?2 IN (SELECT value FROM json_each(kinds)))
            AND (tenant_id IS NULL OR tenant_id = ?5) AND (project_id IS NULL OR project_id = ?6)",
    )?;
    statement.execute(params![
        event.id.as_bytes(),
        event.kind.as_str(),
        json(&event.to_event())?,
        event.at,
        event.tenant.as_ref().map(Uuid::as_bytes),
        event.project.as_ref().map(Uuid::as_bytes)
    ])?;
    Ok(())
}

/// Deletes at most `limit` deliveries from before `before`, whatever became of them; gives how many.
pub(super) fn expire(connection: &Connection, before: i64, limit: u32) -> rusqlite::Result<u64> {
    let deleted = connection.execute(
        "DELETE FROM webhook_deliveries WHERE (webhook_id, event_id) IN
            (SELECT webhook_id, event_id FROM webhook_deliveries WHERE created_at < ?1 LIMIT ?2)",
        params![before, limit],
    )?;
    Ok(deleted as u64)
}

fn put(connection: &Connection, row: &WebhookRow) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO webhooks (id, url, local, kinds, tenant_id, project_id, from_file, sealed_secret,
            master_key_id, created_at, disabled_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
        ON CONFLICT (id) DO UPDATE SET url = excluded.url, local = excluded.local, kinds = excluded.kinds,
            tenant_id = excluded.tenant_id, project_id = excluded.project_id, from_file = excluded.from_file,
            sealed_secret = excluded.sealed_secret, master_key_id = excluded.master_key_id,
            disabled_at = excluded.disabled_at",
        params![
            row.id.as_bytes(),
            row.url,
            row.local,
            row.kinds.as_ref().map(json).transpose()?,
            row.tenant.as_ref().map(Uuid::as_bytes),
            row.project.as_ref().map(Uuid::as_bytes),
            row.from_file,
            row.sealed_secret,
            row.master_key_id,
            row.created_at,
            row.disabled_at
        ],
    )?;
    Ok(())
}

fn webhook_row(row: &Row<'_>) -> rusqlite::Result<WebhookRow> {
    Ok(WebhookRow {
        id: uuid(row, 0)?,
        url: row.get(1)?,
        local: row.get(2)?,
        kinds: from_json_or_none(row, 3)?,
        tenant: uuid_or_none(row, 4)?,
        project: uuid_or_none(row, 5)?,
        from_file: row.get(6)?,
        sealed_secret: row.get(7)?,
        master_key_id: row.get(8)?,
        created_at: row.get(9)?,
        disabled_at: row.get(10)?,
    })
}

fn delivery_row(row: &Row<'_>) -> rusqlite::Result<DeliveryRow> {
    Ok(DeliveryRow {
        webhook: uuid(row, 0)?,
        event: uuid(row, 1)?,
        kind: named(row, 2, EventKind::parse)?,
        body: row.get(3)?,
        created_at: row.get(4)?,
        tries: row.get(5)?,
        next_at: row.get(6)?,
        last_at: row.get(7)?,
        last_status: row.get(8)?,
        last_error: row.get(9)?,
        delivered: row.get(10)?,
    })
}
