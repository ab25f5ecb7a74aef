//! A client that sends and reads what a test wants, byte by byte.

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::answer::check_problem;
use super::{Faulty, PATIENCE, body};

/// A connection. Dropping it closes it.
pub struct Wire(TcpStream);

impl Wire {
    pub async fn to(faulty: &Faulty) -> Self {
        Self(TcpStream::connect(address(faulty)).await.expect("a connection"))
    }

    /// Sends everything; `false` when the other end has closed.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Says that nothing more comes, and goes on reading.
    pub async fn half_close(&mut self) {
        self.0.shutdown().await.expect("half a connection");
    }

    /// Reads until `text` has come.
    pub async fn until(&mut self, text: &str) -> String {
        let mut read = Vec::new();
        let wait = async {
            while !String::from_utf8_lossy(&read).contains(text) {
                assert_ne!(self.0.read_buf(&mut read).await.expect("bytes"), 0, "it ended");
            }
        };
        timeout(PATIENCE, wait).await.expect("it comes in time");
        String::from_utf8_lossy(&read).into_owned()
    }

    /// Reads until the other end closes, in order or not.
    pub async fn rest(&mut self) -> String {
        let mut read = Vec::new();
        // A reset is an end, too.
        let _ = timeout(PATIENCE, self.0.read_to_end(&mut read)).await.expect("it ends in time");
        String::from_utf8_lossy(&read).into_owned()
    }

    /// Throws away what has come; tells whether the other end has closed.
    pub fn has_ended(&self) -> bool {
        loop {
            match self.0.try_read(&mut [0; 1024]) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
            }
        }
    }
}

/// Where the gateway listens.
pub fn address(faulty: &Faulty) -> String {
    faulty.gateway().text("base_url").trim_start_matches("http://").to_owned()
}

/// The head of a request to the chat endpoint that ends its connection.
pub fn head(faulty: &Faulty, headers: &str) -> String {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nConnection: close\r\n{headers}\r\n",
        faulty.key
    )
}

/// A whole question.
pub fn question(faulty: &Faulty, case: &str, stream: bool) -> String {
    let body = body(case, stream).to_string();
    let headers = format!("X-Session-Id: {case}\r\nContent-Length: {}\r\n", body.len());
    format!("{}{body}", head(faulty, &headers))
}

/// The status of an answer, and its error's code if it is one.
pub fn outcome(answer: &str) -> (u16, String) {
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no answer: {answer}"));
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let code = serde_json::from_str::<Value>(body).map(|problem| check_problem(&problem));
    (status, code.unwrap_or_default())
}
