//! Waits that end within some 0.1 ms of their time.
//!
//! tokio's own timer rounds up to the next millisecond, which is several times what a gateway may add.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// A thread that ends waits at their time.
#[derive(Clone)]
pub struct Timer {
    waits: Sender<Wait>,
}

struct Wait {
    until: Instant,
    done: oneshot::Sender<()>,
}

impl Timer {
    /// Starts the thread; it ends with the last copy of the timer. Fails if the system gives no thread.
    pub fn start() -> io::Result<Self> {
        let (waits, arriving) = channel();
        std::thread::Builder::new().name("timer".into()).spawn(move || end_waits(&arriving))?;
        Ok(Self { waits })
    }

    /// Waits; a zero duration costs nothing.
    pub async fn wait(&self, duration: Duration) {
        if duration.is_zero() {
            return;
        }
        let (done, ended) = oneshot::channel();
        if self.waits.send(Wait { until: Instant::now() + duration, done }).is_ok() {
            // An error here means that the thread is gone: there is nothing left to wait for.
            let _ = ended.await;
        }
    }
}

fn end_waits(arriving: &Receiver<Wait>) {
    // The number tells apart waits that end at the same instant.
    let mut pending: BTreeMap<(Instant, u64), oneshot::Sender<()>> = BTreeMap::new();
    for number in 0.. {
        while let Some(first) = pending.first_entry().filter(|first| first.key().0 <= Instant::now()) {
            // The waiter may have gone away, which is fine.
            let _ = first.remove().send(());
        }
        let next = match pending.first_key_value() {
            Some(((until, _), _)) => arriving.recv_timeout(until.saturating_duration_since(Instant::now())),
            None => arriving.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match next {
            Ok(wait) => drop(pending.insert((wait.until, number), wait.done)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_end_in_the_order_of_their_times_and_not_before() {
        let timer = Timer::start().unwrap();
        let began = Instant::now();
        let ended = |milliseconds: u64| {
            let timer = timer.clone();
            async move {
                timer.wait(Duration::from_millis(milliseconds)).await;
                began.elapsed()
            }
        };
        let (long, short) = tokio::join!(ended(30), ended(5));
        assert!(short >= Duration::from_millis(5) && long >= Duration::from_millis(30) && short < long);
    }
}
