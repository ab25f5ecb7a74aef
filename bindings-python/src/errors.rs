//! The core's errors as Python's: the classes are Python's own.

use behest_core::Error;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// The exception that `behest._errors` makes of an error.
pub fn to_python(py: Python<'_>, error: &Error) -> PyErr {
    let build = || py.import("behest._errors")?.getattr("from_json")?.call1((error.to_json(),));
    build().map_or_else(|failed: PyErr| failed, PyErr::from_value)
}

/// What was waited for was closed meanwhile.
pub fn closed(py: Python<'_>, what: &str) -> PyErr {
    let build = || py.import("behest._errors")?.getattr("closed")?.call1((what,));
    build().map_or_else(|failed: PyErr| failed, PyErr::from_value)
}

/// What belongs to the parent of a fork was used in the child.
pub fn of_another_process(what: &str) -> PyErr {
    PyRuntimeError::new_err(format!(
        "this {what} belongs to the process that made it: make another one after a fork"
    ))
}
