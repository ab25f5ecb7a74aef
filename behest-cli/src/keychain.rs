//! The system's keychain, where there is one.

use std::time::Duration;

use behest_core::Secret;
use keyring::Entry;

use crate::report::Explain;

/// The name that the keychain lists our entries under; the account is the gateway's base URL.
const SERVICE: &str = "behest";
/// A keychain that has not answered by then waits for somebody who is not there.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Why the keychain is of no use.
#[derive(Debug, thiserror::Error)]
pub enum KeychainError {
    /// There is none, or it refuses.
    #[error("the system's keychain cannot be used")]
    Refused(#[source] keyring::Error),
    /// It does not answer.
    #[error("the system's keychain did not answer within {} s", TIMEOUT.as_secs())]
    Silent,
    /// It took the key and gives back another.
    #[error("the system's keychain does not give back what it is given")]
    Forgetful,
}

impl Explain for KeychainError {}

/// The key kept for `base_url`.
///
/// # Errors
/// [`KeychainError`] when there is no keychain that answers.
pub async fn read(base_url: &str) -> Result<Option<Secret>, KeychainError> {
    ask(base_url, |entry| match entry.get_password() {
        Ok(key) => Ok(Some(Secret::new(key))),
        Err(keyring::Error::NoEntry) => Ok(None),
        Err(error) => Err(error),
    })
    .await
}

/// Keeps the key for `base_url`, and makes sure that it can be read again.
///
/// # Errors
/// [`KeychainError`] when there is no keychain that answers.
pub async fn write(base_url: &str, key: &Secret) -> Result<(), KeychainError> {
    // A read finds out more gently than a write whether anybody is there.
    read(base_url).await?;
    let given = key.clone();
    ask(base_url, move |entry| entry.set_password(given.expose())).await?;
    match read(base_url).await? {
        Some(kept) if kept == *key => Ok(()),
        _ => Err(KeychainError::Forgetful),
    }
}

/// Forgets the key of `base_url`; says whether there was one.
///
/// # Errors
/// [`KeychainError`] when there is no keychain that answers.
pub async fn delete(base_url: &str) -> Result<bool, KeychainError> {
    ask(base_url, |entry| match entry.delete_credential() {
        Ok(()) => Ok(true),
        Err(keyring::Error::NoEntry) => Ok(false),
        Err(error) => Err(error),
    })
    .await
}

/// Calls to a keychain block, some of them for ever.
async fn ask<T: Send + 'static>(
    base_url: &str,
    question: impl FnOnce(&Entry) -> keyring::Result<T> + Send + 'static,
) -> Result<T, KeychainError> {
    let account = base_url.to_owned();
    let asked = tokio::task::spawn_blocking(move || question(&Entry::new(SERVICE, &account)?));
    match tokio::time::timeout(TIMEOUT, asked).await {
        Ok(Ok(answer)) => answer.map_err(KeychainError::Refused),
        Ok(Err(_)) | Err(_) => Err(KeychainError::Silent),
    }
}
