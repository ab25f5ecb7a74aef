//! The rows of the store, as plain data.

use serde_json::value::RawValue;
use std::sync::Arc;
use uuid::Uuid;

use crate::token::Jwk;
use crate::types::budget::NewBudget;
use crate::types::control::{Plan, ProjectSettings, ProjectStatus};
use crate::types::kill::KillScope;
use crate::types::mint::Role;
use crate::types::tier::TierOverrides;

/// An organisation.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantRow {
    /// Its id.
    pub id: Uuid,
    /// For people.
    pub name: String,
    /// What it may do.
    pub plan: Plan,
    /// When it was made.
    pub created_at: i64,
}

/// A deployment unit with its settings.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectRow {
    /// Its id.
    pub id: Uuid,
    /// Its owner.
    pub tenant_id: Uuid,
    /// Routes by Host; unique.
    pub slug: String,
    /// For people.
    pub name: String,
    /// Whether it answers.
    pub status: ProjectStatus,
    /// When it was made.
    pub created_at: i64,
    /// The settings in force.
    pub deployed: ProjectSettings,
    /// What the next deploy will bring.
    pub draft: Option<ProjectSettings>,
}

/// An API key: only hashes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiKeyRow {
    /// Its id.
    pub id: Uuid,
    /// The project it belongs to.
    pub project_id: Uuid,
    /// For people.
    pub name: String,
    /// What it may grant.
    pub role: Role,
    /// SHA-256 of the key; unique.
    pub lookup: [u8; 32],
    /// Argon2id of the key, as a PHC string.
    pub hash: String,
    /// The key's last four characters.
    pub last_four: String,
    /// When it was made.
    pub created_at: i64,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
}

/// A tenant's signing key: only its public half.
#[derive(Debug, Clone, PartialEq)]
pub struct SigningKeyRow {
    /// Its name; unique.
    pub kid: String,
    /// Its owner.
    pub tenant_id: Uuid,
    /// For people.
    pub name: String,
    /// The public half.
    pub jwk: Jwk,
    /// When it was made.
    pub created_at: i64,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
}

/// Whose a provider is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A tenant's: for all of its projects.
    Tenant(Uuid),
    /// One project's: it goes before the tenant's of the same name, and other projects never see it.
    Project {
        /// The project's tenant.
        tenant: Uuid,
        /// The project.
        project: Uuid,
    },
}

impl Owner {
    /// The tenant, in either case.
    #[must_use]
    pub const fn tenant(self) -> Uuid {
        match self {
            Self::Tenant(tenant) | Self::Project { tenant, .. } => tenant,
        }
    }

    /// The project, if it is one's.
    #[must_use]
    pub const fn project(self) -> Option<Uuid> {
        match self {
            Self::Tenant(_) => None,
            Self::Project { project, .. } => Some(project),
        }
    }
}

/// A provider that a tenant or a project has added.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderRow {
    /// The id of the key: another with every key that is put here.
    pub id: Uuid,
    /// Whose it is.
    pub owner: Owner,
    /// Its name, unique for its owner.
    pub name: String,
    /// Where it answers; `None` is the provider's public address.
    pub base_url: Option<String>,
    /// Declared by the operator to stand on a private network.
    pub local: bool,
    /// The key, encrypted: `{iv_hex}:{ciphertext_hex}:{tag_hex}`.
    pub sealed_key: Option<String>,
    /// Which master key sealed it.
    pub master_key_id: Option<String>,
    /// The key's last four characters.
    pub last_four: Option<String>,
    /// The models it serves, when somebody said.
    pub models: Option<Vec<String>>,
    /// When it was added.
    pub created_at: i64,
}

/// What remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConversationKind {
    /// Kept until deleted.
    Thread,
    /// A sliding window with a lifetime.
    Session,
}

impl ConversationKind {
    /// The name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Thread => "thread",
            Self::Session => "session",
        }
    }
}

/// The scope of a conversation: a tuple, so no id can be made to mean another's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConversationKey {
    /// Thread or session.
    pub kind: ConversationKind,
    /// The project.
    pub project_id: Uuid,
    /// The end user; empty where a session has none.
    pub user_id: String,
    /// The client's id.
    pub id: String,
}

/// A conversation without its messages.
#[derive(Debug, Clone, PartialEq)]
pub struct ConversationRow {
    /// The client's id.
    pub id: String,
    /// The beginning of its first user message.
    pub title: Option<String>,
    /// When it began.
    pub created_at: i64,
    /// When it was last added to.
    pub last_message_at: i64,
    /// How many messages it holds.
    pub messages: u64,
}

/// A stored message.
#[derive(Debug, Clone)]
pub struct MessageRow {
    /// Its id.
    pub id: Uuid,
    /// The message as OpenAI writes it.
    pub body: Arc<RawValue>,
    /// The answer was cut off.
    pub incomplete: bool,
    /// Which turn it belongs to: a turn is left out whole or not at all.
    pub turn: Uuid,
    /// When it was stored.
    pub created_at: i64,
}

/// What a conversation remembers, and the mark that proves it was not deleted since.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Oldest first.
    pub messages: Vec<MessageRow>,
    /// How often a conversation under this key was deleted; a turn is stored only while this stands.
    pub deletions: i64,
}

/// A turn to be stored together with its usage record.
#[derive(Debug, Clone)]
pub struct NewTurn {
    /// Where.
    pub key: ConversationKey,
    /// The turn's id.
    pub turn: Uuid,
    /// The mark that [`History`] gave.
    pub deletions: i64,
    /// For a conversation that is new.
    pub title: Option<String>,
    /// The messages with whether each was cut off.
    pub messages: Vec<(Box<RawValue>, bool)>,
    /// How many messages to keep, for a session.
    pub window: Option<u32>,
    /// When.
    pub now: i64,
}

/// Which conversations expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// All sessions.
    Sessions,
    /// The threads of one project.
    Threads(Uuid),
}

/// A project with all that is decided about it.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectPolicy {
    /// The project.
    pub row: ProjectRow,
    /// Its own tiers, by name.
    pub tiers: Vec<TierRow>,
    /// Its budgets, oldest first.
    pub budgets: Vec<BudgetRow>,
}

/// A tier of a project.
#[derive(Debug, Clone, PartialEq)]
pub struct TierRow {
    /// The project.
    pub project_id: Uuid,
    /// Its name, unique in the project.
    pub name: String,
    /// What it changes.
    pub overrides: TierOverrides,
    /// When it was made; `None` for one of the configuration file, which no store keeps.
    pub created_at: Option<i64>,
}

/// A budget of a project.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetRow {
    /// Its id.
    pub id: Uuid,
    /// The project.
    pub project_id: Uuid,
    /// What it says; its name is unique among the stored ones of the project.
    pub terms: NewBudget,
    /// When it was made; `None` for one of the configuration file, which no store keeps.
    pub created_at: Option<i64>,
}

/// What a kill switch stops, with whom it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KillTarget {
    /// The whole gateway.
    Global,
    /// A tenant.
    Tenant {
        /// The tenant.
        tenant: Uuid,
    },
    /// A project.
    Project {
        /// Its tenant.
        tenant: Uuid,
        /// The project.
        project: Uuid,
    },
    /// An end user.
    User {
        /// The project's tenant.
        tenant: Uuid,
        /// The user's project.
        project: Uuid,
        /// The user.
        user: String,
    },
    /// An API key.
    Key {
        /// The project's tenant.
        tenant: Uuid,
        /// The key's project.
        project: Uuid,
        /// The key.
        api_key: Uuid,
    },
}

impl KillTarget {
    /// What kind it is.
    #[must_use]
    pub const fn scope(&self) -> KillScope {
        match self {
            Self::Global => KillScope::Global,
            Self::Tenant { .. } => KillScope::Tenant,
            Self::Project { .. } => KillScope::Project,
            Self::User { .. } => KillScope::User,
            Self::Key { .. } => KillScope::Key,
        }
    }

    /// The tenant.
    #[must_use]
    pub const fn tenant(&self) -> Option<Uuid> {
        match self {
            Self::Global => None,
            Self::Tenant { tenant }
            | Self::Project { tenant, .. }
            | Self::User { tenant, .. }
            | Self::Key { tenant, .. } => Some(*tenant),
        }
    }

    /// The project.
    #[must_use]
    pub const fn project(&self) -> Option<Uuid> {
        match self {
            Self::Global | Self::Tenant { .. } => None,
            Self::Project { project, .. } | Self::User { project, .. } | Self::Key { project, .. } => {
                Some(*project)
            }
        }
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::User { user, .. } => Some(user),
            _ => None,
        }
    }

    /// The API key.
    #[must_use]
    pub const fn api_key(&self) -> Option<Uuid> {
        match self {
            Self::Key { api_key, .. } => Some(*api_key),
            _ => None,
        }
    }
}

/// A kill switch that is thrown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KillRow {
    /// What it stops.
    pub target: KillTarget,
    /// For people, and told to callers.
    pub reason: Option<String>,
    /// When it was thrown; `None` for one of the configuration file, which no store keeps.
    pub created_at: Option<i64>,
}
