//! stub
pub mod secret;
pub mod sse;
pub mod token;
pub mod types;
pub use secret::Secret;
