//! Stand-in for the byte-level framer.

use std::collections::VecDeque;

use bytes::Bytes;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its data.
    pub data: Bytes,
    /// Its id.
    pub id: Option<Bytes>,
    /// Its type.
    pub event: Option<Bytes>,
}

/// Why framing stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// An event is above the limit.
    #[error("an event has more than {0} bytes")]
    TooLarge(usize),
}

/// Bytes in, events out.
#[derive(Debug)]
pub struct Framer {
    limit: usize,
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    ready: VecDeque<Event>,
    failed: bool,
}

impl Framer {
    /// With a cap on one event.
    #[must_use]
    pub fn new(max_event_bytes: usize) -> Self {
        Self {
            limit: max_event_bytes,
            line: Vec::new(),
            data: Vec::new(),
            has_data: false,
            ready: VecDeque::new(),
            failed: false,
        }
    }

    /// Takes bytes in.
    pub fn push(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            self.line.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            let mut line = std::mem::take(&mut self.line);
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            self.take_line(&line);
        }
        self.line.extend_from_slice(rest);
        self.failed |= self.line.len() + self.data.len() > self.limit;
    }

    fn take_line(&mut self, line: &[u8]) {
        if line.is_empty() {
            if std::mem::take(&mut self.has_data) {
                self.ready.push_back(Event {
                    data: std::mem::take(&mut self.data).into(),
                    id: None,
                    event: None,
                });
            }
        } else if let Some(data) = line.strip_prefix(b"data:") {
            if self.has_data {
                self.data.push(b'\n');
            }
            self.has_data = true;
            self.data.extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
        }
    }

    /// The next event.
    ///
    /// # Errors
    /// When an event is too large.
    #[expect(clippy::should_implement_trait, reason = "it is fallible")]
    pub fn next(&mut self) -> Result<Option<Event>, SseError> {
        match self.ready.pop_front() {
            Some(event) => Ok(Some(event)),
            None if self.failed => Err(SseError::TooLarge(self.limit)),
            None => Ok(None),
        }
    }

    /// The event that the end of the body completes.
    ///
    /// # Errors
    /// When it is too large.
    pub fn finish(&mut self) -> Result<Option<Event>, SseError> {
        self.push(b"\n\n");
        self.next()
    }
}
