//! The gateway on the network: routes, the edge in front of them, and the listener behind them.

pub mod client_address;
mod connection;
pub mod cors;
pub mod edge;
pub mod extract;
pub mod handlers;
mod linger;
pub mod listener;
pub mod openapi;
mod ready;
pub mod respond;
pub mod routes;
pub mod usage_query;

pub use listener::{ServeError, Serving, run};
pub use ready::Ready;
