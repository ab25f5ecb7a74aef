//! Behest's core, tested through its public interface.

#[cfg(feature = "client")]
mod client_config;
#[cfg(feature = "client")]
mod client_credentials;
#[cfg(feature = "client")]
mod client_groups;
#[cfg(feature = "client")]
mod client_isolation;
#[cfg(feature = "client")]
mod client_json;
#[cfg(feature = "client")]
mod client_retry;
#[cfg(feature = "client")]
mod client_stream;
#[cfg(feature = "client")]
mod client_tokens;
#[cfg(feature = "gateway")]
mod counters_conformance;
#[cfg(feature = "gateway")]
mod counters_fake;
#[cfg(feature = "gateway")]
mod counters_memory;
#[cfg(feature = "gateway")]
mod counters_model;
#[cfg(feature = "gateway")]
mod counters_shuttle;
#[cfg(all(feature = "client", feature = "gateway"))]
mod embed_example;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_api_keys;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_budgets;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_chat;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_control;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_cors;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_dialects;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_embeddings;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_estimates;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_events;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_exits;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_idempotency;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_isolation;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_kill_switches;
mod gateway_ledger;
mod gateway_limits;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_memory;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_mint;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_models;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_parity;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_provider_check;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_provider_keys;
mod gateway_reservations;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_rotation;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_routing;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_settings;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_threads;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_tiers;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_tokens;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_usage;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_vertex;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_webhooks;
#[cfg(feature = "gateway")]
mod ledger_reports;
#[cfg(feature = "gateway")]
mod ledger_upkeep;
#[cfg(all(feature = "client", feature = "gateway"))]
mod local;
#[cfg(all(feature = "client", feature = "gateway"))]
mod parity;
#[cfg(feature = "gateway")]
mod provider_page;
#[cfg(all(feature = "client", feature = "gateway"))]
mod reliability_page;
#[cfg(feature = "gateway")]
mod store_conformance;
#[cfg(feature = "gateway")]
mod store_migration;
mod support;
mod walls;
