//! Providers' keys and prices, and the order in which models are asked, before anything is sent.

use std::sync::Arc;

use crate::gateway::context::{Candidate, Model, Plan, Turn};
use crate::gateway::ledger::prices::Price;
use crate::gateway::ledger::record::Tokens;
use crate::gateway::providers::{Dialect, ProviderKey};
use crate::gateway::refusal::{Refusal, Refuse};
use crate::gateway::routing::{choose, needs};
use crate::gateway::{Gateway, clock};
use crate::types::control::UnknownPricePolicy;
use crate::types::problem::Code;

/// Why the call has no way to its provider.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// The tenant's key is there and cannot be read.
    #[error(
        "the key for the provider `{provider}` cannot be read by this gateway: add it again, or start the gateway with the master key that sealed it"
    )]
    KeyUnreadable {
        /// The provider.
        provider: String,
    },
    /// Nobody knows the price and the project wants none such.
    #[error(
        "the price of `{model}` is not known, and this project refuses such models (`unknown_price_policy`)"
    )]
    UnknownPrice {
        /// The model.
        model: String,
    },
}

impl Refuse for RouteError {
    fn code(&self) -> Code {
        match self {
            Self::KeyUnreadable { .. } => Code::Unavailable,
            Self::UnknownPrice { .. } => Code::ModelNotAllowed,
        }
    }
}

/// Settles who may be called, in which order, and at what price.
pub fn route(gateway: &Gateway, mut turn: Turn) -> Result<Plan, Refusal> {
    let prompt = turn.request.prompt_size();
    let prompt_tokens = prompt.tokens;
    let answer_tokens = turn.request.answer_tokens();
    let models = std::mem::take(&mut turn.choice.models);
    let fallbacks = std::mem::take(&mut turn.choice.fallbacks);
    let mut callable = Callable { gateway, turn: &turn, refused: None };
    let (models, weights): (Vec<_>, Vec<_>) = models
        .into_iter()
        .zip(turn.choice.weights.iter().copied().chain(std::iter::repeat(1)))
        .filter_map(|(model, weight)| Some((callable.candidate(model)?, weight)))
        .unzip();
    // A key that cannot be read, or a price that may not be unknown, is told and not gone around.
    if let Some(error) = callable.refused.take().filter(|_| models.is_empty()) {
        return Err(error.into());
    }
    let fallbacks = fallbacks.into_iter().filter_map(|model| callable.candidate(model));
    let fallbacks: Vec<_> = fallbacks.map(|candidate| Candidate { is_fallback: true, ..candidate }).collect();
    let call = choose::Call {
        strategy: turn.choice.strategy,
        weights: &weights,
        tokens: Tokens { input: Some(prompt_tokens), output: Some(answer_tokens), ..Tokens::default() },
    };
    let mut candidates = choose::order(models, call, fastrand::f64);
    candidates.extend(fallbacks);
    let mut candidates = once(candidates);
    if candidates.len() > 1 {
        candidates = needs::able(candidates, &needs::of(&turn.request));
        candidates = fitting(candidates, prompt_tokens);
    }
    Ok(Plan { turn, candidates, prompt })
}

/// What stands between models and their calls.
struct Callable<'c> {
    gateway: &'c Gateway,
    turn: &'c Turn,
    /// Why the first of those that cannot be called cannot.
    refused: Option<RouteError>,
}

impl Callable<'_> {
    fn candidate(&mut self, model: Model) -> Option<Candidate> {
        match self.price(&model) {
            Ok(price) => {
                let limit = self.gateway.config().slot_limit(&model.upstream.name);
                let target = self.gateway.health().target(&model.upstream, &model.name, limit);
                Some(Candidate { model, price, is_fallback: false, target })
            }
            Err(error) => {
                self.refused.get_or_insert(error);
                None
            }
        }
    }

    fn price(&self, model: &Model) -> Result<Option<Arc<Price>>, RouteError> {
        let upstream = &model.upstream;
        if let ProviderKey::Unreadable(error) = &upstream.key {
            tracing::error!(provider = upstream.name, %error, "a provider's key cannot be read");
            return Err(RouteError::KeyUnreadable { provider: upstream.name.clone() });
        }
        if upstream.dialect == Dialect::Local {
            return Ok(Some(Arc::new(Price::free())));
        }
        let price = model.listed.as_ref().and_then(|entry| entry.price_of(&model.name, clock::now_ms()));
        match (price, self.turn.request.caller.settings.unknown_price) {
            (Some(price), _) => Ok(Some(price)),
            (None, UnknownPricePolicy::Ceiling) => Ok(self.gateway.models().ceiling().cloned()),
            (None, UnknownPricePolicy::Flag) => Ok(None),
            (None, UnknownPricePolicy::Deny) => Err(RouteError::UnknownPrice { model: model.name.clone() }),
        }
    }
}

/// Each target once, at its first place: two names may mean one model.
fn once(candidates: Vec<Candidate>) -> Vec<Candidate> {
    let mut kept: Vec<Candidate> = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        if !kept.iter().any(|other| Arc::ptr_eq(&other.target, &candidate.target)) {
            kept.push(candidate);
        }
    }
    kept
}

/// Without those whose context cannot hold the prompt, unless none can: our count is an estimate, and the provider's
/// word is better than ours.
fn fitting(candidates: Vec<Candidate>, prompt_tokens: u64) -> Vec<Candidate> {
    let fits =
        |candidate: &Candidate| candidate.model.context_length().is_none_or(|length| prompt_tokens <= length);
    if candidates.iter().any(fits) { candidates.into_iter().filter(fits).collect() } else { candidates }
}
