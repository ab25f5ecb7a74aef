//! `behest limits`: how limits and budgets stand.

use behest_core::types::limit::{LimitStanding, LimitStandings};

use crate::args::LimitsArgs;
use crate::commands::standing;
use crate::commands::tally::dollars;
use crate::control::Operator;
use crate::printer::{Bars, Printer, Table};
use crate::report::{ExitStatus, Report};

/// Shows the layers that hold for a caller, in the order in which they refuse.
///
/// # Errors
/// [`Report`]
pub async fn run(operator: &Operator, args: LimitsArgs, printer: Printer) -> Result<ExitStatus, Report> {
    let project = operator.project_id().await?;
    let tags = (!args.tags.is_empty()).then(|| args.tags.join(","));
    let query = [
        ("user_id", args.user.as_deref()),
        ("tier", args.tier.as_deref()),
        ("session_id", args.session.as_deref()),
        ("api_key_id", args.key.as_deref()),
        ("model", args.model.as_deref()),
        ("tags", tags.as_deref()),
    ];
    let standings: LimitStandings = operator.control.find(&["projects", &project, "limits"], &query).await?;
    printer.answer(&standings, |standings| table(standings, printer.bars()).to_string())?;
    Ok(ExitStatus::Success)
}

fn table(standings: &LimitStandings, bars: Bars) -> Table {
    let headings = ["limit", "of", "", "used", "reserved", "left", "in all", "resets", "above it"];
    let mut table = Table::new(headings, "nothing is limited");
    for layer in &standings.data {
        let share = standing::share(layer.used, layer.reserved, layer.limit);
        table.row_in(
            standing::style(share),
            [
                layer.budget.clone().unwrap_or_else(|| layer.scope.clone()),
                layer.unit.clone(),
                bars.meter(share),
                amount(layer, layer.used),
                amount(layer, layer.reserved),
                amount(layer, layer.remaining),
                amount(layer, layer.limit),
                layer.resets_at.clone().unwrap_or_else(|| "never".to_owned()),
                if layer.refuses { "refuse" } else { "tell" }.to_owned(),
            ],
        );
    }
    table
}

fn amount(layer: &LimitStanding, amount: f64) -> String {
    if layer.unit == "usd" { dollars(amount) } else { format!("{amount:.0}") }
}

#[cfg(test)]
mod tests {
    use behest_core::types::limit::{LimitStanding, LimitStandings};

    use super::table;
    use crate::printer::Bars;

    #[test]
    fn each_layer_has_a_bar_and_its_own_unit() {
        let layer = |scope: &str, unit: &str, limit, used, reserved| LimitStanding {
            scope: scope.into(),
            budget: None,
            unit: unit.into(),
            limit,
            used,
            reserved,
            remaining: limit - used - reserved,
            refuses: true,
            resets_at: Some("2026-11-24T00:00:00Z".into()),
        };
        let budget = LimitStanding {
            budget: Some("ceiling".into()),
            refuses: false,
            resets_at: None,
            ..layer("budget", "usd", 2.0, 2.5, 0.0)
        };
        let data = vec![
            layer("user", "requests", 10.0, 4.0, 0.0),
            layer("user_tokens_day", "tokens", 1000.0, 700.0, 120.0),
            budget,
        ];
        let shown = table(&LimitStandings { data }, Bars { fine: false }).to_string();
        insta::assert_snapshot!(anstream::adapter::strip_str(&shown).to_string(), @r"
        limit            of                               used   reserved  left    in all  resets                above it
        user             requests  ######..........  40%  4      0         6       10      2026-11-24T00:00:00Z  refuse
        user_tokens_day  tokens    #############...  82%  700    120       180     1000    2026-11-24T00:00:00Z  refuse
        ceiling          usd       ################ 125%  $2.50  $0.00     -$0.50  $2.00   never                 tell
        ");
    }
}
