//! Behest: an AI backend in one crate.
pub mod secret;
pub mod sse;
pub mod token;
pub mod types;

#[cfg(feature = "gateway")]
pub mod gateway;

pub use secret::Secret;
