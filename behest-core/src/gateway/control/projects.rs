//! Projects: made with a slug of their own, suspended rather than deleted.

use std::sync::Arc;

use uuid::Uuid;

use super::access::Admin;
use super::{ControlError, check_name};
use crate::gateway::context::Project as Loaded;
use crate::gateway::refusal::Refusal;
use crate::gateway::store::rows::ProjectRow;
use crate::gateway::store::{ProjectScope, Store, StoreError};
use crate::gateway::{Gateway, clock};
use crate::types::control::{NewProject, Plan, Project, ProjectPatch, ProjectSettings, ProjectStatus};

/// How many active projects the plan `free` has.
const FREE_PROJECTS: usize = 3;

const ADJECTIVES: [&str; 48] = [
    "amber", "azure", "bold", "brave", "bright", "brisk", "calm", "clear", "clever", "cool", "coral",
    "crisp", "dapper", "eager", "early", "fair", "fleet", "fresh", "gentle", "glad", "golden", "grand",
    "green", "happy", "honest", "humble", "ivory", "jade", "jolly", "keen", "kind", "lively", "lucky",
    "lunar", "mellow", "merry", "mighty", "misty", "noble", "proud", "quick", "quiet", "rapid", "royal",
    "silver", "solar", "swift", "vivid",
];
const NOUNS: [&str; 48] = [
    "acorn", "anchor", "badger", "beacon", "birch", "bison", "brook", "canyon", "cedar", "comet", "condor",
    "crane", "delta", "eagle", "ember", "falcon", "fern", "fjord", "fox", "glacier", "harbor", "hawk",
    "heron", "island", "lagoon", "lark", "lynx", "maple", "meadow", "mesa", "otter", "owl", "panda",
    "pebble", "pine", "prairie", "quartz", "raven", "reef", "river", "robin", "seal", "sparrow", "summit",
    "tiger", "tulip", "willow", "wolf",
];

/// Adds a project with a fresh slug.
pub(crate) async fn add(store: &dyn Store, tenant_id: Uuid, name: String) -> Result<ProjectRow, StoreError> {
    let mut row = fresh(tenant_id, name);
    // Of 2.3 million slugs one is soon free; ten in a row taken means something else is wrong.
    let mut result = Err(StoreError::Taken);
    for _ in 0..10 {
        result = store.add_project(row.clone()).await;
        if !matches!(result, Err(StoreError::Taken)) {
            break;
        }
        row.slug = slug(Uuid::new_v4().as_u128());
    }
    result.map(|()| row)
}

/// A project with a slug that is most probably free.
pub(crate) fn fresh(tenant_id: Uuid, name: String) -> ProjectRow {
    ProjectRow {
        id: Uuid::now_v7(),
        tenant_id,
        slug: slug(Uuid::new_v4().as_u128()),
        name,
        status: ProjectStatus::Active,
        created_at: clock::now_ms(),
        deployed: ProjectSettings::default(),
        draft: None,
    }
}

fn slug(random: u128) -> String {
    let pick = |words: &[&'static str], shift: u32| words[(random >> shift) as usize % words.len()];
    format!("{}-{}-{:03}", pick(&ADJECTIVES, 0), pick(&NOUNS, 16), (random >> 32) as u32 % 1000)
}

/// Lists the projects that the caller sees.
pub async fn list(gateway: &Gateway, admin: Admin) -> Result<Vec<Project>, Refusal> {
    Ok(gateway.store().projects(admin.scope()).await?.iter().map(view).collect())
}

/// Makes a project.
pub async fn create(gateway: &Gateway, admin: Admin, new: NewProject) -> Result<Project, Refusal> {
    let tenant = owner(gateway, admin, new.tenant_id.as_deref()).await?;
    let row = gateway.store().tenant(tenant).await?.ok_or(ControlError::NotFound("tenant"))?;
    if row.plan == Plan::Free {
        let projects = gateway.store().projects(ProjectScope::Tenant(tenant)).await?;
        let active = projects.iter().filter(|project| project.status == ProjectStatus::Active).count();
        if active >= FREE_PROJECTS {
            let message =
                format!("the plan `free` has {FREE_PROJECTS} active projects, and this tenant has {active}");
            return Err(ControlError::Conflict(message).into());
        }
    }
    Ok(view(&add(gateway.store(), tenant, check_name(&new.name)?).await?))
}

/// The tenant that a new project belongs to: the caller's own, or the one named, or the only one there is.
async fn owner(gateway: &Gateway, admin: Admin, named: Option<&str>) -> Result<Uuid, Refusal> {
    let named = named.map(Uuid::parse_str).transpose();
    let named = named.map_err(|_| ControlError::field("tenant_id", "must be a tenant's UUID"))?;
    let tenant = match (admin, named) {
        (_, Some(named)) => named,
        (Admin::Tenant(own) | Admin::Project { tenant: own, .. }, None) => own,
        (Admin::Operator, None) => match gateway.store().tenants().await?.as_slice() {
            [only] => only.id,
            several => {
                let problem = format!("is needed: there are {} tenants", several.len());
                return Err(ControlError::field("tenant_id", problem).into());
            }
        },
    };
    admin.for_tenant(tenant)?;
    Ok(tenant)
}

/// Finds a project, by id or slug, that the caller may act for.
pub async fn find(gateway: &Gateway, admin: Admin, id: &str) -> Result<Arc<Loaded>, Refusal> {
    let found = match Uuid::parse_str(id) {
        Ok(id) => gateway.directory().project(id).await?,
        Err(_) => gateway.directory().project_by_slug(id).await?,
    };
    let found = found.filter(|project| admin.may_act_for(project));
    Ok(found.ok_or(ControlError::NotFound("project"))?)
}

/// Renames a project, suspends it, or makes it active again.
pub async fn change(
    gateway: &Gateway,
    admin: Admin,
    id: &str,
    patch: ProjectPatch,
) -> Result<Project, Refusal> {
    let project = find(gateway, admin, id).await?;
    let name = patch.name.as_deref().map(check_name).transpose()?;
    let row = gateway.store().change_project(project.row.id, name, patch.status).await?;
    gateway.directory().project_changed(project.row.id);
    Ok(view(&row.ok_or(ControlError::NotFound("project"))?))
}

/// A project as the control plane shows it.
#[must_use]
pub fn view(row: &ProjectRow) -> Project {
    Project {
        id: row.id.to_string(),
        tenant_id: row.tenant_id.to_string(),
        slug: row.slug.clone(),
        name: row.name.clone(),
        status: row.status,
        created_at: clock::rfc3339(row.created_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_two_words_and_three_digits() {
        for random in [0, 1, u128::MAX, 0x1234_5678_9abc_def0] {
            let slug = slug(random);
            let parts: Vec<&str> = slug.split('-').collect();
            assert!(ADJECTIVES.contains(&parts[0]) && NOUNS.contains(&parts[1]), "{slug}");
            assert!(parts[2].len() == 3 && parts[2].parse::<u16>().is_ok(), "{slug}");
        }
    }
}
