//! The catalogue of models, for the operator.

use axum::extract::{Request, State};
use axum::response::Response;

use super::control::admitted;
use crate::gateway::Gateway;
use crate::gateway::control::catalogue;
use crate::gateway::refusal::Refusal;
use crate::gateway::serve::{extract, respond};
use crate::types::catalogue::{Catalogue, CatalogueChange};
use crate::types::problem::Problem;

/// Shows every model with its limits, capabilities and prices; the operator's to see
#[utoipa::path(get, path = "/v1/catalogue", tag = "control plane", operation_id = "getCatalogue",
    responses((status = 200, description = "The catalogue in force, in the form of an update", body = Catalogue), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = [])))]
pub async fn get_catalogue(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    Ok(respond::ok(&catalogue::show(&gateway, admin)?))
}

/// Lays an update over the gateway's own catalogue, in the place of the last one; the operator's to do
#[utoipa::path(put, path = "/v1/catalogue", tag = "control plane", operation_id = "putCatalogue", request_body = Catalogue,
    responses((status = 200, description = "What it changed", body = CatalogueChange), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = [])))]
pub async fn put_catalogue(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    let (admin, incoming) = admitted(&gateway, request).await?;
    admin.operator_only()?;
    let text = extract::text(&gateway, incoming.body).await?;
    Ok(respond::ok(&catalogue::put(&gateway, admin, text).await?))
}
