//! What a usage or billing query selects, and the sums it gives.

use std::borrow::Cow;

use uuid::Uuid;

use super::money::NanoUsd;
use super::record::KeySource;

/// No report has more rows, buckets and groups together: they are all in memory at once.
pub const MOST_ROWS: usize = 100_000;

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
    /// The whole window is one bucket, which begins where the window does.
    Whole,
}

impl Granularity {
    /// The names that a query may use.
    pub const NAMES: &str = "minute, hour, day or total";

    /// The length in milliseconds; `None` for the whole window's.
    #[must_use]
    pub const fn milliseconds(self) -> Option<i64> {
        match self {
            Self::Minute => Some(60_000),
            Self::Hour => Some(3_600_000),
            Self::Day => Some(86_400_000),
            Self::Whole => None,
        }
    }

    /// Reads its name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "minute" => Some(Self::Minute),
            "hour" => Some(Self::Hour),
            "day" => Some(Self::Day),
            "total" => Some(Self::Whole),
            _ => None,
        }
    }
}

/// What a report is grouped by, and what it is narrowed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dimension {
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
    /// Whose key paid.
    KeySource,
    /// The value of one tag.
    Tag(String),
}

impl Dimension {
    /// The names that a query may use; a tag is `tag:NAME`.
    pub const NAMES: [&'static str; 9] = [
        "model",
        "provider",
        "user_id",
        "session_id",
        "thread_id",
        "api_key_id",
        "tier",
        "status",
        "key_source",
    ];

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
            "key_source" => Some(Self::KeySource),
            _ => name.strip_prefix("tag:").filter(|tag| !tag.is_empty()).map(|tag| Self::Tag(tag.to_owned())),
        }
    }

    /// Its name in a query and in an answer.
    #[must_use]
    pub fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Model => "model".into(),
            Self::Provider => "provider".into(),
            Self::User => "user_id".into(),
            Self::Session => "session_id".into(),
            Self::Thread => "thread_id".into(),
            Self::ApiKey => "api_key_id".into(),
            Self::Tier => "tier".into(),
            Self::Status => "status".into(),
            Self::KeySource => "key_source".into(),
            Self::Tag(tag) => format!("tag:{tag}").into(),
        }
    }
}

/// Which records a query selects. A record's time is that of its call's admission.
#[derive(Debug, Clone)]
pub struct UsageFilter {
    /// The project, always: no query crosses one.
    pub project_id: Uuid,
    /// First instant, included, in Unix milliseconds.
    pub from: i64,
    /// Last instant, excluded.
    pub to: i64,
    /// The values that a record must have. An API key's is its id.
    pub only: Vec<(Dimension, String)>,
    /// The length of a bucket.
    pub granularity: Granularity,
    /// The groups within a bucket.
    pub group_by: Vec<Dimension>,
}

/// Sums over some records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Records.
    pub requests: u64,
    /// First attempts, of which each call has one.
    pub calls: u64,
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
        self.calls += other.calls;
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
        self.cost.0 = self.cost.0.saturating_add(other.cost.0);
        self.unpriced += other.unpriced;
        self.estimated += other.estimated;
    }
}

impl std::ops::SubAssign for Sums {
    fn sub_assign(&mut self, other: Self) {
        self.requests = self.requests.saturating_sub(other.requests);
        self.calls = self.calls.saturating_sub(other.calls);
        self.input = self.input.saturating_sub(other.input);
        self.output = self.output.saturating_sub(other.output);
        self.cost.0 = self.cost.0.saturating_sub(other.cost.0);
        self.unpriced = self.unpriced.saturating_sub(other.unpriced);
        self.estimated = self.estimated.saturating_sub(other.estimated);
    }
}

/// The sums of one bucket and group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// Where the bucket begins, in Unix milliseconds.
    pub bucket: i64,
    /// The groups in the order of the query; `None` where the records have no value.
    pub groups: Vec<Option<String>>,
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
