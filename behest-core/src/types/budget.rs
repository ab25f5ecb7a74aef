//! Budgets: how much money may be spent, on what, within which time.

use serde::{Deserialize, Serialize};

/// What a budget's spending is summed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BudgetScope {
    /// The whole project.
    Project,
    /// An end user.
    User,
    /// A session of an end user. A browser can change its session id, so this is no ceiling for user tokens: pair it
    /// with a user budget.
    Session,
    /// All end users of a tier together.
    Tier,
    /// A model, by the name under which it is called.
    Model,
    /// An API key.
    ApiKey,
    /// A value of a tag.
    Tag,
}

impl BudgetScope {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::User => "user",
            Self::Session => "session",
            Self::Tier => "tier",
            Self::Model => "model",
            Self::ApiKey => "api_key",
            Self::Tag => "tag",
        }
    }
}

/// The UTC calendar window of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BudgetWindow {
    /// From midnight to midnight.
    Day,
    /// From Monday, 00:00, for seven days (ISO 8601).
    Week,
    /// From the first of the month to the next.
    Month,
    /// Since ever.
    Total,
}

/// What happens to calls above a budget's limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnExceed {
    /// They are refused with 402, and answers under way are cut where the money ends.
    #[default]
    Refuse,
    /// They are answered by the model in `downgrade_to`, and go on counting.
    Downgrade,
    /// They pass, and an event tells.
    Notify,
}

/// The body of `POST /v1/projects/{id}/budgets` and of `PUT /v1/projects/{id}/budgets/{budget}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewBudget {
    /// For people, unique in the project; 1 to 200 characters.
    pub name: String,
    /// What is summed.
    pub scope: BudgetScope,
    /// The one user, session, tier, model, API key (its id) or tag value that it holds for; absent: each of them has
    /// this budget for itself. Never with `project`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The tag's name; with the scope `tag` only, and always then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// When it begins anew.
    pub window: BudgetWindow,
    /// US dollars, above 0 and at most 9,000,000; nine decimal places count.
    pub limit_usd: f64,
    /// Percentages of the limit at which an event tells, each 1 to 100; 50, 80 and 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Vec<u8>>,
    /// `refuse` when absent.
    #[serde(default)]
    pub on_exceed: OnExceed,
    /// The model that answers above the limit; with `downgrade` only, and always then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downgrade_to: Option<String>,
}

/// A budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct Budget {
    /// UUID.
    pub id: String,
    /// What it says.
    #[serde(flatten)]
    pub terms: NewBudget,
    /// `api`, or `config` for one of the configuration file, which only the file can change.
    pub source: String,
    /// How it stands, where it holds for one subject; with `?subject=` for that one of a budget that each has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<BudgetStanding>,
    /// RFC 3339 instant; absent for budgets of the configuration file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
}

/// How much of a budget is left: `remaining = limit - used - reserved`, below zero after a debt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct BudgetStanding {
    /// What was spent in this window, in US dollars.
    pub used_usd: f64,
    /// What calls under way may still spend.
    pub reserved_usd: f64,
    /// What is left.
    pub remaining_usd: f64,
    /// When the window ends, as an RFC 3339 instant; absent for `total`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets_at: Option<String>,
}
