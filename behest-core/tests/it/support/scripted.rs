//! A server that answers exactly as a test says, byte for byte and piece for piece, and sees when a client goes away.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::PATIENCE;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Which connection it came on, counted from 0.
    pub connection: usize,
    pub method: String,
    /// The target, with its query.
    pub path: String,
    /// Names in lower case.
    pub headers: HashMap<String, String>,
    pub body: Bytes,
}

impl Seen {
    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The credential it came with.
    pub fn bearer(&self) -> &str {
        self.header("authorization").strip_prefix("Bearer ").unwrap_or_default()
    }

    /// Its body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body of JSON")
    }
}

/// One step of an answer's body, sent as an HTTP chunk of its own.
#[derive(Debug, Clone)]
pub enum Step {
    /// Sends these bytes, at once.
    Send(Bytes),
    /// Sends these bytes as they are, outside the chunks.
    Raw(Bytes),
    /// Takes its time, as models do.
    Pause(Duration),
    /// Waits until the test opens the gate.
    Wait(Gate),
    /// Writes so much into the server's own books.
    Count(Arc<AtomicU64>, u64),
    /// Stays silent until the client goes away.
    Hang,
    /// Closes the connection without ending the answer.
    Close,
    /// Resets the connection.
    Reset,
}

/// What to answer.
#[derive(Debug, Clone)]
pub struct Script {
    status: u16,
    headers: Vec<(String, String)>,
    steps: Vec<Step>,
}

impl Script {
    /// A body of JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, vec![Step::Send(body.to_string().into())])
            .header("content-type", "application/json")
    }

    /// A stream of events.
    pub fn sse(steps: Vec<Step>) -> Self {
        Self::new(200, steps).header("content-type", "text/event-stream")
    }

    /// Any status, with its body in steps.
    pub fn new(status: u16, steps: Vec<Step>) -> Self {
        Self { status, headers: Vec::new(), steps }
    }

    /// These steps and nothing else: no status line, no headers, no end.
    pub fn raw(steps: Vec<Step>) -> Self {
        Self::new(0, steps)
    }

    /// No answer at all: the connection is reset.
    pub fn reset() -> Self {
        Self::raw(vec![Step::Reset])
    }

    /// One more header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Holds an answer back until the test opens it.
#[derive(Debug, Clone)]
pub struct Gate(watch::Sender<bool>);

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Lets everyone through, now and later.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is open.
    pub async fn wait(&self) {
        wait_for(&self.0, |open| *open).await;
    }
}

type Handler = dyn Fn(Seen) -> BoxFuture<'static, Script> + Send + Sync;

struct Shared {
    handler: Box<Handler>,
    seen: Mutex<Vec<Seen>>,
    count: watch::Sender<usize>,
    departures: watch::Sender<usize>,
    sent: AtomicU64,
}

/// A server on a free port of this machine. It ends with the test.
pub struct Scripted {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Scripted {
    /// Starts one that answers with `handler`.
    pub async fn start<F>(handler: impl Fn(Seen) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Script> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            handler: Box::new(move |seen| handler(seen).boxed()),
            seen: Mutex::default(),
            count: watch::Sender::new(0),
            departures: watch::Sender::new(0),
            sent: AtomicU64::new(0),
        });
        let task = tokio::spawn(accept(listener, shared.clone()));
        Self { address, shared, task }
    }

    /// Where it listens.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far whose path begins with `path`.
    pub fn seen(&self, path: &str) -> Vec<Seen> {
        let seen = self.shared.seen.lock().expect("the requests");
        seen.iter().filter(|seen| seen.path.starts_with(path)).cloned().collect()
    }

    /// How many bytes of bodies have been taken by clients, or by the buffers in between.
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// Waits until `count` requests have come.
    pub async fn requests(&self, count: usize) {
        wait_for(&self.shared.count, |seen| *seen >= count).await;
    }

    /// Waits until `count` clients have gone away before the end of their answer.
    pub async fn departures(&self, count: usize) {
        wait_for(&self.shared.departures, |gone| *gone >= count).await;
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The text of one event.
pub fn event(data: &str) -> Step {
    Step::Send(format!("data: {data}\n\n").into())
}

/// An event that brings `text`.
pub fn chunk(text: &str) -> Step {
    let chunk = serde_json::json!({
        "id": "c1", "object": "chat.completion.chunk", "model": "local/echo",
        "choices": [{ "index": 0, "delta": { "content": text }, "finish_reason": null }],
    });
    event(&chunk.to_string())
}

/// The event that ends a complete answer.
pub fn done() -> Step {
    event("[DONE]")
}

async fn wait_for<T>(sender: &watch::Sender<T>, reached: impl FnMut(&T) -> bool) {
    let mut receiver = sender.subscribe();
    let waited = timeout(PATIENCE, receiver.wait_for(reached)).await;
    waited.expect("it happens in time").expect("the sender is alive");
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    for number in 0.. {
        let (socket, _) = listener.accept().await.expect("a connection");
        connections.spawn(serve(socket, number, shared.clone()));
    }
}

/// Answers the requests of one connection until it ends.
async fn serve(mut socket: TcpStream, number: usize, shared: Arc<Shared>) {
    socket.set_nodelay(true).expect("a socket");
    let mut unread = BytesMut::new();
    while let Some(seen) = read_request(&mut socket, &mut unread, number).await {
        shared.seen.lock().expect("the requests").push(seen.clone());
        shared.count.send_modify(|count| *count += 1);
        let answer = (shared.handler)(seen);
        let Some(script) = unless_gone(&mut socket, &mut unread, answer).await else {
            shared.departures.send_modify(|count| *count += 1);
            return;
        };
        match play(&mut socket, &mut unread, script, &shared.sent).await {
            Played::Whole => {}
            Played::Broken => return,
            Played::Gone => {
                shared.departures.send_modify(|count| *count += 1);
                return;
            }
        }
    }
}

enum Played {
    Whole,
    Broken,
    Gone,
}

async fn play(socket: &mut TcpStream, unread: &mut BytesMut, script: Script, sent: &AtomicU64) -> Played {
    if script.status != 0 {
        let mut head = format!("HTTP/1.1 {} Scripted\r\ntransfer-encoding: chunked\r\n", script.status);
        for (name, value) in &script.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        if socket.write_all(head.as_bytes()).await.is_err() {
            return Played::Gone;
        }
    }
    for step in script.steps {
        match step {
            Step::Send(bytes) if bytes.is_empty() => {}
            Step::Send(bytes) => {
                let mut piece = format!("{:x}\r\n", bytes.len()).into_bytes();
                piece.extend_from_slice(&bytes);
                piece.extend_from_slice(b"\r\n");
                if socket.write_all(&piece).await.is_err() {
                    return Played::Gone;
                }
                sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            }
            Step::Raw(bytes) => {
                if socket.write_all(&bytes).await.is_err() {
                    return Played::Gone;
                }
                sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            }
            Step::Pause(duration) => {
                if unless_gone(socket, unread, sleep(duration)).await.is_none() {
                    return Played::Gone;
                }
            }
            Step::Wait(gate) => {
                if unless_gone(socket, unread, gate.wait()).await.is_none() {
                    return Played::Gone;
                }
            }
            Step::Count(book, amount) => {
                book.fetch_add(amount, Ordering::Relaxed);
            }
            Step::Hang => {
                unless_gone(socket, unread, std::future::pending::<()>()).await;
                return Played::Gone;
            }
            Step::Close => return Played::Broken,
            Step::Reset => {
                socket.set_zero_linger().expect("a socket");
                return Played::Broken;
            }
        }
    }
    if script.status == 0 {
        return Played::Whole;
    }
    if socket.write_all(b"0\r\n\r\n").await.is_err() { Played::Gone } else { Played::Whole }
}

/// Does `work`, unless the client goes away meanwhile.
async fn unless_gone<T>(
    socket: &mut TcpStream,
    unread: &mut BytesMut,
    work: impl Future<Output = T>,
) -> Option<T> {
    let gone = async { while matches!(socket.read_buf(unread).await, Ok(1..)) {} };
    tokio::select! {
        done = work => Some(done),
        () = gone => None,
    }
}

async fn read_request(socket: &mut TcpStream, unread: &mut BytesMut, connection: usize) -> Option<Seen> {
    let end = loop {
        if let Some(end) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if !matches!(socket.read_buf(unread).await, Ok(1..)) {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&unread.split_to(end + 4)).into_owned();
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().expect("a length"));
    while unread.len() < length {
        if !matches!(socket.read_buf(unread).await, Ok(1..)) {
            return None;
        }
    }
    let body = unread.split_to(length).freeze();
    Some(Seen { connection, method, path, headers, body })
}
