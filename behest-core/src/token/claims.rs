//! What a token says.

use serde::{Deserialize, Serialize};

use crate::types::mint::{Tags, Tier};

/// The claims of a Behest token, written in this order. Locally signed tokens of the published SDKs carry only
/// `tid, pid, uid, iss, aud, iat, nbf, exp`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    /// Tenant, a UUID.
    pub tid: String,
    /// Project, a UUID.
    pub pid: String,
    /// End user.
    pub uid: String,
    /// What it may do; absent is `user`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Scopes; none are defined yet.
    #[serde(default)]
    pub scp: Vec<String>,
    /// Who signed it.
    pub iss: String,
    /// Who it is for: `behest`.
    pub aud: Audience,
    /// Issued at, in Unix seconds.
    pub iat: i64,
    /// Not before, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Ends at, in Unix seconds.
    pub exp: i64,
    /// The token's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The session to charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The end user's entitlement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// Labels for the cost reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// Set in a test token: it sees the project's draft settings. Honoured only under the gateway's own key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub draft: bool,
}

/// The claims that the published SDKs before 1.5 sign, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LegacyClaims<'c> {
    /// Tenant, a UUID.
    pub tid: &'c str,
    /// Project, a UUID.
    pub pid: &'c str,
    /// End user.
    pub uid: &'c str,
    /// Who signed it.
    pub iss: &'c str,
    /// Who it is for.
    pub aud: &'c str,
    /// Issued at, in Unix seconds.
    pub iat: i64,
    /// Not before, in Unix seconds.
    pub nbf: i64,
    /// Ends at, in Unix seconds.
    pub exp: i64,
}

/// RFC 7519 allows one audience as text, or several as a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Audience {
    /// Whether `name` is among them.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Many(many) => many.iter().any(|one| one == name),
        }
    }
}
