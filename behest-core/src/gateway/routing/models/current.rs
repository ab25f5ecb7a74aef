//! The table in force: the one that comes with the program, the operator's file over it, the last update over both.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, MutexGuard};

use super::{ModelEntry, ModelTable};
use crate::gateway::config::ConfigError;
use crate::gateway::store::{Store, StoreError};
use crate::types::catalogue::CatalogueChange;

/// The name under which the store keeps the last update, as it was sent.
pub const STORED_AS: &str = "catalogue";

/// The table in force, and what an update of it starts from.
#[derive(Debug)]
pub struct CurrentModels {
    /// Without any update.
    base: ModelTable,
    current: ArcSwap<ModelTable>,
    /// Held by an update, so that what is stored last is also what holds.
    turn: Mutex<()>,
}

impl CurrentModels {
    /// Lays the operator's file over the table of the program.
    ///
    /// # Errors
    /// [`ConfigError`] names the file, and what in it is wrong.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let embedded = ModelTable::embedded();
        let base = match file {
            None => ModelTable::clone(&embedded),
            Some(path) => {
                let refused = |problem| ConfigError::Value { key: "catalogue_file".to_owned(), problem };
                let text = std::fs::read_to_string(path).map_err(|error| {
                    refused(format!("names {}, which cannot be read: {error}", path.display()))
                })?;
                embedded.with(&text).map_err(|error| refused(format!("names {}: {error}", path.display())))?
            }
        };
        let current = ArcSwap::from_pointee(base.clone());
        Ok(Self { base, current, turn: Mutex::new(()) })
    }

    /// Lays the last update over it, if there was one.
    ///
    /// # Errors
    /// When the store cannot answer. An update that a newer program wrote and this one cannot read is left aside, and the
    /// log says so: without a running gateway nobody could send a better one.
    pub async fn resume(&self, store: &dyn Store) -> Result<(), StoreError> {
        if let Some(text) = store.value(STORED_AS).await? {
            match self.base.with(&text) {
                Ok(table) => self.current.store(Arc::new(table)),
                Err(error) => {
                    tracing::error!(%error, "the last update of the catalogue cannot be read and does not hold; send it again");
                }
            }
        }
        Ok(())
    }

    /// The table as it is now. Whoever holds it is not touched by updates.
    #[must_use]
    pub fn get(&self) -> Arc<ModelTable> {
        self.current.load_full()
    }

    /// The table without any update.
    #[must_use]
    pub fn base(&self) -> &ModelTable {
        &self.base
    }

    /// Waits until no other update is under way.
    pub async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Puts another table in force, and tells what that changes.
    pub fn replace(&self, next: ModelTable) -> CatalogueChange {
        let before = self.get();
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let known = |table: &ModelTable, provider: &str, name: &str| table.find(provider, name).is_some();
        let added = next.entries().filter(|entry| !known(&before, &entry.provider, &entry.name)).count();
        let removed = before.entries().filter(|entry| !known(&next, &entry.provider, &entry.name)).count();
        let is_other = |entry: &&Arc<ModelEntry>| {
            before.find(&entry.provider, &entry.name).is_some_and(|old| old != *entry)
        };
        let changed = next.entries().filter(is_other).count();
        let change = CatalogueChange {
            version: next.version().to_owned(),
            added: count(added),
            changed: count(changed),
            removed: count(removed),
            models: count(next.entries().count()),
        };
        self.current.store(Arc::new(next));
        change
    }
}
