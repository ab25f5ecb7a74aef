//! How limits stand.

use axum::extract::{Request, State};
use axum::response::Response;

use super::control::admitted;
use crate::gateway::Gateway;
use crate::gateway::control::limits::{self, Asked};
use crate::gateway::refusal::Refusal;
use crate::gateway::serve::edge::EdgeError;
use crate::gateway::serve::extract::{Captured, Query};
use crate::gateway::serve::respond;
use crate::gateway::tags;
use crate::types::limit::LimitStandings;
use crate::types::problem::Problem;

/// Shows how limits and budgets stand for one caller
///
/// The layers in the order in which they refuse. Those of users, sessions, tiers, keys, models and tags are there when
/// the query names one.
#[utoipa::path(
    get, path = "/v1/projects/{id}/limits", tag = "control plane", operation_id = "getLimits",
    params(
        ("id" = String, Path, description = "The project's id or slug"),
        ("user_id" = Option<String>, Query, description = "An end user"),
        ("tier" = Option<String>, Query, description = "The user's tier"),
        ("session_id" = Option<String>, Query, description = "A session"),
        ("api_key_id" = Option<String>, Query, description = "An API key, by its id"),
        ("model" = Option<String>, Query, description = "A model"),
        ("tags" = Option<String>, Query, description = "Tags: name=value,name=value"),
    ),
    responses((status = 200, description = "The layers", body = LimitStandings), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = []))
)]
pub async fn get_limits(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, incoming) = admitted(&gateway, request).await?;
    let query = Query::of(&incoming.head);
    let text = |name: &str| query.get(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let bad = |field, problem: String| EdgeError::Query { field, problem };
    let api_key = text("api_key_id").map(|id| id.parse());
    let api_key = api_key.transpose().map_err(|_| bad("api_key_id", "must be a UUID".to_owned()))?;
    let tags = text("tags").map(|list| tags::parse_list(&list)).transpose();
    let tags = tags.map_err(|error| bad("tags", format!("cannot be read: {error}")))?;
    let asked = Asked {
        user: text("user_id"),
        tier: text("tier"),
        session: text("session_id"),
        api_key,
        model: text("model"),
        tags: tags.unwrap_or_default().into_iter().collect(),
    };
    Ok(respond::ok(&limits::show(&gateway, admin, captured.at(0), asked).await?))
}
