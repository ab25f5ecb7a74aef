//! `[[tiers]]`, `[[budgets]]` and `[[kill_switches]]`: policy that only the file can change. It is laid over what is stored
//! and never written into it.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

use super::ConfigError;
use crate::gateway::limits::check::BadField;
use crate::gateway::limits::{budgets, tiers};
use crate::gateway::store::rows::ProjectRow;
use crate::types::budget::NewBudget;
use crate::types::kill::KillSwitch;
use crate::types::tier::NewTier;

/// The sections, for suggestions.
pub(super) const KEYS: [&str; 3] = ["tiers", "budgets", "kill_switches"];

/// Something that is said of a project, or of all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct OfProject<T> {
    /// The project's id or slug, or `*`.
    pub project: String,
    /// What is said.
    pub what: T,
}

impl<T> OfProject<T> {
    /// Whether it is said of all projects.
    #[must_use]
    pub fn is_of_all(&self) -> bool {
        self.project == "*"
    }

    /// Whether it is said of this project alone.
    #[must_use]
    pub fn is_of_this(&self, project: &ProjectRow) -> bool {
        self.project == project.slug || self.project == project.id.to_string()
    }

    /// Whether it is said of all projects, or of one of these.
    #[must_use]
    pub fn is_of_one(&self, projects: &[ProjectRow]) -> bool {
        self.is_of_all() || projects.iter().any(|project| self.is_of_this(project))
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for OfProject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Taken apart by hand, because serde's `flatten` would let unknown fields pass.
        let mut fields = toml::Table::deserialize(deserializer)?;
        let project = fields.remove("project").ok_or_else(|| D::Error::missing_field("project"))?;
        let project = project.try_into().map_err(D::Error::custom)?;
        let what = toml::Value::Table(fields).try_into().map_err(D::Error::custom)?;
        Ok(Self { project, what })
    }
}

/// Checks what the file says, as far as the file alone can tell.
pub(super) fn check(
    of_tiers: &[OfProject<NewTier>],
    of_budgets: &[OfProject<NewBudget>],
    of_kill_switches: &[KillSwitch],
) -> Result<(), ConfigError> {
    for (index, tier) in of_tiers.iter().enumerate() {
        tiers::check_name(&tier.what.name)
            .and_then(|()| tiers::check(&tier.what.overrides))
            .map_err(|bad| refused("tiers", index, &bad))?;
        let name = |tier: &OfProject<NewTier>| (tier.project.clone(), tier.what.name.clone());
        if of_tiers[..index].iter().any(|other| name(other) == name(tier)) {
            return Err(twice("tiers", index));
        }
    }
    for (index, switch) in of_kill_switches.iter().enumerate() {
        if switch.since.is_some() || switch.source.is_some() {
            let bad = BadField::new("since", "and `source` are the gateway's to say: leave them out");
            return Err(refused("kill_switches", index, &bad));
        }
    }
    tidied(of_budgets).map(drop)
}

/// The file's budgets as they are kept.
///
/// # Errors
/// Where one of them is wrong.
pub fn tidied(of_budgets: &[OfProject<NewBudget>]) -> Result<Vec<OfProject<NewBudget>>, ConfigError> {
    let mut tidy: Vec<OfProject<NewBudget>> = Vec::new();
    for (index, budget) in of_budgets.iter().enumerate() {
        let what = budgets::check(budget.what.clone()).map_err(|bad| refused("budgets", index, &bad))?;
        if tidy.iter().any(|other| other.project == budget.project && other.what.name == what.name) {
            return Err(twice("budgets", index));
        }
        tidy.push(OfProject { project: budget.project.clone(), what });
    }
    Ok(tidy)
}

/// A value of one of several tables of a name.
#[must_use]
pub fn refused(section: &str, index: usize, bad: &BadField) -> ConfigError {
    ConfigError::Value { key: format!("{section}[{index}].{}", bad.field), problem: bad.problem.clone() }
}

/// A name that stands twice for one project.
#[must_use]
pub fn twice(section: &str, index: usize) -> ConfigError {
    let bad = BadField::new("name", "stands twice for the same project");
    refused(section, index, &bad)
}
