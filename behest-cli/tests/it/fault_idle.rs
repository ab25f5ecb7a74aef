//! Thousands of connections that do nothing.

use std::fs;
use std::process::Command;

use tokio::net::TcpStream;

use crate::faults::wire::{Wire, address};
use crate::faults::{Faulty, completion, streamed};

const MANY: usize = 10_000;

/// Sets this process's limit of open files, as `prlimit` writes it.
fn limit_open_files(limit: &str) {
    let process = std::process::id().to_string();
    let set = Command::new("prlimit").args(["--pid", &process, &format!("--nofile={limit}")]).output();
    let set = set.expect("prlimit runs");
    assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));
}

/// The soft and the hard limit of open files of a process.
fn open_files(process: &str) -> (usize, usize) {
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).expect("limits");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("a line");
    let mut figures = line.split_whitespace().map(|figure| figure.parse().unwrap_or(usize::MAX));
    (figures.next().expect("soft"), figures.next().expect("hard"))
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_idle_connections_cost_little_and_stop_nobody() {
    // What shells and services are given when nobody says otherwise.
    limit_open_files("1024:");
    let faulty = Faulty::start("patience_seconds.headers = 120", |seen| async move {
        if seen.json()["stream"] == true { streamed() } else { completion() }
    })
    .await;
    let (allowed, hard) = open_files(&faulty.gateway().id().to_string());
    assert_eq!(allowed, hard, "the gateway has raised its limit");
    limit_open_files(&format!("{hard}:"));
    // Some files are needed for other things, and calls must still be possible.
    let many = MANY.min(hard.saturating_sub(200));
    if many < MANY {
        println!(
            "SKIPPED IN PART: {many} idle connections instead of {MANY}, because of the limit of open files"
        );
    }
    faulty.ask("before", false).await;
    let before = faulty.memory("VmRSS");
    let address = address(&faulty);
    let mut silent = Vec::with_capacity(many / 2);
    for _ in 0..many / 2 {
        silent.push(TcpStream::connect(&address).await.expect("a connection"));
    }
    // The others have asked once.
    let mut used = Vec::with_capacity(many / 2);
    for _ in 0..many / 2 {
        let mut wire = Wire::to(&faulty).await;
        assert!(wire.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await);
        wire.until("\"ok\"").await;
        used.push(wire);
    }
    for case in ["plain", "streamed"] {
        assert_eq!(faulty.ask(case, case == "streamed").await.status, 200);
    }
    let after = faulty.memory("VmRSS");
    println!("memory: {before} MB, {after} MB with {many} idle connections");
    assert!(
        after < before + many as u64 / 40,
        "at most 25 KB for each connection: {before} MB, then {after} MB"
    );
    drop((silent, used));
    faulty.ask("after", false).await;
    faulty.finish();
}
