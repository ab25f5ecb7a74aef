//! API keys of a project and signing keys of a tenant.

use uuid::Uuid;

use super::access::Admin;
use super::projects::find;
use super::{ControlError, check_name, tenants};
use crate::gateway::auth::api_keys;
use crate::gateway::refusal::Refusal;
use crate::gateway::store::rows::{ApiKeyRow, SigningKeyRow};
use crate::gateway::{Gateway, clock};
use crate::token;
use crate::types::control::{ApiKey, CreatedApiKey, CreatedSigningKey, NewApiKey, NewSigningKey, SigningKey};

/// Lists a project's API keys, revoked ones too.
pub async fn list(gateway: &Gateway, admin: Admin, project: &str) -> Result<Vec<ApiKey>, Refusal> {
    let project = find(gateway, admin, project).await?;
    Ok(gateway.store().api_keys(project.row.id).await?.iter().map(view).collect())
}

/// Makes an API key; its text is in this answer and nowhere else.
pub async fn create(
    gateway: &Gateway,
    admin: Admin,
    project: &str,
    new: NewApiKey,
) -> Result<CreatedApiKey, Refusal> {
    let project = find(gateway, admin, project).await?;
    let role = new.role.unwrap_or_default();
    if role > admin.role() {
        return Err(ControlError::RoleAbove { asked: role.as_str(), own: admin.role().as_str() }.into());
    }
    let key = api_keys::generate();
    let hashed = key.clone();
    let hash = tokio::task::spawn_blocking(move || api_keys::hash(&hashed)).await;
    let hash = hash.ok().and_then(Result::ok).ok_or(ControlError::Ours("the key could not be hashed"))?;
    let row = ApiKeyRow {
        id: Uuid::now_v7(),
        project_id: project.row.id,
        name: new.name.as_deref().map(check_name).transpose()?.unwrap_or_default(),
        role,
        lookup: api_keys::lookup(key.expose()),
        hash,
        last_four: api_keys::last_four(key.expose()),
        created_at: clock::now_ms(),
        revoked_at: None,
    };
    gateway.store().add_api_key(row.clone()).await?;
    gateway.directory().api_key_changed(&row.lookup);
    Ok(CreatedApiKey { api_key: view(&row), key: key.expose().to_owned() })
}

/// Revokes an API key: refused from the next request on.
pub async fn revoke(gateway: &Gateway, admin: Admin, project: &str, key: &str) -> Result<(), Refusal> {
    let project = find(gateway, admin, project).await?;
    let id = Uuid::parse_str(key).map_err(|_| ControlError::NotFound("active API key"))?;
    let lookup = gateway.store().revoke_api_key(project.row.id, id, clock::now_ms()).await?;
    let lookup = lookup.ok_or(ControlError::NotFound("active API key"))?;
    gateway.directory().api_key_changed(&lookup);
    Ok(())
}

/// Lists a tenant's signing keys, revoked ones too.
pub async fn list_signing(gateway: &Gateway, admin: Admin, tenant: &str) -> Result<Vec<SigningKey>, Refusal> {
    let tenant = tenants::find(gateway, admin, tenant).await?;
    Ok(gateway.store().signing_keys(Some(tenant.id)).await?.iter().map(signing_view).collect())
}

/// Makes a signing key; its private half is in this answer and nowhere else.
pub async fn create_signing(
    gateway: &Gateway,
    admin: Admin,
    tenant: &str,
    new: NewSigningKey,
) -> Result<CreatedSigningKey, Refusal> {
    let tenant = tenants::find(gateway, admin, tenant).await?;
    let kid = format!("sk_{}", Uuid::new_v4().simple());
    let named = kid.clone();
    let made = tokio::task::spawn_blocking(move || token::SigningKey::generate(&named)).await;
    let (key, pem) =
        made.ok().and_then(Result::ok).ok_or(ControlError::Ours("the key could not be generated"))?;
    let row = SigningKeyRow {
        kid,
        tenant_id: tenant.id,
        name: new.name.as_deref().map(check_name).transpose()?.unwrap_or_default(),
        jwk: key.public().clone(),
        created_at: clock::now_ms(),
        revoked_at: None,
    };
    gateway.store().add_signing_key(row.clone()).await?;
    gateway.directory().signing_key_changed(&row.kid);
    Ok(CreatedSigningKey { signing_key: signing_view(&row), private_key_pem: pem.expose().to_owned() })
}

/// Revokes a signing key: its tokens are refused from the next request on.
pub async fn revoke_signing(gateway: &Gateway, admin: Admin, tenant: &str, kid: &str) -> Result<(), Refusal> {
    let tenant = tenants::find(gateway, admin, tenant).await?;
    if !gateway.store().revoke_signing_key(tenant.id, kid, clock::now_ms()).await? {
        return Err(ControlError::NotFound("active signing key").into());
    }
    gateway.directory().signing_key_changed(kid);
    Ok(())
}

fn view(row: &ApiKeyRow) -> ApiKey {
    ApiKey {
        id: row.id.to_string(),
        project_id: row.project_id.to_string(),
        name: row.name.clone(),
        role: row.role,
        last_four: row.last_four.clone(),
        created_at: clock::rfc3339(row.created_at),
        revoked_at: row.revoked_at.map(clock::rfc3339),
    }
}

fn signing_view(row: &SigningKeyRow) -> SigningKey {
    SigningKey {
        kid: row.kid.clone(),
        tenant_id: row.tenant_id.to_string(),
        name: row.name.clone(),
        created_at: clock::rfc3339(row.created_at),
        revoked_at: row.revoked_at.map(clock::rfc3339),
    }
}
