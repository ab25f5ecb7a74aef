//! Handlers: from a request to the logic behind it, and back. Each carries its own line of the OpenAPI document.

pub mod budgets;
pub mod catalogue;
pub mod control;
pub mod data;
pub mod events;
pub mod identity;
pub mod kill_switches;
pub mod ledger;
pub mod limits;
pub mod open;
pub mod providers;
pub mod tiers;
pub mod usage;
pub mod webhooks;
