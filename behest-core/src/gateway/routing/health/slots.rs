//! How many calls may be under way at one provider, and how many may wait for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A limit that an operator set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotLimit {
    /// Calls under way.
    pub concurrent: u32,
    /// Calls that wait for one to end.
    pub queued: u32,
    /// How long each of them waits at most.
    pub patience: Duration,
}

/// The slots of one provider.
#[derive(Debug)]
pub struct Slots {
    limit: SlotLimit,
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// A place among the calls under way; given back when it is dropped.
#[derive(Debug)]
pub struct Slot {
    _permit: OwnedSemaphorePermit,
}

/// No place came free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSlot {
    /// The limit.
    pub limit: SlotLimit,
    /// Whether it was waited for: `false` where too many wait already.
    pub waited: bool,
}

impl Slots {
    /// With every place free.
    #[must_use]
    pub fn new(limit: SlotLimit) -> Self {
        let free = Arc::new(Semaphore::new(limit.concurrent as usize));
        Self { limit, free, waiting: AtomicUsize::new(0) }
    }

    /// Takes a place, in the order of asking. Dropping the future gives the place in the queue back.
    ///
    /// # Errors
    /// [`NoSlot`] when too many wait already, or it took too long.
    pub async fn take(&self) -> Result<Slot, NoSlot> {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(Slot { _permit: permit });
        }
        let _queued = Queued::join(&self.waiting, self.limit.queued as usize)
            .ok_or(NoSlot { limit: self.limit, waited: false })?;
        match tokio::time::timeout(self.limit.patience, Arc::clone(&self.free).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Slot { _permit: permit }),
            // The semaphore is never closed: this is the timeout.
            Ok(Err(_)) | Err(_) => Err(NoSlot { limit: self.limit, waited: true }),
        }
    }
}

struct Queued<'s>(&'s AtomicUsize);

impl<'s> Queued<'s> {
    fn join(waiting: &'s AtomicUsize, most: usize) -> Option<Self> {
        let joined = waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, |waiting| {
            (waiting < most).then_some(waiting + 1)
        });
        joined.is_ok().then(|| Self(waiting))
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_queue_is_bounded_and_gives_back_what_is_dropped() {
        let limit = SlotLimit { concurrent: 1, queued: 1, patience: Duration::from_secs(5) };
        let slots = Slots::new(limit);
        let first = slots.take().await.expect("free");
        {
            let waits = slots.take();
            tokio::pin!(waits);
            assert!(futures_util::poll!(&mut waits).is_pending());
            assert_eq!(slots.take().await.err(), Some(NoSlot { limit, waited: false }));
        }
        assert_eq!(
            slots.take().await.err(),
            Some(NoSlot { limit, waited: true }),
            "the queue has room again"
        );
        drop(first);
        assert!(slots.take().await.is_ok());
    }
}
