//! The control plane: budgets of a project.

use axum::extract::{Request, State};
use axum::response::Response;

use super::control::{Listed, admitted, with_body};
use crate::gateway::Gateway;
use crate::gateway::control::budgets;
use crate::gateway::refusal::Refusal;
use crate::gateway::serve::extract::{Captured, Query};
use crate::gateway::serve::respond;
use crate::types::budget::{Budget, NewBudget};
use crate::types::problem::Problem;

/// Lists a project's budgets
#[utoipa::path(get, path = "/v1/projects/{id}/budgets", tag = "control plane", operation_id = "listBudgets",
    params(("id" = String, Path, description = "The project's id or slug")),
    responses((status = 200, description = "The budgets", body = Listed<Budget>), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn list_budgets(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    Ok(respond::list(budgets::list(&gateway, admin, captured.at(0)).await?))
}

/// Makes a budget
#[utoipa::path(post, path = "/v1/projects/{id}/budgets", tag = "control plane", operation_id = "createBudget", request_body = NewBudget,
    params(("id" = String, Path, description = "The project's id or slug")),
    responses((status = 201, description = "The budget", body = Budget), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn create_budget(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, new) = with_body(&gateway, request).await?;
    Ok(respond::created(&budgets::create(&gateway, admin, captured.at(0), new).await?))
}

/// Finds a budget
#[utoipa::path(get, path = "/v1/projects/{id}/budgets/{budget}", tag = "control plane", operation_id = "getBudget",
    params(
        ("id" = String, Path, description = "The project's id or slug"),
        ("budget" = String, Path, description = "The budget's id or name"),
        ("subject" = Option<String>, Query, description = "The user, tier, model, API key or tag value to tell the standing of, where each has the budget for itself"),
    ),
    responses((status = 200, description = "The budget", body = Budget), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn get_budget(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, incoming) = admitted(&gateway, request).await?;
    let query = Query::of(&incoming.head);
    let subject = query.get("subject").filter(|subject| !subject.is_empty());
    let budget = budgets::show(&gateway, admin, captured.at(0), captured.at(1), subject).await?;
    Ok(respond::ok(&budget))
}

/// Replaces a budget's terms; what was spent stays spent
#[utoipa::path(put, path = "/v1/projects/{id}/budgets/{budget}", tag = "control plane", operation_id = "putBudget", request_body = NewBudget,
    params(("id" = String, Path, description = "The project's id or slug"), ("budget" = String, Path, description = "The budget's id or name")),
    responses((status = 200, description = "The budget", body = Budget), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn put_budget(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, new) = with_body(&gateway, request).await?;
    let budget = budgets::replace(&gateway, admin, captured.at(0), captured.at(1), new).await?;
    Ok(respond::ok(&budget))
}

/// Removes a budget
#[utoipa::path(delete, path = "/v1/projects/{id}/budgets/{budget}", tag = "control plane", operation_id = "removeBudget",
    params(("id" = String, Path, description = "The project's id or slug"), ("budget" = String, Path, description = "The budget's id or name")),
    responses((status = 204, description = "Removed"), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn remove_budget(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    budgets::remove(&gateway, admin, captured.at(0), captured.at(1)).await?;
    Ok(respond::gone())
}
