//! Tokens and money: what the call may use is set aside in every layer at once, or in none, before a provider is asked.

use std::sync::Arc;

use crate::gateway::Gateway;
use crate::gateway::context::{Candidate, ModelRequest, Operation, Plan, Reserved};
use crate::gateway::ledger::estimate;
use crate::gateway::ledger::sample::Sample;
use crate::gateway::limits::counters::{Amount, Denied, Standing, Units};
use crate::gateway::limits::layers::{self, Layer};
use crate::gateway::limits::meter::{Measure, Subject};
use crate::gateway::limits::reservation::{Parts, Reservation, Share, Taken};
use crate::gateway::refusal::Refusal;

/// An answer of fewer tokens is of little use: where not even so many fit, the call is refused.
const SHORTEST_USEFUL: u64 = 256;

/// Sets aside what the call may use.
///
/// # Errors
/// The first layer that has too little left.
pub async fn reserve(gateway: &Gateway, plan: Plan) -> Result<Reserved, Refusal> {
    let request = &plan.turn.request;
    let limits = &gateway.config().limits;
    let answer = Answer::of(gateway, &plan);
    let layers = if limits.enabled { layers_of(&plan) } else { Vec::new() };
    let is_limited = layers.iter().any(Layer::refuses);
    let parts = |prompt: u64| Parts {
        call: request.admission.call().clone(),
        tenant: request.caller.principal.tenant,
        // Also where no layer is named: whatever sums are kept count all that concerns them.
        counters: limits.enabled.then(|| Arc::clone(gateway.counters())),
        events: Arc::clone(gateway.events()),
        lease_ms: gateway.config().lease_ms(),
        shares: shares(&layers, &plan, prompt),
        sees: request.caller.sees(),
        prompt,
    };
    let units = if is_limited { answer.units } else { Units::exactly(answer.units.usual) };
    // The bound costs nothing to know. Only a call that it would refuse is looked at more closely.
    let prompt = if is_limited { plan.prompt.bound } else { plan.prompt.tokens };
    let mut taken = Reservation::take(parts(prompt), units).await;
    if let Err(Taken { denied: Denied::Full { demand, standing }, .. }) = &taken
        && could_fit(&parts(plan.prompt.least()).shares[*demand], standing, units.least)
    {
        let counted = counted(request, &plan.candidates).min(plan.prompt.bound);
        taken = Reservation::take(parts(counted), units).await;
    }
    // A model's own budget is no business of the others.
    if let Err(Taken { denied: Denied::Full { demand, .. }, .. }) = &taken
        && let Subject::Model(spent) = &layers[*demand].meter.subject
        && plan.candidates.iter().any(|candidate| candidate.model.metered_name() != *spent)
    {
        let spent = Arc::clone(spent);
        let mut plan = plan;
        plan.candidates.retain(|candidate| candidate.model.metered_name() != spent);
        return Box::pin(reserve(gateway, plan)).await;
    }
    let (mut reservation, standings) = match taken {
        Ok(taken) => taken,
        Err(Taken { denied: Denied::Full { demand, standing }, reservation }) => {
            note(request, &layers[demand], &standing);
            return Err(reservation.exceeded(demand, standing, units.least, false).into());
        }
        Err(Taken { denied: Denied::Store(error), .. }) if limits.when_unavailable.spending_passes() => {
            tracing::warn!(%error, "tokens and money cannot be reserved, and the call passes");
            (Reservation::without(parts(plan.prompt.tokens), answer.units.usual), Vec::new())
        }
        Err(Taken { denied: Denied::Store(error), .. }) => return Err(error.into()),
    };
    for (layer, standing) in layers.iter().zip(&standings) {
        note(request, layer, standing);
    }
    if is_limited && let Some(bound) = answer.bound(request, &reservation, &standings) {
        reservation.bind(bound);
    }
    let bound = reservation.bound().map(|bound| bound.saturating_mul(answer.answers));
    reservation.ends_at(bound.or(request.max_tokens.and(answer.potential)));
    Ok(Reserved { plan, reservation: Arc::new(reservation) })
}

/// Whether a closer look may help: no tokenizer makes less of a prompt than its least size.
fn could_fit(share: &Share, standing: &Standing, units: u64) -> bool {
    share.amount.at(units) <= standing.remaining(share.layer.limit)
}

fn note(request: &ModelRequest, layer: &Layer, standing: &Standing) {
    request.caller.trace.rates.note(layer, standing, request.caller.sees().wide);
}

fn layers_of(plan: &Plan) -> Vec<Layer> {
    let request = &plan.turn.request;
    let caller = &request.caller;
    let mut models: Vec<Arc<str>> = Vec::with_capacity(plan.candidates.len());
    for candidate in &plan.candidates {
        let model = candidate.model.metered_name();
        if !models.contains(&model) {
            models.push(model);
        }
    }
    let payer = &request.admission.call().payer;
    layers::of_spending(&caller.settings.limits, &caller.project.budgets, payer, &models)
}

/// What each layer gives: at the dearest price of those that may answer, and for a model's own budget at that model's.
fn shares(layers: &[Layer], plan: &Plan, prompt: u64) -> Vec<Share> {
    let writes_cache = plan.turn.request.marks_cache();
    let dearest = |of: &dyn Fn(&Candidate) -> bool| {
        let amounts = plan.candidates.iter().filter(|candidate| of(candidate)).map(|candidate| {
            candidate.price.as_ref().map_or(Amount::default(), |price| price.amount(prompt, writes_cache))
        });
        amounts.fold(Amount::default(), |dearest, amount| Amount {
            fixed: dearest.fixed.max(amount.fixed),
            per_unit: dearest.per_unit.max(amount.per_unit),
        })
    };
    let amount = |layer: &Layer| match (layer.meter.measure, &layer.meter.subject) {
        (Measure::Money, Subject::Model(model)) => {
            dearest(&|candidate| candidate.model.metered_name() == *model)
        }
        (Measure::Money, _) => dearest(&|_| true),
        (Measure::Tokens | Measure::Requests | Measure::Concurrency, _) => {
            Amount { fixed: prompt, per_unit: 1_000 }
        }
    };
    layers.iter().map(|layer| Share { amount: amount(layer), layer: layer.clone() }).collect()
}

/// How many tokens the prompt is, counted.
fn counted(request: &ModelRequest, candidates: &[Candidate]) -> u64 {
    match request.operation {
        Operation::Chat => {
            let sample = Sample::of_request(&request.fields.write(&request.messages));
            let counts = candidates.iter().map(|candidate| sample.tokens(&candidate.model.name));
            counts.max().unwrap_or(0)
        }
        Operation::Embeddings(wanted) => wanted.prompt_tokens,
    }
}

/// How long the answer may be.
struct Answer {
    /// The fewest tokens that are of use, what it is likely to be, and the most that are set aside.
    units: Units,
    /// The most that it could be without a bound; `None` where nobody knows.
    potential: Option<u64>,
    /// How many answers the call wants at once.
    answers: u64,
    streamed: bool,
}

impl Answer {
    fn of(gateway: &Gateway, plan: &Plan) -> Self {
        let request = &plan.turn.request;
        let answers = request.answers.max(1);
        if !matches!(request.operation, Operation::Chat) {
            return Self { units: Units::default(), potential: Some(0), answers, streamed: false };
        }
        let listed = plan.candidates.iter().map(|candidate| candidate.model.listed.as_ref()?.max_output);
        let by_model = listed.collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().max());
        let potential = match (request.max_tokens, by_model) {
            (Some(asked), Some(able)) => Some(asked.min(able)),
            (asked, able) => asked.or(able),
        };
        // What the client names it may have; what nobody named is bounded.
        let most = match (request.max_tokens, potential) {
            (Some(_), Some(potential)) => potential,
            (_, potential) => potential.unwrap_or(u64::MAX).min(estimate::LONGEST_ANSWER),
        };
        let project = request.caller.principal.project;
        let usual = plan
            .candidates
            .iter()
            .filter_map(|candidate| gateway.learned().usual(project, &candidate.model.metered_name()));
        let expected = usual.max().unwrap_or(estimate::UNBOUNDED_ANSWER).min(most);
        // A stream can be extended and cut while it comes. A plain answer cannot, nor can thoughts that nobody sees: what
        // these may be is set aside whole.
        let streamed = request.stream && !plan.candidates.iter().any(|candidate| candidate.model.thinks());
        let wished = if streamed { expected } else { most };
        let usual = if streamed || request.max_tokens.is_none() { expected } else { most };
        let all = |tokens: u64| tokens.saturating_mul(answers);
        let least = SHORTEST_USEFUL.min(expected);
        Self {
            units: Units { least: all(least), usual: all(usual), most: all(wished) },
            potential: potential.map(all),
            answers,
            streamed,
        }
    }

    /// The most tokens that one answer may have, where that is less than it could have: what is set aside, and for a
    /// stream what could still be.
    fn bound(
        &self,
        request: &ModelRequest,
        reservation: &Reservation,
        standings: &[Standing],
    ) -> Option<u64> {
        if !matches!(request.operation, Operation::Chat) {
            return None;
        }
        let units = reservation.units();
        let affordable =
            if self.streamed { units.saturating_add(reservation.room(standings)) } else { units };
        let could_be = self.potential.unwrap_or(self.units.most);
        (affordable < could_be).then(|| (affordable / self.answers).max(1))
    }
}
