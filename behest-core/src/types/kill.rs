//! Kill switches: what answers nobody until somebody turns it on again.

use serde::{Deserialize, Serialize};

/// What a kill switch stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum KillScope {
    /// The whole gateway; the operator's to use.
    Global,
    /// A tenant; the operator's to use.
    Tenant,
    /// A project.
    Project,
    /// An end user of a project.
    User,
    /// An API key.
    Key,
}

impl KillScope {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Tenant => "tenant",
            Self::Project => "project",
            Self::User => "user",
            Self::Key => "key",
        }
    }

    /// Reads its name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Global, Self::Tenant, Self::Project, Self::User, Self::Key]
            .into_iter()
            .find(|scope| scope.as_str() == name)
    }
}

/// The body of `PUT /v1/kill-switches`: from the next request on, what it names is refused with 403.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct KillSwitch {
    /// What it stops.
    pub scope: KillScope,
    /// The tenant, the project (also by slug) or the API key, by its id; the user's id. Absent for `global`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The user's project, by id or slug; with the scope `user` only, and always then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// For people, and told to callers; at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was thrown, as an RFC 3339 instant; the gateway's to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// `api`, or `config` for one of the configuration file, which only the file can take back; the gateway's to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}
