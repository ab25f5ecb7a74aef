//! How many calls came and failed lately, in a ring of small slots.

use std::time::Duration;

/// How long a slot is, and how many there are: together half a minute.
const SLOT: Duration = Duration::from_secs(3);
const SLOTS: usize = 10;

/// Counts over the last half minute. Times are since any fixed moment; one that goes back is read as now.
#[derive(Debug, Clone, Default)]
pub struct Window {
    slots: [Slot; SLOTS],
    /// The number of the newest slot.
    newest: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    calls: u32,
    failures: u32,
}

impl Window {
    /// Counts a call.
    pub fn record(&mut self, now: Duration, failed: bool) {
        self.advance(now);
        let slot = &mut self.slots[Self::index(self.newest)];
        slot.calls = slot.calls.saturating_add(1);
        slot.failures = slot.failures.saturating_add(u32::from(failed));
    }

    /// Calls and failures of the window that ends now.
    pub fn totals(&mut self, now: Duration) -> (u32, u32) {
        self.advance(now);
        self.slots.iter().fold((0, 0), |(calls, failures), slot| {
            (calls.saturating_add(slot.calls), failures.saturating_add(slot.failures))
        })
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.slots = [Slot::default(); SLOTS];
    }

    fn advance(&mut self, now: Duration) {
        let number = now.as_secs() / SLOT.as_secs();
        let passed = number.saturating_sub(self.newest);
        for step in 1..=passed.min(SLOTS as u64) {
            self.slots[Self::index(self.newest + step)] = Slot::default();
        }
        self.newest = self.newest.max(number);
    }

    fn index(number: u64) -> usize {
        // The remainder is below the number of slots.
        usize::try_from(number % SLOTS as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a plain list of what was recorded.
        #[test]
        fn it_counts_what_the_last_half_minute_saw(
            calls in proptest::collection::vec((0_u64..20_000, any::<bool>()), 0..60),
        ) {
            let mut window = Window::default();
            let mut recorded: Vec<(u64, bool)> = Vec::new();
            let mut now = 0;
            for (pause, failed) in calls {
                now += pause;
                window.record(Duration::from_millis(now), failed);
                recorded.push((now / 1_000 / SLOT.as_secs(), failed));
                let newest = now / 1_000 / SLOT.as_secs();
                let kept = recorded.iter().filter(|(slot, _)| slot + SLOTS as u64 > newest);
                let (calls, failures) =
                    kept.fold((0, 0), |(calls, failures), (_, failed)| (calls + 1, failures + u32::from(*failed)));
                prop_assert_eq!(window.totals(Duration::from_millis(now)), (calls, failures));
            }
        }
    }

    #[test]
    fn a_clock_that_goes_back_loses_nothing() {
        let mut window = Window::default();
        window.record(Duration::from_secs(100), true);
        window.record(Duration::from_secs(1), false);
        assert_eq!(window.totals(Duration::from_secs(50)), (2, 1));
    }
}
