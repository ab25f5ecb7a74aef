//! A few lines of a terminal that are drawn again in their place.

use super::screen::Screen;
use super::{OutputError, Printer, Table};

/// Lines that change.
pub struct Panel {
    printer: Printer,
    /// How many lines are on the screen now.
    drawn: usize,
}

impl Panel {
    /// A panel, if standard output is a terminal whose cursor can be moved.
    #[must_use]
    pub fn new(printer: Printer) -> Option<Self> {
        let can_move = printer.is_terminal() && Screen::current().is_some();
        can_move.then_some(Self { printer, drawn: 0 })
    }

    /// Draws a table and a line below it, in the place of what was drawn before.
    ///
    /// # Errors
    /// [`OutputError`] when standard output is closed or full.
    pub fn draw(&mut self, mut table: Table, below: &str) -> Result<(), OutputError> {
        // A line that the terminal wraps, or that has scrolled away, could not be taken back.
        if let Some(screen) = Screen::current() {
            table.fit(screen.columns(), screen.lines().saturating_sub(3));
        }
        let text = format!("{table}\n{below}");
        let back = match self.drawn {
            0 => String::new(),
            lines => format!("\r\u{1b}[{lines}A\u{1b}[J"),
        };
        self.drawn = text.lines().count();
        let text = match self.printer.colours() {
            true => text,
            false => anstream::adapter::strip_str(&text).to_string(),
        };
        self.printer.piece(&format!("{back}{text}\n"))
    }

    /// Leaves what is drawn, so that something else can be said below it.
    pub const fn leave(&mut self) {
        self.drawn = 0;
    }
}
