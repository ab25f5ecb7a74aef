//! Tokens and cost, as a person reads them.

use std::fmt;

use behest_core::types::chat::Usage;

/// What some answers used. What nobody said is unknown, which is not zero.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    answers: u64,
    input: u64,
    output: u64,
    uncounted: u64,
    cost_usd: f64,
    unpriced: u64,
}

impl Tally {
    /// What one answer used.
    #[must_use]
    pub fn of(usage: Option<&Usage>, cost_usd: Option<f64>) -> Self {
        Self {
            answers: 1,
            input: usage.map_or(0, |usage| usage.prompt_tokens),
            output: usage.map_or(0, |usage| usage.completion_tokens),
            uncounted: u64::from(usage.is_none()),
            cost_usd: cost_usd.unwrap_or_default(),
            unpriced: u64::from(cost_usd.is_none()),
        }
    }

    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        self.answers += other.answers;
        self.input += other.input;
        self.output += other.output;
        self.uncounted += other.uncounted;
        self.cost_usd += other.cost_usd;
        self.unpriced += other.unpriced;
    }

    /// How many answers these are.
    #[must_use]
    pub const fn answers(&self) -> u64 {
        self.answers
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.uncounted {
            all if all == self.answers => formatter.write_str("tokens unknown")?,
            0 => write!(formatter, "{} tokens in, {} out", self.input, self.output)?,
            some => write!(formatter, "{} tokens in, {} out, {some} unknown", self.input, self.output)?,
        }
        match self.unpriced {
            all if all == self.answers => formatter.write_str(", cost unknown"),
            0 => write!(formatter, ", {}", dollars(self.cost_usd)),
            some => write!(formatter, ", {} and {some} of unknown cost", dollars(self.cost_usd)),
        }
    }
}

/// US dollars, small amounts with the digits that matter.
#[must_use]
pub fn dollars(amount: f64) -> String {
    let digits = match amount.abs() {
        amount if amount == 0.0 || amount >= 1.0 => 2,
        amount if amount >= 0.01 => 4,
        _ => 9,
    };
    let sign = if amount < 0.0 { "-" } else { "" };
    let text = format!("{:.digits$}", amount.abs());
    let trimmed = text.trim_end_matches('0');
    // Two digits always, as money is written.
    let cents = text.len() - digits + 2;
    format!("{sign}${}", &text[..trimmed.len().max(cents)])
}

#[cfg(test)]
mod tests {
    use super::{Tally, dollars};
    use behest_core::types::chat::Usage;

    #[test]
    fn unknown_is_never_zero() {
        let usage = Usage { prompt_tokens: 12, completion_tokens: 8, ..Usage::default() };
        let known = Tally::of(Some(&usage), Some(0.00021));
        assert_eq!(known.to_string(), "12 tokens in, 8 out, $0.00021");
        let unknown = Tally::of(None, None);
        assert_eq!(unknown.to_string(), "tokens unknown, cost unknown");
        let mut both = known;
        both.add(&unknown);
        assert_eq!(both.to_string(), "12 tokens in, 8 out, 1 unknown, $0.00021 and 1 of unknown cost");
    }

    #[test]
    fn small_amounts_keep_their_digits() {
        assert_eq!(dollars(0.0), "$0.00");
        assert_eq!(dollars(0.000_000_12), "$0.00000012");
        assert_eq!(dollars(0.0125), "$0.0125");
        assert_eq!(dollars(0.5), "$0.50");
        assert_eq!(dollars(-1.25), "-$1.25");
        assert_eq!(dollars(12.5), "$12.50");
    }
}
