//! Signatures of webhooks, as the Standard Webhooks specification writes them.

use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// What every secret begins with.
const PREFIX: &str = "whsec_";
/// How long the bytes of a secret are.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The key of a webhook's signatures.
pub struct Signer(hmac::Key);

impl Signer {
    /// Reads a secret; `None` when it has not the form of one.
    #[must_use]
    pub fn of(secret: &Secret) -> Option<Self> {
        let text = secret.expose().trim().strip_prefix(PREFIX)?;
        let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
        BYTES.contains(&bytes.len()).then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The value of `webhook-signature`.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        let tag = hmac::sign(&self.0, format!("{id}.{timestamp}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(tag.as_ref()))
    }
}

/// Makes a secret; `None` when the system gives no randomness.
#[must_use]
pub fn generate() -> Option<Secret> {
    let mut bytes = Zeroizing::new([0; 32]);
    rand::fill(&mut bytes[..]).ok()?;
    Some(Secret::new(format!("{PREFIX}{}", STANDARD.encode(&bytes[..]))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_hmac_sha256_of_id_time_and_body() {
        // Reckoned by another implementation, Python's `hmac`.
        let secret = Secret::new("whsec_CwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsL");
        let signer = Signer::of(&secret).expect("a signer");
        let signature = signer.sign("msg_1", 1_700_000_000, "{\"a\":1}");
        assert_eq!(signature, "v1,7fKWtgZ476kzvfu3v3HmCKfFPoCW9tijSdRsXKOJvJE=");
    }

    #[test]
    fn a_secret_is_made_in_the_form_in_which_it_is_read() {
        let (one, two) = (generate().expect("a secret"), generate().expect("a secret"));
        assert_ne!(one.expose(), two.expose());
        assert!(Signer::of(&one).is_some());
        for bad in ["", "whsec_", "whsec_AAAA", "CwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsL", "whsec_!"] {
            assert!(Signer::of(&Secret::new(bad)).is_none(), "{bad}");
        }
    }
}
