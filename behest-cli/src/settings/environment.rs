//! Secrets that only the environment may hold: an argument would be visible to other programs.

use behest_core::{Secret, env};

/// The admin secret of the environment.
#[must_use]
pub fn admin_secret() -> Option<Secret> {
    env::read(env::ADMIN_SECRET).map(Secret::new)
}

/// The key of the environment, and the variable that holds it.
#[must_use]
pub fn key() -> Option<(Secret, &'static str)> {
    [env::KEY, env::API_KEY].into_iter().find_map(|name| Some((Secret::new(env::read(name)?), name)))
}
