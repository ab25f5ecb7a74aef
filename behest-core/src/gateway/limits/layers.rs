//! The layers that hold for a caller, in the order in which they refuse.

use std::sync::Arc;

use uuid::Uuid;

use super::budgets;
use super::counters::{Amount, Demand, Taking};
use super::meter::{Measure, Meter, Payer, Subject};
use super::policy::Limits;
use super::window::Window;
use crate::gateway::context::{CredentialKind, Principal};
use crate::gateway::store::rows::BudgetRow;
use crate::types::budget::{BudgetScope, NewBudget, OnExceed};

/// Which limit a layer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerName {
    /// Requests per minute of an address.
    Ip,
    /// Requests per minute of a project.
    Project,
    /// Requests per minute of a user.
    User,
    /// Requests per day of a user.
    UserRequestsDay,
    /// Calls under way of a project.
    ProjectConcurrency,
    /// Calls under way of a user.
    UserConcurrency,
    /// Tokens per day of a user.
    UserTokensDay,
    /// Tokens per month of a user.
    UserTokensMonth,
    /// Tokens per day of a project.
    ProjectTokensDay,
    /// A budget.
    Budget(BudgetScope),
}

impl LayerName {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Project => "project",
            Self::User => "user",
            Self::UserRequestsDay => "user_requests_day",
            Self::ProjectConcurrency => "project_concurrency",
            Self::UserConcurrency => "user_concurrency",
            Self::UserTokensDay => "user_tokens_day",
            Self::UserTokensMonth => "user_tokens_month",
            Self::ProjectTokensDay => "project_tokens_day",
            Self::Budget(BudgetScope::Project) => "project_budget",
            Self::Budget(BudgetScope::User) => "user_budget",
            Self::Budget(BudgetScope::Session) => "session_budget",
            Self::Budget(BudgetScope::Tier) => "tier_budget",
            Self::Budget(BudgetScope::Model) => "model_budget",
            Self::Budget(BudgetScope::ApiKey) => "api_key_budget",
            Self::Budget(BudgetScope::Tag) => "tag_budget",
        }
    }

    /// Whether it is wider than one end user: then its numbers are not that user's business.
    #[must_use]
    pub const fn is_wide(self) -> bool {
        match self {
            Self::Ip
            | Self::User
            | Self::UserRequestsDay
            | Self::UserConcurrency
            | Self::UserTokensDay
            | Self::UserTokensMonth
            | Self::Budget(BudgetScope::User | BudgetScope::Session) => false,
            Self::Project | Self::ProjectConcurrency | Self::ProjectTokensDay | Self::Budget(_) => true,
        }
    }
}

/// One limit, for one caller.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Which.
    pub name: LayerName,
    /// Where it is counted.
    pub meter: Arc<Meter>,
    /// How much there is.
    pub limit: u64,
    /// The budget behind it, if it is one.
    pub budget: Option<Arc<BudgetRow>>,
}

impl Layer {
    /// Whether it refuses what goes above it: budgets may also only tell.
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.budget.as_ref().is_none_or(|budget| budget.terms.on_exceed == OnExceed::Refuse)
    }

    /// What a call takes of it.
    #[must_use]
    pub fn demand(&self, amount: Amount, taking: Taking) -> Demand {
        Demand { meter: Arc::clone(&self.meter), limit: self.refuses().then_some(self.limit), amount, taking }
    }
}

impl Payer {
    /// What records of this caller's calls will say.
    #[must_use]
    pub fn of(principal: &Principal) -> Self {
        let text = |text: &str| Arc::<str>::from(text);
        Self {
            project: principal.project,
            user: principal.user.as_deref().map(text),
            session: principal.session.as_ref().map(|session| text(session.as_str())),
            tier: principal.tier.as_deref().map(text),
            api_key: match principal.credential {
                CredentialKind::ApiKey { id } => Some(id),
                CredentialKind::Minted | CredentialKind::Local { .. } => None,
            },
            tags: principal.tags.iter().flatten().map(|(name, value)| (text(name), text(value))).collect(),
        }
    }
}

/// The layers of requests: those per minute and day, and the calls under way.
#[must_use]
pub fn of_requests(limits: &Limits, payer: &Payer) -> Vec<Layer> {
    use LayerName as Name;
    use Measure::{Concurrency, Requests};
    let mut layers = Layers::new(payer.project);
    let project = || Subject::Project;
    layers.add(Name::Project, project(), Requests, Window::Minute, Some(limits.project_rpm));
    if let Some(user) = &payer.user {
        let user = || Subject::User(Arc::clone(user));
        layers.add(Name::User, user(), Requests, Window::Minute, Some(limits.user_rpm));
        layers.add(Name::UserRequestsDay, user(), Requests, Window::Day, limits.user_requests_per_day);
        layers.add(Name::UserConcurrency, user(), Concurrency, Window::Total, limits.user_concurrency);
    }
    layers.add(Name::ProjectConcurrency, project(), Concurrency, Window::Total, limits.project_concurrency);
    layers.list
}

/// The layers of tokens and money, for a call that one of `models` may answer.
#[must_use]
pub fn of_spending(
    limits: &Limits,
    budgets: &[Arc<BudgetRow>],
    payer: &Payer,
    models: &[Arc<str>],
) -> Vec<Layer> {
    use LayerName as Name;
    use Measure::Tokens;
    let mut layers = Layers::new(payer.project);
    if let Some(user) = &payer.user {
        let user = || Subject::User(Arc::clone(user));
        layers.add(Name::UserTokensDay, user(), Tokens, Window::Day, Some(limits.user_tokens_per_day));
        layers.add(Name::UserTokensMonth, user(), Tokens, Window::Month, limits.user_tokens_per_month);
    }
    let of_project = limits.project_tokens_per_day;
    layers.add(Name::ProjectTokensDay, Subject::Project, Tokens, Window::Day, of_project);
    for budget in budgets {
        for subject in subjects(budget, payer, models) {
            layers.add_budget(budget, subject);
        }
    }
    layers.list
}

/// Whose sums a budget limits for this call: nobody's, one's, or those of each of the models.
#[must_use]
pub fn subjects(budget: &BudgetRow, payer: &Payer, models: &[Arc<str>]) -> Vec<Subject> {
    let terms = &budget.terms;
    // Without a subject each has the budget for itself.
    let meant = |name: &str| terms.subject.as_deref().is_none_or(|subject| subject == name);
    let one = |subject: Option<Subject>| subject.into_iter().collect();
    match terms.scope {
        BudgetScope::Project => vec![Subject::Project],
        BudgetScope::User => one(payer.user.clone().filter(|user| meant(user)).map(Subject::User)),
        BudgetScope::Session => one(payer
            .session
            .clone()
            .filter(|session| meant(session))
            .map(|session| Subject::Session { user: payer.user.clone(), session })),
        BudgetScope::Tier => one(payer.tier.clone().filter(|tier| meant(tier)).map(Subject::Tier)),
        BudgetScope::Model => models
            .iter()
            .filter(|model| meant(model))
            .map(|model| Subject::Model(Arc::clone(model)))
            .collect(),
        BudgetScope::ApiKey => one(payer.api_key.filter(|key| meant(&key.to_string())).map(Subject::ApiKey)),
        BudgetScope::Tag => {
            let tag =
                payer.tags.iter().find(|(name, value)| terms.tag.as_deref() == Some(&**name) && meant(value));
            one(tag.cloned().map(|(name, value)| Subject::Tag { name, value }))
        }
    }
}

/// Whose sum a budget limits, where it names one, and else that of `other`. Sessions have no sum of their own name: each
/// user's is another.
#[must_use]
pub fn subject_named(terms: &NewBudget, other: Option<&str>) -> Option<Subject> {
    let name = terms.subject.as_deref().or(other);
    let text = || name.map(Arc::<str>::from);
    match terms.scope {
        BudgetScope::Project => Some(Subject::Project),
        BudgetScope::User => text().map(Subject::User),
        BudgetScope::Session => None,
        BudgetScope::Tier => text().map(Subject::Tier),
        BudgetScope::Model => text().map(Subject::Model),
        BudgetScope::ApiKey => Some(Subject::ApiKey(Uuid::parse_str(name?).ok()?)),
        BudgetScope::Tag => Some(Subject::Tag { name: Arc::from(terms.tag.as_deref()?), value: text()? }),
    }
}

/// The meter of a budget for one of its subjects.
#[must_use]
pub fn meter_of(budget: &BudgetRow, subject: Subject) -> Arc<Meter> {
    let window = budget.terms.window.into();
    Arc::new(Meter { project: budget.project_id, subject, measure: Measure::Money, window })
}

/// A list in the making.
struct Layers {
    project: Uuid,
    list: Vec<Layer>,
}

impl Layers {
    fn new(project: Uuid) -> Self {
        Self { project, list: Vec::with_capacity(6) }
    }

    fn add(
        &mut self,
        name: LayerName,
        subject: Subject,
        measure: Measure,
        window: Window,
        limit: Option<u64>,
    ) {
        let Some(limit) = limit else { return };
        let meter = Arc::new(Meter { project: self.project, subject, measure, window });
        self.list.push(Layer { name, meter, limit, budget: None });
    }

    fn add_budget(&mut self, budget: &Arc<BudgetRow>, subject: Subject) {
        self.list.push(Layer {
            name: LayerName::Budget(budget.terms.scope),
            meter: meter_of(budget, subject),
            limit: budgets::limit(&budget.terms),
            budget: Some(Arc::clone(budget)),
        });
    }
}
