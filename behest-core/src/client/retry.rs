//! Whether a failed call is tried again, and after how long.
//!
//! Nothing asks once a streamed answer has begun: a retry would say its beginning twice.

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;

/// The longest wait that is still a wait. When the gateway asks for more, the caller gets the error at once.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The longest first wait when the gateway does not say; each further one may be twice as long.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest wait when the gateway does not say.
const LONGEST_BACKOFF: Duration = Duration::from_secs(8);

/// What came of one try that gave no answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The status, or `None` when the connection failed.
    pub status: Option<u16>,
    /// `Retry-After`, when it came.
    pub retry_after: Option<Duration>,
    /// `x-should-retry`, when it came: `true` forces a retry, `false` forbids it.
    pub should_retry: Option<bool>,
}

impl Outcome {
    /// Of an answer with this status and these headers.
    pub(crate) fn refused(status: u16, headers: &HeaderMap) -> Self {
        Self {
            status: Some(status),
            retry_after: retry_after(headers).map(Duration::from_secs),
            should_retry: match headers.get("x-should-retry").map(http::HeaderValue::as_bytes) {
                Some(b"true") => Some(true),
                Some(b"false") => Some(false),
                _ => None,
            },
        }
    }
}

/// How long to wait before the next try, or `None` to give up. Pure: no clock, no randomness, no I/O.
///
/// `retries` counts the ones already made, `jitter` is a random number in 0..1.
#[must_use]
pub fn next_try(retries: u32, max_retries: u32, outcome: &Outcome, jitter: f64) -> Option<Duration> {
    // A 409 is a conflict that a retry would meet again, unless the gateway says that it passes.
    let worth_it = match outcome.status {
        None => true,
        Some(status) => matches!(status, 408 | 429 | 500..=599),
    };
    if retries >= max_retries || !outcome.should_retry.unwrap_or(worth_it) {
        return None;
    }
    let wait = outcome.retry_after.unwrap_or_else(|| backoff(retries, jitter));
    (wait <= LONGEST_WAIT).then_some(wait)
}

/// Grows from 0.5 s to 8 s. The upper half of each wait is random, so that callers who failed together do not come
/// back together.
fn backoff(retries: u32, jitter: f64) -> Duration {
    let doubled = 1_u32.checked_shl(retries).unwrap_or(u32::MAX);
    let longest = FIRST_BACKOFF.saturating_mul(doubled).min(LONGEST_BACKOFF);
    longest.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

/// The seconds of `Retry-After`. Its other form, a date, depends on the sender's clock and is not read.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16) -> Outcome {
        Outcome { status: Some(status), ..Outcome::default() }
    }

    #[test]
    fn the_table_of_what_is_tried_again() {
        for code in [408, 429, 500, 502, 503, 504, 599] {
            assert!(next_try(0, 2, &status(code), 0.5).is_some(), "{code}");
        }
        assert!(next_try(0, 2, &Outcome::default(), 0.5).is_some(), "a failed connection");
        for code in [301, 400, 401, 402, 403, 404, 409, 410, 413, 422, 451] {
            assert_eq!(next_try(0, 2, &status(code), 0.5), None, "{code}");
        }
    }

    #[test]
    fn the_gateway_has_the_last_word() {
        for code in [402, 409] {
            let forced = Outcome { should_retry: Some(true), ..status(code) };
            assert!(next_try(0, 2, &forced, 0.5).is_some(), "{code}");
        }
        for code in [429, 502, 504] {
            let forbidden = Outcome { should_retry: Some(false), ..status(code) };
            assert_eq!(next_try(0, 2, &forbidden, 0.5), None, "{code}");
        }
    }

    #[test]
    fn the_number_of_retries_is_kept() {
        assert!(next_try(1, 2, &status(503), 0.5).is_some());
        assert_eq!(next_try(2, 2, &status(503), 0.5), None);
        assert_eq!(next_try(0, 0, &status(503), 0.5), None);
        let forced = Outcome { should_retry: Some(true), ..status(409) };
        assert_eq!(next_try(2, 2, &forced, 0.5), None);
    }

    #[test]
    fn waits_grow_from_half_a_second_to_eight() {
        let waits = |jitter| -> Vec<Duration> {
            (0..6).filter_map(|retries| next_try(retries, 9, &status(500), jitter)).collect()
        };
        let millis = |list: [u64; 6]| list.map(Duration::from_millis).to_vec();
        assert_eq!(waits(0.0), millis([500, 1000, 2000, 4000, 4000, 4000]));
        assert_eq!(waits(1.0), millis([1000, 2000, 4000, 8000, 8000, 8000]));
        assert_eq!(next_try(40, 99, &status(500), 1.0), Some(LONGEST_BACKOFF), "no overflow");
    }

    #[test]
    fn retry_after_is_obeyed_up_to_a_minute() {
        for (seconds, wanted) in [(0, true), (7, true), (60, true), (61, false), (u64::MAX, false)] {
            let wait = Duration::from_secs(seconds);
            let outcome = Outcome { retry_after: Some(wait), ..status(429) };
            assert_eq!(next_try(0, 2, &outcome, 0.5), wanted.then_some(wait), "{seconds}");
        }
    }

    #[test]
    fn headers_are_read_strictly() {
        let read = |name: &'static str, value: &'static str| {
            let headers = HeaderMap::from_iter([(
                http::HeaderName::from_static(name),
                http::HeaderValue::from_static(value),
            )]);
            Outcome::refused(429, &headers)
        };
        assert_eq!(read("retry-after", " 3 ").retry_after, Some(Duration::from_secs(3)));
        for bad in ["-1", "1.5", "soon", "Wed, 21 Oct 2015 07:28:00 GMT", ""] {
            assert_eq!(read("retry-after", bad).retry_after, None, "{bad}");
        }
        assert_eq!(read("x-should-retry", "true").should_retry, Some(true));
        assert_eq!(read("x-should-retry", "false").should_retry, Some(false));
        assert_eq!(read("x-should-retry", "maybe").should_retry, None);
    }
}
