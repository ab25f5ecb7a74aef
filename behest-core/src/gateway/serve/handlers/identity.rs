//! Tokens and the keys to verify them with.

use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderValue, header};

use crate::gateway::Gateway;
use crate::gateway::context::Incoming;
use crate::gateway::control::mint;
use crate::gateway::refusal::Refusal;
use crate::gateway::serve::{extract, respond};
use crate::gateway::stages::locate;
use crate::token::jwks::JwkSet;
use crate::types::mint::{MintRequest, MintResponse};
use crate::types::problem::Problem;

/// Mints a per-user token in exchange for an API key
#[utoipa::path(
    post, path = "/v1/auth/mint", tag = "identity", operation_id = "mintToken",
    request_body = MintRequest,
    responses(
        (status = 200, description = "The token", body = MintResponse),
        (status = "4XX", description = "Refused", body = Problem),
    ),
    security(("api_key" = []))
)]
pub async fn mint_token(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    let (incoming, project, role) = mint::minter(&gateway, Incoming::from_request(request)).await?;
    let wanted: MintRequest = extract::json(&gateway, incoming.body).await?;
    Ok(respond::ok(&mint::mint(&gateway, &project, role, wanted).await?))
}

/// The public keys that tokens are verified with
///
/// The gateway's own key and the active signing keys of the host's tenant; of all tenants on a host without a slug.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "identity", operation_id = "getJwks",
    responses((status = 200, description = "RFC 7517", body = JwkSet), (status = "4XX", description = "Refused", body = Problem)),
    security(())
)]
pub async fn get_jwks(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    let located = locate::locate(&gateway, Incoming::from_request(request)).await?;
    let tenant = located.site.map(|project| project.row.tenant_id);
    let rows = gateway.store().signing_keys(tenant).await?;
    let active = rows.into_iter().filter(|row| row.revoked_at.is_none()).map(|row| row.jwk);
    let keys = std::iter::once(gateway.tokens().own().public().clone()).chain(active).collect();
    let mut response = respond::ok(&JwkSet { keys });
    let cache = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, cache);
    // The one answer that caches keep: a page of another origin must not get a copy without its CORS headers.
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Origin"));
    Ok(response)
}
