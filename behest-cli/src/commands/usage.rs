//! `behest usage`: requests, tokens and cost.

pub mod export;
mod plan;
pub mod watch;

use behest_core::client::{CallOptions, UsageQuery};
use behest_core::types::usage::{UsageBucket, UsageReport, UsageTotals};
use serde_json::Value;

pub use plan::Plan;

use crate::commands::tally::dollars;
use crate::identity;
use crate::printer::{Bars, Printer, Table, csv};
use crate::report::{ExitStatus, Report};
use crate::settings::Connection;

/// How many rows are asked for at once.
const PAGE: u32 = 10_000;

/// How a report is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shape {
    /// At most so many lines.
    pub limit: Option<usize>,
    /// As CSV.
    pub csv: bool,
}

/// Reports what was used: by the whole project with an API key, by one end user with a signing key.
///
/// # Errors
/// [`Report`]
pub async fn run(
    query: UsageQuery,
    plan: &Plan,
    shape: Shape,
    connection: &Connection,
    printer: Printer,
) -> Result<ExitStatus, Report> {
    let identity = identity::identify(connection, query.user_id.as_deref()).await?;
    let options = CallOptions { as_api_key: identity.has_api_key(), ..CallOptions::default() };
    let query = UsageQuery { limit: Some(PAGE), ..plan.asked(query) };
    let mut report = identity.client.usage().get(&query, &options).await?;
    while let Some(cursor) = report.next.take() {
        let next = UsageQuery { cursor: Some(cursor), ..query.clone() };
        let page = identity.client.usage().get(&next, &options).await?;
        // A page without rows cannot lead on: stop rather than ask for ever.
        report.next = page.next.filter(|_| !page.breakdown.is_empty());
        report.breakdown.extend(page.breakdown);
    }
    if !plan.by_time() {
        report.breakdown.sort_by(|one, other| cost(other).total_cmp(&cost(one)));
    }
    let all = report.breakdown.len();
    report.breakdown.truncate(shape.limit.unwrap_or(all));
    match shape.csv {
        true => printer.line(lines(&report, plan))?,
        false => printer.answer(&report, |report| table(report, plan, printer.bars()).to_string())?,
    }
    if report.breakdown.len() < all {
        let shown = report.breakdown.len();
        printer.aside(format_args!("these are {shown} of {all} lines; the total is of all"));
    }
    Ok(ExitStatus::Success)
}

fn cost(bucket: &UsageBucket) -> f64 {
    bucket.totals.cost_usd
}

fn table(report: &UsageReport, plan: &Plan, bars: Bars) -> Table {
    let from = plan.by_time().then_some("from");
    let groups = plan.headings();
    let columns = ["requests", "tokens in", "tokens out", "cost", ""];
    let headings = from.into_iter().chain(groups.iter().map(String::as_str)).chain(columns);
    let mut table = Table::new(headings, "nothing was used");
    let most = report.breakdown.iter().map(cost).fold(0.0, f64::max);
    for bucket in &report.breakdown {
        let groups = plan.groups(bucket.group.as_ref()).into_iter().map(name);
        let bar = bars.of(if most > 0.0 { cost(bucket) / most } else { 0.0 });
        let from = from.map(|_| bucket.timestamp.clone());
        table.row(from.into_iter().chain(groups).chain(cells(&bucket.totals)).chain([bar]));
    }
    let width = usize::from(from.is_some()) + groups.len();
    if width > 0 && !report.breakdown.is_empty() {
        let empty = std::iter::repeat_n(String::new(), width - 1);
        table.row(["total".to_owned()].into_iter().chain(empty).chain(cells(&report.totals)));
    }
    table
}

fn name(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "(none)".to_owned(),
        other => other.to_string(),
    }
}

fn cells(totals: &UsageTotals) -> [String; 4] {
    let estimated = if totals.estimated_requests > 0 { " (partly estimated)" } else { "" };
    let unpriced = match totals.unpriced_requests {
        0 => dollars(totals.cost_usd),
        all if all == totals.requests => "unknown".to_owned(),
        some => format!("{} and {some} of unknown cost", dollars(totals.cost_usd)),
    };
    [
        totals.requests.to_string(),
        totals.input_tokens.to_string(),
        format!("{}{estimated}", totals.output_tokens),
        unpriced,
    ]
}

/// The rows as CSV, without the totals: a sheet makes its own.
fn lines(report: &UsageReport, plan: &Plan) -> String {
    let from = plan.by_time().then(|| "from".to_owned());
    let numbers = [
        "requests",
        "calls",
        "input_tokens",
        "output_tokens",
        "cost_usd",
        "unpriced_requests",
        "estimated_requests",
    ];
    let headings = from.iter().cloned().chain(plan.headings()).chain(numbers.map(str::to_owned));
    let mut lines = vec![csv::line(headings)];
    for bucket in &report.breakdown {
        let groups = plan.groups(bucket.group.as_ref()).into_iter();
        let groups = groups.map(|value| if value.is_null() { String::new() } else { name(value) });
        let totals = &bucket.totals;
        let numbers = [
            totals.requests.to_string(),
            totals.calls.to_string(),
            totals.input_tokens.to_string(),
            totals.output_tokens.to_string(),
            totals.cost_usd.to_string(),
            totals.unpriced_requests.to_string(),
            totals.estimated_requests.to_string(),
        ];
        let from = from.as_ref().map(|_| bucket.timestamp.clone());
        lines.push(csv::line(from.into_iter().chain(groups).chain(numbers)));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use behest_core::types::usage::{UsageBucket, UsageReport, UsageTotals};
    use serde_json::{Value, json};

    use super::{Plan, lines, table};
    use crate::printer::Bars;

    fn report(groups: [Value; 2]) -> UsageReport {
        let totals =
            UsageTotals { requests: 2, input_tokens: 10, output_tokens: 5, ..UsageTotals::default() };
        let priced = UsageTotals { cost_usd: 0.25, ..totals.clone() };
        let unpriced = UsageTotals { unpriced_requests: 2, estimated_requests: 1, ..totals };
        let bucket = |(group, totals): (Value, &UsageTotals)| UsageBucket {
            timestamp: "2026-11-23T00:00:00Z".into(),
            group: Some(group),
            totals: totals.clone(),
        };
        let totals =
            UsageTotals { requests: 4, unpriced_requests: 2, cost_usd: 0.25, ..UsageTotals::default() };
        let breakdown = groups.into_iter().zip([&priced, &unpriced]).map(bucket).collect();
        UsageReport { totals, next: None, breakdown }
    }

    fn plan(by: &[&str], granularity: Option<&str>) -> Plan {
        Plan::new(by.iter().map(|name| (*name).to_owned()).collect(), granularity.map(str::to_owned))
    }

    #[test]
    fn groups_and_unknown_costs_are_told() {
        let report = report([json!("gpt"), json!(null)]);
        let shown = table(&report, &plan(&["model"], Some("day")), Bars { fine: false }).to_string();
        insta::assert_snapshot!(anstream::adapter::strip_str(&shown).to_string(), @r"
        from                  model   requests  tokens in  tokens out            cost
        2026-11-23T00:00:00Z  gpt     2         10         5                     $0.25                        ################
        2026-11-23T00:00:00Z  (none)  2         10         5 (partly estimated)  unknown
        total                         4         0          0                     $0.25 and 2 of unknown cost
        ");
    }

    #[test]
    fn several_groups_stand_in_the_order_in_which_they_were_asked_for() {
        let group = |user: Value| json!({ "model": "gpt", "user_id": user });
        let report = report([group(json!("=cmd()")), group(json!(null))]);
        insta::assert_snapshot!(lines(&report, &plan(&["user", "model"], None)), @r#"
        user,model,requests,calls,input_tokens,output_tokens,cost_usd,unpriced_requests,estimated_requests
        "'=cmd()",gpt,2,0,10,5,0.25,0,0
        ,gpt,2,0,10,5,0,2,1
        "#);
    }
}
