//! The file form of the table: read whole and checked whole, before anything of it holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::ModelEntry;
use crate::gateway::clock;
use crate::gateway::ledger::money::PicoUsdPerToken;
use crate::gateway::ledger::prices::{Price, PriceTier, Rates};
use crate::types::catalogue::{CatalogueModel, CataloguePrice, CatalogueRates, CatalogueTier};

/// The longest text of a catalogue, in bytes.
const BYTES: usize = 8 << 20;
const MODELS: usize = 20_000;
const PRICES: usize = 100;
const TIERS: usize = 16;
const NAME: usize = 200;
/// A dollar for one token. More is a slip of the unit.
const DEAREST: u64 = 1_000_000_000_000;

/// Why a catalogue is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelFileError {
    /// Too long to be one.
    #[error("a catalogue of {bytes} bytes is too long: {BYTES} are the most")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// Not JSON, or not of this form.
    #[error("it is not a catalogue of models: {0}")]
    Form(#[source] serde_json::Error),
    /// Something is wrong with the whole of it.
    #[error("`{field}` {problem}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What it should be.
        problem: String,
    },
    /// Something is wrong with one model.
    #[error("the model `{model}`: {problem}")]
    Model {
        /// Which model, cut short.
        model: String,
        /// Which field, and what it should be.
        problem: String,
    },
}

/// A catalogue that was read and checked.
#[derive(Debug)]
pub(super) struct Update {
    pub version: String,
    /// By provider and name; `None` removes.
    pub models: Vec<((String, String), Option<ModelEntry>)>,
}

/// [`Catalogue`] with its models unread, so that an error can name the model that it is in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `version` and `models`")]
struct Envelope<'e> {
    version: String,
    #[serde(default, rename = "source")]
    _source: BTreeMap<String, String>,
    #[serde(default)]
    effective_from: Option<String>,
    #[serde(borrow)]
    models: BTreeMap<String, &'e RawValue>,
}

/// Reads a catalogue.
pub(super) fn parse(text: &str) -> Result<Update, ModelFileError> {
    if text.len() > BYTES {
        return Err(ModelFileError::TooLong { bytes: text.len() });
    }
    let file: Envelope<'_> = serde_json::from_str(text).map_err(ModelFileError::Form)?;
    let field = |field, problem| Err(ModelFileError::Field { field, problem });
    if !is_name(&file.version) {
        return field("version", format!("has 1 to {NAME} characters and no control characters"));
    }
    if file.models.len() > MODELS {
        return field("models", format!("has {} models, and may have at most {MODELS}", file.models.len()));
    }
    let from = match file.effective_from.as_deref().map(day) {
        None => i64::MIN,
        Some(Ok(from)) => from,
        Some(Err(problem)) => return field("effective_from", problem),
    };
    let defaults = Defaults { version: Arc::from(file.version.as_str()), from };
    let mut models = Vec::with_capacity(file.models.len());
    for (key, value) in file.models {
        let wrong = |problem| ModelFileError::Model { model: key.chars().take(NAME).collect(), problem };
        let Some((provider, name)) =
            key.split_once('/').filter(|(provider, name)| is_name(provider) && is_name(name))
        else {
            return Err(wrong(format!("is not `provider/model`, of at most {NAME} characters each")));
        };
        let model: Option<CatalogueModel> =
            serde_json::from_str(value.get()).map_err(|_| wrong(place_of_mistake(value.get())))?;
        let entry = model.map(|model| defaults.entry(provider, name, model)).transpose().map_err(wrong)?;
        models.push(((provider.to_owned(), name.to_owned()), entry));
    }
    Ok(Update { version: file.version, models })
}

/// What holds for every price that does not say otherwise.
struct Defaults {
    version: Arc<str>,
    from: i64,
}

impl Defaults {
    fn entry(&self, provider: &str, name: &str, model: CatalogueModel) -> Result<ModelEntry, String> {
        for (field, number) in
            [("context", model.context), ("max_output", model.max_output), ("dimensions", model.dimensions)]
        {
            if number.is_some_and(|number| !(1..=1_000_000_000).contains(&number)) {
                return Err(format!("`{field}` is {}, and must be 1 to 1,000,000,000", number.unwrap_or(0)));
            }
        }
        if model.prices.len() > PRICES {
            return Err(format!("`prices` has {} prices, and may have at most {PRICES}", model.prices.len()));
        }
        let mut prices: Vec<(i64, Arc<Price>)> = Vec::with_capacity(model.prices.len());
        for (place, price) in model.prices.into_iter().enumerate() {
            let (from, price) =
                self.price(price).map_err(|problem| format!("`prices[{place}]`: {problem}"))?;
            if prices.last().is_some_and(|(last, _)| *last >= from) {
                return Err(format!("`prices[{place}]` holds from no later day than the one before it"));
            }
            prices.push((from, Arc::new(price)));
        }
        Ok(ModelEntry {
            provider: provider.to_owned(),
            name: name.to_owned(),
            mode: model.mode,
            context: model.context,
            max_output: model.max_output,
            dimensions: model.dimensions,
            capabilities: model.capabilities.into_iter().collect(),
            prices,
        })
    }

    fn price(&self, price: CataloguePrice) -> Result<(i64, Price), String> {
        let from = match &price.effective_from {
            Some(text) => day(text).map_err(|problem| format!("`effective_from` {problem}"))?,
            None => self.from,
        };
        let version = match price.version {
            Some(version) if is_name(&version) => Arc::from(version),
            Some(_) => return Err(format!("`version` has 1 to {NAME} characters and no control characters")),
            None => Arc::clone(&self.version),
        };
        let plain = checked(CatalogueRates {
            input: Some(price.input),
            output: Some(price.output),
            cache_read: price.cache_read,
            cache_write: price.cache_write,
            cache_write_1h: price.cache_write_1h,
        })?;
        let price = Price {
            input: PicoUsdPerToken(price.input),
            output: PicoUsdPerToken(price.output),
            cache_read: plain.cache_read,
            cache_write: plain.cache_write,
            cache_write_1h: plain.cache_write_1h,
            batch: price.batch.map(batch).transpose()?,
            tiers: tiers(price.tiers)?,
            version,
        };
        Ok((from, price))
    }
}

fn tiers(tiers: Vec<CatalogueTier>) -> Result<Vec<PriceTier>, String> {
    if tiers.len() > TIERS {
        return Err(format!("`tiers` has {} tiers, and may have at most {TIERS}", tiers.len()));
    }
    let mut read: Vec<PriceTier> = Vec::with_capacity(tiers.len());
    for (place, tier) in tiers.into_iter().enumerate() {
        let above_input_tokens = tier.above_input_tokens;
        if let Some(last) = read.last().filter(|last| last.above_input_tokens >= above_input_tokens) {
            let last = last.above_input_tokens;
            return Err(format!(
                "`tiers[{place}]` is above {above_input_tokens} tokens, and must be above {last}"
            ));
        }
        let at = |problem| format!("`tiers[{place}]`: {problem}");
        let rates = checked(CatalogueRates {
            input: tier.input,
            output: tier.output,
            cache_read: tier.cache_read,
            cache_write: tier.cache_write,
            cache_write_1h: tier.cache_write_1h,
        });
        let batch = tier.batch.map(batch).transpose().map_err(at)?;
        read.push(PriceTier { above_input_tokens, rates: rates.map_err(at)?, batch });
    }
    Ok(read)
}

fn batch(rates: CatalogueRates) -> Result<Rates, String> {
    checked(rates).map_err(|problem| format!("`batch`: {problem}"))
}

fn checked(rates: CatalogueRates) -> Result<Rates, String> {
    let rate = |field: &str, rate: Option<u64>| match rate {
        Some(rate) if rate > DEAREST => Err(format!(
            "`{field}` is {rate}, and may be at most {DEAREST}: prices are in 1e-12 USD per token, so that 2500000 is 2.50 USD for a million tokens"
        )),
        rate => Ok(rate.map(PicoUsdPerToken)),
    };
    Ok(Rates {
        input: rate("input", rates.input)?,
        output: rate("output", rates.output)?,
        cache_read: rate("cache_read", rates.cache_read)?,
        cache_write: rate("cache_write", rates.cache_write)?,
        cache_write_1h: rate("cache_write_1h", rates.cache_write_1h)?,
    })
}

/// The first instant of a day.
fn day(text: &str) -> Result<i64, String> {
    clock::parse(text)
        .filter(|_| text.len() == 10)
        .ok_or_else(|| "must be a day such as 2026-01-31; it holds from 00:00 UTC on".to_owned())
}

fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= NAME && !text.chars().any(char::is_control)
}

/// Reads a model's text once more to tell which field is wrong. Lines and columns would count from the model's own
/// beginning and mislead.
fn place_of_mistake(text: &str) -> String {
    let mut reader = serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize::<_, Option<CatalogueModel>>(&mut reader) {
        Ok(_) => "has something after its end".to_owned(),
        Err(error) => {
            let told = error.inner().to_string();
            let words = told.rsplit_once(" at line ").map_or(told.as_str(), |(words, _)| words);
            match error.path().to_string().as_str() {
                "." => words.to_owned(),
                path => format!("`{path}`: {words}"),
            }
        }
    }
}
