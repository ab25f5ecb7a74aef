//! A streamed answer, event by event.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::reply;
use crate::gateway::providers::{ChunkStream, Phase, ProviderError, ProviderKey, Timeouts};
use crate::sse::{DONE, Framer};

/// The largest event that is read.
pub(super) const MAX_EVENT_BYTES: usize = 16 << 20;

struct Reading {
    body: Incoming,
    framer: Framer,
    timeouts: Timeouts,
    key: ProviderKey,
    deadline: Instant,
    /// A choice has said why it ended. Some servers leave `[DONE]` out; without either the answer broke off.
    finished: bool,
    over: bool,
}

/// Reads events until `[DONE]`. Whatever else ends the stream is an error item, and the last one.
pub(super) fn chunks(body: Incoming, timeouts: Timeouts, key: ProviderKey) -> ChunkStream {
    let reading = Reading {
        body,
        framer: Framer::new(MAX_EVENT_BYTES),
        timeouts,
        key,
        deadline: Instant::now() + timeouts.total,
        finished: false,
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

impl Reading {
    async fn next(&mut self) -> Result<Option<crate::gateway::providers::Chunk>, ProviderError> {
        loop {
            let too_large = |_| ProviderError::TooLarge { limit: MAX_EVENT_BYTES };
            let event = match self.framer.next_event().map_err(too_large)? {
                Some(event) => event,
                None => match self.read().await? {
                    true => continue,
                    false => match self.framer.finish().map_err(too_large)? {
                        Some(event) => event,
                        None if self.finished => return Ok(None),
                        None => return Err(ProviderError::BrokeOff),
                    },
                },
            };
            if event.data.trim_ascii() == DONE {
                return Ok(None);
            }
            let chunk = reply::chunk(event.data)?;
            self.finished |= chunk.summary.finish_reason.is_some();
            return Ok(Some(chunk));
        }
    }

    /// Reads the next piece of the body; `false` at its end.
    async fn read(&mut self) -> Result<bool, ProviderError> {
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

pub(super) fn timed_out(phase: Phase, limit: Duration) -> ProviderError {
    ProviderError::TimedOut { phase, seconds: limit.as_secs() }
}
