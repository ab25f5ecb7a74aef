//! The stages of a request, in running order. A stage knows no other; only the pipeline knows their order.

pub mod locate;

pub mod authenticate;

pub mod settings;

pub mod switches;

pub mod admit;

pub mod read;

pub mod claim;

pub mod select;

pub mod recall;

pub mod route;

pub mod reserve;

pub mod dispatch;

pub mod record;
