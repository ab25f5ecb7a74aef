//! Which API keys have been verified in this process: Argon2id runs once for each.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::{hmac, rand};
use tokio::sync::Semaphore;

use super::api_keys;
use crate::gateway::store::StoreError;
use crate::gateway::store::rows::ApiKeyRow;
use crate::secret::Secret;

/// How many hashes may run at once: each takes a core for tens of milliseconds and 19 MiB.
const CONCURRENT_HASHES: usize = 2;
/// How many keys are remembered; above it the memory starts anew.
const CAPACITY: usize = 10_000;

/// Remembers verified keys under an HMAC of the whole key, keyed anew in each process: neither the key nor anything
/// that could be searched for it stays in memory.
pub struct KeyCache {
    secret: hmac::Key,
    verified: RwLock<HashSet<[u8; 32]>>,
    hashing: Arc<Semaphore>,
}

impl KeyCache {
    /// An empty memory under a fresh secret.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn new() -> Result<Self, StoreError> {
        let secret = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new())
            .map_err(|_| StoreError::Unavailable("the system gives no randomness".to_owned()))?;
        Ok(Self {
            secret,
            verified: RwLock::new(HashSet::new()),
            hashing: Arc::new(Semaphore::new(CONCURRENT_HASHES)),
        })
    }

    /// Whether `key` is the one of `row`. Only asked for keys whose SHA-256 was found, so a flood of unknown keys
    /// costs no Argon2id at all.
    ///
    /// # Errors
    /// When the blocking pool is gone.
    pub async fn verify(&self, key: &Secret, row: &ApiKeyRow) -> Result<bool, StoreError> {
        let mac = self.mac(key);
        if self.verified.read().unwrap_or_else(PoisonError::into_inner).contains(&mac) {
            return Ok(true);
        }
        let gone = || StoreError::Unavailable("the gateway is shutting down".to_owned());
        let seat = Arc::clone(&self.hashing).acquire_owned().await.map_err(|_| gone())?;
        // Another call with the same key may have finished while this one waited for its seat.
        if self.verified.read().unwrap_or_else(PoisonError::into_inner).contains(&mac) {
            return Ok(true);
        }
        let (key, hash) = (key.clone(), row.hash.clone());
        let good = tokio::task::spawn_blocking(move || {
            let good = api_keys::verify(&key, &hash);
            drop(seat);
            good
        });
        let good = good.await.map_err(|_| gone())?;
        if good {
            let mut verified = self.verified.write().unwrap_or_else(PoisonError::into_inner);
            if verified.len() >= CAPACITY {
                verified.clear();
            }
            verified.insert(mac);
        }
        Ok(good)
    }

    fn mac(&self, key: &Secret) -> [u8; 32] {
        let mut mac = [0; 32];
        mac.copy_from_slice(hmac::sign(&self.secret, key.expose().as_bytes()).as_ref());
        mac
    }
}
