//! Putting a client together.

use std::sync::{Arc, Once};
use std::time::Duration;

use super::Client;
use super::config::{self, Config, Options};
use super::credentials::StoredCredential;
use crate::env;
use crate::error::Error;
use crate::secret::Secret;
use crate::transport::{Http, Transport};
use crate::types::mint::Tier;

/// A notice is told once in a process.
static NOTICED: Once = Once::new();

/// Makes a [`Client`]. Whatever is not said here comes from the environment, then from the credential that
/// `behest serve` or `behest login` stored on this machine.
#[derive(Clone, Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct ClientBuilder {
    options: Options,
    stored: Option<Option<StoredCredential>>,
    transport: Option<Arc<dyn Transport>>,
}

impl ClientBuilder {
    /// An API key (`behest_sk_live_...`), or a private key to sign with, as PEM or base64 of it.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.options.key = Some(Secret::new(key));
        self
    }

    /// Where the gateway is; trailing slashes and a trailing `/v1` are ignored.
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.options.base_url = Some(base_url.into());
        self
    }

    /// The tenant that owns the signing key, in sign mode.
    pub fn tenant_id(mut self, tenant_id: impl Into<String>) -> Self {
        self.options.tenant_id = Some(tenant_id.into());
        self
    }

    /// The project to call, in sign mode.
    pub fn project_id(mut self, project_id: impl Into<String>) -> Self {
        self.options.project_id = Some(project_id.into());
        self
    }

    /// The signing key's name, in sign mode.
    pub fn kid(mut self, kid: impl Into<String>) -> Self {
        self.options.kid = Some(kid.into());
        self
    }

    /// The end user when a call names none.
    pub fn default_user_id(mut self, user_id: impl Into<String>) -> Self {
        self.options.default_user_id = Some(user_id.into());
        self
    }

    /// The tier when a call names none.
    pub fn tier(mut self, tier: Tier) -> Self {
        self.options.tier = Some(tier);
        self
    }

    /// The lifetime of tokens in seconds, 60 to 86,400.
    pub fn ttl(mut self, seconds: u64) -> Self {
        self.options.ttl = Some(seconds);
        self
    }

    /// The issuer in locally signed tokens.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.options.issuer = Some(issuer.into());
        self
    }

    /// The audience in locally signed tokens.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.options.audience = Some(audience.into());
        self
    }

    /// How long a call may take, retries included; for a stream, until its headers. Ten minutes when not said.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// How often a failed call is tried again; twice when not said.
    pub fn max_retries(mut self, max_retries: u32) -> Self {
        self.options.max_retries = Some(max_retries);
        self
    }

    /// A header of every call.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.headers.push((name.into(), value.into()));
        self
    }

    /// The `User-Agent`, such as `behest-python/1.0.0`; the core's own when not said.
    pub fn agent(mut self, agent: impl Into<String>) -> Self {
        self.options.agent = Some(agent.into());
        self
    }

    /// All of them at once, in place of what was said before.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// The stored credential to fall back to, or `None` for none at all, in place of the one in this machine's file.
    /// It is sent to its own base URL only.
    pub fn stored(mut self, stored: Option<StoredCredential>) -> Self {
        self.stored = Some(stored);
        self
    }

    /// How calls leave the client; over HTTP when not said.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Config`] says what is missing or wrong, and what to set.
    pub fn build(self) -> Result<Client, Error> {
        let Self { options, stored, transport } = self;
        let find = |base_url: Option<&str>| match stored {
            Some(stored) => Ok(stored),
            None => config::stored_credential(base_url),
        };
        let config = Config::resolve(options, env::read, find)?;
        if !config.notices().is_empty() {
            NOTICED.call_once(|| config.notices().iter().for_each(|notice| tracing::warn!("{notice}")));
        }
        let transport = match transport {
            Some(transport) => transport,
            None => Arc::new(Http::new(&config.base_url)?),
        };
        Ok(Client::with_config(config, transport))
    }
}

impl std::fmt::Debug for ClientBuilder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ClientBuilder").finish_non_exhaustive()
    }
}
