//! Who may use the control plane.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::{constant_time, digest};
use http::HeaderName;
use http::request::Parts;
use uuid::Uuid;

use super::ControlError;
use crate::gateway::Gateway;
use crate::gateway::context::Project;
use crate::gateway::refusal::Refusal;
use crate::gateway::serve::edge::Peer;
use crate::gateway::stages::{authenticate, locate};
use crate::gateway::store::ProjectScope;
use crate::token::key::API_KEY_PREFIX;
use crate::types::mint::Role;

const ADMIN_SECRET: HeaderName = HeaderName::from_static("x-admin-secret");
/// So many wrong secrets from one address within the window, and it must wait.
const FAILURES_ALLOWED: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses that are remembered; a flood from more of them starts the count anew.
const ADDRESSES: usize = 10_000;

/// What a caller of the control plane may touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admin {
    /// Everything.
    Operator,
    /// One tenant and its projects.
    Tenant(Uuid),
    /// One project.
    Project {
        /// Its tenant.
        tenant: Uuid,
        /// Itself.
        project: Uuid,
    },
}

impl Admin {
    /// The highest role it may grant.
    #[must_use]
    pub const fn role(self) -> Role {
        match self {
            Self::Operator | Self::Tenant(_) => Role::DashboardService,
            Self::Project { .. } => Role::Admin,
        }
    }

    /// Which projects it sees.
    #[must_use]
    pub const fn scope(self) -> ProjectScope {
        match self {
            Self::Operator => ProjectScope::All,
            Self::Tenant(tenant) => ProjectScope::Tenant(tenant),
            Self::Project { project, .. } => ProjectScope::Project(project),
        }
    }

    /// Whether it may act for the whole of `tenant`.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] for another's tenant, whose existence is nobody's business, and
    /// [`ControlError::Forbidden`] for a project's admin.
    pub fn for_tenant(self, tenant: Uuid) -> Result<(), ControlError> {
        match self {
            Self::Operator => Ok(()),
            Self::Tenant(own) if own == tenant => Ok(()),
            Self::Project { tenant: own, .. } if own == tenant => Err(ControlError::Forbidden(
                "this needs the role dashboard-service: it concerns the whole tenant",
            )),
            Self::Tenant(_) | Self::Project { .. } => Err(ControlError::NotFound("tenant")),
        }
    }

    /// Whether it is the operator.
    ///
    /// # Errors
    /// When it is not.
    pub fn operator_only(self) -> Result<(), ControlError> {
        match self {
            Self::Operator => Ok(()),
            Self::Tenant(_) | Self::Project { .. } => {
                Err(ControlError::Forbidden("only the operator may do this: send X-Admin-Secret"))
            }
        }
    }

    /// Whether it may act for `project`.
    #[must_use]
    pub fn may_act_for(self, project: &Project) -> bool {
        match self {
            Self::Operator => true,
            Self::Tenant(tenant) => project.row.tenant_id == tenant,
            Self::Project { project: own, .. } => project.row.id == own,
        }
    }
}

/// Wrong secrets by address.
#[derive(Debug, Default)]
pub struct Failures(Mutex<HashMap<Option<IpAddr>, (u32, Instant)>>);

impl Failures {
    /// Whether `address` may try.
    fn check(&self, address: Option<IpAddr>, now: Instant) -> Result<(), ControlError> {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match failures.get(&address) {
            Some((count, since)) if *count >= FAILURES_ALLOWED && now < *since + WINDOW => {
                let left = (*since + WINDOW).saturating_duration_since(now).as_secs() + 1;
                Err(ControlError::Throttled { seconds: left })
            }
            _ => Ok(()),
        }
    }

    fn count(&self, address: Option<IpAddr>, now: Instant) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= ADDRESSES {
            failures.clear();
        }
        let entry = failures.entry(address).or_insert((0, now));
        if now >= entry.1 + WINDOW {
            *entry = (0, now);
        }
        entry.0 += 1;
    }
}

/// Recognises a caller of the control plane.
///
/// # Errors
/// When it is not recognised, or its role is too low.
pub async fn admin(gateway: &Gateway, head: &Parts) -> Result<Admin, Refusal> {
    let headers = &head.headers;
    let admin = if let Some(secret) = headers.get(&ADMIN_SECRET) {
        let address = head.extensions.get::<Peer>().map(|peer| peer.0.ip());
        let now = Instant::now();
        gateway.admin_failures().check(address, now)?;
        if !is_admin_secret(gateway, secret.as_bytes()) {
            gateway.admin_failures().count(address, now);
            return Err(ControlError::WrongSecret.into());
        }
        Admin::Operator
    } else {
        by_token(gateway, headers).await?
    };
    on_this_host(gateway, head, admin).await?;
    Ok(admin)
}

/// Compares digests, so that neither the content nor the length of the secret shows in the time it takes.
pub fn is_admin_secret(gateway: &Gateway, given: &[u8]) -> bool {
    let digest = |bytes| digest::digest(&digest::SHA256, bytes);
    let (given, own) = (digest(given), digest(gateway.admin_secret().expose().as_bytes()));
    constant_time::verify_slices_are_equal(given.as_ref(), own.as_ref()).is_ok()
}

async fn by_token(gateway: &Gateway, headers: &http::HeaderMap) -> Result<Admin, Refusal> {
    let token = authenticate::bearer(headers).map_err(|error| match error {
        authenticate::AuthenticateError::Missing => Refusal::from(ControlError::Missing),
        other => other.into(),
    })?;
    if token.expose().starts_with(API_KEY_PREFIX) {
        return Err(ControlError::ApiKey.into());
    }
    let principal = authenticate::by_token(gateway, &token).await?;
    let project = gateway.directory().project(principal.project).await?;
    if project.is_none_or(|project| project.row.tenant_id != principal.tenant) {
        return Err(authenticate::AuthenticateError::TokenProject.into());
    }
    match principal.role {
        Role::DashboardService => Ok(Admin::Tenant(principal.tenant)),
        Role::Admin => Ok(Admin::Project { tenant: principal.tenant, project: principal.project }),
        Role::User => {
            Err(ControlError::Forbidden("the control plane needs the role admin or dashboard-service").into())
        }
    }
}

/// On a project's own host nobody acts for another project.
async fn on_this_host(gateway: &Gateway, head: &Parts, admin: Admin) -> Result<(), Refusal> {
    let Some(slug) = locate::slug_of(gateway, head) else { return Ok(()) };
    let project =
        gateway.directory().project_by_slug(&slug).await?.ok_or(locate::LocateError::UnknownSlug)?;
    if admin.may_act_for(&project) {
        Ok(())
    } else {
        Err(authenticate::AuthenticateError::OtherProject.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_secrets_are_throttled_by_address_and_forgiven_after_a_minute() {
        let failures = Failures::default();
        let start = Instant::now();
        let (mallory, alice) = (Some(IpAddr::from([10, 0, 0, 1])), Some(IpAddr::from([10, 0, 0, 2])));
        for _ in 0..FAILURES_ALLOWED {
            assert!(failures.check(mallory, start).is_ok());
            failures.count(mallory, start);
        }
        assert!(matches!(failures.check(mallory, start), Err(ControlError::Throttled { seconds: 61 })));
        assert!(failures.check(alice, start).is_ok());
        assert!(failures.check(mallory, start + WINDOW).is_ok());
    }
}
