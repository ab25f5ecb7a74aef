//! The secrets of webhooks, sealed at rest.

use uuid::Uuid;

use super::signature::Signer;
use crate::gateway::auth::seal::{self, Resealed, SealError, Sealer};
use crate::gateway::store::webhooks::WebhookRow;
use crate::secret::Secret;

/// Seals a webhook's secret, which then opens for no other.
///
/// # Errors
/// When the system gives no randomness.
pub fn seal(id: Uuid, sealer: &Sealer, secret: &Secret) -> Result<String, SealError> {
    sealer.seal(&["webhook", &id.to_string()], secret)
}

/// The key of a webhook's signatures; `None` when it cannot be read.
#[must_use]
pub fn open(row: &WebhookRow, sealer: &Sealer) -> Option<Signer> {
    Signer::of(&reveal(row, sealer)?)
}

/// The secret itself; `None` when it cannot be read.
pub(super) fn reveal(row: &WebhookRow, sealer: &Sealer) -> Option<Secret> {
    let owner = ["webhook", &row.id.to_string()];
    sealer.open(&owner, &row.sealed_secret, &row.master_key_id).ok()
}

/// Seals a webhook's secret anew.
///
/// # Errors
/// When neither master key opens it.
pub fn reseal(row: &WebhookRow, old: &Sealer, new: &Sealer) -> Result<Resealed, SealError> {
    seal::reseal(old, new, &["webhook", &row.id.to_string()], &row.sealed_secret, &row.master_key_id)
}
