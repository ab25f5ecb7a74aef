//! Limits and budgets: what is counted, for whom, within which window, and who may still take how much.

pub mod counters;
pub mod meter;
pub mod window;
