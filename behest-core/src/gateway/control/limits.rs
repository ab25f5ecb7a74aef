//! How the limits and budgets of a project stand for one caller.

use std::sync::Arc;

use super::access::Admin;
use super::projects::find;
use crate::gateway::ledger::money::NanoUsd;
use crate::gateway::limits::counters::Standing;
use crate::gateway::limits::layers::{self, Layer};
use crate::gateway::limits::meter::{Measure, Payer};
use crate::gateway::refusal::Refusal;
use crate::gateway::{Gateway, clock};
use crate::types::limit::{LimitStanding, LimitStandings};

/// Who is asked about; whatever is absent has no part in the answer.
#[derive(Debug, Default)]
pub struct Asked {
    /// An end user.
    pub user: Option<String>,
    /// The user's tier.
    pub tier: Option<String>,
    /// A session.
    pub session: Option<String>,
    /// An API key, by its id.
    pub api_key: Option<uuid::Uuid>,
    /// A model.
    pub model: Option<String>,
    /// Tags, by name and value.
    pub tags: Vec<(String, String)>,
}

/// Shows how each layer stands for such a caller.
///
/// # Errors
/// When the caller may not see the project, or the counters cannot answer.
pub async fn show(
    gateway: &Gateway,
    admin: Admin,
    id: &str,
    asked: Asked,
) -> Result<LimitStandings, Refusal> {
    let project = find(gateway, admin, id).await?;
    let text = |text: String| Arc::<str>::from(text);
    let settings = project.settings_of(asked.tier.as_deref());
    let payer = Payer {
        project: project.row.id,
        user: asked.user.map(text),
        session: asked.session.map(text),
        tier: asked.tier.map(text),
        api_key: asked.api_key,
        tags: asked.tags.into_iter().map(|(name, value)| (text(name), text(value))).collect(),
    };
    let models: Vec<_> = asked.model.map(text).into_iter().collect();
    let mut layers = layers::of_requests(&settings.limits, &payer);
    layers.extend(layers::of_spending(&settings.limits, &project.budgets, &payer, &models));
    let meters = layers.iter().map(|layer| Arc::clone(&layer.meter)).collect();
    let standings = gateway.counters().standings(meters, clock::now_ms()).await?;
    let data = layers.iter().zip(&standings).map(|(layer, standing)| view(layer, standing)).collect();
    Ok(LimitStandings { data })
}

#[expect(clippy::cast_precision_loss, reason = "above 2^53 tokens a report may be off by one")]
fn view(layer: &Layer, standing: &Standing) -> LimitStanding {
    let (unit, value): (_, fn(u64) -> f64) = match layer.meter.measure {
        Measure::Requests => ("requests", |count| count as f64),
        Measure::Concurrency => ("calls", |count| count as f64),
        Measure::Tokens => ("tokens", |count| count as f64),
        Measure::Money => ("usd", |nano| NanoUsd(i64::try_from(nano).unwrap_or(i64::MAX)).as_usd()),
    };
    LimitStanding {
        scope: layer.name.as_str().to_owned(),
        budget: layer.budget.as_ref().map(|budget| budget.terms.name.clone()),
        unit: unit.to_owned(),
        limit: value(layer.limit),
        used: value(standing.used),
        reserved: value(standing.reserved),
        remaining: value(standing.remaining(layer.limit)),
        refuses: layer.refuses(),
        resets_at: standing.resets_at.map(clock::rfc3339),
    }
}
