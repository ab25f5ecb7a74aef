//! Kill switches, all of them in memory: what is thrown or taken back is so from the next request on.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Mutex;
use uuid::Uuid;

use super::check::BadField;
use crate::gateway::config::{Config, policy};
use crate::gateway::setup::StartError;
use crate::gateway::store::rows::{KillRow, KillTarget, ProjectRow};
use crate::gateway::store::{Store, StoreError};
use crate::types::ids::UserId;
use crate::types::kill::{KillScope, KillSwitch};

/// The longest reason, in characters.
const MAX_REASON: usize = 200;

/// The kill switches that are thrown.
#[derive(Debug, Default)]
pub struct Switches {
    thrown: RwLock<HashMap<KillTarget, Arc<KillRow>>>,
    /// Held over commit and memory, so that two changes of one switch cannot come here in another order than there.
    changing: Mutex<()>,
}

impl Switches {
    /// Those that are stored, and those of the configuration over them.
    ///
    /// # Errors
    /// When the store cannot answer, or the configuration names what is not there.
    pub async fn load(store: &dyn Store, config: &Config) -> Result<Self, StartError> {
        let mut rows = store.kill_switches().await?;
        for (index, switch) in config.kill_switches.iter().enumerate() {
            let refused = |bad: &BadField| policy::refused("kill_switches", index, bad);
            let target = match resolve(store, switch).await {
                Ok(target) => target,
                Err(Unresolved::Store(error)) => return Err(error.into()),
                Err(Unresolved::Field(bad)) => return Err(refused(&bad).into()),
                Err(Unresolved::NotFound(what)) => {
                    return Err(
                        refused(&BadField::new("id", format!("names no {what} of this gateway"))).into()
                    );
                }
            };
            let reason = check_reason(switch.reason.as_deref()).map_err(|bad| refused(&bad))?;
            rows.push(KillRow { target, reason, created_at: None });
        }
        let thrown = rows.into_iter().map(|row| (row.target.clone(), Arc::new(row))).collect();
        Ok(Self { thrown: RwLock::new(thrown), changing: Mutex::default() })
    }

    /// The widest switch that stops this caller.
    #[must_use]
    pub fn thrown(
        &self,
        tenant: Uuid,
        project: Uuid,
        user: Option<&str>,
        api_key: Option<Uuid>,
    ) -> Option<Arc<KillRow>> {
        let thrown = self.thrown.read().unwrap_or_else(PoisonError::into_inner);
        if thrown.is_empty() {
            return None;
        }
        let user = user.map(|user| KillTarget::User { tenant, project, user: user.to_owned() });
        let api_key = api_key.map(|api_key| KillTarget::Key { tenant, project, api_key });
        let wide =
            [KillTarget::Global, KillTarget::Tenant { tenant }, KillTarget::Project { tenant, project }];
        wide.iter().chain(&user).chain(&api_key).find_map(|target| thrown.get(target)).cloned()
    }

    /// One switch, if it is thrown.
    #[must_use]
    pub fn get(&self, target: &KillTarget) -> Option<Arc<KillRow>> {
        self.thrown.read().unwrap_or_else(PoisonError::into_inner).get(target).cloned()
    }

    /// All of them: those of the file first, then the oldest.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<KillRow>> {
        let thrown = self.thrown.read().unwrap_or_else(PoisonError::into_inner);
        let mut rows: Vec<_> = thrown.values().cloned().collect();
        rows.sort_by_cached_key(|row| {
            (row.created_at, row.target.scope().as_str(), row.target.user().map(str::to_owned))
        });
        rows
    }

    /// Throws a switch; gives what stands, and whether it was not thrown before.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn throw(&self, store: &dyn Store, row: KillRow) -> Result<(Arc<KillRow>, bool), StoreError> {
        let _one_at_a_time = self.changing.lock().await;
        let row = Arc::new(store.throw_kill_switch(row).await?);
        let mut thrown = self.thrown.write().unwrap_or_else(PoisonError::into_inner);
        let before = thrown.insert(row.target.clone(), Arc::clone(&row));
        Ok((row, before.is_none()))
    }

    /// Takes a switch back; `false` when it is not thrown.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn take_back(&self, store: &dyn Store, target: &KillTarget) -> Result<bool, StoreError> {
        let _one_at_a_time = self.changing.lock().await;
        let was_there = store.take_back_kill_switch(target.clone()).await?;
        self.thrown.write().unwrap_or_else(PoisonError::into_inner).remove(target);
        Ok(was_there)
    }
}

/// Why a switch names nothing.
#[derive(Debug, thiserror::Error)]
pub enum Unresolved {
    /// A field is wrong, too many, or missing.
    #[error(transparent)]
    Field(#[from] BadField),
    /// Nothing has this id.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The store cannot answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Finds what a switch names, whoever asks.
///
/// # Errors
/// [`Unresolved`]
pub async fn resolve(store: &dyn Store, switch: &KillSwitch) -> Result<KillTarget, Unresolved> {
    let id = || switch.id.as_deref().ok_or_else(|| BadField::new("id", "is needed: what is to be stopped?"));
    if switch.scope != KillScope::User && switch.project_id.is_some() {
        return Err(BadField::new("project_id", "is for the scope `user` only").into());
    }
    match switch.scope {
        KillScope::Global if switch.id.is_some() => {
            Err(BadField::new("id", "is not for the scope `global`, which stops all").into())
        }
        KillScope::Global => Ok(KillTarget::Global),
        KillScope::Tenant => {
            let found = match Uuid::parse_str(id()?) {
                Ok(id) => store.tenant(id).await?,
                Err(_) => None,
            };
            found.map(|row| KillTarget::Tenant { tenant: row.id }).ok_or(Unresolved::NotFound("tenant"))
        }
        KillScope::Project => {
            let row = project(store, id()?).await?;
            Ok(KillTarget::Project { tenant: row.tenant_id, project: row.id })
        }
        KillScope::User => {
            let user = UserId::parse(id()?);
            let user = user.map_err(|error| BadField::new("id", format!("is no user: {error}")))?;
            let named = switch.project_id.as_deref();
            let named = named.ok_or_else(|| BadField::new("project_id", "is needed: whose user is it?"))?;
            let row = project(store, named).await?;
            let user = user.as_str().to_owned();
            Ok(KillTarget::User { tenant: row.tenant_id, project: row.id, user })
        }
        KillScope::Key => {
            let not_found = || Unresolved::NotFound("API key");
            let id = Uuid::parse_str(id()?).map_err(|_| not_found())?;
            let key = store.api_key_by_id(id).await?.ok_or_else(not_found)?;
            let project = store.project(key.project_id).await?.ok_or_else(not_found)?;
            Ok(KillTarget::Key { tenant: project.tenant_id, project: project.id, api_key: id })
        }
    }
}

async fn project(store: &dyn Store, id: &str) -> Result<ProjectRow, Unresolved> {
    let found = match Uuid::parse_str(id) {
        Ok(id) => store.project(id).await?,
        Err(_) => store.project_by_slug(id).await?,
    };
    found.ok_or(Unresolved::NotFound("project"))
}

/// Checks a reason; an empty one is none.
///
/// # Errors
/// When it is too long, or holds control characters.
pub fn check_reason(reason: Option<&str>) -> Result<Option<String>, BadField> {
    let Some(reason) = reason.map(str::trim).filter(|reason| !reason.is_empty()) else { return Ok(None) };
    if reason.chars().count() > MAX_REASON || reason.chars().any(char::is_control) {
        return Err(BadField::new("reason", "has at most 200 characters and no control characters"));
    }
    Ok(Some(reason.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(targets: &[&KillTarget]) -> Switches {
        let row = |target: &&KillTarget| {
            let target = KillTarget::clone(target);
            (target.clone(), Arc::new(KillRow { target, reason: None, created_at: Some(1) }))
        };
        Switches { thrown: RwLock::new(targets.iter().map(row).collect()), changing: Mutex::default() }
    }

    #[test]
    fn a_caller_is_stopped_by_each_scope_and_told_of_the_widest() {
        let [tenant, project, key] = [1, 2, 3].map(Uuid::from_u128);
        let all = [
            KillTarget::Global,
            KillTarget::Tenant { tenant },
            KillTarget::Project { tenant, project },
            KillTarget::User { tenant, project, user: "ann".to_owned() },
            KillTarget::Key { tenant, project, api_key: key },
        ];
        let stopped = |switches: &Switches| {
            switches.thrown(tenant, project, Some("ann"), Some(key)).map(|row| row.target.clone())
        };
        assert_eq!(stopped(&Switches::default()), None);
        for (index, target) in all.iter().enumerate() {
            assert_eq!(stopped(&with(&[target])).as_ref(), Some(target));
            let narrower: Vec<_> = all[index..].iter().collect();
            assert_eq!(stopped(&with(&narrower)).as_ref(), Some(target));
        }
    }

    #[test]
    fn nobody_else_is_stopped() {
        let [tenant, project, key, other] = [1, 2, 3, 4].map(Uuid::from_u128);
        let switches = with(&[
            &KillTarget::Tenant { tenant: other },
            &KillTarget::Project { tenant, project: other },
            &KillTarget::User { tenant, project, user: "ann".to_owned() },
            &KillTarget::User { tenant, project: other, user: "bob".to_owned() },
            &KillTarget::Key { tenant, project, api_key: other },
        ]);
        assert_eq!(switches.thrown(tenant, project, Some("bob"), Some(key)), None);
        assert_eq!(switches.thrown(tenant, project, None, None), None);
        assert!(switches.thrown(tenant, project, Some("ann"), None).is_some());
    }
}
