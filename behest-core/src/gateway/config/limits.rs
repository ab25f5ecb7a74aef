//! `[limits]`: what holds where a project has not said otherwise, and how the gateway tells callers' addresses.

use serde::Deserialize;

use super::ConfigError;
use crate::gateway::limits::address::Network;
use crate::gateway::limits::check;

/// The keys of this section, for suggestions.
pub(super) const KEYS: [&str; 12] = [
    "limits",
    "enabled",
    "ip_rpm",
    "project_rpm",
    "user_rpm",
    "user_tokens_per_day",
    "trusted_proxies",
    "when_unavailable",
    "ip",
    "requests",
    "tokens",
    "money",
];

/// Requests per minute of one address, on a public address.
const PUBLIC_IP_RPM: u64 = 120;

/// The section `[limits]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Whether requests are counted and tokens and money reserved before a call. Without it nothing is refused, and
    /// usage is recorded all the same.
    pub enabled: bool,
    /// Requests per minute of one address, or `"unlimited"`; 120, and unlimited on loopback, when absent.
    pub ip_rpm: Option<Rate>,
    /// Requests per minute of a project that has not said otherwise; 60, and 6,000 on loopback, when absent.
    pub project_rpm: Option<u64>,
    /// Requests per minute of a user whose project and tier have not said otherwise; a tenth of the project's, and at
    /// least 3, when absent.
    pub user_rpm: Option<u64>,
    /// Tokens per UTC day of a user whose project and tier have not said otherwise; 1,000,000 when absent.
    pub user_tokens_per_day: Option<u64>,
    /// The proxies whose `X-Forwarded-For` is believed, as addresses or networks.
    pub trusted_proxies: Vec<Network>,
    /// What happens to calls when a layer's counters cannot answer.
    pub when_unavailable: WhenUnavailable,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            ip_rpm: None,
            project_rpm: None,
            user_rpm: None,
            user_tokens_per_day: None,
            trusted_proxies: Vec::new(),
            when_unavailable: WhenUnavailable::default(),
        }
    }
}

impl LimitsConfig {
    /// Requests per minute of one address; `None`: as many as it likes.
    #[must_use]
    pub const fn ip_rpm(&self, loopback: bool) -> Option<u64> {
        match self.ip_rpm {
            Some(Rate::PerMinute(rate)) => Some(rate),
            Some(Rate::Unlimited) => None,
            None if loopback => None,
            None => Some(PUBLIC_IP_RPM),
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let ip_rpm = match self.ip_rpm {
            Some(Rate::PerMinute(rate)) => Some(rate),
            Some(Rate::Unlimited) | None => None,
        };
        for (key, limit) in [
            ("ip_rpm", ip_rpm),
            ("project_rpm", self.project_rpm),
            ("user_rpm", self.user_rpm),
            ("user_tokens_per_day", self.user_tokens_per_day),
        ] {
            check::limit(key, limit)
                .map_err(|bad| ConfigError::Value { key: format!("limits.{key}"), problem: bad.problem })?;
        }
        Ok(())
    }
}

/// So many per minute, or as many as one likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenRate")]
pub enum Rate {
    /// So many.
    PerMinute(u64),
    /// As many as one likes.
    Unlimited,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenRate {
    Number(u64),
    Word(String),
}

impl TryFrom<WrittenRate> for Rate {
    type Error = &'static str;

    fn try_from(written: WrittenRate) -> Result<Self, Self::Error> {
        match written {
            WrittenRate::Number(number) => Ok(Self::PerMinute(number)),
            WrittenRate::Word(word) if word == "unlimited" => Ok(Self::Unlimited),
            WrittenRate::Word(_) => Err("a rate is a whole number per minute, or \"unlimited\""),
        }
    }
}

/// What happens when counters cannot answer, by layer: each is stated, so that none is silently off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WhenUnavailable {
    /// Requests of an address.
    pub ip: FailureMode,
    /// Requests of projects and users, and calls under way.
    pub requests: FailureMode,
    /// Tokens.
    pub tokens: FailureMode,
    /// Money.
    pub money: FailureMode,
}

impl WhenUnavailable {
    /// Whether calls pass whose tokens and money cannot be reserved: both are taken in one step.
    #[must_use]
    pub fn spending_passes(&self) -> bool {
        self.tokens == FailureMode::Open && self.money == FailureMode::Open
    }
}

/// What a layer does when its counters cannot answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureMode {
    /// Calls are refused with 503.
    #[default]
    Closed,
    /// Calls pass as if the layer were not there.
    Open,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::config::Config;

    fn read(text: &str) -> Result<LimitsConfig, String> {
        let config = Config::from_toml(text).map_err(|error| error.to_string())?;
        config.check().map_err(|error| error.to_string())?;
        Ok(config.limits)
    }

    #[test]
    fn the_section_is_optional_and_so_is_each_of_its_keys() {
        assert_eq!(read(""), Ok(LimitsConfig::default()));
        let text = "[limits]\nip_rpm = \"unlimited\"\nuser_rpm = 7\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n\
            [limits.when_unavailable]\nip = \"open\"";
        let limits = read(text).expect("a configuration");
        assert_eq!((limits.enabled, limits.ip_rpm, limits.user_rpm), (true, Some(Rate::Unlimited), Some(7)));
        assert_eq!(limits.trusted_proxies.len(), 2);
        let WhenUnavailable { ip, requests, tokens, money } = limits.when_unavailable;
        assert_eq!((ip, requests), (FailureMode::Open, FailureMode::Closed));
        assert_eq!((tokens, money), (FailureMode::Closed, FailureMode::Closed));
    }

    #[test]
    fn an_address_is_bounded_in_public_only_unless_the_file_says_so() {
        let unset = LimitsConfig::default();
        assert_eq!((unset.ip_rpm(false), unset.ip_rpm(true)), (Some(120), None));
        let set = read("[limits]\nip_rpm = 5").expect("a configuration");
        assert_eq!((set.ip_rpm(false), set.ip_rpm(true)), (Some(5), Some(5)));
        let unlimited = read("[limits]\nip_rpm = \"unlimited\"").expect("a configuration");
        assert_eq!((unlimited.ip_rpm(false), unlimited.ip_rpm(true)), (None, None));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, told) in [
            ("[limits]\nproject_rpm = 0", "`limits.project_rpm` must be 1 to"),
            ("[limits]\nip_rpm = 0", "`limits.ip_rpm` must be 1 to"),
            ("[limits]\nip_rpm = \"many\"", "\"unlimited\""),
            ("[limits]\nuser_rmp = 1", "did you mean `user_rpm`?"),
            ("[limits]\ntrusted_proxies = [\"10.0.0.0/40\"]", "`10.0.0.0/40` is no network"),
            ("[limits.when_unavailable]\nip = \"ajar\"", "ajar"),
            ("[limits]\nwhen_unavailable = \"open\"", "when_unavailable"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
