//! Secrets at rest: AES-256-GCM under the master key, bound to whom they belong.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::secret::Secret;

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// Why a secret cannot be sealed or opened. Says nothing about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The master key is not 32 bytes.
    #[error("the master key must be 32 bytes, as 64 hexadecimal digits or in base64")]
    MasterKey,
    /// It was sealed under another master key.
    #[error("it was sealed under the master key `{sealed_by}`, and here is `{have}`")]
    OtherKey {
        /// The key that sealed it.
        sealed_by: String,
        /// The key at hand.
        have: String,
    },
    /// It does not open: damaged, or moved from another owner.
    #[error("it cannot be decrypted: damaged, or not of this owner")]
    Broken,
    /// The system gives no randomness.
    #[error("the system gives no randomness")]
    Randomness,
}

/// The master key.
pub struct Sealer {
    key: LessSafeKey,
    id: String,
}

impl Sealer {
    /// From 32 bytes written as 64 hexadecimal digits or in base64.
    ///
    /// # Errors
    /// [`SealError::MasterKey`] when it is neither.
    pub fn from_text(text: &Secret) -> Result<Self, SealError> {
        let text = text.expose().trim();
        let bytes = from_hex(text).or_else(|| STANDARD.decode(text).ok()).ok_or(SealError::MasterKey)?;
        let bytes = Zeroizing::new(bytes);
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| SealError::MasterKey)?;
        let id = to_hex(&digest::digest(&digest::SHA256, &bytes).as_ref()[..4]);
        Ok(Self { key: LessSafeKey::new(key), id })
    }

    /// Makes a new master key, as 64 hexadecimal digits.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate() -> Result<Secret, SealError> {
        let mut bytes = Zeroizing::new([0; 32]);
        rand::fill(&mut bytes[..]).map_err(|_| SealError::Randomness)?;
        Ok(Secret::new(to_hex(&bytes[..])))
    }

    /// The beginning of the key's SHA-256: kept with each row, so that a wrong key is named and not guessed at.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Encrypts `secret` as `{iv_hex}:{ciphertext_hex}:{tag_hex}`; it opens only for the same `owner`.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn seal(&self, owner: &[&str], secret: &Secret) -> Result<String, SealError> {
        let mut nonce = [0; NONCE_BYTES];
        rand::fill(&mut nonce).map_err(|_| SealError::Randomness)?;
        let mut text = Zeroizing::new(secret.expose().as_bytes().to_vec());
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad(owner)), &mut text)
            .map_err(|_| SealError::Randomness)?;
        Ok(format!("{}:{}:{}", to_hex(&nonce), to_hex(&text), to_hex(tag.as_ref())))
    }

    /// Decrypts what [`seal`](Self::seal) made for the same `owner` under the master key named `sealed_by`.
    ///
    /// # Errors
    /// [`SealError`] when it was sealed under another key, for another owner, or is damaged.
    pub fn open(&self, owner: &[&str], sealed: &str, sealed_by: &str) -> Result<Secret, SealError> {
        if sealed_by != self.id {
            return Err(SealError::OtherKey { sealed_by: sealed_by.to_owned(), have: self.id.clone() });
        }
        let mut parts = sealed.split(':').map(from_hex);
        let (Some(Some(nonce)), Some(Some(mut text)), Some(Some(tag)), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(SealError::Broken);
        };
        if tag.len() != TAG_BYTES {
            return Err(SealError::Broken);
        }
        text.extend_from_slice(&tag);
        let mut text = Zeroizing::new(text);
        let nonce = Nonce::try_assume_unique_for_key(&nonce).map_err(|_| SealError::Broken)?;
        let plain =
            self.key.open_in_place(nonce, Aad::from(aad(owner)), &mut text).map_err(|_| SealError::Broken)?;
        std::str::from_utf8(plain).map(Secret::new).map_err(|_| SealError::Broken)
    }
}

/// What becomes of a sealed secret when the master key changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resealed {
    /// Sealed by the new key.
    Anew(String),
    /// It was sealed by the new key before.
    Already,
}

/// Seals by `new` what `old` had sealed.
///
/// # Errors
/// [`SealError`] when neither key opens it.
pub fn reseal(
    old: &Sealer,
    new: &Sealer,
    owner: &[&str],
    sealed: &str,
    sealed_by: &str,
) -> Result<Resealed, SealError> {
    if sealed_by == new.id {
        return new.open(owner, sealed, sealed_by).map(|_| Resealed::Already);
    }
    let secret = old.open(owner, sealed, sealed_by)?;
    new.seal(owner, &secret).map(Resealed::Anew)
}

/// Length-prefixed, so that ("ab", "c") and ("a", "bc") differ.
fn aad(owner: &[&str]) -> Vec<u8> {
    let mut aad = Vec::new();
    for part in owner {
        aad.extend_from_slice(&(part.len() as u64).to_le_bytes());
        aad.extend_from_slice(part.as_bytes());
    }
    aad
}

/// Lower-case hexadecimal digits.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer() -> Sealer {
        Sealer::from_text(&Sealer::generate().expect("a key")).expect("a sealer")
    }

    #[test]
    fn a_secret_opens_only_for_its_owner_and_under_its_key() {
        let (ours, other) = (sealer(), sealer());
        let sealed = ours.seal(&["tenant", "openai"], &Secret::new("sk-canary")).expect("sealed");
        assert!(!sealed.contains("canary"));
        assert_eq!(sealed.split(':').count(), 3);
        let opened = ours.open(&["tenant", "openai"], &sealed, ours.id()).expect("opened");
        assert_eq!(opened.expose(), "sk-canary");
        assert_eq!(ours.open(&["tenan", "topenai"], &sealed, ours.id()), Err(SealError::Broken));
        assert_eq!(other.open(&["tenant", "openai"], &sealed, other.id()), Err(SealError::Broken));
        assert!(matches!(
            other.open(&["tenant", "openai"], &sealed, ours.id()),
            Err(SealError::OtherKey { .. })
        ));
    }

    #[test]
    fn every_damaged_character_is_noticed() {
        let sealer = sealer();
        let sealed = sealer.seal(&["t"], &Secret::new("secret")).expect("sealed");
        for index in 0..sealed.len() {
            let mut damaged = sealed.clone().into_bytes();
            damaged[index] = if damaged[index] == b'0' { b'1' } else { b'0' };
            let damaged = String::from_utf8(damaged).expect("text");
            assert_eq!(sealer.open(&["t"], &damaged, sealer.id()), Err(SealError::Broken), "{index}");
        }
        for broken in ["", ":", "::", "a:b:c", "é:é:é", "00:00:00:00"] {
            assert_eq!(sealer.open(&["t"], broken, sealer.id()), Err(SealError::Broken), "{broken}");
        }
    }

    #[test]
    fn a_master_key_is_32_bytes_in_hex_or_base64() {
        assert!(Sealer::from_text(&Secret::new("ab".repeat(32))).is_ok());
        assert!(Sealer::from_text(&Secret::new(STANDARD.encode([7; 32]))).is_ok());
        for bad in ["", "short", &"ab".repeat(31)] {
            assert_eq!(Sealer::from_text(&Secret::new(bad)).err(), Some(SealError::MasterKey), "{bad}");
        }
    }
}
