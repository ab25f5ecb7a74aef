//! The control plane's logic: who may change what, and what a change must tell the caches.

pub mod access;
pub mod budgets;
pub mod catalogue;
pub mod events;
pub mod keys;
pub mod kill_switches;
pub mod ledger;
pub mod limits;
pub mod local_key;
pub mod mint;
pub mod projects;
pub mod providers;
pub mod settings;
pub mod tenants;
pub mod tiers;
pub mod webhooks;

use super::limits::check::{self, BadField};
use super::providers::ProviderError;
use super::refusal::Refuse;
use super::routing::models::ModelFileError;
use crate::types::problem::Code;

/// Why the control plane, or a mint, refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// Neither the operator's secret nor a token.
    #[error(
        "the control plane needs X-Admin-Secret, or a token of role admin or dashboard-service as Bearer"
    )]
    Missing,
    /// A wrong secret.
    #[error("the admin secret is wrong")]
    WrongSecret,
    /// Too many wrong secrets from one address.
    #[error("too many wrong admin secrets from this address: wait {seconds} s")]
    Throttled {
        /// How long.
        seconds: u64,
    },
    /// An API key.
    #[error("API keys do not reach the control plane: use the admin secret, or a minted token of role admin")]
    ApiKey,
    /// A good credential that may not do this.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The caller may not grant that role.
    #[error("the role `{asked}` is above the caller's own, which is `{own}`")]
    RoleAbove {
        /// What was asked for.
        asked: &'static str,
        /// What the caller has.
        own: &'static str,
    },
    /// Nothing there, or not for this caller.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The state of the thing forbids it.
    #[error("{0}")]
    Conflict(String),
    /// A field is wrong.
    #[error("`{field}` {problem}")]
    Field {
        /// Which.
        field: &'static str,
        /// What it should be.
        problem: String,
    },
    /// A catalogue of models that cannot be one.
    #[error(transparent)]
    Catalogue(#[from] ModelFileError),
    /// The tenant's plan.
    #[error("the plan `free` has no provider keys of its own")]
    ByokNeedsPlan,
    /// The provider could not be asked whether it takes the key.
    #[error(
        "the key is not stored, because {provider} could not be asked whether it takes it: {source}; `--no-check` (`\"check\": false`) stores it unasked"
    )]
    Unchecked {
        /// Which provider.
        provider: String,
        /// What it did instead.
        source: ProviderError,
    },
    /// A fault of ours.
    #[error("{0}")]
    Ours(&'static str),
}

impl ControlError {
    /// A field that is wrong.
    pub(crate) fn field(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Field { field, problem: problem.into() }
    }
}

impl Refuse for ControlError {
    fn code(&self) -> Code {
        match self {
            Self::Missing => Code::MissingCredentials,
            Self::WrongSecret => Code::InvalidToken,
            Self::Throttled { .. } => Code::RateLimited,
            Self::ApiKey | Self::Forbidden(_) | Self::RoleAbove { .. } => Code::Forbidden,
            Self::NotFound(_) => Code::NotFound,
            Self::Conflict(_) => Code::Conflict,
            Self::Field { .. } | Self::Catalogue(_) => Code::ValidationError,
            Self::ByokNeedsPlan => Code::ByoakRequiresPro,
            Self::Unchecked { source: ProviderError::TimedOut { .. }, .. } => Code::UpstreamTimeout,
            Self::Unchecked { .. } => Code::UpstreamError,
            Self::Ours(_) => Code::ServerError,
        }
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::Field { field, .. } => Some(field),
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Throttled { seconds } => Some(*seconds),
            _ => None,
        }
    }

    fn for_log(&self) -> String {
        match self {
            Self::Unchecked { provider, source } => {
                format!("{provider} could not be asked whether it takes a key: {}", source.without_words())
            }
            other => other.to_string(),
        }
    }

    fn upgrade_url(&self) -> Option<&str> {
        match self {
            Self::ByokNeedsPlan => Some("/settings/billing"),
            _ => None,
        }
    }
}

impl From<BadField> for ControlError {
    fn from(bad: BadField) -> Self {
        Self::Field { field: bad.field, problem: bad.problem }
    }
}

/// A name for people: at most 200 characters, no control characters, not blank.
pub(crate) fn check_name(name: &str) -> Result<String, ControlError> {
    Ok(check::name(name)?)
}

/// Where a tier, a budget or a kill switch comes from: what the store does not keep is the configuration file's.
const fn source_of(created_at: Option<i64>) -> &'static str {
    if created_at.is_some() { "api" } else { "config" }
}
