//! Tenants: the operator's to make.

use uuid::Uuid;

use super::access::Admin;
use super::{ControlError, check_name};
use crate::gateway::refusal::Refusal;
use crate::gateway::store::rows::TenantRow;
use crate::gateway::{Gateway, clock};
use crate::types::control::{NewTenant, Tenant};

/// Lists the tenants that the caller sees.
pub async fn list(gateway: &Gateway, admin: Admin) -> Result<Vec<Tenant>, Refusal> {
    let rows = gateway.store().tenants().await?;
    let sees = |row: &TenantRow| match admin {
        Admin::Operator => true,
        Admin::Tenant(tenant) | Admin::Project { tenant, .. } => row.id == tenant,
    };
    Ok(rows.into_iter().filter(sees).map(view).collect())
}

/// Makes a tenant.
pub async fn create(gateway: &Gateway, admin: Admin, new: NewTenant) -> Result<Tenant, Refusal> {
    admin.operator_only()?;
    let row = TenantRow {
        id: Uuid::now_v7(),
        name: check_name(&new.name)?,
        plan: new.plan.unwrap_or_default(),
        created_at: clock::now_ms(),
    };
    gateway.store().add_tenant(row.clone()).await?;
    Ok(view(row))
}

/// Finds a tenant that the caller may act for.
pub async fn find(gateway: &Gateway, admin: Admin, id: &str) -> Result<TenantRow, Refusal> {
    let id = Uuid::parse_str(id).map_err(|_| ControlError::NotFound("tenant"))?;
    admin.for_tenant(id)?;
    Ok(gateway.store().tenant(id).await?.ok_or(ControlError::NotFound("tenant"))?)
}

fn view(row: TenantRow) -> Tenant {
    Tenant {
        id: row.id.to_string(),
        name: row.name,
        plan: row.plan,
        created_at: clock::rfc3339(row.created_at),
    }
}
