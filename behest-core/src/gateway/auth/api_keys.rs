//! API keys: made once, shown once, kept only as SHA-256 (to find) and Argon2id (to believe).

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::digest;

use crate::secret::Secret;
use crate::token::key::API_KEY_PREFIX;

/// Makes a new key: the prefix and 128 random bits.
#[must_use]
pub fn generate() -> Secret {
    Secret::new(format!("{API_KEY_PREFIX}{}", uuid::Uuid::new_v4().simple()))
}

/// The SHA-256 under which a key is found. Safe unsalted, since a key has 122 random bits.
#[must_use]
pub fn lookup(key: &str) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, key.as_bytes());
    let mut lookup = [0; 32];
    lookup.copy_from_slice(digest.as_ref());
    lookup
}

/// The last four characters, for people to tell keys apart.
#[must_use]
pub fn last_four(key: &str) -> String {
    let start = key.char_indices().rev().nth(3).map_or(0, |(index, _)| index);
    key[start..].to_owned()
}

/// Argon2id with the parameters that OWASP's password storage page recommends: 19 MiB, two passes, one lane.
fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

/// Hashes a key as a PHC string. Takes tens of milliseconds: call it on the blocking pool.
///
/// # Errors
/// When the system gives no randomness for the salt.
pub fn hash(key: &Secret) -> Result<String, argon2::password_hash::Error> {
    Ok(argon2().hash_password(key.expose().as_bytes())?.to_string())
}

/// Whether `key` is the one that `hash` was made of. As slow as [`hash`].
#[must_use]
pub fn verify(key: &Secret, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| argon2().verify_password(key.expose().as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::key::is_api_key;

    #[test]
    fn a_key_is_believed_by_its_hash_alone() {
        let key = generate();
        assert!(is_api_key(key.expose()));
        let phc = hash(&key).expect("a hash");
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(verify(&key, &phc));
        assert!(!verify(&generate(), &phc));
        assert!(!verify(&key, "not a hash"));
        assert_eq!(last_four("behest_sk_live_abcd"), "abcd");
        assert_eq!(last_four("ab"), "ab");
    }
}
