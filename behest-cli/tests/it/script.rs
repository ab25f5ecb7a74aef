//! A server that answers with what a test has written down, and remembers what it was asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

/// One request that came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `POST /v1/auth/mint`
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

type Answers = Vec<(&'static str, u16, String)>;

/// A server with answers by method and path.
pub struct Script {
    pub base_url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Script {
    /// Answers a request whose line is the first part with the status and body of the others; anything else with 404.
    pub fn start<B: ToString>(answers: impl IntoIterator<Item = (&'static str, u16, B)>) -> Self {
        let answers: Answers =
            answers.into_iter().map(|(line, status, body)| (line, status, body.to_string())).collect();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let base_url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answers, remembered) = (Arc::new(answers), Arc::clone(&asked));
        // The thread ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, &answers, &remembered);
            }
        });
        Self { base_url, asked }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no test thread panicked").clone()
    }

    /// The lines of all requests.
    pub fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }
}

fn serve(stream: TcpStream, answers: &Answers, asked: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(stream);
    let Some(request) = read_request(&mut reader) else { return };
    let found = answers.iter().find(|(line, ..)| *line == request.line);
    let (status, body) = match found {
        Some((_, status, body)) => (*status, body.clone()),
        None => (404, problem("not_found", "there is nothing here").to_string()),
    };
    asked.lock().expect("no test thread panicked").push(request);
    let kind = if body.starts_with("data:") { "text/event-stream" } else { "application/json" };
    let head = format!(
        "HTTP/1.1 {status} Scripted\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nx-trace-id: trace-1\r\n\
         x-should-retry: false\r\nx-behest-cost-usd: 0.00025\r\nconnection: close\r\n\r\n",
        body.len()
    );
    // A client that has gone away is that client's test to notice.
    let _ = reader.get_mut().write_all(format!("{head}{body}").as_bytes());
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let line = line.rsplit_once(' ')?.0.to_owned();
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        match header.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.to_lowercase(), value.to_owned())),
            None => break,
        }
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().expect("a length"))];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { line, headers, body: serde_json::from_slice(&body).unwrap_or_default() })
}

/// The gateway's error body.
pub fn problem(code: &str, message: &str) -> Value {
    json!({
        "error": { "code": code, "message": message, "type": "error", "param": null, "details": null },
        "message": message, "code": code, "retryable": false,
    })
}

/// An API key of the right form.
pub const KEY: &str = "behest_sk_live_0123456789abcdef0123456789abcdef";

/// The answer to a mint.
pub fn minted() -> Value {
    json!({
        "jwt": "head.body.signature", "access_token": "head.body.signature", "token_type": "Bearer",
        "project_id": "p", "ttl": 3600, "expires_in": 3600, "expires_at": "2026-11-23T12:00:00Z", "session_id": "s-1",
    })
}
