//! Conversations in SQLite.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::values::{count, uuid};
use crate::gateway::memory::{MAX_RECALLED_BYTES, SESSION_LIFETIME_MS};
use crate::gateway::store::rows::{
    ConversationKey, ConversationKind, ConversationRow, Expiry, History, MessageRow, NewTurn,
};

pub(super) fn history(
    connection: &Connection,
    key: &ConversationKey,
    limit: u32,
    now: i64,
) -> rusqlite::Result<History> {
    let deletions = deletions(connection, key)?;
    let last_used: Option<i64> = conversation(connection, key)?.map(|row| row.last_message_at);
    let expired = key.kind == ConversationKind::Session
        && last_used.is_some_and(|last_used| last_used < now - SESSION_LIFETIME_MS);
    if last_used.is_none() || expired {
        return Ok(History { messages: Vec::new(), deletions });
    }
    let mut statement = connection.prepare_cached(
        "SELECT id, body, incomplete, turn, created_at FROM messages
        WHERE kind = ?1 AND project_id = ?2 AND user_id = ?3 AND conversation_id = ?4
        ORDER BY seq DESC LIMIT ?5",
    )?;
    let rows = statement.query_map(
        params![key.kind.as_str(), key.project_id.as_bytes(), key.user_id, key.id, limit],
        message,
    )?;
    let mut messages = Vec::new();
    let mut bytes = 0;
    for row in rows {
        let row = row?;
        bytes += row.body.get().len();
        if bytes > MAX_RECALLED_BYTES {
            break;
        }
        messages.push(row);
    }
    messages.reverse();
    Ok(History { messages, deletions })
}

pub(super) fn threads(
    connection: &Connection,
    project: Uuid,
    user: &str,
    limit: u32,
    before: Option<i64>,
) -> rusqlite::Result<Vec<ConversationRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, title, created_at, last_message_at, messages FROM conversations
        WHERE kind = 'thread' AND project_id = ?1 AND user_id = ?2 AND last_message_at < ?3
        ORDER BY last_message_at DESC, id LIMIT ?4",
    )?;
    let before = before.unwrap_or(i64::MAX);
    let rows = statement.query_map(params![project.as_bytes(), user, before, limit], conversation_row)?;
    rows.collect()
}

pub(super) fn conversation(
    connection: &Connection,
    key: &ConversationKey,
) -> rusqlite::Result<Option<ConversationRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, title, created_at, last_message_at, messages FROM conversations
        WHERE kind = ?1 AND project_id = ?2 AND user_id = ?3 AND id = ?4",
    )?;
    statement
        .query_row(
            params![key.kind.as_str(), key.project_id.as_bytes(), key.user_id, key.id],
            conversation_row,
        )
        .optional()
}

pub(super) fn messages(connection: &Connection, key: &ConversationKey) -> rusqlite::Result<Vec<MessageRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, body, incomplete, turn, created_at FROM messages
        WHERE kind = ?1 AND project_id = ?2 AND user_id = ?3 AND conversation_id = ?4 ORDER BY seq",
    )?;
    let rows = statement
        .query_map(params![key.kind.as_str(), key.project_id.as_bytes(), key.user_id, key.id], message)?;
    rows.collect()
}

/// Stores a turn, unless its conversation was deleted since its history was read.
pub(super) fn add_turn(connection: &Connection, turn: &NewTurn) -> rusqlite::Result<()> {
    let key = &turn.key;
    if deletions(connection, key)? != turn.deletions {
        return Ok(());
    }
    let scope = (key.kind.as_str(), key.project_id.as_bytes(), &key.user_id, &key.id);
    if key.kind == ConversationKind::Session {
        // A session that has outlived its time begins anew.
        let last_used = conversation(connection, key)?.map(|row| row.last_message_at);
        if last_used.is_some_and(|last_used| last_used < turn.now - SESSION_LIFETIME_MS) {
            remove(connection, key)?;
        }
    }
    connection
        .prepare_cached(
            "INSERT INTO conversations (kind, project_id, user_id, id, title, created_at, last_message_at, messages)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)
            ON CONFLICT (kind, project_id, user_id, id) DO UPDATE SET
                last_message_at = MAX(last_message_at, excluded.last_message_at),
                messages = messages + excluded.messages,
                title = COALESCE(title, excluded.title)",
        )?
        .execute(params![
            scope.0,
            scope.1,
            scope.2,
            scope.3,
            turn.title,
            turn.now,
            turn.messages.len() as i64
        ])?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO messages (kind, project_id, user_id, conversation_id, id, turn, body, incomplete, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for (body, incomplete) in &turn.messages {
        statement.execute(params![
            scope.0,
            scope.1,
            scope.2,
            scope.3,
            Uuid::now_v7().as_bytes(),
            turn.turn.as_bytes(),
            body.get(),
            incomplete,
            turn.now
        ])?;
    }
    turn.window.map_or(Ok(()), |window| slide(connection, key, window))
}

/// Leaves a session its last `window` messages.
fn slide(connection: &Connection, key: &ConversationKey, window: u32) -> rusqlite::Result<()> {
    let scope = params![key.kind.as_str(), key.project_id.as_bytes(), key.user_id, key.id, window];
    let gone = connection
        .prepare_cached(
            "DELETE FROM messages WHERE kind = ?1 AND project_id = ?2 AND user_id = ?3 AND conversation_id = ?4
                AND seq <= (SELECT seq FROM messages WHERE kind = ?1 AND project_id = ?2 AND user_id = ?3
                    AND conversation_id = ?4 ORDER BY seq DESC LIMIT 1 OFFSET ?5)",
        )?
        .execute(scope)?;
    connection
        .prepare_cached(
            "UPDATE conversations SET messages = messages - ?5
            WHERE kind = ?1 AND project_id = ?2 AND user_id = ?3 AND id = ?4",
        )?
        .execute(params![key.kind.as_str(), key.project_id.as_bytes(), key.user_id, key.id, gone as i64])?;
    Ok(())
}

pub(super) fn delete(connection: &Connection, key: &ConversationKey) -> rusqlite::Result<bool> {
    if !remove(connection, key)? {
        return Ok(false);
    }
    connection
        .prepare_cached(
            "INSERT INTO conversation_deletions (kind, project_id, user_id, id, deletions)
            VALUES (?1, ?2, ?3, ?4, 1)
            ON CONFLICT (kind, project_id, user_id, id) DO UPDATE SET deletions = deletions + 1",
        )?
        .execute(params![key.kind.as_str(), key.project_id.as_bytes(), key.user_id, key.id])?;
    Ok(true)
}

pub(super) fn expire(
    connection: &Connection,
    scope: Expiry,
    before: i64,
    limit: u32,
) -> rusqlite::Result<u64> {
    let (kind, project) = match scope {
        Expiry::Sessions => (ConversationKind::Session, None),
        Expiry::Threads(project) => (ConversationKind::Thread, Some(project)),
    };
    let mut statement = connection.prepare_cached(
        "SELECT project_id, user_id, id FROM conversations
        WHERE kind = ?1 AND last_message_at < ?2 AND (?3 IS NULL OR project_id = ?3) LIMIT ?4",
    )?;
    let keys = statement
        .query_map(
            params![kind.as_str(), before, project.as_ref().map(|project| project.as_bytes()), limit],
            |row| {
                Ok(ConversationKey { kind, project_id: uuid(row, 0)?, user_id: row.get(1)?, id: row.get(2)? })
            },
        )?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for key in &keys {
        remove(connection, key)?;
    }
    Ok(keys.len() as u64)
}

fn remove(connection: &Connection, key: &ConversationKey) -> rusqlite::Result<bool> {
    let scope = params![key.kind.as_str(), key.project_id.as_bytes(), key.user_id, key.id];
    connection
        .prepare_cached(
            "DELETE FROM messages WHERE kind = ?1 AND project_id = ?2 AND user_id = ?3 AND conversation_id = ?4",
        )?
        .execute(scope)?;
    let removed = connection
        .prepare_cached(
            "DELETE FROM conversations WHERE kind = ?1 AND project_id = ?2 AND user_id = ?3 AND id = ?4",
        )?
        .execute(params![key.kind.as_str(), key.project_id.as_bytes(), key.user_id, key.id])?;
    Ok(removed > 0)
}

fn deletions(connection: &Connection, key: &ConversationKey) -> rusqlite::Result<i64> {
    let mut statement = connection.prepare_cached(
        "SELECT deletions FROM conversation_deletions
        WHERE kind = ?1 AND project_id = ?2 AND user_id = ?3 AND id = ?4",
    )?;
    let found = statement
        .query_row(params![key.kind.as_str(), key.project_id.as_bytes(), key.user_id, key.id], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(found.unwrap_or(0))
}

fn conversation_row(row: &Row<'_>) -> rusqlite::Result<ConversationRow> {
    Ok(ConversationRow {
        id: row.get(0)?,
        title: row.get(1)?,
        created_at: row.get(2)?,
        last_message_at: row.get(3)?,
        messages: count(row, 4)?,
    })
}

fn message(row: &Row<'_>) -> rusqlite::Result<MessageRow> {
    let body = RawValue::from_string(row.get(1)?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(MessageRow {
        id: uuid(row, 0)?,
        body: Arc::from(body),
        incomplete: row.get(2)?,
        turn: uuid(row, 3)?,
        created_at: row.get(4)?,
    })
}
