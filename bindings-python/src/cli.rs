//! The `behest` command, for the package's console script.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs the `behest` command with the arguments behind its name and returns its exit code.
#[pyfunction]
pub fn run_cli(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| behest_cli::run(arguments))
}
