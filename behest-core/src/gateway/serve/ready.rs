//! What a running gateway tells its operator.

use std::path::PathBuf;

use crate::gateway::Gateway;
use crate::gateway::data_dir::ADMIN_SECRET_FILE;
use crate::gateway::store::{ProjectScope, StoreError};
use crate::secret::Secret;

/// What a running gateway tells its operator.
#[derive(Debug, Clone)]
pub struct Ready {
    /// `http://127.0.0.1:8080`
    pub base_url: String,
    /// The same for the first project's own host.
    pub slug_url: String,
    /// The first API key; at the first start only.
    pub api_key: Option<Secret>,
    /// The operator's secret; at the first start only.
    pub admin_secret: Option<Secret>,
    /// The first tenant.
    pub tenant_id: String,
    /// The first project.
    pub project_id: String,
    /// Its slug.
    pub slug: String,
    /// Where the data lives.
    pub data_dir: PathBuf,
    /// The file with the operator's secret, when the gateway keeps it in one.
    pub admin_secret_file: Option<PathBuf>,
    /// The providers of the first project, by name: its own, its tenant's and the platform's.
    pub providers: Vec<String>,
    /// Whether this was the first start.
    pub first_start: bool,
}

impl Ready {
    /// Of a gateway that answers at `base_url`.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn of(gateway: &Gateway, base_url: &str, port: Option<u16>) -> Result<Self, StoreError> {
        let damaged = |table| StoreError::Damaged { table };
        let tenant = gateway.store().tenants().await?.into_iter().next().ok_or(damaged("tenants"))?;
        let projects = gateway.store().projects(ProjectScope::Tenant(tenant.id)).await?;
        let project = projects.into_iter().next().ok_or(damaged("projects"))?;
        let catalogue = gateway.directory().catalogue(tenant.id, project.id).await?;
        let first = gateway.first_start();
        let config = gateway.config();
        let domain = match &config.base_domain {
            Some(domain) if !gateway.hosts().loopback => domain.as_str(),
            _ => "localhost",
        };
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self {
            base_url: base_url.to_owned(),
            slug_url: format!("http://{}.{domain}{port}", project.slug),
            api_key: first.map(|first| first.api_key.clone()),
            admin_secret: first.map(|first| first.admin_secret.clone()),
            tenant_id: tenant.id.to_string(),
            project_id: project.id.to_string(),
            slug: project.slug,
            data_dir: gateway.data_dir().to_owned(),
            admin_secret_file: config
                .admin_secret
                .is_none()
                .then(|| gateway.data_dir().join(ADMIN_SECRET_FILE)),
            providers: catalogue.upstreams().iter().map(|upstream| upstream.name.clone()).collect(),
            first_start: first.is_some(),
        })
    }
}
