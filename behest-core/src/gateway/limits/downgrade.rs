//! Budgets above which another model answers. They refuse nothing: what that model spends goes on counting.

use std::sync::Arc;

use serde_json::json;

use super::admission::CallId;
use super::reservation::{subject_key, subject_text};
use super::{budgets as terms, layers};
use crate::gateway::Gateway;
use crate::gateway::events::Raised;
use crate::gateway::store::StoreError;
use crate::gateway::store::rows::BudgetRow;
use crate::types::budget::OnExceed;
use crate::types::event::EventKind;

/// The model that answers in the place of `models`, because a budget that says so is used up.
///
/// # Errors
/// When the counters cannot answer.
pub async fn stand_in(
    gateway: &Gateway,
    tenant: uuid::Uuid,
    call: &CallId,
    budgets: &[Arc<BudgetRow>],
    models: &[Arc<str>],
) -> Result<Option<String>, StoreError> {
    let downgrading = budgets.iter().filter(|budget| budget.terms.on_exceed == OnExceed::Downgrade);
    for budget in downgrading {
        let Some(model) = &budget.terms.downgrade_to else { continue };
        let subjects = layers::subjects(budget, &call.payer, models);
        let meters: Vec<_> = subjects.into_iter().map(|subject| layers::meter_of(budget, subject)).collect();
        let standings = gateway.counters().standings(meters.clone(), call.admitted_at).await?;
        let spent = meters
            .iter()
            .zip(&standings)
            .find(|(_, standing)| standing.remaining(terms::limit(&budget.terms)) == 0);
        let Some((meter, _)) = spent else { continue };
        let subject = subject_text(&meter.subject);
        let window = meter.window.start(call.admitted_at);
        gateway.events().raise(Raised {
            kind: EventKind::BudgetDowngraded,
            tenant: Some(tenant),
            project: Some(budget.project_id),
            message: format!("the budget `{}` is used up: `{model}` answers", budget.terms.name),
            data: json!({ "budget": budget.terms.name, "subject": subject, "model": model }),
            once: Some(format!(
                "downgraded:{}:{}:{window}:{}",
                budget.id,
                subject_key(&meter.subject),
                terms::limit(&budget.terms)
            )),
        });
        return Ok(Some(model.clone()));
    }
    Ok(None)
}
