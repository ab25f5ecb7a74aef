//! The native half of the npm package `@behest/client-ts`.
//!
//! The module is private: people import the package, whose `lib/` re-exports what is public. What crosses the border
//! is JSON text, which each side reads in its own language. Work runs on a Tokio runtime of this module, and comes back
//! through one [`Engine`](engine::Engine) for each JavaScript environment.

mod client;
mod engine;
mod error;
mod helpers;
mod local;
mod runtime;
mod stream;

use napi_derive::napi;

/// The `User-Agent` of every call.
const AGENT: &str = concat!("behest-typescript/", env!("CARGO_PKG_VERSION"));

/// Returns the version of Behest that this module was built from.
#[napi]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
