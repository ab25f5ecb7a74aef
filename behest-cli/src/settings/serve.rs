//! How `behest serve` is configured: flags beat the environment, which beats the file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use behest_core::gateway::config::{Config, ConfigError};
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
    /// The user has no home.
    #[error("there is no place for the data: this user has no home directory")]
    NoHome,
}

impl Explain for ServeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoHome => Some("name a directory with `--data-dir`".to_owned()),
            Self::File { .. } | Self::Content { .. } => None,
        }
    }
}

/// How to run the gateway and what to say about it.
#[derive(Debug)]
pub struct ServeSettings {
    /// What the gateway itself is told.
    pub config: Config,
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
    let loaded = match &args.config {
        Some(path) => load(path)?,
        None => Config::default(),
    };
    let keeps_profile = !args.no_profile && args.data_dir.is_none() && args.port != Some(0);
    let admin_secret = match &global.admin_secret_file {
        Some(path) => Some(read_secret(path)?),
        None => environment::admin_secret(),
    };
    let data_dir = match args.data_dir.or_else(|| loaded.data_dir.clone()) {
        Some(data_dir) => data_dir,
        None => default_data_dir()?,
    };
    let config = Config {
        host: args.host.unwrap_or_else(|| loaded.host.clone()),
        port: args.port.unwrap_or(loaded.port),
        data_dir: Some(data_dir),
        admin_secret: admin_secret.or_else(|| loaded.admin_secret.clone()),
        drain_deadline: args.drain_deadline.map_or(loaded.drain_deadline, Duration::from_secs),
        ..loaded
    };
    Ok(ServeSettings { config, keeps_profile, log: args.log, log_format: args.log_format })
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
