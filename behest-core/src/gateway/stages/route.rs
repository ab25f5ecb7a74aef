//! The provider's key and the price, before anything is sent.

use std::sync::Arc;

use crate::gateway::Gateway;
use crate::gateway::context::{Model, Plan, Turn};
use crate::gateway::ledger::estimate;
use crate::gateway::ledger::prices::{Price, PriceTable};
use crate::gateway::providers::translate::ask::Target;
use crate::gateway::providers::{Dialect, Prepared, ProviderKey, adapter};
use crate::gateway::refusal::{Refusal, Refuse};
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

/// Settles who is called and at what price, and writes the request.
pub fn route(_gateway: &Gateway, mut turn: Turn) -> Result<Plan, Refusal> {
    let upstream = &turn.model.upstream;
    if let ProviderKey::Unreadable(error) = &upstream.key {
        tracing::error!(provider = upstream.name, %error, "a provider's key cannot be read");
        return Err(RouteError::KeyUnreadable { provider: upstream.name.clone() }.into());
    }
    let price = price(&turn.model, turn.request.caller.settings.unknown_price)?;
    let prompt_tokens = estimate::prompt(&turn.request.messages);
    let messages = std::mem::take(&mut turn.request.messages);
    let max_output = price.as_ref().and_then(|price| price.max_output);
    let target = Target { model: &turn.model.name, max_output, stream: turn.request.stream };
    let Prepared { body, dropped } =
        adapter(upstream.dialect).body(&mut turn.request.fields, &messages, &target)?;
    Ok(Plan { turn, body, dropped, price, prompt_tokens })
}

fn price(model: &Model, policy: UnknownPricePolicy) -> Result<Option<Arc<Price>>, RouteError> {
    let upstream = &model.upstream;
    if upstream.dialect == Dialect::Local {
        return Ok(Some(Arc::new(Price::free())));
    }
    let prices = PriceTable::embedded();
    match (prices.find(&upstream.name, &model.name), policy) {
        (Some(price), _) => Ok(Some(Arc::clone(price))),
        (None, UnknownPricePolicy::Ceiling) => Ok(prices.ceiling().cloned()),
        (None, UnknownPricePolicy::Flag) => Ok(None),
        (None, UnknownPricePolicy::Deny) => Err(RouteError::UnknownPrice { model: model.name.clone() }),
    }
}
