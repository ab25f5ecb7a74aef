//! The profile that makes `behest chat` work next to `behest serve` with no set-up.

use std::path::{Path, PathBuf};

use behest_core::client::config::normal_base_url;
use behest_core::client::credentials;
use behest_core::gateway::serve::Ready;

use crate::identity::{self, IdentityError};
use crate::report::Report;

/// Keeps the gateway's key and addresses, and makes it the current gateway. A later start knows no key: then the one
/// that is kept stays.
///
/// # Errors
/// [`Report`] when the file cannot be written.
pub fn keep(ready: &Ready, admin_secret_file: Option<&Path>) -> Result<PathBuf, Report> {
    let base_url = normal_base_url(&ready.base_url)?;
    let folder = identity::folder()?;
    let change = |credentials: &mut credentials::Credentials| {
        let entry = credentials.entries.entry(base_url.clone()).or_default();
        if let Some(key) = &ready.api_key {
            entry.key = Some(key.clone());
        }
        entry.project_id = Some(ready.project_id.clone());
        entry.tenant_id = Some(ready.tenant_id.clone());
        entry.slug_url = Some(ready.slug_url.clone());
        entry.admin_secret_file = admin_secret_file.map(Path::to_owned);
        credentials.current = Some(base_url);
    };
    credentials::update(&folder, change).map_err(IdentityError::from)?;
    Ok(credentials::file(&folder))
}
