//! The client's name for a call.

use aws_lc_rs::digest::{SHA256, digest};
use http::HeaderName;
use http::request::Parts;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const LONGEST: usize = 255;

/// SHA-256 of a request's body.
pub type Digest = [u8; 32];

/// The header holds no key.
#[derive(Debug, thiserror::Error)]
#[error("Idempotency-Key must be 1 to {LONGEST} visible ASCII characters")]
pub struct BadKey;

/// A client's name for a call, with what tells whether it is the same call.
#[derive(Debug)]
pub struct IdempotencyKey {
    /// The name.
    pub key: String,
    /// Of the body.
    pub digest: Digest,
}

impl IdempotencyKey {
    /// The key of a request, if it has one.
    ///
    /// # Errors
    /// When the header holds none.
    pub fn of(head: &Parts, body: &[u8]) -> Result<Option<Self>, BadKey> {
        let Some(value) = head.headers.get(KEY) else { return Ok(None) };
        let key = value.to_str().map_err(|_| BadKey)?;
        if key.is_empty() || key.len() > LONGEST || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BadKey);
        }
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, body).as_ref());
        Ok(Some(Self { key: key.to_owned(), digest: bytes }))
    }
}
