//! The commands of tiers, budgets, limits and kill switches.

use std::str::FromStr;

use behest_core::types::budget::{BudgetScope, BudgetWindow, OnExceed};
use clap::{Args, Subcommand, ValueEnum};

const CREATE_EXAMPLES: &str = "\
Without --subject each user, session, tier, model, API key or value of the tag has the budget for
itself. What a budget stops is refused with 402, and an answer under way is cut where the money ends.

Examples:
  behest budgets create --name ceiling --scope project --window month --limit 500
  behest budgets create --name \"each user\" --scope user --window day --limit 0.50
  behest budgets create --name core --scope tag --tag team --subject core --window week --limit 25 \\
      --threshold 50 --threshold 90 --on-exceed notify
  behest budgets create --name opus --scope model --subject claude-opus --window day --limit 20 \\
      --on-exceed downgrade --downgrade-to claude-haiku";

const UPDATE_EXAMPLES: &str = "\
What is not named stays, and what was spent stays spent.

Examples:
  behest budgets update ceiling --limit 750
  behest budgets update core --on-exceed refuse --threshold 80 --threshold 100";

/// `behest budgets ...`
#[derive(Debug, Subcommand)]
pub enum BudgetsCommand {
    /// List budgets, and how far each is used up
    #[command(after_help = "Example:\n  behest budgets list --project amber-fox-042")]
    List,
    /// Create a budget
    #[command(after_help = CREATE_EXAMPLES)]
    Create {
        /// For people, unique in the project
        #[arg(long)]
        name: String,
        /// What is summed
        #[arg(long, value_enum)]
        scope: ScopeArg,
        /// The tag's name, with the scope `tag`
        #[arg(long, value_name = "NAME", required_if_eq("scope", "tag"))]
        tag: Option<String>,
        /// The UTC calendar window that it is for
        #[arg(long, value_enum)]
        window: WindowArg,
        /// US dollars, such as 25 or 0.50
        #[arg(long, value_name = "USD")]
        limit: f64,
        /// The rest.
        #[command(flatten)]
        terms: BudgetTermsArgs,
    },
    /// Show a budget, and how far it is used up
    #[command(
        after_help = "Examples:\n  behest budgets show ceiling\n  behest budgets show \"each user\" --subject ann"
    )]
    Show {
        /// Its name or id
        budget: String,
        /// The user, session, tier, model, API key or tag value whose share to show, where each has the budget
        #[arg(long, value_name = "ID")]
        subject: Option<String>,
    },
    /// Change a budget
    #[command(after_help = UPDATE_EXAMPLES)]
    Update {
        /// Its name or id
        budget: String,
        /// Its new name
        #[arg(long)]
        name: Option<String>,
        /// The UTC calendar window that it is for
        #[arg(long, value_enum)]
        window: Option<WindowArg>,
        /// US dollars, such as 25 or 0.50
        #[arg(long, value_name = "USD")]
        limit: Option<f64>,
        /// The rest.
        #[command(flatten)]
        terms: BudgetTermsArgs,
    },
    /// Delete a budget: it holds nobody back any more
    #[command(after_help = "Example:\n  behest budgets delete ceiling")]
    Delete {
        /// Its name or id
        budget: String,
    },
}

/// What a budget may say besides its sum.
#[derive(Debug, Args)]
pub struct BudgetTermsArgs {
    /// The one user, session, tier, model, API key (its id) or tag value that it holds for
    #[arg(long, value_name = "ID")]
    pub subject: Option<String>,
    /// A percentage of the limit at which an event tells; may be repeated [default: 50, 80 and 100]
    #[arg(long = "threshold", value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub thresholds: Vec<u8>,
    /// What happens to calls above the limit [default: refuse]
    #[arg(long, value_enum)]
    pub on_exceed: Option<OnExceedArg>,
    /// The model that answers above the limit, with `--on-exceed downgrade`
    #[arg(long, value_name = "MODEL", required_if_eq("on_exceed", "downgrade"))]
    pub downgrade_to: Option<String>,
}

/// What a budget's spending is summed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScopeArg {
    /// The whole project
    Project,
    /// An end user
    User,
    /// A session of an end user
    Session,
    /// All end users of a tier together
    Tier,
    /// A model
    Model,
    /// An API key
    #[value(alias = "api_key")]
    ApiKey,
    /// A value of a tag
    Tag,
}

impl From<ScopeArg> for BudgetScope {
    fn from(scope: ScopeArg) -> Self {
        match scope {
            ScopeArg::Project => Self::Project,
            ScopeArg::User => Self::User,
            ScopeArg::Session => Self::Session,
            ScopeArg::Tier => Self::Tier,
            ScopeArg::Model => Self::Model,
            ScopeArg::ApiKey => Self::ApiKey,
            ScopeArg::Tag => Self::Tag,
        }
    }
}

/// The window of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WindowArg {
    /// From midnight to midnight
    Day,
    /// From Monday on
    Week,
    /// From the first on
    Month,
    /// Since ever
    Total,
}

impl From<WindowArg> for BudgetWindow {
    fn from(window: WindowArg) -> Self {
        match window {
            WindowArg::Day => Self::Day,
            WindowArg::Week => Self::Week,
            WindowArg::Month => Self::Month,
            WindowArg::Total => Self::Total,
        }
    }
}

/// What happens to calls above a budget's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnExceedArg {
    /// They are refused
    Refuse,
    /// They pass, and an event tells
    Notify,
    /// Another model answers
    Downgrade,
}

impl From<OnExceedArg> for OnExceed {
    fn from(on_exceed: OnExceedArg) -> Self {
        match on_exceed {
            OnExceedArg::Refuse => Self::Refuse,
            OnExceedArg::Notify => Self::Notify,
            OnExceedArg::Downgrade => Self::Downgrade,
        }
    }
}

/// A value of a tier's, or the return to what the project says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Override<T> {
    /// The tier says this.
    Value(T),
    /// The tier says nothing.
    Default,
}

impl<T: FromStr> FromStr for Override<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "default" => Ok(Self::Default),
            text => text.parse().map(Self::Value),
        }
    }
}

const TIER_EXAMPLES: &str = "\
What is not named stays as it is; `default` returns to what the project, or the built-in tier of this
name, says. A change holds from the next request on.

Examples:
  behest tiers set gold --rpm 120 --tokens-per-day 5000000 --model gpt-4o
  behest tiers set free --requests-per-day 20
  behest tiers set gold --model default";

/// `behest tiers ...`
#[derive(Debug, Subcommand)]
pub enum TiersCommand {
    /// List tiers, the built-in ones included
    List,
    /// Make a tier, or change one
    #[command(after_help = TIER_EXAMPLES)]
    Set(TierArgs),
    /// Show all that holds for a tier's users, and who says so
    #[command(after_help = "Example:\n  behest tiers show pro")]
    Show {
        /// Its name
        name: String,
    },
    /// Delete a tier of the project's own; a built-in one of this name comes back
    #[command(after_help = "Example:\n  behest tiers delete gold")]
    Delete {
        /// Its name
        name: String,
    },
}

/// What a tier says.
#[derive(Debug, Args)]
pub struct TierArgs {
    /// Its name: free, pro, max, or one of your own
    pub name: String,
    /// Requests per minute of each user
    #[arg(long, value_name = "COUNT")]
    pub rpm: Option<Override<u64>>,
    /// Requests per UTC day of each user
    #[arg(long, value_name = "COUNT")]
    pub requests_per_day: Option<Override<u64>>,
    /// Tokens per UTC day of each user
    #[arg(long, value_name = "COUNT")]
    pub tokens_per_day: Option<Override<u64>>,
    /// Tokens per UTC month of each user
    #[arg(long, value_name = "COUNT")]
    pub tokens_per_month: Option<Override<u64>>,
    /// Calls under way of each user
    #[arg(long, value_name = "COUNT")]
    pub concurrency: Option<Override<u64>>,
    /// The model behind an absent or `default` model name
    #[arg(long)]
    pub model: Option<Override<String>>,
    /// The text in front of every conversation
    #[arg(long, value_name = "TEXT")]
    pub system: Option<Override<String>>,
    /// Whether sessions remember: true or false
    #[arg(long, value_name = "BOOL")]
    pub memory: Option<Override<bool>>,
    /// How many messages of a session are remembered
    #[arg(long, value_name = "COUNT")]
    pub memory_window: Option<Override<u32>>,
    /// Whether threads keep tool calls and their results: true or false
    #[arg(long, value_name = "BOOL")]
    pub store_tool_calls: Option<Override<bool>>,
}

const LIMITS_EXAMPLES: &str = "\
The layers in the order in which they refuse. Those of a user, tier, session, key, model or tag are
there when one is named.

Examples:
  behest limits
  behest limits --user ann --tier pro
  behest limits --user ann --model gpt-4o --tag team=core --json";

/// Whose limits to show.
#[derive(Debug, Args)]
#[command(after_help = LIMITS_EXAMPLES)]
pub struct LimitsArgs {
    /// An end user
    #[arg(short, long, value_name = "ID")]
    pub user: Option<String>,
    /// The user's tier
    #[arg(long)]
    pub tier: Option<String>,
    /// A session
    #[arg(short, long, value_name = "ID")]
    pub session: Option<String>,
    /// An API key, by its id
    #[arg(long, value_name = "ID")]
    pub key: Option<String>,
    /// A model
    #[arg(short, long)]
    pub model: Option<String>,
    /// A tag; may be repeated, or hold several with commas
    #[arg(long = "tag", visible_alias = "tags", value_name = "NAME=VALUE")]
    pub tags: Vec<String>,
}

const ON_EXAMPLES: &str = "\
From the next request on, every call of what is named is refused with 403 and this reason. A project
or a tenant must be named here: one that stands in a variable is never taken for the one to stop.

Examples:
  behest kill on --user mallory --reason \"under review\"
  behest kill on --project amber-fox-042
  behest kill on --key 0197a2c4-7a5e-7c3d-9f00-0123456789ab --reason \"leaked\"
  behest kill on --global --reason \"maintenance\"";

const OFF_EXAMPLES: &str = "\
Examples:
  behest kill off --user mallory
  behest kill off --global";

/// `behest kill ...`
#[derive(Debug, Subcommand)]
pub enum KillCommand {
    /// List the switches that are thrown
    List,
    /// Stop what is named: --global, --tenant, --project, --user (of the project) or --key
    #[command(after_help = ON_EXAMPLES)]
    On {
        /// What to stop.
        #[command(flatten)]
        target: KillTargetArgs,
        /// Told to callers; at most 200 characters
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Let what is named go on: --global, --tenant, --project, --user (of the project) or --key
    #[command(after_help = OFF_EXAMPLES)]
    Off {
        /// What to let go on.
        #[command(flatten)]
        target: KillTargetArgs,
    },
}

/// What a kill switch names, besides the project and the tenant of the global options.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct KillTargetArgs {
    /// The whole gateway (operators only)
    #[arg(long)]
    pub global: bool,
    /// An end user of the project
    #[arg(short, long, value_name = "ID")]
    pub user: Option<String>,
    /// An API key, by its id
    #[arg(long, value_name = "ID")]
    pub key: Option<String>,
}
