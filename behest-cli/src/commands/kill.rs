//! `behest kill`: what answers nobody until it is let go on.

use behest_core::types::kill::{KillScope, KillSwitch};
use reqwest::Method;

use crate::args::{KillCommand, KillTargetArgs};
use crate::control::Operator;
use crate::printer::{Printer, Table};
use crate::report::{ExitStatus, Explain, Report};

const SWITCHES: [&str; 1] = ["kill-switches"];

/// What to stop is not said, or said twice.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Nothing is named.
    #[error("what is it about? Nothing is named")]
    Nothing,
    /// Everything is named, and something.
    #[error("--global is everything, and {0} names one part")]
    Both(&'static str),
}

impl Explain for TargetError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Nothing => {
                "type --user, --key, --project, --tenant or --global: what stands in a variable is not taken for it"
            }
            Self::Both(_) => "leave one of them out",
        };
        Some(hint.to_owned())
    }
}

/// Does what was typed.
///
/// # Errors
/// [`Report`]
pub async fn run(operator: &Operator, command: KillCommand, printer: Printer) -> Result<ExitStatus, Report> {
    match command {
        KillCommand::List => {
            let switches: Vec<KillSwitch> = operator.control.list(&SWITCHES).await?;
            printer.answer(&switches, |switches| table(switches).to_string())?;
        }
        KillCommand::On { target, reason } => {
            let (switch, flags) = switch(operator, target).await?;
            let switch = KillSwitch { reason, ..switch };
            let thrown: KillSwitch = operator.control.write(Method::PUT, &SWITCHES, &switch).await?;
            if printer.json() {
                printer.answer(&thrown, |_| String::new())?;
            }
            printer.say(format_args!(
                "stopped {}: every call is refused from now on; let it go on with `behest kill off {flags}`",
                named(&thrown)
            ));
        }
        KillCommand::Off { target } => {
            let (switch, _) = switch(operator, target).await?;
            let query = [
                ("scope", Some(switch.scope.as_str())),
                ("id", switch.id.as_deref()),
                ("project_id", switch.project_id.as_deref()),
            ];
            operator.control.act_on(Method::DELETE, &SWITCHES, &query).await?;
            printer.say(format_args!("{} answers again", named(&switch)));
        }
    }
    Ok(ExitStatus::Success)
}

/// The switch for what was named, and how it is named on a command line.
async fn switch(operator: &Operator, target: KillTargetArgs) -> Result<(KillSwitch, String), Report> {
    let typed = operator.typed();
    let part = typed.project.as_ref().map(|_| "--project").or(typed.tenant.as_ref().map(|_| "--tenant"));
    if let (true, Some(part)) = (target.global, part) {
        return Err(TargetError::Both(part).into());
    }
    let switch = |scope, id: Option<String>| KillSwitch {
        scope,
        id,
        project_id: None,
        reason: None,
        since: None,
        source: None,
    };
    if target.global {
        return Ok((switch(KillScope::Global, None), "--global".to_owned()));
    }
    if let Some(user) = target.user {
        let project = operator.project_id().await?;
        let flags = format!("--user {} --project {project}", quoted(&user));
        return Ok((KillSwitch { project_id: Some(project), ..switch(KillScope::User, Some(user)) }, flags));
    }
    if let Some(key) = target.key {
        let flags = format!("--key {}", quoted(&key));
        return Ok((switch(KillScope::Key, Some(key)), flags));
    }
    if let Some(project) = &typed.project {
        let id = operator.find_project_id(project).await?;
        return Ok((switch(KillScope::Project, Some(id)), format!("--project {project}")));
    }
    if let Some(tenant) = &typed.tenant {
        return Ok((switch(KillScope::Tenant, Some(tenant.clone())), format!("--tenant {tenant}")));
    }
    Err(TargetError::Nothing.into())
}

fn named(switch: &KillSwitch) -> String {
    let id = switch.id.as_deref().unwrap_or_default();
    let project = switch.project_id.as_deref().unwrap_or_default();
    match switch.scope {
        KillScope::Global => "the whole gateway".to_owned(),
        KillScope::Tenant => format!("tenant {id}"),
        KillScope::Project => format!("project {id}"),
        KillScope::User => format!("user {id} of project {project}"),
        KillScope::Key => format!("API key {id}"),
    }
}

/// An id as a shell takes it.
fn quoted(id: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.:@+".contains(character);
    if id.chars().all(is_plain) { id.to_owned() } else { format!("'{}'", id.replace('\'', "'\\''")) }
}

fn table(switches: &[KillSwitch]) -> Table {
    let headings = ["stopped", "reason", "since", "from"];
    let mut table = Table::new(headings, "nothing is stopped");
    for switch in switches {
        table.row([
            named(switch),
            switch.reason.clone().unwrap_or_default(),
            switch.since.clone().unwrap_or_default(),
            switch.source.clone().unwrap_or_default(),
        ]);
    }
    table
}
