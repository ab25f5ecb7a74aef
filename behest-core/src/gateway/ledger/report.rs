//! What a usage or billing query selects, and the sums it gives.

use uuid::Uuid;

use super::money::NanoUsd;
use super::record::KeySource;

/// How long a bucket of time is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Granularity {
    /// 60 s.
    Minute,
    /// 3,600 s.
    Hour,
    /// A UTC day.
    #[default]
    Day,
}

impl Granularity {
    /// The length in milliseconds.
    #[must_use]
    pub const fn milliseconds(self) -> i64 {
        match self {
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }

    /// Reads its name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "minute" => Some(Self::Minute),
            "hour" => Some(Self::Hour),
            "day" => Some(Self::Day),
            _ => None,
        }
    }
}

/// What a report is grouped by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupBy {
    /// The model that answered.
    Model,
    /// The provider.
    Provider,
    /// The end user.
    User,
    /// The session.
    Session,
    /// The thread.
    Thread,
    /// The API key.
    ApiKey,
    /// The tier.
    Tier,
    /// How attempts ended.
    Status,
    /// The value of one tag.
    Tag(String),
}

impl GroupBy {
    /// The names that a query may use; a tag is `tag:NAME`.
    pub const NAMES: [&'static str; 8] =
        ["model", "provider", "user_id", "session_id", "thread_id", "api_key_id", "tier", "status"];

    /// Reads its name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "model" => Some(Self::Model),
            "provider" => Some(Self::Provider),
            "user_id" | "user" => Some(Self::User),
            "session_id" | "session" => Some(Self::Session),
            "thread_id" | "thread" => Some(Self::Thread),
            "api_key_id" | "api_key" => Some(Self::ApiKey),
            "tier" => Some(Self::Tier),
            "status" => Some(Self::Status),
            _ => name.strip_prefix("tag:").filter(|tag| !tag.is_empty()).map(|tag| Self::Tag(tag.to_owned())),
        }
    }
}

/// Which records a query selects.
#[derive(Debug, Clone)]
pub struct UsageFilter {
    /// The project, always: no query crosses one.
    pub project_id: Uuid,
    /// First instant, included, in Unix milliseconds.
    pub from: i64,
    /// Last instant, excluded.
    pub to: i64,
    /// One end user.
    pub user_id: Option<String>,
    /// One session.
    pub session_id: Option<String>,
    /// One model.
    pub model: Option<String>,
    /// The length of a bucket.
    pub granularity: Granularity,
    /// The groups within a bucket.
    pub group_by: Option<GroupBy>,
}

/// Sums over some records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Records.
    pub requests: u64,
    /// Tokens that went in.
    pub input: u64,
    /// Tokens that came out.
    pub output: u64,
    /// What the priced ones cost.
    pub cost: NanoUsd,
    /// Records without a price.
    pub unpriced: u64,
    /// Records whose tokens are ours.
    pub estimated: u64,
}

impl std::ops::AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
        self.cost.0 = self.cost.0.saturating_add(other.cost.0);
        self.unpriced += other.unpriced;
        self.estimated += other.estimated;
    }
}

/// The sums of one bucket and group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// Where the bucket begins, in Unix milliseconds.
    pub bucket: i64,
    /// The group, when the query has groups and the records have a value.
    pub group: Option<String>,
    /// The sums.
    pub sums: Sums,
}

/// The sums of one model under one kind of key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillingRow {
    /// Whose key paid.
    pub key_source: KeySource,
    /// The model.
    pub model: String,
    /// The sums.
    pub sums: Sums,
}
