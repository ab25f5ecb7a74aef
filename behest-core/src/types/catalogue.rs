//! The catalogue of models on the wire and in files: limits, capabilities, and prices by date and condition. Unknown
//! fields are refused.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A catalogue, or an update of one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Which list this is; every usage record repeats it beside its cost.
    pub version: String,
    /// Where it comes from, for people.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub source: BTreeMap<String, String>,
    /// Since when the prices hold that have no date of their own: a day in UTC. Absent: since ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<String>,
    /// The models, by `provider/model`; `null` removes one from the list below.
    #[cfg_attr(feature = "gateway", schema(value_type = BTreeMap<String, CatalogueModel>))]
    pub models: BTreeMap<String, Option<CatalogueModel>>,
}

/// One model of a catalogue.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CatalogueModel {
    /// What it is for; a conversation, when absent.
    #[serde(default, skip_serializing_if = "Mode::is_chat")]
    pub mode: Mode,
    /// How many tokens fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<u64>,
    /// How many tokens an answer may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output: Option<u64>,
    /// How long its vectors are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u64>,
    /// What it can do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<Capability>,
    /// Its prices, in the order of their dates; none is an unknown price.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<CataloguePrice>,
}

/// What a model is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Conversations.
    #[default]
    Chat,
    /// Vectors of texts.
    Embeddings,
    /// Something that no route of the gateway reaches.
    Other,
}

impl Mode {
    /// Whether it is for conversations.
    #[must_use]
    pub fn is_chat(&self) -> bool {
        *self == Self::Chat
    }

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
            Self::Other => "other",
        }
    }
}

/// One thing that a model can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Calls tools.
    Tools,
    /// Calls several tools in one turn.
    ParallelTools,
    /// Reads images.
    Images,
    /// Hears sound.
    Audio,
    /// Reads documents such as PDF.
    Documents,
    /// Answers in the form of a JSON schema.
    JsonSchema,
    /// Reasons before it answers.
    Reasoning,
    /// Keeps the beginning of prompts at a lower price.
    PromptCaching,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Tools,
        Self::ParallelTools,
        Self::Images,
        Self::Audio,
        Self::Documents,
        Self::JsonSchema,
        Self::Reasoning,
        Self::PromptCaching,
    ];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::ParallelTools => "parallel_tools",
            Self::Images => "images",
            Self::Audio => "audio",
            Self::Documents => "documents",
            Self::JsonSchema => "json_schema",
            Self::Reasoning => "reasoning",
            Self::PromptCaching => "prompt_caching",
        }
    }
}

/// A price from a day on, in millionths of a millionth of a US dollar (1e-12 USD) per token: 2,500,000 is 2.50 dollars
/// for a million tokens.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CataloguePrice {
    /// The first day on which it holds, in UTC; the catalogue's own date when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<String>,
    /// Which list says so; the catalogue's own version when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Plain input.
    pub input: u64,
    /// Output, reasoning included.
    pub output: u64,
    /// Input from the provider's cache; the plain price when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<u64>,
    /// Input into the provider's cache; the plain price when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<u64>,
    /// Input into the cache, to be kept for an hour; the price of `cache_write` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<u64>,
    /// What differs in batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<CatalogueRates>,
    /// What differs for the whole call when its input is long, in the order of their borders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<CatalogueTier>,
}

/// Rates that stand in for others; those that are absent stay as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CatalogueRates {
    /// Plain input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<u64>,
    /// Output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
    /// From the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<u64>,
    /// Into the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<u64>,
    /// Into the cache, for an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<u64>,
}

/// Rates of calls with a long input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CatalogueTier {
    /// Above this many input tokens.
    pub above_input_tokens: u64,
    /// Plain input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<u64>,
    /// Output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
    /// From the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<u64>,
    /// Into the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<u64>,
    /// Into the cache, for an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<u64>,
    /// What differs in batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<CatalogueRates>,
}

/// What an update of the catalogue did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct CatalogueChange {
    /// The version of the update.
    pub version: String,
    /// How many models are there that were not.
    pub added: u64,
    /// How many are no longer what they were.
    pub changed: u64,
    /// How many are there no longer.
    pub removed: u64,
    /// How many there are.
    pub models: u64,
}
