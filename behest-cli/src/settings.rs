//! From what was typed and what the environment says to plain values that commands take.

pub mod environment;
mod serve;
pub mod time;

use std::path::PathBuf;

use behest_core::client::config::normal_base_url;
use behest_core::types::mint::Tier;

use crate::args::{ChatArgs, EmbedArgs, GlobalArgs};
use crate::report::Report;

pub use serve::{SecretPlace, ServeSettings, rotation, serve};

/// Which gateway a command talks to, and what about.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// The gateway's address, in the form in which addresses are compared.
    pub base_url: Option<String>,
    /// Where the admin secret is.
    pub admin_secret_file: Option<PathBuf>,
    /// An id or a slug.
    pub project: Option<String>,
    /// An id.
    pub tenant: Option<String>,
    /// Which of these were typed.
    pub typed: Typed,
}

/// What was named on the command line itself, and not by a variable.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    /// An id or a slug.
    pub project: Option<String>,
    /// An id.
    pub tenant: Option<String>,
}

/// Reads the global options.
///
/// # Errors
/// [`Report`] when the base URL is none.
pub fn connection(global: &GlobalArgs) -> Result<Connection, Report> {
    let base_url = present(global.base_url.as_ref());
    let (project, tenant) = (present(global.project.as_ref()), present(global.tenant.as_ref()));
    Ok(Connection {
        base_url: base_url.map(|text| normal_base_url(&text)).transpose()?,
        admin_secret_file: global.admin_secret_file.clone(),
        typed: Typed {
            project: project.clone().filter(|_| global.project_is_typed),
            tenant: tenant.clone().filter(|_| global.tenant_is_typed),
        },
        project,
        tenant,
    })
}

/// How to hold a conversation.
#[derive(Debug, Clone, Default)]
pub struct ChatSettings {
    /// What to ask; `None` is a conversation.
    pub prompt: Option<String>,
    /// The model; `None` is the project's own.
    pub model: Option<String>,
    /// The end user.
    pub user: Option<String>,
    /// The session that the cost is attributed to.
    pub session: Option<String>,
    /// The thread that the gateway keeps the conversation in.
    pub thread: Option<String>,
    /// An instruction to the model.
    pub system: Option<String>,
    /// Whether the answer is shown as it comes.
    pub stream: bool,
    /// Whether to converse even when nobody sits at a terminal.
    pub interactive: bool,
}

/// Reads the options of `behest chat`.
#[must_use]
pub fn chat(args: &ChatArgs, global: &GlobalArgs) -> ChatSettings {
    let prompt = args.prompt.join(" ");
    ChatSettings {
        prompt: present(Some(&prompt)),
        model: present(args.model.as_ref()),
        user: present(args.user.user.as_ref()),
        session: present(args.session.as_ref()),
        thread: present(args.thread.as_ref()),
        system: present(args.system.as_ref()),
        // One JSON object is only known once the answer is whole.
        stream: !args.no_stream && !global.json,
        interactive: args.interactive,
    }
}

/// What to embed.
#[derive(Debug, Clone, Default)]
pub struct EmbedSettings {
    /// The texts; none are the lines of standard input.
    pub texts: Vec<String>,
    /// The model; `None` is the project's own.
    pub model: Option<String>,
    /// How long the vectors are to be.
    pub dimensions: Option<u32>,
    /// The end user.
    pub user: Option<String>,
    /// The session that the cost is attributed to.
    pub session: Option<String>,
}

/// Reads the options of `behest embed`.
#[must_use]
pub fn embed(args: EmbedArgs) -> EmbedSettings {
    EmbedSettings {
        texts: args.texts,
        model: present(args.model.as_ref()),
        dimensions: args.dimensions,
        user: present(args.user.user.as_ref()),
        session: present(args.session.as_ref()),
    }
}

/// A tier as it is typed: a number or a name.
#[must_use]
pub fn tier(text: &str) -> Tier {
    text.parse().map_or_else(|_| Tier::Name(text.to_owned()), Tier::Number)
}

/// An empty variable counts as unset.
#[must_use]
pub fn present(text: Option<&String>) -> Option<String> {
    text.and_then(|text| behest_core::env::present(text))
}
