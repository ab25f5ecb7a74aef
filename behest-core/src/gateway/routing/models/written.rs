//! The table in its file form again.

use std::collections::BTreeMap;

use super::ModelTable;
use crate::gateway::clock;
use crate::gateway::ledger::prices::{Price, PriceTier, Rates};
use crate::types::catalogue::{
    Capability, Catalogue, CatalogueModel, CataloguePrice, CatalogueRates, CatalogueTier,
};

/// The table in the form of a file, each price with its day and its version.
#[must_use]
pub fn written(table: &ModelTable) -> Catalogue {
    let models = table.entries().map(|entry| {
        let model = CatalogueModel {
            mode: entry.mode,
            context: entry.context,
            max_output: entry.max_output,
            dimensions: entry.dimensions,
            capabilities: Capability::ALL.into_iter().filter(|one| entry.capabilities.has(*one)).collect(),
            prices: entry.prices().iter().map(|(from, price)| written_price(*from, price)).collect(),
        };
        (format!("{}/{}", entry.provider, entry.name), Some(model))
    });
    Catalogue {
        version: table.version().to_owned(),
        source: BTreeMap::new(),
        effective_from: None,
        models: models.collect(),
    }
}

fn written_price(from: i64, price: &Price) -> CataloguePrice {
    let tier = |tier: &PriceTier| {
        let rates = written_rates(&tier.rates);
        CatalogueTier {
            above_input_tokens: tier.above_input_tokens,
            input: rates.input,
            output: rates.output,
            cache_read: rates.cache_read,
            cache_write: rates.cache_write,
            cache_write_1h: rates.cache_write_1h,
            batch: tier.batch.as_ref().map(written_rates),
        }
    };
    CataloguePrice {
        effective_from: (from != i64::MIN).then(|| clock::rfc3339(from).chars().take(10).collect()),
        version: Some(price.version.to_string()),
        input: price.input.0,
        output: price.output.0,
        cache_read: price.cache_read.map(|rate| rate.0),
        cache_write: price.cache_write.map(|rate| rate.0),
        cache_write_1h: price.cache_write_1h.map(|rate| rate.0),
        batch: price.batch.as_ref().map(written_rates),
        tiers: price.tiers.iter().map(tier).collect(),
    }
}

fn written_rates(rates: &Rates) -> CatalogueRates {
    CatalogueRates {
        input: rates.input.map(|rate| rate.0),
        output: rates.output.map(|rate| rate.0),
        cache_read: rates.cache_read.map(|rate| rate.0),
        cache_write: rates.cache_write.map(|rate| rate.0),
        cache_write_1h: rates.cache_write_1h.map(|rate| rate.0),
    }
}
