//! The end of a gateway: no new calls, time for those under way, then a clear word to the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

/// Where the gateway stands on its way down. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Drain {
    begun: Arc<AtomicBool>,
    deadline: CancellationToken,
}

impl Drain {
    /// No new calls from now on.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// Whether the gateway takes no new calls.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// The time for calls under way is over.
    pub fn cut_off(&self) {
        self.begin();
        self.deadline.cancel();
    }

    /// Ends when the time for calls under way is over.
    pub async fn deadline(&self) {
        self.deadline.cancelled().await;
    }
}
