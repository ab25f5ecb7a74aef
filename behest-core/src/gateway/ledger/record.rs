//! The usage record: what one attempt at a provider was, used and cost. Never what it said.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::journal::Permit;
use super::mailbox::Waiting;
use super::money::NanoUsd;

use crate::gateway::store::rows::NewTurn;
use crate::types::mint::Tags;

/// Tokens in disjoint buckets; `None` is unknown, which is not zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Input that no cache held.
    pub input: Option<u64>,
    /// Input that the provider read from its cache.
    pub cache_read: Option<u64>,
    /// Input that the provider wrote to its cache.
    pub cache_write: Option<u64>,
    /// The same, to be kept for an hour, where that has a price of its own.
    pub cache_write_1h: Option<u64>,
    /// Output text.
    pub output: Option<u64>,
    /// Output spent on reasoning.
    pub reasoning: Option<u64>,
}

impl Tokens {
    /// All that went in, as far as known.
    #[must_use]
    pub fn total_input(&self) -> u64 {
        [self.input, self.cache_read, self.cache_write, self.cache_write_1h].into_iter().flatten().sum()
    }

    /// Both sides are known. Half a report says nothing of what the other half costs.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.input.is_some() && self.output.is_some()
    }

    /// The same after an answer whose last report is missing or half: what the provider told stands, and what it did
    /// not tell is estimated. Never less than told.
    #[must_use]
    pub fn completed(told: Option<Self>, prompt: impl FnOnce() -> u64, output: u64) -> Self {
        let told = told.unwrap_or_default();
        let reasoning = told.reasoning.unwrap_or(0);
        Self {
            input: told.input.or_else(|| Some(prompt())),
            output: Some(output.max(told.total_output()).saturating_sub(reasoning)),
            ..told
        }
    }

    /// All that came out, as far as known.
    #[must_use]
    pub fn total_output(&self) -> u64 {
        [self.output, self.reasoning].into_iter().flatten().sum()
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// With a whole answer.
    Ok,
    /// The client went away.
    Cancelled,
    /// The provider refused or failed.
    Failed,
    /// The provider fell silent.
    TimedOut,
    /// The answer broke off, or the gateway shut down in its middle.
    Incomplete,
    /// A limit ended the answer before its end.
    Cut,
    /// The gateway died in its middle; settled at the next start.
    Lost,
}

impl Outcome {
    /// Every one.
    pub const ALL: [Self; 7] =
        [Self::Ok, Self::Cancelled, Self::Failed, Self::TimedOut, Self::Incomplete, Self::Cut, Self::Lost];

    /// Reads its name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == name)
    }

    /// The name in the database and in exports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Incomplete => "incomplete",
            Self::Cut => "cut",
            Self::Lost => "lost",
        }
    }
}

/// Whose key paid the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeySource {
    /// The gateway's own, from its environment or configuration; the offline model counts as this.
    Platform,
    /// The tenant's.
    Byok,
}

impl KeySource {
    /// Reads its name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Platform, Self::Byok].into_iter().find(|source| source.as_str() == name)
    }

    /// The name in the database and in exports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Byok => "byok",
        }
    }
}

/// One attempt at a provider. Ids are our UUIDv7, never the provider's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsageRecord {
    /// The attempt; unique.
    pub attempt_id: Uuid,
    /// The call it belongs to: retries share it.
    pub operation_id: Uuid,
    /// Whose.
    pub tenant_id: Uuid,
    /// Whose.
    pub project_id: Uuid,
    /// Which of the call's attempts it is, from 1 on.
    #[serde(default = "first")]
    pub attempt: u32,
    /// When the call was admitted, in Unix milliseconds: that decides the hour, day and month it is counted in. In
    /// notes of older versions it is missing, and the time of sending stands for it.
    #[serde(default)]
    pub admitted_at: i64,
    /// When it was sent, in Unix milliseconds.
    pub started_at: i64,
    /// When the first byte of the answer came.
    pub first_byte_at: Option<i64>,
    /// When it was over.
    pub ended_at: i64,
    /// The end user.
    pub user_id: Option<String>,
    /// The session.
    pub session_id: Option<String>,
    /// The thread.
    pub thread_id: Option<String>,
    /// The user's tier.
    pub tier: Option<String>,
    /// The API key, when the call came with one.
    pub api_key_id: Option<Uuid>,
    /// Labels for the reports.
    pub tags: Option<Tags>,
    /// What the client asked for.
    pub requested_model: String,
    /// What was called.
    pub model: String,
    /// Where.
    pub provider: String,
    /// Whose key paid.
    pub key_source: KeySource,
    /// Whether the answer was streamed.
    pub streamed: bool,
    /// The parameters that the provider's dialect could not say, by name.
    #[serde(default)]
    pub dropped: Vec<String>,
    /// What was reserved for it: tokens and, where the price is known, money. `None` where nothing was.
    #[serde(default)]
    pub reserved: Option<Reserved>,
    /// What it used.
    pub tokens: Tokens,
    /// What it cost; `None` where nobody knows the price.
    pub cost: Option<NanoUsd>,
    /// Which price list said so.
    pub price_version: Option<String>,
    /// The tokens are ours, not the provider's.
    pub estimated: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// The provider's word for the end of the answer.
    pub finish_reason: Option<String>,
}

/// What was reserved for an attempt: an estimate that nobody was told never is above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserved {
    /// Input and output together.
    pub tokens: u64,
    /// Money; `None` where nobody knows the price.
    pub cost: Option<NanoUsd>,
}

/// A record as the ledger has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// As it was settled.
    pub record: UsageRecord,
    /// What it costs by a later price list, if it was reckoned again.
    pub rerated: Option<Rerated>,
}

/// A cost reckoned again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rerated {
    /// The cost.
    pub cost: NanoUsd,
    /// The price list.
    pub price_version: String,
    /// When, in Unix milliseconds.
    pub at: i64,
}

impl Recorded {
    /// Its place in the ledger's order: when its call was admitted, then its attempt.
    #[must_use]
    pub const fn place(&self) -> (i64, Uuid) {
        (self.record.admitted_at, self.record.attempt_id)
    }

    /// What it costs: by the last price list that it was reckoned with. That is what reports count.
    #[must_use]
    pub fn cost(&self) -> Option<NanoUsd> {
        self.rerated.as_ref().map(|rerated| rerated.cost).or(self.record.cost)
    }

    /// The price list behind [`Recorded::cost`].
    #[must_use]
    pub fn price_version(&self) -> Option<&str> {
        let again = self.rerated.as_ref().map(|rerated| rerated.price_version.as_str());
        again.or(self.record.price_version.as_deref())
    }
}

const fn first() -> u32 {
    1
}

/// A finished attempt on its way to the ledger.
#[derive(Debug)]
pub struct Settlement {
    /// The record.
    pub record: UsageRecord,
    /// The turn to store with it, in the same transaction.
    pub turn: Option<NewTurn>,
    /// Its place in the journal, given back once it is committed.
    pub permit: Permit,
    /// Who waits for the commit, if somebody does.
    pub waiting: Option<Waiting>,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[test]
    fn every_outcome_is_read_back_by_its_name() {
        // A new one does not compile until it is counted here, and then fails until it stands in `ALL`.
        let place = |outcome| match outcome {
            Outcome::Ok => 0,
            Outcome::Cancelled => 1,
            Outcome::Failed => 2,
            Outcome::TimedOut => 3,
            Outcome::Incomplete => 4,
            Outcome::Cut => 5,
            Outcome::Lost => 6,
        };
        let places: Vec<usize> = Outcome::ALL.into_iter().map(place).collect();
        assert_eq!(places, (0..=place(Outcome::Lost)).collect::<Vec<_>>());
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::parse(outcome.as_str()), Some(outcome));
            assert_eq!(serde_json::to_value(outcome).expect("a name"), outcome.as_str());
        }
    }

    /// A record with every field set.
    pub(crate) fn record() -> UsageRecord {
        UsageRecord {
            attempt_id: Uuid::now_v7(),
            operation_id: Uuid::now_v7(),
            tenant_id: Uuid::now_v7(),
            project_id: Uuid::now_v7(),
            attempt: 2,
            admitted_at: 1_799_999_999_900,
            started_at: 1_800_000_000_000,
            first_byte_at: Some(1_800_000_000_100),
            ended_at: 1_800_000_000_200,
            user_id: Some("u".into()),
            session_id: Some("s".into()),
            thread_id: Some("t".into()),
            tier: Some("pro".into()),
            api_key_id: Some(Uuid::now_v7()),
            tags: Some([("team".to_owned(), "search".to_owned())].into()),
            requested_model: "default".into(),
            model: "m".into(),
            provider: "p".into(),
            key_source: KeySource::Byok,
            streamed: true,
            dropped: vec!["seed".into()],
            reserved: Some(Reserved { tokens: 20, cost: Some(NanoUsd(9)) }),
            tokens: Tokens {
                input: Some(1),
                cache_read: Some(2),
                cache_write: None,
                cache_write_1h: Some(4),
                output: Some(3),
                reasoning: None,
            },
            cost: Some(NanoUsd(7)),
            price_version: Some("v".into()),
            estimated: false,
            outcome: Outcome::Ok,
            finish_reason: Some("stop".into()),
        }
    }
}
