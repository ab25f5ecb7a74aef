//! The profile that makes `behest chat` work next to `behest serve` with no set-up.

use std::path::{Path, PathBuf};

use behest_core::client::config::normal_base_url;
use behest_core::client::credentials;
use behest_core::gateway::serve::Ready;

use crate::identity::{self, IdentityError};
use crate::report::Report;

/// Keeps the gateway's key and addresses, and makes it the current gateway. A later start knows no key: then the one
/// that is kept stays, or comes along from the address where the same gateway was before.
///
/// # Errors
/// [`Report`] when the file cannot be written.
pub fn keep(ready: &Ready, admin_secret_file: Option<&Path>) -> Result<PathBuf, Report> {
    let base_url = normal_base_url(&ready.base_url)?;
    let folder = identity::folder()?;
    let change = |credentials: &mut credentials::Credentials| {
        let is_ours = |entry: &&credentials::Entry| {
            entry.project_id.as_ref() == Some(&ready.project_id)
                && entry.admin_secret_file.as_deref() == admin_secret_file
        };
        let before = credentials.entries.values().filter(is_ours).find_map(|entry| entry.key.clone());
        let entry = credentials.entries.entry(base_url.clone()).or_default();
        // Another gateway may have had this address, and its key is none of ours.
        if entry.project_id.as_ref().is_some_and(|project| *project != ready.project_id) {
            entry.key = None;
        }
        entry.key = ready.api_key.clone().or(entry.key.take()).or(before);
        entry.project_id = Some(ready.project_id.clone());
        entry.tenant_id = Some(ready.tenant_id.clone());
        entry.slug_url = Some(ready.slug_url.clone());
        entry.admin_secret_file = admin_secret_file.map(Path::to_owned);
        credentials.current = Some(base_url);
    };
    credentials::update(&folder, change).map_err(IdentityError::from)?;
    Ok(credentials::file(&folder))
}
