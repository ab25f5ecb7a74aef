//! What can be typed: clap types and help, nothing else.

mod address;
mod chat;
mod control;
mod ledger;
mod limits;
mod serve;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use address::told_apart;

pub use chat::{ChatArgs, EmbedArgs, MintArgs, ThreadsCommand, UserArgs};
pub use control::{
    KeysCommand, ModelsCommand, ProjectsCommand, ProvidersAddArgs, ProvidersCommand, RotateMasterArgs,
    SettingsCommand, SigningKeysCommand, TenantsCommand,
};
pub use ledger::{
    EventsArgs, ExportFormat, FilterArgs, LedgerCommand, RerateArgs, UsageArgs, UsageCommand,
    WebhooksCommand, WindowArgs,
};
pub use limits::{
    BudgetTermsArgs, BudgetsCommand, KillCommand, KillTargetArgs, LimitsArgs, Override, TierArgs,
    TiersCommand,
};
pub use serve::{LogFormat, ServeArgs};

const EXAMPLES: &str = "\
Examples:
  behest serve                          Start a gateway; it prints a key and a curl line
  behest chat \"Why is the sky blue?\"    Ask once
  behest chat                           Talk
  git diff | behest chat \"Review this\"  Ask about a file or another command's output
  behest mint --user u_42               A token for one end user
  behest usage --since 7d --by model    What each model cost this week

Credentials: BEHEST_KEY, else what `behest login` or `behest serve` kept.
Environment variables stand in for flags, and flags beat them.";

/// The AI backend for applications: every model call has an owner, a limit, a price and a guard.
#[derive(Debug, Parser)]
#[command(name = "behest", version, after_help = EXAMPLES, arg_required_else_help = true)]
// Whoever carries the command starts it by another name; in its help it is always `behest`.
#[command(bin_name = "behest", no_binary_name = true)]
#[command(max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    /// Options that every command takes.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Print answers as JSON, one object or array on one line
    #[arg(long, global = true)]
    pub json: bool,
    /// The gateway's address, such as http://127.0.0.1:8080
    #[arg(long, global = true, value_name = "URL", env = "BEHEST_BASE_URL", hide_env_values = true)]
    pub base_url: Option<String>,
    /// A file that holds the gateway's admin secret, for control commands and `serve`. BEHEST_ADMIN_SECRET, which
    /// holds the secret itself, comes second
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "BEHEST_ADMIN_SECRET_FILE",
        hide_env_values = true
    )]
    pub admin_secret_file: Option<PathBuf>,
    /// The project that control commands are about: an id or a slug
    #[arg(long, global = true, value_name = "PROJECT", env = "BEHEST_PROJECT_ID", hide_env_values = true)]
    pub project: Option<String>,
    /// The tenant that control commands are about: an id
    #[arg(long, global = true, value_name = "TENANT", env = "BEHEST_TENANT_ID", hide_env_values = true)]
    pub tenant: Option<String>,
    /// `project` is no variable's.
    #[arg(skip)]
    pub project_is_typed: bool,
    /// `tenant` is no variable's.
    #[arg(skip)]
    pub tenant_is_typed: bool,
}

impl Cli {
    /// Reads what was typed behind the program's name.
    ///
    /// # Errors
    /// What clap has to say: help and version, too.
    pub fn read(arguments: Vec<OsString>) -> Result<Self, clap::Error> {
        let matches = Self::command().try_get_matches_from(told_apart(arguments))?;
        let is_typed = |name| matches.value_source(name) == Some(ValueSource::CommandLine);
        let mut cli = Self::from_arg_matches(&matches)?;
        cli.global.project_is_typed = is_typed("project");
        cli.global.tenant_is_typed = is_typed("tenant");
        Ok(cli)
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a gateway
    Serve(ServeArgs),
    /// What an application does with a gateway.
    #[command(flatten)]
    Use(UseCommand),
    /// What an operator does with a gateway.
    #[command(flatten)]
    Administer(AdministerCommand),
    /// Print a script that completes commands in a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// What an application does with a gateway, with an API key or a signing key.
#[derive(Debug, Subcommand)]
pub enum UseCommand {
    /// Ask a model, once or in a conversation
    Chat(ChatArgs),
    /// Turn texts into vectors
    Embed(EmbedArgs),
    /// List the models that the project may call; show and update the catalogue
    Models {
        /// What to do; to list, when not said
        #[command(subcommand)]
        command: Option<ModelsCommand>,
    },
    /// Make a token for one end user
    Mint(MintArgs),
    /// Read and delete an end user's conversations
    #[command(subcommand)]
    Threads(ThreadsCommand),
    /// Report requests, tokens and cost; watch them, and export them
    Usage(Box<UsageArgs>),
    /// Keep a credential for a gateway
    #[command(after_help = LOGIN_EXAMPLES)]
    Login,
    /// Forget the credential of a gateway
    Logout,
    /// Show which credential is used, and where it comes from
    Whoami,
}

/// What an operator does with a gateway, with its admin secret.
#[derive(Debug, Subcommand)]
pub enum AdministerCommand {
    /// Manage projects
    #[command(subcommand)]
    Projects(ProjectsCommand),
    /// Read and change a project's settings
    #[command(subcommand)]
    Settings(SettingsCommand),
    /// Manage a project's API keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Manage a tenant's keys for signing tokens without the gateway
    #[command(subcommand)]
    SigningKeys(SigningKeysCommand),
    /// Manage the model providers of a tenant or a project, and their keys
    #[command(subcommand)]
    Providers(ProvidersCommand),
    /// Manage tenants (operators only)
    #[command(subcommand)]
    Tenants(TenantsCommand),
    /// Manage a project's tiers: what each kind of end user may take
    #[command(subcommand)]
    Tiers(TiersCommand),
    /// Manage a project's budgets: how much money may be spent, on what, within which time
    #[command(subcommand)]
    Budgets(BudgetsCommand),
    /// Show how limits and budgets stand
    Limits(LimitsArgs),
    /// Stop everything, a tenant, a project, an end user or an API key, and let it go on
    #[command(subcommand)]
    Kill(KillCommand),
    /// Check the ledger, and reckon its costs again (operators only)
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// List and follow events of limits, budgets, kill switches and the ledger
    Events(EventsArgs),
    /// Manage the addresses that events are sent to (operators only)
    #[command(subcommand)]
    Webhooks(WebhooksCommand),
}

const LOGIN_EXAMPLES: &str = "\
The API key is asked for, or read from standard input, and checked with the gateway. It is kept in
the system's keychain or, where there is none, in a file that only you can read.

Examples:
  behest login --base-url https://behest.example.com
  pass show behest | behest login --base-url https://behest.example.com";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  behest completions bash > ~/.local/share/bash-completion/completions/behest
  behest completions zsh > ~/.zfunc/_behest
  behest completions fish > ~/.config/fish/completions/behest.fish";
