//! A project's settings: a draft that changes nothing until it is deployed.

use super::ControlError;
use super::access::Admin;
use super::mint::{self, Grant};
use super::projects::find;
use crate::gateway::Gateway;
use crate::gateway::origin::OriginPattern;
use crate::gateway::refusal::Refusal;
use crate::types::control::{NewTestToken, ProjectSettings, SettingsView};
use crate::types::mint::{MAX_TTL, MIN_TTL, MintResponse, Role};

/// Shows what is in force and what would be.
pub async fn show(gateway: &Gateway, admin: Admin, id: &str) -> Result<SettingsView, Refusal> {
    let project = find(gateway, admin, id).await?;
    Ok(SettingsView { deployed: project.row.deployed.clone(), draft: project.row.draft.clone() })
}

/// Replaces the draft.
pub async fn put(
    gateway: &Gateway,
    admin: Admin,
    id: &str,
    draft: ProjectSettings,
) -> Result<SettingsView, Refusal> {
    let project = find(gateway, admin, id).await?;
    check(&draft)?;
    gateway.store().set_draft(project.row.id, Some(draft)).await?;
    gateway.directory().project_changed(project.row.id);
    show(gateway, admin, id).await
}

/// Puts the draft in force.
pub async fn deploy(gateway: &Gateway, admin: Admin, id: &str) -> Result<SettingsView, Refusal> {
    let project = find(gateway, admin, id).await?;
    let deployed = gateway.store().deploy_draft(project.row.id).await?;
    after(gateway, admin, id, deployed, project.row.id).await
}

/// Throws the draft away.
pub async fn discard(gateway: &Gateway, admin: Admin, id: &str) -> Result<SettingsView, Refusal> {
    let project = find(gateway, admin, id).await?;
    let discarded = gateway.store().set_draft(project.row.id, None).await?;
    after(gateway, admin, id, discarded, project.row.id).await
}

async fn after(
    gateway: &Gateway,
    admin: Admin,
    id: &str,
    had_draft: bool,
    project: uuid::Uuid,
) -> Result<SettingsView, Refusal> {
    if !had_draft {
        return Err(ControlError::Conflict("the project has no draft settings".to_owned()).into());
    }
    gateway.directory().project_changed(project);
    show(gateway, admin, id).await
}

/// Mints a token that sees the draft.
pub async fn test_token(
    gateway: &Gateway,
    admin: Admin,
    id: &str,
    new: NewTestToken,
) -> Result<MintResponse, Refusal> {
    let project = find(gateway, admin, id).await?;
    let ttl = new.ttl.unwrap_or(900);
    if !(MIN_TTL..=MAX_TTL).contains(&ttl) {
        return Err(ControlError::field("ttl", format!("must be {MIN_TTL} to {MAX_TTL} seconds")).into());
    }
    let user = new.user_id.unwrap_or_else(|| "settings-test".to_owned());
    let user = mint::check_user(user)?;
    let grant = Grant { user, session: None, tier: None, role: Role::User, tags: None, ttl, draft: true };
    mint::sign(gateway, &project, grant).await
}

/// Checks what no type can, so that every stored setting can be put in force.
fn check(settings: &ProjectSettings) -> Result<(), ControlError> {
    for origin in settings.cors_origins.iter().flatten() {
        OriginPattern::parse(origin)
            .map_err(|error| ControlError::field("cors_origins", format!("holds {error}")))?;
    }
    if settings.cors_origins.as_ref().is_some_and(|origins| origins.len() > 200) {
        return Err(ControlError::field("cors_origins", "holds at most 200 origins"));
    }
    if settings.memory_window.is_some_and(|window| !(1..=1_000).contains(&window)) {
        return Err(ControlError::field("memory_window", "must be 1 to 1,000 messages"));
    }
    if settings.retention_days.is_some_and(|days| !(1..=36_500).contains(&days)) {
        return Err(ControlError::field("retention_days", "must be 1 to 36,500 days"));
    }
    if settings.system_prompt.as_ref().is_some_and(|prompt| prompt.len() > 256 << 10) {
        return Err(ControlError::field("system_prompt", "must be at most 262,144 bytes"));
    }
    if settings.model_allowlist.as_ref().is_some_and(|list| list.len() > 1_000) {
        return Err(ControlError::field("model_allowlist", "holds at most 1,000 models"));
    }
    Ok(())
}
