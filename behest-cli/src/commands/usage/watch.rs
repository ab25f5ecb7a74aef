//! `behest usage watch`: calls as they end.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use behest_core::types::usage_record::UsageEntry;
use futures_util::StreamExt as _;
use tokio::time::{MissedTickBehavior, interval};

use crate::commands::interrupt;
use crate::commands::tally::dollars;
use crate::control::{Followed, Follower, Operator};
use crate::printer::{Panel, Printer, Table};
use crate::report::{ExitStatus, Report};

/// A screen is drawn again at most this often, however many calls there are.
const DRAWN_EVERY: Duration = Duration::from_millis(100);
/// How many calls a screen shows at most.
const SHOWN: usize = 15;

/// Shows the calls of a project as they end, until Ctrl-C.
///
/// # Errors
/// [`Report`]
pub async fn run(operator: &Operator, printer: Printer) -> Result<ExitStatus, Report> {
    let mut interrupted = interrupt::next();
    let project = operator.project_id().await?;
    let path = ["projects", project.as_str(), "usage", "live"];
    let follower = Follower::open(&operator.control, &path, &[]).await?;
    let mut comes = pin!(follower.into_stream());
    let mut board = Board::new(printer);
    printer.aside(format_args!("watching project {project}; Ctrl-C ends it"));
    let mut ticks = interval(DRAWN_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            _ = &mut interrupted => {
                board.end()?;
                return Ok(ExitStatus::Interrupted);
            }
            came = comes.next() => match came.transpose()? {
                Some(Followed::Event(event)) if event.event.is_none() => {
                    board.add(operator.control.read_event(&event.data)?)?;
                }
                Some(Followed::Event(event)) if event.event.as_deref() == Some(b"lost") => {
                    board.tell("this watch was too slow and has missed calls; `behest usage` has them all");
                }
                // A kind of event that is not known yet.
                Some(Followed::Event(_)) => {}
                Some(Followed::BrokenOff) => board.tell("the gateway has gone; waiting for it to come back"),
                Some(Followed::GoesOn) => {
                    board.tell("watching again; calls that ended meanwhile are in `behest usage`");
                }
                None => return Ok(ExitStatus::Success),
            },
            _ = ticks.tick(), if board.has_changed => board.draw()?,
        }
    }
}

/// What has been seen.
struct Board {
    printer: Printer,
    panel: Option<Panel>,
    last: VecDeque<[String; 8]>,
    sum: Sum,
    has_changed: bool,
}

impl Board {
    fn new(printer: Printer) -> Self {
        let panel = if printer.json() { None } else { Panel::new(printer) };
        Self { printer, panel, last: VecDeque::new(), sum: Sum::default(), has_changed: false }
    }

    fn add(&mut self, entry: UsageEntry) -> Result<(), Report> {
        self.sum.add(&entry);
        if self.panel.is_none() {
            let line = |entry: &UsageEntry| cells(entry).join("  ");
            return Ok(self.printer.answer(&entry, line)?);
        }
        if self.last.len() == SHOWN {
            self.last.pop_front();
        }
        self.last.push_back(cells(&entry));
        self.has_changed = true;
        Ok(())
    }

    fn draw(&mut self) -> Result<(), Report> {
        let Some(panel) = &mut self.panel else { return Ok(()) };
        self.has_changed = false;
        let headings = ["ended", "user", "model", "provider", "tokens in", "tokens out", "cost", "status"];
        let mut table = Table::new(headings, "no calls yet");
        self.last.iter().for_each(|cells| table.row(cells.clone()));
        Ok(panel.draw(table, &self.sum.to_string())?)
    }

    /// Shows the sum of all, which a panel has shown all the time.
    fn end(&mut self) -> Result<(), Report> {
        match self.panel {
            Some(_) => self.draw()?,
            None => self.printer.aside(&self.sum),
        }
        Ok(())
    }

    /// Says something below what is drawn, which then begins anew below that.
    fn tell(&mut self, text: &str) {
        if let Some(panel) = &mut self.panel {
            panel.leave();
        }
        self.printer.warn(text);
    }
}

fn cells(entry: &UsageEntry) -> [String; 8] {
    let tokens = |parts: &[Option<u64>]| match parts.iter().any(Option::is_some) {
        true => parts.iter().flatten().sum::<u64>().to_string(),
        false => "?".to_owned(),
    };
    let input =
        [entry.input_tokens, entry.cache_read_tokens, entry.cache_write_tokens, entry.cache_write_1h_tokens];
    [
        entry.ended_at.clone(),
        entry.user_id.clone().unwrap_or_else(|| "-".to_owned()),
        entry.model.clone(),
        entry.provider.clone(),
        tokens(&input),
        tokens(&[entry.output_tokens, entry.reasoning_tokens]),
        cost(entry).map_or_else(|| "unknown".to_owned(), dollars),
        entry.status.clone(),
    ]
}

fn cost(entry: &UsageEntry) -> Option<f64> {
    entry.cost_usd.as_ref().and_then(|cost| cost.parse().ok())
}

/// What all calls together used.
#[derive(Debug, Default)]
struct Sum {
    calls: u64,
    attempts: u64,
    cost_usd: f64,
    unpriced: u64,
}

impl Sum {
    fn add(&mut self, entry: &UsageEntry) {
        self.attempts += 1;
        self.calls += u64::from(entry.attempt == 1);
        self.cost_usd += cost(entry).unwrap_or_default();
        self.unpriced += u64::from(entry.cost_usd.is_none());
    }
}

impl std::fmt::Display for Sum {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { calls, attempts, cost_usd, unpriced } = self;
        write!(formatter, "calls: {calls}, attempts: {attempts}, cost: {}", dollars(*cost_usd))?;
        match unpriced {
            0 => Ok(()),
            some => write!(formatter, " and {some} of unknown cost"),
        }
    }
}
