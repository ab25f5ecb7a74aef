//! Whether something that fails is left alone for a while, and how it comes back.
//!
//! The circuit breaker as it is commonly known: closed while all is well, open after too many failures, half open for
//! one probe once it has rested. Pure: the time is an argument.

use std::time::Duration;

use super::window::Window;

/// Fewer calls than this prove nothing.
const MINIMUM_SAMPLE: u32 = 5;
/// The first rest, and the longest: each failed probe doubles it.
const FIRST_REST: Duration = Duration::from_secs(2);
const LONGEST_REST: Duration = Duration::from_secs(60);
/// A probe that is silent for longer is joined by another.
const LONGEST_PROBE: Duration = Duration::from_secs(10);
/// A provider that asks for more is asked again after this all the same.
const LONGEST_ASKED_REST: Duration = Duration::from_secs(3_600);

/// What the circuit says to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// All is well.
    Go,
    /// It has rested: one call may find out whether it is back.
    Probe,
    /// It rests, or somebody else is finding out.
    Rest {
        /// Until when, if that is known.
        until: Option<Duration>,
        /// The provider asked for it, by `Retry-After`.
        asked: bool,
    },
}

/// The state of one thing that can fail.
#[derive(Debug, Clone, Default)]
pub struct Circuit {
    window: Window,
    state: State,
}

#[derive(Debug, Clone, Default)]
enum State {
    #[default]
    Closed,
    Open {
        until: Duration,
        rest: Duration,
        asked: bool,
    },
    Probing {
        rest: Duration,
        since: Duration,
    },
}

impl Circuit {
    /// What it would say now. Changes nothing.
    #[must_use]
    pub fn verdict(&self, now: Duration) -> Verdict {
        match self.state {
            State::Closed => Verdict::Go,
            State::Open { until, .. } if now >= until => Verdict::Probe,
            State::Open { until, asked, .. } => Verdict::Rest { until: Some(until), asked },
            State::Probing { since, .. } if now >= since + LONGEST_PROBE => Verdict::Probe,
            State::Probing { .. } => Verdict::Rest { until: None, asked: false },
        }
    }

    /// A call begins; `true` when it is the probe, whose end must then be told.
    pub fn begin(&mut self, now: Duration) -> bool {
        match self.state {
            State::Open { until, rest, .. } if now >= until => {
                self.state = State::Probing { rest, since: now };
                true
            }
            State::Probing { rest, since } if now >= since + LONGEST_PROBE => {
                self.state = State::Probing { rest, since: now };
                true
            }
            _ => false,
        }
    }

    /// A call went well.
    pub fn succeeded(&mut self, now: Duration, probe: bool) {
        match self.state {
            State::Probing { .. } if probe => {
                self.window.clear();
                self.state = State::Closed;
            }
            // Sent all the same, since there was nobody else to ask: it is back.
            State::Open { asked: false, .. } => {
                self.window.clear();
                self.state = State::Closed;
            }
            State::Open { .. } | State::Probing { .. } | State::Closed => {}
        }
        self.window.record(now, false);
    }

    /// A call failed.
    pub fn failed(&mut self, now: Duration, probe: bool) {
        self.window.record(now, true);
        match self.state {
            State::Probing { rest, .. } if probe => self.open(now, (rest * 2).min(LONGEST_REST)),
            State::Closed => {
                let (calls, failures) = self.window.totals(now);
                if calls >= MINIMUM_SAMPLE && failures * 2 >= calls {
                    self.open(now, FIRST_REST);
                }
            }
            State::Open { .. } | State::Probing { .. } => {}
        }
    }

    /// The provider asked to be left alone. A rest only grows: what stands is never cut short.
    pub fn rest(&mut self, now: Duration, pause: Duration) {
        let wanted = now + pause.min(LONGEST_ASKED_REST);
        let (standing, rest) = match self.state {
            State::Open { until, rest, .. } => (until, rest),
            State::Probing { rest, .. } => (now, rest),
            State::Closed => (now, FIRST_REST),
        };
        self.state = State::Open { until: wanted.max(standing), rest, asked: true };
    }

    /// The probe was given up before it told anything: the next call may probe.
    pub fn probe_dropped(&mut self, now: Duration) {
        if let State::Probing { rest, .. } = self.state {
            self.state = State::Open { until: now, rest, asked: false };
        }
    }

    fn open(&mut self, now: Duration, rest: Duration) {
        self.state = State::Open { until: now + rest, rest, asked: false };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn open_at(now: Duration) -> Circuit {
        let mut circuit = Circuit::default();
        for _ in 0..MINIMUM_SAMPLE {
            assert_eq!(circuit.verdict(now), Verdict::Go);
            circuit.failed(now, false);
        }
        circuit
    }

    #[test]
    fn it_opens_after_a_minimum_of_failures_and_not_among_successes() {
        let circuit = open_at(at(10));
        assert_eq!(circuit.verdict(at(10)), Verdict::Rest { until: Some(at(12)), asked: false });
        let mut mixed = Circuit::default();
        for _ in 0..100 {
            mixed.succeeded(at(1), false);
            mixed.succeeded(at(1), false);
            mixed.failed(at(1), false);
        }
        assert_eq!(mixed.verdict(at(1)), Verdict::Go);
    }

    #[test]
    fn one_probe_decides_and_failed_ones_double_the_rest() {
        let mut circuit = open_at(at(0));
        assert_eq!(circuit.verdict(at(2)), Verdict::Probe);
        assert!(circuit.begin(at(2)));
        assert!(!circuit.begin(at(2)), "one at a time");
        assert_eq!(circuit.verdict(at(2)), Verdict::Rest { until: None, asked: false });
        circuit.failed(at(3), true);
        assert_eq!(circuit.verdict(at(6)), Verdict::Rest { until: Some(at(7)), asked: false });
        assert!(circuit.begin(at(7)));
        circuit.succeeded(at(8), true);
        assert_eq!(circuit.verdict(at(8)), Verdict::Go);
        circuit.failed(at(8), false);
        assert_eq!(circuit.verdict(at(8)), Verdict::Go, "old failures are forgotten");
    }

    #[test]
    fn a_probe_that_hangs_is_joined_by_another() {
        let mut circuit = open_at(at(0));
        assert!(circuit.begin(at(2)));
        assert_eq!(circuit.verdict(at(11)), Verdict::Rest { until: None, asked: false });
        assert!(circuit.begin(at(12)) && !circuit.begin(at(12)));
        circuit.succeeded(at(13), true);
        assert_eq!(circuit.verdict(at(13)), Verdict::Go);
    }

    #[test]
    fn a_probe_that_was_dropped_leaves_room_for_the_next() {
        let mut circuit = open_at(at(0));
        assert!(circuit.begin(at(2)));
        circuit.probe_dropped(at(3));
        assert_eq!(circuit.verdict(at(3)), Verdict::Probe);
    }

    proptest! {
        /// Whatever happens in between, a rest that the provider asked for is never cut short.
        #[test]
        fn an_asked_rest_only_grows(pauses in proptest::collection::vec((0_u64..30, 0_u64..100), 1..30)) {
            let mut circuit = Circuit::default();
            let (mut now, mut until) = (0, 0);
            for (passed, pause) in pauses {
                now += passed;
                until = until.max(now + pause);
                circuit.rest(at(now), at(pause));
                circuit.failed(at(now), false);
                circuit.succeeded(at(now), false);
                if until > now {
                    prop_assert_eq!(circuit.verdict(at(now)), Verdict::Rest { until: Some(at(until)), asked: true });
                } else {
                    prop_assert_eq!(circuit.verdict(at(now)), Verdict::Probe);
                }
            }
        }
    }
}
