//! What a gateway does beside answering, for as long as it runs.

use super::{Gateway, limits, memory_sweep};

/// Removes what has outlived its time, and ends what should have ended.
pub async fn run(gateway: Gateway) {
    tokio::join!(memory_sweep::run(gateway.clone()), limits::sweep::run(gateway));
}
