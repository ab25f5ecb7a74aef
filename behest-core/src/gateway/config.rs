//! How a gateway is set up: a TOML file with every field optional, and what the command line puts over it.

pub mod limits;
pub mod policy;
mod providers;
mod webhooks;

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::providers::Timeouts;
use super::providers::address::names_private;
use super::providers::known::KNOWN;
use super::providers::vertex;
use super::store::sqlite::Durability;
use crate::env;
use crate::secret::Secret;
use crate::token::Rules;
use crate::types::budget::NewBudget;
use crate::types::kill::KillSwitch;
use crate::types::tier::NewTier;

pub use limits::{FailureMode, LimitsConfig};
pub use policy::OfProject;
pub use providers::{ProviderConfig, ProviderTimeouts};
pub use webhooks::WebhookConfig;

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not TOML, a wrong type, or an unknown key; the message says where and what is near.
    #[error("{message}{}", suggestion.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Toml {
        /// What the parser says.
        message: String,
        /// The nearest known key.
        suggestion: Option<String>,
    },
    /// The file names a variable for a provider's key, and there is none.
    #[error("the key of provider `{provider}` is to be in {variable}, which is not set")]
    MissingVariable {
        /// The provider.
        provider: String,
        /// The variable.
        variable: String,
    },
    /// A value outside its bounds.
    #[error("`{key}` {problem}")]
    Value {
        /// Which key.
        key: String,
        /// What it should be.
        problem: String,
    },
}

/// The configuration of a gateway.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The address to listen on. Anything but loopback brings public defaults: see the contract of limits and origins.
    pub host: String,
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// Where the database, the journal and the keys live; `None` is the platform's data directory.
    pub data_dir: Option<PathBuf>,
    /// `{slug}.{base_domain}` names a project.
    pub base_domain: Option<String>,
    /// Other host names to answer for when listening on loopback.
    pub allowed_hosts: Vec<String>,
    /// What the gateway writes into `iss`.
    pub issuer: String,
    /// Values of `iss` to accept beside the gateway's own. Never dialled.
    pub accepted_issuers: Vec<String>,
    /// The value of `aud`.
    pub audience: String,
    /// The largest body, in bytes.
    pub max_body_bytes: usize,
    /// All bodies under way together, in bytes.
    pub max_body_bytes_total: usize,
    /// How many calls may be under way: the slots of the journal.
    pub max_calls: u32,
    /// How long calls under way have at the end, in seconds.
    pub drain_deadline: u64,
    /// How many threads serve; `None` is one for each core.
    pub workers: Option<usize>,
    /// What a committed record survives: `process` or `power`.
    pub ledger_durability: Durability,
    /// A catalogue of models to lay over the program's own.
    pub catalogue_file: Option<PathBuf>,
    /// The providers of the platform, by name.
    pub providers: std::collections::BTreeMap<String, ProviderConfig>,
    /// What holds where projects have not said otherwise.
    pub limits: LimitsConfig,
    /// Tiers of projects.
    pub tiers: Vec<OfProject<NewTier>>,
    /// Budgets of projects.
    pub budgets: Vec<OfProject<NewBudget>>,
    /// Kill switches that are thrown as long as they stand here.
    pub kill_switches: Vec<KillSwitch>,
    /// Addresses that events are sent to.
    pub webhooks: Vec<WebhookConfig>,
    /// The patience with clients.
    pub patience_seconds: PatienceConfig,
    /// The patience with providers.
    pub timeouts_seconds: TimeoutConfig,
    /// The same as durations.
    #[serde(skip)]
    pub timeouts: Timeouts,
    /// The operator's secret; made at the first start when absent. Never in the file.
    #[serde(skip)]
    pub admin_secret: Option<Secret>,
    /// The master key for secrets at rest; a 0600 file made at the first start when absent. Never in the file.
    #[serde(skip)]
    pub encryption_key: Option<Secret>,
}

/// Seconds that a client has for each thing that it does.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PatienceConfig {
    /// To send a request's headers; a connection that asks nothing for this long is closed.
    pub headers: u64,
    /// To send a request's body, all of it.
    pub body: u64,
    /// To read on, once it has stopped reading an answer.
    pub write: u64,
}

impl Default for PatienceConfig {
    fn default() -> Self {
        Self { headers: 30, body: 60, write: 60 }
    }
}

/// Seconds for each phase of a call to a provider.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimeoutConfig {
    /// Until the connection stands.
    pub connect: u64,
    /// From the request to the answer's headers.
    pub first_byte: u64,
    /// Between two pieces of the answer.
    pub idle: u64,
    /// For all of it.
    pub total: u64,
}

impl Default for TimeoutConfig {
    fn default() -> Self {
        let timeouts = Timeouts::default();
        Self {
            connect: timeouts.connect.as_secs(),
            first_byte: timeouts.first_byte.as_secs(),
            idle: timeouts.idle.as_secs(),
            total: timeouts.total.as_secs(),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let rules = Rules::default();
        Self {
            host: "127.0.0.1".to_owned(),
            port: 8080,
            data_dir: None,
            base_domain: None,
            allowed_hosts: Vec::new(),
            issuer: "https://api.behest.ai".to_owned(),
            accepted_issuers: rules.issuers,
            audience: rules.audience,
            max_body_bytes: 32 << 20,
            max_body_bytes_total: 512 << 20,
            max_calls: 16_384,
            drain_deadline: 30,
            workers: None,
            ledger_durability: Durability::default(),
            catalogue_file: None,
            providers: std::collections::BTreeMap::new(),
            limits: LimitsConfig::default(),
            tiers: Vec::new(),
            budgets: Vec::new(),
            kill_switches: Vec::new(),
            webhooks: Vec::new(),
            patience_seconds: PatienceConfig::default(),
            timeouts_seconds: TimeoutConfig::default(),
            timeouts: Timeouts::default(),
            admin_secret: None,
            encryption_key: None,
        }
    }
}

/// Every key of the file, for suggestions.
const KEYS: [&str; 40] = [
    "host",
    "port",
    "data_dir",
    "base_domain",
    "allowed_hosts",
    "issuer",
    "accepted_issuers",
    "audience",
    "max_body_bytes",
    "max_body_bytes_total",
    "max_calls",
    "drain_deadline",
    "workers",
    "ledger_durability",
    "catalogue_file",
    "providers",
    "patience_seconds",
    "headers",
    "body",
    "write",
    "timeouts_seconds",
    "base_url",
    "local",
    "api_key_env",
    "models",
    "max_concurrent",
    "max_queued",
    "queue_seconds",
    "project",
    "location",
    "credentials_file",
    "metadata_server",
    "connect",
    "first_byte",
    "idle",
    "total",
    "webhooks",
    "url",
    "secret_env",
    "kinds",
];

impl Config {
    /// Reads a configuration file's text.
    ///
    /// # Errors
    /// [`ConfigError`] says where and what; an unknown key gets the nearest known one.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let mut config: Self = toml::from_str(text).map_err(|error| {
            let message = error.to_string().trim_end().to_owned();
            let unknown =
                error.message().strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
            let suggestion = unknown.and_then(nearest_key);
            ConfigError::Toml { message, suggestion }
        })?;
        config.timeouts = Timeouts {
            connect: Duration::from_secs(config.timeouts_seconds.connect),
            first_byte: Duration::from_secs(config.timeouts_seconds.first_byte),
            idle: Duration::from_secs(config.timeouts_seconds.idle),
            total: Duration::from_secs(config.timeouts_seconds.total),
        };
        Ok(config)
    }

    /// Puts the environment over the file: the master key, the providers' keys, and the providers that their usual
    /// variables describe, such as `OPENAI_API_KEY` and `OPENAI_BASE_URL`. An address there that is itself private, such
    /// as `http://localhost:11434/v1`, counts as declared local: the operator wrote it there.
    ///
    /// # Errors
    /// [`ConfigError::MissingVariable`] when the file names a variable that is not set.
    pub fn apply_environment(
        &mut self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<(), ConfigError> {
        let secret = |name: &str| variable(name).map(Secret::from);
        if let Some(key) = secret(env::ENCRYPTION_KEY) {
            self.encryption_key = Some(key);
        }
        for known in &KNOWN {
            let key = known.key_variables.iter().find_map(|name| secret(name));
            let base_url = variable(known.base_url_variable);
            if key.is_some() || base_url.is_some() {
                let provider = self.providers.entry(known.name.to_owned()).or_default();
                provider.api_key = key;
                if let Some(base_url) = base_url {
                    provider.local |= url::Url::parse(&base_url).is_ok_and(|url| names_private(&url));
                    provider.base_url = Some(base_url);
                }
            }
        }
        for (provider, settings) in &mut self.providers {
            if let Some(name) = &settings.api_key_env {
                let missing =
                    || ConfigError::MissingVariable { provider: provider.clone(), variable: name.clone() };
                settings.api_key = Some(secret(name).ok_or_else(missing)?);
            }
        }
        webhooks::apply(&mut self.webhooks, &variable)?;
        vertex::settings::apply(&mut self.providers, variable)
    }

    /// Checks what no type can.
    ///
    /// # Errors
    /// [`ConfigError::Value`] names the key and its bounds.
    pub fn check(&self) -> Result<(), ConfigError> {
        let value = |key: &str, problem: &str| {
            Err(ConfigError::Value { key: key.to_owned(), problem: problem.to_owned() })
        };
        if !(1..=1 << 20).contains(&self.max_calls) {
            return value("max_calls", "must be 1 to 1,048,576");
        }
        let TimeoutConfig { connect, first_byte, idle, total } = self.timeouts_seconds;
        if [connect, first_byte, idle, total].iter().any(|seconds| !(1..=86_400).contains(seconds)) {
            return value("timeouts_seconds", "must each be 1 to 86,400 seconds");
        }
        if self.workers == Some(0) {
            return value("workers", "must be 1 or more");
        }
        let patience = self.patience_seconds;
        for (key, seconds) in
            [("headers", patience.headers), ("body", patience.body), ("write", patience.write)]
        {
            if seconds == 0 {
                return value(&format!("patience_seconds.{key}"), "must be 1 or more");
            }
        }
        if self.max_body_bytes == 0 || self.max_body_bytes_total < self.max_body_bytes {
            return value(
                "max_body_bytes_total",
                "must be at least `max_body_bytes`, which must be 1 or more",
            );
        }
        if self.admin_secret.as_ref().is_some_and(|secret| secret.expose().trim().len() < MIN_ADMIN_SECRET) {
            return value("admin secret", "must have at least 32 characters");
        }
        self.limits.check()?;
        policy::check(&self.tiers, &self.budgets, &self.kill_switches)?;
        webhooks::check(&self.webhooks)?;
        for (name, provider) in &self.providers {
            provider.check(name)?;
            if let Some(base_url) = &provider.base_url {
                super::providers::address::check_base_url(base_url, provider.local).map_err(|error| {
                    ConfigError::Value {
                        key: format!("providers.{name}.base_url"),
                        problem: format!("is refused: {error}"),
                    }
                })?;
            }
        }
        Ok(())
    }
}

/// The shortest admin secret.
pub const MIN_ADMIN_SECRET: usize = 32;

fn nearest_key(unknown: &str) -> Option<String> {
    KEYS.iter()
        .chain(&limits::KEYS)
        .chain(&policy::KEYS)
        .map(|key| (strsim::jaro_winkler(unknown, key), key))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, key)| (*key).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_gets_the_nearest_key() {
        let error = Config::from_toml("hots = \"127.0.0.1\"").expect_err("a typo");
        assert!(error.to_string().contains("did you mean `host`?"), "{error}");
        let error = Config::from_toml("port = \"many\"").expect_err("a wrong type");
        assert!(error.to_string().contains("port"), "{error}");
    }

    fn with(file: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
        let mut config = Config::from_toml(file).expect("a configuration");
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        config.apply_environment(variable).map_err(|error| error.to_string())?;
        config.check().map_err(|error| error.to_string()).map(|()| config)
    }

    #[test]
    fn openais_variables_describe_a_provider() {
        assert!(with("", &[]).expect("a configuration").providers.is_empty());
        let config = with("", &[("OPENAI_API_KEY", "sk-1")]).expect("a configuration");
        let openai = &config.providers["openai"];
        assert_eq!(openai.api_key, Some(Secret::new("sk-1")));
        assert_eq!((openai.base_url.as_deref(), openai.local), (None, false));

        let here = "http://127.0.0.1:11434/v1";
        let config = with("", &[("OPENAI_BASE_URL", here)]).expect("a configuration");
        let openai = &config.providers["openai"];
        assert_eq!((openai.base_url.as_deref(), openai.local, &openai.api_key), (Some(here), true, &None));
    }

    #[test]
    fn the_file_names_variables_and_the_environment_holds_the_keys() {
        let file =
            "[providers.groq]\nbase_url = \"https://api.groq.com/openai/v1\"\napi_key_env = \"GROQ_KEY\"";
        let config = with(file, &[("GROQ_KEY", "gsk-1")]).expect("a configuration");
        assert_eq!(config.providers["groq"].api_key, Some(Secret::new("gsk-1")));
        let error = with(file, &[]).expect_err("no key");
        assert_eq!(error, "the key of provider `groq` is to be in GROQ_KEY, which is not set");
    }

    #[test]
    fn an_empty_file_is_the_defaults_and_sections_fill_in() {
        let config = Config::from_toml("").expect("defaults");
        assert_eq!((config.port, config.drain_deadline), (8080, 30));
        let text = "[timeouts_seconds]\nidle = 3\n[providers.ollama]\nbase_url = \"http://127.0.0.1:11434/v1\"\nlocal = true";
        let config = Config::from_toml(text).expect("a configuration");
        assert_eq!(config.timeouts.idle, Duration::from_secs(3));
        assert!(config.check().is_ok());
        let text = "[providers.x]\nbase_url = \"http://10.0.0.1/v1\"";
        assert!(Config::from_toml(text).expect("a configuration").check().is_err());
    }
}
