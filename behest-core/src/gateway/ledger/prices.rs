//! What tokens of a model cost: rates by kind of token, and the conditions under which others hold.

use std::sync::Arc;

use super::money::{NanoUsd, PicoUsdPerToken, cost};
use super::record::Tokens;
use crate::gateway::limits::counters::Amount;

/// Prices of one model from one day on.
#[derive(Debug, Clone, PartialEq)]
pub struct Price {
    /// Plain input.
    pub input: PicoUsdPerToken,
    /// Output, reasoning included.
    pub output: PicoUsdPerToken,
    /// Input from the provider's cache; the plain price where the list has none, so that no token is free.
    pub cache_read: Option<PicoUsdPerToken>,
    /// Input into the provider's cache; the plain price where the list has none.
    pub cache_write: Option<PicoUsdPerToken>,
    /// The same, to be kept for an hour; the price of the other where the list has none.
    pub cache_write_1h: Option<PicoUsdPerToken>,
    /// What differs in batches.
    pub batch: Option<Rates>,
    /// Other prices for the whole request above a size of its input, in the order of their sizes.
    pub tiers: Vec<PriceTier>,
    /// Which list said so.
    pub version: Arc<str>,
}

/// Rates that stand in for others; those that are absent stay as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    /// Plain input.
    pub input: Option<PicoUsdPerToken>,
    /// Output.
    pub output: Option<PicoUsdPerToken>,
    /// From the cache.
    pub cache_read: Option<PicoUsdPerToken>,
    /// Into the cache.
    pub cache_write: Option<PicoUsdPerToken>,
    /// Into the cache, for an hour.
    pub cache_write_1h: Option<PicoUsdPerToken>,
}

impl Rates {
    /// These, and those of `below` where these say nothing.
    fn over(self, below: Self) -> Self {
        Self {
            input: self.input.or(below.input),
            output: self.output.or(below.output),
            cache_read: self.cache_read.or(below.cache_read),
            cache_write: self.cache_write.or(below.cache_write),
            cache_write_1h: self.cache_write_1h.or(below.cache_write_1h),
        }
    }
}

/// Prices that hold for the whole request when its input is long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceTier {
    /// Above this many input tokens.
    pub above_input_tokens: u64,
    /// What differs.
    pub rates: Rates,
    /// What differs from that in batches.
    pub batch: Option<Rates>,
}

impl Price {
    /// A known price of nothing: the offline model's.
    #[must_use]
    pub fn free() -> Self {
        Self {
            input: PicoUsdPerToken(0),
            output: PicoUsdPerToken(0),
            cache_read: None,
            cache_write: None,
            cache_write_1h: None,
            batch: None,
            tiers: Vec::new(),
            version: Arc::from("built-in"),
        }
    }

    /// What `tokens` cost, rounded up once.
    #[must_use]
    pub fn of(&self, tokens: &Tokens) -> NanoUsd {
        let below = self.rates();
        self.priced(tokens, self.tier(tokens).map_or(below, |tier| tier.rates.over(below)))
    }

    /// What `tokens` cost in a batch, rounded up once; a rate that the list has no lower one for stays as it is.
    #[must_use]
    pub fn of_batch(&self, tokens: &Tokens) -> NanoUsd {
        let below = self.rates();
        let rates = match self.tier(tokens) {
            Some(tier) => tier.batch.unwrap_or_default().over(tier.rates.over(below)),
            None => self.batch.unwrap_or_default().over(below),
        };
        self.priced(tokens, rates)
    }

    /// What a call of so many input tokens takes of a budget: the input at once, at the dearest rate that may hold for it,
    /// and the output token by token. A rate for the provider's cache holds only where the request may write to it.
    #[must_use]
    pub fn amount(&self, input: u64, writes_cache: bool) -> Amount {
        let tokens = Tokens { input: Some(input), ..Tokens::default() };
        let below = self.rates();
        let rates = self.tier(&tokens).map_or(below, |tier| tier.rates.over(below));
        let plain = rates.input.unwrap_or(self.input);
        let written = [rates.cache_write, rates.cache_write_1h].into_iter().flatten().max();
        let dearest = written.filter(|_| writes_cache).map_or(plain, |written| written.max(plain));
        let fixed = cost(&[(input, dearest)]);
        let output = rates.output.unwrap_or(self.output);
        // A thousandth of a nano-dollar is a pico-dollar.
        Amount { fixed: u64::try_from(fixed.0).unwrap_or(0), per_unit: output.0 }
    }

    fn rates(&self) -> Rates {
        Rates {
            input: Some(self.input),
            output: Some(self.output),
            cache_read: self.cache_read,
            cache_write: self.cache_write,
            cache_write_1h: self.cache_write_1h,
        }
    }

    fn tier(&self, tokens: &Tokens) -> Option<&PriceTier> {
        let input = tokens.total_input();
        self.tiers.iter().rev().find(|tier| input > tier.above_input_tokens)
    }

    fn priced(&self, tokens: &Tokens, rates: Rates) -> NanoUsd {
        let input = rates.input.unwrap_or(self.input);
        let output = rates.output.unwrap_or(self.output);
        let cache_write = rates.cache_write.unwrap_or(input);
        cost(&[
            (tokens.input.unwrap_or(0), input),
            (tokens.cache_read.unwrap_or(0), rates.cache_read.unwrap_or(input)),
            (tokens.cache_write.unwrap_or(0), cache_write),
            (tokens.cache_write_1h.unwrap_or(0), rates.cache_write_1h.unwrap_or(cache_write)),
            (tokens.output.unwrap_or(0), output),
            (tokens.reasoning.unwrap_or(0), output),
        ])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pico(price: u64) -> Option<PicoUsdPerToken> {
        Some(PicoUsdPerToken(price))
    }

    #[test]
    fn cached_and_reasoning_tokens_have_their_own_prices_and_no_token_is_free() {
        let price = Price {
            input: PicoUsdPerToken(1_000_000),
            output: PicoUsdPerToken(2_000_000),
            cache_read: pico(100_000),
            ..Price::free()
        };
        let tokens = Tokens {
            input: Some(10),
            cache_read: Some(10),
            cache_write: Some(10),
            cache_write_1h: None,
            output: Some(5),
            reasoning: Some(5),
        };
        assert_eq!(price.of(&tokens), NanoUsd(10_000 + 1_000 + 10_000 + 10_000 + 10_000));

        let price = Price {
            cache_write: Some(PicoUsdPerToken(1_250_000)),
            cache_write_1h: Some(PicoUsdPerToken(2_000_000)),
            ..price
        };
        let tokens = Tokens { cache_write: Some(10), cache_write_1h: Some(10), ..Tokens::default() };
        assert_eq!((price.of(&tokens), tokens.total_input()), (NanoUsd(12_500 + 20_000), 20));
    }

    #[test]
    fn a_long_prompt_reprices_the_whole_request_in_batches_too() {
        let price = Price {
            input: PicoUsdPerToken(1_000),
            output: PicoUsdPerToken(1_000),
            batch: Some(Rates { input: pico(500), ..Rates::default() }),
            tiers: vec![
                PriceTier {
                    above_input_tokens: 100,
                    rates: Rates { input: pico(2_000), ..Rates::default() },
                    batch: Some(Rates { input: pico(1_500), ..Rates::default() }),
                },
                PriceTier {
                    above_input_tokens: 200,
                    rates: Rates { input: pico(3_000), ..Rates::default() },
                    batch: None,
                },
            ],
            ..Price::free()
        };
        let tokens = |input| Tokens { input: Some(input), output: Some(10), ..Tokens::default() };
        let costs = |input| (price.of(&tokens(input)), price.of_batch(&tokens(input)));
        assert_eq!(costs(100), (NanoUsd(110), NanoUsd(60)));
        assert_eq!(costs(101), (NanoUsd(212), NanoUsd(162)));
        // Where the list has no price for long batches, they cost what other long calls do.
        assert_eq!(costs(201), (NanoUsd(613), NanoUsd(613)));
    }

    fn rates() -> impl Strategy<Value = Rates> {
        let rate = || prop::option::of((0_u64..100_000_000).prop_map(PicoUsdPerToken));
        (rate(), rate(), rate(), rate(), rate()).prop_map(
            |(input, output, cache_read, cache_write, cache_write_1h)| Rates {
                input,
                output,
                cache_read,
                cache_write,
                cache_write_1h,
            },
        )
    }

    prop_compose! {
        fn price()(
            plain in rates(),
            batch in prop::option::of(rates()),
            tiers in prop::collection::btree_map(1_u64..1_000_000, (rates(), prop::option::of(rates())), 0..4),
        ) -> Price {
            let tier = |(above_input_tokens, (rates, batch))| PriceTier { above_input_tokens, rates, batch };
            Price {
                input: plain.input.unwrap_or_default(),
                output: plain.output.unwrap_or_default(),
                cache_read: plain.cache_read,
                cache_write: plain.cache_write,
                cache_write_1h: plain.cache_write_1h,
                batch,
                tiers: tiers.into_iter().map(tier).collect(),
                ..Price::free()
            }
        }
    }

    proptest! {
        #[test]
        fn every_condition_prices_the_sum_of_its_tokens_at_one_set_of_rates(
            price in price(), input in 0_u64..2_000_000, read in 0_u64..2_000_000,
            written in 0_u64..2_000_000, hour in 0_u64..2_000_000, output in 0_u64..100_000
        ) {
            let tokens = Tokens {
                input: Some(input),
                cache_read: Some(read),
                cache_write: Some(written),
                cache_write_1h: Some(hour),
                output: Some(output),
                reasoning: None,
            };
            let long = input + read + written + hour;
            let tier = price.tiers.iter().rfind(|tier| long > tier.above_input_tokens);
            let plain = |pick: fn(&Rates) -> Option<PicoUsdPerToken>, base| {
                tier.and_then(|tier| pick(&tier.rates)).or(base)
            };
            let batched = |pick: fn(&Rates) -> Option<PicoUsdPerToken>, base| match tier {
                Some(tier) => tier.batch.as_ref().and_then(pick).or_else(|| plain(pick, base)),
                None => price.batch.as_ref().and_then(pick).or(base),
            };
            let expected = |all: [Option<PicoUsdPerToken>; 5]| {
                let [first, cached, kept, kept_long, last] = all;
                let first = first.unwrap_or_default();
                let kept = kept.unwrap_or(first);
                cost(&[
                    (input, first),
                    (read, cached.unwrap_or(first)),
                    (written, kept),
                    (hour, kept_long.unwrap_or(kept)),
                    (output, last.unwrap_or_default()),
                ])
            };
            let (base_input, base_output) = (Some(price.input), Some(price.output));
            prop_assert_eq!(price.of(&tokens), expected([
                plain(|rates| rates.input, base_input),
                plain(|rates| rates.cache_read, price.cache_read),
                plain(|rates| rates.cache_write, price.cache_write),
                plain(|rates| rates.cache_write_1h, price.cache_write_1h),
                plain(|rates| rates.output, base_output),
            ]));
            prop_assert_eq!(price.of_batch(&tokens), expected([
                batched(|rates| rates.input, base_input),
                batched(|rates| rates.cache_read, price.cache_read),
                batched(|rates| rates.cache_write, price.cache_write),
                batched(|rates| rates.cache_write_1h, price.cache_write_1h),
                batched(|rates| rates.output, base_output),
            ]));
        }
    }
}
