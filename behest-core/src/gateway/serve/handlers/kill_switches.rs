//! The control plane: kill switches.

use axum::extract::{Request, State};
use axum::response::Response;

use super::control::{Listed, admitted, with_body};
use crate::gateway::Gateway;
use crate::gateway::control::{ControlError, kill_switches};
use crate::gateway::refusal::Refusal;
use crate::gateway::serve::extract::Query;
use crate::gateway::serve::respond;
use crate::types::kill::{KillScope, KillSwitch};
use crate::types::problem::Problem;

/// Lists the kill switches that are thrown and concern the caller
#[utoipa::path(get, path = "/v1/kill-switches", tag = "control plane", operation_id = "listKillSwitches",
    responses((status = 200, description = "The switches", body = Listed<KillSwitch>), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn list_kill_switches(
    State(gateway): State<Gateway>,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    Ok(respond::list(kill_switches::list(&gateway, admin)))
}

/// Throws a kill switch: what it names is refused from the next request on
#[utoipa::path(put, path = "/v1/kill-switches", tag = "control plane", operation_id = "throwKillSwitch", request_body = KillSwitch,
    responses((status = 200, description = "The switch", body = KillSwitch), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn throw_kill_switch(
    State(gateway): State<Gateway>,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, switch) = with_body(&gateway, request).await?;
    Ok(respond::ok(&kill_switches::throw(&gateway, admin, switch).await?))
}

/// Takes a kill switch back
#[utoipa::path(delete, path = "/v1/kill-switches", tag = "control plane", operation_id = "takeBackKillSwitch",
    params(
        ("scope" = KillScope, Query, description = "What it stops"),
        ("id" = Option<String>, Query, description = "What it names"),
        ("project_id" = Option<String>, Query, description = "A user's project, by id or slug")),
    responses((status = 204, description = "Taken back"), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn take_back_kill_switch(
    State(gateway): State<Gateway>,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, incoming) = admitted(&gateway, request).await?;
    let query = Query::of(&incoming.head);
    let scope = query.get("scope").and_then(KillScope::parse).ok_or_else(|| {
        ControlError::field("scope", "must be `global`, `tenant`, `project`, `user` or `key`")
    })?;
    let text = |name: &str| query.get(name).map(str::to_owned);
    let switch = KillSwitch {
        scope,
        id: text("id"),
        project_id: text("project_id"),
        reason: None,
        since: None,
        source: None,
    };
    kill_switches::take_back(&gateway, admin, switch).await?;
    Ok(respond::gone())
}
