//! Events as the store keeps them, and what is asked of it.

use async_trait::async_trait;
use serde_json::Value;
use uuid::Uuid;

use super::{ProjectScope, StoreError};
use crate::gateway::clock;
use crate::types::event::{Event, EventKind};

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRow {
    /// UUIDv7; greater than that of every event before it.
    pub id: Uuid,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: i64,
    /// Whose; `None` for the gateway's own.
    pub tenant: Option<Uuid>,
    /// Whose; `None` for a tenant's and the gateway's own.
    pub project: Option<Uuid>,
    /// One sentence for people.
    pub message: String,
    /// Numbers and names that belong to the kind.
    pub data: Value,
    /// Events with the same text here are one.
    pub once: Option<String>,
}

impl EventRow {
    /// As it goes over the wire.
    #[must_use]
    pub fn to_event(&self) -> Event {
        Event {
            id: self.id.to_string(),
            kind: self.kind,
            at: clock::rfc3339(self.at),
            tenant_id: self.tenant.map(|id| id.to_string()),
            project_id: self.project.map(|id| id.to_string()),
            message: self.message.clone(),
            data: self.data.clone(),
        }
    }
}

/// Which events somebody may see, and wants to.
#[derive(Debug, Clone)]
pub struct EventFilter {
    /// Whose. A tenant's scope holds its projects' events, and a project's only its own.
    pub scope: ProjectScope,
    /// Of these kinds; of all when empty.
    pub kinds: Vec<EventKind>,
    /// Not before.
    pub since: Option<i64>,
}

impl EventFilter {
    /// Whether it lets `event` through.
    #[must_use]
    pub fn shows(&self, event: &EventRow) -> bool {
        let in_scope = match self.scope {
            ProjectScope::All => true,
            ProjectScope::Tenant(tenant) => event.tenant == Some(tenant),
            ProjectScope::Project(project) => event.project == Some(project),
        };
        let wanted = self.kinds.is_empty() || self.kinds.contains(&event.kind);
        in_scope && wanted && self.since.is_none_or(|since| event.at >= since)
    }
}

/// From where events are read, and in which direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventOrder {
    /// Those before this one, or the last of all.
    NewestFirst(Option<Uuid>),
    /// Those after this one.
    OldestFirst(Uuid),
}

/// A change of the ledger's health: why it cannot be written, or nothing when it can again.
pub type LedgerWatch = Box<dyn Fn(Result<(), StoreError>) + Send + Sync>;

/// The part of the store that keeps events.
#[async_trait]
pub trait EventStore: Send + Sync + 'static {
    /// Adds events, all in one transaction; says of each whether it is new. One whose `once` is there already is not.
    async fn add_events(&self, rows: Vec<EventRow>) -> Result<Vec<bool>, StoreError>;
    /// Reads at most `limit` events.
    async fn events(
        &self,
        filter: EventFilter,
        order: EventOrder,
        limit: u32,
    ) -> Result<Vec<EventRow>, StoreError>;
    /// The greatest id of all.
    async fn newest_event(&self) -> Result<Option<Uuid>, StoreError>;
    /// Deletes at most `limit` events and as many deliveries of them from before `before`; gives how many of the more.
    async fn expire_events(&self, before: i64, limit: u32) -> Result<u64, StoreError>;
    /// Tells `watch` of every change of the ledger's health, from the thread that writes: it must not wait. Only the
    /// first call counts.
    fn watch_ledger(&self, watch: LedgerWatch);
}
