//! The control plane: tiers of a project.

use axum::extract::{Request, State};
use axum::response::Response;

use super::control::{Listed, admitted, with_body};
use crate::gateway::Gateway;
use crate::gateway::control::tiers;
use crate::gateway::refusal::Refusal;
use crate::gateway::serve::extract::Captured;
use crate::gateway::serve::respond;
use crate::types::problem::Problem;
use crate::types::tier::{NewTier, ResolvedTier, Tier, TierOverrides};

/// Lists a project's tiers, the built-in ones included
#[utoipa::path(get, path = "/v1/projects/{id}/tiers", tag = "control plane", operation_id = "listTiers",
    params(("id" = String, Path, description = "The project's id or slug")),
    responses((status = 200, description = "The tiers", body = Listed<Tier>), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn list_tiers(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    Ok(respond::list(tiers::list(&gateway, admin, captured.at(0)).await?))
}

/// Makes a tier, or lays one over a built-in tier
#[utoipa::path(post, path = "/v1/projects/{id}/tiers", tag = "control plane", operation_id = "createTier", request_body = NewTier,
    params(("id" = String, Path, description = "The project's id or slug")),
    responses((status = 201, description = "The tier", body = Tier), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn create_tier(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, new) = with_body(&gateway, request).await?;
    Ok(respond::created(&tiers::create(&gateway, admin, captured.at(0), new).await?))
}

/// Finds a tier
#[utoipa::path(get, path = "/v1/projects/{id}/tiers/{tier}", tag = "control plane", operation_id = "getTier",
    params(("id" = String, Path, description = "The project's id or slug"), ("tier" = String, Path, description = "The tier's name")),
    responses((status = 200, description = "The tier", body = Tier), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn get_tier(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    Ok(respond::ok(&tiers::show(&gateway, admin, captured.at(0), captured.at(1)).await?))
}

/// Replaces what a tier changes, or makes it
#[utoipa::path(put, path = "/v1/projects/{id}/tiers/{tier}", tag = "control plane", operation_id = "putTier", request_body = TierOverrides,
    params(("id" = String, Path, description = "The project's id or slug"), ("tier" = String, Path, description = "The tier's name")),
    responses((status = 200, description = "The tier", body = Tier), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn put_tier(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, overrides) = with_body(&gateway, request).await?;
    let tier = tiers::put(&gateway, admin, captured.at(0), captured.at(1), overrides).await?;
    Ok(respond::ok(&tier))
}

/// Removes a tier of the project's own
#[utoipa::path(delete, path = "/v1/projects/{id}/tiers/{tier}", tag = "control plane", operation_id = "removeTier",
    params(("id" = String, Path, description = "The project's id or slug"), ("tier" = String, Path, description = "The tier's name")),
    responses((status = 204, description = "Removed"), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn remove_tier(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    tiers::remove(&gateway, admin, captured.at(0), captured.at(1)).await?;
    Ok(respond::gone())
}

/// Shows all that holds for the users of a tier, and where each value comes from
#[utoipa::path(get, path = "/v1/projects/{id}/tiers/{tier}/resolved", tag = "control plane", operation_id = "resolveTier",
    params(("id" = String, Path, description = "The project's id or slug"), ("tier" = String, Path, description = "The tier's name")),
    responses((status = 200, description = "What holds", body = ResolvedTier), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn resolve_tier(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    Ok(respond::ok(&tiers::resolved(&gateway, admin, captured.at(0), captured.at(1)).await?))
}
