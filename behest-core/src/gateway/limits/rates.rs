//! How near a caller is to its limits, for the headers of its answer.

use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::counters::Standing;
use super::layers::{Layer, LayerName};
use super::meter::Measure;

/// The layers that are nearest their limits, of requests and of tokens.
#[derive(Debug, Default)]
pub struct Rates(Mutex<Nearest>);

#[derive(Debug, Default, Clone, Copy)]
struct Nearest {
    requests: Option<Rate>,
    tokens: Option<Rate>,
}

#[derive(Debug, Clone, Copy)]
struct Rate {
    name: LayerName,
    limit: u64,
    remaining: u64,
    resets_at: Option<i64>,
}

impl Rate {
    /// Whether a smaller share of it is left than of `other`.
    fn is_nearer_than(&self, other: &Self) -> bool {
        let product = |remaining: u64, limit: u64| u128::from(remaining) * u128::from(limit);
        product(self.remaining, other.limit) < product(other.remaining, self.limit)
    }
}

impl Rates {
    /// Takes note of how a layer stands. The numbers of a layer that is wider than its caller are for those alone who
    /// may see them.
    pub fn note(&self, layer: &Layer, standing: &Standing, sees_wide: bool) {
        if !layer.name.is_wide() || sees_wide {
            self.note_named(layer.name, layer.meter.measure, layer.limit, standing);
        }
    }

    /// The same for a layer that is no project's.
    pub fn note_named(&self, name: LayerName, measure: Measure, limit: u64, standing: &Standing) {
        let rate = Rate { name, limit, remaining: standing.remaining(limit), resets_at: standing.resets_at };
        let mut nearest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = match measure {
            Measure::Requests => &mut nearest.requests,
            Measure::Tokens => &mut nearest.tokens,
            // Neither has a header of its own.
            Measure::Concurrency | Measure::Money => return,
        };
        if place.as_ref().is_none_or(|other| rate.is_nearer_than(other)) {
            *place = Some(rate);
        }
    }

    /// Writes the headers, with the seconds until each window ends, counted from `now`.
    pub fn write(&self, headers: &mut HeaderMap, now: i64) {
        let nearest = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let names = [(nearest.requests, REQUESTS), (nearest.tokens, TOKENS)];
        for (rate, [limit, remaining, reset]) in names {
            let Some(rate) = rate else { continue };
            headers.insert(limit, HeaderValue::from(rate.limit));
            headers.insert(remaining, HeaderValue::from(rate.remaining));
            if let Some(resets_at) = rate.resets_at {
                headers.insert(reset, HeaderValue::from(seconds_until(resets_at, now)));
            }
        }
        let scope = match (nearest.requests, nearest.tokens) {
            (Some(requests), Some(tokens)) if tokens.is_nearer_than(&requests) => Some(tokens),
            (requests, tokens) => requests.or(tokens),
        };
        if let Some(rate) = scope {
            headers.insert(SCOPE, HeaderValue::from_static(rate.name.as_str()));
        }
    }
}

/// Whole seconds, rounded up: to come earlier would be too early.
#[must_use]
pub fn seconds_until(instant: i64, now: i64) -> u64 {
    u64::try_from(instant.saturating_sub(now)).unwrap_or(0).div_ceil(1_000)
}

const SCOPE: HeaderName = HeaderName::from_static("x-ratelimit-scope");
const REQUESTS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
const TOKENS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layer_with_the_smallest_share_left_is_named() {
        let rates = Rates::default();
        let standing = |used| Standing { used, reserved: 0, resets_at: Some(61_500) };
        rates.note_named(LayerName::Project, Measure::Requests, 100, &standing(50));
        rates.note_named(LayerName::User, Measure::Requests, 10, &standing(6));
        rates.note_named(LayerName::UserRequestsDay, Measure::Requests, 1_000, &standing(6));
        rates.note_named(LayerName::UserTokensDay, Measure::Tokens, 1_000, &standing(100));
        let mut headers = HeaderMap::new();
        rates.write(&mut headers, 1_000);
        let get = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        assert_eq!(get("x-ratelimit-limit-requests"), Some("10"));
        assert_eq!(get("x-ratelimit-remaining-requests"), Some("4"));
        assert_eq!(get("x-ratelimit-reset-requests"), Some("61"));
        assert_eq!(get("x-ratelimit-remaining-tokens"), Some("900"));
        assert_eq!(get("x-ratelimit-scope"), Some("user"));
    }
}
