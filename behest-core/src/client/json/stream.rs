//! A streamed answer whose chunks stay JSON text.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::timeout;

use crate::client::refusal::{broken_stream, stream_error};
use crate::client::reply::Meta;
use crate::client::stream::MAX_EVENT_BYTES;
use crate::error::{Cause, Error};
use crate::sse::{DONE, Event, Framer, SseError};
use crate::transport::Answer;

/// How long a stream may be silent. A gateway says `: ping` every 15 s, so this one is gone.
const LONGEST_SILENCE: Duration = Duration::from_secs(120);
/// How long to wait for the end of the body once the answer is complete, so that its connection can be used again.
const END_OF_BODY: Duration = Duration::from_millis(250);
/// How many chunks are handed over at once, if so many are there: enough for the handing over to cost little.
const LARGEST_BATCH: usize = 64;

/// The model's answer as it arrives, each chunk as JSON text. Dropping it cancels the call at the gateway.
///
/// An error is the last item: the answer is complete only if the stream ends without one.
#[must_use = "a stream does nothing until it is read, and is cancelled when it is dropped"]
pub struct JsonStream {
    /// Chunks that are not handed out yet.
    ready: VecDeque<Bytes>,
    /// `None` once the connection is not needed any more.
    reader: Option<Reader>,
    /// `[DONE]` came.
    complete: bool,
    /// What is to be told after the chunks that came before it.
    failure: Option<Error>,
    meta: Meta,
}

impl JsonStream {
    pub(in crate::client) fn new(answer: Answer) -> Self {
        let meta = Meta::read(&answer.headers);
        let reader = Reader {
            body: answer.body,
            framer: Framer::new(MAX_EVENT_BYTES),
            trace_id: meta.trace_id.clone(),
        };
        Self { ready: VecDeque::new(), reader: Some(reader), complete: false, failure: None, meta }
    }

    /// What the gateway said about the answer before it began.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The next chunk, or `None` at the end. Cancel-safe: dropping the future loses no chunk.
    pub async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        if self.ready.is_empty()
            && let Err(error) = self.fill().await
        {
            return Some(Err(error));
        }
        self.ready.pop_front().map(Ok)
    }

    /// All the chunks that are there, after waiting for one; `None` at the end. Cancel-safe as [`next`](Self::next).
    pub async fn next_batch(&mut self) -> Option<Result<Vec<Bytes>, Error>> {
        if self.ready.is_empty()
            && let Err(error) = self.fill().await
        {
            return Some(Err(error));
        }
        self.gather().await;
        if self.ready.is_empty() { None } else { Some(Ok(self.ready.drain(..).collect())) }
    }

    /// Takes along what follows at once. A connection hands over one piece of the body at a time, so its task gets a turn
    /// before each: to carry a batch into another language costs as much as to carry a chunk.
    async fn gather(&mut self) {
        while let Some(reader) = &mut self.reader
            && !self.complete
            && self.ready.len() < LARGEST_BATCH
        {
            give_way().await;
            let Some(piece) = reader.body.next().now_or_never() else { return };
            let taken = reader.take_piece(piece, &mut self.ready);
            self.note(taken);
        }
    }

    /// Waits until there are chunks, or until there will be none any more.
    async fn fill(&mut self) -> Result<(), Error> {
        while self.ready.is_empty() {
            let Some(reader) = &mut self.reader else { return self.failure.take().map_or(Ok(()), Err) };
            if self.complete {
                reader.drain().await;
                self.reader = None;
                continue;
            }
            let taken = match timeout(LONGEST_SILENCE, reader.body.next()).await {
                Ok(piece) => reader.take_piece(piece, &mut self.ready),
                Err(_) => Err(reader.incomplete("fell silent", None)),
            };
            self.note(taken);
        }
        Ok(())
    }

    /// Notes whether the answer is complete now, or that it failed.
    fn note(&mut self, taken: Result<bool, Error>) {
        match taken {
            Ok(complete) => self.complete = complete,
            Err(error) => {
                // Dropping the reader closes the connection before the caller sees the error.
                self.reader = None;
                self.failure = Some(error);
            }
        }
    }
}

impl std::fmt::Debug for JsonStream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("JsonStream").field("meta", &self.meta).finish_non_exhaustive()
    }
}

/// Lets the thread's other tasks go first. Unlike tokio's `yield_now` it does not look for new events of the system.
async fn give_way() {
    let mut given = false;
    poll_fn(|context| {
        if given {
            return Poll::Ready(());
        }
        given = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

// The core's own framer, because eventsource-stream 0.2.3 reads the current line anew with every piece that arrives:
// one event of 8 MB in 1,024 pieces takes it 6.6 s in a release build, and four times as long when both are doubled.
struct Reader {
    body: BoxStream<'static, Result<Bytes, Error>>,
    framer: Framer,
    trace_id: Option<String>,
}

/// The one field of a chunk that is looked at; the rest is only checked to be JSON.
#[derive(Deserialize)]
struct Probe<'e> {
    #[serde(borrow, default)]
    error: Option<&'e RawValue>,
}

impl Reader {
    /// Takes a piece of the body in, or its end, and says whether the answer is complete.
    fn take_piece(
        &mut self,
        piece: Option<Result<Bytes, Error>>,
        ready: &mut VecDeque<Bytes>,
    ) -> Result<bool, Error> {
        match piece {
            Some(Ok(piece)) => self.framer.push(&piece),
            Some(Err(error)) => return Err(self.incomplete("broke off", Some(Arc::new(error)))),
            // Some servers leave out the blank line after the last event.
            None => {
                return match self.framer.finish().map_err(|error| self.too_large(error))? {
                    Some(event) => self.take(event, ready),
                    None => Err(self.incomplete("ended", None)),
                };
            }
        }
        while let Some(event) = self.framer.next_event().map_err(|error| self.too_large(error))? {
            if self.take(event, ready)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes an event in, and says whether it is the one that completes the answer.
    fn take(&self, event: Event, ready: &mut VecDeque<Bytes>) -> Result<bool, Error> {
        if event.data.trim_ascii() == DONE {
            return Ok(true);
        }
        ready.push_back(self.check(event.data)?);
        Ok(false)
    }

    /// The chunk, unless it is none or says that the answer failed.
    fn check(&self, data: Bytes) -> Result<Bytes, Error> {
        let unreadable = |cause: Cause| {
            let message = "the stream holds an event that is no chat completion chunk";
            broken_stream("stream_parse_error", message, self.trace_id.as_deref(), Some(cause))
        };
        let text = std::str::from_utf8(&data).map_err(|error| unreadable(Arc::new(error)))?;
        let probe: Probe<'_> = serde_json::from_str(text).map_err(|error| unreadable(Arc::new(error)))?;
        if probe.error.is_some() {
            let event = serde_json::from_str(text).map_err(|error| unreadable(Arc::new(error)))?;
            if let Some(error) = stream_error(&event, self.trace_id.as_deref()) {
                return Err(error);
            }
        }
        Ok(data)
    }

    /// Reads the end of the body, which is usually there already: a connection with an unread end cannot be kept.
    async fn drain(&mut self) {
        let end = async { while let Some(Ok(_)) = self.body.next().await {} };
        // A server that does not end its answer loses the connection; the answer itself is complete.
        let _ = timeout(END_OF_BODY, end).await;
    }

    fn incomplete(&self, how: &str, source: Option<Cause>) -> Error {
        let message = format!("the stream {how} before the answer was complete");
        broken_stream("stream_incomplete", message, self.trace_id.as_deref(), source)
    }

    fn too_large(&self, error: SseError) -> Error {
        let message = format!("the stream holds an event of more than {MAX_EVENT_BYTES} bytes");
        broken_stream("stream_event_too_large", message, self.trace_id.as_deref(), Some(Arc::new(error)))
    }
}
