//! Tokens for end users: minted by the gateway in API-key mode, signed here in sign mode.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::Instant;

use super::Client;
use super::config::Config;
use super::options::{check_session, check_user};
use super::send::{Outgoing, read_json, to_json};
use super::tokens::{REFRESH_BEFORE, Token, TokenKey};
use crate::error::Error;
use crate::secret::Secret;
use crate::token::claims::Audience;
use crate::token::{Claims, Credential, SigningKey};
use crate::types::mint::{DEFAULT_TTL, MAX_TTL, MIN_TTL, MintRequest, Role, Tags, Tier};

/// How long a mint may take.
const MINT_TIMEOUT: Duration = Duration::from_secs(30);

/// What a token is to say. Whatever is left out is the client's own setting.
#[derive(Debug, Clone, Default)]
pub struct MintOptions {
    /// The end user the token stands for.
    pub user_id: Option<String>,
    /// The session to charge; a new one is made when absent.
    pub session_id: Option<String>,
    /// The end user's entitlement.
    pub tier: Option<Tier>,
    /// Lifetime in seconds, 60 to 86,400.
    pub ttl: Option<u64>,
    /// What the token may do; `user` when absent. A locally signed token is a user's, whatever it says.
    pub role: Option<Role>,
    /// Labels for the cost reports.
    pub tags: Tags,
}

/// A token for one end user, safe to hand to that user's browser.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Minted {
    /// The token.
    pub token: Secret,
    /// The session in it.
    pub session_id: String,
    /// Its lifetime in seconds.
    pub ttl: u64,
    /// When it ends, as an RFC 3339 instant.
    pub expires_at: String,
}

/// Tokens for end users.
#[derive(Debug, Clone, Copy)]
pub struct Auth<'c> {
    pub(crate) client: &'c Client,
}

impl Auth<'_> {
    /// A new token for one end user. The tokens that the client's own calls use are kept apart.
    ///
    /// # Errors
    /// When the options break a rule, or when the gateway refuses: 401 for the key, 403 for a role above the key's.
    pub async fn mint(&self, options: &MintOptions) -> Result<Minted, Error> {
        let config = &self.client.inner.config;
        let request = complete(config, options)?;
        match &config.credential {
            Credential::Sign(key) => sign(config, key, request, Timestamp::now()),
            Credential::ApiKey(key) => self.mint_with(key, &request).await,
        }
    }

    async fn mint_with(&self, key: &Secret, request: &MintRequest) -> Result<Minted, Error> {
        let url = self.client.address(&["v1", "auth", "mint"], &[])?;
        let outgoing = Outgoing::post("auth.mint", url, to_json(request)?);
        let timeout = self.client.inner.config.timeout.min(MINT_TIMEOUT);
        let answer = self.client.send_with_key(&outgoing, key, timeout).await?;
        read_json::<MintAnswer>(answer).await?.into_data().complete(request, Timestamp::now())
    }
}

/// A mint's answer as far as any gateway gives one: the token has had three names, and only it has to be there.
#[derive(Deserialize)]
struct MintAnswer {
    jwt: Option<Secret>,
    access_token: Option<Secret>,
    token: Option<Secret>,
    ttl: Option<u64>,
    expires_in: Option<u64>,
    expires_at: Option<String>,
    session_id: Option<String>,
}

impl MintAnswer {
    /// Completed from what was asked, at `now`.
    fn complete(self, request: &MintRequest, now: Timestamp) -> Result<Minted, Error> {
        let unreadable = |message: &str| Error::Answer { message: message.to_owned(), source: None };
        let token = self.jwt.or(self.access_token).or(self.token);
        let token =
            token.ok_or_else(|| unreadable("the answer to the mint has no token: check the base URL"))?;
        let ttl = self.ttl.or(self.expires_in).or(request.ttl).unwrap_or(DEFAULT_TTL);
        let expires_at = match self.expires_at {
            Some(expires_at) => expires_at,
            None => Timestamp::from_second(now.as_second().saturating_add_unsigned(ttl))
                .map_err(|_| unreadable("the answer to the mint has a lifetime that never ends"))?
                .to_string(),
        };
        let session_id = self.session_id.or_else(|| request.session_id.clone()).unwrap_or_default();
        Ok(Minted { token, session_id, ttl, expires_at })
    }
}

impl Client {
    /// A token for the client's own calls.
    pub(crate) async fn new_token(&self, key: &TokenKey) -> Result<Token, Error> {
        let options = MintOptions {
            user_id: Some(key.user_id.clone()),
            session_id: key.session_id.clone(),
            tier: key.tier.clone(),
            ttl: None,
            role: Some(key.role),
            tags: key.tags.clone(),
        };
        // Counted from before the mint: its way back takes from the token's life.
        let asked = Instant::now();
        let minted = self.auth().mint(&options).await?;
        let usable = Duration::from_secs(minted.ttl).saturating_sub(REFRESH_BEFORE);
        Ok(Token { jwt: minted.token, stale_at: asked.checked_add(usable).unwrap_or(asked) })
    }
}

/// The request that the options and the client's settings make, checked.
fn complete(config: &Config, options: &MintOptions) -> Result<MintRequest, Error> {
    let ttl = options.ttl.unwrap_or(config.ttl);
    if !(MIN_TTL..=MAX_TTL).contains(&ttl) {
        let rule = format!("a token lives {MIN_TTL} to {MAX_TTL} s; {ttl} is not");
        return Err(Error::request("ttl", rule));
    }
    Ok(MintRequest {
        user_id: check_user(options.user_id.as_deref().unwrap_or(&config.default_user_id))?,
        session_id: options.session_id.as_deref().map(check_session).transpose()?,
        tier: options.tier.clone().or_else(|| config.tier.clone()),
        ttl: Some(ttl),
        role: options.role.filter(|role| *role != Role::User).map(|role| role.as_str().to_owned()),
        tags: Some(options.tags.clone()).filter(|tags| !tags.is_empty()),
    })
}

/// Signs the token that `request` asks for, at `now`.
fn sign(config: &Config, key: &SigningKey, request: MintRequest, now: Timestamp) -> Result<Minted, Error> {
    let failed = |message: String| Error::config("bad_key_format", message);
    let ttl = request.ttl.unwrap_or(config.ttl);
    let session_id = request.session_id.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let issued = now.as_second();
    let ends = issued.saturating_add_unsigned(ttl);
    let claims = Claims {
        tid: config.tenant_id.clone().unwrap_or_default(),
        pid: config.project_id.clone().unwrap_or_default(),
        uid: request.user_id,
        role: Some(request.role.unwrap_or_else(|| Role::User.as_str().to_owned())),
        scp: Vec::new(),
        iss: config.issuer.clone(),
        aud: Audience::One(config.audience.clone()),
        iat: issued,
        nbf: Some(issued),
        exp: ends,
        jti: Some(uuid::Uuid::new_v4().to_string()),
        sid: Some(session_id.clone()),
        tier: request.tier,
        tags: request.tags,
        draft: false,
    };
    let token = key.sign(&claims).map_err(|error| failed(error.to_string()))?;
    let expires_at = Timestamp::from_second(ends).map_err(|error| failed(error.to_string()))?.to_string();
    Ok(Minted { token, session_id, ttl, expires_at })
}
