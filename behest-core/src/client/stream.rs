//! A streamed answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, Stream, StreamExt as _};
use serde_json::Value;
use tokio::time::timeout;

use super::refusal::{broken_stream, stream_error};
use super::reply::Meta;
use crate::error::Error;
use crate::sse::{Event, Framer, SseError};
use crate::transport::Answer;
use crate::types::chat::ChatCompletionChunk;

/// The largest event that is read.
pub const MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;
/// How long a stream may be silent. A gateway says `: ping` every 15 s, so this one is gone.
const LONGEST_SILENCE: Duration = Duration::from_secs(120);
/// How long to wait for the end of the body once the answer is complete, so that its connection can be used again.
const END_OF_BODY: Duration = Duration::from_millis(250);

/// The model's answer as it arrives. Dropping it cancels the call at the gateway.
///
/// An error is an item, and the last one: the answer is complete only if the stream ends without one.
#[must_use = "a stream does nothing until it is read, and is cancelled when it is dropped"]
pub struct ChatStream {
    chunks: BoxStream<'static, Result<ChatCompletionChunk, Error>>,
    meta: Meta,
}

impl ChatStream {
    pub(crate) fn new(answer: Answer, meta: Meta) -> Self {
        let reader = Reader {
            body: answer.body,
            framer: Framer::new(MAX_EVENT_BYTES),
            trace_id: meta.trace_id.clone(),
        };
        let chunks = stream::unfold(Some(reader), |reader| async move {
            let mut reader = reader?;
            match reader.next().await {
                Ok(Some(chunk)) => Some((Ok(chunk), Some(reader))),
                Ok(None) => None,
                // Dropping the reader here closes the connection before the caller sees the error.
                Err(error) => Some((Err(error), None)),
            }
        });
        Self { chunks: chunks.fuse().boxed(), meta }
    }

    /// What the gateway said about the answer before it began.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }
}

impl Stream for ChatStream {
    type Item = Result<ChatCompletionChunk, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.chunks.poll_next_unpin(context)
    }
}

impl std::fmt::Debug for ChatStream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ChatStream").field("meta", &self.meta).finish_non_exhaustive()
    }
}

// The core's own framer, because eventsource-stream 0.2.3 reads the current line anew with every piece that arrives:
// one event of 8 MB in 1,024 pieces takes it 6.6 s in a release build, and four times as long when both are doubled.
struct Reader {
    body: BoxStream<'static, Result<Bytes, Error>>,
    framer: Framer,
    trace_id: Option<String>,
}

impl Reader {
    /// The next chunk, or `None` after `[DONE]`.
    async fn next(&mut self) -> Result<Option<ChatCompletionChunk>, Error> {
        loop {
            if let Some(event) = self.framer.next_event().map_err(|error| self.too_large(error))? {
                return self.read(&event).await;
            }
            match timeout(LONGEST_SILENCE, self.body.next()).await {
                Ok(Some(Ok(piece))) => self.framer.push(&piece),
                Ok(Some(Err(error))) => return Err(self.incomplete("broke off", Some(Arc::new(error)))),
                Ok(None) => return self.last().await,
                Err(_) => return Err(self.incomplete("fell silent", None)),
            }
        }
    }

    /// What the end of the body brings: some servers leave out the blank line after the last event.
    async fn last(&mut self) -> Result<Option<ChatCompletionChunk>, Error> {
        match self.framer.finish().map_err(|error| self.too_large(error))? {
            Some(event) => self.read(&event).await,
            None => Err(self.incomplete("ended", None)),
        }
    }

    async fn read(&mut self, event: &Event) -> Result<Option<ChatCompletionChunk>, Error> {
        if event.data.trim_ascii() == b"[DONE]" {
            self.drain().await;
            return Ok(None);
        }
        let unreadable = |error: serde_json::Error| {
            let message = "the stream holds an event that is no chat completion chunk";
            broken_stream("stream_parse_error", message, self.trace_id.as_deref(), Some(Arc::new(error)))
        };
        let value: Value = serde_json::from_slice(&event.data).map_err(unreadable)?;
        if let Some(error) = stream_error(&value, self.trace_id.as_deref()) {
            return Err(error);
        }
        serde_json::from_value(value).map(Some).map_err(unreadable)
    }

    /// Reads the end of the body, which is usually there already: a connection with an unread end cannot be kept.
    async fn drain(&mut self) {
        let end = async { while let Some(Ok(_)) = self.body.next().await {} };
        // A server that does not end its answer loses the connection; the answer itself is complete.
        let _ = timeout(END_OF_BODY, end).await;
    }

    fn incomplete(&self, how: &str, source: Option<crate::error::Cause>) -> Error {
        let message = format!("the stream {how} before the answer was complete");
        broken_stream("stream_incomplete", message, self.trace_id.as_deref(), source)
    }

    fn too_large(&self, error: SseError) -> Error {
        let message = format!("the stream holds an event of more than {MAX_EVENT_BYTES} bytes");
        broken_stream("stream_event_too_large", message, self.trace_id.as_deref(), Some(Arc::new(error)))
    }
}
