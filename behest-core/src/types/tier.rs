//! Tiers: what an end user's entitlement changes of a project's settings.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// What a tier changes, and nothing else: a field left out is the project's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct TierOverrides {
    /// Requests per minute of each user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpm_limit: Option<u64>,
    /// Requests per UTC day of each user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_day: Option<u64>,
    /// Tokens per UTC day of each user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_day: Option<u64>,
    /// Tokens per UTC month of each user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_month: Option<u64>,
    /// Calls under way of each user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency_limit: Option<u64>,
    /// Whether `X-Session-Id` remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_enabled: Option<bool>,
    /// How many messages of a session are remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_window: Option<u32>,
    /// Whether threads keep tool calls and their results.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_tool_calls: Option<bool>,
    /// The model behind an absent, empty or `default` model name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_model: Option<String>,
    /// Goes in front of every conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
}

/// The body of `POST /v1/projects/{id}/tiers`. `PUT /v1/projects/{id}/tiers/{tier}` has the name in its path and takes
/// [`TierOverrides`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct NewTier {
    /// `free`, `pro`, `max`, or a name of your own: 1 to 64 characters of `a-z`, `A-Z`, `0-9`, `-`, `.`, `_`.
    pub name: String,
    /// What it changes.
    #[serde(flatten)]
    pub overrides: TierOverrides,
}

impl<'de> Deserialize<'de> for NewTier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Taken apart by hand, because serde's `flatten` would let unknown fields pass.
        let mut fields = Map::deserialize(deserializer)?;
        let name = fields.remove("name");
        // First, so that a misspelt field is named even where the name is missing.
        let overrides = serde_json::from_value(Value::Object(fields)).map_err(D::Error::custom)?;
        let name = name.ok_or_else(|| D::Error::missing_field("name"))?;
        Ok(Self { name: serde_json::from_value(name).map_err(D::Error::custom)?, overrides })
    }
}

/// A tier of a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema), schema(as = ProjectTier))]
pub struct Tier {
    /// Its name, as it stands in the claim `tier`.
    pub name: String,
    /// What it changes, over the built-in one of the same name.
    #[serde(flatten)]
    pub overrides: TierOverrides,
    /// `built-in`, `api`, or `config` for one of the configuration file.
    pub source: String,
}

/// The limits that hold for each user of a tier, all of them, as `GET .../tiers/{tier}/resolved` tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct ResolvedTier {
    /// Its name.
    pub name: String,
    /// Requests per minute of each user.
    pub rpm_limit: u64,
    /// Requests per UTC day of each user; absent: unbounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_day: Option<u64>,
    /// Tokens per UTC day of each user.
    pub tokens_per_day: u64,
    /// Tokens per UTC month of each user; absent: unbounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_month: Option<u64>,
    /// Calls under way of each user; absent: unbounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency_limit: Option<u64>,
    /// Whether `X-Session-Id` remembers.
    pub memory_enabled: bool,
    /// How many messages of a session are remembered.
    pub memory_window: u32,
    /// Whether threads keep tool calls and their results.
    pub store_tool_calls: bool,
    /// The model behind an absent, empty or `default` model name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_model: Option<String>,
    /// Goes in front of every conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    /// Where each of these comes from: `tier`, `built-in tier`, `project` or `gateway`.
    pub sources: std::collections::BTreeMap<String, String>,
}
