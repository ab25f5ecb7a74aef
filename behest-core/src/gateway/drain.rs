//! The end of a gateway: no new calls, time for those under way, then a clear word to the rest.

use tokio_util::sync::CancellationToken;

/// Where the gateway stands on its way down. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Drain {
    begun: CancellationToken,
    deadline: CancellationToken,
}

impl Drain {
    /// No new calls from now on.
    pub fn begin(&self) {
        self.begun.cancel();
    }

    /// Whether the gateway takes no new calls.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Ends when the gateway takes no new calls: for what only waits and can be taken up elsewhere.
    pub async fn begun(&self) {
        self.begun.cancelled().await;
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
