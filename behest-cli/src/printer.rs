//! The only thing that prints: data to stdout, talk to stderr, colour only where a person looks.

mod bar;
pub mod csv;
mod panel;
mod screen;
mod table;

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;

use crate::report::{ExitStatus, Explain, Report};

pub use bar::Bars;
pub use panel::Panel;
pub use screen::LiveText;
pub use table::Table;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
const FAINT: Style = Style::new().dimmed();
/// What is nearly used up.
pub const NEAR: Style = AnsiColor::Yellow.on_default();
/// What is used up, or broken.
pub const OVER: Style = AnsiColor::Red.on_default();

/// Standard output cannot be written to.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
pub struct OutputError(#[from] io::Error);

impl Explain for OutputError {
    fn is_silent(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

/// Writes what a command has to say.
#[derive(Debug, Clone, Copy)]
pub struct Printer {
    json: bool,
}

impl Printer {
    /// A printer; with `json`, answers are JSON.
    #[must_use]
    pub const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether answers are to be JSON.
    #[must_use]
    pub const fn json(self) -> bool {
        self.json
    }

    /// Whether a person looks at standard output.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        io::stdout().is_terminal()
    }

    /// How bars are drawn on standard output.
    #[must_use]
    pub fn bars(self) -> Bars {
        Bars { fine: self.is_terminal() && self.colours() }
    }

    /// Whether standard output takes colours.
    #[must_use]
    pub fn colours(self) -> bool {
        anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
    }

    /// An answer: the value as JSON on one line, or `human` made of it.
    ///
    /// # Errors
    /// [`OutputError`] when standard output is closed or full.
    pub fn answer<T: Serialize + ?Sized>(
        self,
        value: &T,
        human: impl FnOnce(&T) -> String,
    ) -> Result<(), OutputError> {
        if self.json {
            let line = serde_json::to_string(value).map_err(io::Error::from)?;
            return self.line(line);
        }
        self.line(human(value))
    }

    /// One line of data.
    ///
    /// # Errors
    /// [`OutputError`] when standard output is closed or full.
    pub fn line(self, text: impl Display) -> Result<(), OutputError> {
        let mut stdout = anstream::stdout().lock();
        writeln!(stdout, "{text}")?;
        stdout.flush()?;
        Ok(())
    }

    /// A piece of data as it arrives, without a line's end.
    ///
    /// # Errors
    /// [`OutputError`] when standard output is closed or full.
    pub fn piece(self, text: &str) -> Result<(), OutputError> {
        self.bytes(text.as_bytes())
    }

    /// Data as it came from the gateway.
    ///
    /// # Errors
    /// [`OutputError`] when standard output is closed or full.
    pub fn bytes(self, bytes: &[u8]) -> Result<(), OutputError> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        stdout.flush()?;
        Ok(())
    }

    /// One line of talk.
    pub fn say(self, text: impl Display) {
        self.talk(format_args!("{text}\n"));
    }

    /// One line of talk that is easy to overlook.
    pub fn aside(self, text: impl Display) {
        self.talk(format_args!("{FAINT}{text}{FAINT:#}\n"));
    }

    /// The start of a line that the person finishes.
    pub fn prompt(self, text: impl Display) {
        self.talk(format_args!("{text}"));
    }

    /// Something that went wrong without stopping the command.
    pub fn warn(self, text: impl Display) {
        self.talk(format_args!("{WARNING}warning{WARNING:#}: {text}\n"));
    }

    /// A failure: the message, its causes, the trace id, and what to do.
    pub fn report(self, report: &Report) {
        if report.is_silent() {
            return;
        }
        self.talk(format_args!("{ERROR}error{ERROR:#}: {report}\n"));
        for cause in report.causes() {
            self.talk(format_args!("  caused by: {cause}\n"));
        }
        if let Some(trace_id) = report.trace_id() {
            self.talk(format_args!("  trace id: {trace_id}\n"));
        }
        if let Some(hint) = report.hint() {
            self.talk(format_args!("\n{HINT}hint{HINT:#}: {hint}\n"));
        }
    }

    /// What clap has to say: help and version are answers, anything else is the caller's mistake.
    #[must_use]
    pub fn usage(self, error: &clap::Error) -> ExitStatus {
        let text = error.render();
        if error.use_stderr() {
            self.talk(format_args!("{}", text.ansi()));
            return ExitStatus::Failure;
        }
        match write!(anstream::stdout(), "{}", text.ansi()) {
            Ok(()) => ExitStatus::Success,
            Err(_) => ExitStatus::Failure,
        }
    }

    /// Talk that cannot be delivered is dropped: there is nobody to tell about it.
    fn talk(self, text: std::fmt::Arguments<'_>) {
        let mut stderr = anstream::stderr().lock();
        let _ = stderr.write_fmt(text).and_then(|()| stderr.flush());
    }
}

/// `text` without control characters, so that what a model or another person wrote cannot steer the terminal.
#[must_use]
pub fn printable(text: &str) -> String {
    text.replace('\t', "    ")
        .chars()
        .filter(|character| *character == '\n' || !character.is_control())
        .collect()
}
