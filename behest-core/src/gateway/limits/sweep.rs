//! Ends what outlived its time: leases are given back by whoever holds them, so one that is found here is a fault.

use std::time::Duration;

use crate::gateway::{Gateway, clock};

/// How often leases are looked through.
const EVERY: Duration = Duration::from_secs(10);

/// Ends leases whose time is over, for as long as the gateway runs.
pub async fn run(gateway: Gateway) {
    loop {
        tokio::time::sleep(EVERY).await;
        let ended = gateway.counters().sweep(clock::now_ms());
        if ended > 0 {
            tracing::warn!(
                ended,
                "calls held limits beyond the longest time that a call takes; they are free again"
            );
        }
    }
}
