//! Wire data: what crosses the network, as plain serde types that import nothing of ours.

pub mod budget;
pub mod catalogue;
pub mod chat;
pub mod control;
pub mod embeddings;
pub mod event;
pub mod ids;
pub mod kill;
pub mod ledger;
pub mod limit;
pub mod mint;
pub mod model;
pub mod problem;
pub mod thread;
pub mod tier;
pub mod usage;
pub mod usage_record;
pub mod webhook;
