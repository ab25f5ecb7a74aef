//! The stages of a request, in running order. A stage knows no other; only the pipeline knows their order.

pub mod locate;

pub mod authenticate;

pub mod settings;

pub mod read;

pub mod claim;

pub mod select;

pub mod recall;

pub mod route;

pub mod dispatch;

pub mod record;
