//! An HTTP/1.1 client of one connection and one request, which costs less than what it measures.
//!
//! It sends the same bytes each time and reads just enough of an answer to know where it ends, when its
//! body began, how many events a stream had, and whether it came to its `[DONE]`.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::events::EventCount;

const LONGEST_HEAD: usize = 64 * 1024;
const READ_SIZE: usize = 16 * 1024;
const END_OF_STREAM: &[u8] = b"data: [DONE]\n\n";

/// Why an exchange gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The connection could not be made, broke, or ended inside an answer.
    #[error("the connection failed")]
    Connection(#[from] io::Error),
    /// What came back is not HTTP/1.1 with a length or chunks.
    #[error("the answer is not HTTP/1.1 as expected: {0}")]
    Malformed(&'static str),
}

/// What one exchange brought.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// When the first byte of the body was read.
    pub first_byte: Instant,
    /// When the last byte was read.
    pub end: Instant,
    /// The size of the body, without framing.
    pub body_bytes: usize,
    /// The server-sent events in the body.
    pub events: usize,
    /// Whether the body ends as a finished event stream does.
    pub finished_stream: bool,
}

/// A kept-alive connection.
pub struct Connection {
    address: SocketAddr,
    stream: TcpStream,
    /// Bytes read and not yet used.
    unread: Vec<u8>,
}

struct Head {
    status: u16,
    framing: Framing,
    closes: bool,
}

enum Framing {
    Length(usize),
    Chunked,
}

/// What is known of the body so far.
struct Body {
    first_byte: Option<Instant>,
    bytes: usize,
    events: EventCount,
    tail: Vec<u8>,
}

impl Connection {
    /// Connects, with `TCP_NODELAY`.
    pub async fn open(address: SocketAddr) -> Result<Self, ClientError> {
        Ok(Self { address, stream: connect(address).await?, unread: Vec::with_capacity(READ_SIZE) })
    }

    /// Sends the request and reads the whole answer; connects anew when the server says that it closes.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer, ClientError> {
        self.stream.write_all(request).await?;
        let head = self.head().await?;
        let mut body = Body {
            first_byte: None,
            bytes: 0,
            events: EventCount::default(),
            tail: Vec::with_capacity(READ_SIZE),
        };
        match head.framing {
            Framing::Length(length) => self.body_part(length, &mut body).await?,
            Framing::Chunked => self.chunks(&mut body).await?,
        }
        let end = Instant::now();
        if head.closes {
            self.stream = connect(self.address).await?;
            self.unread.clear();
        }
        Ok(Answer {
            status: head.status,
            first_byte: body.first_byte.unwrap_or(end),
            end,
            body_bytes: body.bytes,
            events: body.events.events(),
            finished_stream: body.tail.ends_with(END_OF_STREAM),
        })
    }

    async fn head(&mut self) -> Result<Head, ClientError> {
        loop {
            if let Some(end) = memmem::find(&self.unread, b"\r\n\r\n") {
                let head = parse_head(&self.unread[..end]);
                self.unread.drain(..end + 4);
                return head;
            }
            if self.unread.len() > LONGEST_HEAD {
                return Err(ClientError::Malformed("its headers never end"));
            }
            self.read_more().await?;
        }
    }

    async fn chunks(&mut self, body: &mut Body) -> Result<(), ClientError> {
        loop {
            let line = self.line().await?;
            let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
            let size =
                std::str::from_utf8(digits).ok().and_then(|text| usize::from_str_radix(text.trim(), 16).ok());
            match size {
                Some(0) => break,
                Some(size) => self.body_part(size, body).await?,
                None => return Err(ClientError::Malformed("a chunk has no size")),
            }
            if !self.line().await?.is_empty() {
                return Err(ClientError::Malformed("a chunk is longer than its size"));
            }
        }
        // Trailers, up to the empty line.
        while !self.line().await?.is_empty() {}
        Ok(())
    }

    async fn line(&mut self) -> Result<Vec<u8>, ClientError> {
        loop {
            if let Some(end) = memmem::find(&self.unread, b"\r\n") {
                let line = self.unread[..end].to_vec();
                self.unread.drain(..end + 2);
                return Ok(line);
            }
            self.read_more().await?;
        }
    }

    async fn body_part(&mut self, length: usize, body: &mut Body) -> Result<(), ClientError> {
        let mut missing = length;
        while missing > 0 {
            if self.unread.is_empty() {
                self.read_more().await?;
            }
            let taken = missing.min(self.unread.len());
            body.take(&self.unread[..taken]);
            self.unread.drain(..taken);
            missing -= taken;
        }
        Ok(())
    }

    async fn read_more(&mut self) -> Result<(), ClientError> {
        self.unread.reserve(READ_SIZE);
        match self.stream.read_buf(&mut self.unread).await? {
            0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            _ => Ok(()),
        }
    }
}

impl Body {
    fn take(&mut self, part: &[u8]) {
        self.first_byte.get_or_insert_with(Instant::now);
        self.bytes += part.len();
        self.events.take(part);
        let surplus = (self.tail.len() + part.len()).saturating_sub(END_OF_STREAM.len());
        if surplus >= self.tail.len() {
            self.tail.clear();
            self.tail.extend_from_slice(&part[part.len().saturating_sub(END_OF_STREAM.len())..]);
        } else {
            self.tail.drain(..surplus);
            self.tail.extend_from_slice(part);
        }
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn parse_head(head: &[u8]) -> Result<Head, ClientError> {
    let head = std::str::from_utf8(head).map_err(|_| ClientError::Malformed("its headers are not text"))?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).and_then(|rest| rest.get(..3));
    let status =
        status.and_then(|code| code.parse().ok()).ok_or(ClientError::Malformed("it has no status line"))?;
    let mut framing = None;
    let mut closes = false;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            let length = value.parse().map_err(|_| ClientError::Malformed("its length is not a number"))?;
            framing = Some(Framing::Length(length));
        } else if name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked") {
            framing = Some(Framing::Chunked);
        } else if name.eq_ignore_ascii_case("connection") {
            closes = value.eq_ignore_ascii_case("close");
        }
    }
    let framing = framing.ok_or(ClientError::Malformed("it has neither a length nor chunks"))?;
    Ok(Head { status, framing, closes })
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one request with the given pieces, each in a segment of its own.
    async fn answered_with(pieces: &'static [&'static [u8]]) -> Result<Answer, ClientError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            stream.read_exact(&mut [0; 4]).await.unwrap();
            for piece in pieces {
                stream.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let client = async { Connection::open(address).await?.exchange(b"ping").await };
        tokio::join!(server, client).1
    }

    #[tokio::test]
    async fn a_body_with_a_length_is_read_whole() {
        let answer =
            answered_with(&[b"HTTP/1.1 200 OK\r\nContent-", b"Length: 5\r\n\r\nhe", b"llo"]).await.unwrap();
        assert_eq!((answer.status, answer.body_bytes, answer.finished_stream), (200, 5, false));
    }

    #[tokio::test]
    async fn a_stream_in_torn_chunks_is_seen_to_finish() {
        let answer = answered_with(&[
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r",
            b"\ndata: 1\n\r\n7\r\n\ndata: \r\n",
            b"8\r\n[DONE]\n\n\r\n0\r\n\r\n",
        ])
        .await
        .unwrap();
        assert_eq!((answer.body_bytes, answer.events, answer.finished_stream), (23, 2, true));
    }

    #[tokio::test]
    async fn a_stream_that_is_cut_is_an_error() {
        let answer =
            answered_with(&[b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\ndata"]).await;
        assert!(matches!(answer, Err(ClientError::Connection(_))));
    }

    #[tokio::test]
    async fn an_answer_without_framing_is_refused() {
        let answer = answered_with(&[b"HTTP/1.1 200 OK\r\n\r\n"]).await;
        assert!(matches!(answer, Err(ClientError::Malformed(_))));
    }
}
