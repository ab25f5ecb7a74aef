//! Minting: a per-user token in exchange for an API key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The shortest lifetime of a token, in seconds.
pub const MIN_TTL: u64 = 60;
/// The longest lifetime of a token, in seconds.
pub const MAX_TTL: u64 = 86_400;
/// The lifetime of a token when nobody says otherwise, in seconds.
pub const DEFAULT_TTL: u64 = 3_600;

/// An end user's entitlement: numbers 1, 2 and 3 are `free`, `pro` and `max`; any other text is a custom tier.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Tier {
    /// 1, 2 or 3.
    Number(u64),
    /// `free`, `pro`, `max`, or the name of a custom tier.
    Name(String),
}

impl Tier {
    /// The tier's name, or `None` for a number that names no tier or for an empty name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Number(1) => Some("free"),
            Self::Number(2) => Some("pro"),
            Self::Number(3) => Some("max"),
            Self::Number(_) => None,
            Self::Name(name) => match name.as_str() {
                "" => None,
                "1" => Some("free"),
                "2" => Some("pro"),
                "3" => Some("max"),
                name => Some(name),
            },
        }
    }
}

/// What a credential may do: `user` < `admin` (its own project) < `dashboard-service` (its own tenant).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Calls models and sees its own data. `regular` is read as this.
    #[default]
    #[serde(alias = "regular")]
    User,
    /// Manages its own project.
    Admin,
    /// Manages its own tenant.
    DashboardService,
}

impl Role {
    /// The role's name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
            Self::DashboardService => "dashboard-service",
        }
    }

    /// Reads a role's name; `regular` is `user`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "user" | "regular" => Some(Self::User),
            "admin" => Some(Self::Admin),
            "dashboard-service" => Some(Self::DashboardService),
            _ => None,
        }
    }
}

/// Labels that a call's cost is reported under, such as `team=search`.
pub type Tags = BTreeMap<String, String>;

/// The body of `POST /v1/auth/mint`. `null` is the same as leaving a field out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct MintRequest {
    /// The end user the token stands for.
    pub user_id: String,
    /// The session to charge; a new one is made when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The end user's entitlement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// Lifetime in seconds, 60 to 86,400; 3,600 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u64>,
    /// `user` (the default), `admin` or `dashboard-service`; never above the API key's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Labels for the cost reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "gateway", schema(value_type = Option<std::collections::HashMap<String, String>>))]
    pub tags: Option<Tags>,
}

/// The answer to a mint: the union of what the published SDKs read.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct MintResponse {
    /// The token.
    pub jwt: String,
    /// The token again, under OAuth's name.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// The project the token is for.
    pub project_id: String,
    /// Lifetime in seconds.
    pub ttl: u64,
    /// Lifetime in seconds, under OAuth's name.
    pub expires_in: u64,
    /// When it ends, as an RFC 3339 instant.
    pub expires_at: String,
    /// The session in the token.
    pub session_id: String,
}

impl std::fmt::Debug for MintResponse {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("MintResponse")
            .field("project_id", &self.project_id)
            .field("expires_at", &self.expires_at)
            .field("session_id", &self.session_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_are_numbers_or_names() {
        let read = |json: &str| serde_json::from_str::<Tier>(json).expect("a tier");
        assert_eq!(read("2").name(), Some("pro"));
        assert_eq!(read("\"2\"").name(), Some("pro"));
        assert_eq!(read("\"gold\"").name(), Some("gold"));
        assert_eq!(read("9").name(), None);
        assert!(serde_json::from_str::<Tier>("-1").is_err());
    }

    #[test]
    fn roles_are_ordered_and_regular_is_user() {
        assert!(Role::User < Role::Admin && Role::Admin < Role::DashboardService);
        assert_eq!(Role::parse("regular"), Some(Role::User));
        for role in [Role::User, Role::Admin, Role::DashboardService] {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        assert_eq!(Role::parse("root"), None);
    }
}
