//! The one tokio runtime of a process, made when it is first needed.

use std::process;
use std::sync::{Mutex, PoisonError};
use std::thread;

use pyo3::PyResult;
use tokio::runtime::{Builder, EnterGuard, Runtime};

/// Calls wait more than they compute, so few threads serve many of them.
const MOST_WORKERS: usize = 2;

/// It lives as long as its process: nothing waits for it at the interpreter's exit. In the child of a fork, whose copy
/// has no threads, it is left alone and another one is made.
static RUNTIME: Mutex<Option<(u32, &'static Runtime)>> = Mutex::new(None);

/// This process's runtime.
pub fn runtime() -> PyResult<&'static Runtime> {
    let mut kept = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    let pid = process::id();
    if let Some((owner, runtime)) = *kept
        && owner == pid
    {
        return Ok(runtime);
    }
    let workers = thread::available_parallelism().map_or(1, usize::from).min(MOST_WORKERS);
    let runtime: &'static Runtime = Box::leak(Box::new(
        Builder::new_multi_thread().worker_threads(workers).thread_name("behest").enable_all().build()?,
    ));
    *kept = Some((pid, runtime));
    Ok(runtime)
}

/// Makes this process's runtime the current one, if there is one: what is dropped within may hand it work.
pub fn enter() -> Option<EnterGuard<'static>> {
    let kept = *RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    kept.filter(|(owner, _)| *owner == process::id()).map(|(_, runtime)| runtime.enter())
}
