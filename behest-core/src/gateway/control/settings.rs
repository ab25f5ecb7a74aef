//! A project's settings: a draft that changes nothing until it is deployed.

use std::collections::BTreeMap;

use super::ControlError;
use super::access::Admin;
use super::mint::{self, Grant};
use super::projects::find;
use crate::gateway::limits::check;
use crate::gateway::origin::OriginPattern;
use crate::gateway::refusal::Refusal;
use crate::gateway::{Gateway, tags};
use crate::types::control::{ModelRoute, NewTestToken, ProjectSettings, RouteStrategy, SettingsView};
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
    check::memory_window(settings.memory_window)?;
    check::days("retention_days", settings.retention_days)?;
    check::days("usage_retention_days", settings.usage_retention_days)?;
    check::system_prompt(settings.system_prompt.as_deref())?;
    check_limits(settings)?;
    check_tag_keys(settings)?;
    if settings.model_allowlist.as_ref().is_some_and(|list| list.len() > 1_000) {
        return Err(ControlError::field("model_allowlist", "holds at most 1,000 models"));
    }
    check_models(settings)
}

fn check_limits(settings: &ProjectSettings) -> Result<(), ControlError> {
    for (field, limit) in [
        ("rpm_limit", settings.rpm_limit),
        ("user_rpm_limit", settings.user_rpm_limit),
        ("concurrency_limit", settings.concurrency_limit),
        ("user_concurrency_limit", settings.user_concurrency_limit),
        ("tokens_per_day", settings.tokens_per_day),
        ("user_tokens_per_day", settings.user_tokens_per_day),
        ("user_tokens_per_month", settings.user_tokens_per_month),
    ] {
        check::limit(field, limit)?;
    }
    Ok(())
}

fn check_tag_keys(settings: &ProjectSettings) -> Result<(), ControlError> {
    let keys = settings.tag_keys.as_deref().unwrap_or_default();
    if keys.len() > MOST_TAG_KEYS {
        return Err(ControlError::field("tag_keys", format!("holds at most {MOST_TAG_KEYS} names")));
    }
    if !keys.iter().all(|name| tags::is_name(name)) {
        let rule = "needs names of 1 to 64 characters of A-Z, a-z, 0-9, `.`, `_` and `-`";
        return Err(ControlError::field("tag_keys", rule));
    }
    Ok(())
}

/// The most names of tags.
const MOST_TAG_KEYS: usize = 64;
/// The most fallbacks, models of a route, and names that a project makes up.
const MOST_FALLBACKS: usize = 8;
const MOST_MODELS: usize = 16;
const MOST_NAMES: usize = 200;

fn check_models(settings: &ProjectSettings) -> Result<(), ControlError> {
    let fallbacks = settings.fallback_models.as_deref().unwrap_or_default();
    if fallbacks.len() > MOST_FALLBACKS {
        return Err(ControlError::field("fallback_models", format!("holds at most {MOST_FALLBACKS} models")));
    }
    fallbacks.iter().try_for_each(|model| check::model("fallback_models", model))?;
    let (aliases, routes) = (settings.model_aliases.iter().flatten(), settings.routes.iter().flatten());
    for (alias, model) in aliases {
        check_own_name("model_aliases", alias)?;
        check::model("model_aliases", model)?;
        if settings.routes.as_ref().is_some_and(|routes| routes.contains_key(alias)) {
            return Err(ControlError::field("model_aliases", format!("`{alias}` is a route's name")));
        }
    }
    for (name, route) in routes {
        check_own_name("routes", name)?;
        check_route(name, route)?;
    }
    for (field, count) in [
        ("model_aliases", settings.model_aliases.as_ref().map_or(0, BTreeMap::len)),
        ("routes", settings.routes.as_ref().map_or(0, BTreeMap::len)),
    ] {
        if count > MOST_NAMES {
            return Err(ControlError::field(field, format!("holds at most {MOST_NAMES} names")));
        }
    }
    Ok(())
}

fn check_route(name: &str, route: &ModelRoute) -> Result<(), ControlError> {
    let refused = |problem: String| ControlError::field("routes", format!("`{name}` {problem}"));
    if !(1..=MOST_MODELS).contains(&route.models.len()) {
        return Err(refused(format!("must name 1 to {MOST_MODELS} models")));
    }
    route.models.iter().try_for_each(|model| check::model("routes", model))?;
    if let Some(weights) = &route.weights {
        if route.strategy != RouteStrategy::Weighted {
            return Err(refused("has `weights`, which only the strategy `weighted` takes".to_owned()));
        }
        if weights.len() != route.models.len() {
            let (weights, models) = (weights.len(), route.models.len());
            return Err(refused(format!("has {weights} weights for {models} models")));
        }
        if weights.iter().all(|weight| *weight == 0) || weights.iter().any(|weight| *weight > 1_000_000) {
            return Err(refused("needs weights of 0 to 1,000,000 that are not all 0".to_owned()));
        }
    }
    if route.hedge_after_ms.is_some_and(|after| !(10..=600_000).contains(&after)) {
        return Err(refused("needs a `hedge_after_ms` of 10 to 600,000".to_owned()));
    }
    Ok(())
}

/// A name that a project makes up. Without a slash: those name providers.
fn check_own_name(field: &'static str, name: &str) -> Result<(), ControlError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    if name == "default" || name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        let rule =
            "needs names of 1 to 64 characters of A-Z, a-z, 0-9, `-`, `.`, `_` and `:`, other than `default`";
        return Err(ControlError::field(field, rule));
    }
    Ok(())
}
