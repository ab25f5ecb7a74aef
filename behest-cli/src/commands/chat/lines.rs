//! Where the lines of a conversation come from: a terminal with a history, or a pipe.

use std::fs::DirBuilder;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use crate::commands::input::{InputError, MAX_INPUT};
use crate::printer::Printer;

/// What a person does at the prompt.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// Writes something.
    Text(String),
    /// Presses Ctrl-C.
    Interrupted,
    /// Presses Ctrl-D, or the pipe ends.
    End,
}

/// Reads lines.
pub enum Lines {
    /// From a terminal, with editing and a history.
    Terminal {
        /// The line editor.
        editor: Box<DefaultEditor>,
        /// Where the history is kept, when there is a place.
        history: Option<PathBuf>,
    },
    /// From a pipe.
    Pipe,
}

impl Lines {
    /// Reads from whatever standard input is.
    ///
    /// # Errors
    /// [`InputError::Read`] when the terminal cannot be used.
    pub fn open(printer: Printer) -> Result<Self, InputError> {
        if !io::stdin().is_terminal() {
            return Ok(Self::Pipe);
        }
        let mut editor = DefaultEditor::new().map_err(into_io)?;
        let history = history_file().filter(|path| match load_history(&mut editor, path) {
            Ok(()) => true,
            Err(error) => {
                printer.warn(format_args!("no history is kept in {}: {error}", path.display()));
                false
            }
        });
        Ok(Self::Terminal { editor: Box::new(editor), history })
    }

    /// Waits for the next line.
    ///
    /// # Errors
    /// [`InputError`] when reading fails.
    pub fn next(&mut self) -> Result<Line, InputError> {
        match self {
            Self::Terminal { editor, history } => match editor.readline("> ") {
                Ok(line) => {
                    // A line that is not remembered is no reason to stop. It is kept at once, because a terminal may
                    // be closed at any time.
                    let added = editor.add_history_entry(&line);
                    if let (Ok(true), Some(path)) = (added, history) {
                        let _ = editor.append_history(path);
                    }
                    Ok(Line::Text(line))
                }
                Err(ReadlineError::Interrupted) => Ok(Line::Interrupted),
                Err(ReadlineError::Eof) => Ok(Line::End),
                Err(error) => Err(into_io(error).into()),
            },
            Self::Pipe => {
                let mut line = Vec::new();
                let read = io::stdin().lock().take(MAX_INPUT).read_until(b'\n', &mut line)?;
                let line = String::from_utf8(line).map_err(|_| InputError::NotText)?;
                Ok(if read == 0 { Line::End } else { Line::Text(line) })
            }
        }
    }
}

/// Where the system keeps what a program remembers between runs.
fn history_file() -> Option<PathBuf> {
    let folders = ProjectDirs::from("", "", "behest")?;
    let folder = folders.state_dir().unwrap_or_else(|| folders.data_local_dir());
    Some(folder.join("chat_history"))
}

fn load_history(editor: &mut DefaultEditor, path: &Path) -> Result<(), ReadlineError> {
    if let Some(folder) = path.parent() {
        make_private(folder)?;
    }
    if path.exists() { editor.load_history(path) } else { Ok(()) }
}

fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn into_io(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        other => io::Error::other(other),
    }
}
