//! How limits and budgets stand for one caller.

use serde::{Deserialize, Serialize};

/// One layer of limits, as it stands now: `remaining = limit - used - reserved`, never below zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct LimitStanding {
    /// Which layer, by the name that refusals and `X-RateLimit-Scope` use.
    pub scope: String,
    /// The budget's name, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<String>,
    /// `requests`, `calls` (under way), `tokens` or `usd`.
    pub unit: String,
    /// How much there is.
    pub limit: f64,
    /// What is used in this window.
    pub used: f64,
    /// What calls under way may still use.
    pub reserved: f64,
    /// What is left.
    pub remaining: f64,
    /// Whether a call above the limit is refused: budgets may also only tell.
    pub refuses: bool,
    /// When the window ends, as an RFC 3339 instant; absent where it never does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets_at: Option<String>,
}

/// The answer of `GET /v1/projects/{id}/limits`: the layers in the order in which they refuse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct LimitStandings {
    /// The layers.
    pub data: Vec<LimitStanding>,
}
