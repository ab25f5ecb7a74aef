//! A streamed answer, in batches.

use std::sync::Arc;

use behest_core::Error;
use behest_core::client::{CallOptions, JsonCall, JsonStream};
use bytes::Bytes;
use napi_derive::napi;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::engine::{Answer, Desk};
use crate::runtime::release;

/// A streamed answer. When it is collected as garbage, it is closed.
#[napi]
pub struct Stream {
    desk: Arc<Desk>,
    client: behest_core::Client,
    channel: Arc<Channel>,
}

#[derive(Default)]
struct Channel {
    stream: Mutex<Option<JsonStream>>,
    /// Ends what waits while it holds the lock: closing must not wait until the model speaks.
    closed: CancellationToken,
}

impl Stream {
    pub fn new(desk: Arc<Desk>, client: behest_core::Client) -> Self {
        Self { desk, client, channel: Arc::default() }
    }
}

#[napi]
impl Stream {
    /// Asks, and delivers what the answer's headers say.
    #[napi]
    pub fn open(&self, number: u32, parameters: String, options: String) -> napi::Result<()> {
        let (client, channel) = (self.client.clone(), self.channel.clone());
        self.desk.run(number, async move {
            let opening = async {
                let call = JsonCall::parse("chat.completions.create", parameters)?;
                let options = CallOptions::from_json(options.as_bytes())?;
                client.stream_json(&call, &options).await
            };
            let mut slot = channel.stream.lock().await;
            tokio::select! {
                biased;
                () = channel.closed.cancelled() => Ok(Answer::end()),
                opened = opening => {
                    let stream = slot.insert(opened?);
                    Ok(Answer { text: None, meta: Some(stream.meta().to_json()) })
                }
            }
        })
    }

    /// Delivers all the chunks that are there, waiting for the first, as one JSON array; nothing at the end.
    #[napi]
    pub fn next(&self, number: u32) -> napi::Result<()> {
        let channel = self.channel.clone();
        self.desk.run(number, async move {
            let mut slot = channel.stream.lock().await;
            let Some(stream) = slot.as_mut() else { return Ok(Answer::end()) };
            let batch = tokio::select! {
                biased;
                () = channel.closed.cancelled() => None,
                batch = stream.next_batch() => batch,
            };
            match batch {
                Some(Ok(chunks)) => Ok(Answer::text(array(&chunks))),
                Some(Err(error)) => Err(end(&mut slot, error)),
                None => {
                    slot.take();
                    Ok(Answer::end())
                }
            }
        })
    }

    /// Closes the request to the gateway. What waits for it gets the end.
    #[napi]
    pub fn close(&self) {
        self.channel.closed.cancel();
        if let Ok(mut slot) = self.channel.stream.try_lock() {
            release(slot.take());
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.close();
    }
}

fn end(slot: &mut Option<JsonStream>, error: Error) -> Error {
    slot.take();
    error
}

/// One text, so that JavaScript parses once for many chunks.
fn array(chunks: &[Bytes]) -> String {
    let length = chunks.iter().map(|chunk| chunk.len() + 1).sum::<usize>() + 1;
    let mut text = String::with_capacity(length);
    for chunk in chunks {
        text.push(if text.is_empty() { '[' } else { ',' });
        text.push_str(&String::from_utf8_lossy(chunk));
    }
    text.push(']');
    text
}
