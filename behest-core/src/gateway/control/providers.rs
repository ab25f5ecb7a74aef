//! A tenant's own providers: keys go in sealed and never come back.

use super::access::Admin;
use super::{ControlError, tenants};
use crate::gateway::ledger::record::KeySource;
use crate::gateway::providers::address::check_base_url;
use crate::gateway::providers::vertex::account::Account;
use crate::gateway::providers::{Dialect, LOCAL, known};
use crate::gateway::refusal::Refusal;
use crate::gateway::store::rows::ProviderRow;
use crate::gateway::{Gateway, clock};
use crate::secret::Secret;
use crate::types::control::{NewProvider, Plan, Provider};

/// Lists a tenant's providers, then the platform's, then the offline one.
pub async fn list(gateway: &Gateway, admin: Admin, tenant: &str) -> Result<Vec<Provider>, Refusal> {
    let tenant = tenants::find(gateway, admin, tenant).await?;
    let own = gateway.store().providers(tenant.id).await?;
    let mut listed: Vec<Provider> = own.iter().map(view).collect();
    let catalogue = gateway.directory().catalogue(tenant.id).await?;
    let platform = catalogue.upstreams().iter().filter(|upstream| upstream.source == KeySource::Platform);
    listed.extend(platform.map(|upstream| Provider {
        name: upstream.name.clone(),
        source: "platform".to_owned(),
        base_url: Some(upstream.base_url.clone()),
        local: upstream.local,
        key_last_four: upstream.last_four(),
        created_at: None,
    }));
    listed.push(Provider {
        name: LOCAL.to_owned(),
        source: "built-in".to_owned(),
        base_url: None,
        local: true,
        key_last_four: None,
        created_at: None,
    });
    Ok(listed)
}

/// Adds or replaces a provider.
pub async fn put(
    gateway: &Gateway,
    admin: Admin,
    tenant: &str,
    new: NewProvider,
) -> Result<Provider, Refusal> {
    let tenant = tenants::find(gateway, admin, tenant).await?;
    if tenant.plan == Plan::Free {
        return Err(ControlError::ByokNeedsPlan.into());
    }
    if new.base_url.is_some() || new.local {
        // An address of the caller's choosing could point a key, or the gateway itself, anywhere.
        admin.operator_only()?;
    }
    check_provider_name(&new.name)?;
    let base_url = match &new.base_url {
        Some(base_url) => Some(
            check_base_url(base_url, new.local)
                .map_err(|error| ControlError::field("base_url", format!("is refused: {error}")))?,
        ),
        None if known::base_url(&new.name).is_some() => None,
        None => return Err(ControlError::field("base_url", "is needed for this provider").into()),
    };
    let key = new.api_key.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty()).map(Secret::new);
    if key.is_none() && base_url.is_none() {
        return Err(ControlError::field("api_key", "is needed for this provider").into());
    }
    let dialect = known::find(&new.name).map(|known| known.dialect);
    if dialect == Some(Dialect::Vertex) {
        let account = key.as_ref().map(|key| Account::read(key, new.local)).transpose();
        account.map_err(|error| ControlError::field("api_key", error.to_string()))?;
    } else if key.as_ref().is_some_and(|key| !key.expose().bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(ControlError::field("api_key", "must be visible ASCII").into());
    }
    // At an address of its own it may be another server, with keys of another form.
    if let (Some(key), None, Some(known)) = (&key, &base_url, known::find(&new.name))
        && let Some(prefix) = known.key_prefix.filter(|prefix| !key.expose().starts_with(prefix))
    {
        let rule = format!("is no key of {}: those begin with `{prefix}`", known.name);
        return Err(ControlError::field("api_key", rule).into());
    }
    let owner = [tenant.id.to_string(), new.name.clone()];
    let sealer = gateway.sealer();
    let sealed =
        key.as_ref().map(|key| sealer.seal(&[owner[0].as_str(), owner[1].as_str()], key)).transpose();
    let sealed_key = sealed.map_err(|_| ControlError::Ours("the key could not be sealed"))?;
    let row = ProviderRow {
        tenant_id: tenant.id,
        name: new.name,
        base_url,
        local: new.local,
        master_key_id: sealed_key.as_ref().map(|_| sealer.id().to_owned()),
        sealed_key,
        last_four: key.as_ref().map(|key| known::last_four(dialect.unwrap_or(Dialect::OpenAi), key)),
        models: new.models.filter(|models| !models.is_empty()),
        created_at: clock::now_ms(),
    };
    gateway.store().put_provider(row.clone()).await?;
    gateway.directory().providers_changed(tenant.id);
    Ok(view(&row))
}

/// Removes a provider with its key.
pub async fn remove(gateway: &Gateway, admin: Admin, tenant: &str, name: &str) -> Result<(), Refusal> {
    let tenant = tenants::find(gateway, admin, tenant).await?;
    if !gateway.store().remove_provider(tenant.id, name).await? {
        return Err(ControlError::NotFound("provider of this tenant").into());
    }
    gateway.directory().providers_changed(tenant.id);
    Ok(())
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

fn view(row: &ProviderRow) -> Provider {
    Provider {
        name: row.name.clone(),
        source: "tenant".to_owned(),
        base_url: row.base_url.clone(),
        local: row.local,
        key_last_four: row.last_four.clone(),
        created_at: Some(clock::rfc3339(row.created_at)),
    }
}
