//! Reading what a token says without believing it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// Why a text is no token. Says nothing of what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadToken {
    /// A token is three parts with dots between them.
    #[error("a token has three parts; this text has {0}")]
    Parts(usize),
    /// The middle one is base64url of a JSON object.
    #[error("the token's claims cannot be read: they are no JSON object in base64url")]
    Claims,
}

/// The claims of a JWT (RFC 7519), as they stand in it. Nothing is verified: neither signature nor time.
///
/// # Errors
/// [`BadToken`] when the text has not the form of a token.
pub fn decode(token: &str) -> Result<Map<String, Value>, BadToken> {
    let parts: Vec<&str> = token.trim().split('.').collect();
    let [_, claims, _] = parts.as_slice() else { return Err(BadToken::Parts(parts.len())) };
    let json = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).map_err(|_| BadToken::Claims)?;
    serde_json::from_slice(&json).map_err(|_| BadToken::Claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.signature", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn claims_are_read_as_they_stand() {
        let claims = decode(&token(r#"{"uid":"änn","exp":1}"#)).expect("claims");
        assert_eq!((claims["uid"].as_str(), claims["exp"].as_i64()), (Some("änn"), Some(1)));
        let padded = format!("e30.{}.s", base64::engine::general_purpose::URL_SAFE.encode(r#"{"uid":"a"}"#));
        assert_eq!(decode(&padded).expect("claims")["uid"], "a");
    }

    #[test]
    fn what_is_no_token_says_which_rule_it_breaks() {
        assert_eq!(decode("a.b"), Err(BadToken::Parts(2)));
        assert_eq!(decode("a.b.c.d"), Err(BadToken::Parts(4)));
        for claims in ["[1]", "text", "{"] {
            assert_eq!(decode(&token(claims)), Err(BadToken::Claims), "{claims}");
        }
        assert_eq!(decode("e30.%%%.s"), Err(BadToken::Claims));
    }
}
