//! The refusal of a layer: which one, its numbers for those who may see them, when it begins anew, and what to do.

use std::sync::Arc;

use serde_json::{Value, json};

use super::counters::Standing;
use super::layers::{Layer, LayerName};
use super::meter::Measure;
use super::rates::seconds_until;
use crate::gateway::clock;
use crate::gateway::ledger::money::NanoUsd;
use crate::gateway::refusal::Refuse;
use crate::gateway::store::rows::BudgetRow;
use crate::types::problem::Code;

/// Which numbers a caller may see.
#[derive(Debug, Clone, Copy)]
pub struct Sees {
    /// Those of layers that are wider than one end user.
    pub wide: bool,
    /// Those of money.
    pub money: bool,
}

/// A layer has too little left for the call.
#[derive(Debug)]
pub struct Exceeded {
    name: LayerName,
    measure: Measure,
    limit: u64,
    standing: Standing,
    needed: u64,
    now: i64,
    budget: Option<Arc<BudgetRow>>,
    sees_numbers: bool,
}

impl Exceeded {
    /// The refusal by `layer`, of which the call needed `needed`.
    #[must_use]
    pub fn new(layer: &Layer, standing: Standing, needed: u64, now: i64, sees: Sees) -> Self {
        Self {
            name: layer.name,
            measure: layer.meter.measure,
            limit: layer.limit,
            standing,
            needed,
            now,
            budget: layer.budget.clone(),
            sees_numbers: (sees.wide || !layer.name.is_wide())
                && (sees.money || layer.meter.measure != Measure::Money),
        }
    }

    /// The refusal of an address.
    #[must_use]
    pub const fn address(limit: u64, standing: Standing, now: i64) -> Self {
        Self {
            name: LayerName::Ip,
            measure: Measure::Requests,
            limit,
            standing,
            needed: 1,
            now,
            budget: None,
            sees_numbers: true,
        }
    }

    /// Which layer refused.
    #[must_use]
    pub const fn layer(&self) -> LayerName {
        self.name
    }

    /// Whose it is, of what, and where it is set.
    fn words(&self) -> (String, &'static str, &'static str) {
        let of = |whose: &str| whose.to_owned();
        match self.name {
            LayerName::Ip => (
                of("this address"),
                "requests of this minute",
                "`limits.ip_rpm` in the gateway's configuration",
            ),
            LayerName::Project => (of("the project"), "requests of this minute", "the project's `rpm_limit`"),
            LayerName::User => (
                of("the user"),
                "requests of this minute",
                "the project's `user_rpm_limit` or the tier's `rpm_limit`",
            ),
            LayerName::UserRequestsDay => {
                (of("the user"), "requests of this day", "the tier's `requests_per_day`")
            }
            LayerName::ProjectConcurrency => {
                (of("the project"), "calls at once", "the project's `concurrency_limit`")
            }
            LayerName::UserConcurrency => (
                of("the user"),
                "calls at once",
                "the project's `user_concurrency_limit` or the tier's `concurrency_limit`",
            ),
            LayerName::UserTokensDay => (
                of("the user"),
                "tokens of this day",
                "the project's `user_tokens_per_day` or the tier's `tokens_per_day`",
            ),
            LayerName::UserTokensMonth => (
                of("the user"),
                "tokens of this month",
                "the project's `user_tokens_per_month` or the tier's `tokens_per_month`",
            ),
            LayerName::ProjectTokensDay => {
                (of("the project"), "tokens of this day", "the project's `tokens_per_day`")
            }
            LayerName::Budget(scope) => {
                let name = self
                    .budget
                    .as_ref()
                    .filter(|_| self.sees_numbers)
                    .map(|budget| budget.terms.name.as_str());
                let whose = match name {
                    Some(name) => format!("the {} budget `{name}`", scope.as_str().replace('_', " ")),
                    None => format!("the {} budget", scope.as_str().replace('_', " ")),
                };
                (whose, "money", "the budget's `limit_usd`")
            }
        }
    }

    fn amount(&self, amount: u64) -> String {
        match self.measure {
            Measure::Money => format!("${}", NanoUsd(i64::try_from(amount).unwrap_or(i64::MAX)).to_decimal()),
            Measure::Requests | Measure::Concurrency | Measure::Tokens => amount.to_string(),
        }
    }

    /// The amount for programs: dollars, tokens or requests.
    fn value(&self, amount: u64) -> Value {
        match self.measure {
            Measure::Money => json!(NanoUsd(i64::try_from(amount).unwrap_or(i64::MAX)).as_usd()),
            Measure::Requests | Measure::Concurrency | Measure::Tokens => json!(amount),
        }
    }

    /// Whose limit it is, by name: for those who may see everything.
    #[must_use]
    pub fn whose(&self) -> String {
        match &self.budget {
            Some(budget) => format!("the budget `{}`", budget.terms.name),
            None => format!("the limit `{}`", self.name.as_str()),
        }
    }

    /// What an event tells of it: to those who may see everything.
    #[must_use]
    pub fn facts(&self) -> Value {
        let mut facts = json!({
            "scope": self.name.as_str(),
            "limit": self.value(self.limit),
            "used": self.value(self.standing.used),
            "reserved": self.value(self.standing.reserved),
            "needed": self.value(self.needed),
            "resets_at": self.resets_at(),
        });
        if let Some(budget) = &self.budget {
            facts["budget"] = json!(budget.terms.name);
        }
        facts
    }

    fn resets_at(&self) -> Option<String> {
        self.standing.resets_at.map(clock::rfc3339)
    }
}

impl std::fmt::Display for Exceeded {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whose, what, setting) = self.words();
        if self.sees_numbers {
            let (limit, used) = (self.amount(self.limit), self.amount(self.standing.used));
            let (reserved, needed) = (self.amount(self.standing.reserved), self.amount(self.needed));
            match self.measure {
                Measure::Money => write!(
                    formatter,
                    "{whose} has {limit}: {used} are spent, {reserved} are held by calls under way, and this call may need {needed}"
                )?,
                Measure::Concurrency => {
                    write!(formatter, "{whose} may have {limit} {what}, and {reserved} are under way")?;
                }
                Measure::Requests => {
                    write!(formatter, "{whose} may make {limit} {what}, and {used} are used")?;
                }
                Measure::Tokens => write!(
                    formatter,
                    "{whose} may use {limit} {what}: {used} are used, {reserved} are held by calls under way, and this call may need {needed}"
                )?,
            }
        } else {
            write!(formatter, "{whose} has no {what} left for this call")?;
        }
        match (self.measure, self.resets_at()) {
            (Measure::Concurrency, _) => write!(formatter, "; come again when one has ended")?,
            (_, Some(resets_at)) => write!(formatter, "; it begins anew at {resets_at}")?,
            (_, None) => {}
        }
        write!(formatter, ". To allow more, raise {setting}")?;
        match self.name {
            LayerName::Ip => {
                write!(
                    formatter,
                    "; if it is a proxy's, name it in `limits.trusted_proxies`, so that its clients are told apart"
                )
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Exceeded {}

impl Refuse for Exceeded {
    fn code(&self) -> Code {
        match (self.name, self.measure) {
            (LayerName::UserRequestsDay, _) | (_, Measure::Tokens) => Code::QuotaExceeded,
            (_, Measure::Requests | Measure::Concurrency) => Code::RateLimited,
            (_, Measure::Money) => Code::BudgetExceeded,
        }
    }

    fn details(&self) -> Option<Value> {
        let mut details = json!({ "scope": self.name.as_str() });
        if self.sees_numbers {
            details["limit"] = self.value(self.limit);
            if self.code() == Code::RateLimited {
                details["remaining"] = self.value(self.standing.remaining(self.limit));
            } else {
                details["used"] = self.value(self.standing.used);
                details["reserved"] = self.value(self.standing.reserved);
            }
            if let Some(budget) = &self.budget {
                details["budget"] = json!(budget.terms.name);
            }
        }
        details["resets_at"] = json!(self.resets_at());
        Some(details)
    }

    fn retry_after(&self) -> Option<u64> {
        if self.code() != Code::RateLimited {
            return None;
        }
        let until = self.standing.resets_at.filter(|_| self.measure != Measure::Concurrency);
        Some(until.map_or(1, |instant| seconds_until(instant, self.now).max(1)))
    }
}
