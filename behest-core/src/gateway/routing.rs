//! Which provider serves a model.

pub mod catalogue;
