//! Tiers of a project: its own, over those that are built in.

use super::ControlError;
use super::access::Admin;
use super::projects::find;
use crate::gateway::context::ProjectTier;
use crate::gateway::limits::tiers;
use crate::gateway::refusal::Refusal;
use crate::gateway::store::StoreError;
use crate::gateway::store::rows::TierRow;
use crate::gateway::{Gateway, clock};
use crate::types::tier::{NewTier, ResolvedTier, Tier, TierOverrides};

/// Lists a project's tiers by name, the built-in ones included.
pub async fn list(gateway: &Gateway, admin: Admin, project: &str) -> Result<Vec<Tier>, Refusal> {
    let project = find(gateway, admin, project).await?;
    Ok(project.tiers.iter().map(|(name, tier)| view(name, tier)).collect())
}

/// Shows a tier.
pub async fn show(gateway: &Gateway, admin: Admin, project: &str, name: &str) -> Result<Tier, Refusal> {
    let project = find(gateway, admin, project).await?;
    Ok(view(name, project.tiers.get(name).ok_or(ControlError::NotFound("tier"))?))
}

/// Shows all that holds for the users of a tier.
pub async fn resolved(
    gateway: &Gateway,
    admin: Admin,
    project: &str,
    name: &str,
) -> Result<ResolvedTier, Refusal> {
    let project = find(gateway, admin, project).await?;
    let tier = project.tiers.get(name).ok_or(ControlError::NotFound("tier"))?;
    let own = tier.own.as_ref().map(|own| &own.overrides);
    let defaults = gateway.directory().rules().defaults();
    Ok(tiers::resolved(name, own, &project.row.deployed, &tier.settings, defaults))
}

/// Makes a tier, or lays one over a built-in tier.
pub async fn create(gateway: &Gateway, admin: Admin, project: &str, new: NewTier) -> Result<Tier, Refusal> {
    let row = row(gateway, admin, project, new).await?;
    match gateway.store().add_tier(row.clone(), tiers::MOST).await {
        Ok(true) => Ok(changed(gateway, row)),
        Ok(false) => Err(too_many().into()),
        Err(StoreError::Taken) => {
            let message = format!("the project has a tier `{}` already: change it with PUT", row.name);
            Err(ControlError::Conflict(message).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Replaces what a tier changes, or makes it.
pub async fn put(
    gateway: &Gateway,
    admin: Admin,
    project: &str,
    name: &str,
    overrides: TierOverrides,
) -> Result<Tier, Refusal> {
    let row = row(gateway, admin, project, NewTier { name: name.to_owned(), overrides }).await?;
    if gateway.store().put_tier(row.clone(), tiers::MOST).await? {
        Ok(changed(gateway, row))
    } else {
        Err(too_many().into())
    }
}

/// Removes a project's own tier: its users get the built-in one of its name, or the project's values.
pub async fn remove(gateway: &Gateway, admin: Admin, project: &str, name: &str) -> Result<(), Refusal> {
    let project = find(gateway, admin, project).await?;
    let tier = project.tiers.get(name).ok_or(ControlError::NotFound("tier"))?;
    not_of_the_file(name, tier)?;
    if tier.own.is_none() {
        let message = format!("the tier `{name}` is built in: it can be changed with PUT, not removed");
        return Err(ControlError::Conflict(message).into());
    }
    let removed = gateway.store().remove_tier(project.row.id, name).await?;
    gateway.directory().project_changed(project.row.id);
    if removed { Ok(()) } else { Err(ControlError::NotFound("tier").into()) }
}

async fn row(gateway: &Gateway, admin: Admin, project: &str, new: NewTier) -> Result<TierRow, Refusal> {
    let project = find(gateway, admin, project).await?;
    tiers::check_name(&new.name).map_err(ControlError::from)?;
    tiers::check(&new.overrides).map_err(ControlError::from)?;
    if let Some(tier) = project.tiers.get(&new.name) {
        not_of_the_file(&new.name, tier)?;
    }
    let NewTier { name, overrides } = new;
    Ok(TierRow { project_id: project.row.id, name, overrides, created_at: Some(clock::now_ms()) })
}

fn changed(gateway: &Gateway, row: TierRow) -> Tier {
    gateway.directory().project_changed(row.project_id);
    Tier { name: row.name, overrides: row.overrides, source: super::source_of(row.created_at).to_owned() }
}

fn not_of_the_file(name: &str, tier: &ProjectTier) -> Result<(), ControlError> {
    if tier.own.as_ref().is_some_and(|own| own.created_at.is_none()) {
        let message =
            format!("the tier `{name}` is in the configuration file, and only the file can change it");
        return Err(ControlError::Conflict(message));
    }
    Ok(())
}

fn too_many() -> ControlError {
    ControlError::Conflict(format!("a project has at most {} tiers of its own", tiers::MOST))
}

fn view(name: &str, tier: &ProjectTier) -> Tier {
    let (overrides, source) = match &tier.own {
        Some(own) => (own.overrides.clone(), super::source_of(own.created_at)),
        None => (tiers::built_in(name).unwrap_or_default(), "built-in"),
    };
    Tier { name: name.to_owned(), overrides, source: source.to_owned() }
}
