//! Which addresses a webhook may have: public ones, unless the operator declared it local.

use url::Url;

use crate::gateway::providers::address::names_private;

/// Why an address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// Not a URL that can be called.
    #[error(
        "must be http:// or https:// with a host, without credentials or fragment, of at most 2,000 characters"
    )]
    Form,
    /// A private address that nobody declared.
    #[error("is on a private network: declare the webhook local (`\"local\": true`) if that is meant")]
    Private,
}

/// Checks an address. Names are checked again when they are resolved.
///
/// # Errors
/// [`BadAddress`] when it cannot be called, or is private and not declared `local`.
pub fn check(text: &str, local: bool) -> Result<String, BadAddress> {
    let url = Url::parse(text.trim()).map_err(|_| BadAddress::Form)?;
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !plain || url.as_str().len() > 2_000 {
        return Err(BadAddress::Form);
    }
    if !local && names_private(&url) {
        return Err(BadAddress::Private);
    }
    Ok(url.into())
}
