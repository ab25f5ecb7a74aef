//! Which numbers hold: those of a project's settings, and those of the gateway where a project says nothing.

use crate::gateway::config::limits::LimitsConfig;
use crate::types::control::ProjectSettings;

/// Requests per minute of a project, in public and on loopback.
const PUBLIC_PROJECT_RPM: u64 = 60;
const LOOPBACK_PROJECT_RPM: u64 = 6_000;
/// Tokens per day of a user.
const USER_TOKENS_PER_DAY: u64 = 1_000_000;
/// The least that a user's share of its project's requests comes to.
const LEAST_USER_RPM: u64 = 3;

/// What binds a call, all defaults filled in. `None`: unbounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Requests per minute of the project.
    pub project_rpm: u64,
    /// Requests per minute of a user.
    pub user_rpm: u64,
    /// Requests per day of a user.
    pub user_requests_per_day: Option<u64>,
    /// Calls under way of the project.
    pub project_concurrency: Option<u64>,
    /// Calls under way of a user.
    pub user_concurrency: Option<u64>,
    /// Tokens per day of a user.
    pub user_tokens_per_day: u64,
    /// Tokens per month of a user.
    pub user_tokens_per_month: Option<u64>,
    /// Tokens per day of the project.
    pub project_tokens_per_day: Option<u64>,
}

/// What the gateway fills in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// Requests per minute of a project.
    project_rpm: u64,
    /// Requests per minute of a user; `None`: a tenth of its project's.
    user_rpm: Option<u64>,
    /// Tokens per day of a user.
    user_tokens_per_day: u64,
}

impl Defaults {
    /// Those of a configuration, on an address that is this machine's own or not.
    #[must_use]
    pub fn of(config: &LimitsConfig, loopback: bool) -> Self {
        let project_rpm = if loopback { LOOPBACK_PROJECT_RPM } else { PUBLIC_PROJECT_RPM };
        Self {
            project_rpm: config.project_rpm.unwrap_or(project_rpm),
            user_rpm: config.user_rpm,
            user_tokens_per_day: config.user_tokens_per_day.unwrap_or(USER_TOKENS_PER_DAY),
        }
    }

    /// Whether a user whose project has not said otherwise has a share of its project's requests.
    #[must_use]
    pub const fn shares_requests(&self) -> bool {
        self.user_rpm.is_none()
    }

    /// Fills in what a project has not set.
    #[must_use]
    pub fn fill(&self, settings: &ProjectSettings) -> Limits {
        let project_rpm = settings.rpm_limit.unwrap_or(self.project_rpm);
        let share = || (project_rpm / 10).max(LEAST_USER_RPM);
        Limits {
            project_rpm,
            user_rpm: settings.user_rpm_limit.or(self.user_rpm).unwrap_or_else(share),
            user_requests_per_day: None,
            project_concurrency: settings.concurrency_limit,
            user_concurrency: settings.user_concurrency_limit,
            user_tokens_per_day: settings.user_tokens_per_day.unwrap_or(self.user_tokens_per_day),
            user_tokens_per_month: settings.user_tokens_per_month,
            project_tokens_per_day: settings.tokens_per_day,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn defaults(loopback: bool) -> Defaults {
        Defaults::of(&LimitsConfig::default(), loopback)
    }

    #[test]
    fn unset_limits_are_the_contracts() {
        let unset = ProjectSettings::default();
        let public = defaults(false).fill(&unset);
        assert_eq!((public.project_rpm, public.user_rpm), (60, 6));
        assert_eq!(public.user_tokens_per_day, 1_000_000);
        assert_eq!((public.user_requests_per_day, public.user_tokens_per_month), (None, None));
        assert_eq!((public.project_concurrency, public.user_concurrency), (None, None));
        assert_eq!(public.project_tokens_per_day, None);
        let loopback = defaults(true).fill(&unset);
        assert_eq!((loopback.project_rpm, loopback.user_rpm), (6_000, 600));
    }

    #[test]
    fn a_project_goes_before_the_file_and_the_file_before_the_program() {
        let config = LimitsConfig {
            project_rpm: Some(100),
            user_rpm: Some(50),
            user_tokens_per_day: Some(9),
            ..LimitsConfig::default()
        };
        let file = Defaults::of(&config, true);
        let limits = file.fill(&ProjectSettings::default());
        assert_eq!((limits.project_rpm, limits.user_rpm, limits.user_tokens_per_day), (100, 50, 9));
        let own = ProjectSettings {
            rpm_limit: Some(30),
            user_rpm_limit: Some(20),
            user_tokens_per_day: Some(8),
            ..ProjectSettings::default()
        };
        let limits = file.fill(&own);
        assert_eq!((limits.project_rpm, limits.user_rpm, limits.user_tokens_per_day), (30, 20, 8));
    }

    proptest! {
        #[test]
        fn a_users_share_is_a_tenth_and_at_least_three(
            project in prop_oneof![1_u64..=100, 1_u64..=1_000_000_000_000],
        ) {
            let own = ProjectSettings { rpm_limit: Some(project), ..ProjectSettings::default() };
            let limits = defaults(false).fill(&own);
            prop_assert_eq!(limits.project_rpm, project);
            prop_assert_eq!(limits.user_rpm, std::cmp::max(3, project / 10));
        }
    }
}
