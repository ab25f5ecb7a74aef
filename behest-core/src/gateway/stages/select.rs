//! Which model is meant, and whether this project may call it.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::gateway::Gateway;
use crate::gateway::context::{ChatRequest, Model, Selected};
use crate::gateway::providers::{Dialect, ECHO};
use crate::gateway::refusal::{Refusal, Refuse};
use crate::gateway::routing::catalogue::{Catalogue, Found};
use crate::types::problem::Code;

/// Why the model cannot be called.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// No name came, and the project has no model of its own.
    #[error("no `model`, and the project has no default one: name one, or set `provider_model`")]
    NoDefault,
    /// Nobody knows it.
    #[error("the model `{model}` is not known here{}", suggest(nearest))]
    Unknown {
        /// The name, cut short.
        model: String,
        /// The nearest names.
        nearest: Vec<String>,
    },
    /// A known model whose provider has no key here.
    #[error(
        "the model `{model}` is {provider}'s, and no key for {provider} is configured: `behest providers add {provider}`"
    )]
    NoKey {
        /// The name.
        model: String,
        /// The provider.
        provider: String,
    },
    /// Not on the project's list.
    #[error("this project may not call the model `{model}`")]
    NotAllowed {
        /// The name.
        model: String,
    },
}

fn suggest(nearest: &[String]) -> String {
    if nearest.is_empty() { String::new() } else { format!("; the nearest are {}", nearest.join(", ")) }
}

impl Refuse for SelectError {
    fn code(&self) -> Code {
        match self {
            Self::NoDefault | Self::Unknown { .. } => Code::ValidationError,
            Self::NoKey { .. } => Code::ProviderNotConfigured,
            Self::NotAllowed { .. } => Code::ModelNotAllowed,
        }
    }

    fn param(&self) -> Option<&str> {
        Some("model")
    }

    fn details(&self) -> Option<Value> {
        match self {
            Self::Unknown { nearest, .. } => Some(json!({ "nearest": nearest })),
            Self::NoKey { provider, .. } => Some(json!({ "provider": provider })),
            Self::NoDefault | Self::NotAllowed { .. } => None,
        }
    }
}

/// Finds the model among the tenant's providers.
pub async fn select(gateway: &Gateway, request: ChatRequest) -> Result<Selected, Refusal> {
    let caller = &request.caller;
    let catalogue = gateway.directory().catalogue(caller.principal.tenant, caller.principal.project).await?;
    let settings = &caller.settings;
    let requested = match (&request.model, &settings.default_model) {
        (Some(model), _) | (None, Some(model)) => model.clone(),
        (None, None) => default_model(&catalogue).ok_or(SelectError::NoDefault)?,
    };
    let shown: String = requested.chars().take(100).collect();
    let found = match catalogue.find(&requested) {
        Found::Served { upstream, name, context_length } => {
            Model { requested, name, upstream, context_length }
        }
        Found::NoKey { provider } => return Err(SelectError::NoKey { model: shown, provider }.into()),
        Found::Unknown { nearest } => return Err(SelectError::Unknown { model: shown, nearest }.into()),
    };
    if !allowed(settings.model_allowlist.as_deref(), &found) {
        return Err(SelectError::NotAllowed { model: shown }.into());
    }
    Ok(Selected { request, model: found })
}

/// Whether a project with this list may call `model`: by the name that will be called, with or without its provider's,
/// so that an alias opens no side door.
fn allowed(allowlist: Option<&[String]>, model: &Model) -> bool {
    let qualified = format!("{}/{}", model.upstream.name, model.name);
    // The offline model stands in for whatever was asked for, at no cost.
    let stands_in = |entry: &String| model.upstream.dialect == Dialect::Local && *entry == model.requested;
    let names = |entry: &String| *entry == model.name || *entry == qualified || stands_in(entry);
    allowlist.is_none_or(|list| list.iter().any(names))
}

/// Without a name anywhere: the offline model while there is nothing else, else the only model that is declared.
fn default_model(catalogue: &Catalogue) -> Option<String> {
    if catalogue.upstreams().is_empty() {
        return Some(ECHO.to_owned());
    }
    let mut declared = catalogue.upstreams().iter().flat_map(|upstream| upstream.models.iter().flatten());
    match (declared.next(), declared.next()) {
        (Some(only), None) => Some(only.clone()),
        _ => None,
    }
}

/// The models that a project may call, for `GET /v1/models`.
pub async fn models(
    gateway: &Gateway,
    caller: &crate::gateway::context::Caller,
) -> Result<Vec<crate::gateway::routing::catalogue::Listed>, Refusal> {
    let catalogue: Arc<Catalogue> =
        gateway.directory().catalogue(caller.principal.tenant, caller.principal.project).await?;
    let list = caller.settings.model_allowlist.as_deref();
    let may = |id: &str, provider: &str| {
        list.is_none_or(|list| list.iter().any(|entry| entry == id || *entry == format!("{provider}/{id}")))
    };
    Ok(catalogue.list().into_iter().filter(|listed| may(&listed.id, &listed.provider)).collect())
}
