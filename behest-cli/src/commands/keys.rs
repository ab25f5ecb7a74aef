//! `behest keys`: a project's API keys.

use behest_core::types::control::{ApiKey, CreatedApiKey, NewApiKey};
use behest_core::types::mint::Role;
use reqwest::Method;

use crate::control::Operator;
use crate::printer::{Printer, Table};
use crate::report::{ExitStatus, Report};

/// Creates a key and prints it, this once.
///
/// # Errors
/// [`Report`]
pub async fn create(
    operator: &Operator,
    name: Option<String>,
    role: Role,
    printer: Printer,
) -> Result<ExitStatus, Report> {
    let project = operator.project_id().await?;
    let body = NewApiKey { name, role: Some(role) };
    let path = ["projects", project.as_str(), "keys"];
    let created: CreatedApiKey = operator.control.write(Method::POST, &path, &body).await?;
    printer.answer(&created, |created| created.key.clone())?;
    printer.say(format_args!(
        "created API key {} for project {project}; it is shown this once",
        created.api_key.id
    ));
    Ok(ExitStatus::Success)
}

/// Lists the keys, without their secrets.
///
/// # Errors
/// [`Report`]
pub async fn list(operator: &Operator, printer: Printer) -> Result<ExitStatus, Report> {
    let project = operator.project_id().await?;
    let keys: Vec<ApiKey> = operator.control.list(&["projects", &project, "keys"]).await?;
    printer.answer(&keys, |keys| {
        let mut table = Table::new(["id", "name", "role", "key", "created", "revoked"], "no API keys");
        for key in keys {
            table.row([
                key.id.clone(),
                key.name.clone(),
                key.role.as_str().to_owned(),
                format!("...{}", key.last_four),
                key.created_at.clone(),
                key.revoked_at.clone().unwrap_or_default(),
            ]);
        }
        table.to_string()
    })?;
    Ok(ExitStatus::Success)
}

/// Revokes a key.
///
/// # Errors
/// [`Report`]
pub async fn revoke(operator: &Operator, id: &str, printer: Printer) -> Result<ExitStatus, Report> {
    let project = operator.project_id().await?;
    operator.control.act(Method::DELETE, &["projects", &project, "keys", id]).await?;
    printer.say(format_args!("revoked API key {id}"));
    Ok(ExitStatus::Success)
}
