//! Who calls: a token of the gateway's or a tenant's, or an API key as Bearer.

use http::{HeaderMap, HeaderName, header};
use uuid::Uuid;

use crate::gateway::Gateway;
use crate::gateway::auth::api_keys;
use crate::gateway::auth::signing_keys::{NotBelieved, Signer, Verdict};
use crate::gateway::clock;
use crate::gateway::context::{CredentialKind, Known, Located, Principal, Project};
use crate::gateway::refusal::{Refusal, Refuse};
use crate::gateway::tags::{self, BadTags};
use crate::secret::Secret;
use crate::token::TokenError;
use crate::token::key::{API_KEY_PREFIX, is_api_key};
use crate::types::control::ProjectStatus;
use crate::types::ids::{BadId, SessionId, UserId};
use crate::types::mint::Role;
use crate::types::problem::Code;

const END_USER: HeaderName = HeaderName::from_static("x-end-user-id");
const SESSION: HeaderName = HeaderName::from_static("x-session-id");
const TAGS: HeaderName = HeaderName::from_static("x-behest-tags");

/// The longest name of a tier.
pub const MAX_TIER_BYTES: usize = 64;

/// Why nobody was recognised, or not for this project.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthenticateError {
    /// No `Authorization`, or one without a credential, as an unset variable leaves it.
    #[error("no credentials: send `Authorization: Bearer` with a token or an API key")]
    Missing,
    /// Not `Bearer`, or not readable.
    #[error("the Authorization header must be `Bearer` and a token or an API key")]
    NotBearer,
    /// An API key that nobody has, or that was revoked.
    #[error("the API key is unknown or revoked")]
    ApiKey,
    /// The project takes no API keys here.
    #[error("this project does not take API keys here: mint a token at POST /v1/auth/mint and send that")]
    ApiKeyDenied,
    /// The token is proven bad.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The token names what is not there.
    #[error("the token's project does not exist, or not for its tenant")]
    TokenProject,
    /// The credential is of another project than the Host.
    #[error("the credential belongs to another project than this host")]
    OtherProject,
    /// The project is suspended.
    #[error("the project is suspended: its owner can make it active again")]
    Suspended,
    /// A header or claim holds no id.
    #[error("{place}: {source}")]
    Id {
        /// Where it stood.
        place: &'static str,
        /// Which rule it broke.
        #[source]
        source: BadId,
    },
    /// The tags cannot be read.
    #[error(transparent)]
    Tags(#[from] BadTags),
    /// The token's tier is no name.
    #[error("the token's tier must be 1, 2, 3, or a name of at most {MAX_TIER_BYTES} bytes")]
    Tier,
}

impl Refuse for AuthenticateError {
    fn code(&self) -> Code {
        match self {
            Self::Missing => Code::MissingCredentials,
            Self::Token(TokenError::Expired { .. }) => Code::TokenExpired,
            Self::NotBearer | Self::ApiKey | Self::ApiKeyDenied | Self::Token(_) | Self::TokenProject => {
                Code::InvalidToken
            }
            Self::OtherProject => Code::Forbidden,
            Self::Suspended => Code::ProjectSuspended,
            Self::Id { .. } | Self::Tags(_) | Self::Tier => Code::ValidationError,
        }
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::Id { place, .. } => Some(place),
            Self::Tags(_) => Some("X-Behest-Tags"),
            _ => None,
        }
    }
}

/// Recognises the caller and its project.
pub async fn authenticate(gateway: &Gateway, located: Located) -> Result<Known, Refusal> {
    let Located { incoming, site } = located;
    let headers = &incoming.head.headers;
    let credential = bearer(headers)?;
    let mut principal = if credential.expose().starts_with(API_KEY_PREFIX) {
        by_api_key(gateway, &credential, headers).await?
    } else {
        by_token(gateway, &credential).await?
    };
    if site.as_ref().is_some_and(|site| site.row.id != principal.project) {
        return Err(AuthenticateError::OtherProject.into());
    }
    let project = match site {
        Some(site) => site,
        None => {
            gateway.directory().project(principal.project).await?.ok_or(AuthenticateError::TokenProject)?
        }
    };
    let _ = incoming.trace.project.set(std::sync::Arc::clone(&project));
    check_project(&project, &principal)?;
    // Given in the header or in the token; scoped by the user either way, so no one can enter another's.
    if let Some(session) = text(headers, &SESSION, "X-Session-Id")? {
        let session = SessionId::parse(session);
        principal.session =
            Some(session.map_err(|source| AuthenticateError::Id { place: "X-Session-Id", source })?);
    }
    Ok(Known { incoming, principal, project })
}

fn check_project(project: &Project, principal: &Principal) -> Result<(), AuthenticateError> {
    if project.row.tenant_id != principal.tenant {
        return Err(AuthenticateError::TokenProject);
    }
    if project.row.status == ProjectStatus::Suspended {
        return Err(AuthenticateError::Suspended);
    }
    if matches!(principal.credential, CredentialKind::ApiKey { .. }) && !project.deployed.api_key_allowed {
        return Err(AuthenticateError::ApiKeyDenied);
    }
    Ok(())
}

/// The credential behind `Authorization: Bearer`.
///
/// # Errors
/// When there is none, or not as Bearer.
pub fn bearer(headers: &HeaderMap) -> Result<Secret, AuthenticateError> {
    let value = headers.get(header::AUTHORIZATION).ok_or(AuthenticateError::Missing)?;
    let value = value.to_str().map_err(|_| AuthenticateError::NotBearer)?;
    let value = value.trim();
    if value.is_empty() || value.eq_ignore_ascii_case("bearer") {
        return Err(AuthenticateError::Missing);
    }
    let (scheme, credential) = value.split_once(' ').ok_or(AuthenticateError::NotBearer)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(AuthenticateError::NotBearer);
    }
    Ok(Secret::new(credential.trim()))
}

/// A verified API key: its row and the tenant of its project.
pub async fn api_key(
    gateway: &Gateway,
    key: &Secret,
) -> Result<(std::sync::Arc<crate::gateway::store::rows::ApiKeyRow>, std::sync::Arc<Project>), Refusal> {
    if !is_api_key(key.expose()) {
        return Err(AuthenticateError::ApiKey.into());
    }
    let row = gateway.directory().api_key(api_keys::lookup(key.expose())).await?;
    let row = row.filter(|row| row.revoked_at.is_none()).ok_or(AuthenticateError::ApiKey)?;
    if !gateway.key_cache().verify(key, &row).await? {
        return Err(AuthenticateError::ApiKey.into());
    }
    let project = gateway.directory().project(row.project_id).await?.ok_or(AuthenticateError::ApiKey)?;
    Ok((row, project))
}

async fn by_api_key(gateway: &Gateway, key: &Secret, headers: &HeaderMap) -> Result<Principal, Refusal> {
    let (row, project) = api_key(gateway, key).await?;
    let user = match text(headers, &END_USER, "X-End-User-Id")? {
        None => None,
        Some(user) => {
            let user = UserId::parse(user);
            Some(user.map_err(|source| AuthenticateError::Id { place: "X-End-User-Id", source })?)
        }
    };
    let tags = match text(headers, &TAGS, "X-Behest-Tags")? {
        None => None,
        Some(list) => Some(tags::parse_list(&list).map_err(AuthenticateError::Tags)?),
    };
    Ok(Principal {
        tenant: project.row.tenant_id,
        project: project.row.id,
        user: user.map(|user| user.as_str().to_owned()),
        tier: None,
        role: row.role,
        session: None,
        tags,
        credential: CredentialKind::ApiKey { id: row.id },
        draft: false,
    })
}

/// Recognises a token, whatever route it came on.
///
/// # Errors
/// When it is not believed.
pub async fn by_token(gateway: &Gateway, token: &Secret) -> Result<Principal, Refusal> {
    let verdict = gateway.tokens().verify(gateway.directory(), token.expose(), clock::now_seconds()).await;
    let verdict = verdict.map_err(|error| match error {
        NotBelieved::Token(error) => Refusal::from(AuthenticateError::from(error)),
        NotBelieved::Store(error) => Refusal::from(error),
    })?;
    if let Some(principal) = verdict.principal.get() {
        return Ok(principal.clone());
    }
    let principal = named_by(&verdict)?;
    Ok(verdict.principal.get_or_init(|| principal).clone())
}

/// Whom a verified token names.
fn named_by(verdict: &Verdict) -> Result<Principal, AuthenticateError> {
    let claims = verdict.verified.claims();
    let id = |text: &str| Uuid::parse_str(text).map_err(|_| AuthenticateError::TokenProject);
    let (tenant, project) = (id(&claims.tid)?, id(&claims.pid)?);
    let (role, credential, draft) = match &verdict.signer {
        Signer::Gateway => {
            let role = claims.role.as_deref().and_then(Role::parse).unwrap_or_default();
            (role, CredentialKind::Minted, claims.draft)
        }
        // Whatever the claim says: a tenant's key speaks for end users only.
        Signer::Tenant { kid, tenant: owner } => {
            if *owner != tenant {
                return Err(AuthenticateError::TokenProject);
            }
            (Role::User, CredentialKind::Local { kid: kid.clone() }, false)
        }
    };
    let user =
        UserId::parse(claims.uid.clone()).map_err(|source| AuthenticateError::Id { place: "uid", source })?;
    let session = claims.sid.clone().filter(|sid| !sid.is_empty()).map(SessionId::parse).transpose();
    let session = session.map_err(|source| AuthenticateError::Id { place: "sid", source })?;
    let tier = claims.tier.as_ref().map(|tier| tier.name().filter(|name| name.len() <= MAX_TIER_BYTES));
    let tier = tier.map(|name| name.ok_or(AuthenticateError::Tier)).transpose()?;
    if let Some(tags) = &claims.tags {
        tags::check(tags).map_err(AuthenticateError::Tags)?;
    }
    Ok(Principal {
        tenant,
        project,
        user: Some(user.as_str().to_owned()),
        tier: tier.map(str::to_owned),
        role,
        session,
        tags: claims.tags.clone(),
        credential,
        draft,
    })
}

/// A header's text, UTF-8 included: browsers and SDKs send user ids as they are.
fn text(
    headers: &HeaderMap,
    name: &HeaderName,
    place: &'static str,
) -> Result<Option<String>, AuthenticateError> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let unreadable = || AuthenticateError::Id { place, source: BadId::User { length: value.len() } };
    let value = std::str::from_utf8(value.as_bytes()).map_err(|_| unreadable())?.trim();
    Ok((!value.is_empty()).then(|| value.to_owned()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn an_authorization_without_a_credential_is_a_missing_one() {
        let read = |value: &'static str| {
            bearer(&HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))]))
        };
        for empty in ["", " ", "Bearer", "bearer "] {
            assert!(matches!(read(empty), Err(AuthenticateError::Missing)), "{empty:?}");
        }
        for other in ["Basic dTpw", "behest_sk_live_0", "Bearerx y"] {
            assert!(matches!(read(other), Err(AuthenticateError::NotBearer)), "{other:?}");
        }
        assert_eq!(read("Bearer  x").expect("a credential").expose(), "x");
        assert!(matches!(bearer(&HeaderMap::new()), Err(AuthenticateError::Missing)));
    }
}
