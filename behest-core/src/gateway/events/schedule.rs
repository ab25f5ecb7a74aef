//! When a delivery is tried again. Pure: no clock, no chance of its own.

/// Seconds after each failed try: eight tries within a day.
const WAITS: [u64; 7] = [10, 60, 300, 1_800, 7_200, 18_000, 36_000];
/// No address may ask for more patience.
const LONGEST: u64 = 86_400;

/// How many milliseconds after its `tries`th try a delivery is tried again; `None` when it is given up. `chance` is from
/// 0 to 1 and spreads what failed together over a quarter more of the time.
#[must_use]
pub fn next_try(tries: u32, retry_after: Option<u64>, chance: f64) -> Option<i64> {
    let seconds = *WAITS.get(usize::try_from(tries.checked_sub(1)?).ok()?)?;
    let seconds = seconds.max(retry_after.unwrap_or(0)).min(LONGEST);
    let milliseconds = seconds * 1_000;
    let spread = milliseconds as f64 / 4.0 * chance.clamp(0.0, 1.0);
    i64::try_from(milliseconds + spread as u64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_tries_take_at_most_a_day() {
        for chance in [0.0, 1.0] {
            let waits: Vec<i64> = (1..=9).map_while(|tries| next_try(tries, None, chance)).collect();
            assert_eq!(waits.len(), 7);
            assert!(waits.is_sorted());
            assert!(waits.iter().sum::<i64>() < 86_400_000);
        }
        assert_eq!(next_try(0, None, 0.0), None);
    }

    #[test]
    fn an_address_may_ask_for_more_patience_within_bounds() {
        assert_eq!(next_try(1, Some(5), 0.0), Some(10_000));
        assert_eq!(next_try(1, Some(120), 0.0), Some(120_000));
        assert_eq!(next_try(1, Some(u64::MAX), 0.0), Some(86_400_000));
        assert_eq!(next_try(8, Some(120), 0.0), None);
        assert_eq!(next_try(1, None, 1.0), Some(12_500));
    }
}
