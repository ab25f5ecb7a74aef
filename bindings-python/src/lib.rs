//! The native half of the Python package `behest-ai`.
//!
//! The module is private: people import `behest`, which re-exports what is public.

mod cli;

use pyo3::prelude::*;

/// The functions that `behest` is made of.
#[pymodule]
mod _native {
    use super::*;

    #[pymodule_export]
    use super::cli::run_cli;

    /// Returns the version of Behest that this module was built from.
    #[pyfunction]
    fn version() -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}
