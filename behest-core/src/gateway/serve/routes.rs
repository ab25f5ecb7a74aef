//! Path to handler, and nothing else. A route cannot be registered without its metering class.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::edge;
use super::handlers::{
    budgets, catalogue, control, data, events, identity, kill_switches, ledger, limits, open, providers,
    tiers, usage, webhooks,
};
use super::openapi::{Metering, Registry, described};
use crate::gateway::Gateway;

/// The gateway's router with the edge in front.
pub fn router(gateway: Gateway) -> Router {
    let data = documented().split_for_parts().0;
    let aliased = aliased().split_for_parts().0;
    Router::new()
        .merge(data)
        // OpenAPI has no parameter that spans slashes; model ids have them.
        .route("/v1/models/{*id}", get(data::get_model))
        .nest("/auth", aliased)
        .fallback(edge::no_route)
        .method_not_allowed_fallback(edge::no_method)
        .layer(from_fn_with_state(gateway.clone(), edge::edge))
        .with_state(gateway)
}

/// Every documented route.
pub(super) fn documented() -> OpenApiRouter<Gateway> {
    described(Registry::default())
        .add(Metering::Metered, routes!(data::create_chat_completion))
        .add(Metering::Metered, routes!(data::create_embeddings))
        .add(Metering::Free, routes!(data::list_models))
        .add_documentation_only(Metering::Free, routes!(data::get_model))
        .add(Metering::Free, routes!(data::list_threads))
        .add(Metering::Free, routes!(data::get_thread, data::delete_thread))
        .add(Metering::Free, routes!(data::list_thread_messages))
        .add(Metering::Free, routes!(usage::get_usage))
        .add(Metering::Free, routes!(usage::get_billing_usage))
        .add(Metering::Free, routes!(identity::get_jwks))
        .add(Metering::Free, routes!(open::health))
        .add(Metering::Free, routes!(open::ready))
        .add(Metering::Free, routes!(open::get_openapi))
        .add(Metering::Free, routes!(open::metrics))
        .finish()
        .merge(aliased())
}

/// The mint and the control plane, also served under `/auth`.
fn aliased() -> OpenApiRouter<Gateway> {
    Registry::default()
        .add(Metering::Free, routes!(identity::mint_token))
        .add(Metering::Free, routes!(catalogue::get_catalogue, catalogue::put_catalogue))
        .add(Metering::Free, routes!(control::list_tenants, control::create_tenant))
        .add(Metering::Free, routes!(control::list_projects, control::create_project))
        .add(Metering::Free, routes!(control::get_project, control::change_project, control::suspend_project))
        .add(Metering::Free, routes!(control::get_settings, control::put_settings))
        .add(Metering::Free, routes!(control::deploy_settings))
        .add(Metering::Free, routes!(control::discard_settings))
        .add(Metering::Free, routes!(control::create_test_token))
        .add(Metering::Free, routes!(tiers::list_tiers, tiers::create_tier))
        .add(Metering::Free, routes!(tiers::get_tier, tiers::put_tier, tiers::remove_tier))
        .add(Metering::Free, routes!(tiers::resolve_tier))
        .add(Metering::Free, routes!(budgets::list_budgets, budgets::create_budget))
        .add(Metering::Free, routes!(budgets::get_budget, budgets::put_budget, budgets::remove_budget))
        .add(
            Metering::Free,
            routes!(
                kill_switches::list_kill_switches,
                kill_switches::throw_kill_switch,
                kill_switches::take_back_kill_switch
            ),
        )
        .add(Metering::Free, routes!(usage::get_project_usage))
        .add(Metering::Free, routes!(limits::get_limits))
        .add(Metering::Free, routes!(ledger::list_usage_records))
        .add(Metering::Free, routes!(ledger::export_csv))
        .add(Metering::Free, routes!(ledger::export_jsonl))
        .add(Metering::Free, routes!(ledger::watch_usage))
        .add(Metering::Free, routes!(ledger::rerate))
        .add(Metering::Free, routes!(ledger::verify))
        .add(Metering::Free, routes!(control::list_api_keys, control::create_api_key))
        .add(Metering::Free, routes!(control::revoke_api_key))
        .add(Metering::Free, routes!(control::list_signing_keys, control::create_signing_key))
        .add(Metering::Free, routes!(control::revoke_signing_key))
        .add(Metering::Free, routes!(providers::list_providers, providers::put_provider))
        .add(Metering::Free, routes!(providers::remove_provider))
        .add(Metering::Free, routes!(providers::list_project_providers, providers::put_project_provider))
        .add(Metering::Free, routes!(providers::remove_project_provider))
        .add(Metering::Free, routes!(events::list_events))
        .add(Metering::Free, routes!(webhooks::list_webhooks, webhooks::create_webhook))
        .add(Metering::Free, routes!(webhooks::get_webhook, webhooks::delete_webhook))
        .add(Metering::Free, routes!(webhooks::test_webhook))
        .add(Metering::Free, routes!(webhooks::list_deliveries))
        .finish()
        .layer(from_fn(edge::to_its_end))
}
