//! `behest providers`: where a tenant's models come from.

use behest_core::types::control::{NewProvider, Provider};
use reqwest::Method;

use crate::args::ProvidersAddArgs;
use crate::commands::input;
use crate::control::Operator;
use crate::printer::{Printer, Table};
use crate::report::{ExitStatus, Report};

/// Adds a provider; its key comes from a hidden prompt or from standard input.
///
/// # Errors
/// [`Report`]
pub async fn add(
    operator: &Operator,
    args: ProvidersAddArgs,
    printer: Printer,
) -> Result<ExitStatus, Report> {
    let tenant = operator.tenant_id().await?;
    let api_key = match args.no_key {
        true => None,
        false => Some(input::secret(&format!("Key for {}", args.name), printer)?.expose().to_owned()),
    };
    let body = NewProvider {
        name: args.name,
        api_key,
        base_url: args.url,
        local: args.local,
        models: (!args.models.is_empty()).then_some(args.models),
    };
    let path = ["tenants", tenant.as_str(), "providers"];
    let provider: Provider = operator.control.write(Method::POST, &path, &body).await?;
    printer.answer(std::slice::from_ref(&provider), |rows| table(rows).to_string())?;
    Ok(ExitStatus::Success)
}

/// Lists providers.
///
/// # Errors
/// [`Report`]
pub async fn list(operator: &Operator, printer: Printer) -> Result<ExitStatus, Report> {
    let tenant = operator.tenant_id().await?;
    let providers: Vec<Provider> = operator.control.list(&["tenants", &tenant, "providers"]).await?;
    printer.answer(&providers, |providers| table(providers).to_string())?;
    Ok(ExitStatus::Success)
}

/// Removes a provider and its key.
///
/// # Errors
/// [`Report`]
pub async fn remove(operator: &Operator, name: &str, printer: Printer) -> Result<ExitStatus, Report> {
    let tenant = operator.tenant_id().await?;
    operator.control.act(Method::DELETE, &["tenants", &tenant, "providers", name]).await?;
    printer.say(format_args!("removed provider {name}"));
    Ok(ExitStatus::Success)
}

fn table(providers: &[Provider]) -> Table {
    let mut table = Table::new(["name", "source", "key", "local", "address", "added"], "no providers");
    for provider in providers {
        table.row([
            provider.name.clone(),
            provider.source.clone(),
            provider.key_last_four.as_ref().map(|last| format!("...{last}")).unwrap_or_default(),
            if provider.local { "yes" } else { "no" }.to_owned(),
            provider.base_url.clone().unwrap_or_default(),
            provider.created_at.clone().unwrap_or_default(),
        ]);
    }
    table
}
