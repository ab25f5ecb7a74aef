//! The `behest` command: serve the gateway, chat, mint tokens, manage projects and keys.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    behest_cli::run(std::env::args_os().skip(1)).into()
}
