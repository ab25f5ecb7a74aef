//! Which models are meant, and whether this project may call it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::gateway::Gateway;
use crate::gateway::clock;
use crate::gateway::context::{Caller, Choice, Model, ModelRequest, Operation, Selected};
use crate::gateway::limits::downgrade;
use crate::gateway::providers::{Dialect, ECHO, LOCAL};
use crate::gateway::refusal::{Refusal, Refuse};
use crate::gateway::routing::catalogue::{Catalogue, Found, Listed};
use crate::gateway::routing::models::{ModelEntry, ModelTable};
use crate::gateway::settings::Settings;
use crate::gateway::store::StoreError;
use crate::types::catalogue::Mode;
use crate::types::control::{ModelRoute, RouteStrategy, UnknownPricePolicy};
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
    /// It does something else.
    #[error("the model `{model}` {does}")]
    OtherKind {
        /// The name.
        model: String,
        /// What it does, and what it does not.
        does: &'static str,
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
            Self::NoDefault | Self::Unknown { .. } | Self::OtherKind { .. } => Code::ValidationError,
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
            Self::NoDefault | Self::OtherKind { .. } | Self::NotAllowed { .. } => None,
        }
    }
}

/// Finds the models that the name stands for, among the tenant's providers.
pub async fn select(gateway: &Gateway, request: ModelRequest) -> Result<Selected, Refusal> {
    let caller = &request.caller;
    let catalogue = gateway.directory().catalogue(caller.principal.tenant, caller.principal.project).await?;
    let settings = &caller.settings;
    let requested = match (&request.model, &settings.default_model) {
        (Some(model), _) | (None, Some(model)) => model.clone(),
        (None, None) => default_model(&catalogue).ok_or(SelectError::NoDefault)?,
    };
    let table = gateway.models();
    let names = Names { settings, catalogue: &catalogue, table: &table, operation: request.operation };
    // Vectors of different models cannot be compared: only a conversation may be answered by another.
    let fallbacks = match request.operation {
        Operation::Chat => settings.fallback_models.as_slice(),
        Operation::Embeddings(_) => &[],
    };
    let fallbacks = fallbacks.iter().filter_map(|name| names.model(name, &requested).ok()).collect();
    let choice = match settings.routes.get(&requested) {
        Some(route) => names.route(route, requested, fallbacks)?,
        None => Choice {
            models: vec![names.model(&requested, &requested)?],
            requested,
            strategy: RouteStrategy::Priority,
            weights: Vec::new(),
            fallbacks,
            hedge_after: None,
        },
    };
    let choice = match stand_in(gateway, &request, &choice).await? {
        Some(name) => Choice {
            models: vec![names.model(&name, &name)?],
            fallbacks: Vec::new(),
            hedge_after: None,
            ..choice
        },
        None => choice,
    };
    Ok(Selected { request, choice })
}

/// The model that a budget has answer, if one does. It is used up or not for the call that was admitted, whatever else
/// happens meanwhile: such budgets refuse nothing.
async fn stand_in(
    gateway: &Gateway,
    request: &ModelRequest,
    choice: &Choice,
) -> Result<Option<String>, StoreError> {
    if request.operation != Operation::Chat || !gateway.config().limits.enabled {
        return Ok(None);
    }
    let caller = &request.caller;
    let models: Vec<_> = choice.models.iter().map(Model::metered_name).collect();
    let (call, budgets) = (request.admission.call(), &caller.project.budgets);
    downgrade::stand_in(gateway, caller.principal.tenant, call, budgets, &models).await
}

/// What names mean to a project.
struct Names<'n> {
    settings: &'n Settings,
    catalogue: &'n Catalogue,
    table: &'n ModelTable,
    operation: Operation,
}

impl Names<'_> {
    /// The model behind `name`, which may be an alias; `requested` is what the client wrote.
    fn model(&self, name: &str, requested: &str) -> Result<Model, SelectError> {
        let name = self.settings.model_aliases.get(name).map_or(name, String::as_str);
        let shown = || name.chars().take(100).collect();
        let model = match self.catalogue.find(self.table, name) {
            Found::Served { upstream, name, listed } => Model { name, upstream, listed },
            Found::NoKey { provider } => return Err(SelectError::NoKey { model: shown(), provider }),
            Found::Unknown { nearest } => return Err(SelectError::Unknown { model: shown(), nearest }),
        };
        if !allowed(self.settings.model_allowlist.as_deref(), &model, requested) {
            return Err(SelectError::NotAllowed { model: shown() });
        }
        match (self.operation, model.listed.as_ref().map(|entry| entry.mode)) {
            (Operation::Chat, Some(Mode::Embeddings)) => {
                let does = "makes embeddings and holds no conversations";
                Err(SelectError::OtherKind { model: shown(), does })
            }
            (Operation::Embeddings(_), Some(Mode::Chat)) => {
                let does = "holds conversations and makes no embeddings";
                Err(SelectError::OtherKind { model: shown(), does })
            }
            _ => Ok(model),
        }
    }

    /// The models of a route that can be called, with their shares.
    fn route(
        &self,
        route: &ModelRoute,
        requested: String,
        fallbacks: Vec<Model>,
    ) -> Result<Choice, SelectError> {
        let (mut models, mut weights) = (Vec::new(), Vec::new());
        let mut refused = None;
        for (place, name) in route.models.iter().enumerate() {
            match self.model(name, &requested) {
                Ok(model) => {
                    models.push(model);
                    let weight = route.weights.as_ref().and_then(|weights| weights.get(place));
                    weights.push(weight.copied().unwrap_or(1));
                }
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        match refused {
            Some(error) if models.is_empty() => Err(error),
            _ => Ok(Choice {
                requested,
                models,
                strategy: route.strategy,
                weights,
                fallbacks,
                hedge_after: route.hedge_after_ms.map(|after| Duration::from_millis(after.into())),
            }),
        }
    }
}

/// Whether a project with this list may call `model`: by the name that will be called, with or without its provider's,
/// so that an alias opens no side door.
fn allowed(allowlist: Option<&[String]>, model: &Model, requested: &str) -> bool {
    let qualified = format!("{}/{}", model.upstream.name, model.name);
    // The offline model stands in for whatever was asked for, at no cost.
    let stands_in = |entry: &String| model.upstream.dialect == Dialect::Local && *entry == requested;
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

/// The models that a caller may call now, for `GET /v1/models`: its project's own names come first.
pub async fn models(gateway: &Gateway, caller: &Caller) -> Result<Vec<Listed>, Refusal> {
    let catalogue = gateway.directory().catalogue(caller.principal.tenant, caller.principal.project).await?;
    let settings = &caller.settings;
    let table = gateway.models();
    let names = Names { settings, catalogue: &catalogue, table: &table, operation: Operation::Chat };
    let list = settings.model_allowlist.as_deref();
    let may = |listed: &Listed| {
        let qualified = format!("{}/{}", listed.provider, listed.id);
        list.is_none_or(|list| list.iter().any(|entry| *entry == listed.id || *entry == qualified))
    };
    let priced = |provider: &str, entry: Option<&Arc<ModelEntry>>| {
        let known = entry.is_some_and(|entry| entry.price_at(clock::now_ms()).is_some());
        known || provider == LOCAL || settings.unknown_price != UnknownPricePolicy::Deny
    };
    let callable = |model: &Model| priced(&model.upstream.name, model.listed.as_ref());
    let alias = |(alias, _): (&String, &String)| {
        let model = names.model(alias, alias).ok().filter(callable)?;
        Some(Listed { id: alias.clone(), provider: model.upstream.name.clone(), entry: model.listed })
    };
    let route = |(name, route): (&String, &ModelRoute)| {
        let choice = names.route(route, name.clone(), Vec::new()).ok()?;
        choice.models.iter().any(callable).then_some(())?;
        Some(Listed { id: name.clone(), provider: LOCAL.to_owned(), entry: None })
    };
    let mut listed: Vec<Listed> = settings.routes.iter().filter_map(route).collect();
    listed.extend(settings.model_aliases.iter().filter_map(alias));
    let known = catalogue.list(&table).into_iter();
    listed.extend(known.filter(|listed| may(listed) && priced(&listed.provider, listed.entry.as_ref())));
    Ok(listed)
}
