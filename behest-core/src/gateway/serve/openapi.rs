//! `/openapi.json`, made from the routes themselves.

use std::sync::LazyLock;

use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, Info, License, OpenApi, OpenApiBuilder, Server};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::routes;
use crate::gateway::Gateway;

/// Where an operation's metering class stands in the document.
pub const METERING: &str = "x-behest-metering";

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    // The document is built of our own types; a test reads it back.
    routes::documented().split_for_parts().1.to_json().unwrap_or_default()
});

/// Whether a route can spend money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metering {
    /// It reaches a provider, and goes through the pipeline.
    Metered,
    /// It reaches none, or asks one for what costs nothing.
    Free,
}

impl Metering {
    /// The name in the document.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Metered => "metered",
            Self::Free => "free",
        }
    }
}

/// Collects routes, each with its metering class.
#[derive(Default)]
pub struct Registry(OpenApiRouter<Gateway>);

impl Registry {
    /// Adds the routes of one path.
    pub fn add(self, metering: Metering, routes: UtoipaMethodRouter<Gateway>) -> Self {
        Self(self.0.routes(classed(metering, routes)))
    }

    /// Describes the routes of one path that is registered by hand.
    pub fn add_documentation_only(self, metering: Metering, routes: UtoipaMethodRouter<Gateway>) -> Self {
        let described = OpenApiRouter::new().routes(classed(metering, routes)).split_for_parts().1;
        let mut router = self.0;
        router.get_openapi_mut().merge(described);
        Self(router)
    }

    /// All of them.
    pub fn finish(self) -> OpenApiRouter<Gateway> {
        self.0
    }
}

fn classed(metering: Metering, mut routes: UtoipaMethodRouter<Gateway>) -> UtoipaMethodRouter<Gateway> {
    for item in routes.1.paths.values_mut() {
        for operation in operations(item) {
            let class = ExtensionsBuilder::new().add(METERING, metering.as_str()).build();
            operation.extensions.get_or_insert_default().merge(class);
        }
    }
    routes
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch].into_iter().flatten()
}

/// Puts title, servers and credentials in front of the routes.
pub(super) fn described(registry: Registry) -> Registry {
    let mut info = Info::new("Behest", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "The AI backend for applications: every model call has an owner, a limit, a price and a guard. The chat \
         interface is OpenAI's; any OpenAI SDK works by changing its base URL."
            .to_owned(),
    );
    let mut license = License::new("MIT");
    license.identifier = Some("MIT".to_owned());
    info.license = Some(license);
    let bearer = |description: &str| {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.description = Some(description.to_owned());
        SecurityScheme::Http(scheme)
    };
    let components = ComponentsBuilder::new()
        .security_scheme("bearer", bearer("A per-user token, or an API key"))
        .security_scheme("api_key", bearer("An API key: behest_sk_live_..."))
        .security_scheme(
            "admin_secret",
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-Admin-Secret"))),
        )
        .build();
    let document: OpenApi = OpenApiBuilder::new()
        .info(info)
        .servers(Some([Server::new("/")]))
        .components(Some(components))
        .build();
    Registry(OpenApiRouter::with_openapi(document).merge(registry.finish()))
}

/// The document as JSON.
pub(super) fn document() -> &'static str {
    &DOCUMENT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_says_whether_it_can_spend_money() {
        let document: serde_json::Value = serde_json::from_str(document()).expect("JSON");
        assert!(document["openapi"].as_str().expect("a version").starts_with("3.1"));
        let mut seen = Vec::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let class =
                    operation[METERING].as_str().unwrap_or_else(|| panic!("{method} {path} has no class"));
                seen.push(format!("{class:7} {} {path}", method.to_uppercase()));
            }
        }
        seen.sort();
        insta::assert_snapshot!(seen.join("\n"));
    }
}
