//! The webhooks of the configuration file, in the place of those that an earlier one named.

use uuid::Uuid;

use super::secrets;
use crate::gateway::auth::seal::Sealer;
use crate::gateway::clock;
use crate::gateway::config::WebhookConfig;
use crate::gateway::store::webhooks::WebhookRow;
use crate::gateway::store::{Store, StoreError};

/// Writes the webhooks of the file. One that was there before keeps its id, and what still waits for it; one that was
/// disabled stays so while its address and secret are the same.
///
/// # Errors
/// When the store cannot answer.
pub async fn write(store: &dyn Store, sealer: &Sealer, webhooks: &[WebhookConfig]) -> Result<(), StoreError> {
    let mut before = store.webhooks().await?;
    before.retain(|row| row.from_file);
    for webhook in webhooks {
        // Without its secret, which a configuration that was checked has, there is nothing to sign with.
        let Some(secret) = &webhook.secret else { continue };
        let known =
            before.iter().position(|row| row.url == webhook.url).map(|index| before.swap_remove(index));
        // Disabled by its own answer to this very line: a restart is no reason to call it again.
        let disabled_at = known.as_ref().and_then(|row| {
            row.disabled_at.filter(|_| secrets::reveal(row, sealer).is_some_and(|before| before == *secret))
        });
        let (id, created_at) =
            known.map_or_else(|| (Uuid::now_v7(), clock::now_ms()), |row| (row.id, row.created_at));
        let sealed_secret =
            secrets::seal(id, sealer, secret).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let row = WebhookRow {
            id,
            url: webhook.url.clone(),
            local: webhook.local,
            kinds: webhook.kinds.clone(),
            tenant: None,
            project: None,
            from_file: true,
            sealed_secret,
            master_key_id: sealer.id().to_owned(),
            created_at,
            disabled_at,
        };
        store.put_webhook(row).await?;
    }
    for row in before {
        store.remove_webhook(row.id).await?;
    }
    Ok(())
}
