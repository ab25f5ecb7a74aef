//! A streamed answer, read ahead while JavaScript is busy, and handed over in batches.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use behest_core::Error;
use behest_core::client::{CallOptions, JsonCall, JsonStream};
use bytes::Bytes;
use napi_derive::napi;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::engine::{Answer, Desk};

/// How much is read ahead, in bytes. A program that reads slowly holds the gateway up, and not its memory.
const READ_AHEAD: usize = 64 * 1024;

/// A streamed answer. When it is collected as garbage, it is closed.
#[napi]
pub struct Stream {
    desk: Arc<Desk>,
    client: behest_core::Client,
    channel: Arc<Channel>,
}

impl Stream {
    pub fn new(desk: Arc<Desk>, client: behest_core::Client) -> Self {
        let closed = desk.ends().child_token();
        Self { channel: Arc::new(Channel { desk: desk.clone(), closed, ..Channel::default() }), desk, client }
    }
}

#[napi]
impl Stream {
    /// Asks, and delivers what the answer's headers say. The answer is read from then on.
    #[napi]
    pub fn open(&self, number: u32, parameters: String, options: String) -> napi::Result<()> {
        let (client, channel) = (self.client.clone(), self.channel.clone());
        self.desk.run(number, async move {
            let opening = async {
                let call = JsonCall::parse("chat.completions.create", parameters)?;
                let options = CallOptions::from_json(options.as_bytes())?;
                client.stream_json(&call, &options).await
            };
            let stream = tokio::select! {
                biased;
                () = channel.closed.cancelled() => return Ok(Answer::end()),
                opened = opening => opened?,
            };
            let meta = stream.meta().to_json();
            tokio::spawn(channel.read(stream));
            Ok(Answer { text: None, meta: Some(meta) })
        })
    }

    /// Delivers all the chunks that are there, waiting for the first, as one JSON array; nothing at the end.
    #[napi]
    pub fn next(&self, number: u32) {
        self.channel.lock().waiting = Some(number);
        self.channel.hand_over();
    }

    /// Closes the request to the gateway. Who waits for it gets the end.
    #[napi]
    pub fn close(&self) {
        self.channel.end(None);
        self.channel.closed.cancel();
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.channel.closed.cancel();
    }
}

/// Between the task that reads and JavaScript.
#[derive(Default)]
struct Channel {
    desk: Arc<Desk>,
    state: Mutex<State>,
    /// There is room for more.
    room: Notify,
    /// Ends the task, and with it the request to the gateway.
    closed: CancellationToken,
}

#[derive(Default)]
struct State {
    /// Chunks that are not handed over yet, each after `[` or `,`.
    text: String,
    over: bool,
    /// Told once, after all chunks.
    failure: Option<Error>,
    /// The call of JavaScript's that waits.
    waiting: Option<u32>,
}

impl Channel {
    async fn read(self: Arc<Self>, mut stream: JsonStream) {
        let reading = async {
            loop {
                match stream.next_batch().await {
                    Some(Ok(chunks)) => self.add(&chunks).await,
                    Some(Err(error)) => return self.end(Some(error)),
                    None => return self.end(None),
                }
            }
        };
        tokio::select! {
            biased;
            () = self.closed.cancelled() => {}
            () = reading => {}
        }
    }

    /// Adds chunks, and waits until there is room for more.
    async fn add(&self, chunks: &[Bytes]) {
        self.lock().append(chunks);
        self.hand_over();
        while self.lock().text.len() >= READ_AHEAD {
            self.room.notified().await;
        }
    }

    fn end(&self, failure: Option<Error>) {
        let mut state = self.lock();
        if !state.over {
            (state.over, state.failure) = (true, failure);
        }
        drop(state);
        self.hand_over();
    }

    /// Gives who waits what there is.
    fn hand_over(&self) {
        let mut state = self.lock();
        let Some(number) = state.waiting else { return };
        let Some(answer) = state.take() else { return };
        state.waiting = None;
        drop(state);
        self.room.notify_one();
        self.desk.deliver(number, answer);
    }

    /// Nothing under the lock can panic halfway, so a poisoned lock is still good.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn append(&mut self, chunks: &[Bytes]) {
        for chunk in chunks {
            self.text.push(if self.text.is_empty() { '[' } else { ',' });
            self.text.push_str(&String::from_utf8_lossy(chunk));
        }
    }

    /// The chunks as one JSON array, which JavaScript parses at once; then what went wrong; then the end.
    fn take(&mut self) -> Option<Result<Answer, Error>> {
        if !self.text.is_empty() {
            let mut text = std::mem::take(&mut self.text);
            text.push(']');
            return Some(Ok(Answer::text(text)));
        }
        match self.failure.take() {
            Some(error) => Some(Err(error)),
            None => self.over.then(|| Ok(Answer::end())),
        }
    }
}
