//! Verifying tokens. The algorithm is fixed, keys are looked up by `kid` alone, nothing in a token is followed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use super::claims::Claims;
use super::jwks::Jwk;
use crate::types::mint::MAX_TTL;

/// Tokens above this many bytes are refused before any cryptography.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Why a token was turned away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It is above [`MAX_TOKEN_BYTES`].
    #[error("the token has {0} bytes; at most {MAX_TOKEN_BYTES} are read")]
    TooLong(usize),
    /// It is not three base64url parts of JSON.
    #[error("the token is no JWT: {0}")]
    Malformed(&'static str),
    /// It is signed with another algorithm, or not at all.
    #[error("the token's algorithm is not RS256")]
    Algorithm,
    /// Its header asks the verifier to follow something.
    #[error("the token's header carries `{0}`, which is never followed")]
    Header(&'static str),
    /// Nobody here knows its `kid`, or the key is revoked.
    #[error("the token's signing key is unknown or revoked")]
    UnknownKey,
    /// The signature is not of that key.
    #[error("the token's signature does not match")]
    Signature,
    /// A claim is missing or of the wrong type.
    #[error(
        "the token lacks a claim or has one of the wrong type (needed: tid, pid, uid, iss, aud, iat, exp)"
    )]
    Claims,
    /// Another service's token.
    #[error("the token's issuer is not accepted here")]
    Issuer,
    /// A token for another service.
    #[error("the token's audience is not `{0}`")]
    Audience(String),
    /// Its lifetime is over.
    #[error("the token expired {ago} s ago")]
    Expired {
        /// Seconds since `exp`.
        ago: i64,
    },
    /// It is not valid yet.
    #[error("the token is valid only in {wait} s: check the clock of the machine that signed it")]
    NotYet {
        /// Seconds until `nbf` or `iat`.
        wait: i64,
    },
    /// It lives longer than any token may.
    #[error("the token's lifetime is {lifetime} s; at most {MAX_TTL} s are accepted")]
    Lifetime {
        /// `exp - iat`.
        lifetime: i64,
    },
}

/// A public key to verify with.
#[derive(Debug, Clone)]
pub struct VerifyingKey(DecodingKey);

impl VerifyingKey {
    /// From a public key as JWKS writes it.
    ///
    /// # Errors
    /// When its numbers are not base64url.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, TokenError> {
        DecodingKey::from_rsa_components(&jwk.n, &jwk.e)
            .map(Self)
            .map_err(|_| TokenError::Malformed("its public key cannot be read"))
    }
}

/// What a token must keep, whoever signed it.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Accepted values of `iss`; never dialled.
    pub issuers: Vec<String>,
    /// The value that `aud` must hold.
    pub audience: String,
    /// How far clocks may differ, in seconds.
    pub leeway: i64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            issuers: ["https://api.behest.app", "https://api.behest.ai", "behest"]
                .map(str::to_owned)
                .to_vec(),
            audience: "behest".to_owned(),
            leeway: 60,
        }
    }
}

/// A token read but not yet believed: only its `kid` may be used, to look a key up.
#[derive(Debug)]
pub struct Unverified<'t> {
    /// The name of the key that is said to have signed it.
    pub kid: String,
    signed: &'t str,
    payload: &'t str,
    signature: &'t str,
}

/// Claims that a signature vouches for. Only [`Unverified::verify`] makes one.
#[derive(Debug, Clone)]
pub struct Verified {
    claims: Claims,
}

impl Verified {
    /// The claims.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }
}

#[derive(Deserialize)]
struct JoseHeader {
    alg: serde_json::Value,
    kid: Option<serde_json::Value>,
    crit: Option<serde_json::Value>,
    jku: Option<serde_json::Value>,
    x5u: Option<serde_json::Value>,
    jwk: Option<serde_json::Value>,
}

impl<'t> Unverified<'t> {
    /// Reads a token's header without any cryptography.
    ///
    /// # Errors
    /// When it is too long, no JWT, not RS256, or its header asks to be followed.
    pub fn read(token: &'t str) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong(token.len()));
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed("it has no parts"))?;
        let (header, payload) =
            signed.split_once('.').ok_or(TokenError::Malformed("it has no three parts"))?;
        if payload.contains('.') {
            return Err(TokenError::Malformed("it has more than three parts"));
        }
        let header: JoseHeader =
            decode_part(header).ok_or(TokenError::Malformed("its header cannot be read"))?;
        if header.alg != "RS256" {
            return Err(TokenError::Algorithm);
        }
        for (name, value) in
            [("crit", &header.crit), ("jku", &header.jku), ("x5u", &header.x5u), ("jwk", &header.jwk)]
        {
            if value.is_some() {
                return Err(TokenError::Header(name));
            }
        }
        match header.kid {
            Some(serde_json::Value::String(kid)) if !kid.is_empty() => {
                Ok(Self { kid, signed, payload, signature })
            }
            _ => Err(TokenError::Malformed("its header has no `kid`")),
        }
    }

    /// Checks the signature under `key`, then the claims against `rules` at `now` (Unix seconds).
    ///
    /// # Errors
    /// [`TokenError`] says which check failed, the signature before any claim.
    pub fn verify(self, key: &VerifyingKey, rules: &Rules, now: i64) -> Result<Verified, TokenError> {
        let signed =
            jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), &key.0, Algorithm::RS256)
                .map_err(|_| TokenError::Signature)?;
        if !signed {
            return Err(TokenError::Signature);
        }
        let claims: Claims = decode_part(self.payload).ok_or(TokenError::Claims)?;
        if !rules.issuers.contains(&claims.iss) {
            return Err(TokenError::Issuer);
        }
        if !claims.aud.contains(&rules.audience) {
            return Err(TokenError::Audience(rules.audience.clone()));
        }
        check_times(&claims, rules.leeway, now)?;
        Ok(Verified { claims })
    }
}

/// Whether `claims` hold at `now`. Called again for a remembered verdict, since time goes on.
///
/// # Errors
/// [`TokenError`] of time: expired, not yet, or too long a life.
pub fn check_times(claims: &Claims, leeway: i64, now: i64) -> Result<(), TokenError> {
    let lifetime = claims.exp.saturating_sub(claims.iat);
    if lifetime > MAX_TTL as i64 {
        return Err(TokenError::Lifetime { lifetime });
    }
    let start = claims.nbf.unwrap_or(claims.iat).max(claims.iat);
    if start > now.saturating_add(leeway) {
        return Err(TokenError::NotYet { wait: start.saturating_sub(now) });
    }
    if claims.exp.saturating_add(leeway) <= now {
        return Err(TokenError::Expired { ago: now.saturating_sub(claims.exp) });
    }
    Ok(())
}

fn decode_part<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::token::claims::Audience;
    use crate::token::sign::SigningKey;

    static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate("sk_test").expect("a key").0);
    const NOW: i64 = 1_800_000_000;

    fn claims() -> Claims {
        Claims {
            tid: "t".into(),
            pid: "p".into(),
            uid: "u".into(),
            role: None,
            scp: Vec::new(),
            iss: "behest".into(),
            aud: Audience::One("behest".into()),
            iat: NOW,
            nbf: Some(NOW),
            exp: NOW + 3600,
            jti: None,
            sid: None,
            tier: None,
            tags: None,
            draft: false,
        }
    }

    fn verify_at(token: &str, now: i64) -> Result<Verified, TokenError> {
        let key = VerifyingKey::from_jwk(KEY.public()).expect("a public key");
        Unverified::read(token)?.verify(&key, &Rules::default(), now)
    }

    fn verify(claims: &Claims) -> Result<Verified, TokenError> {
        verify_at(KEY.sign(claims).expect("a token").expose(), NOW)
    }

    fn forged(header: &str) -> String {
        let payload = serde_json::to_vec(&claims()).expect("json");
        format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn a_signed_token_gives_its_claims_back() {
        assert_eq!(verify(&claims()).expect("valid").claims(), &claims());
    }

    #[test]
    fn the_clock_has_sixty_seconds_of_leeway_and_no_more() {
        let token = KEY.sign(&claims()).expect("a token");
        assert!(verify_at(token.expose(), NOW - 60).is_ok());
        assert_eq!(verify_at(token.expose(), NOW - 61).unwrap_err(), TokenError::NotYet { wait: 61 });
        assert!(verify_at(token.expose(), NOW + 3600 + 59).is_ok());
        assert_eq!(verify_at(token.expose(), NOW + 3600 + 61).unwrap_err(), TokenError::Expired { ago: 61 });
    }

    #[test]
    fn no_token_lives_longer_than_a_day() {
        assert!(verify(&Claims { exp: NOW + 86_400, ..claims() }).is_ok());
        let error = verify(&Claims { exp: NOW + 86_401, ..claims() }).unwrap_err();
        assert_eq!(error, TokenError::Lifetime { lifetime: 86_401 });
        let error = verify(&Claims { exp: i64::MAX, iat: -5, nbf: None, ..claims() }).unwrap_err();
        assert_eq!(error, TokenError::Lifetime { lifetime: i64::MAX });
    }

    #[test]
    fn only_rs256_and_only_plain_headers() {
        for (header, wanted) in [
            (r#"{"alg":"none","kid":"sk_test"}"#, TokenError::Algorithm),
            (r#"{"alg":"HS256","kid":"sk_test"}"#, TokenError::Algorithm),
            (r#"{"alg":"RS256","kid":"sk_test","jku":"https://evil.example"}"#, TokenError::Header("jku")),
            (r#"{"alg":"RS256","kid":"sk_test","crit":["exp"]}"#, TokenError::Header("crit")),
            (r#"{"alg":"RS256","kid":"sk_test","x5u":""}"#, TokenError::Header("x5u")),
            (r#"{"alg":"RS256","kid":"sk_test","jwk":{}}"#, TokenError::Header("jwk")),
            (r#"{"alg":"RS256"}"#, TokenError::Malformed("its header has no `kid`")),
            (r#"{"alg":"RS256","kid":7}"#, TokenError::Malformed("its header has no `kid`")),
            (r#"{"alg":"RS256","kid":"sk_test"}"#, TokenError::Signature),
        ] {
            assert_eq!(verify_at(&forged(header), NOW).unwrap_err(), wanted, "{header}");
        }
    }

    #[test]
    fn strangers_tokens_are_refused() {
        let other = Claims { iss: "https://elsewhere.example".into(), ..claims() };
        assert_eq!(verify(&other).unwrap_err(), TokenError::Issuer);
        let other = Claims { aud: Audience::One("other".into()), ..claims() };
        assert_eq!(verify(&other).unwrap_err(), TokenError::Audience("behest".into()));
        let many = Claims { aud: Audience::Many(vec!["x".into(), "behest".into()]), ..claims() };
        assert!(verify(&many).is_ok());
    }

    #[test]
    fn long_and_broken_tokens_cost_nothing() {
        assert_eq!(verify_at(&"a".repeat(8193), NOW).unwrap_err(), TokenError::TooLong(8193));
        for broken in ["", "a", "a.b", "a.b.c", "a.b.c.d", "..", "é.é.é"] {
            assert!(matches!(verify_at(broken, NOW), Err(TokenError::Malformed(_))), "{broken}");
        }
    }

    #[test]
    fn legacy_locally_signed_tokens_are_accepted() {
        #[derive(serde::Serialize)]
        struct Legacy {
            tid: &'static str,
            pid: &'static str,
            uid: &'static str,
            iss: &'static str,
            aud: &'static str,
            iat: i64,
            nbf: i64,
            exp: i64,
        }
        let legacy = Legacy {
            tid: "t",
            pid: "p",
            uid: "u",
            iss: "behest",
            aud: "behest",
            iat: NOW,
            nbf: NOW,
            exp: NOW + 300,
        };
        let pem = SigningKey::generate("sk_x").expect("a key").1;
        let key = SigningKey::from_pem(pem.expose()).expect("a key").with_kid("sk_x");
        let mut header = jsonwebtoken::Header::new(Algorithm::RS256);
        header.kid = Some("sk_x".to_owned());
        let encoding = jsonwebtoken::EncodingKey::from_rsa_pem(pem.expose().as_bytes()).expect("a key");
        let token = jsonwebtoken::encode(&header, &legacy, &encoding).expect("a token");
        let public = VerifyingKey::from_jwk(key.public()).expect("a public key");
        let verified =
            Unverified::read(&token).and_then(|token| token.verify(&public, &Rules::default(), NOW));
        assert_eq!(verified.expect("valid").claims().role, None);
    }
}
