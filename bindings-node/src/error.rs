//! Errors cross as JSON text, from which the package makes its classes.

use behest_core::Error;

/// What a synchronous function throws: the error's JSON is the reason.
pub fn to_js(error: impl Into<Error>) -> napi::Error {
    napi::Error::from_reason(error.into().to_json())
}

/// The JSON of a call that ended without an answer: a defect, told instead of a promise that never settles.
pub fn unfinished() -> String {
    let message = "the call ended without an answer: please report this";
    format!(r#"{{"kind":"other","status":500,"code":"internal_error","message":"{message}"}}"#)
}

/// What a synchronous function throws when what it belongs to is closed.
pub fn closed() -> napi::Error {
    napi::Error::from_reason(r#"{"kind":"other","code":"closed","message":"this client is closed"}"#)
}
