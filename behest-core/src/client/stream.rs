//! A streamed answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::stream::{self, BoxStream, Stream, StreamExt as _};

use super::json::JsonStream;
use super::refusal::broken_stream;
use super::reply::Meta;
use crate::error::Error;
use crate::types::chat::ChatCompletionChunk;

/// The largest event that is read.
pub const MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;

/// The model's answer as it arrives. Dropping it cancels the call at the gateway.
///
/// An error is an item, and the last one: the answer is complete only if the stream ends without one.
#[must_use = "a stream does nothing until it is read, and is cancelled when it is dropped"]
pub struct ChatStream {
    chunks: BoxStream<'static, Result<ChatCompletionChunk, Error>>,
    meta: Meta,
}

impl ChatStream {
    pub(crate) fn new(texts: JsonStream) -> Self {
        let meta = texts.meta().clone();
        let chunks = stream::unfold(Some(texts), |texts| async move {
            let mut texts = texts?;
            let trace_id = texts.meta().trace_id.clone();
            let unreadable = |error: serde_json::Error| {
                let message = "the stream holds an event that is no chat completion chunk";
                broken_stream("stream_parse_error", message, trace_id.as_deref(), Some(Arc::new(error)))
            };
            let chunk = texts.next().await?;
            match chunk.and_then(|text| serde_json::from_slice(&text).map_err(unreadable)) {
                Ok(chunk) => Some((Ok(chunk), Some(texts))),
                // Dropping the stream here closes the connection before the caller sees the error.
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
