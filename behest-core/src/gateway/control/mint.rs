//! Minting: a per-user token in exchange for an API key.

use std::sync::Arc;

use uuid::Uuid;

use super::ControlError;
use crate::gateway::context::{Incoming, Project};
use crate::gateway::refusal::Refusal;
use crate::gateway::stages::switches::Killed;
use crate::gateway::stages::{authenticate, locate};
use crate::gateway::store::rows::KillTarget;
use crate::gateway::{Gateway, clock, tags};
use crate::token::Claims;
use crate::token::claims::Audience;
use crate::token::key::API_KEY_PREFIX;
use crate::types::control::ProjectStatus;
use crate::types::ids::{SessionId, UserId};
use crate::types::mint::{DEFAULT_TTL, MAX_TTL, MIN_TTL, MintRequest, MintResponse, Role, Tags, Tier};

/// What a token will say.
pub(crate) struct Grant {
    pub user: UserId,
    pub session: Option<SessionId>,
    pub tier: Option<Tier>,
    pub role: Role,
    pub tags: Option<Tags>,
    pub ttl: u64,
    pub draft: bool,
}

/// Recognises the API key that asks, before its body is read: nobody else mints.
pub async fn minter(
    gateway: &Gateway,
    incoming: Incoming,
) -> Result<(Incoming, Arc<Project>, Role), Refusal> {
    let located = locate::locate(gateway, incoming).await?;
    let key = authenticate::bearer(&located.incoming.head.headers)?;
    if !key.expose().starts_with(API_KEY_PREFIX) {
        return Err(authenticate::AuthenticateError::ApiKey.into());
    }
    let (row, project) = authenticate::api_key(gateway, &key).await?;
    if located.site.is_some_and(|site| site.row.id != project.row.id) {
        return Err(authenticate::AuthenticateError::OtherProject.into());
    }
    if project.row.status == ProjectStatus::Suspended {
        return Err(authenticate::AuthenticateError::Suspended.into());
    }
    // Wider switches stop the tokens where they are used; whoever administers the project must get one to lift them.
    let own = KillTarget::Key { tenant: project.row.tenant_id, project: project.row.id, api_key: row.id };
    if let Some(thrown) = gateway.switches().get(&own) {
        return Err(Killed::from(&*thrown).into());
    }
    let _ = located.incoming.trace.project.set(Arc::clone(&project));
    Ok((located.incoming, project, row.role))
}

/// Mints what was asked for, if the key may grant it.
pub async fn mint(
    gateway: &Gateway,
    project: &Project,
    key_role: Role,
    request: MintRequest,
) -> Result<MintResponse, Refusal> {
    let user = check_user(request.user_id)?;
    let session = request.session_id.filter(|session| !session.is_empty()).map(SessionId::parse).transpose();
    let session =
        session.map_err(|error| ControlError::field("session_id", format!("is refused: {error}")))?;
    let ttl = request.ttl.unwrap_or(DEFAULT_TTL);
    if !(MIN_TTL..=MAX_TTL).contains(&ttl) {
        return Err(ControlError::field("ttl", format!("must be {MIN_TTL} to {MAX_TTL} seconds")).into());
    }
    let role = match request.role.as_deref() {
        None | Some("") => Role::User,
        Some(name) => Role::parse(name)
            .ok_or_else(|| ControlError::field("role", "must be `user`, `admin` or `dashboard-service`"))?,
    };
    if role > key_role {
        return Err(ControlError::RoleAbove { asked: role.as_str(), own: key_role.as_str() }.into());
    }
    if let Some(tier) = &request.tier {
        let fits = tier.name().is_some_and(|name| {
            name.len() <= authenticate::MAX_TIER_BYTES && !name.chars().any(char::is_control)
        });
        if !fits {
            let problem = "must be 1, 2, 3, `free`, `pro`, `max`, or a custom name of at most 64 bytes";
            return Err(ControlError::field("tier", problem).into());
        }
    }
    if let Some(tags) = &request.tags {
        let accepted = project.deployed.tag_keys.as_deref();
        tags::check(tags)
            .and_then(|()| tags::check_names(tags, accepted))
            .map_err(|error| ControlError::field("tags", format!("is refused: {error}")))?;
    }
    let grant = Grant { user, session, tier: request.tier, role, tags: request.tags, ttl, draft: false };
    sign(gateway, project, grant).await
}

pub(crate) fn check_user(user: String) -> Result<UserId, ControlError> {
    UserId::parse(user).map_err(|error| ControlError::field("user_id", format!("is refused: {error}")))
}

/// Signs a token, on the blocking pool: RSA takes about a millisecond of a core.
pub(crate) async fn sign(
    gateway: &Gateway,
    project: &Project,
    grant: Grant,
) -> Result<MintResponse, Refusal> {
    let now = clock::now_seconds();
    let expires = now + grant.ttl as i64;
    let session = match grant.session {
        Some(session) => session.as_str().to_owned(),
        None => Uuid::new_v4().to_string(),
    };
    let claims = Claims {
        tid: project.row.tenant_id.to_string(),
        pid: project.row.id.to_string(),
        uid: grant.user.as_str().to_owned(),
        role: Some(grant.role.as_str().to_owned()),
        scp: Vec::new(),
        iss: gateway.tokens().issuer().to_owned(),
        aud: Audience::One(gateway.tokens().audience().to_owned()),
        iat: now,
        nbf: Some(now),
        exp: expires,
        jti: Some(Uuid::new_v4().to_string()),
        sid: Some(session.clone()),
        tier: grant.tier,
        tags: grant.tags.filter(|tags| !tags.is_empty()),
        draft: grant.draft,
    };
    let signer = gateway.clone();
    let token = tokio::task::spawn_blocking(move || signer.tokens().sign(&claims))
        .await
        .map_err(|_| ControlError::Ours("signing was interrupted"))??;
    Ok(MintResponse {
        jwt: token.expose().to_owned(),
        access_token: token.expose().to_owned(),
        token_type: "Bearer".to_owned(),
        project_id: project.row.id.to_string(),
        ttl: grant.ttl,
        expires_in: grant.ttl,
        expires_at: clock::rfc3339(expires * 1000),
        session_id: session,
    })
}
