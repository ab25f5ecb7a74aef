//! The keys of tenants' and projects' providers, sealed for whom they belong to; and which of them cannot be read.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::seal::{self, Resealed, SealError, Sealer};
use crate::gateway::store::rows::ProviderRow;
use crate::gateway::store::{Store, StoreError};
use crate::secret::Secret;

/// Seals `key` into its row.
///
/// # Errors
/// When the system gives no randomness.
pub fn seal(row: &mut ProviderRow, sealer: &Sealer, key: &Secret) -> Result<(), SealError> {
    row.sealed_key = Some(sealer.seal(&parts(&sealed_for(row)), key)?);
    row.master_key_id = Some(sealer.id().to_owned());
    Ok(())
}

/// Opens the key of a row; `None` when it has none.
#[must_use]
pub fn open(row: &ProviderRow, sealer: &Sealer) -> Option<Result<Secret, SealError>> {
    let (sealed, sealed_by) = (row.sealed_key.as_ref()?, row.master_key_id.as_ref()?);
    Some(sealer.open(&parts(&sealed_for(row)), sealed, sealed_by))
}

/// Seals the key of a row anew.
///
/// # Errors
/// When neither master key opens it.
pub fn reseal(
    row: &ProviderRow,
    old: &Sealer,
    new: &Sealer,
    sealed: &str,
    sealed_by: &str,
) -> Result<Resealed, SealError> {
    seal::reseal(old, new, &parts(&sealed_for(row)), sealed, sealed_by)
}

/// Whether the key of a row, if it has one, can be read.
#[must_use]
pub fn is_readable(row: &ProviderRow, sealer: &Sealer) -> bool {
    open(row, sealer).is_none_or(|opened| opened.is_ok())
}

/// Whose key it is, for people: never the key.
#[must_use]
pub fn described(row: &ProviderRow) -> String {
    let project = row.owner.project().map(|project| format!(", project {project}")).unwrap_or_default();
    format!("the key of provider `{}` of tenant {}{project}", row.name, row.owner.tenant())
}

/// A tenant's key is bound to tenant and provider; a project's to the project and the key's own id, too. A key that is
/// moved to another row does not open there.
fn sealed_for(row: &ProviderRow) -> Vec<String> {
    let mut parts = vec![row.owner.tenant().to_string(), row.name.clone()];
    if let Some(project) = row.owner.project() {
        parts.extend([project.to_string(), row.id.to_string()]);
    }
    parts
}

fn parts(owned: &[String]) -> Vec<&str> {
    owned.iter().map(String::as_str).collect()
}

/// How many stored keys this gateway cannot read.
#[derive(Debug, Default)]
pub struct Audit {
    unreadable: AtomicUsize,
}

impl Audit {
    /// Tries every key, and names in the log those that cannot be read.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn of(store: &dyn Store, sealer: &Sealer) -> Result<Self, StoreError> {
        let mut unreadable = 0;
        for row in store.all_providers().await? {
            if let Some(Err(reason)) = open(&row, sealer) {
                unreadable += 1;
                tracing::warn!(
                    tenant = %row.owner.tenant(),
                    project = row.owner.project().map(tracing::field::display),
                    provider = row.name,
                    sealed_by = row.master_key_id,
                    master_key = sealer.id(),
                    %reason,
                    "a provider's key cannot be read: its calls are refused until it is added again"
                );
            }
        }
        Ok(Self { unreadable: AtomicUsize::new(unreadable) })
    }

    /// Counts again after a provider was replaced or removed. New keys are readable, so nothing is read while all are.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn recount(&self, store: &dyn Store, sealer: &Sealer) -> Result<(), StoreError> {
        if self.unreadable() > 0 {
            let rows = store.all_providers().await?;
            let unreadable = rows.iter().filter(|row| !is_readable(row, sealer)).count();
            self.unreadable.store(unreadable, Ordering::Relaxed);
        }
        Ok(())
    }

    /// How many.
    #[must_use]
    pub fn unreadable(&self) -> usize {
        self.unreadable.load(Ordering::Relaxed)
    }
}
