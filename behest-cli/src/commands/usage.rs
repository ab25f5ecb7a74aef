//! `behest usage`: requests, tokens and cost.

use behest_core::client::{CallOptions, UsageQuery};
use behest_core::types::usage::{UsageReport, UsageTotals};
use serde_json::Value;

use crate::commands::tally::dollars;
use crate::identity;
use crate::printer::{Printer, Table};
use crate::report::{ExitStatus, Report};
use crate::settings::Connection;

/// Reports what was used: by the whole project with an API key, by one end user with a signing key.
///
/// # Errors
/// [`Report`]
pub async fn run(query: UsageQuery, connection: &Connection, printer: Printer) -> Result<ExitStatus, Report> {
    let identity = identity::identify(connection, query.user_id.as_deref()).await?;
    let options = CallOptions { as_api_key: identity.has_api_key(), ..CallOptions::default() };
    let report = identity.client.usage().get(&query, &options).await?;
    printer.answer(&report, |report| table(report, query.group_by.as_deref()).to_string())?;
    Ok(ExitStatus::Success)
}

fn table(report: &UsageReport, group_by: Option<&str>) -> Table {
    let headings = ["from", group_by.unwrap_or(""), "requests", "tokens in", "tokens out", "cost"];
    let mut table = Table::new(headings, "nothing was used");
    for bucket in &report.breakdown {
        let group = match &bucket.group {
            Some(Value::String(group)) => group.clone(),
            Some(Value::Null) | None if group_by.is_some() => "(none)".to_owned(),
            Some(other) => other.to_string(),
            None => String::new(),
        };
        table.row(cells(bucket.timestamp.clone(), group, &bucket.totals));
    }
    if !report.breakdown.is_empty() {
        table.row(cells("total".to_owned(), String::new(), &report.totals));
    }
    table
}

fn cells(from: String, group: String, totals: &UsageTotals) -> [String; 6] {
    let estimated = if totals.estimated_requests > 0 { " (partly estimated)" } else { "" };
    let unpriced = match totals.unpriced_requests {
        0 => dollars(totals.cost_usd),
        all if all == totals.requests => "unknown".to_owned(),
        some => format!("{} and {some} of unknown cost", dollars(totals.cost_usd)),
    };
    [
        from,
        group,
        totals.requests.to_string(),
        totals.input_tokens.to_string(),
        format!("{}{estimated}", totals.output_tokens),
        unpriced,
    ]
}

#[cfg(test)]
mod tests {
    use behest_core::types::usage::{UsageBucket, UsageReport, UsageTotals};

    use super::table;

    #[test]
    fn groups_and_unknown_costs_are_told() {
        let totals =
            UsageTotals { requests: 2, input_tokens: 10, output_tokens: 5, ..UsageTotals::default() };
        let priced = UsageTotals { cost_usd: 0.25, ..totals.clone() };
        let unpriced = UsageTotals { unpriced_requests: 2, estimated_requests: 1, ..totals };
        let bucket = |group: Option<&str>, totals: &UsageTotals| UsageBucket {
            timestamp: "2026-11-23T00:00:00Z".into(),
            group: group.map(Into::into),
            totals: totals.clone(),
        };
        let report = UsageReport {
            totals: UsageTotals {
                requests: 4,
                unpriced_requests: 2,
                cost_usd: 0.25,
                ..UsageTotals::default()
            },
            breakdown: vec![bucket(Some("gpt"), &priced), bucket(None, &unpriced)],
        };
        let plain = anstream::adapter::strip_str(&table(&report, Some("model")).to_string()).to_string();
        insta::assert_snapshot!(plain, @r"
        from                  model   requests  tokens in  tokens out            cost
        2026-11-23T00:00:00Z  gpt     2         10         5                     $0.25
        2026-11-23T00:00:00Z  (none)  2         10         5 (partly estimated)  unknown
        total                         4         0          0                     $0.25 and 2 of unknown cost
        ");
    }
}
