//! `behest serve`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

const EXAMPLES: &str = "\
Flags beat environment variables, which beat the configuration file.

Examples:
  behest serve                              On 127.0.0.1:8080, with the offline model
  OPENAI_API_KEY=... behest serve           With a provider
  behest serve --port 0 --json              On a free port, described as one line of JSON
  behest serve --config /etc/behest.toml
  behest serve --host 0.0.0.0 --log-format json

Ctrl-C or SIGTERM lets running calls finish; a second Ctrl-C stops at once.";

/// How to run the gateway.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ServeArgs {
    /// The address to listen on [default: 127.0.0.1]
    #[arg(long, env = "BEHEST_HOST", hide_env_values = true)]
    pub host: Option<String>,
    /// The port to listen on; 0 takes a free one [default: 8080]
    #[arg(long, env = "BEHEST_PORT", hide_env_values = true)]
    pub port: Option<u16>,
    /// Where the database and the keys live; made when missing [default: the user's data directory]
    #[arg(long, value_name = "DIR", env = "BEHEST_DATA_DIR", hide_env_values = true)]
    pub data_dir: Option<PathBuf>,
    /// A TOML configuration file
    #[arg(long, value_name = "FILE", env = "BEHEST_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// Keep no profile for `behest chat` and the SDKs; --data-dir and --port 0 imply this
    #[arg(long, env = "BEHEST_NO_PROFILE", hide_env_values = true)]
    pub no_profile: bool,
    /// How the log on standard error looks
    #[arg(long, value_name = "FORMAT", env = "BEHEST_LOG_FORMAT", hide_env_values = true)]
    #[arg(value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// What to log, as in `info` or `behest_core=debug,warn`
    #[arg(long, value_name = "FILTER", env = "RUST_LOG", hide_env_values = true, default_value = "info")]
    pub log: String,
    /// How many seconds running calls may take to finish after SIGTERM or Ctrl-C [default: 30]
    #[arg(long, value_name = "SECONDS", env = "BEHEST_DRAIN_DEADLINE", hide_env_values = true)]
    pub drain_deadline: Option<u64>,
}

/// How the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}
