//! Who is asked next, in one call: one that is well, else one that failed for a time, else one that rests.

use std::time::Duration;

use super::health::circuit::Verdict;
use super::retry::{self, LONGEST_WAIT, MAX_ATTEMPTS};
use crate::gateway::context::Candidate;

/// The state of one call's attempts.
pub struct Round<'c> {
    candidates: &'c [Candidate],
    /// By the candidates' places.
    sides: Vec<Side>,
    /// How many attempts were sent, or are about to be.
    pub attempts: u32,
    /// How often somebody was waited for.
    pauses: u32,
}

#[derive(Default)]
struct Side {
    asked: u32,
    /// It is of no use to this call.
    out: bool,
}

/// Who is asked next, and after which pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// The candidate's place.
    pub place: usize,
    /// How long to wait before.
    pub pause: Duration,
}

/// Why nobody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nobody {
    /// All were asked, as often as may help.
    Left,
    /// One that was not asked wants to be left alone, for longer than a call may wait.
    Awake {
        /// The candidate's place.
        place: usize,
        /// For how much longer.
        pause: Duration,
    },
}

impl<'c> Round<'c> {
    /// Nobody was asked so far.
    #[must_use]
    pub fn new(candidates: &'c [Candidate]) -> Self {
        let sides = candidates.iter().map(|_| Side::default()).collect();
        Self { candidates, sides, attempts: 0, pauses: 0 }
    }

    /// Notes that a candidate is asked; `true` when it was before.
    pub fn ask(&mut self, place: usize) -> bool {
        self.attempts += 1;
        self.sides[place].asked += 1;
        self.sides[place].asked > 1
    }

    /// The last attempt was not sent after all.
    pub fn not_sent(&mut self) {
        self.attempts -= 1;
    }

    /// The candidate is of no use to this call.
    pub fn leave_out(&mut self, place: usize) {
        self.sides[place].out = true;
    }

    /// The route's next model, to be asked beside the one that is silent: once in a call, and out of the same budget as
    /// repeated calls, since it multiplies them.
    #[must_use]
    pub fn hedge(&self) -> Option<usize> {
        let place = self.to_hedge()?;
        self.candidates[place].target.may_repeat().then_some(place)
    }

    /// Whether there is somebody to hedge with.
    #[must_use]
    pub fn can_hedge(&self) -> bool {
        self.to_hedge().is_some()
    }

    /// Who is asked next.
    ///
    /// # Errors
    /// [`Nobody`] when that would not help.
    pub fn pick(&mut self) -> Result<Next, Nobody> {
        if let Some(place) = self.unasked() {
            return Ok(Next { place, pause: Duration::ZERO });
        }
        let next = self.once_more().map_or_else(|| self.resting(), Ok)?;
        if !next.pause.is_zero() {
            self.pauses += 1;
        }
        Ok(next)
    }

    /// The first one that was not asked and is well.
    fn unasked(&self) -> Option<usize> {
        self.places(|side| side.asked == 0).find(|place| self.is_well(*place))
    }

    fn to_hedge(&self) -> Option<usize> {
        let of_route = |place: &usize| !self.candidates[*place].is_fallback;
        let mut unasked = self.places(|side| side.asked == 0).filter(of_route);
        unasked.find(|place| self.attempts == 1 && self.is_well(*place))
    }

    fn is_well(&self, place: usize) -> bool {
        matches!(self.candidates[place].target.verdict(), Verdict::Go | Verdict::Probe)
    }

    fn places(&self, wanted: impl Fn(&Side) -> bool) -> impl Iterator<Item = usize> {
        self.sides
            .iter()
            .enumerate()
            .filter(move |(_, side)| !side.out && wanted(side))
            .map(|(place, _)| place)
    }

    /// The one that may be asked again soonest, if the budget of repeated calls allows it.
    fn once_more(&self) -> Option<Next> {
        if self.attempts >= MAX_ATTEMPTS || self.pauses >= MAX_ATTEMPTS {
            return None;
        }
        let rest = |place: usize| {
            let target = &self.candidates[place].target;
            match target.verdict() {
                Verdict::Rest { until: Some(until), .. } => target.remaining(until),
                Verdict::Rest { until: None, .. } | Verdict::Go | Verdict::Probe => Duration::ZERO,
            }
        };
        // On top of the rest, so that those who wait for the same moment do not come back together.
        let backoff = |place: usize| retry::pause(self.sides[place].asked, fastrand::f64());
        let soonest = self
            .places(|side| side.asked > 0)
            .map(|place| (place, rest(place)))
            .filter(|(_, rest)| *rest <= LONGEST_WAIT)
            .map(|(place, rest)| Next { place, pause: rest + backoff(place) })
            .min_by_key(|next| next.pause)?;
        self.candidates[soonest.place].target.may_repeat().then_some(soonest)
    }

    /// One that is left alone for its failures is asked all the same before the call fails; one that asked for its rest
    /// is waited for, if that is short.
    fn resting(&self) -> Result<Next, Nobody> {
        let mut soonest: Option<(Duration, usize)> = None;
        for place in self.places(|side| side.asked == 0) {
            let target = &self.candidates[place].target;
            let rest = match target.verdict() {
                Verdict::Rest { until: Some(until), asked: true } => target.remaining(until),
                Verdict::Rest { .. } | Verdict::Go | Verdict::Probe => Duration::ZERO,
            };
            let waits = !rest.is_zero();
            if rest > LONGEST_WAIT || (waits && self.pauses >= MAX_ATTEMPTS) {
                soonest = Some(soonest.map_or((rest, place), |sofar| sofar.min((rest, place))));
            } else if self.attempts == 0 || target.may_repeat() {
                let jitter = if waits { retry::pause(1, fastrand::f64()) } else { Duration::ZERO };
                return Ok(Next { place, pause: rest + jitter });
            }
        }
        Err(soonest.map_or(Nobody::Left, |(pause, place)| Nobody::Awake { place, pause }))
    }
}
