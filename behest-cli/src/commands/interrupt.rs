//! Ctrl-C as the end of a command that has no other.

use std::io;
use std::pin::Pin;

use futures_util::FutureExt as _;

/// Ends with the next Ctrl-C after this call: listening begins here, not at the first wait.
pub fn next() -> Pin<Box<dyn Future<Output = io::Result<()>>>> {
    let mut interrupt = Box::pin(tokio::signal::ctrl_c());
    match (&mut interrupt).now_or_never() {
        None => interrupt,
        // It has come already, or the system refuses to tell.
        Some(ended) => Box::pin(async move { ended }),
    }
}
