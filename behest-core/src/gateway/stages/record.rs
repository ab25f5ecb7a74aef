//! The record: committed before the answer ends, with the turn that memory keeps.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use http::{HeaderValue, header};
use tokio::time::{Instant, sleep_until};

use crate::gateway::Gateway;
use crate::gateway::context::{Content, Operation, Reply};
use crate::gateway::drain::Drain;
use crate::gateway::ledger::attempt::{Attempt, settled};
use crate::gateway::ledger::money::NanoUsd;
use crate::gateway::ledger::record::Outcome;
use crate::gateway::limits::allowance::Allowance;
use crate::gateway::providers::http::Way;
use crate::gateway::providers::translate::ending;
use crate::gateway::providers::{Chunk, ChunkStream, ProviderError, ProviderFailure};
use crate::gateway::refusal::{Refusal, Refuse};
use crate::gateway::rescue;
use crate::gateway::routing::health::Call;
use crate::gateway::serve::respond;
use crate::sse;
use crate::types::problem::Code;

/// After this much silence a comment tells the client, and everything between, that the stream lives.
const PING_EVERY: Duration = Duration::from_secs(15);
const PING: Bytes = Bytes::from_static(b": ping\n\n");
const DONE: Bytes = Bytes::from_static(b"data: [DONE]\n\n");

/// Why an answer that had begun was not finished.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The gateway went down in its middle.
    #[error("the gateway shut down before the answer was complete")]
    CutOff,
}

impl Refuse for RecordError {
    fn code(&self) -> Code {
        Code::Unavailable
    }
}

/// Settles the attempt and gives the answer to the client.
pub async fn record(gateway: &Gateway, reply: Reply) -> Result<Response, Refusal> {
    let mut response = Response::new(Body::empty());
    respond::answer_headers(response.headers_mut(), &reply);
    let Reply { turn, candidate, attempts, mut attempt, reservation, call, content, .. } = reply;
    let admission = Arc::clone(&turn.request.admission);
    match content {
        Content::Whole(whole) => {
            // Vectors are no text: their size tells of no tokens.
            let said = match turn.request.operation {
                Operation::Chat => whole.body.as_ref(),
                Operation::Embeddings(_) => &[],
            };
            attempt.whole(whole.summary, said);
            if let Some(cost) = attempt.cost().filter(|_| turn.request.caller.sees().money) {
                respond::cost_header(response.headers_mut(), cost);
            }
            // The provider is done: its place, and the caller's, go to the next call before the ledger's commit.
            drop(call);
            let committed = attempt.settle(Outcome::Ok);
            admission.release();
            settled(committed).await?;
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *response.body_mut() = Body::from(whole.body);
        }
        Content::Stream { first, rest, way } => {
            let relay = Relay {
                first,
                rest,
                attempt: Some(attempt),
                call: Some((call, way)),
                allowance: Allowance::new(reservation, admission),
                answers: turn.request.answers,
                last: Bytes::new(),
                drain: gateway.drain().clone(),
                provider: candidate.model.upstream.name.clone(),
                attempts,
                trace_id: turn.request.caller.trace.id.to_string(),
                include_usage: turn.request.include_usage,
                shows_cost: turn.request.caller.sees().money,
                quiet_until: Instant::now() + PING_EVERY,
            };
            respond::stream_headers(response.headers_mut());
            *response.body_mut() =
                Body::from_stream(relay.into_stream().map(Ok::<_, std::convert::Infallible>));
        }
    }
    Ok(response)
}

/// Passes a stream on, event by event, and settles it at its end. Dropped with the connection, it drops the
/// provider's stream and the attempt with it, which is how both learn that the client has gone.
struct Relay {
    first: VecDeque<Chunk>,
    rest: ChunkStream,
    /// Taken when it is settled: then nothing but the end is left to say.
    attempt: Option<Attempt>,
    /// Its place among the calls under way, until the provider is done.
    call: Option<(Call, Way)>,
    /// What the answer may use.
    allowance: Allowance,
    /// How many answers were asked for at once.
    answers: u64,
    /// The last event with content, which an end of ours is modelled on.
    last: Bytes,
    drain: Drain,
    provider: String,
    attempts: u32,
    trace_id: String,
    include_usage: bool,
    shows_cost: bool,
    quiet_until: Instant,
}

enum Next {
    Chunk(Chunk),
    End,
    Failed(ProviderError),
    Ping,
    CutOff,
}

impl Relay {
    fn into_stream(self) -> impl futures_util::Stream<Item = Bytes> {
        stream::unfold(self, |mut relay| async move {
            relay.attempt.as_ref()?;
            let bytes = relay.next_bytes().await;
            Some((bytes, relay))
        })
    }

    async fn next_bytes(&mut self) -> Bytes {
        loop {
            let next = self.next().await;
            self.quiet_until = Instant::now() + PING_EVERY;
            match next {
                Next::Ping => return PING,
                Next::Chunk(chunk) => {
                    let bytes = self.pass_on(chunk);
                    // What has come is paid for, and goes to the client; nothing more does.
                    let is_over = match &mut self.attempt {
                        Some(attempt) => self.allowance.is_over(attempt).await,
                        None => false,
                    };
                    match (bytes, is_over) {
                        (bytes, true) => return self.cut(bytes).await,
                        (Some(bytes), false) => return bytes,
                        (None, false) => {}
                    }
                }
                Next::End => return self.end(Outcome::Ok, None).await,
                Next::Failed(error) => {
                    if let Some((call, _)) = &mut self.call {
                        call.failed(&error);
                    }
                    let outcome = match error {
                        ProviderError::TimedOut { .. } => Outcome::TimedOut,
                        _ => Outcome::Incomplete,
                    };
                    let failure = ProviderFailure {
                        provider: self.provider.clone(),
                        attempts: self.attempts,
                        source: error,
                    };
                    return self.end(outcome, Some(failure.into())).await;
                }
                Next::CutOff => return self.end(Outcome::Incomplete, Some(RecordError::CutOff.into())).await,
            }
        }
    }

    async fn next(&mut self) -> Next {
        if let Some(chunk) = self.first.pop_front() {
            return Next::Chunk(chunk);
        }
        tokio::select! {
            // In this order: a provider that never pauses must not outrun the end.
            biased;
            () = self.drain.deadline() => Next::CutOff,
            item = self.rest.next() => match item {
                Some(Ok(chunk)) => Next::Chunk(chunk),
                Some(Err(error)) => Next::Failed(error),
                None => Next::End,
            },
            () = sleep_until(self.quiet_until) => Next::Ping,
        }
    }

    /// The event as it came; `None` for the usage that only we asked for.
    fn pass_on(&mut self, chunk: Chunk) -> Option<Bytes> {
        let attempt = self.attempt.as_mut()?;
        attempt.chunk(&chunk);
        if !chunk.usage_only {
            self.last = chunk.data.clone();
            return Some(sse::encode(&chunk.data));
        }
        let cost = attempt.cost().filter(|_| self.shows_cost);
        self.include_usage.then(|| sse::encode(&with_cost(&chunk.data, cost)))
    }

    /// Ends an answer that has used up what there is: the provider is cancelled, and the client gets a whole answer with
    /// the finish reason `length`.
    async fn cut(&mut self, bytes: Option<Bytes>) -> Bytes {
        self.rest = stream::empty().boxed();
        self.first.clear();
        let mut said = bytes.map(|bytes| bytes.to_vec()).unwrap_or_default();
        if let Some(attempt) = &mut self.attempt {
            attempt.cut();
            let (tokens, cost) = attempt.so_far();
            let usage = self.include_usage.then_some((tokens, cost.filter(|_| self.shows_cost)));
            for event in ending::of(&self.last, self.answers, usage) {
                said.extend_from_slice(&sse::encode(&event));
            }
        }
        said.extend_from_slice(&self.end(Outcome::Cut, None).await);
        Bytes::from(said)
    }

    /// Commits the record, then says the last word. A broken answer never looks finished.
    async fn end(&mut self, outcome: Outcome, error: Option<Refusal>) -> Bytes {
        let Some(attempt) = self.attempt.take() else { return Bytes::new() };
        self.call = None;
        let committed = attempt.settle(outcome);
        self.allowance.end();
        let committed = settled(committed).await;
        match (error, committed) {
            (Some(error), _) => rescue::event(&error, &self.trace_id),
            (None, Err(error)) => rescue::event(&error.into(), &self.trace_id),
            (None, Ok(())) => DONE,
        }
    }
}

/// The usage chunk with what the call cost, under a name that is ours.
fn with_cost(data: &[u8], cost: Option<NanoUsd>) -> Bytes {
    let object = data.trim_ascii_end().strip_suffix(b"}");
    match (object, cost) {
        (Some(object), Some(cost)) => {
            let behest = format!(",\"behest\":{{\"cost_usd\":{}}}}}", cost.to_decimal());
            Bytes::from([object, behest.as_bytes()].concat())
        }
        _ => Bytes::copy_from_slice(data),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usage_chunk_gets_its_cost_and_stays_json() {
        let data = br#"{"choices":[],"usage":{"prompt_tokens":1}}"#;
        let priced = with_cost(data, Some(NanoUsd(1_234)));
        let read: serde_json::Value = serde_json::from_slice(&priced).expect("json");
        assert_eq!(read["behest"]["cost_usd"], 0.000_001_234);
        assert_eq!(with_cost(data, None), &data[..]);
    }
}
