//! A stand-in for the gateway, with the shape that the command line is written against.

pub mod config {
    //! What the gateway is told.

    use std::collections::BTreeMap;
    use std::path::PathBuf;

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
        /// Below which projects have hosts of their own.
        pub base_domain: Option<String>,
        /// How long running calls may take to finish, in seconds.
        pub drain_deadline: u64,
        /// The providers of the platform, by name.
        pub providers: BTreeMap<String, ProviderConfig>,
        /// The operator's secret.
        #[serde(skip)]
        pub admin_secret: Option<Secret>,
        /// The master key.
        #[serde(skip)]
        pub encryption_key: Option<Secret>,
    }

    /// A provider of the platform.
    #[derive(Debug, Clone, Default, serde::Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct ProviderConfig {
        /// Where it answers.
        pub base_url: Option<String>,
        /// It stands on a private network.
        pub local: bool,
        /// The environment variable that holds its key.
        pub api_key_env: Option<String>,
        /// The models it serves.
        pub models: Option<Vec<String>>,
        /// Its key.
        #[serde(skip)]
        pub api_key: Option<Secret>,
    }

    impl Default for Config {
        fn default() -> Self {
            Self {
                host: "127.0.0.1".to_owned(),
                port: 8080,
                data_dir: None,
                base_domain: None,
                drain_deadline: 30,
                providers: BTreeMap::new(),
                admin_secret: None,
                encryption_key: None,
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

pub mod setup {
    //! The start of a gateway.

    use std::path::PathBuf;

    /// Why a gateway cannot start.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum StartError {
        /// Another gateway has it.
        #[error("the data directory {} is in use by another gateway", path.display())]
        Locked {
            /// Where.
            path: PathBuf,
        },
    }

    /// Whether an address to listen on is this machine's own.
    #[must_use]
    pub fn is_loopback(host: &str) -> bool {
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

pub mod serve {
    //! Listening.

    use std::path::PathBuf;

    use super::config::Config;
    use super::setup::StartError;
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
        /// The file with the operator's secret, when the gateway keeps it in one.
        pub admin_secret_file: Option<PathBuf>,
    }

    /// Why the gateway does not serve.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum ServeError {
        /// It could not start.
        #[error(transparent)]
        Start(#[from] StartError),
        /// Somebody has the port.
        #[error("the port {port} on {host} is taken")]
        PortTaken {
            /// The address.
            host: String,
            /// The port.
            port: u16,
        },
        /// The address cannot be listened on.
        #[error("cannot listen on {host}:{port}")]
        Listen {
            /// The address.
            host: String,
            /// The port.
            port: u16,
            /// Why.
            #[source]
            source: std::io::Error,
        },
        /// Threads, certificates or the system's patience.
        #[error("the server cannot run")]
        System(#[from] std::io::Error),
    }

    /// Serves until `shutdown` ends.
    ///
    /// # Errors
    /// [`ServeError`]
    pub fn run(
        config: Config,
        shutdown: impl Future<Output = ()>,
        on_ready: impl FnOnce(&Ready),
    ) -> Result<(), ServeError> {
        drop((shutdown, on_ready));
        let (host, port) = (config.host, config.port);
        match std::net::TcpListener::bind((host.as_str(), port)) {
            Ok(_) => Err(StartError::Locked { path: config.data_dir.unwrap_or_default() }.into()),
            Err(_) => Err(ServeError::PortTaken { host, port }),
        }
    }
}
