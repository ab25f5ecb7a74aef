//! Which settings bind the call: the deployed ones, or the draft for a test token.

use std::sync::Arc;

use crate::gateway::context::{Caller, Configured, Known};

/// Puts the project's settings to the caller.
#[must_use]
pub fn settings(known: Known) -> Configured {
    let Known { incoming, principal, project } = known;
    let settings = if principal.draft { &project.draft } else { &project.deployed };
    let caller = Caller { settings: Arc::clone(settings), trace: incoming.trace.clone(), principal, project };
    Configured { incoming, caller }
}
