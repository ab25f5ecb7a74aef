//! Which kind of credential a text is: an API key, or a private key to sign with.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::sign::SigningKey;
use crate::secret::Secret;

/// How an API key begins; 32 hexadecimal digits follow.
pub const API_KEY_PREFIX: &str = "behest_sk_live_";
/// What may stand in front of a private key to mark it as one.
pub const SIGNING_KEY_PREFIX: &str = "behest_pk_";

/// How a client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// With an API key, which the gateway exchanges for per-user tokens.
    ApiKey,
    /// With a private key of the tenant, which signs per-user tokens here.
    Sign,
}

impl Mode {
    /// The mode's published name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "apiKey",
            Self::Sign => "sign",
        }
    }
}

/// A credential of one of the two kinds, checked.
#[derive(Debug, Clone)]
pub enum Credential {
    /// `behest_sk_live_...`
    ApiKey(Secret),
    /// A private RSA key.
    Sign(SigningKey),
}

/// Why a text is no credential.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadKey {
    /// There is nothing in it.
    #[error("the key is empty: set BEHEST_KEY, run \"behest login\", or pass key=...")]
    Empty,
    /// Neither an API key nor a private key.
    #[error(
        "the key is neither an API key (`behest_sk_live_` and 32 hexadecimal digits) nor an RSA private key in PEM or base64 of it"
    )]
    Format,
    /// It says that it is a private key, but it cannot be read.
    #[error(
        "the private key cannot be read: an RSA key of 2,048 bits or more in PKCS#8 or PKCS#1 PEM is needed"
    )]
    Unreadable,
}

impl Credential {
    /// Tells the kind of `text` and checks it. Surrounding white space is ignored; after `behest_pk_`, and without
    /// it, a PEM and base64 of a PEM are both read.
    ///
    /// # Errors
    /// [`BadKey`] says why it is neither.
    pub fn detect(text: &str) -> Result<Self, BadKey> {
        let text = text.trim();
        if text.is_empty() {
            return Err(BadKey::Empty);
        }
        if text.starts_with(API_KEY_PREFIX) {
            return if is_api_key(text) { Ok(Self::ApiKey(Secret::new(text))) } else { Err(BadKey::Format) };
        }
        if let Some(rest) = text.strip_prefix(SIGNING_KEY_PREFIX) {
            let pem = as_pem(rest.trim()).ok_or(BadKey::Unreadable)?;
            return SigningKey::from_pem(&pem).map(Self::Sign).map_err(|_| BadKey::Unreadable);
        }
        let pem = as_pem(text).ok_or(BadKey::Format)?;
        SigningKey::from_pem(&pem).map(Self::Sign).map_err(|_| BadKey::Unreadable)
    }

    /// The credential's mode.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        match self {
            Self::ApiKey(_) => Mode::ApiKey,
            Self::Sign(_) => Mode::Sign,
        }
    }
}

/// Whether `text` has the form of an API key.
#[must_use]
pub fn is_api_key(text: &str) -> bool {
    text.strip_prefix(API_KEY_PREFIX)
        .is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The PEM in `text`, be it one, one with `\n` written out (as `.env` files hold it), or base64 of one.
fn as_pem(text: &str) -> Option<String> {
    let holds_key = |pem: &str| pem.contains("BEGIN PRIVATE KEY") || pem.contains("BEGIN RSA PRIVATE KEY");
    if holds_key(text) {
        return Some(text.replace("\\n", "\n"));
    }
    let packed: String = text.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(&packed).or_else(|_| STANDARD_NO_PAD.decode(&packed)).ok()?;
    String::from_utf8(bytes).ok().filter(|pem| holds_key(pem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_form_of_a_private_key_is_read() {
        let (_, pem) = SigningKey::generate("sk_test").expect("a key");
        let pem = pem.expose().to_owned();
        let packed = STANDARD.encode(&pem);
        for text in [
            pem.clone(),
            packed.clone(),
            format!("behest_pk_{pem}"),
            format!("behest_pk_{packed}"),
            format!("  {packed}\n"),
            pem.replace('\n', "\\n"),
        ] {
            assert_eq!(Credential::detect(&text).expect("a credential").mode(), Mode::Sign);
        }
    }

    #[test]
    fn api_keys_are_told_by_their_whole_form() {
        let key = format!(" behest_sk_live_{} ", "0a".repeat(16));
        assert_eq!(Credential::detect(&key).expect("a credential").mode(), Mode::ApiKey);
        for bad in ["behest_sk_live_short", "sk-openai", "bh_live_x", "%%%"] {
            assert!(matches!(Credential::detect(bad), Err(BadKey::Format)), "{bad}");
        }
        assert!(matches!(Credential::detect(" \n"), Err(BadKey::Empty)));
        assert!(matches!(Credential::detect("behest_pk_nothing"), Err(BadKey::Unreadable)));
    }
}
