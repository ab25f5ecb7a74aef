//! Events: what the people who pay the bill and answer for the data want to be told.

use serde_json::Value;
use uuid::Uuid;

use crate::types::event::EventKind;

/// Something that happened, on its way to those who want to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Raised {
    /// What.
    pub kind: EventKind,
    /// Whose; `None` for the gateway's own.
    pub tenant: Option<Uuid>,
    /// Whose; `None` for a tenant's and the gateway's own.
    pub project: Option<Uuid>,
    /// One sentence for people.
    pub message: String,
    /// Numbers and names that belong to the kind.
    pub data: Value,
    /// Events with the same text here are one: only the first of them is kept and told.
    pub once: Option<String>,
}
