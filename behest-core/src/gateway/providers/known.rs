//! The providers that are known by name: their dialects, their public addresses, and the variables that hold their keys.

use super::Dialect;
use super::compatible::Compatible;
use super::vertex;
use crate::env;
use crate::gateway::auth::api_keys;
use crate::secret::Secret;

/// A provider that needs no more than a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its name; also the prefix in `name/model`, and its name in the price list.
    pub name: &'static str,
    /// Its language.
    pub dialect: Dialect,
    /// Where it answers, without a slash at the end; `None` where each customer has an address of its own.
    pub base_url: Option<&'static str>,
    /// The variables that may hold the platform's key, the first that is set.
    pub key_variables: &'static [&'static str],
    /// The variable that may hold another address.
    pub base_url_variable: &'static str,
    /// How its keys begin, where that is documented.
    pub key_prefix: Option<&'static str>,
}

/// OpenAI.
pub const OPENAI: Known = Known {
    name: "openai",
    dialect: Dialect::OpenAi,
    base_url: Some("https://api.openai.com/v1"),
    key_variables: &[env::OPENAI_API_KEY],
    base_url_variable: env::OPENAI_BASE_URL,
    key_prefix: Some("sk-"),
};

/// All of them.
pub const KNOWN: [Known; 8] = [
    OPENAI,
    Known {
        name: "anthropic",
        dialect: Dialect::Anthropic,
        base_url: Some("https://api.anthropic.com"),
        key_variables: &[env::ANTHROPIC_API_KEY],
        base_url_variable: env::ANTHROPIC_BASE_URL,
        key_prefix: Some("sk-ant-"),
    },
    Known {
        name: "gemini",
        dialect: Dialect::Gemini,
        base_url: Some("https://generativelanguage.googleapis.com/v1beta"),
        key_variables: &[env::GEMINI_API_KEY, env::GOOGLE_API_KEY],
        base_url_variable: env::GEMINI_BASE_URL,
        key_prefix: Some("AIza"),
    },
    Known {
        name: vertex::VERTEX,
        dialect: Dialect::Vertex,
        base_url: Some(vertex::place::PUBLIC),
        // Its key is a file: see `vertex::settings`.
        key_variables: &[],
        base_url_variable: env::VERTEX_BASE_URL,
        key_prefix: None,
    },
    Known {
        name: "cohere",
        dialect: Dialect::Cohere,
        base_url: Some("https://api.cohere.com"),
        key_variables: &[env::COHERE_API_KEY, env::CO_API_KEY],
        base_url_variable: env::COHERE_BASE_URL,
        key_prefix: None,
    },
    Known {
        name: "mistral",
        dialect: Dialect::Compatible(Compatible::Mistral),
        base_url: Some("https://api.mistral.ai/v1"),
        key_variables: &[env::MISTRAL_API_KEY],
        base_url_variable: env::MISTRAL_BASE_URL,
        key_prefix: None,
    },
    Known {
        name: "openrouter",
        dialect: Dialect::Compatible(Compatible::OpenRouter),
        base_url: Some("https://openrouter.ai/api/v1"),
        key_variables: &[env::OPENROUTER_API_KEY],
        base_url_variable: env::OPENROUTER_BASE_URL,
        key_prefix: Some("sk-or-v1-"),
    },
    Known {
        name: "azure",
        dialect: Dialect::Compatible(Compatible::Azure),
        base_url: None,
        key_variables: &[env::AZURE_OPENAI_API_KEY],
        base_url_variable: env::AZURE_OPENAI_ENDPOINT,
        key_prefix: None,
    },
];

/// The provider of this name, if it is known.
#[must_use]
pub fn find(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == name)
}

/// The public address of the provider of this name, if it has one.
#[must_use]
pub fn base_url(name: &str) -> Option<String> {
    find(name)?.base_url.map(str::to_owned)
}

/// The last four characters of a key that is long enough to keep the rest secret; of its id, which is none, where the
/// key is a file that ends for all in the same way.
#[must_use]
pub fn last_four(dialect: Dialect, key: &Secret) -> Option<String> {
    const LONG_ENOUGH: usize = 12;
    match dialect {
        Dialect::Vertex => vertex::account::key_id(key).map(|id| api_keys::last_four(&id)),
        _ => (key.expose().len() >= LONG_ENOUGH).then(|| api_keys::last_four(key.expose())),
    }
}
