//! The ledger's upkeep: costs reckoned again, and the check of every rule.

use serde::{Deserialize, Serialize};

/// The body of `POST /v1/ledger/rerate`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Rerate {
    /// The first instant, RFC 3339 or a date: calls admitted from then on.
    pub since: String,
    /// The instant after the last; now when absent.
    #[serde(default)]
    pub until: Option<String>,
    /// One project, by its id or slug; all of them when absent.
    #[serde(default)]
    pub project_id: Option<String>,
    /// Only tell what would change.
    #[serde(default)]
    pub dry_run: bool,
}

/// What reckoning again did. Money is in decimal US dollars, exact.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct RerateReport {
    /// Records that were looked at.
    pub records: u64,
    /// Those whose cost or price list is another now.
    pub changed: u64,
    /// What all of them cost before.
    pub before_usd: String,
    /// What all of them cost now.
    pub after_usd: String,
    /// The catalogue whose prices were taken.
    pub catalogue_version: String,
    /// Nothing was changed: this is what would be.
    pub dry_run: bool,
}

/// What the check of the ledger found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct VerifyReport {
    /// Projects that have records.
    pub projects: u64,
    /// Days that were checked, over all projects.
    pub days: u64,
    /// What cannot be. Empty where all is well.
    pub findings: Vec<Finding>,
    /// There are more findings than these.
    pub is_cut: bool,
}

/// Something in the ledger that cannot be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct Finding {
    /// Whose.
    pub project_id: String,
    /// Which rule is broken.
    pub rule: String,
    /// Where: the id of an attempt or of a call, or the day and the key of a sum.
    pub at: String,
    /// What is there, and what should be.
    pub problem: String,
}
