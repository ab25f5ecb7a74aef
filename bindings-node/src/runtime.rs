//! The threads that calls run on.

use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};

/// JavaScript is the narrow place: one thread feeds it, and a second one keeps calls going while the first computes.
const THREADS: usize = 2;

static RUNTIME: LazyLock<std::io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread().worker_threads(THREADS).thread_name("behest").enable_all().build()
});

/// The runtime that all JavaScript environments of this process share. It is never shut down: what belongs to one
/// environment is stopped by its [`Engine`](crate::engine::Engine).
pub fn runtime() -> napi::Result<&'static Runtime> {
    RUNTIME.as_ref().map_err(|error| napi::Error::from_reason(format!("no threads for Behest: {error}")))
}

/// Drops what holds a connection. That may need the runtime, and a garbage collector's finaliser is outside of it.
pub fn release<T>(value: T) {
    if let Ok(runtime) = runtime() {
        let _inside = runtime.enter();
        drop(value);
    }
}
