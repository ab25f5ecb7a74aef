//! What a program says beside a call, read from JSON; and what it is told beside an answer, written as JSON.

use serde_json::json;

use super::fields::Fields;
use crate::client::auth::{MintOptions, Minted};
use crate::client::config::{self, Config, Options};
use crate::client::options::CallOptions;
use crate::client::reply::Meta;
use crate::client::{Client, ClientBuilder};
use crate::error::Error;
use crate::secret::Secret;

impl CallOptions {
    /// From a JSON object: `user_id`, `session_id`, `thread_id`, `tier`, `role`, `token`, `tags`, `as_api_key`,
    /// `timeout` in seconds, `max_retries`, and `headers` by name. Empty text is the default.
    ///
    /// # Errors
    /// [`Error::Request`] names what is unknown or of the wrong type.
    pub fn from_json(text: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::read(text)?;
        let options = Self {
            user_id: fields.text("user_id")?,
            session_id: fields.text("session_id")?,
            thread_id: fields.text("thread_id")?,
            tier: fields.tier("tier")?,
            role: fields.role("role")?,
            tags: fields.tags("tags")?,
            token: fields.text("token")?.map(Secret::new),
            as_api_key: fields.flag("as_api_key")?,
            timeout: fields.seconds("timeout")?,
            max_retries: fields.count("max_retries")?,
            headers: fields.pairs("headers")?,
        };
        fields.end()?;
        Ok(options)
    }
}

impl MintOptions {
    /// From a JSON object: `user_id`, `session_id`, `tier`, `ttl` in seconds, `role` and `tags`.
    ///
    /// # Errors
    /// [`Error::Request`] names what is unknown or of the wrong type.
    pub fn from_json(text: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::read(text)?;
        let options = Self {
            user_id: fields.text("user_id")?,
            session_id: fields.text("session_id")?,
            tier: fields.tier("tier")?,
            ttl: fields.whole("ttl")?,
            role: fields.role("role")?,
            tags: fields.tags("tags")?,
        };
        fields.end()?;
        Ok(options)
    }
}

impl Minted {
    /// As a JSON object: `token`, `session_id`, `ttl` in seconds, `expires_at`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let Self { token, session_id, ttl, expires_at } = self;
        let token = token.expose();
        json!({ "token": token, "session_id": session_id, "ttl": ttl, "expires_at": expires_at }).to_string()
    }
}

impl Meta {
    /// As a JSON object with a field for each of its own; `null` where the gateway did not say.
    #[must_use]
    pub fn to_json(&self) -> String {
        let Self { trace_id, model, provider, cost_usd, memory, attempts } = self;
        json!({
            "trace_id": trace_id, "model": model, "provider": provider,
            "cost_usd": cost_usd, "memory": memory, "attempts": attempts,
        })
        .to_string()
    }
}

impl Options {
    /// From a JSON object: `key`, `base_url`, `tenant_id`, `project_id`, `kid`, `default_user_id`, `tier`, `ttl`,
    /// `issuer`, `audience`, `timeout` in seconds, `max_retries`, and `default_headers` by name.
    ///
    /// # Errors
    /// [`Error::Config`] names what is unknown or of the wrong type.
    pub fn from_json(text: &[u8]) -> Result<Self, Error> {
        let read = || {
            let mut fields = Fields::read(text)?;
            let options = Self::take(&mut fields)?;
            fields.end()?;
            Ok(options)
        };
        read().map_err(in_configuration)
    }

    /// Takes them out of an object that holds more.
    pub(crate) fn take(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self {
            key: fields.text("key")?.map(Secret::new),
            base_url: fields.text("base_url")?,
            tenant_id: fields.text("tenant_id")?,
            project_id: fields.text("project_id")?,
            kid: fields.text("kid")?,
            default_user_id: fields.text("default_user_id")?,
            tier: fields.tier("tier")?,
            ttl: fields.whole("ttl")?,
            issuer: fields.text("issuer")?,
            audience: fields.text("audience")?,
            timeout: fields.seconds("timeout")?,
            max_retries: fields.count("max_retries")?,
            headers: fields.pairs("default_headers")?,
            agent: None,
        })
    }
}

impl ClientBuilder {
    /// With the options of a JSON object: see [`Options::from_json`].
    ///
    /// # Errors
    /// [`Error::Config`] names what is unknown or of the wrong type.
    pub fn from_json(text: &[u8]) -> Result<Self, Error> {
        Options::from_json(text).map(|options| Client::builder().options(options))
    }
}

impl Config {
    /// As a JSON object, without the key: what [`resolve_config`] found, `timeout` in seconds.
    #[must_use]
    pub fn to_json(&self) -> String {
        json!({
            "mode": self.mode.as_str(), "base_url": self.base_url, "tenant_id": self.tenant_id,
            "project_id": self.project_id, "kid": self.kid, "default_user_id": self.default_user_id,
            "tier": self.tier, "ttl": self.ttl, "issuer": self.issuer, "audience": self.audience,
            "timeout": self.timeout.as_secs_f64(), "max_retries": self.max_retries,
        })
        .to_string()
    }
}

/// What a client of these options would run with; see [`Options::from_json`].
///
/// # Errors
/// [`Error::Config`] says what is missing or wrong, and what to set.
pub fn resolve_config(text: &[u8]) -> Result<Config, Error> {
    Config::resolve(Options::from_json(text)?, crate::env::read, config::stored_credential)
}

/// A wrong option keeps a client from being made, so nothing is wrong with a request.
pub(crate) fn in_configuration(error: Error) -> Error {
    match error {
        Error::Request { .. } => Error::config("bad_value", error.to_string()),
        error => error,
    }
}
