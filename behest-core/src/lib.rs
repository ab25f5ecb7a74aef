//! stub
#[cfg(feature = "client")]
pub mod client;
pub mod env;
#[cfg(feature = "client")]
pub mod error;
pub mod secret;
pub mod sse;
pub mod token;
#[cfg(feature = "client")]
pub mod transport;
pub mod types;
#[cfg(feature = "client")]
pub use client::Client;
#[cfg(feature = "client")]
pub use error::Error;
pub use secret::Secret;
