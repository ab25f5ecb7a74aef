//! Signing tokens with an RSA key.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde::Serialize;

use super::jwks::Jwk;
use crate::secret::Secret;

/// Why a key could not be made, read or used. Says nothing about the key itself.
#[derive(Debug, thiserror::Error)]
#[error("the RSA key cannot be used: {0}")]
pub struct BadSigningKey(&'static str);

/// The published order of the header's members; some clients compare the text.
#[derive(Serialize)]
struct Header<'k> {
    alg: &'static str,
    typ: &'static str,
    kid: &'k str,
}

/// A private RSA key under its `kid`. Cheap to clone; never printed.
#[derive(Clone)]
pub struct SigningKey {
    kid: Arc<str>,
    private: Arc<EncodingKey>,
    public: Arc<Jwk>,
}

impl SigningKey {
    /// Makes a new RSA key of 2,048 bits and its PKCS#8 PEM.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate(kid: &str) -> Result<(Self, Secret), BadSigningKey> {
        let pair =
            KeyPair::generate(KeySize::Rsa2048).map_err(|_| BadSigningKey("it could not be generated"))?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| BadSigningKey("it could not be written"))?;
        let pem = Secret::new(to_pem(der.as_ref()));
        Ok((Self::from_pem(pem.expose())?.with_kid(kid), pem))
    }

    /// Reads a PKCS#8 or PKCS#1 PEM. The `kid` is empty until [`with_kid`](Self::with_kid).
    ///
    /// # Errors
    /// When it is no private RSA key of at least 2,048 bits.
    pub fn from_pem(pem: &str) -> Result<Self, BadSigningKey> {
        let private = EncodingKey::from_rsa_pem(pem.trim().as_bytes())
            .map_err(|_| BadSigningKey("it is no RSA private key"))?;
        // jsonwebtoken looks at a key only when it signs; a bad one must be refused when it is given.
        let pair =
            KeyPair::from_der(private.as_bytes()).map_err(|_| BadSigningKey("it is no RSA private key"))?;
        let public = pair.public_key();
        let modulus = public.modulus().big_endian_without_leading_zero();
        if modulus.len() < 256 {
            return Err(BadSigningKey("it has less than 2,048 bits"));
        }
        let public = Jwk::rsa("", modulus, public.exponent().big_endian_without_leading_zero());
        Ok(Self { kid: Arc::from(""), private: Arc::new(private), public: Arc::new(public) })
    }

    /// The same key under another `kid`.
    #[must_use]
    pub fn with_kid(self, kid: &str) -> Self {
        let public = Jwk { kid: kid.to_owned(), ..(*self.public).clone() };
        Self { kid: Arc::from(kid), public: Arc::new(public), ..self }
    }

    /// The name that tokens carry.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &Jwk {
        &self.public
    }

    /// Signs `claims` as an RS256 JWT (RFC 7515, RFC 7519) with the header `{alg, typ, kid}`.
    ///
    /// # Errors
    /// When the key fails to sign.
    pub fn sign(&self, claims: &impl Serialize) -> Result<Secret, BadSigningKey> {
        let part = |json: serde_json::Result<Vec<u8>>| {
            json.map(|json| URL_SAFE_NO_PAD.encode(json))
                .map_err(|_| BadSigningKey("the claims cannot be written"))
        };
        let header = part(serde_json::to_vec(&Header { alg: "RS256", typ: "JWT", kid: &self.kid }))?;
        let signed = format!("{header}.{}", part(serde_json::to_vec(claims))?);
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.private, Algorithm::RS256)
            .map_err(|_| BadSigningKey("signing failed"))?;
        Ok(Secret::new(format!("{signed}.{signature}")))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// RFC 7468: base64 in lines of 64 characters.
fn to_pem(der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut pem = String::with_capacity(body.len() + body.len() / 64 + 64);
    pem.push_str("-----BEGIN PRIVATE KEY-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = tail;
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    pem
}
