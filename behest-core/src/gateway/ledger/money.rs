//! Money as integers: nano-US-dollars, always rounded up, never a float on the way.

use serde::{Deserialize, Serialize};

/// 10⁻⁹ US dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NanoUsd(pub i64);

impl NanoUsd {
    /// As dollars, for people and for JSON: exact to 15 digits, which is more than a bill has.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a report above 9 million dollars may lose a nano-dollar")]
    pub fn as_usd(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// As decimal dollars with all nine places and no trailing zeros, such as `0.00000075`.
    #[must_use]
    pub fn to_decimal(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nano = self.0.unsigned_abs();
        let text = format!("{sign}{}.{:09}", nano / 1_000_000_000, nano % 1_000_000_000);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// 10⁻¹² US dollars for one token: price lists have prices below a nano-dollar a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PicoUsdPerToken(pub u64);

/// Adds `tokens` at their prices and rounds the sum up to whole nano-dollars, once.
#[must_use]
pub fn cost(items: &[(u64, PicoUsdPerToken)]) -> NanoUsd {
    let pico: u128 = items.iter().map(|(tokens, price)| u128::from(*tokens) * u128::from(price.0)).sum();
    NanoUsd(i64::try_from(pico.div_ceil(1_000)).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dollars_are_written_without_a_float() {
        assert_eq!(NanoUsd(750).to_decimal(), "0.00000075");
        assert_eq!(NanoUsd(0).to_decimal(), "0");
        assert_eq!(NanoUsd(-1_500_000_000).to_decimal(), "-1.5");
        assert_eq!(NanoUsd(12_000_000_001).to_decimal(), "12.000000001");
    }

    #[test]
    fn the_sum_is_rounded_up_once() {
        assert_eq!(cost(&[(1, PicoUsdPerToken(1))]), NanoUsd(1));
        assert_eq!(cost(&[(1, PicoUsdPerToken(400)), (1, PicoUsdPerToken(600))]), NanoUsd(1));
        assert_eq!(cost(&[(0, PicoUsdPerToken(400))]), NanoUsd(0));
        assert_eq!(cost(&[(u64::MAX, PicoUsdPerToken(u64::MAX))]), NanoUsd(i64::MAX));
    }

    proptest! {
        #[test]
        fn a_bill_is_never_below_the_true_sum_and_less_than_a_nano_dollar_above(
            items in prop::collection::vec((0_u64..10_000_000, 0_u64..100_000_000), 0..6)
        ) {
            let priced: Vec<_> = items.iter().map(|(tokens, price)| (*tokens, PicoUsdPerToken(*price))).collect();
            let exact: u128 = items.iter().map(|(tokens, price)| u128::from(*tokens) * u128::from(*price)).sum();
            let billed = cost(&priced).0 as u128 * 1_000;
            prop_assert!(billed >= exact && billed < exact + 1_000);
        }
    }
}
