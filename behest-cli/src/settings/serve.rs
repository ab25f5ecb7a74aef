//! How `behest serve` is configured: flags beat the environment, which beats the file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use behest_core::gateway::config::{Config, ConfigError};
use behest_core::gateway::rotation::Rotation;
use behest_core::{Secret, env};
use directories::ProjectDirs;

use super::environment;
use crate::args::{GlobalArgs, LogFormat, RotateMasterArgs, ServeArgs};
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
    /// The environment lacks what the configuration needs.
    #[error(transparent)]
    Environment(ConfigError),
    /// The user has no home.
    #[error("there is no place for the data: this user has no home directory")]
    NoHome,
}

impl Explain for ServeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoHome => Some("name a directory with `--data-dir`".to_owned()),
            Self::Environment(ConfigError::MissingVariable { .. }) => {
                Some("set the variable, or take `api_key_env` out of the configuration file".to_owned())
            }
            Self::File { .. } | Self::Content { .. } | Self::Environment(_) => None,
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
    config.apply_environment(env::read).map_err(ServeError::Environment)?;
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

/// Whose master key is to be changed, and the keys that the environment holds.
///
/// # Errors
/// [`ServeError`] when there is no data directory to be found.
pub fn rotation(args: RotateMasterArgs) -> Result<Rotation, ServeError> {
    let config = args.config.as_deref().map(load).transpose()?.unwrap_or_default();
    let data_dir = match args.data_dir.or(config.data_dir) {
        Some(data_dir) => data_dir,
        None => default_data_dir()?,
    };
    let secret = |name| env::read(name).map(Secret::new);
    Ok(Rotation { data_dir, key: secret(env::ENCRYPTION_KEY), new_key: secret(env::ENCRYPTION_KEY_NEW) })
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

fn load(path: &Path) -> Result<Config, ServeError> {
    let text =
        fs::read_to_string(path).map_err(|source| ServeError::File { path: path.to_owned(), source })?;
    Config::from_toml(&text).map_err(|source| ServeError::Content { path: path.to_owned(), source })
}

fn default_data_dir() -> Result<PathBuf, ServeError> {
    let folders = ProjectDirs::from("", "", "behest").ok_or(ServeError::NoHome)?;
    Ok(folders.data_dir().to_owned())
}
