//! The native half of the Python package `behest-ai`.
//!
//! The module is private: people import `behest`, which is written in Python around it. What crosses the border is
//! text: JSON for calls, answers and errors, read once, by Python.
//!
//! Three rules keep interpreters, event loops and forks safe. Tokio's threads never touch Python: they leave what they
//! have in an [`Operation`](operation::Operation) and ring. What belongs to a process is [`Owned`](process::Owned) by
//! it. And no lock is held while the interpreter is let go, so that a fork never copies a locked one.

mod client;
mod errors;
mod helpers;
mod local;
mod mailbox;
mod operation;
mod process;
mod runtime;
mod stream;

use pyo3::prelude::*;

/// The native half of `behest`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::client::Client;
    #[pymodule_export]
    use super::helpers::{classify, decode_token, detect_mode, resolve_config, sign_legacy, version};
    #[pymodule_export]
    use super::local::Local;
    #[pymodule_export]
    use super::mailbox::Mailbox;
    #[pymodule_export]
    use super::operation::Operation;
    #[pymodule_export]
    use super::stream::Stream;
}
