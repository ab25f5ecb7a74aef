//! What is counted: for whom, of what, and within which window.

use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use super::window::Window;

/// Whose sum a meter is. Tuples, never joined strings.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An address; an IPv6 one by its first 64 bits.
    Address(IpAddr),
    /// A whole project.
    Project,
    /// An end user.
    User(Arc<str>),
    /// A session of an end user, or of nobody.
    Session {
        /// The user.
        user: Option<Arc<str>>,
        /// The session.
        session: Arc<str>,
    },
    /// All users of a tier.
    Tier(Arc<str>),
    /// A model.
    Model(Arc<str>),
    /// An API key.
    ApiKey(Uuid),
    /// A value of a tag.
    Tag {
        /// The tag.
        name: Arc<str>,
        /// Its value.
        value: Arc<str>,
    },
}

/// What is summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Calls.
    Requests,
    /// Calls under way: never spent, only held.
    Concurrency,
    /// Tokens, input and output together.
    Tokens,
    /// Money, in nano-dollars.
    Money,
}

/// A sum that is kept. What mostly tells two of them apart comes first, where comparing begins.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Meter {
    /// Of what.
    pub measure: Measure,
    /// Within which window.
    pub window: Window,
    /// Whose.
    pub subject: Subject,
    /// The project; nil for addresses, which belong to none.
    pub project: Uuid,
}

impl Payer {
    /// Whoever has only an address.
    #[must_use]
    pub const fn nobody() -> Self {
        Self { project: Uuid::nil(), user: None, session: None, tier: None, api_key: None, tags: Vec::new() }
    }
}

/// Whom and what a call's spending is counted for: what a record of it will say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payer {
    /// The project.
    pub project: Uuid,
    /// The end user.
    pub user: Option<Arc<str>>,
    /// The session.
    pub session: Option<Arc<str>>,
    /// The tier.
    pub tier: Option<Arc<str>>,
    /// The API key.
    pub api_key: Option<Uuid>,
    /// The tags.
    pub tags: Vec<(Arc<str>, Arc<str>)>,
}

impl Meter {
    /// Whether what `payer` spends on `model` is counted here.
    #[must_use]
    pub fn counts(&self, payer: &Payer, model: &str) -> bool {
        self.concerns(payer)
            && match &self.subject {
                Subject::Model(own) => **own == *model,
                _ => true,
            }
    }

    /// Whether anything that `payer` spends may be counted here: what is known before its model is.
    #[must_use]
    pub fn concerns(&self, payer: &Payer) -> bool {
        self.project == payer.project
            && match &self.subject {
                Subject::Address(_) => false,
                Subject::Project | Subject::Model(_) => true,
                Subject::User(user) => payer.user.as_ref() == Some(user),
                Subject::Session { user, session } => {
                    payer.user == *user && payer.session.as_ref() == Some(session)
                }
                Subject::Tier(tier) => payer.tier.as_ref() == Some(tier),
                Subject::ApiKey(key) => payer.api_key == Some(*key),
                Subject::Tag { name, value } => payer.tags.iter().any(|(own, of)| own == name && of == value),
            }
    }

    /// Whether the ledger knows of it: calls under way and addresses are in no record.
    #[must_use]
    pub const fn is_recorded(&self) -> bool {
        !matches!(self.measure, Measure::Concurrency) && !matches!(self.subject, Subject::Address(_))
    }
}
