//! Per-user tokens: RS256 JWTs with Behest's claims. Everything here is pure: keys and time come in as arguments.

pub mod claims;
pub mod decode;
pub mod jwks;
pub mod key;
pub mod sign;
pub mod verify;

pub use claims::{Claims, LegacyClaims};
pub use decode::{BadToken, decode};
pub use jwks::Jwk;
pub use key::{BadKey, Credential, Mode};
pub use sign::SigningKey;
pub use verify::{Rules, TokenError, Verified, VerifyingKey};
