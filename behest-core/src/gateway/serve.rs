//! The gateway on the network: routes, the edge in front of them, and the listener behind them.

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

pub use listener::{ServeError, Serving, run};
pub use ready::Ready;
