//! Path to handler, and nothing else. A route cannot be registered without its metering class.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::edge;
use super::handlers::{catalogue, control, data, identity, open, providers, usage};
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
        .add(Metering::Free, routes!(usage::get_project_usage))
        .add(Metering::Free, routes!(control::list_api_keys, control::create_api_key))
        .add(Metering::Free, routes!(control::revoke_api_key))
        .add(Metering::Free, routes!(control::list_signing_keys, control::create_signing_key))
        .add(Metering::Free, routes!(control::revoke_signing_key))
        .add(Metering::Free, routes!(providers::list_providers, providers::put_provider))
        .add(Metering::Free, routes!(providers::remove_provider))
        .add(Metering::Free, routes!(providers::list_project_providers, providers::put_project_provider))
        .add(Metering::Free, routes!(providers::remove_project_provider))
        .finish()
        .layer(from_fn(edge::to_its_end))
}
