//! What may help after a failure, and when. The one owner of repeated calls: providers' own clients do not repeat, and
//! our answers tell our callers not to.

use std::time::Duration;

use crate::gateway::providers::ProviderError;

/// How often providers are asked for one call before only others than those already asked are.
pub const MAX_ATTEMPTS: u32 = 3;
/// Nobody is waited for longer than this.
pub const LONGEST_WAIT: Duration = Duration::from_secs(5);

const FIRST_BACKOFF: Duration = Duration::from_millis(250);

/// What may help after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing: the request itself is at fault.
    Nothing,
    /// Another provider or model. The same one would fail again, or be paid again.
    Other,
    /// Another, or the same one after a pause.
    Again,
}

/// What may help after `error`.
#[must_use]
pub const fn remedy(error: &ProviderError) -> Remedy {
    match error {
        // A model that is gone, or a request that is too long, may fit elsewhere.
        ProviderError::Rejected { status: 404 | 413, .. } => Remedy::Other,
        ProviderError::Rejected { .. } => Remedy::Nothing,
        ProviderError::Failed { status: 408 | 429 | 500 | 502 | 503 | 504 | 529, .. }
        | ProviderError::Unreachable(_)
        | ProviderError::NoAnswer => Remedy::Again,
        // It may have answered, and be paid, for what did not arrive.
        ProviderError::Failed { .. }
        | ProviderError::Misconfigured
        | ProviderError::BrokeOff
        | ProviderError::Garbage(_)
        | ProviderError::TooLarge { .. }
        | ProviderError::TimedOut { .. }
        | ProviderError::InStream { .. } => Remedy::Other,
    }
}

/// The pause before one that was asked `asked` times is asked again: a random part of a bound that doubles, so that
/// callers who failed together do not come back together. `chance` is from 0 to 1. (The "full jitter" of Marc Brooker's
/// "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.)
#[must_use]
pub fn pause(asked: u32, chance: f64) -> Duration {
    let bound = FIRST_BACKOFF * 2_u32.saturating_pow(asked.saturating_sub(1).min(8));
    bound.min(LONGEST_WAIT).mul_f64(chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::providers::Phase;

    #[test]
    fn each_failure_has_its_remedy() {
        let failed = |status| ProviderError::Failed { status, message: String::new(), retry_after: None };
        let rejected = |status| ProviderError::Rejected { status, message: String::new(), param: None };
        for (error, wanted) in [
            (rejected(400), Remedy::Nothing),
            (rejected(422), Remedy::Nothing),
            (rejected(404), Remedy::Other),
            (failed(401), Remedy::Other),
            (failed(429), Remedy::Again),
            (failed(503), Remedy::Again),
            (failed(529), Remedy::Again),
            (failed(501), Remedy::Other),
            (ProviderError::Unreachable(String::new()), Remedy::Again),
            (ProviderError::NoAnswer, Remedy::Again),
            (ProviderError::BrokeOff, Remedy::Other),
            (ProviderError::TimedOut { phase: Phase::FirstByte, seconds: 1 }, Remedy::Other),
        ] {
            assert_eq!(remedy(&error), wanted, "{error}");
        }
    }

    #[test]
    fn the_bound_of_a_pause_doubles_and_ends() {
        let milliseconds = |asked| pause(asked, 1.0).as_millis();
        assert_eq!([1, 2, 3, 40].map(milliseconds), [250, 500, 1_000, 5_000]);
        assert_eq!(pause(3, 0.0), Duration::ZERO);
        assert_eq!(pause(1, 0.5).as_millis(), 125);
    }
}
