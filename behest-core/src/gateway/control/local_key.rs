//! The API key of the program that holds the gateway inside itself.

use super::access::Admin;
use super::projects::find;
use super::{ControlError, keys};
use crate::gateway::auth::api_keys;
use crate::gateway::refusal::Refusal;
use crate::gateway::{Gateway, data_dir};
use crate::secret::Secret;
use crate::types::control::NewApiKey;

/// Keeps the key between starts, inside the data directory and as private as the rest of it.
const FILE: &str = "local-key";
const NAME: &str = "local";

/// An active API key of `project`: the one that an earlier start left, else the one of the first start, else a new one.
///
/// # Errors
/// When the store cannot answer, or the file cannot be read or written.
pub async fn local_key(gateway: &Gateway, project: &str) -> Result<Secret, Refusal> {
    let unusable = |_| ControlError::Ours("the file `local-key` of the data directory cannot be used");
    let id = find(gateway, Admin::Operator, project).await?.row.id;
    if let Some(key) = data_dir::read_secret(gateway.data_dir(), FILE).map_err(unusable)? {
        let lookup = api_keys::lookup(key.expose());
        let active = gateway.store().api_keys(id).await?;
        if active.iter().any(|row| row.lookup == lookup && row.revoked_at.is_none()) {
            return Ok(key);
        }
    }
    let key = match gateway.first_start() {
        Some(first) => first.api_key.clone(),
        None => {
            let new = NewApiKey { name: Some(NAME.to_owned()), ..NewApiKey::default() };
            Secret::new(keys::create(gateway, Admin::Operator, project, new).await?.key)
        }
    };
    data_dir::write_secret(gateway.data_dir(), FILE, &key).map_err(unusable)?;
    Ok(key)
}
