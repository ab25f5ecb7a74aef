//! Who is who: projects, keys and providers, from memory when nothing has changed.

use std::sync::Arc;

use uuid::Uuid;

use super::read_through::ReadThrough;
use super::seal::Sealer;
use crate::gateway::context::Project;
use crate::gateway::limits::rules::Rules;
use crate::gateway::origin::OriginPattern;
use crate::gateway::providers::Upstream;
use crate::gateway::routing::catalogue::Catalogue;
use crate::gateway::settings::origins;
use crate::gateway::store::rows::{ApiKeyRow, Owner, ProviderRow, SigningKeyRow};
use crate::gateway::store::{ProjectScope, Store, StoreError};
use crate::token::VerifyingKey;
use crate::types::control::ProjectStatus;

/// A tenant's signing key, ready to verify with.
#[derive(Debug)]
pub struct KnownSigningKey {
    /// The row.
    pub row: SigningKeyRow,
    /// The public half.
    pub verifying: VerifyingKey,
}

/// The store's identities behind caches. Whoever changes one tells it here, after the commit.
pub struct Directory {
    store: Arc<dyn Store>,
    sealer: Arc<Sealer>,
    platform: Vec<Arc<Upstream>>,
    rules: Rules,
    offline: Arc<Upstream>,
    projects: ReadThrough<Uuid, Arc<Project>>,
    slugs: ReadThrough<String, Uuid>,
    api_keys: ReadThrough<[u8; 32], Arc<ApiKeyRow>>,
    signing_keys: ReadThrough<String, Arc<KnownSigningKey>>,
    catalogues: ReadThrough<(Uuid, Uuid), Arc<Catalogue>>,
    origins: ReadThrough<(), Arc<Vec<OriginPattern>>>,
}

impl Directory {
    /// In front of `store`; `platform` are the providers of the gateway's own configuration, `rules` its limits.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        sealer: Arc<Sealer>,
        platform: Vec<Arc<Upstream>>,
        rules: Rules,
    ) -> Self {
        Self {
            store,
            sealer,
            platform,
            rules,
            offline: Arc::new(Upstream::offline()),
            projects: ReadThrough::default(),
            slugs: ReadThrough::default(),
            api_keys: ReadThrough::default(),
            signing_keys: ReadThrough::default(),
            catalogues: ReadThrough::default(),
            origins: ReadThrough::default(),
        }
    }

    /// Finds a project.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn project(&self, id: Uuid) -> Result<Option<Arc<Project>>, StoreError> {
        let load = async || {
            let policy = self.store.project_policy(id).await?;
            Ok(policy.map(|policy| Arc::new(self.rules.project(policy))))
        };
        self.projects.get(&id, load).await
    }

    /// Finds the project of a slug.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn project_by_slug(&self, slug: &str) -> Result<Option<Arc<Project>>, StoreError> {
        let load = async || Ok(self.store.project_by_slug(slug).await?.map(|row| row.id));
        match self.slugs.get(&slug.to_owned(), load).await? {
            Some(id) => self.project(id).await,
            None => Ok(None),
        }
    }

    /// Finds an API key, revoked or not, by its SHA-256.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn api_key(&self, lookup: [u8; 32]) -> Result<Option<Arc<ApiKeyRow>>, StoreError> {
        let load = async || Ok(self.store.api_key(lookup).await?.map(Arc::new));
        self.api_keys.get(&lookup, load).await
    }

    /// Finds a tenant's signing key, revoked or not.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn signing_key(&self, kid: &str) -> Result<Option<Arc<KnownSigningKey>>, StoreError> {
        let load = async || {
            let Some(row) = self.store.signing_key(kid).await? else { return Ok(None) };
            let verifying = VerifyingKey::from_jwk(&row.jwk)
                .map_err(|_| StoreError::Damaged { table: "signing_keys" })?;
            Ok(Some(Arc::new(KnownSigningKey { row, verifying })))
        };
        self.signing_keys.get(&kid.to_owned(), load).await
    }

    /// What a project of a tenant may call: its own providers, then the tenant's, their keys opened, then the platform's.
    /// Of several with one name only the first counts, also when its key cannot be read.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn catalogue(&self, tenant: Uuid, project: Uuid) -> Result<Arc<Catalogue>, StoreError> {
        let load = async || {
            let mut rows = self.store.providers(Owner::Project { tenant, project }).await?;
            let of_tenant = self.store.providers(Owner::Tenant(tenant)).await?;
            let replaced = |row: &ProviderRow| rows.iter().any(|own| own.name == row.name);
            let of_tenant: Vec<_> = of_tenant.into_iter().filter(|row| !replaced(row)).collect();
            rows.extend(of_tenant);
            let own: Vec<_> = rows.iter().map(|row| Arc::new(Upstream::of_row(row, &self.sealer))).collect();
            Ok(Some(Arc::new(Catalogue::new(&own, &self.platform, &self.offline))))
        };
        let found = self.catalogues.get(&(tenant, project), load).await?;
        Ok(found.unwrap_or_else(|| Arc::new(Catalogue::new(&[], &self.platform, &self.offline))))
    }

    /// The providers of the gateway's own configuration.
    #[must_use]
    pub fn platform(&self) -> &[Arc<Upstream>] {
        &self.platform
    }

    /// What the configuration says of every project.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The origins of every active project: what counts while the project is not known.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn all_origins(&self) -> Result<Arc<Vec<OriginPattern>>, StoreError> {
        let load = async || {
            let rows = self.store.projects(ProjectScope::All).await?;
            let active = rows.into_iter().filter(|row| row.status == ProjectStatus::Active);
            let origins = active.flat_map(|row| origins(&row.deployed)).collect();
            Ok(Some(Arc::new(origins)))
        };
        Ok(self.origins.get(&(), load).await?.unwrap_or_default())
    }

    /// A project, one of its tiers or one of its budgets changed.
    pub fn project_changed(&self, id: Uuid) {
        self.projects.forget(&id);
        self.origins.forget_all();
    }

    /// An API key changed.
    pub fn api_key_changed(&self, lookup: &[u8; 32]) {
        self.api_keys.forget(lookup);
    }

    /// A signing key changed.
    pub fn signing_key_changed(&self, kid: &str) {
        self.signing_keys.forget(&kid.to_owned());
    }

    /// A tenant's or a project's providers changed.
    pub fn providers_changed(&self, owner: Owner) {
        match owner {
            Owner::Tenant(tenant) => self.catalogues.forget_where(|(of, _)| *of == tenant),
            Owner::Project { tenant, project } => self.catalogues.forget(&(tenant, project)),
        }
    }
}
