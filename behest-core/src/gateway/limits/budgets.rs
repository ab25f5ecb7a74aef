//! What budgets say: checked, and their words as numbers.

use uuid::Uuid;

use super::check::{self, BadField};
use super::window::Window;
use crate::gateway::tags;
use crate::types::budget::{BudgetScope, BudgetWindow, NewBudget, OnExceed};
use crate::types::ids::{SessionId, UserId};

/// The most budgets of a project.
pub const MOST: u32 = 200;
/// The highest limit in US dollars: what an `i64` of nano-dollars holds, with room to add.
const MOST_USD: f64 = 9_000_000.0;
/// The percentages at which a budget tells when it does not say.
pub const THRESHOLDS: [u8; 3] = [50, 80, 100];

/// A budget's limit in nano-dollars.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a limit is checked to be positive and at most 9 million dollars"
)]
pub fn limit(terms: &NewBudget) -> u64 {
    // Whole dollars apart, so that the product rounds only what is below one.
    let whole = terms.limit_usd.trunc();
    whole as u64 * 1_000_000_000 + ((terms.limit_usd - whole) * 1e9).round() as u64
}

/// The percentages of the limit at which an event tells, lowest first.
#[must_use]
pub fn thresholds(terms: &NewBudget) -> &[u8] {
    terms.thresholds.as_deref().unwrap_or(&THRESHOLDS)
}

impl From<BudgetWindow> for Window {
    fn from(window: BudgetWindow) -> Self {
        match window {
            BudgetWindow::Day => Self::Day,
            BudgetWindow::Week => Self::Week,
            BudgetWindow::Month => Self::Month,
            BudgetWindow::Total => Self::Total,
        }
    }
}

/// Checks what no type can, and gives the terms as they are kept: the name without blanks around it, thresholds in
/// order, a key's id as it is written everywhere.
///
/// # Errors
/// The field that is wrong.
pub fn check(mut terms: NewBudget) -> Result<NewBudget, BadField> {
    terms.name = check::name(&terms.name)?;
    check_subject(&mut terms)?;
    match (terms.scope, &terms.tag) {
        (BudgetScope::Tag, None) => {
            return Err(BadField::new("tag", "is needed with the scope `tag`: which tag is summed?"));
        }
        (BudgetScope::Tag, Some(tag)) if !tags::is_name(tag) => {
            return Err(BadField::new("tag", "has 1 to 64 characters of A-Z, a-z, 0-9, `.`, `_` and `-`"));
        }
        (BudgetScope::Tag, Some(_)) | (_, None) => {}
        (_, Some(_)) => return Err(BadField::new("tag", "is for the scope `tag` only")),
    }
    if !(terms.limit_usd > 0.0 && terms.limit_usd <= MOST_USD) {
        return Err(BadField::new("limit_usd", "must be above 0 and at most 9,000,000 US dollars"));
    }
    if limit(&terms) == 0 {
        return Err(BadField::new("limit_usd", "must be at least 0.000000001: nine decimal places count"));
    }
    if let Some(thresholds) = &mut terms.thresholds {
        if thresholds.iter().any(|percentage| !(1..=100).contains(percentage)) {
            return Err(BadField::new("thresholds", "must each be 1 to 100 per cent"));
        }
        thresholds.sort_unstable();
        thresholds.dedup();
    }
    match (terms.on_exceed, &terms.downgrade_to) {
        (OnExceed::Downgrade, None) => {
            let problem = "is needed with `on_exceed` `downgrade`: which model answers then?";
            return Err(BadField::new("downgrade_to", problem));
        }
        (OnExceed::Downgrade, Some(model)) => check::model("downgrade_to", model)?,
        (_, Some(_)) => {
            return Err(BadField::new("downgrade_to", "is for `on_exceed` `downgrade` only"));
        }
        (_, None) => {}
    }
    Ok(terms)
}

fn check_subject(terms: &mut NewBudget) -> Result<(), BadField> {
    let Some(subject) = &terms.subject else { return Ok(()) };
    let bad = |problem: String| Err(BadField::new("subject", problem));
    match terms.scope {
        BudgetScope::Project => bad("is not for the scope `project`, which has no other".to_owned()),
        BudgetScope::User => {
            UserId::parse(subject.as_str()).map(drop).or_else(|error| bad(format!("is no user: {error}")))
        }
        BudgetScope::Session => SessionId::parse(subject.as_str())
            .map(drop)
            .or_else(|error| bad(format!("is no session: {error}"))),
        BudgetScope::Tier => super::tiers::check_name(subject)
            .or_else(|error| bad(format!("is no tier: a name {}", error.problem))),
        BudgetScope::Model => check::model("subject", subject),
        BudgetScope::ApiKey => match Uuid::parse_str(subject) {
            Ok(id) => {
                terms.subject = Some(id.to_string());
                Ok(())
            }
            Err(_) => bad("must be the API key's id, a UUID, and never the key itself".to_owned()),
        },
        BudgetScope::Tag if !tags::is_value(subject) => {
            bad("must be a tag's value: at most 128 bytes without control characters".to_owned())
        }
        BudgetScope::Tag => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gateway::ledger::money::NanoUsd;

    fn budget(limit_usd: f64) -> NewBudget {
        NewBudget {
            name: "all".to_owned(),
            scope: BudgetScope::Project,
            subject: None,
            tag: None,
            window: BudgetWindow::Month,
            limit_usd,
            thresholds: None,
            on_exceed: OnExceed::Refuse,
            downgrade_to: None,
        }
    }

    #[test]
    fn a_limit_is_a_sum_of_money() {
        for good in [0.000_000_001, 0.01, 50.0, 9_000_000.0] {
            assert!(check(budget(good)).is_ok(), "{good}");
        }
        for bad in [0.0, -1.0, 9_000_000.000_001, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e-10] {
            assert_eq!(check(budget(bad)).expect_err("no sum").field, "limit_usd", "{bad}");
        }
    }

    #[test]
    fn a_budget_tells_in_order_and_once() {
        let terms = check(NewBudget { thresholds: Some(vec![100, 5, 5, 80]), ..budget(1.0) });
        assert_eq!(thresholds(&terms.expect("terms")), [5, 80, 100]);
        assert_eq!(thresholds(&budget(1.0)), THRESHOLDS);
        assert_eq!(thresholds(&NewBudget { thresholds: Some(vec![]), ..budget(1.0) }), [0_u8; 0]);
    }

    proptest! {
        #[test]
        fn a_limit_that_money_can_write_loses_no_nano_dollar(nano in 1_i64..(1 << 22) * 1_000_000_000) {
            // Above four million dollars a double has no room for the ninth place.
            prop_assert_eq!(limit(&budget(NanoUsd(nano).as_usd())), nano.unsigned_abs());
        }
    }
}
