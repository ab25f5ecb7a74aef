//! How `behest serve` is configured: flags beat the environment, which beats the file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use behest_core::gateway::config::{Config, ConfigError, ProviderConfig};
use behest_core::{Secret, env};
use directories::ProjectDirs;

use super::environment;
use crate::args::{GlobalArgs, LogFormat, ServeArgs};
use crate::control::read_secret;
use crate::report::{Explain, Report};

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration file cannot be read.
    #[error("cannot read the configuration file {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The configuration file says something that is not understood.
    #[error("the configuration file {} is wrong", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: ConfigError,
    },
    /// The configuration file names a variable for a provider's key, and there is none.
    #[error("the key of provider `{provider}` is to be in {variable}, which is not set")]
    ProviderKey {
        /// The provider.
        provider: String,
        /// The variable.
        variable: String,
    },
    /// The user has no home.
    #[error("there is no place for the data: this user has no home directory")]
    NoHome,
}

impl Explain for ServeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoHome => Some("name a directory with `--data-dir`".to_owned()),
            Self::ProviderKey { .. } => {
                Some("set the variable, or take `api_key_env` out of the configuration file".to_owned())
            }
            Self::File { .. } | Self::Content { .. } => None,
        }
    }
}

/// Who holds the operator's secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPlace {
    /// The data directory, where the gateway makes it.
    DataDir,
    /// A file of the operator's.
    File(PathBuf),
    /// The environment.
    Environment,
}

/// How to run the gateway and what to say about it.
#[derive(Debug)]
pub struct ServeSettings {
    /// What the gateway itself is told.
    pub config: Config,
    /// Who holds the operator's secret.
    pub secret_place: SecretPlace,
    /// Whether `behest chat` finds the gateway without being told.
    pub keeps_profile: bool,
    /// What to log.
    pub log: String,
    /// How the log looks.
    pub log_format: LogFormat,
}

/// Puts file, environment and flags together.
///
/// # Errors
/// [`Report`] when one of them cannot be used.
pub fn serve(args: ServeArgs, global: &GlobalArgs) -> Result<ServeSettings, Report> {
    let mut config = match &args.config {
        Some(path) => load(path)?,
        None => Config::default(),
    };
    let is_usual_place = args.data_dir.is_none();
    let (admin_secret, secret_place) = admin_secret(global.admin_secret_file.as_deref())?;
    config.admin_secret = admin_secret;
    config.encryption_key = env::read(env::ENCRYPTION_KEY).map(Secret::new);
    add_providers(&mut config, env::read)?;
    config.data_dir = match args.data_dir.or(config.data_dir) {
        Some(data_dir) => Some(data_dir),
        None => Some(default_data_dir()?),
    };
    config.host = args.host.unwrap_or(config.host);
    config.port = args.port.unwrap_or(config.port);
    config.drain_deadline = args.drain_deadline.unwrap_or(config.drain_deadline);
    // What runs on a free port or on data of its own comes and goes; a profile would outlive it.
    let keeps_profile = !args.no_profile && is_usual_place && config.port != 0;
    Ok(ServeSettings { config, secret_place, keeps_profile, log: args.log, log_format: args.log_format })
}

fn admin_secret(file: Option<&Path>) -> Result<(Option<Secret>, SecretPlace), Report> {
    if let Some(path) = file {
        let secret = read_secret(path)?;
        // A profile is read from other directories, too.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        return Ok((Some(secret), SecretPlace::File(path)));
    }
    match environment::admin_secret() {
        Some(secret) => Ok((Some(secret), SecretPlace::Environment)),
        None => Ok((None, SecretPlace::DataDir)),
    }
}

/// Reads the providers' keys, which no file holds, and the provider that OpenAI's own variables describe.
fn add_providers(config: &mut Config, variable: impl Fn(&str) -> Option<String>) -> Result<(), ServeError> {
    let openai_key = variable(env::OPENAI_API_KEY).map(Secret::new);
    let openai_base_url = variable(env::OPENAI_BASE_URL);
    if openai_key.is_some() || openai_base_url.is_some() {
        let openai = config.providers.entry("openai".to_owned()).or_default();
        openai.api_key = openai_key;
        if let Some(base_url) = openai_base_url {
            // The gateway's environment is the operator's word, so a private address there is meant.
            *openai = ProviderConfig { base_url: Some(base_url), local: true, ..openai.clone() };
        }
    }
    for (provider, settings) in &mut config.providers {
        if let Some(name) = &settings.api_key_env {
            let key = variable(name).ok_or_else(|| ServeError::ProviderKey {
                provider: provider.clone(),
                variable: name.clone(),
            })?;
            settings.api_key = Some(Secret::new(key));
        }
    }
    Ok(())
}

fn load(path: &Path) -> Result<Config, ServeError> {
    let text =
        fs::read_to_string(path).map_err(|source| ServeError::File { path: path.to_owned(), source })?;
    Config::from_toml(&text).map_err(|source| ServeError::Content { path: path.to_owned(), source })
}

fn default_data_dir() -> Result<PathBuf, ServeError> {
    let folders = ProjectDirs::from("", "", "behest").ok_or(ServeError::NoHome)?;
    Ok(folders.data_dir().to_owned())
}

#[cfg(test)]
mod tests {
    use behest_core::Secret;
    use behest_core::gateway::config::Config;

    use super::add_providers;

    fn with(file: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
        let mut config = Config::from_toml(file).expect("a configuration");
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        add_providers(&mut config, variable).map_err(|error| error.to_string()).map(|()| config)
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
}
