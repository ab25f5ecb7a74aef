//! `behest signing-keys`: a tenant's keys for signing tokens without the gateway.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use behest_core::types::control::{CreatedSigningKey, NewSigningKey, SigningKey};
use reqwest::Method;

use crate::control::Operator;
use crate::printer::{Printer, Table};
use crate::report::{ExitStatus, Explain, Report};

/// The private key has nowhere to go.
#[derive(Debug, thiserror::Error)]
#[error("cannot create {}", path.display())]
pub struct KeyFileError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl Explain for KeyFileError {
    fn hint(&self) -> Option<String> {
        let exists = self.source.kind() == io::ErrorKind::AlreadyExists;
        exists.then(|| "an existing file is never overwritten: name another".to_owned())
    }
}

/// Creates a key and prints its private half, this once, or writes it to `out`.
///
/// # Errors
/// [`Report`]
pub async fn create(
    operator: &Operator,
    name: Option<String>,
    out: Option<&Path>,
    printer: Printer,
) -> Result<ExitStatus, Report> {
    let tenant = operator.tenant_id().await?;
    // The file comes first: a key whose private half cannot be kept is of no use to anybody.
    let file = out.map(|path| Ok::<_, KeyFileError>((path, new_private_file(path)?))).transpose()?;
    let path = ["tenants", tenant.as_str(), "signing-keys"];
    let created: Result<CreatedSigningKey, _> =
        operator.control.write(Method::POST, &path, &NewSigningKey { name }).await;
    let created = match (created, &file) {
        (Ok(created), _) => created,
        (Err(error), Some((path, _))) => {
            // Best effort: the empty file is ours, and the refusal is what matters.
            let _ = std::fs::remove_file(path);
            return Err(error.into());
        }
        (Err(error), None) => return Err(error.into()),
    };
    let kid = &created.signing_key.kid;
    match file {
        Some((path, mut file)) => {
            file.write_all(created.private_key_pem.as_bytes())
                .map_err(|source| KeyFileError { path: path.to_owned(), source })?;
            printer.answer(&created.signing_key, |key| key.kid.clone())?;
            printer.say(format_args!("wrote the private key to {}", path.display()));
        }
        None => {
            printer.answer(&created, |created| created.private_key_pem.trim_end().to_owned())?;
            printer.say(format_args!("created signing key {kid}; its private half is shown this once"));
        }
    }
    printer.say(format_args!("to use it, set BEHEST_KEY to the private key, BEHEST_KID={kid}, BEHEST_TENANT_ID={tenant} and BEHEST_PROJECT_ID"));
    Ok(ExitStatus::Success)
}

/// Lists the keys, without their private halves.
///
/// # Errors
/// [`Report`]
pub async fn list(operator: &Operator, printer: Printer) -> Result<ExitStatus, Report> {
    let tenant = operator.tenant_id().await?;
    let keys: Vec<SigningKey> = operator.control.list(&["tenants", &tenant, "signing-keys"]).await?;
    printer.answer(&keys, |keys| {
        let mut table = Table::new(["kid", "name", "created", "revoked"], "no signing keys");
        for key in keys {
            let revoked = key.revoked_at.clone().unwrap_or_default();
            table.row([key.kid.clone(), key.name.clone(), key.created_at.clone(), revoked]);
        }
        table.to_string()
    })?;
    Ok(ExitStatus::Success)
}

/// Revokes a key.
///
/// # Errors
/// [`Report`]
pub async fn revoke(operator: &Operator, kid: &str, printer: Printer) -> Result<ExitStatus, Report> {
    let tenant = operator.tenant_id().await?;
    operator.control.act(Method::DELETE, &["tenants", &tenant, "signing-keys", kid]).await?;
    printer.say(format_args!("revoked signing key {kid}"));
    Ok(ExitStatus::Success)
}

/// A new file that only its owner can read.
fn new_private_file(path: &Path) -> Result<std::fs::File, KeyFileError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path).map_err(|source| KeyFileError { path: path.to_owned(), source })
}
