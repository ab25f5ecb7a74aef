//! Tokens: the gateway's own signing key, and which tokens have been verified.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest;
use quick_cache::sync::Cache;
use uuid::Uuid;

use super::directory::Directory;
use super::seal::{SealError, Sealer, to_hex};
use crate::gateway::context::Principal;
use crate::gateway::store::{Store, StoreError};
use crate::secret::Secret;
use crate::token::verify::{Unverified, check_times};
use crate::token::{Claims, Rules, SigningKey, TokenError, Verified, VerifyingKey};

/// How many verified tokens are remembered.
const REMEMBERED_TOKENS: usize = 10_000;
/// The value in the store that holds the gateway's signing key, sealed: the master key's id, a space, the seal.
pub(in crate::gateway) const STORED_AS: &str = "gateway_signing_key";

/// Who signed a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// This gateway.
    Gateway,
    /// The tenant with this key.
    Tenant {
        /// The key's name.
        kid: String,
        /// The key's owner.
        tenant: Uuid,
    },
}

/// A token that was verified.
#[derive(Debug)]
pub struct Verdict {
    /// What it says.
    pub verified: Verified,
    /// Who signed it.
    pub signer: Signer,
    /// Whom it names, once somebody has read that.
    pub principal: OnceLock<Principal>,
}

/// Why a token is not believed.
#[derive(Debug, thiserror::Error)]
pub enum NotBelieved {
    /// It is proven bad.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// We could not tell.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Signs and verifies tokens. Verdicts are remembered under the SHA-256 of the whole token, valid tokens only; the
/// key and the time are looked at again on every use, so a revoked key is out at once.
pub struct Tokens {
    own: SigningKey,
    own_public: VerifyingKey,
    rules: Rules,
    issuer: String,
    verdicts: Cache<[u8; 32], Arc<Verdict>>,
}

/// Opens the stored signing key.
///
/// # Errors
/// When it was sealed under another master key, or is damaged.
pub(in crate::gateway) fn open(stored: &str, sealer: &Sealer) -> Result<Secret, SealError> {
    let (sealed_by, sealed) = stored.split_once(' ').ok_or(SealError::Broken)?;
    sealer.open(&[STORED_AS], sealed, sealed_by)
}

impl Tokens {
    /// Loads the gateway's key from the store, sealed, or makes it at the first start.
    ///
    /// # Errors
    /// When the store cannot answer, or the key was sealed under another master key.
    pub async fn load(
        store: &dyn Store,
        sealer: &Sealer,
        rules: Rules,
        issuer: String,
    ) -> Result<Self, StoreError> {
        let broken = |reason: String| StoreError::Unavailable(format!("the gateway's signing key: {reason}"));
        let stored = match store.value(STORED_AS).await? {
            Some(stored) => stored,
            None => {
                let (_, pem) = tokio::task::spawn_blocking(|| SigningKey::generate(""))
                    .await
                    .map_err(|error| broken(error.to_string()))?
                    .map_err(|error| broken(error.to_string()))?;
                let sealed = sealer.seal(&[STORED_AS], &pem).map_err(|error| broken(error.to_string()))?;
                store.value_or_insert(STORED_AS, format!("{} {sealed}", sealer.id())).await?
            }
        };
        let pem = open(&stored, sealer).map_err(|error| broken(error.to_string()))?;
        let own = SigningKey::from_pem(pem.expose()).map_err(|error| broken(error.to_string()))?;
        // The name is made of the key, so a tenant's `sk_` key can never take it.
        let thumbprint = digest::digest(&digest::SHA256, own.public().n.as_bytes());
        let own = own.with_kid(&format!("gw_{}", to_hex(&thumbprint.as_ref()[..16])));
        let own_public = VerifyingKey::from_jwk(own.public()).map_err(|error| broken(error.to_string()))?;
        Ok(Self { own, own_public, rules, issuer, verdicts: Cache::new(REMEMBERED_TOKENS) })
    }

    /// The gateway's own key.
    #[must_use]
    pub fn own(&self) -> &SigningKey {
        &self.own
    }

    /// What the gateway writes into `iss`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What the gateway writes into `aud`.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.rules.audience
    }

    /// Signs claims under the gateway's key. Takes about a millisecond of a core.
    ///
    /// # Errors
    /// When the key fails to sign.
    pub fn sign(&self, claims: &Claims) -> Result<Secret, StoreError> {
        self.own.sign(claims).map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    /// Verifies a token at `now` (Unix seconds).
    ///
    /// # Errors
    /// [`NotBelieved`]: the token is bad, or the store could not say whose its key is.
    pub async fn verify(
        &self,
        directory: &Directory,
        token: &str,
        now: i64,
    ) -> Result<Arc<Verdict>, NotBelieved> {
        if token.len() > crate::token::verify::MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong(token.len()).into());
        }
        let digest = super::api_keys::lookup(token);
        if let Some(verdict) = self.verdicts.get(&digest) {
            return match self.recheck(directory, &verdict, now).await {
                Ok(()) => Ok(verdict),
                Err(error) => {
                    self.verdicts.remove(&digest);
                    Err(error)
                }
            };
        }
        let unverified = Unverified::read(token)?;
        let (verified, signer) = if unverified.kid == self.own.kid() {
            (unverified.verify(&self.own_public, &self.rules, now)?, Signer::Gateway)
        } else {
            let key = directory.signing_key(&unverified.kid).await?.ok_or(TokenError::UnknownKey)?;
            if key.row.revoked_at.is_some() {
                return Err(TokenError::UnknownKey.into());
            }
            let signer = Signer::Tenant { kid: key.row.kid.clone(), tenant: key.row.tenant_id };
            (unverified.verify(&key.verifying, &self.rules, now)?, signer)
        };
        let verdict = Arc::new(Verdict { verified, signer, principal: OnceLock::new() });
        self.verdicts.insert(digest, Arc::clone(&verdict));
        Ok(verdict)
    }

    /// A remembered verdict stands while its key is active and its time has not passed.
    async fn recheck(&self, directory: &Directory, verdict: &Verdict, now: i64) -> Result<(), NotBelieved> {
        check_times(verdict.verified.claims(), self.rules.leeway, now)?;
        if let Signer::Tenant { kid, .. } = &verdict.signer {
            let key = directory.signing_key(kid).await?.ok_or(TokenError::UnknownKey)?;
            if key.row.revoked_at.is_some() {
                return Err(TokenError::UnknownKey.into());
            }
        }
        Ok(())
    }
}
