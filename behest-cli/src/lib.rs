//! The `behest` command as a library, for the programs that carry it: the binary, and the Python package's console script.

mod args;
mod commands;
mod control;
mod identity;
mod keychain;
mod printer;
mod report;
mod settings;

use std::ffi::OsString;

use crate::args::Cli;
use crate::printer::Printer;

/// Runs the command to its end and returns the exit code for the process.
///
/// `arguments` are those behind the program's name. Standard input, output and error are the process's own, and so are
/// its signals while a gateway is served: a second Ctrl-C ends the process.
pub fn run<A: Into<OsString> + Clone>(arguments: impl IntoIterator<Item = A>) -> u8 {
    let cli = match Cli::read(arguments.into_iter().map(Into::into).collect()) {
        Ok(cli) => cli,
        Err(error) => return Printer::new(false).usage(&error).code(),
    };
    let printer = Printer::new(cli.global.json);
    let status = commands::run(cli, printer).unwrap_or_else(|report| {
        printer.report(&report);
        report.status()
    });
    status.code()
}
