//! `behest events`: what happened to limits, budgets, kill switches and the ledger.

use std::pin::pin;

use behest_core::types::control::Page;
use behest_core::types::event::Event;
use futures_util::StreamExt as _;
use jiff::Timestamp;

use crate::args::EventsArgs;
use crate::commands::interrupt;
use crate::control::{Followed, Follower, Operator};
use crate::printer::{Printer, Table, printable};
use crate::report::{ExitStatus, Report};
use crate::settings::time::instant;

/// Lists events, or follows them until Ctrl-C.
///
/// # Errors
/// [`Report`]
pub async fn run(operator: &Operator, args: EventsArgs, printer: Printer) -> Result<ExitStatus, Report> {
    let project = operator.named_project_id().await?;
    let kinds = (!args.kinds.is_empty()).then(|| args.kinds.join(","));
    let since = args.since.map(|since| instant(&since, Timestamp::now())).transpose()?;
    let query = [("kind", kinds.as_deref()), ("project_id", project.as_deref()), ("since", since.as_deref())];
    if args.follow {
        return follow(operator, &[&query[..], &[("stream", Some("true"))]].concat(), printer).await;
    }
    let limit = args.limit.to_string();
    let query = [&query[..], &[("limit", Some(limit.as_str()))]].concat();
    let page: Page<Event> = operator.control.find(&["events"], &query).await?;
    printer.answer(&page.data, |events| table(events).to_string())?;
    if page.next.is_some() {
        printer.aside("there are older ones: raise --limit");
    }
    Ok(ExitStatus::Success)
}

async fn follow(
    operator: &Operator,
    query: &[(&str, Option<&str>)],
    printer: Printer,
) -> Result<ExitStatus, Report> {
    let mut interrupted = interrupt::next();
    let follower = Follower::open(&operator.control, &["events"], query).await?;
    let mut comes = pin!(follower.into_stream());
    printer.aside("following events; Ctrl-C ends it");
    loop {
        tokio::select! {
            biased;
            _ = &mut interrupted => return Ok(ExitStatus::Interrupted),
            came = comes.next() => match came.transpose()? {
                Some(Followed::Event(event)) => {
                    let event: Event = operator.control.read_event(&event.data)?;
                    printer.answer(&event, line)?;
                }
                // The gateway ends streams now and then, and the next one goes on after the last event.
                Some(Followed::BrokenOff | Followed::GoesOn) => {}
                None => return Ok(ExitStatus::Success),
            },
        }
    }
}

fn table(events: &[Event]) -> Table {
    let mut table = Table::new(["at", "kind", "project", "message"], "no events");
    for event in events {
        table.row([
            event.at.clone(),
            event.kind.as_str().to_owned(),
            event.project_id.clone().unwrap_or_default(),
            event.message.clone(),
        ]);
    }
    table
}

fn line(event: &Event) -> String {
    let message = printable(&event.message).replace('\n', " ");
    format!("{}  {}  {message}", event.at, event.kind.as_str())
}
