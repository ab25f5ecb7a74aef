//! How many calls may be repeated: a share of all, so that an outage is not multiplied by those who try again.
//!
//! A token bucket as in Finagle's retry budgets: each call pays in a part of a retry, each retry takes a whole one out.

use std::time::Duration;

/// Thousandths of a retry.
const WHOLE: u64 = 1_000;
/// What each call pays in: one retry for five calls.
const PAID_IN: u64 = 200;
/// What comes in by itself each second, up to the reserve, so that a quiet gateway may always try again.
const PER_SECOND: u64 = 1_000;
const RESERVE: u64 = 10 * WHOLE;
/// More is not saved up.
const MOST: u64 = 100 * WHOLE;

/// The budget of one provider.
#[derive(Debug, Clone)]
pub struct RetryBudget {
    balance: u64,
    at: Duration,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self { balance: RESERVE, at: Duration::ZERO }
    }
}

impl RetryBudget {
    /// A first call goes out.
    pub fn pay_in(&mut self) {
        self.balance = (self.balance + PAID_IN).min(MOST);
    }

    /// Takes a retry out, if there is one.
    pub fn take(&mut self, now: Duration) -> bool {
        self.refill(now);
        let enough = self.balance >= WHOLE;
        if enough {
            self.balance -= WHOLE;
        }
        enough
    }

    fn refill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at);
        self.at = self.at.max(now);
        if self.balance < RESERVE {
            let earned =
                u64::try_from(passed.as_millis()).unwrap_or(u64::MAX).saturating_mul(PER_SECOND) / 1_000;
            self.balance = self.balance.saturating_add(earned).min(RESERVE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_not_multiplied() {
        let mut budget = RetryBudget::default();
        let mut retries = 0;
        for _ in 0..1_000 {
            budget.pay_in();
            for _ in 0..2 {
                retries += u32::from(budget.take(Duration::ZERO));
            }
        }
        assert_eq!(retries, 210, "a fifth of the calls, and the reserve");
    }

    #[test]
    fn a_quiet_gateway_may_always_try_again() {
        let mut budget = RetryBudget::default();
        for second in 0..1_000 {
            budget.pay_in();
            assert!(budget.take(Duration::from_secs(second)));
        }
    }
}
