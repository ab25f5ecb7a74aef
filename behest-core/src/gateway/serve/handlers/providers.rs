//! The control plane: providers, a tenant's and a project's.

use axum::extract::{Request, State};
use axum::response::Response;

use super::control::{Listed, admitted, with_body};
use crate::gateway::Gateway;
use crate::gateway::control::providers;
use crate::gateway::refusal::Refusal;
use crate::gateway::serve::extract::Captured;
use crate::gateway::serve::respond;
use crate::types::control::{NewProvider, Provider};
use crate::types::problem::Problem;

/// Lists a tenant's providers; of their keys only the last four characters
#[utoipa::path(get, path = "/v1/tenants/{id}/providers", tag = "control plane", operation_id = "listProviders",
    params(("id" = String, Path, description = "The tenant's id")),
    responses((status = 200, description = "The providers", body = Listed<Provider>), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn list_providers(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    let scope = providers::Scope::of_tenant(&gateway, admin, captured.at(0)).await?;
    Ok(respond::list(providers::list(&gateway, scope).await?))
}

/// Adds or replaces a provider
#[utoipa::path(post, path = "/v1/tenants/{id}/providers", tag = "control plane", operation_id = "putProvider", request_body = NewProvider,
    params(("id" = String, Path, description = "The tenant's id")),
    responses((status = 201, description = "The provider", body = Provider), (status = "4XX", description = "Refused; 400 where the provider refuses the key", body = Problem), (status = "5XX", description = "The provider could not be asked whether it takes the key", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn put_provider(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, new) = with_body(&gateway, request).await?;
    let scope = providers::Scope::of_tenant(&gateway, admin, captured.at(0)).await?;
    Ok(respond::created(&providers::put(&gateway, admin, scope, new).await?))
}

/// Removes a provider with its key
#[utoipa::path(delete, path = "/v1/tenants/{id}/providers/{name}", tag = "control plane", operation_id = "removeProvider",
    params(("id" = String, Path, description = "The tenant's id"), ("name" = String, Path, description = "The provider's name")),
    responses((status = 204, description = "Removed"), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn remove_provider(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    let scope = providers::Scope::of_tenant(&gateway, admin, captured.at(0)).await?;
    providers::remove(&gateway, scope, captured.at(1)).await?;
    Ok(respond::gone())
}

/// Lists the providers that a project calls, its own first; of their keys only the last four characters
#[utoipa::path(get, path = "/v1/projects/{id}/providers", tag = "control plane", operation_id = "listProjectProviders",
    params(("id" = String, Path, description = "The project's id or slug")),
    responses((status = 200, description = "The providers", body = Listed<Provider>), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn list_project_providers(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    let scope = providers::Scope::of_project(&gateway, admin, captured.at(0)).await?;
    Ok(respond::list(providers::list(&gateway, scope).await?))
}

/// Adds or replaces a provider of one project, which goes before its tenant's of the same name
#[utoipa::path(post, path = "/v1/projects/{id}/providers", tag = "control plane", operation_id = "putProjectProvider", request_body = NewProvider,
    params(("id" = String, Path, description = "The project's id or slug")),
    responses((status = 201, description = "The provider", body = Provider), (status = "4XX", description = "Refused; 400 where the provider refuses the key", body = Problem), (status = "5XX", description = "The provider could not be asked whether it takes the key", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn put_project_provider(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, new) = with_body(&gateway, request).await?;
    let scope = providers::Scope::of_project(&gateway, admin, captured.at(0)).await?;
    Ok(respond::created(&providers::put(&gateway, admin, scope, new).await?))
}

/// Removes a project's own provider with its key
#[utoipa::path(delete, path = "/v1/projects/{id}/providers/{name}", tag = "control plane", operation_id = "removeProjectProvider",
    params(("id" = String, Path, description = "The project's id or slug"), ("name" = String, Path, description = "The provider's name")),
    responses((status = 204, description = "Removed"), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn remove_project_provider(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    let scope = providers::Scope::of_project(&gateway, admin, captured.at(0)).await?;
    providers::remove(&gateway, scope, captured.at(1)).await?;
    Ok(respond::gone())
}
