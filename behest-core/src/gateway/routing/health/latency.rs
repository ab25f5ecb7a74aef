//! How soon a target begins to answer: a peak-sensitive moving average, as in Finagle's "Peak EWMA" balancer. It jumps
//! up to a slow answer at once and comes down slowly, so that a target in trouble is left early and returned to late.

use std::time::Duration;

/// How fast old answers are forgotten.
const DECAY: Duration = Duration::from_secs(10);
/// No answer begins this soon, in seconds: nothing is known.
const UNKNOWN: f64 = 1e-6;

/// The average of one target.
#[derive(Debug, Clone, Default)]
pub struct Latency {
    average: f64,
    at: Duration,
    /// Calls whose answer has not begun.
    waiting: u32,
}

impl Latency {
    /// A call begins to wait.
    pub fn begin(&mut self) {
        self.waiting = self.waiting.saturating_add(1);
    }

    /// A call waits no more.
    pub fn end(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
    }

    /// An answer began after `took`.
    pub fn record(&mut self, now: Duration, took: Duration) {
        let took = took.as_secs_f64();
        let old = self.faded(now);
        self.average = if took > old {
            took
        } else {
            let kept = self.kept(now);
            self.average.mul_add(kept, took * (1.0 - kept))
        };
        self.at = self.at.max(now);
    }

    /// What another call would have to expect, in seconds, with those that wait already; 0 for a target that nobody
    /// knows, or knew long ago, so that it is tried, by one call at a time.
    #[must_use]
    pub fn expected(&self, now: Duration) -> f64 {
        let average = self.faded(now);
        if average < UNKNOWN && self.waiting > 0 {
            return f64::MAX;
        }
        average * f64::from(self.waiting.saturating_add(1))
    }

    fn faded(&self, now: Duration) -> f64 {
        self.average * self.kept(now)
    }

    fn kept(&self, now: Duration) -> f64 {
        (-now.saturating_sub(self.at).as_secs_f64() / DECAY.as_secs_f64()).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_counts_at_once_and_fades_slowly() {
        let mut latency = Latency::default();
        let seconds = Duration::from_secs_f64;
        assert_eq!(latency.expected(seconds(0.0)), 0.0);
        latency.record(seconds(1.0), seconds(0.1));
        latency.record(seconds(1.1), seconds(2.0));
        assert!((latency.expected(seconds(1.1)) - 2.0).abs() < 1e-9);
        latency.record(seconds(1.2), seconds(0.1));
        assert!(latency.expected(seconds(1.2)) > 1.9, "one quick answer is no recovery");
        assert!(latency.expected(seconds(61.2)) < 0.01, "and nothing is remembered for ever");
    }

    #[test]
    fn what_nobody_knows_is_tried_by_one_at_a_time() {
        let mut latency = Latency::default();
        latency.begin();
        assert_eq!(latency.expected(Duration::ZERO), f64::MAX);
        latency.end();
        assert_eq!(latency.expected(Duration::ZERO), 0.0);
    }

    #[test]
    fn those_who_wait_count() {
        let mut latency = Latency::default();
        latency.record(Duration::ZERO, Duration::from_secs(1));
        latency.begin();
        latency.begin();
        assert!((latency.expected(Duration::ZERO) - 3.0).abs() < 1e-9);
        latency.end();
        assert!((latency.expected(Duration::ZERO) - 2.0).abs() < 1e-9);
    }
}
