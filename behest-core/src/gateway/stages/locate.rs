//! Which project the Host names.

use std::sync::Arc;

use http::header;

use crate::gateway::Gateway;
use crate::gateway::context::{Incoming, Located, Project};
use crate::gateway::refusal::{Refusal, Refuse};
use crate::types::problem::Code;

/// Why the host names no project.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// The host has a slug that nobody has.
    #[error("no project has the slug of this host")]
    UnknownSlug,
}

impl Refuse for LocateError {
    fn code(&self) -> Code {
        match self {
            Self::UnknownSlug => Code::NotFound,
        }
    }
}

/// Finds the project of the Host's slug. A host without one leaves the project to the credential.
pub async fn locate(gateway: &Gateway, incoming: Incoming) -> Result<Located, Refusal> {
    let site = match slug_of(gateway, &incoming.head) {
        None => None,
        Some(slug) => {
            let project = gateway.directory().project_by_slug(&slug).await?;
            Some(project.ok_or(LocateError::UnknownSlug)?)
        }
    };
    if let Some(project) = &site {
        note(&incoming, project);
    }
    Ok(Located { incoming, site })
}

/// The slug in the Host header: the one label in front of `localhost` or of the base domain.
#[must_use]
pub fn slug_of(gateway: &Gateway, head: &http::request::Parts) -> Option<String> {
    let host =
        head.headers.get(header::HOST).and_then(|host| host.to_str().ok()).or_else(|| head.uri.host())?;
    gateway.hosts().slug(host)
}

/// From here on only this project's CORS list counts.
fn note(incoming: &Incoming, project: &Arc<Project>) {
    // Set once for each request; `authenticate` finds it set when the host named the project.
    let _ = incoming.trace.project.set(Arc::clone(project));
}
