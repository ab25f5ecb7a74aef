//! `behest models`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use behest_core::client::CallOptions;
use behest_core::types::catalogue::{
    Capability, Catalogue, CatalogueChange, CatalogueModel, CataloguePrice, CatalogueRates,
};
use reqwest::Method;

use super::input;
use crate::control::Operator;
use crate::identity;
use crate::printer::{Printer, Table};
use crate::report::{ExitStatus, Explain, Report};
use crate::settings::Connection;

/// A model or a catalogue that is none.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// The catalogue does not list it.
    #[error("the catalogue has no model `{0}`")]
    NoSuchModel(String),
    /// The file cannot be read.
    #[error("cannot read the catalogue in {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Nothing was piped in.
    #[error("`-` is standard input, and nothing is piped in")]
    NoInput,
    /// It is not JSON.
    #[error("the catalogue in {} is not JSON", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
}

impl Explain for ModelsError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoSuchModel(_) => Some("see those that can be called with `behest models`".to_owned()),
            Self::NoInput => {
                Some("name a file, or pipe one in: `behest models update - < models.json`".to_owned())
            }
            Self::File { .. } | Self::Json { .. } => None,
        }
    }
}

/// Lists the models that the project may call.
///
/// # Errors
/// [`Report`]
pub async fn list(connection: &Connection, printer: Printer) -> Result<ExitStatus, Report> {
    let identity = identity::identify(connection, None).await?;
    let models = identity.client.models().list(&CallOptions::default()).await?;
    printer.answer(&models.data, |models| {
        let mut table = Table::new(["model", "provider", "context"], "no models");
        for model in models {
            table.row([model.id.clone(), model.owned_by.clone(), number(model.context_length)]);
        }
        table.to_string()
    })?;
    Ok(ExitStatus::Success)
}

/// Shows what the catalogue says of a model, at every provider that has it.
///
/// # Errors
/// [`Report`]
pub async fn show(operator: &Operator, name: &str, printer: Printer) -> Result<ExitStatus, Report> {
    let catalogue: Catalogue = operator.control.get(&["catalogue"]).await?;
    let is_meant = |key: &str| key == name || key.split_once('/').is_some_and(|(_, model)| model == name);
    let found: BTreeMap<String, CatalogueModel> = catalogue
        .models
        .into_iter()
        .filter_map(|(key, model)| Some((key, model?)))
        .filter(|(key, _)| is_meant(key))
        .collect();
    if found.is_empty() {
        return Err(ModelsError::NoSuchModel(name.to_owned()).into());
    }
    printer.answer(&found, |found| {
        let shown: Vec<String> = found.iter().map(|(key, model)| described(key, model)).collect();
        shown.join("\n\n")
    })?;
    Ok(ExitStatus::Success)
}

/// Sends a catalogue to lay over the gateway's own, and says what it changed.
///
/// # Errors
/// [`Report`]
pub async fn update(operator: &Operator, file: &Path, printer: Printer) -> Result<ExitStatus, Report> {
    let text = if file.as_os_str() == "-" {
        input::piped()?.filter(|text| !text.trim().is_empty()).ok_or(ModelsError::NoInput)?
    } else {
        fs::read_to_string(file).map_err(|source| ModelsError::File { path: file.to_owned(), source })?
    };
    // As it stands: the gateway knows better what is right, and says where it is not.
    let body: Box<serde_json::value::RawValue> =
        serde_json::from_str(&text).map_err(|source| ModelsError::Json { path: file.to_owned(), source })?;
    let change: CatalogueChange = operator.control.write(Method::PUT, &["catalogue"], &body).await?;
    printer.answer(&change, |change| {
        let CatalogueChange { version, added, changed, removed, models } = change;
        format!("{version}: {added} added, {changed} changed, {removed} removed; {models} models")
    })?;
    Ok(ExitStatus::Success)
}

fn described(key: &str, model: &CatalogueModel) -> String {
    let capabilities: Vec<&str> = model.capabilities.iter().copied().map(Capability::as_str).collect();
    let lines = [
        ("for", model.mode.as_str().to_owned()),
        ("context", number(model.context)),
        ("max output", number(model.max_output)),
        ("dimensions", number(model.dimensions)),
        ("can", capabilities.join(", ")),
    ];
    let known = lines.into_iter().filter(|(_, value)| !value.is_empty());
    let mut text = key.to_owned();
    for (name, value) in known {
        text.push_str(&format!("\n  {name:<12}{value}"));
    }
    format!("{text}\n\n{}", prices(&model.prices))
}

fn prices(prices: &[CataloguePrice]) -> String {
    let headings =
        ["from", "when", "input", "output", "cache read", "cache write", "write for 1 h", "version"];
    let mut table = Table::new(headings, "no price is known");
    for price in prices {
        let from = price.effective_from.clone().unwrap_or_else(|| "ever".to_owned());
        let version = price.version.clone().unwrap_or_default();
        let mut row = |when: String, rates: CatalogueRates| {
            table.row([
                from.clone(),
                when,
                dollars(rates.input),
                dollars(rates.output),
                dollars(rates.cache_read),
                dollars(rates.cache_write),
                dollars(rates.cache_write_1h),
                version.clone(),
            ]);
        };
        let plain = CatalogueRates {
            input: Some(price.input),
            output: Some(price.output),
            cache_read: price.cache_read,
            cache_write: price.cache_write,
            cache_write_1h: price.cache_write_1h,
        };
        row("always".to_owned(), plain);
        if let Some(batch) = price.batch {
            row("in batches".to_owned(), batch);
        }
        for tier in &price.tiers {
            let when = format!("above {} tokens", tier.above_input_tokens);
            let rates = CatalogueRates {
                input: tier.input,
                output: tier.output,
                cache_read: tier.cache_read,
                cache_write: tier.cache_write,
                cache_write_1h: tier.cache_write_1h,
            };
            row(when.clone(), rates);
            if let Some(batch) = tier.batch {
                row(format!("{when}, in batches"), batch);
            }
        }
    }
    if prices.is_empty() { table.to_string() } else { format!("{table}\nUS dollars for a million tokens") }
}

/// A price of the catalogue, which is in millionths of this.
fn dollars(rate: Option<u64>) -> String {
    rate.map(|rate| {
        let text = format!("{}.{:06}", rate / 1_000_000, rate % 1_000_000);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    })
    .unwrap_or_default()
}

fn number(number: Option<u64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}
