//! Webhooks: addresses that events are sent to.

use serde::{Deserialize, Serialize};

use super::event::EventKind;

/// The body of `POST /v1/webhooks`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Where events are sent: `https://`, or `http://`.
    pub url: String,
    /// Only events of these kinds; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<EventKind>>,
    /// Only a tenant's events, those of its projects included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// Only a project's events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// It stands on a private network.
    #[serde(default)]
    pub local: bool,
}

/// A webhook. Its secret never comes back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct Webhook {
    /// UUID.
    pub id: String,
    /// Where events are sent.
    pub url: String,
    /// Only events of these kinds; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<EventKind>>,
    /// Only this tenant's events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// Only this project's events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// It stands on a private network.
    pub local: bool,
    /// It comes from the configuration file.
    pub from_file: bool,
    /// RFC 3339 instant.
    pub created_at: String,
    /// RFC 3339 instant; since then nothing is sent, because the address answered 410.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<String>,
}

/// A new webhook with its secret, which is shown in this answer only.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct CreatedWebhook {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: Webhook,
    /// `whsec_` and 32 bytes in base64: the key of the signatures.
    pub secret: String,
}

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It will be tried, or tried again.
    Pending,
    /// The address answered with a 2xx.
    Delivered,
    /// It is given up.
    Failed,
}

/// One event on its way to one webhook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct Delivery {
    /// The event's id, which is also the header `webhook-id`.
    pub event_id: String,
    /// What happened.
    pub kind: EventKind,
    /// How far it has come.
    pub state: DeliveryState,
    /// How often it was tried.
    pub tries: u32,
    /// RFC 3339 instant of the last try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<String>,
    /// The status of the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_status: Option<u16>,
    /// Why there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// RFC 3339 instant of the next try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<String>,
}
