//! A conversation at a prompt.

use behest_core::client::{CallOptions, UsageQuery};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::answer::{Asker, Outcome};
use super::conversation::Conversation;
use super::lines::{Line, Lines};
use crate::commands::tally::{Tally, dollars};
use crate::printer::Printer;
use crate::report::{ExitStatus, Report};

const HELP: &str = "\
/new             forget what was said and begin again
/thread [ID]     let the gateway remember this conversation, under an id of yours or a new one
/model [NAME]    ask another model, or see which there are
/usage           what this conversation used, and what the end user used today
/quit            leave (as Ctrl-D does)
Ctrl-C           cancel an answer";

/// What a line that begins with `/` asks for.
#[derive(Debug, PartialEq, Eq)]
enum Request<'l> {
    Help,
    New,
    Thread(Option<&'l str>),
    Model(Option<&'l str>),
    Usage,
    Quit,
    Unknown(&'l str),
    Ask(&'l str),
    Nothing,
}

impl<'l> Request<'l> {
    fn read(line: &'l str) -> Self {
        let line = line.trim();
        if line.is_empty() {
            return Self::Nothing;
        }
        if !line.starts_with('/') {
            return Self::Ask(line);
        }
        let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let argument = Some(rest.trim()).filter(|rest| !rest.is_empty());
        match command {
            "/help" | "/?" => Self::Help,
            "/new" => Self::New,
            "/thread" => Self::Thread(argument),
            "/model" => Self::Model(argument),
            "/usage" => Self::Usage,
            "/quit" | "/exit" => Self::Quit,
            other => Self::Unknown(other),
        }
    }
}

/// Converses until the person leaves. A call that fails is told and does not end the conversation; with a pipe, it
/// decides the exit status.
///
/// # Errors
/// [`Report`] when lines cannot be read, or nothing can be printed.
pub async fn run(
    asker: Asker,
    conversation: Conversation,
    first: Option<String>,
    printer: Printer,
) -> Result<ExitStatus, Report> {
    let mut lines = Lines::open(printer)?;
    let is_piped = matches!(lines, Lines::Pipe);
    if !is_piped {
        printer.say(format_args!("Talking to {}. /help lists commands.", asker.client().config().base_url));
    }
    let mut repl =
        Repl { asker, conversation, total: Tally::default(), status: ExitStatus::Success, printer };
    let mut next = first.map(Line::Text);
    loop {
        let line = match next.take() {
            Some(line) => line,
            None => lines.next()?,
        };
        match line {
            Line::End => break,
            Line::Interrupted => printer.aside("/quit or Ctrl-D leaves"),
            Line::Text(text) => {
                if !repl.obey(&Request::read(&text)).await? {
                    break;
                }
            }
        }
    }
    Ok(if is_piped { repl.status } else { ExitStatus::Success })
}

struct Repl {
    asker: Asker,
    conversation: Conversation,
    total: Tally,
    status: ExitStatus,
    printer: Printer,
}

impl Repl {
    /// Does what a line asks for; `false` is the end.
    async fn obey(&mut self, request: &Request<'_>) -> Result<bool, Report> {
        match request {
            Request::Nothing => {}
            Request::Quit => return Ok(false),
            Request::Help => self.printer.say(HELP),
            Request::Unknown(command) => {
                self.printer.say(format_args!("there is no {command}; /help lists commands"));
            }
            Request::New => {
                self.conversation.restart(None);
                self.printer.say("a new conversation");
            }
            Request::Thread(id) => {
                let id = id.map_or_else(new_thread_id, str::to_owned);
                self.printer.say(format_args!("the gateway now remembers this conversation as thread {id}"));
                self.conversation.restart(Some(id));
            }
            Request::Model(Some(name)) => {
                self.asker.set_model((*name).to_owned());
                self.printer.say(format_args!("asking {name} from now on"));
            }
            Request::Model(None) => self.list_models().await,
            Request::Usage => self.usage().await,
            Request::Ask(prompt) => self.ask(prompt).await?,
        }
        Ok(true)
    }

    async fn ask(&mut self, prompt: &str) -> Result<(), Report> {
        match self.asker.ask(&self.conversation, prompt).await {
            Ok(Outcome::Whole(answer)) => {
                self.total.add(&answer.tally);
                self.conversation.remember(prompt, &answer.text);
                self.printer.aside(answer.summary());
            }
            Ok(Outcome::Cancelled(text)) => {
                self.conversation.remember(prompt, &text);
                self.printer.aside("cancelled");
            }
            // Nobody reads any more: there is nothing to go on for.
            Err(report) if report.is_silent() => return Err(report),
            Err(report) => self.tell(&report),
        }
        Ok(())
    }

    async fn list_models(&mut self) {
        let current = self.asker.model().unwrap_or("the project's own");
        self.printer.say(format_args!("asking {current}; the project may call:"));
        match self.asker.client().models().list(&CallOptions::default()).await {
            Ok(models) => {
                for model in &models.data {
                    self.printer.say(format_args!("  {}", model.id));
                }
            }
            Err(error) => self.tell(&error.into()),
        }
    }

    async fn usage(&mut self) {
        match self.total.answers() {
            0 => self.printer.say("this conversation: nothing yet"),
            answers => self.printer.say(format_args!("this conversation: {answers} answers, {}", self.total)),
        }
        let query = UsageQuery { from: start_of_today(), ..UsageQuery::default() };
        match self.asker.client().usage().get(&query, &CallOptions::default()).await {
            Ok(report) => {
                let totals = &report.totals;
                self.printer.say(format_args!(
                    "{} today (UTC): {} requests, {} tokens, {}",
                    self.asker.client().config().default_user_id,
                    totals.requests,
                    totals.tokens,
                    dollars(totals.cost_usd),
                ));
            }
            Err(error) => self.tell(&error.into()),
        }
    }

    fn tell(&mut self, report: &Report) {
        self.status = report.status();
        self.printer.report(report);
    }
}

/// An id that no other conversation has: when it began, to the nanosecond.
fn new_thread_id() -> String {
    let now = Timestamp::now();
    format!("chat-{}-{:09}", now.strftime("%Y%m%d-%H%M%S"), now.subsec_nanosecond())
}

fn start_of_today() -> Option<String> {
    let today = Timestamp::now().to_zoned_datetime(TimeZone::UTC).start_of_day().ok()?;
    Some(today.timestamp().to_string())
}

#[cfg(test)]
mod tests {
    use behest_core::types::ids::ThreadId;

    use super::{Request, new_thread_id};

    #[test]
    fn lines_with_a_slash_are_commands() {
        assert_eq!(Request::read("  /model  gpt-4o-mini "), Request::Model(Some("gpt-4o-mini")));
        assert_eq!(Request::read("/thread"), Request::Thread(None));
        assert_eq!(Request::read("/modle x"), Request::Unknown("/modle"));
        assert_eq!(Request::read("what is /etc?"), Request::Ask("what is /etc?"));
        assert_eq!(Request::read("\n"), Request::Nothing);
    }

    #[test]
    fn new_threads_have_ids_that_the_gateway_takes() {
        assert!(ThreadId::parse(new_thread_id()).is_ok());
    }
}
