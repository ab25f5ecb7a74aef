//! Usage and billing reports.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Sums over the records that a query selected.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct UsageTotals {
    /// Attempts at a provider.
    pub requests: u64,
    /// Calls: repeated attempts of one count once.
    #[serde(default)]
    pub calls: u64,
    /// Input and output together.
    pub tokens: u64,
    /// All tokens that went in: plain, cache reads and cache writes.
    pub input_tokens: u64,
    /// All tokens that came out: text and reasoning.
    pub output_tokens: u64,
    /// What the priced records cost, in US dollars.
    pub cost_usd: f64,
    /// Records whose price is unknown: their cost is not in `cost_usd`.
    #[serde(default)]
    pub unpriced_requests: u64,
    /// Records whose tokens are an estimate, because the provider never said.
    #[serde(default)]
    pub estimated_requests: u64,
}

/// One bucket of time, or one group within it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct UsageBucket {
    /// Where the bucket begins, as an RFC 3339 instant.
    pub timestamp: String,
    /// The value of `group_by`, when the query has one; `null` where a record has none. An object of names and values
    /// when `group_by` has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Value>,
    /// The sums of the bucket.
    #[serde(flatten)]
    pub totals: UsageTotals,
}

/// The answer of `GET /v1/usage`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct UsageReport {
    /// Over the whole window.
    pub totals: UsageTotals,
    /// By bucket of time, oldest first.
    pub breakdown: Vec<UsageBucket>,
    /// The `cursor` of the next page, when there is one. The totals are of all pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The time a bill covers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct BillingWindow {
    /// First instant, included.
    pub from: String,
    /// Last instant, excluded.
    pub to: String,
}

/// What one model cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct BilledModel {
    /// The model that answered.
    pub model: String,
    /// Its sums.
    #[serde(flatten)]
    pub totals: UsageTotals,
}

/// One side of a bill: paid with the platform's keys, or with the customer's own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct BillingSide {
    /// The sums.
    #[serde(flatten)]
    pub totals: UsageTotals,
    /// The same by model, dearest first.
    pub by_model: Vec<BilledModel>,
}

/// The answer of `GET /v1/billing/usage`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct BillingReport {
    /// The project that the bill is for.
    pub project_id: String,
    /// The time it covers.
    pub window: BillingWindow,
    /// Calls paid with the platform's keys.
    pub platform: BillingSide,
    /// Calls paid with the customer's own keys.
    pub byok: BillingSide,
}
