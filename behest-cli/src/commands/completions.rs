//! `behest completions`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Cli;
use crate::printer::Printer;
use crate::report::{ExitStatus, Report};

/// Prints the script that completes `behest` in `shell`.
///
/// # Errors
/// [`Report`] when standard output is closed or full.
pub fn run(shell: Shell, printer: Printer) -> Result<ExitStatus, Report> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "behest", &mut script);
    printer.piece(&String::from_utf8_lossy(&script))?;
    Ok(ExitStatus::Success)
}
