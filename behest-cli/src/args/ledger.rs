//! The commands of usage, the ledger, events and webhooks.

use std::path::PathBuf;

use behest_core::types::event::EventKind;
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum};

const USAGE_EXAMPLES: &str = "\
With an API key this covers the whole project, or one end user with --user. Times are RFC 3339
instants, dates (UTC), or how long ago: 30m, 24h, 7d. A call counts in the hour in which it was
admitted. --by takes user, session, thread, model, provider, tier, tag:NAME, api-key, status,
key-source, and day, hour or minute, with commas between. Groups without a time stand dearest first.

Examples:
  behest usage
  behest usage --by user --since 7d --limit 10           Who spent most this week
  behest usage --by tag:team,model --since 2026-11-01 --until 2026-12-01
  behest usage --by hour,status --since 24h --model gpt-4o
  behest usage --by user,model --csv > november.csv
  behest usage watch                                     Calls as they end
  behest usage export --format focus --since 2026-11-01 -o november.csv";

/// What was used.
#[derive(Debug, Args)]
#[command(after_help = USAGE_EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct UsageArgs {
    /// The time that the report is about.
    #[command(flatten)]
    pub window: WindowArgs,
    /// One line for each value, such as `model`, or for each of several, such as `user,model`
    #[arg(long, alias = "group-by", value_name = "FIELDS", value_delimiter = ',')]
    pub by: Vec<String>,
    /// How long one line covers [default: day, or the whole time when --by names no time]
    #[arg(long, value_name = "TIME", value_parser = ["minute", "hour", "day", "total"])]
    pub granularity: Option<String>,
    /// The records that the report is about.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// At most this many lines
    #[arg(long, value_name = "COUNT")]
    pub limit: Option<usize>,
    /// Print the lines as CSV
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// Something other than a report.
    #[command(subcommand)]
    pub command: Option<UsageCommand>,
}

/// A window of time.
#[derive(Debug, Default, Args)]
pub struct WindowArgs {
    /// The first instant, included [default: 30 days ago]
    #[arg(long, alias = "from", value_name = "TIME")]
    pub since: Option<String>,
    /// The last instant, excluded [default: now]
    #[arg(long, alias = "to", value_name = "TIME")]
    pub until: Option<String>,
}

/// Which records.
#[derive(Debug, Default, Args)]
pub struct FilterArgs {
    /// Only this end user
    #[arg(short, long, value_name = "ID")]
    pub user: Option<String>,
    /// Only this session
    #[arg(short, long, value_name = "ID")]
    pub session: Option<String>,
    /// Only this thread
    #[arg(long, value_name = "ID")]
    pub thread: Option<String>,
    /// Only this model
    #[arg(short, long)]
    pub model: Option<String>,
    /// Only this provider
    #[arg(long)]
    pub provider: Option<String>,
    /// Only this tier
    #[arg(long)]
    pub tier: Option<String>,
    /// Only this value of a tag
    #[arg(long, value_name = "NAME=VALUE")]
    pub tag: Option<String>,
    /// Only this API key, by its id
    #[arg(long, value_name = "ID")]
    pub key: Option<String>,
    /// Only what ended like this
    #[arg(long, value_parser = ["ok", "cancelled", "failed", "timed_out", "incomplete", "lost"])]
    pub status: Option<String>,
}

/// `behest usage ...`
#[derive(Debug, Subcommand)]
pub enum UsageCommand {
    /// Show calls as they end, until Ctrl-C (with the admin secret)
    #[command(after_help = WATCH_EXAMPLES)]
    Watch,
    /// Write every record of a project, streamed (with the admin secret)
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(Box<ExportArgs>),
}

const WATCH_EXAMPLES: &str = "\
On a terminal the last calls and their sum, in place; otherwise one line for each call, or with --json
one object. When the gateway goes away, the watch waits for it to come back.

Examples:
  behest usage watch
  behest usage watch --json | jq -r '[.user_id, .model, .cost_usd] | @tsv'";

const EXPORT_EXAMPLES: &str = "\
`csv` and `jsonl` have every field of a record; `focus` is CSV in the columns of the FinOps Foundation's
FOCUS 1.3. A file appears under its name only once it is whole.

Examples:
  behest usage export --since 2026-11-01 --until 2026-12-01 -o november.csv
  behest usage export --format jsonl --user ann | jq -r .cost_usd
  behest usage export --format focus --since 30d | gzip > focus.csv.gz";

/// What to export, and where to.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// How records are written [default: csv, or jsonl with --json]
    #[arg(long, value_enum)]
    pub format: Option<ExportFormat>,
    /// The time of the export.
    #[command(flatten)]
    pub window: WindowArgs,
    /// The records of the export.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// The file to write, in the place of one that is there [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// RFC 4180, with a line of names first
    Csv,
    /// One JSON object a line
    Jsonl,
    /// CSV in the columns of FOCUS 1.3
    Focus,
}

const RERATE_EXAMPLES: &str = "\
After `behest models update` has corrected prices. The first cost of each record stays beside the new
one; the same again changes nothing. Without --project every project's records are reckoned again.

Examples:
  behest ledger rerate --since 2026-11-01 --dry-run
  behest ledger rerate --since 2026-11-01 --until 2026-12-01 --project amber-fox-042";

/// `behest ledger ...`
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Check every rule of the ledger and change nothing; fails when one is broken
    #[command(after_help = "Example:\n  behest ledger verify && echo \"all sums are right\"")]
    Verify,
    /// Reckon costs again by the prices now in force
    #[command(after_help = RERATE_EXAMPLES)]
    Rerate(RerateArgs),
}

/// Which costs to reckon again.
#[derive(Debug, Args)]
pub struct RerateArgs {
    /// The first instant, included
    #[arg(long, value_name = "TIME")]
    pub since: String,
    /// The last instant, excluded [default: now]
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Only say what would change
    #[arg(long)]
    pub dry_run: bool,
}

const EVENTS_EXAMPLES: &str = "\
Newest first; with --follow as they happen, until Ctrl-C, without a gap when the gateway restarts.
With --project only that project's.

Examples:
  behest events --since 7d --kind budget_exceeded --kind limit_exceeded
  behest events --follow
  behest events --follow --since 1h --json | jq -r .message";

/// Which events.
#[derive(Debug, Args)]
#[command(after_help = EVENTS_EXAMPLES)]
pub struct EventsArgs {
    /// Show events as they happen
    #[arg(short, long)]
    pub follow: bool,
    /// Only events of this kind; may be repeated
    #[arg(long = "kind", value_name = "KIND", value_delimiter = ',', value_parser = kinds())]
    pub kinds: Vec<String>,
    /// Only from this instant on
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// At most this many, newest first
    #[arg(long, value_name = "COUNT", default_value_t = 100, conflicts_with = "follow")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub limit: u32,
}

const WEBHOOK_EXAMPLES: &str = "\
Prints the secret of the signatures, this once. Events are sent until the address answers with a 2xx,
and may come twice. Without --kind all kinds are sent; with --project only that project's.

Examples:
  SECRET=$(behest webhooks add https://hooks.example.com/behest --kind budget_exceeded)
  behest webhooks add http://10.0.0.7:9000/behest --local";

/// `behest webhooks ...`
#[derive(Debug, Subcommand)]
pub enum WebhooksCommand {
    /// List webhooks
    List,
    /// Have events sent to an address
    #[command(after_help = WEBHOOK_EXAMPLES)]
    Add {
        /// The address: https:// or http://
        url: String,
        /// Only events of this kind; may be repeated
        #[arg(long = "kind", value_name = "KIND", value_delimiter = ',', value_parser = kinds())]
        kinds: Vec<String>,
        /// It stands on a private network
        #[arg(long)]
        local: bool,
    },
    /// Remove a webhook, with what waits for it
    Remove {
        /// Its id, from `behest webhooks list`
        id: String,
    },
    /// Send an event of the kind `ping`
    Test {
        /// Its id, from `behest webhooks list`
        id: String,
    },
    /// List the last deliveries, newest first
    Deliveries {
        /// Its id, from `behest webhooks list`
        id: String,
    },
}

fn kinds() -> PossibleValuesParser {
    EventKind::ALL.map(EventKind::as_str).into()
}
