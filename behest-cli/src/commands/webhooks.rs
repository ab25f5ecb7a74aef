//! `behest webhooks`: addresses that events are sent to.

use behest_core::types::event::EventKind;
use behest_core::types::webhook::{CreatedWebhook, Delivery, DeliveryState, NewWebhook, Webhook};
use reqwest::Method;
use serde_json::json;

use crate::args::WebhooksCommand;
use crate::control::Operator;
use crate::printer::{Printer, Table};
use crate::report::{ExitStatus, Report};

/// Does what was typed.
///
/// # Errors
/// [`Report`]
pub async fn run(
    operator: &Operator,
    command: WebhooksCommand,
    printer: Printer,
) -> Result<ExitStatus, Report> {
    match command {
        WebhooksCommand::List => {
            let webhooks: Vec<Webhook> = operator.control.list(&["webhooks"]).await?;
            printer.answer(&webhooks, |webhooks| table(webhooks).to_string())?;
        }
        WebhooksCommand::Add { url, kinds, local } => {
            let kinds: Vec<EventKind> = kinds.iter().filter_map(|kind| EventKind::parse(kind)).collect();
            let new = NewWebhook {
                url,
                kinds: (!kinds.is_empty()).then_some(kinds),
                tenant_id: operator.typed().tenant.clone(),
                project_id: operator.named_project_id().await?,
                local,
            };
            let created: CreatedWebhook = operator.control.write(Method::POST, &["webhooks"], &new).await?;
            printer.answer(&created, |created| created.secret.clone())?;
            printer.say(format_args!(
                "added webhook {}; the secret of its signatures is shown this once\n\
                 try it with `behest webhooks test {}`",
                created.webhook.id, created.webhook.id
            ));
        }
        WebhooksCommand::Remove { id } => {
            operator.control.act(Method::DELETE, &["webhooks", &id]).await?;
            printer.say(format_args!("removed webhook {id}"));
        }
        WebhooksCommand::Test { id } => {
            let path = ["webhooks", id.as_str(), "test"];
            let delivery: Delivery = operator.control.write(Method::POST, &path, &json!({})).await?;
            printer.answer(&delivery, |delivery| delivery.event_id.clone())?;
            printer.say(format_args!(
                "a ping is on its way; see what came of it with `behest webhooks deliveries {id}`"
            ));
        }
        WebhooksCommand::Deliveries { id } => {
            let path = ["webhooks", id.as_str(), "deliveries"];
            let deliveries: Vec<Delivery> = operator.control.list(&path).await?;
            printer.answer(&deliveries, |deliveries| delivered(deliveries).to_string())?;
        }
    }
    Ok(ExitStatus::Success)
}

fn table(webhooks: &[Webhook]) -> Table {
    let mut table = Table::new(["id", "url", "kinds", "of", "created", "disabled"], "no webhooks");
    for webhook in webhooks {
        let kinds = webhook.kinds.iter().flatten().map(|kind| kind.as_str()).collect::<Vec<_>>();
        let of = match (&webhook.project_id, &webhook.tenant_id) {
            (Some(project), _) => format!("project {project}"),
            (None, Some(tenant)) => format!("tenant {tenant}"),
            (None, None) => "all".to_owned(),
        };
        table.row([
            webhook.id.clone(),
            webhook.url.clone(),
            if webhook.kinds.is_none() { "all".to_owned() } else { kinds.join(", ") },
            of,
            if webhook.from_file {
                "by the configuration file".to_owned()
            } else {
                webhook.created_at.clone()
            },
            webhook.disabled_at.clone().unwrap_or_default(),
        ]);
    }
    table
}

fn delivered(deliveries: &[Delivery]) -> Table {
    let headings = ["event", "kind", "state", "tries", "last try", "answer", "next try"];
    let mut table = Table::new(headings, "no deliveries");
    for delivery in deliveries {
        let status = delivery.last_status.map(|status| status.to_string());
        table.row([
            delivery.event_id.clone(),
            delivery.kind.as_str().to_owned(),
            state(delivery.state).to_owned(),
            delivery.tries.to_string(),
            delivery.last_at.clone().unwrap_or_default(),
            status.or_else(|| delivery.last_error.clone()).unwrap_or_default(),
            delivery.next_at.clone().unwrap_or_default(),
        ]);
    }
    table
}

const fn state(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Pending => "pending",
        DeliveryState::Delivered => "delivered",
        DeliveryState::Failed => "failed",
    }
}
