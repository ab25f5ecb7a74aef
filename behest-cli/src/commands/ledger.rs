//! `behest ledger`: the check of every rule, and costs reckoned again.

use behest_core::types::ledger::{Rerate, RerateReport, VerifyReport};
use jiff::Timestamp;
use serde_json::json;

use crate::args::{LedgerCommand, RerateArgs};
use crate::control::Operator;
use crate::printer::{Printer, Table};
use crate::report::{ExitStatus, Report};
use crate::settings::time::instant;

/// Does what was typed.
///
/// # Errors
/// [`Report`]
pub async fn run(
    operator: &Operator,
    command: LedgerCommand,
    printer: Printer,
) -> Result<ExitStatus, Report> {
    match command {
        LedgerCommand::Verify => verify(operator, printer).await,
        LedgerCommand::Rerate(args) => rerate(operator, args, printer).await,
    }
}

async fn verify(operator: &Operator, printer: Printer) -> Result<ExitStatus, Report> {
    let found: VerifyReport = operator.control.work(&["ledger", "verify"], &json!({})).await?;
    printer.answer(&found, |found| findings(found).to_string())?;
    let VerifyReport { projects, days, findings, is_cut } = &found;
    printer.say(format_args!("projects checked: {projects}, days: {days}"));
    match findings.len() {
        0 => Ok(ExitStatus::Success),
        count => {
            let more = if *is_cut { ", and more" } else { "" };
            printer.warn(format_args!("rules of the ledger are broken: {count} findings{more}"));
            Ok(ExitStatus::Failure)
        }
    }
}

fn findings(found: &VerifyReport) -> Table {
    let mut table = Table::new(["project", "rule", "at", "problem"], "every rule holds");
    for finding in &found.findings {
        table.row([
            finding.project_id.clone(),
            finding.rule.clone(),
            finding.at.clone(),
            finding.problem.clone(),
        ]);
    }
    table
}

async fn rerate(operator: &Operator, args: RerateArgs, printer: Printer) -> Result<ExitStatus, Report> {
    let now = Timestamp::now();
    let asked = Rerate {
        since: instant(&args.since, now)?,
        until: args.until.map(|until| instant(&until, now)).transpose()?,
        project_id: operator.named_project_id().await?,
        dry_run: args.dry_run,
    };
    let report: RerateReport = operator.control.work(&["ledger", "rerate"], &asked).await?;
    printer.answer(&report, |report| describe(report, asked.project_id.as_deref()).to_string())?;
    if report.dry_run {
        printer.say("nothing was changed: without --dry-run it is");
    }
    Ok(ExitStatus::Success)
}

fn describe(report: &RerateReport, project: Option<&str>) -> Table {
    let mut table = Table::new(["reckoned again", project.unwrap_or("every project")], "");
    let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
    row("prices of", report.catalogue_version.clone());
    row("records", report.records.to_string());
    row(if report.dry_run { "would change" } else { "changed" }, report.changed.to_string());
    row("cost before", format!("${}", report.before_usd));
    row(if report.dry_run { "cost then" } else { "cost now" }, format!("${}", report.after_usd));
    table
}
