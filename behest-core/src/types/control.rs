//! The control plane's wire data: tenants, projects, settings, keys. Unknown fields are refused.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::mint::Role;

/// A list of the control plane; `next` is the `?after` of the following page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Where the next page begins, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What a tenant's operator sells it. Self-hosted tenants are `enterprise`, so no gate bites them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Plan {
    /// At most three active projects and no provider keys of its own.
    Free,
    /// No gates.
    Pro,
    /// No gates.
    Business,
    /// No gates.
    #[default]
    Enterprise,
}

impl Plan {
    /// The plan's name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Pro => "pro",
            Self::Business => "business",
            Self::Enterprise => "enterprise",
        }
    }

    /// Reads a plan's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "free" => Some(Self::Free),
            "pro" => Some(Self::Pro),
            "business" => Some(Self::Business),
            "enterprise" => Some(Self::Enterprise),
            _ => None,
        }
    }
}

/// An organisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct Tenant {
    /// UUID.
    pub id: String,
    /// For people.
    pub name: String,
    /// What it may do.
    pub plan: Plan,
    /// RFC 3339 instant.
    pub created_at: String,
}

/// The body of `POST /v1/tenants`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewTenant {
    /// For people; 1 to 200 characters.
    pub name: String,
    /// `enterprise` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
}

/// Whether a project answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ProjectStatus {
    /// It answers.
    Active,
    /// Every call is refused with 403.
    Suspended,
}

/// A deployment unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct Project {
    /// UUID.
    pub id: String,
    /// The owner.
    pub tenant_id: String,
    /// `{adjective}-{noun}-{3 digits}`: routes by Host.
    pub slug: String,
    /// For people.
    pub name: String,
    /// Whether it answers.
    pub status: ProjectStatus,
    /// RFC 3339 instant.
    pub created_at: String,
}

/// The body of `POST /v1/projects`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewProject {
    /// For people; 1 to 200 characters.
    pub name: String,
    /// The owner; needed only when the caller may act for several tenants and there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
}

/// The body of `PATCH /v1/projects/{id}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ProjectPatch {
    /// A new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `active` or `suspended`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ProjectStatus>,
}

/// Whether an API key is a credential on the data plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ApiKeyOnDataPlane {
    /// It is, as OpenAI's quickstarts need.
    Allow,
    /// It is not: mint a token.
    Deny,
}

/// What to do with a model whose price nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum UnknownPricePolicy {
    /// Refuse the call.
    Deny,
    /// Charge the dearest price of the table.
    Ceiling,
    /// Let it pass, with an unknown cost.
    Flag,
}

/// How a route chooses among its models.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum RouteStrategy {
    /// The first that can answer.
    #[default]
    Priority,
    /// By chance, in the shares that `weights` gives.
    Weighted,
    /// The one that costs least for this request.
    Cheapest,
    /// The one that lately began its answers soonest.
    Fastest,
}

/// A name that stands for several models: the others answer when the chosen one cannot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ModelRoute {
    /// `priority` when absent.
    #[serde(default)]
    pub strategy: RouteStrategy,
    /// The models, 1 to 16.
    pub models: Vec<String>,
    /// The share of each model, for `weighted`: as many whole numbers as there are models, 0 to 1,000,000. Equal shares
    /// when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<Vec<u32>>,
    /// Asks the next model as well when an answer has not begun after this many milliseconds, and takes the one that
    /// begins first; the other is cancelled, and may cost. Off when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hedge_after_ms: Option<u32>,
}

/// A project's settings. A field left out is the gateway's default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ProjectSettings {
    /// The model behind an absent, empty or `default` model name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_model: Option<String>,
    /// The models that answer a conversation when the one that was asked for cannot, in this order; at most 8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_models: Option<Vec<String>>,
    /// Names of the project's own for models, such as `smart` for `anthropic/claude-sonnet-4-5`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_aliases: Option<BTreeMap<String, String>>,
    /// Names of the project's own for several models, with how one of them is chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routes: Option<BTreeMap<String, ModelRoute>>,
    /// The only models this project may call, when set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_allowlist: Option<Vec<String>>,
    /// Goes in front of every conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    /// Exact browser origins, optionally with one `*` label (`https://app-*.example.com`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors_origins: Option<Vec<String>>,
    /// Whether `X-Session-Id` remembers; `false` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_enabled: Option<bool>,
    /// How many messages of a session are remembered; 20 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_window: Option<u32>,
    /// How many days threads are kept; for ever when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// Whether threads keep tool calls and their results; `false` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_tool_calls: Option<bool>,
    /// `allow` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_on_data_plane: Option<ApiKeyOnDataPlane>,
    /// `ceiling` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown_price_policy: Option<UnknownPricePolicy>,
    /// Whether end users see what a call cost; `false` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub show_cost_to_users: Option<bool>,
    /// Requests per minute of the project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpm_limit: Option<u64>,
    /// Requests per minute of each user; a tenth of the project's, and at least 3, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_rpm_limit: Option<u64>,
    /// Calls under way of the project; unbounded when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency_limit: Option<u64>,
    /// Calls under way of each user; unbounded when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_concurrency_limit: Option<u64>,
    /// Tokens per UTC day of the project; unbounded when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_day: Option<u64>,
    /// Tokens per UTC day of each user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_tokens_per_day: Option<u64>,
    /// Tokens per UTC month of each user; unbounded when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_tokens_per_month: Option<u64>,
    /// The only names of tags that calls may carry, when set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_keys: Option<Vec<String>>,
    /// How many days usage records are kept; for ever when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_retention_days: Option<u32>,
}

/// The answer of `GET /v1/projects/{id}/settings`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct SettingsView {
    /// What is in force.
    pub deployed: ProjectSettings,
    /// What the next deploy will bring, when there is a draft.
    pub draft: Option<ProjectSettings>,
}

/// The body of `POST /v1/projects/{id}/test-token`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct NewTestToken {
    /// The end user the token stands for; `settings-test` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Lifetime in seconds, 60 to 86,400; 900 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u64>,
}

/// An API key without its secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct ApiKey {
    /// UUID.
    pub id: String,
    /// The project it belongs to.
    pub project_id: String,
    /// For people.
    pub name: String,
    /// What it may grant.
    pub role: Role,
    /// The last four characters of the secret.
    pub last_four: String,
    /// RFC 3339 instant.
    pub created_at: String,
    /// Set once it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<String>,
}

/// The body of `POST /v1/projects/{id}/keys`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct NewApiKey {
    /// For people; at most 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `user` when absent; never above the caller's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

/// A new API key: the only answer that ever carries its secret.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct CreatedApiKey {
    /// The key without its secret.
    #[serde(flatten)]
    pub api_key: ApiKey,
    /// `behest_sk_live_` and 32 hexadecimal digits. Shown once.
    pub key: String,
}

/// A tenant's signing key without its private half.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct SigningKey {
    /// `sk_` and 32 hexadecimal digits.
    pub kid: String,
    /// The tenant it belongs to.
    pub tenant_id: String,
    /// For people.
    pub name: String,
    /// RFC 3339 instant.
    pub created_at: String,
    /// Set once it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<String>,
}

/// The body of `POST /v1/tenants/{id}/signing-keys`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct NewSigningKey {
    /// For people; at most 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A new signing key: the only answer that ever carries its private half.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct CreatedSigningKey {
    /// The key without its private half.
    #[serde(flatten)]
    pub signing_key: SigningKey,
    /// PKCS#8 PEM. Shown once.
    pub private_key_pem: String,
}

/// A provider that a tenant or a project can call, without its key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct Provider {
    /// UUID, another with every key; absent for providers of the environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name, such as `openai` or `ollama`.
    pub name: String,
    /// `project` or `tenant` for one added here, `platform` for one of the gateway's environment, `built-in` for `local`.
    pub source: String,
    /// The project that it belongs to, where it is one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Where it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Whether the operator declared it to be on a private network.
    pub local: bool,
    /// The last four characters of the key, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_last_four: Option<String>,
    /// `false` where the gateway's master key does not open the key: calls get 503 until it is added again.
    #[serde(default = "yes")]
    pub readable: bool,
    /// RFC 3339 instant; absent for providers of the environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
}

/// The body of `POST /v1/tenants/{id}/providers` and `POST /v1/projects/{id}/providers`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewProvider {
    /// `openai`, or a name of your own for a compatible server: lower-case letters, digits and `-`.
    pub name: String,
    /// The provider's key; may be absent for a server that needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<String>,
    /// Where it answers, `/v1` included. The operator's to set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Declares that it stands on a private network. The operator's to set.
    #[serde(default)]
    pub local: bool,
    /// Models that it serves, listed beside those of the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// Whether the provider is asked, at no cost, if it takes the key; `true` when absent.
    #[serde(default = "yes")]
    pub check: bool,
}

const fn yes() -> bool {
    true
}
