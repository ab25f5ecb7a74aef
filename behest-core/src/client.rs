//! Talking to a gateway.
//!
//! A [`Client`] hands out small groups, each with the same few verbs: [`chat`](Client::chat),
//! [`embeddings`](Client::embeddings), [`auth`](Client::auth), [`threads`](Client::threads), [`usage`](Client::usage) and
//! [`models`](Client::models).
//!
//! ```no_run
//! use behest_core::Client;
//! use behest_core::client::CallOptions;
//! use behest_core::types::chat::ChatRequest;
//! use futures_util::StreamExt as _;
//!
//! # async fn run() -> Result<(), behest_core::Error> {
//! // The key and the gateway come from BEHEST_KEY and BEHEST_BASE_URL, or from what `behest serve` left behind.
//! let client = Client::from_env()?;
//! let request = ChatRequest::user("Why is the sky blue?");
//!
//! // Each call is for one end user, who has limits, a price and a history of their own.
//! let ann = CallOptions::user("ann");
//! let reply = client.chat().create(&request, &ann).await?;
//! println!("{} ({:?} US dollars)", reply.text(), reply.meta.cost_usd);
//!
//! let mut stream = client.chat().stream(&request, &ann).await?;
//! while let Some(chunk) = stream.next().await {
//!     print!("{}", chunk?.text());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! **Who is calling.** The key is an API key, which the gateway exchanges for a token per end user, or a private key,
//! which signs such tokens here. Tokens are kept until a minute before they end, apart for every user, tier, session,
//! role and set of tags; many calls at once share one mint.
//!
//! **What is tried again.** Connection failures, 408, 429 and 5xx, twice unless told otherwise, after the time that the
//! gateway asks for; never what it forbids, and never once a streamed answer has begun. All tries of a call carry one
//! `Idempotency-Key`. A 401 to a token of the client's own is answered by one fresh token and one more try.
//!
//! **How calls travel.** Over HTTP, or straight into a gateway in this process: see [`transport`](crate::transport).

pub mod auth;
mod builder;
pub mod chat;
pub mod config;
pub mod credentials;
pub mod embeddings;
pub mod json;
mod legacy;
pub mod models;
mod options;
mod refusal;
mod reply;
pub mod retry;
mod send;
pub mod stream;
pub mod threads;
mod tokens;
pub mod usage;

use std::sync::Arc;

use crate::error::Error;
use crate::transport::Transport;

pub use auth::{Auth, MintOptions, Minted};
pub use builder::ClientBuilder;
pub use chat::Chat;
pub use config::Config;
pub use credentials::StoredCredential;
pub use embeddings::Embeddings;
pub use json::{JsonCall, JsonStream, resolve_config};
pub use legacy::sign_legacy_json;
pub use models::Models;
pub use options::CallOptions;
pub use reply::{Meta, Reply};
pub use stream::ChatStream;
pub use threads::{ThreadQuery, Threads};
pub use usage::{Usage, UsageQuery};

/// A gateway, and the right to call it. Cheap to clone; clones share their connections and tokens.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    transport: Arc<dyn Transport>,
    tokens: Arc<tokens::Tokens>,
}

impl Client {
    /// From the environment and, where that is silent, from the credential stored on this machine.
    ///
    /// # Errors
    /// [`Error::Config`]: `missing_env` when there is no key, `bad_key_format` when it is none.
    pub fn from_env() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// For putting a client together from options.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// From a configuration that is resolved already.
    #[must_use]
    pub fn with_config(config: Config, transport: Arc<dyn Transport>) -> Self {
        Self { inner: Arc::new(Inner { config, transport, tokens: Arc::default() }) }
    }

    /// What the client runs with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// A client of the same configuration with connections and tokens of its own.
    ///
    /// For the child after a fork, where the parent's connections are not to be touched: leak the parent's client there
    /// with [`std::mem::forget`], since even dropping it would.
    ///
    /// # Errors
    /// When the transport cannot be made anew; one into a gateway in the parent cannot.
    pub fn fork(&self) -> Result<Self, Error> {
        let transport = self.inner.transport.renewed()?;
        Ok(Self::with_config(self.inner.config.clone(), transport))
    }

    /// Tokens for end users.
    #[must_use]
    pub fn auth(&self) -> Auth<'_> {
        Auth { client: self }
    }

    /// Chat completions.
    #[must_use]
    pub fn chat(&self) -> Chat<'_> {
        Chat { client: self }
    }

    /// Vectors of texts.
    #[must_use]
    pub fn embeddings(&self) -> Embeddings<'_> {
        Embeddings { client: self }
    }

    /// Conversations that the gateway remembers.
    #[must_use]
    pub fn threads(&self) -> Threads<'_> {
        Threads { client: self }
    }

    /// What was used, and what it cost.
    #[must_use]
    pub fn usage(&self) -> Usage<'_> {
        Usage { client: self }
    }

    /// Models that the project may call.
    #[must_use]
    pub fn models(&self) -> Models<'_> {
        Models { client: self }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Client").field("config", &self.inner.config).finish_non_exhaustive()
    }
}
