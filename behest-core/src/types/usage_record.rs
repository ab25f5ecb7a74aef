//! One record of the ledger as it is listed and exported. Never what was said.

use serde::{Deserialize, Serialize};

use super::mint::Tags;

/// One attempt at a provider. Money is in decimal US dollars, exact; times are RFC 3339; what is unknown is `null`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct UsageEntry {
    /// The attempt; unique.
    pub attempt_id: String,
    /// The call it belongs to: its attempts share it.
    pub operation_id: String,
    /// The tenant.
    pub tenant_id: String,
    /// The project.
    pub project_id: String,
    /// Which of the call's attempts it is, from 1 on.
    pub attempt: u32,
    /// When the call was admitted: that decides the hour, day and month it counts in.
    pub admitted_at: String,
    /// When it was sent to the provider.
    pub started_at: String,
    /// When the first byte of the answer came.
    pub first_byte_at: Option<String>,
    /// When it was over.
    pub ended_at: String,
    /// The end user.
    pub user_id: Option<String>,
    /// The session.
    pub session_id: Option<String>,
    /// The thread.
    pub thread_id: Option<String>,
    /// The user's tier.
    pub tier: Option<String>,
    /// The API key, when the call came with one.
    pub api_key_id: Option<String>,
    /// The labels.
    pub tags: Tags,
    /// What the client asked for.
    pub requested_model: String,
    /// What was called.
    pub model: String,
    /// Where.
    pub provider: String,
    /// Whose key paid: `platform` or `byok`.
    pub key_source: String,
    /// Whether the answer was streamed.
    pub streamed: bool,
    /// Parameters that the provider has no word for.
    pub dropped_params: Vec<String>,
    /// How many tokens were reserved for it.
    pub reserved_tokens: Option<u64>,
    /// How much money was reserved for it.
    pub reserved_usd: Option<String>,
    /// Input that no cache held.
    pub input_tokens: Option<u64>,
    /// Input from the provider's cache.
    pub cache_read_tokens: Option<u64>,
    /// Input into the provider's cache.
    pub cache_write_tokens: Option<u64>,
    /// Input into the provider's cache, to be kept for an hour.
    pub cache_write_1h_tokens: Option<u64>,
    /// Output text.
    pub output_tokens: Option<u64>,
    /// Output spent on reasoning.
    pub reasoning_tokens: Option<u64>,
    /// What it costs: reckoned again where it was, else as first.
    pub cost_usd: Option<String>,
    /// The price list behind it.
    pub price_version: Option<String>,
    /// What it cost when it ended.
    pub original_cost_usd: Option<String>,
    /// The price list behind that.
    pub original_price_version: Option<String>,
    /// When its cost was reckoned again.
    pub rerated_at: Option<String>,
    /// The tokens are the gateway's estimate, because the provider never said.
    pub estimated: bool,
    /// How it ended: `ok`, `cancelled`, `failed`, `timed_out`, `incomplete`, `cut` or `lost`.
    pub status: String,
    /// The provider's word for the end of the answer.
    pub finish_reason: Option<String>,
}
