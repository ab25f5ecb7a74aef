//! How many files, and so connections, the process may have open.

/// Raises the limit to what the system allows: the usual 1,024 is kept low only for programs that use `select`, and
/// a thousand idle clients would lock out everybody else.
#[cfg(unix)]
pub(super) fn raise_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    limit.current = limit.maximum;
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => tracing::debug!(?before, now = ?limit.current, "the limit of open files"),
        Err(error) => tracing::warn!(%error, ?before, "the limit of open files could not be raised"),
    }
}

/// Here there is no such limit.
#[cfg(not(unix))]
pub(super) fn raise_limit() {}
