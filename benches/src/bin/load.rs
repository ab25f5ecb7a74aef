//! Asks one address for chat answers and prints, as JSON, how many came and how fast.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use behest_benches::client::Connection;
use behest_benches::figures::Tally;
use behest_benches::schedule::Schedule;
use clap::Parser;
use tokio::task::JoinSet;
use tokio::time::{self, timeout};

/// The longest that a connection waits for one answer before it gives up.
const PATIENCE: Duration = Duration::from_secs(20);
/// The failures after which a connection stops: a server that is gone is not asked a million times.
const MOST_FAILURES: u32 = 100;

/// Sends chat requests over kept-alive connections and measures the answers.
#[derive(Parser)]
struct Options {
    /// The address to ask, such as 127.0.0.1:8080.
    #[arg(long)]
    address: SocketAddr,
    /// The `Host` header, if not the address.
    #[arg(long)]
    host: Option<String>,
    /// The path to post to.
    #[arg(long, default_value = "/v1/chat/completions")]
    path: String,
    /// The file with the body to post.
    #[arg(long)]
    body: PathBuf,
    /// The file with the credential for the `Authorization` header (a file, since arguments are public).
    #[arg(long)]
    bearer_file: Option<PathBuf>,
    /// The number of connections.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// The most requests to send.
    #[arg(long, default_value_t = 10_000_000)]
    requests: u64,
    /// The longest to go on sending.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Requests per second, whatever the answers take; without it each connection sends on each answer.
    #[arg(long)]
    rate: Option<f64>,
    /// Counts an answer as good only if it is an event stream that came to its `[DONE]`.
    #[arg(long)]
    stream: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let options = Options::parse();
    let request: Arc<[u8]> = request(&options)?.into();
    let schedule =
        Arc::new(Schedule::new(options.requests, Duration::from_secs_f64(options.seconds), options.rate));
    let mut connections = JoinSet::new();
    for _ in 0..options.connections {
        connections.spawn(drive(
            options.address,
            Arc::clone(&request),
            Arc::clone(&schedule),
            options.stream,
        ));
    }
    let mut total = Tally::default();
    for tally in connections.join_all().await {
        total.merge(tally);
    }
    writeln!(io::stdout(), "{}", serde_json::to_string(&total.report(schedule.start()))?)
}

fn request(options: &Options) -> io::Result<Vec<u8>> {
    let body = std::fs::read(&options.body)?;
    let host = options.host.clone().unwrap_or_else(|| options.address.to_string());
    let mut head =
        format!("POST {} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n", options.path);
    if let Some(file) = &options.bearer_file {
        head += &format!("Authorization: Bearer {}\r\n", std::fs::read_to_string(file)?.trim());
    }
    head += &format!("Content-Length: {}\r\n\r\n", body.len());
    Ok([head.into_bytes(), body].concat())
}

/// Sends requests over one connection until the schedule is over.
async fn drive(address: SocketAddr, request: Arc<[u8]>, schedule: Arc<Schedule>, streaming: bool) -> Tally {
    let mut tally = Tally::default();
    let mut failures = 0;
    let mut connection = None;
    while failures < MOST_FAILURES {
        if connection.is_none() {
            connection = Connection::open(address).await.ok();
        }
        let Some(begin) = schedule.next().await else { break };
        let Some(open) = &mut connection else {
            tally.fail("connect".into());
            failures += 1;
            time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let Ok(exchange) = timeout(PATIENCE, open.exchange(&request)).await else {
            tally.fail("timeout".into());
            break;
        };
        tally.count(begin, &exchange, streaming);
        if exchange.is_err() {
            failures += 1;
            connection = None;
        }
    }
    tally
}
