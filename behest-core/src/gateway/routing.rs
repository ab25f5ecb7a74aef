//! Which provider serves a model, who else may, and what is tried when one fails.

pub mod catalogue;
pub mod choose;
pub mod health;
pub mod models;
pub mod needs;
pub mod retry;
pub mod round;
