//! The commands of the data plane: what an application does with a gateway.

use clap::{Args, Subcommand};

use super::control::RoleArg;

const CHAT_EXAMPLES: &str = "\
Without a prompt, on a terminal, this is a conversation: /help lists its commands, Ctrl-C cancels
an answer, Ctrl-D leaves. The answer goes to standard output; tokens and cost go to standard error.

Examples:
  behest chat \"Why is the sky blue?\"
  behest chat --model gpt-4o-mini --system \"Answer in French\" \"Good morning\"
  behest chat \"Summarise this\" < report.txt
  echo \"Why is the sky blue?\" | behest chat --json | jq -r .choices[0].message.content
  behest chat --user u_42 --thread trip      A conversation that the gateway remembers";

/// The end user that a command acts for.
#[derive(Debug, Clone, Args)]
pub struct UserArgs {
    /// The end user to act for [default: default]
    #[arg(short, long, value_name = "ID", env = "BEHEST_USER_ID", hide_env_values = true)]
    pub user: Option<String>,
}

/// What to ask, and as whom.
#[derive(Debug, Args)]
#[command(after_help = CHAT_EXAMPLES)]
pub struct ChatArgs {
    /// What to ask; standard input follows it when that is not a terminal
    pub prompt: Vec<String>,
    /// The model [default: the project's own]
    #[arg(short, long, env = "BEHEST_MODEL", hide_env_values = true)]
    pub model: Option<String>,
    /// The end user.
    #[command(flatten)]
    pub user: UserArgs,
    /// The session that the cost is attributed to
    #[arg(short, long, value_name = "ID", env = "BEHEST_SESSION_ID", hide_env_values = true)]
    pub session: Option<String>,
    /// The thread that the gateway keeps this conversation in
    #[arg(short, long, value_name = "ID", env = "BEHEST_THREAD_ID", hide_env_values = true)]
    pub thread: Option<String>,
    /// An instruction to the model, ahead of the conversation
    #[arg(long, value_name = "TEXT", env = "BEHEST_SYSTEM", hide_env_values = true)]
    pub system: Option<String>,
    /// Show the answer only once it is whole
    #[arg(long, env = "BEHEST_NO_STREAM", hide_env_values = true)]
    pub no_stream: bool,
    /// Hold a conversation even when standard input is not a terminal: one message a line
    #[arg(short, long)]
    pub interactive: bool,
}

const EMBED_EXAMPLES: &str = "\
Without a text, each line of standard input is one. With --json the vectors are whole.

Examples:
  behest embed \"The sky is blue\"
  behest embed --model text-embedding-3-small --dimensions 256 \"The sky is blue\" \"Grass is green\"
  behest embed --json < questions.txt | jq -c .data[].embedding";

/// What to embed, and as whom.
#[derive(Debug, Args)]
#[command(after_help = EMBED_EXAMPLES)]
pub struct EmbedArgs {
    /// The texts, each an argument
    #[arg(value_name = "TEXT")]
    pub texts: Vec<String>,
    /// The model [default: the project's own, which must then be one that embeds]
    #[arg(short, long)]
    pub model: Option<String>,
    /// How long the vectors are to be [default: the model's own length]
    #[arg(short, long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub dimensions: Option<u32>,
    /// The end user.
    #[command(flatten)]
    pub user: UserArgs,
    /// The session that the cost is attributed to
    #[arg(short, long, value_name = "ID", env = "BEHEST_SESSION_ID", hide_env_values = true)]
    pub session: Option<String>,
}

const MINT_EXAMPLES: &str = "\
Prints the token alone, so that it can be put into a variable. With a signing key in BEHEST_KEY
the token is signed here, without the gateway.

Examples:
  TOKEN=$(behest mint --user u_42)
  behest mint --user u_42 --tier pro --ttl 600 --json";

/// Whom the token stands for.
#[derive(Debug, Args)]
#[command(after_help = MINT_EXAMPLES)]
pub struct MintArgs {
    /// The end user that the token stands for
    #[arg(short, long, value_name = "ID", env = "BEHEST_USER_ID", hide_env_values = true)]
    pub user: String,
    /// The end user's tier: 1, 2, 3, free, pro, max, or one of the project's own
    #[arg(long, env = "BEHEST_TIER", hide_env_values = true)]
    pub tier: Option<String>,
    /// How many seconds it lasts, 60 to 86400 [default: 3600]
    #[arg(long, value_name = "SECONDS", env = "BEHEST_TTL", hide_env_values = true)]
    pub ttl: Option<u64>,
    /// The session that calls with it are attributed to [default: a new one]
    #[arg(short, long, value_name = "ID", env = "BEHEST_SESSION_ID", hide_env_values = true)]
    pub session: Option<String>,
    /// What it may do; never more than the API key itself
    #[arg(long, value_enum)]
    pub role: Option<RoleArg>,
}

/// `behest threads ...`
#[derive(Debug, Subcommand)]
pub enum ThreadsCommand {
    /// List an end user's threads, newest first
    #[command(after_help = "Example:\n  behest threads list --user u_42 --limit 5")]
    List {
        /// The end user.
        #[command(flatten)]
        user: UserArgs,
        /// At most this many
        #[arg(long, value_name = "COUNT")]
        limit: Option<u32>,
    },
    /// Show a thread's messages
    #[command(after_help = "Example:\n  behest threads show trip --user u_42")]
    Show {
        /// The thread
        thread: String,
        /// The end user.
        #[command(flatten)]
        user: UserArgs,
    },
    /// Delete a thread and its messages
    #[command(after_help = "Example:\n  behest threads delete trip --user u_42")]
    Delete {
        /// The thread
        thread: String,
        /// The end user.
        #[command(flatten)]
        user: UserArgs,
    },
}
