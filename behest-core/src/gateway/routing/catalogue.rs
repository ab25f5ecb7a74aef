//! Model names: what a tenant may mean by one, given the providers it has.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::models::{ModelEntry, ModelTable, names};
use crate::gateway::providers::{ECHO, ProviderKey, Upstream};

/// How many names an error suggests.
const SUGGESTIONS: usize = 3;

/// The providers of one tenant: its own, then the platform's it does not replace, and always the offline one.
#[derive(Debug)]
pub struct Catalogue {
    /// In the order in which they are asked.
    upstreams: Vec<Arc<Upstream>>,
    offline: Arc<Upstream>,
}

/// What a model name means.
#[derive(Debug)]
pub enum Found {
    /// Served by this provider, under this name.
    Served {
        /// Who.
        upstream: Arc<Upstream>,
        /// The provider's name for it.
        name: String,
        /// What the list says of it, or of the model that it is a snapshot of.
        listed: Option<Arc<ModelEntry>>,
    },
    /// A known model whose provider has no key here.
    NoKey {
        /// The provider.
        provider: String,
    },
    /// Nobody knows it.
    Unknown {
        /// The nearest names.
        nearest: Vec<String>,
    },
}

/// A model that a tenant may call.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The name to call it by.
    pub id: String,
    /// Who serves it.
    pub provider: String,
    /// What the list says of it.
    pub entry: Option<Arc<ModelEntry>>,
}

impl Catalogue {
    /// From a tenant's own providers and the platform's.
    #[must_use]
    pub fn new(own: &[Arc<Upstream>], platform: &[Arc<Upstream>], offline: &Arc<Upstream>) -> Self {
        let replaced = |upstream: &&Arc<Upstream>| own.iter().any(|mine| mine.name == upstream.name);
        let upstreams = own
            .iter()
            .chain(platform.iter().filter(|upstream| !replaced(upstream)))
            .map(Arc::clone)
            .collect();
        Self { upstreams, offline: Arc::clone(offline) }
    }

    /// Tells what `model` means.
    #[must_use]
    pub fn find(&self, models: &ModelTable, model: &str) -> Found {
        let served = |upstream: &Arc<Upstream>, name: &str| Found::Served {
            upstream: Arc::clone(upstream),
            name: name.to_owned(),
            listed: models.resolve(&upstream.name, name).cloned(),
        };
        // With nothing configured the offline model answers every name, so that first steps need no key.
        if model == ECHO || self.upstreams.is_empty() {
            return served(&self.offline, ECHO);
        }
        if let Some((prefix, name)) = model.split_once('/')
            && let Some(upstream) = self.upstreams.iter().find(|upstream| upstream.name == prefix)
        {
            return served(upstream, name);
        }
        let declares = |upstream: &&Arc<Upstream>| {
            upstream.models.as_ref().is_some_and(|models| models.iter().any(|name| name == model))
        };
        let public = |upstream: &&Arc<Upstream>| upstream.models.is_none() && upstream.is_catalogued();
        let lists =
            |upstream: &&Arc<Upstream>| public(upstream) && models.find(&upstream.name, model).is_some();
        let snapshot =
            |upstream: &&Arc<Upstream>| public(upstream) && models.resolve(&upstream.name, model).is_some();
        // A server at an address of its own that never said what it serves is asked: it knows, we do not.
        let open = |upstream: &&Arc<Upstream>| upstream.models.is_none() && !upstream.is_catalogued();
        let upstream = self
            .upstreams
            .iter()
            .find(declares)
            .or_else(|| self.upstreams.iter().find(lists))
            .or_else(|| self.upstreams.iter().find(snapshot));
        if let Some(upstream) = upstream {
            return served(upstream, model);
        }
        let of_family = |upstream: &&Arc<Upstream>| names::is_of_family(&upstream.name, model);
        let maker = self.upstreams.iter().filter(public).find(of_family);
        let asked = self.upstreams.iter().find(open);
        // Whoever looks for like names reads all of them, which a server that is asked anyway needs on no call.
        if let (None, Some(upstream)) = (maker, asked) {
            return served(upstream, model);
        }
        let nearest = self.nearest(models, model);
        // A new model of a known family is its maker's to know, but a slip of the pen is ours to tell.
        let is_slip = nearest.iter().any(|listed| names::is_slip_of(listed, model));
        if let Some(upstream) = maker.filter(|_| !is_slip).or(asked) {
            return served(upstream, model);
        }
        if is_slip {
            return Found::Unknown { nearest };
        }
        match known_elsewhere(models, model) {
            Some(provider) => Found::NoKey { provider },
            None => Found::Unknown { nearest },
        }
    }

    /// Everything that may be called by name.
    #[must_use]
    pub fn list(&self, models: &ModelTable) -> Vec<Listed> {
        let mut found = BTreeMap::new();
        let callable = |upstream: &&Arc<Upstream>| !matches!(upstream.key, ProviderKey::Unreadable(_));
        for upstream in self.upstreams.iter().filter(callable).chain([&self.offline]) {
            let declared = upstream.models.iter().flatten().map(String::as_str);
            let catalogued = models
                .of(&upstream.name)
                .filter(|_| upstream.models.is_none() && upstream.is_catalogued())
                .map(|entry| entry.name.as_str());
            for name in declared.chain(catalogued) {
                found.entry(name.to_owned()).or_insert_with(|| Listed {
                    id: name.to_owned(),
                    provider: upstream.name.clone(),
                    entry: models.resolve(&upstream.name, name).cloned(),
                });
            }
        }
        found.into_values().collect()
    }

    /// The configured providers.
    #[must_use]
    pub fn upstreams(&self) -> &[Arc<Upstream>] {
        &self.upstreams
    }

    fn nearest(&self, models: &ModelTable, model: &str) -> Vec<String> {
        let mut scored: Vec<(f64, String)> = self
            .list(models)
            .into_iter()
            .map(|listed| (strsim::jaro_winkler(model, &listed.id), listed.id))
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        scored.into_iter().take(SUGGESTIONS).map(|(_, id)| id).collect()
    }
}

/// The provider of a model that the list knows, or whose family it knows, written with or without the provider's name.
fn known_elsewhere(models: &ModelTable, model: &str) -> Option<String> {
    if let Some((provider, name)) = model.split_once('/')
        && models.resolve(provider, name).is_some()
    {
        return Some(provider.to_owned());
    }
    models.provider_of(model).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::ledger::record::KeySource;
    use crate::gateway::providers::{LOCAL, ProviderKey};

    const OPENAI_BASE_URL: &str = "https://api.openai.com/v1";

    fn upstream(name: &str, base_url: &str, models: Option<&[&str]>) -> Arc<Upstream> {
        let models = models.map(|models| models.iter().map(|model| (*model).to_owned()).collect());
        let (name, base_url) = (name.to_owned(), base_url.to_owned());
        Arc::new(Upstream::new(name, base_url, false, ProviderKey::None, KeySource::Platform, models))
    }

    fn served(catalogue: &Catalogue, model: &str) -> Option<(String, String)> {
        match catalogue.find(&ModelTable::embedded(), model) {
            Found::Served { upstream, name, .. } => Some((upstream.name.clone(), name)),
            _ => None,
        }
    }

    fn pair(provider: &str, name: &str) -> Option<(String, String)> {
        Some((provider.to_owned(), name.to_owned()))
    }

    #[test]
    fn with_nothing_configured_the_offline_model_answers_every_name() {
        let catalogue = Catalogue::new(&[], &[], &Arc::new(Upstream::offline()));
        for model in ["gemini-2.5-flash", ECHO, "whatever"] {
            assert_eq!(served(&catalogue, model), pair(LOCAL, ECHO), "{model}");
        }
        assert_eq!(catalogue.list(&ModelTable::embedded()).len(), 1);
    }

    #[test]
    fn with_a_provider_names_mean_what_they_say() {
        let openai = upstream("openai", OPENAI_BASE_URL, None);
        let catalogue = Catalogue::new(&[], &[openai], &Arc::new(Upstream::offline()));
        assert_eq!(served(&catalogue, "gpt-4o-mini"), pair("openai", "gpt-4o-mini"));
        assert_eq!(served(&catalogue, "openai/some-preview"), pair("openai", "some-preview"));
        assert_eq!(served(&catalogue, ECHO), pair(LOCAL, ECHO));
        assert!(matches!(catalogue.find(&ModelTable::embedded(), "gemini-2.5-flash"), Found::NoKey { .. }));
        match catalogue.find(&ModelTable::embedded(), "gpt-4o-minni") {
            Found::Unknown { nearest } => {
                assert_eq!(nearest.first().map(String::as_str), Some("gpt-4o-mini"))
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn declared_models_come_before_a_server_that_never_said() {
        let ollama = upstream("ollama", "http://127.0.0.1:11434/v1", None);
        let vllm = upstream("vllm", "http://127.0.0.1:8000/v1", Some(&["qwen3"]));
        let catalogue = Catalogue::new(&[ollama], &[vllm], &Arc::new(Upstream::offline()));
        assert_eq!(served(&catalogue, "qwen3"), pair("vllm", "qwen3"));
        assert_eq!(served(&catalogue, "llama3"), pair("ollama", "llama3"));
    }

    #[test]
    fn a_known_provider_elsewhere_still_serves_its_own_models_only() {
        let table = ModelTable::embedded();
        let anthropic = upstream("anthropic", "http://127.0.0.1:9000", None);
        let ollama = upstream("ollama", "http://127.0.0.1:11434/v1", None);
        let catalogue = Catalogue::new(&[], &[anthropic, ollama], &Arc::new(Upstream::offline()));
        assert_eq!(served(&catalogue, "claude-haiku-4-5"), pair("anthropic", "claude-haiku-4-5"));
        assert_eq!(served(&catalogue, "llama3"), pair("ollama", "llama3"));
        assert!(catalogue.list(&table).iter().any(|listed| listed.id == "claude-haiku-4-5"));
    }

    #[test]
    fn a_tenants_own_provider_replaces_the_platforms_of_the_same_name() {
        let mine = upstream("openai", "https://mine.example/v1", Some(&["gpt-4o-mini"]));
        let platform = upstream("openai", OPENAI_BASE_URL, None);
        let catalogue = Catalogue::new(&[mine], &[platform], &Arc::new(Upstream::offline()));
        match catalogue.find(&ModelTable::embedded(), "gpt-4o-mini") {
            Found::Served { upstream, .. } => assert_eq!(upstream.base_url, "https://mine.example/v1"),
            other => panic!("{other:?}"),
        }
    }
}
