//! Events: what the people who pay the bill and answer for the data want to be told.

use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A budget has reached a percentage of its limit.
    BudgetThreshold,
    /// A budget refused a call, or cut an answer.
    BudgetExceeded,
    /// A budget had another model answer.
    BudgetDowngraded,
    /// A limit of requests, calls under way or tokens refused a call.
    LimitExceeded,
    /// A kill switch was thrown.
    KillSwitchOn,
    /// A kill switch was taken back.
    KillSwitchOff,
    /// The ledger cannot be written: no calls until it can.
    LedgerFailed,
    /// The ledger can be written again.
    LedgerRecovered,
    /// A test of a webhook: nothing has happened.
    Ping,
}

impl EventKind {
    /// Every kind, for tables and tests.
    pub const ALL: [Self; 9] = [
        Self::BudgetThreshold,
        Self::BudgetExceeded,
        Self::BudgetDowngraded,
        Self::LimitExceeded,
        Self::KillSwitchOn,
        Self::KillSwitchOff,
        Self::LedgerFailed,
        Self::LedgerRecovered,
        Self::Ping,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BudgetThreshold => "budget_threshold",
            Self::BudgetExceeded => "budget_exceeded",
            Self::BudgetDowngraded => "budget_downgraded",
            Self::LimitExceeded => "limit_exceeded",
            Self::KillSwitchOn => "kill_switch_on",
            Self::KillSwitchOff => "kill_switch_off",
            Self::LedgerFailed => "ledger_failed",
            Self::LedgerRecovered => "ledger_recovered",
            Self::Ping => "ping",
        }
    }

    /// Reads its name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// An event, as `GET /v1/events` lists it and webhooks carry it. Never what was said in a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct Event {
    /// UUIDv7: later events have greater ids. A webhook that comes twice has the same one.
    pub id: String,
    /// What happened.
    pub kind: EventKind,
    /// RFC 3339 instant.
    pub at: String,
    /// Whose; absent for the gateway's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// Whose; absent for a tenant's and the gateway's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// One sentence for people.
    pub message: String,
    /// Numbers and names that belong to the kind.
    pub data: serde_json::Value,
}
