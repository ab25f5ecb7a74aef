//! Tokens as the published SDKs before 1.5 signed them, for the programs that still call those names.

use jiff::Timestamp;
use serde_json::json;

use super::json::Fields;
use super::options::check_user;
use crate::error::Error;
use crate::token::{Credential, LegacyClaims};
use crate::types::mint::{DEFAULT_TTL, MAX_TTL, MIN_TTL};

/// Issuer and audience of such a token when nobody says otherwise.
const NAME: &str = "behest";

/// Signs a token with the eight legacy claims. `text` is a JSON object: `signing_key_pem`, `key_id`, `tenant_id`,
/// `project_id`, `user_id`, and if wanted `ttl` in seconds, `issuer`, `audience`. The answer is one too:
/// `access_token`, `expires_at` (RFC 3339) and `expires_in` in seconds.
///
/// # Errors
/// [`Error::Config`] with the code `invalid_signing_key` for a key or a key id that is none; [`Error::Request`] names
/// what else is missing or wrong.
pub fn sign_legacy_json(text: &[u8]) -> Result<String, Error> {
    let mut fields = Fields::read(text)?;
    let mut needed = |name| fields.text(name)?.ok_or_else(|| Error::request(name, "it is missing"));
    let (pem, kid) = (needed("signing_key_pem")?, needed("key_id")?);
    let (tenant_id, project_id) = (needed("tenant_id")?, needed("project_id")?);
    let user_id = check_user(&needed("user_id")?)?;
    let ttl = fields.whole("ttl")?.unwrap_or(DEFAULT_TTL);
    let issuer = fields.text("issuer")?;
    let audience = fields.text("audience")?;
    fields.end()?;

    let invalid = |message: &str| Error::config("invalid_signing_key", message);
    if !kid.starts_with("sk_") {
        return Err(invalid(
            "the key id does not begin with `sk_`: it is the `kid` of a tenant's signing key",
        ));
    }
    if !(MIN_TTL..=MAX_TTL).contains(&ttl) {
        return Err(Error::request("ttl", format!("a token lives {MIN_TTL} to {MAX_TTL} s; {ttl} is not")));
    }
    let key = match Credential::detect(&pem) {
        Ok(Credential::Sign(key)) => key.with_kid(&kid),
        Ok(Credential::ApiKey(_)) => return Err(invalid("this is an API key: a private key is needed")),
        Err(error) => return Err(invalid(&error.to_string())),
    };
    let issued = Timestamp::now().as_second();
    let ends = issued.saturating_add_unsigned(ttl);
    let claims = LegacyClaims {
        tid: &tenant_id,
        pid: &project_id,
        uid: &user_id,
        iss: issuer.as_deref().unwrap_or(NAME),
        aud: audience.as_deref().unwrap_or(NAME),
        iat: issued,
        nbf: issued,
        exp: ends,
    };
    let token = key.sign(&claims).map_err(|error| invalid(&error.to_string()))?;
    let expires_at = Timestamp::from_second(ends).map_err(|error| Error::request("ttl", error))?;
    Ok(json!({ "access_token": token.expose(), "expires_at": expires_at, "expires_in": ttl }).to_string())
}
