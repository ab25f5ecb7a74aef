//! The table of models: who makes each, what fits, what it can do, and what it costs since when.

pub mod current;
mod file;
pub mod names;
mod written;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use crate::gateway::ledger::money::PicoUsdPerToken;
use crate::gateway::ledger::prices::{Price, Rates};
use crate::types::model::Capabilities;

pub use crate::types::catalogue::Mode;
pub use file::ModelFileError;
pub use written::written;

/// Read when a gateway first starts, not when the program does.
static EMBEDDED: LazyLock<Arc<ModelTable>> = LazyLock::new(|| {
    // The file is committed with the program and read by a test.
    Arc::new(ModelTable::default().with(include_str!("models.json")).unwrap_or_default())
});

/// All models at one moment, which never change: an update makes a new table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelTable {
    /// Which list was laid on it last.
    version: String,
    /// By provider, then by name.
    providers: BTreeMap<String, BTreeMap<String, Arc<ModelEntry>>>,
    ceiling: Option<Arc<Price>>,
}

/// One model of one provider.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelEntry {
    /// Who serves it.
    pub provider: String,
    /// The provider's name for it.
    pub name: String,
    /// What it is for.
    pub mode: Mode,
    /// How many tokens fit, when known.
    pub context: Option<u64>,
    /// How many tokens an answer may have, when known.
    pub max_output: Option<u64>,
    /// How long its vectors are, when known.
    pub dimensions: Option<u64>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Each with the first instant at which it holds, in their order.
    prices: Vec<(i64, Arc<Price>)>,
}

impl ModelEntry {
    /// The price at an instant: the newest that held by then. `None` where nobody knows it, or before the first one.
    #[must_use]
    pub fn price_at(&self, now_ms: i64) -> Option<Arc<Price>> {
        let after = self.prices.partition_point(|(from, _)| *from <= now_ms);
        let (_, price) = self.prices.get(after.checked_sub(1)?)?;
        Some(Arc::clone(price))
    }

    /// The price of `model`, which may be a snapshot of this one that the list does not have. Then its version says so.
    #[must_use]
    pub fn price_of(&self, model: &str, now_ms: i64) -> Option<Arc<Price>> {
        let price = self.price_at(now_ms)?;
        if model == self.name {
            return Some(price);
        }
        let version = Arc::from(format!("{} as {}", price.version, self.name));
        Some(Arc::new(Price { version, ..Price::clone(&price) }))
    }

    /// Its prices, each with the first instant at which it holds, in their order.
    #[must_use]
    pub fn prices(&self) -> &[(i64, Arc<Price>)] {
        &self.prices
    }
}

impl ModelTable {
    /// The table that comes with the program.
    #[must_use]
    pub fn embedded() -> Arc<Self> {
        Arc::clone(&EMBEDDED)
    }

    /// This table with an update over it: models that it gives replace or add, and those it gives as `null` go.
    ///
    /// # Errors
    /// [`ModelFileError`] says which model and field is wrong; then nothing of the update holds.
    pub fn with(&self, update: &str) -> Result<Self, ModelFileError> {
        let file::Update { version, models } = file::parse(update)?;
        let mut providers = self.providers.clone();
        for ((provider, name), entry) in models {
            let models = providers.entry(provider).or_default();
            match entry {
                Some(entry) => models.insert(name, Arc::new(entry)),
                None => models.remove(&name),
            };
        }
        let ceiling = ceiling(&providers, &version);
        Ok(Self { version, providers, ceiling })
    }

    /// A provider's model, if the list has it under this very name.
    #[must_use]
    pub fn find(&self, provider: &str, model: &str) -> Option<&Arc<ModelEntry>> {
        self.providers.get(provider)?.get(model)
    }

    /// All models of a provider, by name.
    pub fn of(&self, provider: &str) -> impl Iterator<Item = &Arc<ModelEntry>> {
        self.providers.get(provider).into_iter().flat_map(BTreeMap::values)
    }

    /// All models, by provider and name.
    pub fn entries(&self) -> impl Iterator<Item = &Arc<ModelEntry>> {
        self.providers.values().flat_map(BTreeMap::values)
    }

    /// The version of the list that was laid on it last.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The dearest of each rate in the whole list, whatever its date: what an unknown model is charged at most.
    #[must_use]
    pub fn ceiling(&self) -> Option<&Arc<Price>> {
        self.ceiling.as_ref()
    }
}

fn ceiling(
    providers: &BTreeMap<String, BTreeMap<String, Arc<ModelEntry>>>,
    version: &str,
) -> Option<Arc<Price>> {
    let prices = || {
        let entries = providers.values().flat_map(BTreeMap::values);
        entries.flat_map(|entry| entry.prices.iter().map(|(_, price)| price))
    };
    let dearest = |plain: fn(&Price) -> Option<PicoUsdPerToken>,
                   long: fn(&Rates) -> Option<PicoUsdPerToken>| {
        let of_one = |price: &Arc<Price>| {
            price.tiers.iter().map(|tier| long(&tier.rates)).fold(plain(price), Option::max)
        };
        prices().filter_map(of_one).max()
    };
    let input = dearest(|price| Some(price.input), |rates| rates.input)?;
    let output = dearest(|price| Some(price.output), |rates| rates.output)?;
    // What the list has no price for costs plain input, which may be dearer than the dearest that it has one for.
    let cached = |dearest: Option<PicoUsdPerToken>| dearest.max(Some(input));
    Some(Arc::new(Price {
        input,
        output,
        cache_read: cached(dearest(|price| price.cache_read, |rates| rates.cache_read)),
        cache_write: cached(dearest(|price| price.cache_write, |rates| rates.cache_write)),
        cache_write_1h: cached(dearest(|price| price.cache_write_1h, |rates| rates.cache_write_1h)),
        version: Arc::from(format!("ceiling of {version}")),
        ..Price::free()
    }))
}

#[cfg(test)]
mod tests;
