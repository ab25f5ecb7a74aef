//! Budgets of a project.

use std::sync::Arc;

use uuid::Uuid;

use super::ControlError;
use super::access::Admin;
use super::projects::find;
use crate::gateway::context::Project;
use crate::gateway::ledger::money::NanoUsd;
use crate::gateway::limits::counters::Standing;
use crate::gateway::limits::{budgets, layers};
use crate::gateway::refusal::Refusal;
use crate::gateway::store::StoreError;
use crate::gateway::store::rows::BudgetRow;
use crate::gateway::{Gateway, clock};
use crate::types::budget::{Budget, BudgetStanding, NewBudget};

/// Lists a project's budgets, those of the configuration file first, then the oldest.
pub async fn list(gateway: &Gateway, admin: Admin, project: &str) -> Result<Vec<Budget>, Refusal> {
    let project = find(gateway, admin, project).await?;
    let mut listed = Vec::with_capacity(project.budgets.len());
    for row in &project.budgets {
        listed.push(view(row, standing(gateway, row, None).await?));
    }
    Ok(listed)
}

/// Shows a budget, by id or name, and how it stands: for `subject`, where each has it for itself.
pub async fn show(
    gateway: &Gateway,
    admin: Admin,
    project: &str,
    budget: &str,
    subject: Option<&str>,
) -> Result<Budget, Refusal> {
    let project = find(gateway, admin, project).await?;
    let row = budget_of(&project, budget)?;
    Ok(view(&row, standing(gateway, &row, subject).await?))
}

/// How a budget stands for the one that it names, or else for `subject`; `None` where there is no such one.
async fn standing(
    gateway: &Gateway,
    row: &BudgetRow,
    subject: Option<&str>,
) -> Result<Option<Standing>, StoreError> {
    let Some(subject) = layers::subject_named(&row.terms, subject) else { return Ok(None) };
    let meters = vec![layers::meter_of(row, subject)];
    Ok(gateway.counters().standings(meters, clock::now_ms()).await?.pop())
}

/// Makes a budget.
pub async fn create(
    gateway: &Gateway,
    admin: Admin,
    project: &str,
    new: NewBudget,
) -> Result<Budget, Refusal> {
    let project = find(gateway, admin, project).await?;
    let terms = budgets::check(new).map_err(ControlError::from)?;
    name_is_free(&project, &terms.name, None)?;
    let row = BudgetRow {
        id: Uuid::now_v7(),
        project_id: project.row.id,
        terms,
        created_at: Some(clock::now_ms()),
    };
    let added = gateway.store().add_budget(row.clone(), budgets::MOST).await;
    if !added.map_err(|error| taken(error, &row.terms.name))? {
        let message = format!("a project has at most {} budgets", budgets::MOST);
        return Err(ControlError::Conflict(message).into());
    }
    gateway.directory().project_changed(project.row.id);
    Ok(view(&row, standing(gateway, &row, None).await?))
}

/// Replaces a budget's terms; what was spent stays spent.
pub async fn replace(
    gateway: &Gateway,
    admin: Admin,
    project: &str,
    budget: &str,
    new: NewBudget,
) -> Result<Budget, Refusal> {
    let project = find(gateway, admin, project).await?;
    let row = budget_of(&project, budget)?;
    not_of_the_file(&row)?;
    let terms = budgets::check(new).map_err(ControlError::from)?;
    name_is_free(&project, &terms.name, Some(row.id))?;
    let changed = gateway.store().change_budget(project.row.id, row.id, terms.clone()).await;
    let changed = changed.map_err(|error| taken(error, &terms.name))?;
    gateway.directory().project_changed(project.row.id);
    if !changed {
        return Err(ControlError::NotFound("budget").into());
    }
    let row = BudgetRow { terms, ..BudgetRow::clone(&row) };
    Ok(view(&row, standing(gateway, &row, None).await?))
}

/// Removes a budget: it holds nobody back from the next request on.
pub async fn remove(gateway: &Gateway, admin: Admin, project: &str, budget: &str) -> Result<(), Refusal> {
    let project = find(gateway, admin, project).await?;
    let row = budget_of(&project, budget)?;
    not_of_the_file(&row)?;
    let removed = gateway.store().remove_budget(project.row.id, row.id).await?;
    gateway.directory().project_changed(project.row.id);
    if removed { Ok(()) } else { Err(ControlError::NotFound("budget").into()) }
}

/// A project's budget, by id or name; an id goes before a name that looks like one.
fn budget_of(project: &Project, budget: &str) -> Result<Arc<BudgetRow>, ControlError> {
    let id = Uuid::parse_str(budget).ok();
    let by_id = project.budgets.iter().find(|row| id == Some(row.id));
    let by_name = || project.budgets.iter().find(|row| row.terms.name == budget);
    by_id.or_else(by_name).cloned().ok_or(ControlError::NotFound("budget"))
}

/// The store keeps names apart; it does not know those of the file.
fn name_is_free(project: &Project, name: &str, of: Option<Uuid>) -> Result<(), ControlError> {
    let other = |row: &&Arc<BudgetRow>| row.terms.name == name && Some(row.id) != of;
    match project.budgets.iter().find(other) {
        None => Ok(()),
        Some(_) => Err(name_taken(name)),
    }
}

fn taken(error: StoreError, name: &str) -> Refusal {
    match error {
        StoreError::Taken => name_taken(name).into(),
        other => other.into(),
    }
}

fn name_taken(name: &str) -> ControlError {
    ControlError::Conflict(format!("the project has a budget `{name}` already: change it with PUT"))
}

fn not_of_the_file(row: &BudgetRow) -> Result<(), ControlError> {
    if row.created_at.is_none() {
        let name = &row.terms.name;
        let message =
            format!("the budget `{name}` is in the configuration file, and only the file can change it");
        return Err(ControlError::Conflict(message));
    }
    Ok(())
}

/// A budget as the control plane shows it.
#[must_use]
pub fn view(row: &BudgetRow, standing: Option<Standing>) -> Budget {
    Budget {
        id: row.id.to_string(),
        terms: row.terms.clone(),
        source: super::source_of(row.created_at).to_owned(),
        standing: standing.map(|standing| view_standing(&row.terms, standing)),
        created_at: row.created_at.map(clock::rfc3339),
    }
}

fn view_standing(terms: &NewBudget, standing: Standing) -> BudgetStanding {
    let nano = |nano: u64| i64::try_from(nano).unwrap_or(i64::MAX);
    let (limit, used, reserved) = (nano(budgets::limit(terms)), nano(standing.used), nano(standing.reserved));
    BudgetStanding {
        used_usd: NanoUsd(used).as_usd(),
        reserved_usd: NanoUsd(reserved).as_usd(),
        remaining_usd: NanoUsd(limit.saturating_sub(used).saturating_sub(reserved)).as_usd(),
        resets_at: standing.resets_at.map(clock::rfc3339),
    }
}
