//! Behest's core, tested through its public interface.

#[cfg(feature = "client")]
mod client_config;
#[cfg(feature = "client")]
mod client_credentials;
#[cfg(feature = "client")]
mod client_groups;
#[cfg(feature = "client")]
mod client_isolation;
#[cfg(feature = "client")]
mod client_retry;
#[cfg(feature = "client")]
mod client_stream;
#[cfg(feature = "client")]
mod client_tokens;
#[cfg(all(feature = "client", feature = "gateway"))]
mod parity;
mod support;
