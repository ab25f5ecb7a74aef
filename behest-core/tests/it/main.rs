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
#[cfg(all(feature = "client", feature = "gateway"))]
mod embed_example;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_api_keys;
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
mod gateway_idempotency;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_isolation;
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
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_rotation;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_routing;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_settings;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_threads;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_tokens;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_usage;
#[cfg(all(feature = "client", feature = "gateway"))]
mod gateway_vertex;
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
