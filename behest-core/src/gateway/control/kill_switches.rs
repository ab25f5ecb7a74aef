//! Kill switches: global and tenant ones are the operator's, all others their project's and tenant's as well.

use serde_json::json;

use super::ControlError;
use super::access::Admin;
use crate::gateway::events::Raised;
use crate::gateway::limits::switches::{Unresolved, check_reason, resolve};
use crate::gateway::refusal::Refusal;
use crate::gateway::store::rows::{KillRow, KillTarget};
use crate::gateway::{Gateway, clock};
use crate::types::event::EventKind;
use crate::types::kill::{KillScope, KillSwitch};

/// Lists the thrown switches that concern what the caller may act for.
#[must_use]
pub fn list(gateway: &Gateway, admin: Admin) -> Vec<KillSwitch> {
    gateway.switches().all().iter().filter(|row| sees(admin, &row.target)).map(|row| view(row)).collect()
}

/// Throws a switch.
pub async fn throw(gateway: &Gateway, admin: Admin, switch: KillSwitch) -> Result<KillSwitch, Refusal> {
    for (field, given) in [("since", &switch.since), ("source", &switch.source)] {
        if given.is_some() {
            return Err(ControlError::field(field, "is the gateway's to say: leave it out").into());
        }
    }
    let target = target(gateway, admin, &switch).await?;
    not_of_the_file(gateway, &target)?;
    let reason = check_reason(switch.reason.as_deref()).map_err(ControlError::from)?;
    let row = KillRow { target, reason, created_at: Some(clock::now_ms()) };
    let (row, is_new) = gateway.switches().throw(gateway.store(), row).await?;
    if is_new {
        tell(gateway, &row.target, EventKind::KillSwitchOn, row.reason.as_deref());
    }
    Ok(view(&row))
}

fn tell(gateway: &Gateway, target: &KillTarget, kind: EventKind, reason: Option<&str>) {
    let scope = target.scope().as_str();
    let what = if kind == EventKind::KillSwitchOn { "was thrown" } else { "was taken back" };
    gateway.events().raise(Raised {
        kind,
        tenant: target.tenant(),
        project: target.project(),
        message: format!("a kill switch of the scope `{scope}` {what}"),
        data: json!({ "scope": scope, "reason": reason }),
        once: None,
    });
}

/// Takes a switch back.
pub async fn take_back(gateway: &Gateway, admin: Admin, switch: KillSwitch) -> Result<(), Refusal> {
    let target = target(gateway, admin, &switch).await?;
    not_of_the_file(gateway, &target)?;
    if gateway.switches().take_back(gateway.store(), &target).await? {
        tell(gateway, &target, EventKind::KillSwitchOff, None);
        Ok(())
    } else {
        Err(ControlError::NotFound("kill switch").into())
    }
}

/// What a switch names, if the caller may throw it. Another's project is as good as none.
async fn target(gateway: &Gateway, admin: Admin, switch: &KillSwitch) -> Result<KillTarget, Refusal> {
    if matches!(switch.scope, KillScope::Global | KillScope::Tenant) {
        admin.operator_only()?;
    }
    let target = resolve(gateway.store(), switch).await.map_err(|error| match error {
        Unresolved::Field(bad) => Refusal::from(ControlError::from(bad)),
        Unresolved::NotFound(what) => ControlError::NotFound(what).into(),
        Unresolved::Store(error) => error.into(),
    })?;
    if sees(admin, &target) {
        return Ok(target);
    }
    let what = if switch.scope == KillScope::Key { "API key" } else { "project" };
    Err(ControlError::NotFound(what).into())
}

fn sees(admin: Admin, target: &KillTarget) -> bool {
    match admin {
        Admin::Operator => true,
        Admin::Tenant(tenant) => target.tenant() == Some(tenant),
        Admin::Project { project, .. } => target.project() == Some(project),
    }
}

fn not_of_the_file(gateway: &Gateway, target: &KillTarget) -> Result<(), ControlError> {
    if gateway.switches().get(target).is_some_and(|row| row.created_at.is_none()) {
        let message = "this kill switch is thrown in the configuration file, and only the file can change it";
        return Err(ControlError::Conflict(message.to_owned()));
    }
    Ok(())
}

fn view(row: &KillRow) -> KillSwitch {
    let (id, project_id) = match &row.target {
        KillTarget::Global => (None, None),
        KillTarget::Tenant { tenant } => (Some(tenant.to_string()), None),
        KillTarget::Project { project, .. } => (Some(project.to_string()), None),
        KillTarget::User { project, user, .. } => (Some(user.clone()), Some(project.to_string())),
        KillTarget::Key { api_key, .. } => (Some(api_key.to_string()), None),
    };
    KillSwitch {
        scope: row.target.scope(),
        id,
        project_id,
        reason: row.reason.clone(),
        since: row.created_at.map(clock::rfc3339),
        source: Some(super::source_of(row.created_at).to_owned()),
    }
}
