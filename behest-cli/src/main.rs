//! The `behest` command: serve the gateway, chat, mint tokens, manage projects and keys.

mod args;
mod commands;
mod control;
mod identity;
mod keychain;
mod printer;
mod report;
mod settings;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::Cli;
use crate::printer::Printer;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return Printer::new(false).usage(&error).into(),
    };
    let printer = Printer::new(cli.global.json);
    match commands::run(cli, printer) {
        Ok(status) => status.into(),
        Err(report) => {
            printer.report(&report);
            report.status().into()
        }
    }
}
