//! The control plane: webhooks.

use axum::extract::{Request, State};
use axum::response::Response;

use super::control::{Listed, admitted, with_body};
use crate::gateway::Gateway;
use crate::gateway::control::webhooks;
use crate::gateway::refusal::Refusal;
use crate::gateway::serve::extract::Captured;
use crate::gateway::serve::respond;
use crate::types::problem::Problem;
use crate::types::webhook::{CreatedWebhook, Delivery, NewWebhook, Webhook};

/// Lists webhooks; the operator's to do
#[utoipa::path(get, path = "/v1/webhooks", tag = "control plane", operation_id = "listWebhooks",
    responses((status = 200, description = "The webhooks", body = Listed<Webhook>), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = [])))]
pub async fn list_webhooks(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    Ok(respond::list(webhooks::list(&gateway, admin).await?))
}

/// Adds a webhook; its secret is shown in this answer only
#[utoipa::path(post, path = "/v1/webhooks", tag = "control plane", operation_id = "createWebhook", request_body = NewWebhook,
    responses((status = 201, description = "The webhook", body = CreatedWebhook), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = [])))]
pub async fn create_webhook(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    let (admin, new) = with_body(&gateway, request).await?;
    Ok(respond::created(&webhooks::create(&gateway, admin, new).await?))
}

/// Shows a webhook
#[utoipa::path(get, path = "/v1/webhooks/{id}", tag = "control plane", operation_id = "getWebhook",
    params(("id" = String, Path, description = "The webhook's id")),
    responses((status = 200, description = "The webhook", body = Webhook), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = [])))]
pub async fn get_webhook(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    Ok(respond::ok(&webhooks::show(&gateway, admin, captured.at(0)).await?))
}

/// Removes a webhook with what waits for it
#[utoipa::path(delete, path = "/v1/webhooks/{id}", tag = "control plane", operation_id = "deleteWebhook",
    params(("id" = String, Path, description = "The webhook's id")),
    responses((status = 204, description = "Removed"), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = [])))]
pub async fn delete_webhook(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    webhooks::remove(&gateway, admin, captured.at(0)).await?;
    Ok(respond::gone())
}

/// Sends an event of the kind `ping` to a webhook
#[utoipa::path(post, path = "/v1/webhooks/{id}/test", tag = "control plane", operation_id = "testWebhook",
    params(("id" = String, Path, description = "The webhook's id")),
    responses((status = 201, description = "The delivery, still to be made", body = Delivery), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = [])))]
pub async fn test_webhook(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    Ok(respond::created(&webhooks::test(&gateway, admin, captured.at(0)).await?))
}

/// Lists a webhook's last deliveries, newest first
#[utoipa::path(get, path = "/v1/webhooks/{id}/deliveries", tag = "control plane", operation_id = "listDeliveries",
    params(("id" = String, Path, description = "The webhook's id")),
    responses((status = 200, description = "The deliveries", body = Listed<Delivery>), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = [])))]
pub async fn list_deliveries(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    Ok(respond::list(webhooks::deliveries(&gateway, admin, captured.at(0)).await?))
}
