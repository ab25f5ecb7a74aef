//! A project's settings with every default filled in.

use std::collections::BTreeMap;

use crate::types::control::{ApiKeyOnDataPlane, ModelRoute, ProjectSettings, UnknownPricePolicy};

use super::limits::policy::{Defaults, Limits};
use super::origin::OriginPattern;

/// How many messages a session remembers unless a project says otherwise.
pub const DEFAULT_MEMORY_WINDOW: u32 = 20;

/// The settings that bind a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The model behind an absent, empty or `default` name.
    pub default_model: Option<String>,
    /// Who answers a conversation when the model that was asked for cannot.
    pub fallback_models: Vec<String>,
    /// Other names for models.
    pub model_aliases: BTreeMap<String, String>,
    /// Names for several models.
    pub routes: BTreeMap<String, ModelRoute>,
    /// The only models allowed, when set.
    pub model_allowlist: Option<Vec<String>>,
    /// Goes in front of every conversation.
    pub system_prompt: Option<String>,
    /// Browser origins.
    pub origins: Vec<OriginPattern>,
    /// Whether sessions remember.
    pub memory_enabled: bool,
    /// How many messages a session remembers.
    pub memory_window: u32,
    /// How many days threads are kept.
    pub retention_days: Option<u32>,
    /// Whether threads keep tool calls and their results.
    pub store_tool_calls: bool,
    /// Whether an API key is a credential on the data plane.
    pub api_key_allowed: bool,
    /// What to do with a model whose price nobody knows.
    pub unknown_price: UnknownPricePolicy,
    /// Whether end users see what a call cost.
    pub show_cost_to_users: bool,
    /// Requests, calls under way and tokens.
    pub limits: Limits,
    /// The only names of tags that calls may carry, when set.
    pub tag_keys: Option<Vec<String>>,
    /// How many days usage records are kept.
    pub usage_retention_days: Option<u32>,
}

impl Settings {
    /// Fills in what a project has not set; its limits from `defaults`.
    #[must_use]
    pub fn new(settings: &ProjectSettings, defaults: &Defaults) -> Self {
        Self {
            default_model: settings.provider_model.clone().filter(|model| !model.is_empty()),
            fallback_models: settings.fallback_models.clone().unwrap_or_default(),
            model_aliases: settings.model_aliases.clone().unwrap_or_default(),
            routes: settings.routes.clone().unwrap_or_default(),
            model_allowlist: settings.model_allowlist.clone(),
            system_prompt: settings.system_prompt.clone().filter(|prompt| !prompt.is_empty()),
            origins: origins(settings),
            memory_enabled: settings.memory_enabled.unwrap_or(false),
            memory_window: settings.memory_window.unwrap_or(DEFAULT_MEMORY_WINDOW),
            retention_days: settings.retention_days,
            store_tool_calls: settings.store_tool_calls.unwrap_or(false),
            api_key_allowed: settings.api_key_on_data_plane != Some(ApiKeyOnDataPlane::Deny),
            unknown_price: settings.unknown_price_policy.unwrap_or(UnknownPricePolicy::Ceiling),
            show_cost_to_users: settings.show_cost_to_users.unwrap_or(false),
            limits: defaults.fill(settings),
            tag_keys: settings.tag_keys.clone(),
            usage_retention_days: settings.usage_retention_days,
        }
    }
}

/// The browser origins of a project.
#[must_use]
pub fn origins(settings: &ProjectSettings) -> Vec<OriginPattern> {
    // A draft is checked before it is stored, so nothing is skipped here.
    settings.cors_origins.iter().flatten().filter_map(|origin| OriginPattern::parse(origin).ok()).collect()
}
