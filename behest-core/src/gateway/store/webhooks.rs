//! Webhooks and their outbox as the store keeps them, and what is asked of it.

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreError;
use crate::types::event::EventKind;

/// An address that events are sent to.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookRow {
    /// Its id.
    pub id: Uuid,
    /// Where events are sent.
    pub url: String,
    /// Declared by the operator to stand on a private network.
    pub local: bool,
    /// Only events of these kinds; `None` is all.
    pub kinds: Option<Vec<EventKind>>,
    /// Only this tenant's events.
    pub tenant: Option<Uuid>,
    /// Only this project's events.
    pub project: Option<Uuid>,
    /// From the configuration file.
    pub from_file: bool,
    /// The secret of its signatures, encrypted.
    pub sealed_secret: String,
    /// Which master key sealed it.
    pub master_key_id: String,
    /// When it was added.
    pub created_at: i64,
    /// When it said that it is gone.
    pub disabled_at: Option<i64>,
}

/// One event on its way to one webhook.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryRow {
    /// Whereto.
    pub webhook: Uuid,
    /// Which event.
    pub event: Uuid,
    /// Its kind.
    pub kind: EventKind,
    /// What is sent: the event as JSON.
    pub body: String,
    /// When it was put here.
    pub created_at: i64,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried next; `None` when it is done or given up.
    pub next_at: Option<i64>,
    /// When it was tried last.
    pub last_at: Option<i64>,
    /// The status of the last answer.
    pub last_status: Option<u16>,
    /// Why there was no answer.
    pub last_error: Option<String>,
    /// It arrived.
    pub delivered: bool,
}

/// The part of the store that keeps webhooks. An event that is added is put into the outbox of every webhook that wants
/// it, in the same transaction.
#[async_trait]
pub trait WebhookStore: Send + Sync + 'static {
    /// Adds a webhook, or replaces the one with the same id.
    async fn put_webhook(&self, row: WebhookRow) -> Result<(), StoreError>;
    /// Lists webhooks, oldest first.
    async fn webhooks(&self) -> Result<Vec<WebhookRow>, StoreError>;
    /// Finds a webhook.
    async fn webhook(&self, id: Uuid) -> Result<Option<WebhookRow>, StoreError>;
    /// Removes a webhook with its outbox; `false` when it was not there.
    async fn remove_webhook(&self, id: Uuid) -> Result<bool, StoreError>;
    /// Sends nothing more to a webhook, and gives up what waits for it.
    async fn disable_webhook(&self, id: Uuid, now: i64) -> Result<(), StoreError>;
    /// Writes a webhook's secret sealed anew; `false` when what stands there is not `from`.
    async fn reseal_webhook(
        &self,
        id: Uuid,
        from: String,
        sealed: String,
        master_key_id: String,
    ) -> Result<bool, StoreError>;
    /// Puts a delivery into the outbox.
    async fn add_delivery(&self, row: DeliveryRow) -> Result<(), StoreError>;
    /// At most `limit` deliveries of a webhook whose time has come, the longest due first.
    async fn due_deliveries(
        &self,
        webhook: Uuid,
        now: i64,
        limit: u32,
    ) -> Result<Vec<DeliveryRow>, StoreError>;
    /// When the next delivery of a webhook is due.
    async fn next_delivery(&self, webhook: Uuid) -> Result<Option<i64>, StoreError>;
    /// Writes down how a try went.
    async fn note_delivery(&self, row: DeliveryRow) -> Result<(), StoreError>;
    /// A webhook's last `limit` deliveries, newest first.
    async fn deliveries(&self, webhook: Uuid, limit: u32) -> Result<Vec<DeliveryRow>, StoreError>;
}
