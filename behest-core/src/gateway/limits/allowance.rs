//! What a streamed answer may use while it comes: more is set aside when it outgrows its share, and where nothing is left
//! it ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::admission::Admission;
use super::reservation::Reservation;
use crate::gateway::ledger::attempt::Attempt;

/// How often the leases of a long answer are put off.
const RENEW_EVERY: Duration = Duration::from_secs(60);

/// The share of a streamed answer.
pub struct Allowance {
    // In this order: a counter that is opened between the two asks the ledger about a call that is settled.
    admission: Arc<Admission>,
    reservation: Arc<Reservation>,
    is_limited: bool,
    renew_at: Instant,
}

impl Allowance {
    /// Of an answer that begins now.
    #[must_use]
    pub fn new(reservation: Arc<Reservation>, admission: Arc<Admission>) -> Self {
        let is_limited = reservation.is_limited();
        Self { reservation, admission, is_limited, renew_at: Instant::now() + RENEW_EVERY }
    }

    /// Whether the answer has used up all there is. One that has reached its share is counted more closely, and gets
    /// more where there is more, before that is said.
    pub async fn is_over(&mut self, attempt: &mut Attempt) -> bool {
        let now = Instant::now();
        if now >= self.renew_at {
            self.renew_at = now + RENEW_EVERY;
            self.reservation.renew();
            self.admission.renew(self.reservation.lease_end());
        }
        if attempt.has_finished() {
            return false;
        }
        loop {
            let units = self.reservation.units();
            if !attempt.has_reached(units) {
                return false;
            }
            // One that its provider ends there by itself shall end in order, with its usage told: it is beyond its share
            // only where the least of counts says so.
            if self.reservation.ends_by_itself() && !(self.is_limited && attempt.has_surely_passed(units)) {
                return false;
            }
            // Also where nothing is limited: what is set aside is what a crash leaves in the ledger.
            match self.reservation.extend().await {
                Ok(()) => attempt.extended(),
                // The rough count may be above the truth: the closer one is made only before something ends.
                Err(denied) => {
                    let is_over = self.is_limited && attempt.has_truly_reached(units);
                    if is_over {
                        self.reservation.tell_cut(denied);
                    }
                    return is_over;
                }
            }
        }
    }

    /// The provider is done: the caller's place goes to its next call.
    pub fn end(&self) {
        self.admission.release();
    }
}
