//! `behest tenants`: for operators.

use behest_core::types::control::{NewTenant, Plan, Tenant};
use reqwest::Method;

use crate::control::Operator;
use crate::printer::{Printer, Table};
use crate::report::{ExitStatus, Report};

/// Lists tenants.
///
/// # Errors
/// [`Report`]
pub async fn list(operator: &Operator, printer: Printer) -> Result<ExitStatus, Report> {
    let tenants: Vec<Tenant> = operator.control.list(&["tenants"]).await?;
    printer.answer(&tenants, |tenants| {
        let mut table = Table::new(["id", "name", "plan", "created"], "no tenants");
        for tenant in tenants {
            let plan = tenant.plan.as_str().to_owned();
            table.row([tenant.id.clone(), tenant.name.clone(), plan, tenant.created_at.clone()]);
        }
        table.to_string()
    })?;
    Ok(ExitStatus::Success)
}

/// Creates a tenant and prints its id.
///
/// # Errors
/// [`Report`]
pub async fn create(
    operator: &Operator,
    name: String,
    plan: Option<Plan>,
    printer: Printer,
) -> Result<ExitStatus, Report> {
    let body = NewTenant { name, plan };
    let tenant: Tenant = operator.control.write(Method::POST, &["tenants"], &body).await?;
    printer.answer(&tenant, |tenant| tenant.id.clone())?;
    Ok(ExitStatus::Success)
}
