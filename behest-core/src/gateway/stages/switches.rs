//! The kill switches: a call that one of them stops goes no further.

use crate::gateway::Gateway;
use crate::gateway::context::{Allowed, Configured, CredentialKind};
use crate::gateway::refusal::Refuse;
use crate::gateway::store::rows::KillRow;
use crate::types::kill::KillScope;
use crate::types::problem::Code;

/// A kill switch is thrown.
#[derive(Debug, thiserror::Error)]
#[error("{}{}: calls are answered again once the kill switch is taken back", stopped(*scope), reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default())]
pub struct Killed {
    /// What it stops.
    pub scope: KillScope,
    /// Why, where somebody said.
    pub reason: Option<String>,
}

const fn stopped(scope: KillScope) -> &'static str {
    match scope {
        KillScope::Global => "this gateway has been stopped",
        KillScope::Tenant => "this tenant has been stopped",
        KillScope::Project => "this project has been stopped",
        KillScope::User => "this user has been stopped",
        KillScope::Key => "this API key has been stopped",
    }
}

impl Refuse for Killed {
    fn code(&self) -> Code {
        Code::Killed
    }

    fn details(&self) -> Option<serde_json::Value> {
        Some(serde_json::json!({ "scope": self.scope.as_str() }))
    }
}

/// Lets a caller pass for whom no kill switch is thrown.
///
/// # Errors
/// The widest switch that stops it.
pub fn switches(gateway: &Gateway, configured: Configured) -> Result<Allowed, Killed> {
    let Configured { incoming, caller } = configured;
    let principal = &caller.principal;
    let api_key = match principal.credential {
        CredentialKind::ApiKey { id } => Some(id),
        CredentialKind::Minted | CredentialKind::Local { .. } => None,
    };
    match gateway.switches().thrown(principal.tenant, principal.project, principal.user.as_deref(), api_key) {
        Some(thrown) => Err(Killed::from(&*thrown)),
        None => Ok(Allowed { incoming, caller }),
    }
}

impl From<&KillRow> for Killed {
    fn from(thrown: &KillRow) -> Self {
        Self { scope: thrown.target.scope(), reason: thrown.reason.clone() }
    }
}
