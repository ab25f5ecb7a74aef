//! What a client runs with: options first, then the environment, then what is stored on this machine.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::credentials::{self, StoredCredential};
use crate::env;
use crate::error::Error;
use crate::secret::Secret;
use crate::token::{BadKey, Credential, Mode};
use crate::types::mint::{DEFAULT_TTL, MAX_TTL, MIN_TTL, Tier};

/// The hosted gateway, called when nobody names another.
pub const DEFAULT_BASE_URL: &str = "https://api.behest.ai";
/// The end user when a call names none.
pub const DEFAULT_USER_ID: &str = "default";
/// The issuer in locally signed tokens.
pub const DEFAULT_ISSUER: &str = "https://api.behest.ai";
/// The audience in locally signed tokens.
pub const DEFAULT_AUDIENCE: &str = "behest";
/// How long a call may take, retries included.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);
/// How often a failed call is tried again.
pub const DEFAULT_MAX_RETRIES: u32 = 2;

/// What to do without a key.
const HOW_TO_GET_A_KEY: &str = "run \"behest login\", or pass key=...";
/// The `User-Agent` of a Rust program.
const AGENT: &str = concat!("behest-rust/", env!("CARGO_PKG_VERSION"));

/// What the program itself says. Whatever is `None` comes from the environment, or is a default.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// An API key, or a private key to sign with.
    pub key: Option<Secret>,
    /// Where the gateway is.
    pub base_url: Option<String>,
    /// The tenant, in sign mode.
    pub tenant_id: Option<String>,
    /// The project, in sign mode.
    pub project_id: Option<String>,
    /// The signing key's name, in sign mode.
    pub kid: Option<String>,
    /// The end user when a call names none.
    pub default_user_id: Option<String>,
    /// The tier when a call names none.
    pub tier: Option<Tier>,
    /// The lifetime of tokens in seconds.
    pub ttl: Option<u64>,
    /// The issuer in locally signed tokens.
    pub issuer: Option<String>,
    /// The audience in locally signed tokens.
    pub audience: Option<String>,
    /// How long a call may take.
    pub timeout: Option<Duration>,
    /// How often a failed call is tried again.
    pub max_retries: Option<u32>,
    /// Headers of every call.
    pub headers: Vec<(String, String)>,
    /// The `User-Agent`.
    pub agent: Option<String>,
}

/// What a client runs with. Printing it shows no secret.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Where the gateway is, without a slash at its end.
    pub base_url: String,
    /// Whether tokens are minted by the gateway or signed here.
    pub mode: Mode,
    /// The tenant, in sign mode.
    pub tenant_id: Option<String>,
    /// The project, in sign mode.
    pub project_id: Option<String>,
    /// The signing key's name, in sign mode.
    pub kid: Option<String>,
    /// The end user when a call names none.
    pub default_user_id: String,
    /// The tier when a call names none.
    pub tier: Option<Tier>,
    /// The lifetime of tokens in seconds.
    pub ttl: u64,
    /// The issuer in locally signed tokens.
    pub issuer: String,
    /// The audience in locally signed tokens.
    pub audience: String,
    /// How long a call may take, retries included; for a stream, until its headers.
    pub timeout: Duration,
    /// How often a failed call is tried again.
    pub max_retries: u32,
    /// Headers of every call.
    pub headers: HeaderMap,
    pub(crate) agent: HeaderValue,
    pub(crate) credential: Credential,
    notices: Vec<String>,
}

impl Config {
    /// Puts the configuration together: `options` beat the variables that `variable` looks up, which beat the
    /// credential that `stored` finds.
    ///
    /// `stored` is asked, for one base URL or for the current one, only when the key or the base URL is still
    /// missing. A stored credential is used for its own base URL alone.
    ///
    /// # Errors
    /// [`Error::Config`]: `missing_env` names what to set, `bad_key_format`, `bad_base_url` and `bad_value` what to
    /// correct.
    pub fn resolve(
        options: Options,
        variable: impl Fn(&str) -> Option<String>,
        stored: impl FnOnce(Option<&str>) -> Result<Option<StoredCredential>, Error>,
    ) -> Result<Self, Error> {
        let variable = |name: &str| variable(name).as_deref().and_then(env::present);
        let said = |option: Option<String>, name: &str| option.or_else(|| variable(name));

        let mut notices = Vec::new();
        let key = options.key.or_else(|| key_variable(&variable, &mut notices));
        let base_url =
            said(options.base_url, env::BASE_URL).map(|text| normal_base_url(&text)).transpose()?;
        let (key, base_url) = beside(key, base_url, stored)?;

        let kid = said(options.kid, env::KID);
        let tenant_id = said(options.tenant_id, env::TENANT_ID);
        let project_id = said(options.project_id, env::PROJECT_ID);
        let credential = match Credential::detect(key.expose())? {
            Credential::Sign(key) => {
                let named = [
                    (env::KID, kid.as_deref()),
                    (env::TENANT_ID, tenant_id.as_deref()),
                    (env::PROJECT_ID, project_id.as_deref()),
                ];
                require(&named)?;
                Credential::Sign(key.with_kid(kid.as_deref().unwrap_or_default()))
            }
            api_key @ Credential::ApiKey(_) => api_key,
        };
        let ttl = match (options.ttl, variable(env::TTL)) {
            (Some(ttl), _) => ttl,
            (None, Some(text)) => text.parse().map_err(|_| bad_ttl(&text))?,
            (None, None) => DEFAULT_TTL,
        };
        if !(MIN_TTL..=MAX_TTL).contains(&ttl) {
            return Err(bad_ttl(&ttl.to_string()));
        }
        Ok(Self {
            base_url,
            mode: credential.mode(),
            tenant_id,
            project_id,
            kid,
            default_user_id: said(options.default_user_id, env::USER_ID)
                .unwrap_or_else(|| DEFAULT_USER_ID.to_owned()),
            tier: options.tier.or_else(|| variable(env::TIER).map(|text| read_tier(&text))),
            ttl,
            issuer: said(options.issuer, env::ISSUER).unwrap_or_else(|| DEFAULT_ISSUER.to_owned()),
            audience: said(options.audience, env::AUDIENCE).unwrap_or_else(|| DEFAULT_AUDIENCE.to_owned()),
            timeout: options.timeout.unwrap_or(DEFAULT_TIMEOUT),
            max_retries: options.max_retries.unwrap_or(DEFAULT_MAX_RETRIES),
            headers: read_headers(&options.headers)
                .map_err(|error| Error::config("bad_value", error.to_string()))?,
            agent: HeaderValue::from_str(options.agent.as_deref().unwrap_or(AGENT))
                .map_err(|_| Error::config("bad_value", "the agent has control characters"))?,
            credential,
            notices,
        })
    }

    /// What the program, or the environment that it runs in, should change: deprecated names that were used. Each is
    /// to be told once in a process.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &self.notices
    }
}

/// The credential stored on this machine: the one of `base_url`, or the current one.
///
/// # Errors
/// When there is a file of credentials that cannot be read.
pub fn stored_credential(base_url: Option<&str>) -> Result<Option<StoredCredential>, Error> {
    let Some(folder) = credentials::folder(env::read) else { return Ok(None) };
    Ok(credentials::read(&folder)?.find(base_url))
}

/// `text` in the form in which base URLs are compared and stored: no white space, no trailing slash, no trailing `/v1`.
///
/// # Errors
/// When it is no `http` or `https` URL, or carries a user, a query or a fragment.
pub fn normal_base_url(text: &str) -> Result<String, Error> {
    let bad = |reason: &str| Error::config("bad_base_url", format!("the base URL {reason}"));
    let trimmed = text.trim().trim_end_matches('/');
    let trimmed = trimmed.strip_suffix("/v1").unwrap_or(trimmed).trim_end_matches('/');
    let url = Url::parse(trimmed)
        .map_err(|error| bad(&format!("cannot be read ({error}): write `https://host[:port]`")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("is neither `http` nor `https`"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("carries a user or password: pass the credential as the key"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("carries a query or a fragment"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Headers as a caller writes them, checked. `authorization` is not theirs to set.
pub(crate) fn read_headers(pairs: &[(String, String)]) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs {
        let bad = |rule: &str| Error::request("headers", format!("`{}` {rule}", name.escape_debug()));
        let header: HeaderName = name.parse().map_err(|_| bad("is no header name"))?;
        if header == http::header::AUTHORIZATION {
            return Err(bad("is set from the key, or from the call's `token`"));
        }
        let mut value =
            HeaderValue::from_str(value).map_err(|_| bad("has a value with control characters"))?;
        // It may be a secret of the caller's, such as a proxy's password: it is not printed either.
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    Ok(headers)
}

/// The key and the base URL, with what is missing taken from a stored credential where it belongs to what is there.
fn beside(
    key: Option<Secret>,
    base_url: Option<String>,
    stored: impl FnOnce(Option<&str>) -> Result<Option<StoredCredential>, Error>,
) -> Result<(Secret, String), Error> {
    let (key, base_url) = match (key, base_url) {
        (Some(key), Some(base_url)) => return Ok((key, base_url)),
        missing => missing,
    };
    let stored = match stored(base_url.as_deref())? {
        Some(StoredCredential { key, base_url }) => {
            Some(StoredCredential { key, base_url: normal_base_url(&base_url)? })
        }
        None => None,
    };
    match (key, base_url, stored) {
        // A key printed by `behest serve` and put into the environment must not travel to the hosted gateway.
        (Some(key), None, Some(stored)) if stored.key == key => Ok((key, stored.base_url)),
        (Some(key), base_url, _) => Ok((key, base_url.unwrap_or_else(|| DEFAULT_BASE_URL.to_owned()))),
        (None, Some(base_url), Some(stored)) if stored.base_url == base_url => Ok((stored.key, base_url)),
        (None, None, Some(stored)) => Ok((stored.key, stored.base_url)),
        (None, Some(base_url), _) => Err(Error::config(
            "missing_env",
            format!("{} is not set, and no key for {base_url} is stored: {HOW_TO_GET_A_KEY}", env::KEY),
        )),
        (None, None, None) => {
            Err(Error::config("missing_env", format!("{} is not set: {HOW_TO_GET_A_KEY}", env::KEY)))
        }
    }
}

fn key_variable(variable: &impl Fn(&str) -> Option<String>, notices: &mut Vec<String>) -> Option<Secret> {
    if let Some(key) = variable(env::KEY) {
        return Some(Secret::new(key));
    }
    let key = variable(env::API_KEY)?;
    notices.push(format!("{} is deprecated: set {} instead", env::API_KEY, env::KEY));
    Some(Secret::new(key))
}

impl From<BadKey> for Error {
    fn from(error: BadKey) -> Self {
        let code = if matches!(error, BadKey::Empty) { "missing_env" } else { "bad_key_format" };
        Self::config(code, error.to_string())
    }
}

fn require(named: &[(&str, Option<&str>)]) -> Result<(), Error> {
    let present = |value: &Option<&str>| value.is_some_and(|text| !text.trim().is_empty());
    let missing: Vec<&str> =
        named.iter().filter(|(_, value)| !present(value)).map(|(name, _)| *name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("the key is a private key to sign with, which needs {} too", missing.join(", "));
    Err(Error::config("missing_env", message))
}

fn read_tier(text: &str) -> Tier {
    text.parse().map_or_else(|_| Tier::Name(text.to_owned()), Tier::Number)
}

fn bad_ttl(text: &str) -> Error {
    Error::config("bad_value", format!("the lifetime of tokens is {MIN_TTL} to {MAX_TTL} s; `{text}` is not"))
}
