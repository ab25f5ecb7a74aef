//! A streamed answer, event by event, in whatever dialect.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::{Chunk, ChunkStream, Phase, ProviderError, ProviderKey, Timeouts};
use crate::sse::{Event, Framer};

/// The largest event that is read.
const MAX_EVENT_BYTES: usize = 16 << 20;

/// Reads the events of one dialect.
pub trait EventReader: Send + 'static {
    /// Adds the chunks that an event brings, and says whether it is the last one.
    ///
    /// # Errors
    /// When it cannot be read, or says that the answer failed.
    fn read(&mut self, event: Event, chunks: &mut VecDeque<Chunk>) -> Result<bool, ProviderError>;

    /// Adds the chunks that come after all events, and says whether the answer is complete. Asked once, at the end.
    fn finish(&mut self, chunks: &mut VecDeque<Chunk>) -> bool;
}

struct Reading<R> {
    body: Incoming,
    framer: Framer,
    reader: R,
    ready: VecDeque<Chunk>,
    timeouts: Timeouts,
    key: ProviderKey,
    deadline: Instant,
    /// The events are over; `ready` may still hold chunks.
    ended: bool,
    /// Nothing follows.
    over: bool,
}

/// Reads events until the reader has had the last one. Whatever else ends the stream is an error item, and the last one.
pub fn chunks(body: Incoming, reader: impl EventReader, timeouts: Timeouts, key: ProviderKey) -> ChunkStream {
    let reading = Reading {
        body,
        framer: Framer::new(MAX_EVENT_BYTES),
        reader,
        ready: VecDeque::new(),
        timeouts,
        key,
        deadline: Instant::now() + timeouts.total,
        ended: false,
        over: false,
    };
    stream::unfold(reading, |mut reading| async move {
        if reading.over {
            return None;
        }
        let item = reading.next().await.transpose()?.map_err(|error| error.without_key(&reading.key));
        reading.over = item.is_err();
        Some((item, reading))
    })
    .fuse()
    .boxed()
}

impl<R: EventReader> Reading<R> {
    async fn next(&mut self) -> Result<Option<Chunk>, ProviderError> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Ok(Some(chunk));
            }
            if self.ended {
                return Ok(None);
            }
            let too_large = |_| ProviderError::TooLarge { limit: MAX_EVENT_BYTES };
            let event = match self.framer.next_event().map_err(too_large)? {
                Some(event) => Some(event),
                None => match self.read_on().await? {
                    true => continue,
                    // Some servers leave out the blank line after the last event.
                    false => self.framer.finish().map_err(too_large)?,
                },
            };
            let last = match event {
                Some(event) => self.reader.read(event, &mut self.ready)?,
                None => true,
            };
            if last {
                self.ended = true;
                if !self.reader.finish(&mut self.ready) {
                    return Err(ProviderError::BrokeOff);
                }
            }
        }
    }

    /// Reads the next piece of the body; `false` at its end.
    async fn read_on(&mut self) -> Result<bool, ProviderError> {
        let idle = Instant::now() + self.timeouts.idle;
        let (until, phase, limit) = if idle < self.deadline {
            (idle, Phase::Idle, self.timeouts.idle)
        } else {
            (self.deadline, Phase::Total, self.timeouts.total)
        };
        loop {
            let frame = tokio::time::timeout_at(until, self.body.frame())
                .await
                .map_err(|_| timed_out(phase, limit))?;
            match frame {
                None => return Ok(false),
                Some(Err(_)) => return Err(ProviderError::BrokeOff),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.framer.push(&data);
                        return Ok(true);
                    }
                }
            }
        }
    }
}

/// A phase that took longer than its limit.
pub fn timed_out(phase: Phase, limit: Duration) -> ProviderError {
    ProviderError::TimedOut { phase, seconds: limit.as_secs() }
}
