//! A tenant's own providers and a project's: keys go in sealed and never come back.

use uuid::Uuid;

use super::access::Admin;
use super::{ControlError, projects, tenants};
use crate::gateway::auth::provider_keys;
use crate::gateway::providers::address::check_base_url;
use crate::gateway::providers::check::{Verdict, check};
use crate::gateway::providers::vertex::account::Account;
use crate::gateway::providers::{Dialect, LOCAL, Upstream, known};
use crate::gateway::refusal::Refusal;
use crate::gateway::store::rows::{Owner, ProviderRow};
use crate::gateway::{Gateway, clock};
use crate::secret::Secret;
use crate::types::control::{NewProvider, Plan, Provider};

/// Whose providers a caller is about, and may be.
#[derive(Debug, Clone, Copy)]
pub struct Scope(Owner);

impl Scope {
    /// A tenant's, for who may act for all of it.
    pub async fn of_tenant(gateway: &Gateway, admin: Admin, id: &str) -> Result<Self, Refusal> {
        Ok(Self(Owner::Tenant(tenants::find(gateway, admin, id).await?.id)))
    }

    /// A project's, for who may act for it.
    pub async fn of_project(gateway: &Gateway, admin: Admin, id: &str) -> Result<Self, Refusal> {
        let project = projects::find(gateway, admin, id).await?;
        Ok(Self(Owner::Project { tenant: project.row.tenant_id, project: project.row.id }))
    }
}

/// Lists what is called in a scope, of each name only the first that counts: a project's own providers, its tenant's, the
/// platform's, and at the end the offline one.
pub async fn list(gateway: &Gateway, Scope(owner): Scope) -> Result<Vec<Provider>, Refusal> {
    let mut rows = gateway.store().providers(owner).await?;
    if let Owner::Project { tenant, .. } = owner {
        rows.extend(gateway.store().providers(Owner::Tenant(tenant)).await?);
    }
    let mut listed: Vec<Provider> = rows.iter().map(|row| view(gateway, row)).collect();
    listed.extend(gateway.directory().platform().iter().map(|upstream| of_platform(upstream)));
    listed.push(Provider { local: true, ..unstored(LOCAL, "built-in") });
    let mut names = std::collections::HashSet::new();
    listed.retain(|provider| names.insert(provider.name.clone()));
    Ok(listed)
}

/// Adds or replaces a provider, once it has said that it takes the key.
pub async fn put(
    gateway: &Gateway,
    admin: Admin,
    Scope(owner): Scope,
    new: NewProvider,
) -> Result<Provider, Refusal> {
    let tenant = gateway.store().tenant(owner.tenant()).await?;
    if tenant.is_none_or(|tenant| tenant.plan == Plan::Free) {
        return Err(ControlError::ByokNeedsPlan.into());
    }
    if new.base_url.is_some() || new.local {
        // An address of the caller's choosing could point a key, or the gateway itself, anywhere.
        admin.operator_only()?;
    }
    let asks = new.check;
    let (mut row, key) = read(owner, new)?;
    if let Some(key) = &key {
        provider_keys::seal(&mut row, gateway.sealer(), key)
            .map_err(|_| ControlError::Ours("the key could not be sealed"))?;
    }
    if asks {
        ask(gateway, &row).await?;
    }
    gateway.store().put_provider(row.clone()).await?;
    changed(gateway, owner).await?;
    Ok(view(gateway, &row))
}

/// Removes a provider with its key.
pub async fn remove(gateway: &Gateway, Scope(owner): Scope, name: &str) -> Result<(), Refusal> {
    if !gateway.store().remove_provider(owner, name).await? {
        return Err(ControlError::NotFound("provider here").into());
    }
    changed(gateway, owner).await
}

async fn changed(gateway: &Gateway, owner: Owner) -> Result<(), Refusal> {
    gateway.directory().providers_changed(owner);
    Ok(gateway.key_audit().recount(gateway.store(), gateway.sealer()).await?)
}

/// What is to be stored, its key apart.
fn read(owner: Owner, new: NewProvider) -> Result<(ProviderRow, Option<Secret>), ControlError> {
    check_provider_name(&new.name)?;
    let base_url = match &new.base_url {
        Some(base_url) => Some(
            check_base_url(base_url, new.local)
                .map_err(|error| ControlError::field("base_url", format!("is refused: {error}")))?,
        ),
        None if known::base_url(&new.name).is_some() => None,
        None => return Err(ControlError::field("base_url", "is needed for this provider")),
    };
    let key = new.api_key.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty()).map(Secret::new);
    check_key(&new.name, base_url.as_deref(), new.local, key.as_ref())?;
    let row = ProviderRow {
        id: Uuid::now_v7(),
        owner,
        last_four: key.as_ref().and_then(|key| known::last_four(dialect_of(&new.name), key)),
        name: new.name,
        base_url,
        local: new.local,
        master_key_id: None,
        sealed_key: None,
        models: new.models.filter(|models| !models.is_empty()),
        created_at: clock::now_ms(),
    };
    Ok((row, key))
}

fn check_key(
    name: &str,
    base_url: Option<&str>,
    local: bool,
    key: Option<&Secret>,
) -> Result<(), ControlError> {
    let Some(key) = key else {
        return match base_url {
            Some(_) => Ok(()),
            None => Err(ControlError::field("api_key", "is needed for this provider")),
        };
    };
    if dialect_of(name) == Dialect::Vertex {
        let account = Account::read(key, local);
        return account.map(drop).map_err(|error| ControlError::field("api_key", error.to_string()));
    }
    if !key.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ControlError::field("api_key", "must be visible ASCII"));
    }
    // At an address of its own it may be another server, with keys of another form.
    if let (None, Some(known)) = (base_url, known::find(name))
        && let Some(prefix) = known.key_prefix.filter(|prefix| !key.expose().starts_with(prefix))
    {
        let rule = format!("is no key of {}: those begin with `{prefix}`", known.name);
        return Err(ControlError::field("api_key", rule));
    }
    Ok(())
}

fn dialect_of(name: &str) -> Dialect {
    known::find(name).map_or(Dialect::OpenAi, |known| known.dialect)
}

async fn ask(gateway: &Gateway, row: &ProviderRow) -> Result<(), ControlError> {
    let upstream = Upstream::of_row(row, gateway.sealer());
    match check(&upstream, gateway.http()).await {
        Verdict::Taken => Ok(()),
        Verdict::Refused(error) => Err(ControlError::field(
            "api_key",
            format!("is refused by {}, and not stored: {error}", row.name),
        )),
        Verdict::Unknown(source) => Err(ControlError::Unchecked { provider: row.name.clone(), source }),
    }
}

fn check_provider_name(name: &str) -> Result<(), ControlError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        return Err(ControlError::field("name", "has 1 to 64 characters of a-z, 0-9 and -"));
    }
    if name == LOCAL {
        return Err(ControlError::field("name", "`local` is the offline model's"));
    }
    Ok(())
}

fn view(gateway: &Gateway, row: &ProviderRow) -> Provider {
    let project = row.owner.project();
    Provider {
        id: Some(row.id.to_string()),
        name: row.name.clone(),
        source: if project.is_some() { "project" } else { "tenant" }.to_owned(),
        project_id: project.map(|project| project.to_string()),
        base_url: row.base_url.clone(),
        local: row.local,
        key_last_four: row.last_four.clone(),
        readable: provider_keys::is_readable(row, gateway.sealer()),
        created_at: Some(clock::rfc3339(row.created_at)),
    }
}

fn of_platform(upstream: &Upstream) -> Provider {
    Provider {
        base_url: Some(upstream.base_url.clone()),
        local: upstream.local,
        key_last_four: upstream.last_four(),
        ..unstored(&upstream.name, "platform")
    }
}

fn unstored(name: &str, source: &str) -> Provider {
    Provider {
        id: None,
        name: name.to_owned(),
        source: source.to_owned(),
        project_id: None,
        base_url: None,
        local: false,
        key_last_four: None,
        readable: true,
        created_at: None,
    }
}
