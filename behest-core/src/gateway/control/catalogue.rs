//! The catalogue of models: what is in force, and the operator's update of it.

use super::ControlError;
use super::access::Admin;
use crate::gateway::Gateway;
use crate::gateway::refusal::Refusal;
use crate::gateway::routing::models::current::STORED_AS;
use crate::gateway::routing::models::written;
use crate::types::catalogue::{Catalogue, CatalogueChange};

/// Shows every model in force.
pub fn show(gateway: &Gateway, admin: Admin) -> Result<Catalogue, Refusal> {
    admin.operator_only()?;
    Ok(written(&gateway.models()))
}

/// Replaces the last update, if there was one: all of the new one is read, then stored, then put in force at once.
pub async fn put(gateway: &Gateway, admin: Admin, text: String) -> Result<CatalogueChange, Refusal> {
    admin.operator_only()?;
    let models = gateway.current_models();
    let table = models.base().with(&text).map_err(ControlError::Catalogue)?;
    let _turn = models.turn().await;
    let stored = gateway.store().value(STORED_AS).await?;
    if !gateway.store().change_value(STORED_AS, stored, Some(text)).await? {
        let problem =
            "another program has changed the catalogue at the same time: look at it, and send yours again";
        return Err(ControlError::Conflict(problem.to_owned()).into());
    }
    let change = models.replace(table);
    tracing::info!(
        version = change.version,
        added = change.added,
        changed = change.changed,
        removed = change.removed,
        "the catalogue of models was updated"
    );
    Ok(change)
}
