//! The `behest` command as people and scripts meet it: exit code, standard output, standard error.
//!
//! Files named `gateway_*` start a real gateway; those named `fault_*` break what is around it; the others talk to a
//! scripted server, or to nobody.

#[macro_use]
mod snapshot;

mod arguments;
#[cfg(target_os = "linux")]
mod canary;
mod chat;
mod control;
mod errors;
#[cfg(target_os = "linux")]
mod fault_budget;
#[cfg(target_os = "linux")]
mod fault_budget_kill;
#[cfg(target_os = "linux")]
mod fault_cancel;
#[cfg(target_os = "linux")]
mod fault_clients;
#[cfg(target_os = "linux")]
mod fault_disk;
#[cfg(target_os = "linux")]
mod fault_drain;
#[cfg(target_os = "linux")]
mod fault_endpoints;
#[cfg(target_os = "linux")]
mod fault_idle;
#[cfg(target_os = "linux")]
mod fault_kill;
#[cfg(target_os = "linux")]
mod fault_start;
#[cfg(target_os = "linux")]
mod fault_stream;
#[cfg(target_os = "linux")]
mod fault_tokens;
#[cfg(target_os = "linux")]
mod fault_upstream;
#[cfg(target_os = "linux")]
mod faults;
mod gateway;
mod gateway_chat;
mod gateway_control;
mod gateway_limits;
mod gateway_models;
mod gateway_rotation;
mod gateway_serve;
mod help;
mod login;
mod sandbox;
mod script;
mod serve;
#[cfg(unix)]
mod terminal;
mod usage;
