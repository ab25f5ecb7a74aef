//! The part of the configuration that is about providers.

use std::time::Duration;

use serde::Deserialize;

use super::{Config, ConfigError};
use crate::gateway::providers::Timeouts;
use crate::gateway::routing::health::slots::SlotLimit;
use crate::secret::Secret;

/// A provider of the platform. Limits and patience hold for tenants' own keys of that provider too.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProviderConfig {
    /// Where it answers, `/v1` included.
    pub base_url: Option<String>,
    /// It stands on a private network.
    pub local: bool,
    /// The environment variable that holds its key.
    pub api_key_env: Option<String>,
    /// The models it serves.
    pub models: Option<Vec<String>>,
    /// How many calls with one key may be under way; as many as come when absent.
    pub max_concurrent: Option<u32>,
    /// How many more may wait for one of those to end.
    pub max_queued: u32,
    /// How long each of them waits at most, in seconds.
    pub queue_seconds: u64,
    /// The patience with it, where it differs from that with all.
    pub timeouts_seconds: ProviderTimeouts,
    /// Vertex: the project of Google Cloud that pays; the service account's own when absent.
    pub project: Option<String>,
    /// Vertex: `global`, `us`, `eu` or a region.
    pub location: Option<String>,
    /// Vertex: the file with the JSON of a service account.
    pub credentials_file: Option<String>,
    /// Vertex: asks the metadata server of the machine, which must be one of Google Cloud, for its token.
    pub metadata_server: bool,
    /// Its key, once read from the environment. Never in the file.
    #[serde(skip)]
    pub api_key: Option<Secret>,
}

impl Default for ProviderConfig {
    fn default() -> Self {
        Self {
            base_url: None,
            local: false,
            api_key_env: None,
            models: None,
            max_concurrent: None,
            max_queued: 128,
            queue_seconds: 10,
            timeouts_seconds: ProviderTimeouts::default(),
            project: None,
            location: None,
            credentials_file: None,
            metadata_server: false,
            api_key: None,
        }
    }
}

/// Seconds for each phase of a call to one provider.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProviderTimeouts {
    /// Until the connection stands.
    pub connect: Option<u64>,
    /// From the request to the answer's headers.
    pub first_byte: Option<u64>,
    /// Between two pieces of the answer.
    pub idle: Option<u64>,
    /// For all of it.
    pub total: Option<u64>,
}

impl ProviderTimeouts {
    const fn each(self) -> [Option<u64>; 4] {
        [self.connect, self.first_byte, self.idle, self.total]
    }
}

impl ProviderConfig {
    /// Checks what no type can.
    pub(super) fn check(&self, name: &str) -> Result<(), ConfigError> {
        let value = |key: &str, problem: &str| {
            let key = format!("providers.{name}.{key}");
            Err(ConfigError::Value { key, problem: problem.to_owned() })
        };
        if self.max_concurrent.is_some_and(|limit| !(1..=1_000_000).contains(&limit)) {
            return value("max_concurrent", "must be 1 to 1,000,000");
        }
        if !(1..=3_600).contains(&self.queue_seconds) {
            return value("queue_seconds", "must be 1 to 3,600 seconds");
        }
        if self.timeouts_seconds.each().iter().flatten().any(|seconds| !(1..=86_400).contains(seconds)) {
            return value("timeouts_seconds", "must each be 1 to 86,400 seconds");
        }
        Ok(())
    }
}

impl Config {
    /// The patience with a provider.
    #[must_use]
    pub fn timeouts_of(&self, provider: &str) -> Timeouts {
        let Some(own) = self.providers.get(provider).map(|provider| provider.timeouts_seconds) else {
            return self.timeouts;
        };
        let pick = |own: Option<u64>, general| own.map_or(general, Duration::from_secs);
        Timeouts {
            connect: pick(own.connect, self.timeouts.connect),
            first_byte: pick(own.first_byte, self.timeouts.first_byte),
            idle: pick(own.idle, self.timeouts.idle),
            total: pick(own.total, self.timeouts.total),
        }
    }

    /// Every patience with connections that some provider has.
    pub(in crate::gateway) fn connect_timeouts(&self) -> impl Iterator<Item = Duration> {
        self.providers.keys().map(|provider| self.timeouts_of(provider).connect)
    }

    /// How long what a call holds stays held by itself, in milliseconds: no attempt takes longer. Whoever takes several
    /// puts the end off with each.
    #[must_use]
    pub fn lease_ms(&self) -> i64 {
        let whole = |timeouts: Timeouts| timeouts.connect + timeouts.first_byte + timeouts.total;
        let longest = self.providers.keys().map(|provider| whole(self.timeouts_of(provider))).max();
        let longest = longest.unwrap_or_default().max(whole(self.timeouts));
        i64::try_from(longest.as_millis()).unwrap_or(i64::MAX / 4).saturating_add(120_000)
    }

    /// How many calls may be under way at a provider, if the operator limits them.
    #[must_use]
    pub fn slot_limit(&self, provider: &str) -> Option<SlotLimit> {
        let config = self.providers.get(provider)?;
        Some(SlotLimit {
            concurrent: config.max_concurrent?,
            queued: config.max_queued,
            patience: Duration::from_secs(config.queue_seconds),
        })
    }
}
