//! Limits and budgets: what is counted, for whom, within which window, and who may still take how much.

pub mod address;
pub mod admission;
pub mod allowance;
pub mod budgets;
pub mod check;
pub mod counters;
pub mod downgrade;
pub mod exceeded;
pub mod layers;
pub mod learned;
pub mod memory;
pub mod meter;
pub mod policy;
pub mod rates;
pub mod reservation;
pub mod rules;
pub mod sweep;
pub mod switches;
pub mod tiers;
pub mod truth;
pub mod window;
