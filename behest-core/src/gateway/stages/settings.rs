//! Which settings bind the call: the deployed ones, or those of the user's tier, or the draft for a test token.

use std::sync::Arc;

use crate::gateway::context::{Caller, Configured, Known};
use crate::gateway::refusal::Refuse;
use crate::gateway::tags::{self, BadTags};
use crate::types::problem::Code;

/// Why the settings do not let a call pass.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A tag that the project does not accept.
    #[error(transparent)]
    Tags(#[from] BadTags),
}

impl Refuse for SettingsError {
    fn code(&self) -> Code {
        match self {
            Self::Tags(_) => Code::ValidationError,
        }
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::Tags(_) => Some("tags"),
        }
    }
}

/// Puts the project's settings to the caller.
///
/// # Errors
/// [`SettingsError`]
pub fn settings(known: Known) -> Result<Configured, SettingsError> {
    let Known { incoming, principal, project } = known;
    let settings = match principal.draft {
        true => &project.draft,
        false => project.settings_of(principal.tier.as_deref()),
    };
    if let Some(tags) = &principal.tags {
        tags::check_names(tags, settings.tag_keys.as_deref())?;
    }
    let caller = Caller { settings: Arc::clone(settings), trace: incoming.trace.clone(), principal, project };
    Ok(Configured { incoming, caller })
}
