//! The native half of the npm package `@behest/client-ts`.
//!
//! The module is private: people import the package, whose `lib/` re-exports what is public.

use napi_derive::napi;

/// Returns the version of Behest that this module was built from.
#[napi]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
