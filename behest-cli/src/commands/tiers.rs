//! `behest tiers`: what each kind of end user may take.

use behest_core::types::tier::{ResolvedTier, Tier, TierOverrides};
use reqwest::Method;
use serde_json::{Map, Value};

use crate::args::{Override, TierArgs, TiersCommand};
use crate::control::{ControlError, Operator};
use crate::printer::{Printer, Table};
use crate::report::{ExitStatus, Report};

/// Does what was typed.
///
/// # Errors
/// [`Report`]
pub async fn run(operator: &Operator, command: TiersCommand, printer: Printer) -> Result<ExitStatus, Report> {
    let project = operator.project_id().await?;
    let one = |name| ["projects", project.as_str(), "tiers", name];
    match command {
        TiersCommand::List => {
            let tiers: Vec<Tier> = operator.control.list(&["projects", &project, "tiers"]).await?;
            printer.answer(&tiers, |tiers| table(tiers).to_string())?;
        }
        TiersCommand::Set(args) => {
            let name = args.name.clone();
            let mut overrides = own(operator, &one(&name)).await?;
            apply(&mut overrides, args);
            let tier: Tier = operator.control.write(Method::PUT, &one(&name), &overrides).await?;
            printer.answer(&tier, |tier| table(std::slice::from_ref(tier)).to_string())?;
            printer.say(format_args!("in force; see all that holds with `behest tiers show {name}`"));
        }
        TiersCommand::Show { name } => {
            let path = ["projects", project.as_str(), "tiers", &name, "resolved"];
            let tier: ResolvedTier = operator.control.get(&path).await?;
            printer.answer(&tier, |tier| describe(tier).to_string())?;
        }
        TiersCommand::Delete { name } => {
            operator.control.act(Method::DELETE, &one(&name)).await?;
            printer.say(format_args!("deleted tier {name}"));
        }
    }
    Ok(ExitStatus::Success)
}

/// What a tier of the project's own says so far. What a built-in one says is not repeated: it may change.
async fn own(operator: &Operator, path: &[&str]) -> Result<TierOverrides, Report> {
    match operator.control.get::<Tier>(path).await {
        Ok(tier) if tier.source == "api" => Ok(tier.overrides),
        Ok(_) | Err(ControlError::Refused { status: 404, .. }) => Ok(TierOverrides::default()),
        Err(error) => Err(error.into()),
    }
}

fn apply(tier: &mut TierOverrides, args: TierArgs) {
    change(&mut tier.rpm_limit, args.rpm);
    change(&mut tier.requests_per_day, args.requests_per_day);
    change(&mut tier.tokens_per_day, args.tokens_per_day);
    change(&mut tier.tokens_per_month, args.tokens_per_month);
    change(&mut tier.concurrency_limit, args.concurrency);
    change(&mut tier.provider_model, args.model);
    change(&mut tier.system_prompt, args.system);
    change(&mut tier.memory_enabled, args.memory);
    change(&mut tier.memory_window, args.memory_window);
    change(&mut tier.store_tool_calls, args.store_tool_calls);
}

fn change<T>(value: &mut Option<T>, change: Option<Override<T>>) {
    match change {
        Some(Override::Value(new)) => *value = Some(new),
        Some(Override::Default) => *value = None,
        None => {}
    }
}

fn table(tiers: &[Tier]) -> Table {
    let headings =
        ["name", "requests/min", "requests/day", "tokens/day", "tokens/month", "concurrency", "also", "from"];
    let mut table = Table::new(headings, "no tiers");
    for tier in tiers {
        let says = &tier.overrides;
        let number = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
        table.row([
            tier.name.clone(),
            number(says.rpm_limit),
            number(says.requests_per_day),
            number(says.tokens_per_day),
            number(says.tokens_per_month),
            number(says.concurrency_limit),
            also(says),
            tier.source.clone(),
        ]);
    }
    table
}

/// What a tier says besides its limits.
fn also(says: &TierOverrides) -> String {
    let mut said: Vec<String> = says.provider_model.iter().map(|model| format!("model {model}")).collect();
    said.extend(says.system_prompt.iter().map(|_| "a system prompt".to_owned()));
    said.extend(says.memory_enabled.map(|on| format!("memory {}", if on { "on" } else { "off" })));
    said.extend(says.memory_window.map(|window| format!("memory of {window} messages")));
    said.extend(
        says.store_tool_calls.map(|on| format!("tool calls {}", if on { "kept" } else { "not kept" })),
    );
    said.join(", ")
}

fn describe(tier: &ResolvedTier) -> Table {
    let mut fields = match serde_json::to_value(tier) {
        Ok(Value::Object(fields)) => fields,
        // A struct of plain values is always written as an object.
        _ => Map::new(),
    };
    let mut table = Table::new([tier.name.as_str(), "holds", "because of"], "");
    for (name, source) in &tier.sources {
        let value = match fields.remove(name) {
            Some(Value::String(text)) => text,
            Some(value) if !value.is_null() => value.to_string(),
            _ if name == "provider_model" || name == "system_prompt" => "none".to_owned(),
            _ => "unbounded".to_owned(),
        };
        table.row([name.clone(), value, format!("the {source}")]);
    }
    table
}
