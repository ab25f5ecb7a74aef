//! The price table: public list prices at a pinned version, looked up by provider and model.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use serde::Deserialize;

use super::money::{NanoUsd, PicoUsdPerToken, cost};
use super::record::Tokens;

static TABLE: LazyLock<PriceTable> = LazyLock::new(|| {
    // The file is committed with the program and read by a test.
    serde_json::from_str(include_str!("prices.json")).unwrap_or_default()
});

/// Prices of one model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Price {
    /// Plain input.
    pub input: PicoUsdPerToken,
    /// Output, reasoning included.
    pub output: PicoUsdPerToken,
    /// Input from the provider's cache; the plain price where the list has none, so that no token is free.
    #[serde(default)]
    pub cache_read: Option<PicoUsdPerToken>,
    /// Input into the provider's cache; the plain price where the list has none.
    #[serde(default)]
    pub cache_write: Option<PicoUsdPerToken>,
    /// The same for an hour; the other price where the list has none.
    #[serde(default)]
    pub cache_write_1h: Option<PicoUsdPerToken>,
    /// How many tokens fit.
    #[serde(default)]
    pub context: Option<u64>,
    /// How many tokens an answer may have, when known.
    #[serde(default)]
    pub max_output: Option<u64>,
    /// Other prices for the whole request above a size of its input.
    #[serde(default)]
    pub tiers: Vec<PriceTier>,
    /// Which list said so.
    #[serde(skip)]
    pub version: Arc<str>,
}

/// Prices that hold for the whole request when its input is long.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PriceTier {
    /// Above this many input tokens.
    pub above_input_tokens: u64,
    /// Plain input.
    #[serde(default)]
    pub input: Option<PicoUsdPerToken>,
    /// Output.
    #[serde(default)]
    pub output: Option<PicoUsdPerToken>,
    /// From the cache.
    #[serde(default)]
    pub cache_read: Option<PicoUsdPerToken>,
    /// Into the cache.
    #[serde(default)]
    pub cache_write: Option<PicoUsdPerToken>,
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
            context: None,
            max_output: None,
            tiers: Vec::new(),
            version: Arc::from("built-in"),
        }
    }

    /// What `tokens` cost, rounded up once.
    #[must_use]
    pub fn of(&self, tokens: &Tokens) -> NanoUsd {
        let input = tokens.total_input();
        let tier = self.tiers.iter().rev().find(|tier| input > tier.above_input_tokens);
        let pick = |special: Option<PicoUsdPerToken>, plain| special.unwrap_or(plain);
        let plain = pick(tier.and_then(|tier| tier.input), self.input);
        let output = pick(tier.and_then(|tier| tier.output), self.output);
        let cache_read = tier.and_then(|tier| tier.cache_read).or(self.cache_read);
        let cache_write = tier.and_then(|tier| tier.cache_write).or(self.cache_write);
        cost(&[
            (tokens.input.unwrap_or(0), plain),
            (tokens.cache_read.unwrap_or(0), pick(cache_read, plain)),
            (tokens.cache_write.unwrap_or(0), pick(cache_write, plain)),
            (tokens.cache_write_1h.unwrap_or(0), pick(self.cache_write_1h.or(cache_write), plain)),
            (tokens.output.unwrap_or(0), output),
            (tokens.reasoning.unwrap_or(0), output),
        ])
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(from = "PriceFile")]
/// All prices, by `provider/model`.
pub struct PriceTable {
    models: HashMap<String, Arc<Price>>,
    ceiling: Option<Arc<Price>>,
}

#[derive(Deserialize)]
struct PriceFile {
    source: Source,
    models: HashMap<String, Price>,
}

#[derive(Deserialize)]
struct Source {
    package: String,
    version: String,
}

impl From<PriceFile> for PriceTable {
    fn from(file: PriceFile) -> Self {
        let version: Arc<str> = Arc::from(format!("{}-{}", file.source.package, file.source.version));
        let models: HashMap<_, _> = file
            .models
            .into_iter()
            .map(|(name, mut price)| {
                price.version = Arc::clone(&version);
                price.tiers.sort_by_key(|tier| tier.above_input_tokens);
                let name =
                    name.strip_prefix("vertex_ai/").map_or(name.clone(), |model| format!("vertex/{model}"));
                (name, Arc::new(price))
            })
            .collect();
        let dearest = |pick: fn(&Price) -> u64| models.values().map(|price| pick(price)).max();
        let ceiling =
            dearest(|price| price.input.0).zip(dearest(|price| price.output.0)).map(|(input, output)| {
                Arc::new(Price {
                    input: PicoUsdPerToken(input),
                    output: PicoUsdPerToken(output),
                    version: Arc::from(format!("ceiling of {version}")),
                    ..Price::free()
                })
            });
        Self { models, ceiling }
    }
}

impl PriceTable {
    /// The table that comes with the program.
    #[must_use]
    pub fn embedded() -> &'static Self {
        &TABLE
    }

    /// The price of a provider's model, if the list has it.
    #[must_use]
    pub fn find(&self, provider: &str, model: &str) -> Option<&Arc<Price>> {
        let of = |provider: &str| self.models.get(&format!("{provider}/{model}"));
        // Google lists the same prices for Gemini's models at both of its services.
        of(provider).or_else(|| if provider == "vertex" { of("gemini") } else { None })
    }

    /// The dearest input and the dearest output of the list together: what an unknown model is charged at most.
    #[must_use]
    pub fn ceiling(&self) -> Option<&Arc<Price>> {
        self.ceiling.as_ref()
    }

    /// Every `provider/model` of the list, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.models.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_table_is_read_and_knows_the_common_models() {
        let table = PriceTable::embedded();
        assert!(table.names().count() > 50);
        let price = table.find("openai", "gpt-4o-mini").expect("listed");
        assert_eq!((price.input, price.output), (PicoUsdPerToken(150_000), PicoUsdPerToken(600_000)));
        assert!(price.context.is_some());
        let ceiling = table.ceiling().expect("a dearest price");
        assert!(ceiling.input >= price.input && ceiling.output >= price.output);
        assert!(table.find("openai", "no-such-model").is_none());
    }

    #[test]
    fn cached_and_reasoning_tokens_have_their_own_prices_and_no_token_is_free() {
        let price = Price {
            input: PicoUsdPerToken(1_000_000),
            output: PicoUsdPerToken(2_000_000),
            cache_read: Some(PicoUsdPerToken(100_000)),
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
    fn a_long_prompt_reprices_the_whole_request() {
        let price = Price {
            input: PicoUsdPerToken(1_000),
            output: PicoUsdPerToken(1_000),
            tiers: vec![PriceTier {
                above_input_tokens: 100,
                input: Some(PicoUsdPerToken(2_000)),
                output: None,
                cache_read: None,
                cache_write: None,
            }],
            ..Price::free()
        };
        let tokens = |input| Tokens { input: Some(input), output: Some(10), ..Tokens::default() };
        assert_eq!(price.of(&tokens(100)), NanoUsd(110));
        assert_eq!(price.of(&tokens(101)), NanoUsd(212));
    }
}
