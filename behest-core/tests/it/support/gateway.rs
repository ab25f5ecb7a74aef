//! A gateway in a folder of its own, called without a socket, and the few things that every test of it asks for.

use std::collections::BTreeMap;

use axum::Router;
use behest_core::Secret;
use behest_core::gateway::Gateway;
use behest_core::gateway::config::{Config, ProviderConfig};
use behest_core::types::control::{CreatedApiKey, CreatedSigningKey, Project, Tenant};
use http::Method;
use serde_json::{Value, json};

use super::PATIENCE;
pub use super::call::{Answer, Call};
use super::scripted::Scripted;

/// The operator's secret of every gateway here.
pub const ADMIN_SECRET: &str = "the-operators-secret-of-every-test";
/// The platform's key at the provider `fake`.
pub const PROVIDER_KEY: &str = "sk-the-platforms-provider-key";
/// The models that `fake` declares.
pub const MODELS: [&str; 2] = ["fake-1", "fake-2"];

/// A gateway with its first tenant, project and API key.
pub struct TestGateway {
    pub gateway: Gateway,
    pub router: Router,
    /// Of role `user`, as the first start makes it.
    pub api_key: String,
    pub project: Project,
    _folder: tempfile::TempDir,
}

impl TestGateway {
    /// With nothing configured: the offline model answers.
    pub async fn start() -> Self {
        Self::with(Config::default()).await
    }

    /// With the provider `fake`, which is `upstream`.
    pub async fn before(upstream: &Scripted) -> Self {
        let fake = provider(upstream, &MODELS);
        Self::with(Config { providers: BTreeMap::from([("fake".to_owned(), fake)]), ..Config::default() })
            .await
    }

    /// With any configuration.
    pub async fn with(config: Config) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config { admin_secret: Some(Secret::new(ADMIN_SECRET)), ..config };
        let gateway = Gateway::builder(config).data_dir(folder.path().join("data")).build().await;
        let gateway = gateway.expect("a gateway");
        let api_key = gateway.first_start().expect("a first start").api_key.expose().to_owned();
        let router = gateway.router();
        let projects = Call::new(&router, Method::GET, "/v1/projects").admin().await.ok();
        let project = serde_json::from_value(projects["data"][0].clone()).expect("a project");
        Self { gateway, router, api_key, project, _folder: folder }
    }

    /// A call with any method.
    pub fn call(&self, method: Method, path: &str) -> Call {
        Call::new(&self.router, method, path)
    }

    /// A GET.
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// A POST of JSON.
    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.call(Method::POST, path).json(body)
    }

    /// A chat with one message of the user.
    pub fn chat(&self, said: &str) -> Call {
        self.ask(&json!({ "messages": [{ "role": "user", "content": said }] }))
    }

    /// A chat with any body.
    pub fn ask(&self, body: &Value) -> Call {
        self.post("/v1/chat/completions", body)
    }

    /// A new tenant.
    pub async fn tenant(&self, body: &Value) -> Tenant {
        read(self.post("/v1/tenants", body).admin().await.created())
    }

    /// A new project of a tenant.
    pub async fn project_of(&self, tenant: &str) -> Project {
        let body = json!({ "name": "another", "tenant_id": tenant });
        read(self.post("/v1/projects", &body).admin().await.created())
    }

    /// A new API key of a project.
    pub async fn key(&self, project: &str, role: &str) -> CreatedApiKey {
        let path = format!("/v1/projects/{project}/keys");
        read(self.post(&path, &json!({ "role": role })).admin().await.created())
    }

    /// A new signing key of a tenant.
    pub async fn signing_key(&self, tenant: &str) -> CreatedSigningKey {
        let path = format!("/v1/tenants/{tenant}/signing-keys");
        read(self.post(&path, &json!({})).admin().await.created())
    }

    /// A token that an API key mints.
    pub async fn mint(&self, key: &str, body: &Value) -> String {
        let minted = self.post("/v1/auth/mint", body).bearer(key).await.ok();
        minted["jwt"].as_str().expect("a token").to_owned()
    }

    /// A token of the first project's, for an end user.
    pub async fn token(&self, user: &str) -> String {
        self.mint(&self.api_key, &json!({ "user_id": user })).await
    }

    /// A token with a role, of a key made for it.
    pub async fn token_of_role(&self, project: &str, role: &str) -> String {
        let key = self.key(project, role).await.key;
        self.mint(&key, &json!({ "user_id": "boss", "role": role })).await
    }

    /// Puts settings of the first project in force.
    pub async fn set(&self, settings: &Value) {
        self.set_of(&self.project.id, settings).await;
    }

    /// Puts settings of any project in force.
    pub async fn set_of(&self, project: &str, settings: &Value) {
        self.draft(project, settings).admin().await.ok();
        self.call(Method::POST, &format!("/v1/projects/{project}/deploy")).admin().await.ok();
    }

    /// Replaces a project's draft settings.
    pub fn draft(&self, project: &str, settings: &Value) -> Call {
        self.call(Method::PUT, &format!("/v1/projects/{project}/settings")).json(settings)
    }

    /// Changes a project.
    pub async fn change(&self, project: &str, patch: &Value) {
        self.call(Method::PATCH, &format!("/v1/projects/{project}")).json(patch).admin().await.ok();
    }

    /// The path of a resource of the first tenant's.
    pub fn of_tenant(&self, rest: &str) -> String {
        format!("/v1/tenants/{}/{rest}", self.project.tenant_id)
    }

    /// The path of a resource of the first project's.
    pub fn of_project(&self, rest: &str) -> String {
        format!("/v1/projects/{}/{rest}", self.project.id)
    }

    /// The host name of the first project.
    pub fn host(&self) -> String {
        host_of(&self.project)
    }

    /// The usage of the whole project, by group.
    pub async fn usage_by(&self, group: &str) -> Vec<(Value, u64)> {
        let path = format!("/v1/usage?group_by={group}");
        let report = self.get(&path).bearer(&self.api_key).await.ok();
        let mut groups: Vec<(Value, u64)> = Vec::new();
        for row in report["breakdown"].as_array().expect("a breakdown") {
            let requests = row["requests"].as_u64().expect("a count");
            // At midnight a group has two buckets.
            match groups.iter_mut().find(|(name, _)| *name == row["group"]) {
                Some((_, sum)) => *sum += requests,
                None => groups.push((row["group"].clone(), requests)),
            }
        }
        groups
    }
}

/// A provider that is `upstream`.
pub fn provider(upstream: &Scripted, models: &[&str]) -> ProviderConfig {
    ProviderConfig {
        base_url: Some(format!("{}/v1", upstream.base_url())),
        local: true,
        api_key: Some(Secret::new(PROVIDER_KEY)),
        models: Some(models.iter().map(|model| (*model).to_owned()).collect()),
        ..ProviderConfig::default()
    }
}

/// A gateway's configuration with these providers.
pub fn providers<const N: usize>(providers: [(&str, ProviderConfig); N]) -> Config {
    let named = providers.map(|(name, provider)| (name.to_owned(), provider));
    Config { providers: BTreeMap::from(named), ..Config::default() }
}

/// The host name of a project.
pub fn host_of(project: &Project) -> String {
    format!("{}.localhost", project.slug)
}

/// Signs any claims with a PEM, as the published SDKs do without any gateway.
pub fn sign(pem: &str, kid: &str, claims: &Value) -> String {
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
    header.kid = Some(kid.to_owned());
    let key = jsonwebtoken::EncodingKey::from_rsa_pem(pem.as_bytes()).expect("a key");
    jsonwebtoken::encode(&header, claims, &key).expect("a token")
}

/// The eight claims of the published SDKs' locally signed tokens, valid for five minutes from now.
pub fn claims(tenant: &str, project: &str, user: &str) -> Value {
    let now = behest_core::gateway::clock::now_seconds();
    json!({
        "tid": tenant, "pid": project, "uid": user, "iss": "https://api.behest.ai", "aud": "behest",
        "iat": now, "nbf": now, "exp": now + 300,
    })
}

/// Asks until the answer is there. For what happens after a client has gone, when nobody can be told.
pub async fn eventually<T>(ask: impl AsyncFn() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("it happens in time")
}

/// Waits until the gateway's clock has moved on, so that what follows is later.
pub async fn later() {
    let now = behest_core::gateway::clock::now_ms();
    eventually(async || (behest_core::gateway::clock::now_ms() > now).then_some(())).await;
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("what the control plane answers")
}
