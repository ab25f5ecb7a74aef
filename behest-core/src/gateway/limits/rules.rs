//! What the configuration says of projects, laid over what is stored of them.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use aws_lc_rs::digest;
use uuid::{Builder, Uuid};

use super::check::BadField;
use super::policy::Defaults;
use super::tiers;
use crate::gateway::config::policy::{self, OfProject};
use crate::gateway::config::{Config, ConfigError};
use crate::gateway::context::{Project, ProjectTier};
use crate::gateway::settings::Settings;
use crate::gateway::setup::{StartError, is_loopback};
use crate::gateway::store::rows::{BudgetRow, ProjectPolicy, ProjectRow, TierRow};
use crate::gateway::store::{ProjectScope, Store};
use crate::types::budget::NewBudget;
use crate::types::tier::{NewTier, TierOverrides};

/// The part of the configuration that projects are made ready with.
#[derive(Debug)]
pub struct Rules {
    defaults: Defaults,
    tiers: Vec<OfProject<NewTier>>,
    budgets: Vec<OfProject<NewBudget>>,
}

impl Rules {
    /// Those of a configuration.
    ///
    /// # Errors
    /// When one of its budgets is none.
    pub fn of(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self {
            defaults: Defaults::of(&config.limits, is_loopback(&config.host)),
            tiers: config.tiers.clone(),
            budgets: policy::tidied(&config.budgets)?,
        })
    }

    /// Whether the projects that the configuration names are there: a budget for nobody would hold nobody back.
    ///
    /// # Errors
    /// When one is not, or the store cannot answer.
    pub async fn check_projects(&self, store: &dyn Store) -> Result<(), StartError> {
        let projects = store.projects(ProjectScope::All).await?;
        let stray = |index: usize, section: &str| {
            let bad =
                BadField::new("project", "names no project of this gateway, by id or slug, and is not `*`");
            Err(policy::refused(section, index, &bad).into())
        };
        if let Some(index) = self.tiers.iter().position(|tier| !tier.is_of_one(&projects)) {
            return stray(index, "tiers");
        }
        if let Some(index) = self.budgets.iter().position(|budget| !budget.is_of_one(&projects)) {
            return stray(index, "budgets");
        }
        if let Some(index) = repeated(&self.tiers, &projects, |tier| &tier.name) {
            return Err(policy::twice("tiers", index).into());
        }
        match repeated(&self.budgets, &projects, |budget| &budget.name) {
            Some(index) => Err(policy::twice("budgets", index).into()),
            None => Ok(()),
        }
    }

    /// What is filled in where a project says nothing.
    #[must_use]
    pub const fn defaults(&self) -> &Defaults {
        &self.defaults
    }

    /// Makes a project ready.
    #[must_use]
    pub fn project(&self, policy: ProjectPolicy) -> Project {
        let ProjectPolicy { row, tiers, budgets } = policy;
        let deployed = Arc::new(Settings::new(&row.deployed, &self.defaults));
        let draft = row
            .draft
            .as_ref()
            .map_or_else(|| Arc::clone(&deployed), |draft| Arc::new(Settings::new(draft, &self.defaults)));
        // The file is the operator's: its tiers go before those that the project made.
        let mut own: BTreeMap<String, TierRow> =
            tiers.into_iter().map(|tier| (tier.name.clone(), tier)).collect();
        own.extend(self.tiers_of(&row).map(|tier| (tier.name.clone(), tier)));
        let names = tiers::BUILT_IN.iter().map(|name| (*name).to_owned()).chain(own.keys().cloned());
        let tiers = names.map(|name| (name.clone(), tier(&deployed, own.get(&name), &name))).collect();
        let budgets = self.budgets_of(&row).chain(budgets).map(Arc::new).collect();
        Project { row, deployed, draft, tiers, budgets }
    }

    /// The file's tiers of a project; what it says of this one alone comes last.
    fn tiers_of(&self, project: &ProjectRow) -> impl Iterator<Item = TierRow> {
        let of_all = self.tiers.iter().filter(|tier| tier.is_of_all());
        let of_this = self.tiers.iter().filter(|tier| tier.is_of_this(project));
        of_all.chain(of_this).map(|tier| TierRow {
            project_id: project.id,
            name: tier.what.name.clone(),
            overrides: tier.what.overrides.clone(),
            created_at: None,
        })
    }

    fn budgets_of(&self, project: &ProjectRow) -> impl Iterator<Item = BudgetRow> {
        let of_project = |budget: &&OfProject<NewBudget>| budget.is_of_all() || budget.is_of_this(project);
        self.budgets.iter().filter(of_project).map(|budget| BudgetRow {
            id: id_of(project.id, budget),
            project_id: project.id,
            terms: budget.what.clone(),
            created_at: None,
        })
    }
}

/// The first that another one before it names the same for the same project, once by its slug and once by its id.
fn repeated<T>(all: &[OfProject<T>], projects: &[ProjectRow], name: impl Fn(&T) -> &String) -> Option<usize> {
    let project = |one: &OfProject<T>| projects.iter().find(|row| one.is_of_this(row)).map(|row| row.id);
    let mut seen = HashSet::new();
    all.iter().position(|one| project(one).is_some_and(|project| !seen.insert((project, name(&one.what)))))
}

fn tier(project: &Settings, own: Option<&TierRow>, name: &str) -> ProjectTier {
    let built_in = tiers::built_in(name).unwrap_or_default();
    let empty = TierOverrides::default();
    let overrides = tiers::over(own.map_or(&empty, |own| &own.overrides), &built_in);
    ProjectTier { settings: Arc::new(tiers::settings(project, &overrides)), own: own.cloned() }
}

/// A budget of the file has no row, and must have the same id at every start all the same.
fn id_of(project: Uuid, budget: &OfProject<NewBudget>) -> Uuid {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(project.as_bytes());
    hash.update(&[u8::from(budget.is_of_all())]);
    hash.update(budget.what.name.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finish().as_ref()[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}
