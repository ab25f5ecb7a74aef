//! A stand-in for the gateway, with the shape that the command line is written against.

pub mod config {
    //! What the gateway is told.

    use std::path::PathBuf;
    use std::time::Duration;

    use crate::secret::Secret;

    /// What the gateway is told.
    #[derive(Debug, Clone, serde::Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Config {
        /// The address to listen on.
        pub host: String,
        /// The port to listen on.
        pub port: u16,
        /// Where the data is.
        pub data_dir: Option<PathBuf>,
        /// The operator's secret.
        pub admin_secret: Option<Secret>,
        /// How long running calls may take to finish.
        pub drain_deadline: Duration,
        /// Below which projects have hosts of their own.
        pub base_domain: Option<String>,
    }

    impl Default for Config {
        fn default() -> Self {
            Self {
                host: "127.0.0.1".to_owned(),
                port: 8080,
                data_dir: None,
                admin_secret: None,
                drain_deadline: Duration::from_secs(30),
                base_domain: None,
            }
        }
    }

    /// What is wrong with the configuration.
    #[derive(Debug, thiserror::Error)]
    #[error(transparent)]
    pub struct ConfigError(#[from] toml::de::Error);

    impl Config {
        /// Reads TOML.
        ///
        /// # Errors
        /// [`ConfigError`]
        pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
            Ok(toml::from_str(text)?)
        }
    }
}

pub mod serve {
    //! Listening.

    use std::path::PathBuf;

    use super::config::Config;
    use crate::secret::Secret;

    /// What is known once it listens.
    #[derive(Debug, Clone)]
    pub struct Ready {
        /// The gateway's address.
        pub base_url: String,
        /// The project's address.
        pub slug_url: String,
        /// At the first start only.
        pub api_key: Option<Secret>,
        /// At the first start only.
        pub admin_secret: Option<Secret>,
        /// The tenant.
        pub tenant_id: String,
        /// The project.
        pub project_id: String,
        /// The project's slug.
        pub slug: String,
        /// Where the data is.
        pub data_dir: PathBuf,
        /// Providers with a key.
        pub providers: Vec<String>,
        /// Whether the data directory was new.
        pub first_start: bool,
        /// Where the admin secret is.
        pub admin_secret_file: PathBuf,
    }

    /// Why it does not serve.
    #[derive(Debug, thiserror::Error)]
    pub enum ServeError {
        /// Somebody else listens there.
        #[error("the address {address} is in use")]
        AddressInUse {
            /// The address.
            address: String,
        },
        /// It cannot start.
        #[error("the gateway cannot start")]
        Start(#[source] std::io::Error),
    }

    /// Serves until `shutdown` ends.
    ///
    /// # Errors
    /// [`ServeError`]
    pub fn run(
        config: Config,
        shutdown: impl Future<Output = ()> + Send + 'static,
        on_ready: impl FnOnce(&Ready) + Send,
    ) -> Result<(), ServeError> {
        drop((shutdown, on_ready));
        if std::net::TcpListener::bind((config.host.as_str(), config.port)).is_err() {
            return Err(ServeError::AddressInUse { address: format!("{}:{}", config.host, config.port) });
        }
        Err(ServeError::Start(std::io::Error::other("this is a stand-in")))
    }
}
