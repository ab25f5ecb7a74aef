//! Server-sent events: bytes to events and back. Pure; works on bytes, so a character split across chunks is safe.
//!
//! Follows the parsing rules of the HTML standard, "Server-sent events", section 9.2.6: lines end in LF, CR or CRLF,
//! a blank line ends an event, several `data` lines are joined by LF, lines that begin with a colon are comments.

use bytes::{BufMut, Bytes, BytesMut};
use memchr::memchr2;

/// The data of the event that ends an OpenAI stream.
pub const DONE: &[u8] = b"[DONE]";

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// The `data` lines, joined by LF.
    pub data: Bytes,
    /// The `event` field, when it came.
    pub event: Option<Bytes>,
    /// The `id` field, when it came.
    pub id: Option<Bytes>,
}

/// Why a stream cannot be read on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// One event is above the cap.
    #[error("one event of the stream is above {limit} bytes")]
    TooLarge {
        /// The cap.
        limit: usize,
    },
}

/// Cuts a stream of bytes into [`Event`]s, however the bytes are chunked.
///
/// ```
/// use behest_core::sse::Framer;
///
/// let mut framer = Framer::new(1024);
/// framer.push(b"data: he");
/// assert_eq!(framer.next_event()?, None);
/// framer.push(b"llo\n\n");
/// assert_eq!(framer.next_event()?.expect("an event").data, "hello");
/// # Ok::<(), behest_core::sse::SseError>(())
/// ```
#[derive(Debug)]
pub struct Framer {
    buffer: BytesMut,
    /// How much of `buffer` is known to hold no line end: a long line is scanned once, not once per chunk.
    searched: usize,
    /// The last line ended in CR, so an LF that follows belongs to it.
    after_cr: bool,
    at_start: bool,
    event: Pending,
    limit: usize,
}

#[derive(Debug, Default)]
struct Pending {
    data: Option<Bytes>,
    joined: BytesMut,
    event: Option<Bytes>,
    id: Option<Bytes>,
}

impl Framer {
    /// A framer that gives up on an event above `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            searched: 0,
            after_cr: false,
            at_start: true,
            event: Pending::default(),
            limit,
        }
    }

    /// Takes the next bytes of the stream in.
    pub fn push(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    /// The next whole event, or `None` until more bytes come.
    ///
    /// # Errors
    /// [`SseError::TooLarge`] when an event, whole or not, is above the cap.
    pub fn next_event(&mut self) -> Result<Option<Event>, SseError> {
        while let Some(line) = self.next_line() {
            if self.event.size() + line.len() > self.limit {
                return Err(SseError::TooLarge { limit: self.limit });
            }
            if let Some(event) = self.event.take_line(line) {
                return Ok(Some(event));
            }
        }
        if self.event.size() + self.buffer.len() > self.limit {
            return Err(SseError::TooLarge { limit: self.limit });
        }
        Ok(None)
    }

    /// What is left when the stream has ended without a blank line. The caller must judge whether it is whole.
    ///
    /// # Errors
    /// As [`next_event`](Self::next_event).
    pub fn finish(&mut self) -> Result<Option<Event>, SseError> {
        if let Some(event) = self.next_event()? {
            return Ok(Some(event));
        }
        if !self.buffer.is_empty() {
            let line = self.buffer.split().freeze();
            self.searched = 0;
            self.event.take_line(line);
        }
        Ok(self.event.take_line(Bytes::new()))
    }

    fn next_line(&mut self) -> Option<Bytes> {
        if self.after_cr && !self.buffer.is_empty() {
            if self.buffer[0] == b'\n' {
                let _ = self.buffer.split_to(1);
            }
            self.after_cr = false;
        }
        let end = self.searched
            + memchr2(b'\n', b'\r', &self.buffer[self.searched..]).or_else(|| {
                self.searched = self.buffer.len();
                None
            })?;
        self.after_cr = self.buffer[end] == b'\r';
        let mut line = self.buffer.split_to(end + 1).freeze();
        line.truncate(end);
        self.searched = 0;
        if std::mem::take(&mut self.at_start) && line.starts_with(b"\xEF\xBB\xBF") {
            let _ = line.split_to(3);
        }
        Some(line)
    }
}

impl Pending {
    fn size(&self) -> usize {
        self.data.as_ref().map_or(0, Bytes::len) + self.joined.len()
    }

    /// Takes a line in; a blank one gives the event, if it has data.
    fn take_line(&mut self, mut line: Bytes) -> Option<Event> {
        if line.is_empty() {
            let pending = std::mem::take(self);
            let data = pending.data?;
            let data = if pending.joined.is_empty() { data } else { pending.joined.freeze() };
            return Some(Event { data, event: pending.event, id: pending.id });
        }
        let name_end = memchr::memchr(b':', &line).unwrap_or(line.len());
        let name = line.split_to(name_end);
        if line.starts_with(b": ") {
            let _ = line.split_to(2);
        } else if !line.is_empty() {
            let _ = line.split_to(1);
        }
        match &name[..] {
            b"data" => self.add_data(line),
            b"event" => self.event = Some(line),
            // The standard ignores an id that holds NUL.
            b"id" if !line.contains(&0) => self.id = Some(line),
            _ => {}
        }
        None
    }

    fn add_data(&mut self, line: Bytes) {
        match &self.data {
            None => self.data = Some(line),
            Some(first) => {
                if self.joined.is_empty() {
                    self.joined.extend_from_slice(first);
                }
                self.joined.put_u8(b'\n');
                self.joined.extend_from_slice(&line);
                // Only its presence counts from here on; `joined` holds the text.
                self.data = Some(Bytes::new());
            }
        }
    }
}

/// Writes `data` as one event: LF only, one `data` line for each line of it.
#[must_use]
pub fn encode(data: &[u8]) -> Bytes {
    let mut event = BytesMut::with_capacity(data.len() + 8);
    for line in data.split(|byte| *byte == b'\n') {
        event.put_slice(b"data: ");
        event.put_slice(line);
        event.put_u8(b'\n');
    }
    event.put_u8(b'\n');
    event.freeze()
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use proptest::prelude::*;

    use super::*;

    fn frame(chunks: &[&[u8]]) -> Vec<Event> {
        let mut framer = Framer::new(1 << 20);
        let mut events = Vec::new();
        for chunk in chunks {
            framer.push(chunk);
            while let Some(event) = framer.next_event().expect("small events") {
                events.push(event);
            }
        }
        events.extend(framer.finish().expect("small events"));
        events
    }

    fn texts(stream: &str) -> Vec<String> {
        frame(&[stream.as_bytes()])
            .into_iter()
            .map(|event| String::from_utf8_lossy(&event.data).into_owned())
            .collect()
    }

    #[test]
    fn every_line_end_and_spacing_of_the_standard_is_read() {
        assert_eq!(texts("data: a\n\ndata:b\r\n\r\ndata:  c\r\rdata\n\n"), ["a", "b", " c", ""]);
        assert_eq!(texts(": ping\n\ndata: a\ndata: b\n\n: ping\n\n"), ["a\nb"]);
        assert_eq!(texts("\u{feff}data: a\n\n"), ["a"]);
        assert_eq!(texts("data: one\n\ndata: no blank line"), ["one", "no blank line"]);
    }

    #[test]
    fn names_and_ids_are_kept() {
        let events = frame(&[b"event: error\nid: 7\ndata: x\n\n"]);
        assert_eq!(events[0].event.as_deref(), Some(&b"error"[..]));
        assert_eq!(events[0].id.as_deref(), Some(&b"7"[..]));
    }

    #[test]
    fn an_event_above_the_cap_is_refused_before_it_is_whole() {
        let mut framer = Framer::new(16);
        framer.push(b"data: 0123456789abcdef");
        assert_eq!(framer.next_event(), Err(SseError::TooLarge { limit: 16 }));
        let mut framer = Framer::new(16);
        for _ in 0..10 {
            framer.push(b"data: 0123\n");
        }
        assert_eq!(framer.next_event(), Err(SseError::TooLarge { limit: 16 }));
    }

    #[test]
    fn what_is_encoded_is_read_back() {
        assert_eq!(&encode(b"{}")[..], b"data: {}\n\n");
        assert_eq!(frame(&[&encode(b"a\nb")])[0].data, "a\nb");
    }

    fn streams() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just("data: ".to_owned()),
            Just("data:".to_owned()),
            Just("\n".to_owned()),
            Just("\r\n".to_owned()),
            Just("\r".to_owned()),
            Just("\n\n".to_owned()),
            Just(": ping\n\n".to_owned()),
            Just("event: e\n".to_owned()),
            Just("id: 1\n".to_owned()),
            "[a-zé漢🦀:{} ]{0,12}",
        ];
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn chunking_changes_nothing(stream in streams(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20)) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for cut in cuts {
                chunks.push(&stream[from..cut]);
                from = cut;
            }
            chunks.push(&stream[from..]);
            let whole = frame(&[&stream]);
            prop_assert_eq!(frame(&chunks), whole.clone());
            let single: Vec<&[u8]> = stream.chunks(1).collect();
            prop_assert_eq!(frame(&single), whole);
        }

        /// The published parser agrees on every stream that ends in a blank line.
        #[test]
        fn another_parser_reads_the_same(stream in streams()) {
            use eventsource_stream::Eventsource as _;
            let mut stream = stream;
            stream.extend_from_slice(b"\n\n");
            let body = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(stream.clone())]);
            let theirs: Vec<String> = futures_util::FutureExt::now_or_never(
                body.eventsource().map(|event| event.expect("valid UTF-8").data).collect(),
            ).expect("all bytes are there");
            let ours: Vec<String> = frame(&[&stream])
                .into_iter()
                .map(|event| String::from_utf8(event.data.to_vec()).expect("valid UTF-8"))
                .collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}
