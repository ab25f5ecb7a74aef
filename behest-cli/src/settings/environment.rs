//! Secrets that only the environment may hold: an argument would be visible to other programs.

use behest_core::{Secret, env};

/// The operator's secret for the control plane.
pub const ADMIN_SECRET: &str = "BEHEST_ADMIN_SECRET";
/// The gateway's master key for secrets at rest.
pub const ENCRYPTION_KEY: &str = "BEHEST_ENCRYPTION_KEY";
/// The key of the provider `openai`.
pub const OPENAI_API_KEY: &str = "OPENAI_API_KEY";
/// Where the provider `openai` answers: any server that speaks its dialect.
pub const OPENAI_BASE_URL: &str = "OPENAI_BASE_URL";

/// The admin secret of the environment.
#[must_use]
pub fn admin_secret() -> Option<Secret> {
    env::read(ADMIN_SECRET).map(Secret::new)
}

/// The key of the environment, and the variable that holds it.
#[must_use]
pub fn key() -> Option<(Secret, &'static str)> {
    [env::KEY, env::API_KEY].into_iter().find_map(|name| Some((Secret::new(env::read(name)?), name)))
}
