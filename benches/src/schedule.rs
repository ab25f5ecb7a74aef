//! When the next request of a run goes out, and when the run is over.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// The plan that all connections of a run share.
pub struct Schedule {
    start: Instant,
    end: Instant,
    requests: u64,
    interval: Option<Duration>,
    taken: AtomicU64,
}

impl Schedule {
    /// Plans `requests` at most, for `length` at most; with a rate (per second) they go out evenly spaced,
    /// without one each connection sends its next as soon as it has its answer.
    pub fn new(requests: u64, length: Duration, rate: Option<f64>) -> Self {
        let start = Instant::now();
        let interval = rate.map(|rate| Duration::from_secs_f64(1.0 / rate));
        Self { start, end: start + length, requests, interval, taken: AtomicU64::default() }
    }

    /// When the first request could go out.
    pub fn start(&self) -> Instant {
        self.start
    }

    /// Waits for the next free slot and gives the time from which its latency counts; `None` at the end.
    ///
    /// A slot taken in time counts from when its wait is over, which keeps this program's own timer out of the
    /// figure. A slot taken late, since every connection was busy, counts from when it was due: a server that
    /// stalls is charged for all the requests it held up (no coordinated omission).
    pub async fn next(&self) -> Option<Instant> {
        let number = self.taken.fetch_add(1, Relaxed);
        let now = Instant::now();
        if number >= self.requests || now >= self.end {
            return None;
        }
        let Some(interval) = self.interval else { return Some(now) };
        let due = self.start + interval.mul_f64(number as f64);
        if due >= self.end {
            return None;
        }
        if due <= now {
            return Some(due);
        }
        tokio::time::sleep_until(due.into()).await;
        Some(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_closed_loop_ends_with_its_last_request() {
        let schedule = Schedule::new(2, Duration::from_secs(60), None);
        assert!(schedule.next().await.is_some() && schedule.next().await.is_some());
        assert!(schedule.next().await.is_none());
    }

    #[tokio::test]
    async fn a_slot_taken_late_counts_from_when_it_was_due() {
        let schedule = Schedule::new(10, Duration::from_secs(60), Some(1e6));
        tokio::time::sleep(Duration::from_millis(5)).await;
        let begins = [schedule.next().await.unwrap(), schedule.next().await.unwrap()];
        assert_eq!(begins.map(|begin| begin - schedule.start()), [Duration::ZERO, Duration::from_micros(1)]);
    }

    #[tokio::test]
    async fn a_slot_taken_early_waits_until_it_is_due() {
        let schedule = Schedule::new(2, Duration::from_secs(60), Some(100.0));
        schedule.next().await.unwrap();
        assert!(schedule.next().await.unwrap() - schedule.start() >= Duration::from_millis(10));
    }

    #[tokio::test]
    async fn an_open_loop_ends_before_the_first_slot_that_is_due_after_its_end() {
        let schedule = Schedule::new(u64::MAX, Duration::from_millis(10), Some(100.0));
        assert!(schedule.next().await.is_some());
        assert!(schedule.next().await.is_none());
    }
}
