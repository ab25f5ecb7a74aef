//! The commands of the control plane: what an operator does with a gateway.

use std::path::PathBuf;

use behest_core::types::control::Plan;
use behest_core::types::mint::Role;
use clap::{Arg, Args, Subcommand, ValueEnum};

/// What a credential may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleArg {
    /// Calls models and sees its own data
    User,
    /// Manages its own project
    Admin,
    /// Manages its own tenant
    DashboardService,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::User => Self::User,
            RoleArg::Admin => Self::Admin,
            RoleArg::DashboardService => Self::DashboardService,
        }
    }
}

/// What a tenant may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanArg {
    /// At most three active projects, no provider keys of its own
    Free,
    /// No gates
    Pro,
    /// No gates
    Business,
    /// No gates
    Enterprise,
}

impl From<PlanArg> for Plan {
    fn from(plan: PlanArg) -> Self {
        match plan {
            PlanArg::Free => Self::Free,
            PlanArg::Pro => Self::Pro,
            PlanArg::Business => Self::Business,
            PlanArg::Enterprise => Self::Enterprise,
        }
    }
}

/// `behest projects ...`
#[derive(Debug, Subcommand)]
pub enum ProjectsCommand {
    /// List projects
    List,
    /// Create a project
    #[command(after_help = "Example:\n  behest projects create \"Support bot\"")]
    Create {
        /// Its name, for people
        name: String,
    },
    /// Show a project [default: the one that --project names]
    Show {
        /// An id or a slug
        name: Option<String>,
    },
    /// Refuse every call of a project until it is resumed
    #[command(after_help = "Example:\n  behest projects suspend amber-fox-042")]
    Suspend {
        /// An id or a slug
        name: String,
    },
    /// Let a suspended project answer again
    Resume {
        /// An id or a slug
        name: String,
    },
}

const SET_EXAMPLES: &str = "\
Values are JSON or plain text; lists may be written with commas; an empty value returns to the
default. Changes are kept as a draft until `behest settings deploy`.

Examples:
  behest settings set provider_model=gpt-4o-mini memory_enabled=true --deploy
  behest settings set cors_origins=https://a.example,https://b.example
  behest settings set system_prompt=";

/// `behest settings ...`
#[derive(Debug, Subcommand)]
pub enum SettingsCommand {
    /// Show what is in force and what the draft would change
    Show,
    /// Change settings in the draft
    #[command(after_help = SET_EXAMPLES)]
    Set {
        /// What to change
        #[arg(required = true, value_name = "NAME=VALUE")]
        changes: Vec<String>,
        /// Put the draft in force at once
        #[arg(long)]
        deploy: bool,
    },
    /// Put the draft in force
    Deploy,
    /// Throw the draft away
    Discard,
}

/// `behest keys ...`
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Create an API key; it is shown once
    #[command(after_help = "Example:\n  BEHEST_KEY=$(behest keys create --name backend)")]
    Create {
        /// Its name, for people
        #[arg(long)]
        name: Option<String>,
        /// The highest role that it may give to tokens
        #[arg(long, value_enum, default_value_t = RoleArg::User)]
        role: RoleArg,
    },
    /// List API keys
    List,
    /// Revoke an API key: it is refused from the next request on
    Revoke {
        /// The key's id, from `behest keys list`
        id: String,
    },
}

/// `behest signing-keys ...`
#[derive(Debug, Subcommand)]
pub enum SigningKeysCommand {
    /// Create a signing key; its private half is shown once
    #[command(after_help = "Example:\n  behest signing-keys create --name backend --out behest.pem")]
    Create {
        /// Its name, for people
        #[arg(long)]
        name: Option<String>,
        /// Write the private key to a new file that only you can read, instead of standard output
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// List signing keys
    List,
    /// Revoke a signing key: its tokens are refused from the next request on
    Revoke {
        /// The key's id, from `behest signing-keys list`
        kid: String,
    },
}

const ADD_EXAMPLES: &str = "\
The key is asked for, or read from standard input. It is never an argument, which other programs
could see. The provider is asked, at no cost, whether it takes the key, and a key that it refuses
is not kept.

Here --base-url is the provider's address. The gateway's stands before `providers`, or in
BEHEST_BASE_URL, or in the profile.

Examples:
  behest providers add openai
  pass show openai | behest providers add openai --project amber-fox-042
  behest providers add ollama --base-url http://127.0.0.1:11434/v1 --local --no-key
  behest --base-url https://behest.example.com providers add anthropic";

/// A provider to add.
#[derive(Debug, Args)]
// The address is typed as `--base-url`, which the global option of that name must not take: see `args::address`.
#[command(after_help = ADD_EXAMPLES, arg(provider_address()))]
pub struct ProvidersAddArgs {
    /// `openai`, `anthropic` and the like, or a name of your own for an OpenAI-compatible server
    pub name: String,
    /// Where it answers
    #[arg(long, hide = true)]
    pub url: Option<String>,
    /// It stands on this machine or in a private network (the operator's to say)
    #[arg(long)]
    pub local: bool,
    /// It needs no key
    #[arg(long)]
    pub no_key: bool,
    /// Keep the key without asking the provider whether it takes it
    #[arg(long)]
    pub no_check: bool,
    /// The models that it serves, with commas between them; may be repeated
    #[arg(long = "models", alias = "model", value_name = "MODELS", value_delimiter = ',')]
    pub models: Vec<String>,
}

/// Stands in the help in the place of the global option, whose id it has.
fn provider_address() -> Arg {
    Arg::new("base_url")
        .long("base-url")
        .value_name("URL")
        .help("Where the provider answers, `/v1` included (the operator's to say)")
}

const ROTATE_EXAMPLES: &str = "\
For a gateway that is stopped. Run it again after it was stopped or killed, and it goes on; until it
is done no gateway starts on this data. Backups from before need the old key.

With the master key in the data directory the command makes a new one and puts it there. With the
master key in BEHEST_ENCRYPTION_KEY, put the new one into BEHEST_ENCRYPTION_KEY_NEW.

Examples:
  behest providers rotate-master
  BEHEST_ENCRYPTION_KEY_NEW=$(openssl rand -hex 32) behest providers rotate-master";

/// Whose master key to change.
#[derive(Debug, Args)]
#[command(after_help = ROTATE_EXAMPLES)]
pub struct RotateMasterArgs {
    /// Where the database and the keys live [default: the user's data directory]
    #[arg(long, value_name = "DIR", env = "BEHEST_DATA_DIR", hide_env_values = true)]
    pub data_dir: Option<PathBuf>,
    /// The gateway's configuration file, which may name the data directory
    #[arg(long, value_name = "FILE", env = "BEHEST_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
}

/// `behest providers ...`
#[derive(Debug, Subcommand)]
pub enum ProvidersCommand {
    /// Add a provider of the tenant, or of the project that --project names; or replace its key
    Add(ProvidersAddArgs),
    /// List providers of the tenant, or of the project that --project names
    List,
    /// Remove a provider and its key from the tenant, or from the project that --project names
    Remove {
        /// The provider's name
        name: String,
    },
    /// Change the master key that seals what a gateway keeps secret
    RotateMaster(RotateMasterArgs),
}

/// `behest models ...`
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// List the models that the project may call
    List,
    /// Show a model's limits, capabilities and prices (operators only)
    #[command(after_help = "Examples:\n  behest models show gpt-4o\n  behest models show azure/gpt-4o")]
    Show {
        /// Its name, with or without its provider's
        name: String,
    },
    /// Lay a catalogue over the gateway's own, in the place of the last update (operators only)
    #[command(after_help = MODELS_UPDATE_EXAMPLES)]
    Update {
        /// The file; `-` is standard input
        file: PathBuf,
    },
}

const MODELS_UPDATE_EXAMPLES: &str = "\
The file has the form of the gateway's own catalogue: docs/models.md describes it. All of it is checked
before any of it holds, and it stays after a restart. One without models takes the last update back.

Examples:
  behest models update models.json
  echo '{\"version\": \"none\", \"models\": {}}' | behest models update -";

/// `behest tenants ...`
#[derive(Debug, Subcommand)]
pub enum TenantsCommand {
    /// List tenants
    List,
    /// Create a tenant
    #[command(after_help = "Example:\n  behest tenants create \"Acme\" --plan pro")]
    Create {
        /// Its name, for people
        name: String,
        /// What it may do
        #[arg(long, value_enum)]
        plan: Option<PlanArg>,
    },
}
