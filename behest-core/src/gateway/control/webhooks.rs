//! Webhooks: set by the operator, whose secrets go in sealed and are shown once.

use uuid::Uuid;

use super::access::Admin;
use super::{ControlError, projects, tenants};
use crate::gateway::events::{address, secrets, signature};
use crate::gateway::refusal::Refusal;
use crate::gateway::store::webhooks::{DeliveryRow, WebhookRow};
use crate::gateway::{Gateway, clock};
use crate::types::event::{Event, EventKind};
use crate::types::webhook::{CreatedWebhook, Delivery, DeliveryState, NewWebhook, Webhook};

/// How many webhooks there may be: each has connections of its own.
const MOST: usize = 64;
/// How many deliveries are listed.
const LISTED: u32 = 100;

/// Lists webhooks.
pub async fn list(gateway: &Gateway, admin: Admin) -> Result<Vec<Webhook>, Refusal> {
    admin.operator_only()?;
    Ok(gateway.store().webhooks().await?.iter().map(view).collect())
}

/// Shows a webhook.
pub async fn show(gateway: &Gateway, admin: Admin, id: &str) -> Result<Webhook, Refusal> {
    Ok(view(&find(gateway, admin, id).await?))
}

/// Adds a webhook.
pub async fn create(gateway: &Gateway, admin: Admin, new: NewWebhook) -> Result<CreatedWebhook, Refusal> {
    admin.operator_only()?;
    let url =
        address::check(&new.url, new.local).map_err(|error| ControlError::field("url", error.to_string()))?;
    if new.kinds.as_ref().is_some_and(Vec::is_empty) {
        return Err(ControlError::field("kinds", "names at least one kind, or is left out for all").into());
    }
    let mut tenant = match &new.tenant_id {
        Some(tenant) => Some(tenants::find(gateway, admin, tenant).await?.id),
        None => None,
    };
    let project = match &new.project_id {
        Some(project) => Some(projects::find(gateway, admin, project).await?),
        None => None,
    };
    if let Some(project) = &project
        && *tenant.get_or_insert(project.row.tenant_id) != project.row.tenant_id
    {
        return Err(ControlError::field("project_id", "is a project of another tenant").into());
    }
    if gateway.store().webhooks().await?.len() >= MOST {
        return Err(ControlError::Conflict(format!("there are {MOST} webhooks already: remove one")).into());
    }
    let no_secret = || ControlError::Ours("the system gives no randomness");
    let (id, secret) = (Uuid::now_v7(), signature::generate().ok_or_else(no_secret)?);
    let row = WebhookRow {
        id,
        url,
        local: new.local,
        kinds: new.kinds,
        tenant,
        project: project.map(|project| project.row.id),
        from_file: false,
        sealed_secret: secrets::seal(id, gateway.sealer(), &secret).map_err(|_| no_secret())?,
        master_key_id: gateway.sealer().id().to_owned(),
        created_at: clock::now_ms(),
        disabled_at: None,
    };
    gateway.store().put_webhook(row.clone()).await?;
    gateway.events().outbox_changed();
    Ok(CreatedWebhook { webhook: view(&row), secret: secret.expose().to_owned() })
}

/// Removes a webhook with what waits for it.
pub async fn remove(gateway: &Gateway, admin: Admin, id: &str) -> Result<(), Refusal> {
    let row = find(gateway, admin, id).await?;
    if row.from_file {
        let from_file = "this webhook stands in the configuration file: remove it there";
        return Err(ControlError::Conflict(from_file.to_owned()).into());
    }
    gateway.store().remove_webhook(row.id).await?;
    gateway.events().outbox_changed();
    Ok(())
}

/// Sends an event of the kind `ping` to one webhook, whatever kinds it wants.
pub async fn test(gateway: &Gateway, admin: Admin, id: &str) -> Result<Delivery, Refusal> {
    let webhook = find(gateway, admin, id).await?;
    if webhook.disabled_at.is_some() {
        let disabled = if webhook.from_file {
            "nothing is sent to this webhook since its address answered 410: change its `url` or its secret in the \
             configuration file, and start again"
        } else {
            "nothing is sent to this webhook since its address answered 410: add it again"
        };
        return Err(ControlError::Conflict(disabled.to_owned()).into());
    }
    let (event, now) = (Uuid::now_v7(), clock::now_ms());
    let ping = Event {
        id: event.to_string(),
        kind: EventKind::Ping,
        at: clock::rfc3339(now),
        tenant_id: webhook.tenant.map(|id| id.to_string()),
        project_id: webhook.project.map(|id| id.to_string()),
        message: "somebody tests this webhook".to_owned(),
        data: serde_json::json!({}),
    };
    let row = DeliveryRow {
        webhook: webhook.id,
        event,
        kind: EventKind::Ping,
        body: serde_json::to_string(&ping).map_err(|_| ControlError::Ours("the event is no JSON"))?,
        created_at: now,
        tries: 0,
        next_at: Some(now),
        last_at: None,
        last_status: None,
        last_error: None,
        delivered: false,
    };
    gateway.store().add_delivery(row.clone()).await?;
    gateway.events().outbox_changed();
    Ok(delivery(&row))
}

/// Lists a webhook's last deliveries, newest first.
pub async fn deliveries(gateway: &Gateway, admin: Admin, id: &str) -> Result<Vec<Delivery>, Refusal> {
    let webhook = find(gateway, admin, id).await?;
    Ok(gateway.store().deliveries(webhook.id, LISTED).await?.iter().map(delivery).collect())
}

async fn find(gateway: &Gateway, admin: Admin, id: &str) -> Result<WebhookRow, Refusal> {
    admin.operator_only()?;
    let found = match id.parse() {
        Ok(id) => gateway.store().webhook(id).await?,
        Err(_) => None,
    };
    Ok(found.ok_or(ControlError::NotFound("webhook"))?)
}

fn view(row: &WebhookRow) -> Webhook {
    Webhook {
        id: row.id.to_string(),
        url: row.url.clone(),
        kinds: row.kinds.clone(),
        tenant_id: row.tenant.map(|id| id.to_string()),
        project_id: row.project.map(|id| id.to_string()),
        local: row.local,
        from_file: row.from_file,
        created_at: clock::rfc3339(row.created_at),
        disabled_at: row.disabled_at.map(clock::rfc3339),
    }
}

fn delivery(row: &DeliveryRow) -> Delivery {
    Delivery {
        event_id: row.event.to_string(),
        kind: row.kind,
        state: match row.next_at {
            Some(_) => DeliveryState::Pending,
            None if row.delivered => DeliveryState::Delivered,
            None => DeliveryState::Failed,
        },
        tries: row.tries,
        last_at: row.last_at.map(clock::rfc3339),
        last_status: row.last_status,
        last_error: row.last_error.clone(),
        next_at: row.next_at.map(clock::rfc3339),
    }
}
