//! Handlers: from a request to the logic behind it, and back. Each carries its own line of the OpenAPI document.

pub mod catalogue;
pub mod control;
pub mod data;
pub mod identity;
pub mod open;
pub mod providers;
pub mod usage;
