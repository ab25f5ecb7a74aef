//! `behest budgets`: how much money may be spent, on what, within which time.

use behest_core::types::budget::{Budget, BudgetScope, BudgetStanding, BudgetWindow, NewBudget, OnExceed};
use reqwest::Method;

use crate::args::{BudgetTermsArgs, BudgetsCommand};
use crate::commands::standing;
use crate::commands::tally::dollars;
use crate::control::Operator;
use crate::printer::{Bars, Printer, Table};
use crate::report::{ExitStatus, Report};
use crate::settings::present;

/// Does what was typed.
///
/// # Errors
/// [`Report`]
pub async fn run(
    operator: &Operator,
    command: BudgetsCommand,
    printer: Printer,
) -> Result<ExitStatus, Report> {
    let project = operator.project_id().await?;
    let budgets = ["projects", project.as_str(), "budgets"];
    let one = |budget| ["projects", project.as_str(), "budgets", budget];
    let show = |budgets: &[Budget]| table(budgets, printer.bars()).to_string();
    match command {
        BudgetsCommand::List => {
            let listed: Vec<Budget> = operator.control.list(&budgets).await?;
            printer.answer(&listed, |listed| show(listed))?;
        }
        BudgetsCommand::Create { name, scope, tag, window, limit, terms } => {
            let mut new = NewBudget {
                name,
                scope: scope.into(),
                subject: None,
                tag,
                window: window.into(),
                limit_usd: limit,
                thresholds: None,
                on_exceed: OnExceed::default(),
                downgrade_to: None,
            };
            apply(&mut new, terms);
            let created: Budget = operator.control.write(Method::POST, &budgets, &new).await?;
            printer.answer(&created, |created| show(std::slice::from_ref(created)))?;
        }
        BudgetsCommand::Show { budget, subject } => {
            let query = [("subject", subject.as_deref())];
            let found: Budget = operator.control.find(&one(&budget), &query).await?;
            printer
                .answer(&found, |found| describe(found, subject.as_deref(), printer.bars()).to_string())?;
        }
        BudgetsCommand::Update { budget, name, window, limit, terms } => {
            let found: Budget = operator.control.get(&one(&budget)).await?;
            let mut new = found.terms;
            new.name = name.unwrap_or(new.name);
            new.window = window.map_or(new.window, Into::into);
            new.limit_usd = limit.unwrap_or(new.limit_usd);
            apply(&mut new, terms);
            // By its id: its name may be another now.
            let changed: Budget = operator.control.write(Method::PUT, &one(&found.id), &new).await?;
            printer.answer(&changed, |changed| show(std::slice::from_ref(changed)))?;
        }
        BudgetsCommand::Delete { budget } => {
            operator.control.act(Method::DELETE, &one(&budget)).await?;
            printer.say(format_args!("deleted budget {budget}: it holds nobody back any more"));
        }
    }
    Ok(ExitStatus::Success)
}

fn apply(budget: &mut NewBudget, terms: BudgetTermsArgs) {
    if let Some(subject) = &terms.subject {
        // An empty subject is everybody.
        budget.subject = present(Some(subject));
    }
    if !terms.thresholds.is_empty() {
        budget.thresholds = Some(terms.thresholds);
    }
    if let Some(on_exceed) = terms.on_exceed {
        budget.on_exceed = on_exceed.into();
        budget.downgrade_to = None;
    }
    budget.downgrade_to = terms.downgrade_to.or(budget.downgrade_to.take());
}

fn table(budgets: &[Budget], bars: Bars) -> Table {
    let headings = ["name", "of", "window", "limit", "used", "reserved", "", "resets", "above it"];
    let mut table = Table::new(headings, "no budgets");
    for budget in budgets {
        let terms = &budget.terms;
        let standing = Shown::of(terms, budget.standing.as_ref(), bars);
        table.row_in(
            standing.style,
            [
                terms.name.clone(),
                subject(terms),
                window(terms.window).to_owned(),
                dollars(terms.limit_usd),
                standing.used,
                standing.reserved,
                standing.meter,
                standing.resets,
                on_exceed(terms),
            ],
        );
    }
    table
}

fn describe(budget: &Budget, asked: Option<&str>, bars: Bars) -> Table {
    let terms = &budget.terms;
    let standing = Shown::of(terms, budget.standing.as_ref(), bars);
    let thresholds = match &terms.thresholds {
        Some(some) => some.iter().map(|percent| format!("{percent}%")).collect::<Vec<_>>().join(", "),
        None => "50%, 80%, 100%".to_owned(),
    };
    let mut table = Table::new(["budget", terms.name.as_str()], "");
    let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
    row("id", budget.id.clone());
    row("of", asked.filter(|_| terms.subject.is_none()).map_or_else(|| subject(terms), str::to_owned));
    row("window", window(terms.window).to_owned());
    row("limit", dollars(terms.limit_usd));
    match &budget.standing {
        None => row("used", "each has it for itself: name one with --subject".to_owned()),
        Some(left) => {
            row("used", standing.used);
            row("reserved", standing.reserved);
            row("left", dollars(left.remaining_usd));
            row("", standing.meter);
        }
    }
    row("resets", standing.resets);
    row("tells at", thresholds);
    row("above it", on_exceed(terms));
    row(
        "from",
        if budget.source == "config" { "the configuration file".to_owned() } else { budget.source.clone() },
    );
    table
}

/// A standing as it is shown; empty for a budget that each has for itself.
struct Shown {
    style: clap::builder::styling::Style,
    used: String,
    reserved: String,
    meter: String,
    resets: String,
}

impl Shown {
    fn of(terms: &NewBudget, standing: Option<&BudgetStanding>, bars: Bars) -> Self {
        let Some(standing) = standing else {
            let none = String::new;
            return Self {
                style: standing::style(0.0),
                used: none(),
                reserved: none(),
                meter: none(),
                resets: none(),
            };
        };
        let share = standing::share(standing.used_usd, standing.reserved_usd, terms.limit_usd);
        Self {
            style: standing::style(share),
            used: dollars(standing.used_usd),
            reserved: dollars(standing.reserved_usd),
            meter: bars.meter(share),
            resets: standing.resets_at.clone().unwrap_or_else(|| "never".to_owned()),
        }
    }
}

fn subject(terms: &NewBudget) -> String {
    let kind = match (terms.scope, &terms.tag) {
        (BudgetScope::Project, _) => return "the project".to_owned(),
        (BudgetScope::Tag, Some(tag)) => format!("tag {tag}"),
        (BudgetScope::ApiKey, _) => "API key".to_owned(),
        (scope, _) => scope.as_str().to_owned(),
    };
    match &terms.subject {
        Some(subject) => format!("{kind} {subject}"),
        None => format!("each {kind}"),
    }
}

const fn window(window: BudgetWindow) -> &'static str {
    match window {
        BudgetWindow::Day => "day",
        BudgetWindow::Week => "week",
        BudgetWindow::Month => "month",
        BudgetWindow::Total => "total",
    }
}

fn on_exceed(terms: &NewBudget) -> String {
    match (terms.on_exceed, &terms.downgrade_to) {
        (OnExceed::Refuse, _) => "refuse".to_owned(),
        (OnExceed::Notify, _) => "notify".to_owned(),
        (OnExceed::Downgrade, Some(model)) => format!("downgrade to {model}"),
        (OnExceed::Downgrade, None) => "downgrade".to_owned(),
    }
}
