//! What several tests need.

#[cfg(all(feature = "client", feature = "gateway"))]
pub mod call;
#[cfg(feature = "client")]
pub mod fake;
#[cfg(all(feature = "client", feature = "gateway"))]
pub mod gateway;
#[cfg(feature = "client")]
#[expect(dead_code, reason = "the command's tests of faults share it and need more of it")]
pub mod scripted;
#[cfg(feature = "client")]
mod scripted_gateway;

/// How long a test waits for something that is about to happen, before it fails instead of hanging.
#[cfg(feature = "client")]
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// An API key of the right form.
#[cfg(feature = "client")]
pub const API_KEY: &str = "behest_sk_live_0123456789abcdef0123456789abcdef";
