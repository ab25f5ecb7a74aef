//! `behest providers`: where the models of a tenant, or of one project, come from.

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
    let owner = owner(operator).await?;
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
        check: !args.no_check,
    };
    let provider: Provider = operator.control.write(Method::POST, &owner.path(), &body).await?;
    printer.answer(std::slice::from_ref(&provider), |rows| table(rows).to_string())?;
    Ok(ExitStatus::Success)
}

/// Lists providers.
///
/// # Errors
/// [`Report`]
pub async fn list(operator: &Operator, printer: Printer) -> Result<ExitStatus, Report> {
    let providers: Vec<Provider> = operator.control.list(&owner(operator).await?.path()).await?;
    printer.answer(&providers, |providers| table(providers).to_string())?;
    Ok(ExitStatus::Success)
}

/// Removes a provider and its key.
///
/// # Errors
/// [`Report`]
pub async fn remove(operator: &Operator, name: &str, printer: Printer) -> Result<ExitStatus, Report> {
    let owner = owner(operator).await?;
    operator.control.act(Method::DELETE, &[&owner.path()[..], &[name]].concat()).await?;
    printer.say(format_args!("removed provider {name}"));
    Ok(ExitStatus::Success)
}

/// Whose providers a command is about.
struct Owner {
    kind: &'static str,
    id: String,
}

impl Owner {
    fn path(&self) -> [&str; 3] {
        [self.kind, &self.id, "providers"]
    }
}

/// The project that was named, or else the tenant. A project that is only kept in the profile does not count: what is
/// meant for a tenant must not end up in one project.
async fn owner(operator: &Operator) -> Result<Owner, Report> {
    match operator.named_project_id().await? {
        Some(id) => Ok(Owner { kind: "projects", id }),
        None => Ok(Owner { kind: "tenants", id: operator.tenant_id().await? }),
    }
}

fn key(provider: &Provider) -> String {
    let shown = provider.key_last_four.as_ref().map(|last| format!("...{last}")).unwrap_or_default();
    if provider.readable { shown } else { format!("{shown} (cannot be read: add it again)") }
}

fn table(providers: &[Provider]) -> Table {
    let mut table = Table::new(["name", "source", "key", "local", "address", "added"], "no providers");
    for provider in providers {
        table.row([
            provider.name.clone(),
            provider.source.clone(),
            key(provider),
            if provider.local { "yes" } else { "no" }.to_owned(),
            provider.base_url.clone().unwrap_or_default(),
            provider.created_at.clone().unwrap_or_default(),
        ]);
    }
    table
}
