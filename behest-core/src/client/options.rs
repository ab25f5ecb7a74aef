//! What one call may say beside its body.

use std::time::Duration;

use super::config::Config;
use super::tokens::TokenKey;
use crate::error::Error;
use crate::secret::Secret;
use crate::types::ids::{SessionId, ThreadId, UserId};
use crate::types::mint::{Role, Tags, Tier};

/// What one call may say beside its body. Whatever is left out is the client's own setting, or nothing.
#[derive(Debug, Clone, Default)]
pub struct CallOptions {
    /// The end user.
    pub user_id: Option<String>,
    /// The session to charge. Without one, the session that the user's token was minted with is charged.
    pub session_id: Option<String>,
    /// The thread to continue; it is made at its first message.
    pub thread_id: Option<String>,
    /// The end user's entitlement.
    pub tier: Option<Tier>,
    /// What the call's token may do; `user` when absent.
    pub role: Option<Role>,
    /// Labels for the cost reports. They travel in the token, so a `token` of the caller keeps its own.
    pub tags: Tags,
    /// A token of the caller's own, used as it is: none is minted, and a 401 is final.
    pub token: Option<Secret>,
    /// Sends the API key itself in place of a user's token. Usage reports then cover the whole project.
    pub as_api_key: bool,
    /// How long the call may take, retries included; for a stream, until its headers.
    pub timeout: Option<Duration>,
    /// How often the call is tried again.
    pub max_retries: Option<u32>,
    /// More headers. They win over the client's own, and over an `Idempotency-Key` made here.
    pub headers: Vec<(String, String)>,
}

impl CallOptions {
    /// For one end user.
    #[must_use]
    pub fn user(user_id: impl Into<String>) -> Self {
        Self { user_id: Some(user_id.into()), ..Self::default() }
    }

    /// Whom the call's token is for.
    pub(crate) fn token_key(&self, config: &Config) -> Result<TokenKey, Error> {
        let user_id = self.user_id.as_deref().unwrap_or(&config.default_user_id);
        Ok(TokenKey {
            user_id: check_user(user_id)?,
            tier: self.tier.clone().or_else(|| config.tier.clone()),
            session_id: self.session_id.as_deref().map(check_session).transpose()?,
            role: self.role.unwrap_or_default(),
            tags: self.tags.clone(),
        })
    }
}

/// The id, when it may be an end user's.
pub(crate) fn check_user(id: &str) -> Result<String, Error> {
    UserId::parse(id).map(|id| id.as_str().to_owned()).map_err(|rule| Error::request("user_id", rule))
}

/// The id, when it may be a session's.
pub(crate) fn check_session(id: &str) -> Result<String, Error> {
    SessionId::parse(id).map(|id| id.as_str().to_owned()).map_err(|rule| Error::request("session_id", rule))
}

/// The id, when it may be a thread's.
pub(crate) fn check_thread(id: &str) -> Result<String, Error> {
    ThreadId::parse(id).map(|id| id.as_str().to_owned()).map_err(|rule| Error::request("thread_id", rule))
}
