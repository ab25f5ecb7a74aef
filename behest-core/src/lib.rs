//! Behest: the AI backend that an application would otherwise have to build, in one crate.
//!
//! The same crate is the client of a gateway and the gateway itself.
//!
//! | Word | Meaning |
//! |---|---|
//! | tenant | the organisation; owns projects, signing keys and provider keys |
//! | project | the deployment unit; has a slug, settings and API keys |
//! | end user | a person who uses an application built on a project |
//! | session | the unit of cost attribution |
//! | thread | a conversation that is kept until it is deleted |
//! | attempt | one call to a provider; each leaves one usage record in the ledger |
//!
//! Talking to a gateway takes a key and an address:
//!
//! ```no_run
//! use behest_core::Client;
//! use behest_core::client::CallOptions;
//! use behest_core::types::chat::ChatRequest;
//!
//! # async fn run() -> Result<(), behest_core::Error> {
//! let client = Client::builder().key("behest_sk_live_...").base_url("http://localhost:8080").build()?;
//! let answer = client.chat().create(&ChatRequest::user("Hello"), &CallOptions::default()).await?;
//! println!("{}", answer.text());
//! # Ok(())
//! # }
//! ```
//!
//! Being one takes a data directory: see [`gateway`].
//!
//! # Features
//! - `client` (default): talk to a gateway.
//! - `gateway` (default): be the gateway, in this process.

pub mod env;
pub mod secret;
pub mod sse;
pub mod token;
pub mod types;

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "client")]
pub mod error;
#[cfg(feature = "client")]
pub mod log;
#[cfg(feature = "client")]
pub mod transport;

#[cfg(feature = "gateway")]
pub mod gateway;
#[cfg(all(feature = "client", feature = "gateway"))]
pub mod local;

#[cfg(feature = "client")]
pub use client::Client;
#[cfg(feature = "client")]
pub use error::Error;
pub use secret::Secret;
