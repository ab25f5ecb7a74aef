//! The `behest` command as people and scripts meet it: exit code, standard output, standard error.
//!
//! Files named `gateway_*` start a real gateway; the others talk to a scripted server, or to nobody.

#[macro_use]
mod snapshot;

mod arguments;
mod chat;
mod control;
mod errors;
mod gateway;
mod gateway_chat;
mod gateway_control;
mod gateway_serve;
mod help;
mod login;
mod sandbox;
mod script;
mod serve;
