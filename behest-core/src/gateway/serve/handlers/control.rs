//! The control plane: tenants, projects, settings, keys.

use axum::extract::{Request, State};
use axum::response::Response;

use crate::gateway::Gateway;
use crate::gateway::context::Incoming;
use crate::gateway::control::access::{self, Admin};
use crate::gateway::control::{keys, projects, settings, tenants};
use crate::gateway::refusal::Refusal;
use crate::gateway::serve::extract::{self, Captured};
use crate::gateway::serve::respond;
use crate::types::control::{
    ApiKey, CreatedApiKey, CreatedSigningKey, NewApiKey, NewProject, NewSigningKey, NewTenant, NewTestToken,
    Project, ProjectPatch, ProjectSettings, ProjectStatus, SettingsView, SigningKey, Tenant,
};
use crate::types::mint::MintResponse;
use crate::types::problem::Problem;

/// A list.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub struct Listed<T> {
    data: Vec<T>,
}

/// Recognises the caller; the body is not read yet.
pub(super) async fn admitted(gateway: &Gateway, request: Request) -> Result<(Admin, Incoming), Refusal> {
    let incoming = Incoming::from_request(request);
    let admin = access::admin(gateway, &incoming.head).await?;
    Ok((admin, incoming))
}

/// Recognises the caller, then reads its body.
pub(super) async fn with_body<T: serde::de::DeserializeOwned>(
    gateway: &Gateway,
    request: Request,
) -> Result<(Admin, T), Refusal> {
    let (admin, incoming) = admitted(gateway, request).await?;
    Ok((admin, extract::json(gateway, incoming.body).await?))
}

/// Lists the tenants that the caller sees
#[utoipa::path(get, path = "/v1/tenants", tag = "control plane", operation_id = "listTenants",
    responses((status = 200, description = "The tenants", body = Listed<Tenant>), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn list_tenants(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    Ok(respond::list(tenants::list(&gateway, admin).await?))
}

/// Makes a tenant; the operator's to do
#[utoipa::path(post, path = "/v1/tenants", tag = "control plane", operation_id = "createTenant", request_body = NewTenant,
    responses((status = 201, description = "The tenant", body = Tenant), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = [])))]
pub async fn create_tenant(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    let (admin, new) = with_body(&gateway, request).await?;
    Ok(respond::created(&tenants::create(&gateway, admin, new).await?))
}

/// Lists the projects that the caller sees
#[utoipa::path(get, path = "/v1/projects", tag = "control plane", operation_id = "listProjects",
    responses((status = 200, description = "The projects", body = Listed<Project>), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn list_projects(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    Ok(respond::list(projects::list(&gateway, admin).await?))
}

/// Makes a project with a slug of its own
#[utoipa::path(post, path = "/v1/projects", tag = "control plane", operation_id = "createProject", request_body = NewProject,
    responses((status = 201, description = "The project", body = Project), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn create_project(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    let (admin, new) = with_body(&gateway, request).await?;
    Ok(respond::created(&projects::create(&gateway, admin, new).await?))
}

/// Finds a project
#[utoipa::path(get, path = "/v1/projects/{id}", tag = "control plane", operation_id = "getProject",
    params(("id" = String, Path, description = "The project's id or slug")),
    responses((status = 200, description = "The project", body = Project), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn get_project(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    Ok(respond::ok(&projects::view(&projects::find(&gateway, admin, captured.at(0)).await?.row)))
}

/// Renames a project, suspends it, or makes it active again
#[utoipa::path(patch, path = "/v1/projects/{id}", tag = "control plane", operation_id = "changeProject", request_body = ProjectPatch,
    params(("id" = String, Path, description = "The project's id or slug")),
    responses((status = 200, description = "The project", body = Project), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn change_project(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, patch) = with_body(&gateway, request).await?;
    Ok(respond::ok(&projects::change(&gateway, admin, captured.at(0), patch).await?))
}

/// Suspends a project
#[utoipa::path(delete, path = "/v1/projects/{id}", tag = "control plane", operation_id = "suspendProject",
    params(("id" = String, Path, description = "The project's id or slug")),
    responses((status = 204, description = "Suspended"), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn suspend_project(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    let patch = ProjectPatch { name: None, status: Some(ProjectStatus::Suspended) };
    projects::change(&gateway, admin, captured.at(0), patch).await?;
    Ok(respond::gone())
}

/// Shows the settings in force and the draft
#[utoipa::path(get, path = "/v1/projects/{id}/settings", tag = "control plane", operation_id = "getSettings",
    params(("id" = String, Path, description = "The project's id or slug")),
    responses((status = 200, description = "The settings", body = SettingsView), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn get_settings(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    Ok(respond::ok(&settings::show(&gateway, admin, captured.at(0)).await?))
}

/// Replaces the draft settings
#[utoipa::path(put, path = "/v1/projects/{id}/settings", tag = "control plane", operation_id = "putSettings", request_body = ProjectSettings,
    params(("id" = String, Path, description = "The project's id or slug")),
    responses((status = 200, description = "The settings", body = SettingsView), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn put_settings(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, draft) = with_body(&gateway, request).await?;
    Ok(respond::ok(&settings::put(&gateway, admin, captured.at(0), draft).await?))
}

/// Puts the draft settings in force
#[utoipa::path(post, path = "/v1/projects/{id}/deploy", tag = "control plane", operation_id = "deploySettings",
    params(("id" = String, Path, description = "The project's id or slug")),
    responses((status = 200, description = "The settings", body = SettingsView), (status = "4XX", description = "Refused; 409 without a draft", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn deploy_settings(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    Ok(respond::ok(&settings::deploy(&gateway, admin, captured.at(0)).await?))
}

/// Throws the draft settings away
#[utoipa::path(post, path = "/v1/projects/{id}/discard", tag = "control plane", operation_id = "discardSettings",
    params(("id" = String, Path, description = "The project's id or slug")),
    responses((status = 200, description = "The settings", body = SettingsView), (status = "4XX", description = "Refused; 409 without a draft", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn discard_settings(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    Ok(respond::ok(&settings::discard(&gateway, admin, captured.at(0)).await?))
}

/// Mints a token that sees the draft settings
#[utoipa::path(post, path = "/v1/projects/{id}/test-token", tag = "control plane", operation_id = "createTestToken", request_body = NewTestToken,
    params(("id" = String, Path, description = "The project's id or slug")),
    responses((status = 201, description = "The token", body = MintResponse), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn create_test_token(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, new) = with_body(&gateway, request).await?;
    Ok(respond::created(&settings::test_token(&gateway, admin, captured.at(0), new).await?))
}

/// Lists a project's API keys
#[utoipa::path(get, path = "/v1/projects/{id}/keys", tag = "control plane", operation_id = "listApiKeys",
    params(("id" = String, Path, description = "The project's id or slug")),
    responses((status = 200, description = "The keys, revoked ones too", body = Listed<ApiKey>), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn list_api_keys(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    Ok(respond::list(keys::list(&gateway, admin, captured.at(0)).await?))
}

/// Makes an API key; its text is shown in this answer only
#[utoipa::path(post, path = "/v1/projects/{id}/keys", tag = "control plane", operation_id = "createApiKey", request_body = NewApiKey,
    params(("id" = String, Path, description = "The project's id or slug")),
    responses((status = 201, description = "The key", body = CreatedApiKey), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn create_api_key(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, new) = with_body(&gateway, request).await?;
    Ok(respond::created(&keys::create(&gateway, admin, captured.at(0), new).await?))
}

/// Revokes an API key: refused from the next request on
#[utoipa::path(delete, path = "/v1/projects/{id}/keys/{key}", tag = "control plane", operation_id = "revokeApiKey",
    params(("id" = String, Path, description = "The project's id or slug"), ("key" = String, Path, description = "The key's id")),
    responses((status = 204, description = "Revoked"), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn revoke_api_key(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    keys::revoke(&gateway, admin, captured.at(0), captured.at(1)).await?;
    Ok(respond::gone())
}

/// Lists a tenant's signing keys
#[utoipa::path(get, path = "/v1/tenants/{id}/signing-keys", tag = "control plane", operation_id = "listSigningKeys",
    params(("id" = String, Path, description = "The tenant's id")),
    responses((status = 200, description = "The keys, revoked ones too", body = Listed<SigningKey>), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn list_signing_keys(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    Ok(respond::list(keys::list_signing(&gateway, admin, captured.at(0)).await?))
}

/// Makes a signing key; its private half is shown in this answer only
#[utoipa::path(post, path = "/v1/tenants/{id}/signing-keys", tag = "control plane", operation_id = "createSigningKey", request_body = NewSigningKey,
    params(("id" = String, Path, description = "The tenant's id")),
    responses((status = 201, description = "The key", body = CreatedSigningKey), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn create_signing_key(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, new) = with_body(&gateway, request).await?;
    Ok(respond::created(&keys::create_signing(&gateway, admin, captured.at(0), new).await?))
}

/// Revokes a signing key: its tokens are refused from the next request on
#[utoipa::path(delete, path = "/v1/tenants/{id}/signing-keys/{kid}", tag = "control plane", operation_id = "revokeSigningKey",
    params(("id" = String, Path, description = "The tenant's id"), ("kid" = String, Path, description = "The key's name")),
    responses((status = 204, description = "Revoked"), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn revoke_signing_key(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    keys::revoke_signing(&gateway, admin, captured.at(0), captured.at(1)).await?;
    Ok(respond::gone())
}
