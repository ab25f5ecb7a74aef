//! `behest models`.

use behest_core::client::CallOptions;

use crate::identity;
use crate::printer::{Printer, Table};
use crate::report::{ExitStatus, Report};
use crate::settings::Connection;

/// Lists the models that the project may call.
///
/// # Errors
/// [`Report`]
pub async fn run(connection: &Connection, printer: Printer) -> Result<ExitStatus, Report> {
    let identity = identity::identify(connection, None).await?;
    let models = identity.client.models().list(&CallOptions::default()).await?;
    printer.answer(&models.data, |models| {
        let mut table = Table::new(["model", "provider", "context"], "no models");
        for model in models {
            let context = model.context_length.map(|length| length.to_string()).unwrap_or_default();
            table.row([model.id.clone(), model.owned_by.clone(), context]);
        }
        table.to_string()
    })?;
    Ok(ExitStatus::Success)
}
