//! A streamed answer on a terminal: plain while it comes, Markdown once it is whole.

use behest_core::env;
use termimad::crossterm::terminal;
use termimad::{Alignment, MadSkin};
use unicode_width::UnicodeWidthChar as _;

use super::{OutputError, Printer, printable};

/// An answer that is being printed.
///
/// On a terminal the finished text is shown again as Markdown in the place of the plain text, if all of that is still
/// on the screen; what has scrolled away cannot be taken back, so then it stays as it is.
pub struct LiveText {
    printer: Printer,
    text: String,
    screen: Option<Screen>,
}

impl LiveText {
    /// Begins an answer.
    #[must_use]
    pub fn new(printer: Printer) -> Self {
        let screen = printer.is_terminal().then(Screen::current).flatten();
        Self { printer, text: String::new(), screen }
    }

    /// Prints the next piece.
    ///
    /// # Errors
    /// [`OutputError`] when standard output is closed or full.
    pub fn push(&mut self, piece: &str) -> Result<(), OutputError> {
        if !self.printer.is_terminal() {
            self.text.push_str(piece);
            return self.printer.piece(piece);
        }
        let piece = printable(piece);
        self.text.push_str(&piece);
        if let Some(screen) = &mut self.screen {
            screen.advance(&piece);
        }
        self.printer.piece(&piece)
    }

    /// Ends the answer, as Markdown where that is possible.
    ///
    /// # Errors
    /// [`OutputError`] when standard output is closed or full.
    pub fn finish(self) -> Result<(), OutputError> {
        if self.text.is_empty() {
            return Ok(());
        }
        match self.screen.filter(Screen::is_all_visible) {
            Some(screen) => {
                let markdown = skin().text(&self.text, Some(screen.columns)).to_string();
                self.printer.piece(&screen.erase())?;
                self.printer.line(markdown.trim_end())
            }
            None if self.text.ends_with('\n') => Ok(()),
            None => self.printer.piece("\n"),
        }
    }

    /// Ends a broken or cancelled answer, as far as it came.
    ///
    /// # Errors
    /// [`OutputError`] when standard output is closed or full.
    pub fn abandon(self) -> Result<(), OutputError> {
        if self.text.is_empty() || self.text.ends_with('\n') { Ok(()) } else { self.printer.piece("\n") }
    }
}

fn skin() -> MadSkin {
    let mut skin = MadSkin::default();
    for header in &mut skin.headers {
        header.align = Alignment::Left;
    }
    skin
}

/// Where the cursor is, counted from where the answer began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Screen {
    columns: usize,
    lines: usize,
    row: usize,
    column: usize,
    /// Cleared at a character whose width terminals do not agree on.
    is_certain: bool,
}

impl Screen {
    /// The terminal's screen, if it is one whose cursor can be moved.
    pub fn current() -> Option<Self> {
        if env::read("TERM").as_deref() == Some("dumb") {
            return None;
        }
        let (columns, lines) = terminal::size().ok()?;
        (columns > 0 && lines > 0).then(|| Self::new(columns.into(), lines.into()))
    }

    /// How wide it is.
    pub const fn columns(&self) -> usize {
        self.columns
    }

    /// How high it is.
    pub const fn lines(&self) -> usize {
        self.lines
    }

    const fn new(columns: usize, lines: usize) -> Self {
        Self { columns, lines, row: 0, column: 0, is_certain: true }
    }

    fn advance(&mut self, text: &str) {
        for character in text.chars() {
            if character == '\n' {
                self.row += 1;
                self.column = 0;
                continue;
            }
            // Joiners and variation selectors make one glyph of several characters, or not, by terminal.
            self.is_certain &= !matches!(character, '\u{200d}' | '\u{fe00}'..='\u{fe0f}');
            let width = character.width().unwrap_or_default();
            if self.column + width > self.columns {
                self.row += 1;
                self.column = 0;
            }
            self.column += width;
        }
    }

    /// Whether the whole answer can still be erased: it fits the screen, which has kept its size.
    fn is_all_visible(&self) -> bool {
        self.is_certain
            && self.row + 1 < self.lines
            && Self::current().is_some_and(|now| now.columns == self.columns && now.lines == self.lines)
    }

    /// Control sequences: up to where the answer began, then clear everything below.
    fn erase(&self) -> String {
        match self.row {
            0 => "\r\u{1b}[J".to_owned(),
            row => format!("\r\u{1b}[{row}A\u{1b}[J"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Screen;

    fn after(text: &str) -> Screen {
        let mut screen = Screen::new(10, 5);
        screen.advance(text);
        screen
    }

    #[test]
    fn rows_are_counted_as_the_terminal_wraps_them() {
        assert_eq!(after("short").row, 0);
        assert_eq!(after("ten chars!").row, 0, "a full line wraps only with the next character");
        assert_eq!(after("eleven char").row, 1);
        assert_eq!(after("one\n\nthree").row, 2);
        assert_eq!(after("日本日本日本").row, 1, "wide characters take two columns");
        assert_eq!(after("123456789日").row, 1, "a wide character does not fit the last column");
    }

    #[test]
    fn the_cursor_goes_back_to_where_the_answer_began() {
        assert_eq!(after("one\ntwo").erase(), "\r\u{1b}[1A\u{1b}[J");
        assert_eq!(after("one").erase(), "\r\u{1b}[J");
        assert!(!after("👩\u{200d}💻").is_certain);
    }
}
