//! The providers: asked in their order, asked again where that may help, and cancelled when nobody waits any more.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};

use crate::gateway::Gateway;
use crate::gateway::context::{Candidate, Content, Plan, Reply, Reserved};
use crate::gateway::ledger::attempt::{Attempt, Begin, settled};
use crate::gateway::ledger::record::Outcome;
use crate::gateway::limits::reservation::Reservation;
use crate::gateway::providers::translate::TranslateError;
use crate::gateway::providers::translate::ask::Target;
use crate::gateway::providers::{
    self, Answer, ChatCall, Chunk, ChunkStream, Prepared, ProviderError, ProviderFailure,
};
use crate::gateway::refusal::{Refusal, Refuse};
use crate::gateway::routing::health::Call;
use crate::gateway::routing::health::circuit::Verdict;
use crate::gateway::routing::health::slots::NoSlot;
use crate::gateway::routing::retry::{self, Remedy};
use crate::gateway::routing::round::{Next, Nobody, Round};
use crate::gateway::store::StoreError;
use crate::types::problem::Code;

/// How long a call waits for its place in the ledger.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long, and how much of, a stream without content is held back, so that its failure is still nobody's business but
/// ours. Headers of an answer must not wait for a long thought.
const LONGEST_HOLD: Duration = Duration::from_secs(5);
const MOST_HELD: usize = 16;

/// Why no provider was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DispatchError {
    /// The gateway is going down.
    #[error("the gateway is shutting down")]
    Draining,
    /// Every candidate dropped out.
    #[error("no provider is left that may be asked")]
    NobodyLeft,
    /// It said when it wants to be asked again.
    #[error(
        "{provider} asked to be left alone for another {seconds} s, and nobody else may answer: nothing was sent"
    )]
    Resting {
        /// The provider.
        provider: String,
        /// For how much longer.
        seconds: u64,
    },
    /// The operator's limit leaves no room.
    #[error(
        "{provider} already has the {} calls under way that the gateway allows it, and {}",
        no_slot.limit.concurrent, waiting(no_slot)
    )]
    Full {
        /// The provider.
        provider: String,
        /// The limit.
        no_slot: NoSlot,
    },
}

/// Rounded up: to come back earlier would be too early.
const fn whole_seconds(pause: Duration) -> u64 {
    pause.as_secs() + (pause.subsec_nanos() > 0) as u64
}

fn waiting(no_slot: &NoSlot) -> String {
    if no_slot.waited {
        format!("none ended within {} s", no_slot.limit.patience.as_secs())
    } else {
        format!("{} more wait for their turn", no_slot.limit.queued)
    }
}

impl Refuse for DispatchError {
    fn code(&self) -> Code {
        match self {
            Self::Draining | Self::NobodyLeft | Self::Full { .. } => Code::Unavailable,
            Self::Resting { .. } => Code::UpstreamError,
        }
    }

    fn details(&self) -> Option<Value> {
        match self {
            Self::Draining | Self::NobodyLeft => None,
            Self::Resting { provider, seconds } => {
                Some(json!({ "provider": provider, "retry_after": seconds }))
            }
            Self::Full { provider, no_slot } => {
                Some(json!({ "provider": provider, "limit": no_slot.limit.concurrent }))
            }
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Draining | Self::NobodyLeft | Self::Full { .. } => Some(1),
            Self::Resting { seconds, .. } => Some(*seconds),
        }
    }
}

/// Asks the providers. Each attempt has its own record; a client that goes away drops this future, and with it the
/// requests to providers and the pauses between them.
pub async fn dispatch(gateway: &Gateway, reserved: Reserved) -> Result<Reply, Refusal> {
    let mut asking = Asking::new(gateway, &reserved);
    let answered = asking.until_answered().await?;
    let attempts = asking.round.attempts;
    let Reserved { mut plan, reservation } = reserved;
    let Answered { place, dropped, mut attempt, call, content } = answered;
    attempt.answered(plan.turn.memory.take());
    // What was asked is said; an answer that takes minutes should not hold on to it.
    plan.turn.request.messages = Vec::new();
    plan.turn.request.body_permit = None;
    let candidate = plan.candidates.swap_remove(place);
    Ok(Reply { turn: plan.turn, candidate, dropped, attempts, attempt, reservation, call, content })
}

/// An attempt that brought an answer.
struct Answered {
    place: usize,
    dropped: Vec<String>,
    attempt: Attempt,
    call: Call,
    content: Content,
}

/// An attempt that brought none.
struct Failed {
    place: usize,
    /// Whether anything was sent.
    sent: bool,
    remedy: Remedy,
    refusal: Refusal,
}

/// One call's attempts.
struct Asking<'p> {
    gateway: &'p Gateway,
    plan: &'p Plan,
    reservation: &'p Arc<Reservation>,
    /// How many attempts have been noted: each record says which it is.
    noted: Arc<AtomicU32>,
    round: Round<'p>,
    /// What to say if nobody answers.
    refusal: Option<Refusal>,
}

impl<'p> Asking<'p> {
    fn new(gateway: &'p Gateway, reserved: &'p Reserved) -> Self {
        let Reserved { plan, reservation } = reserved;
        let round = Round::new(&plan.candidates);
        Self { gateway, plan, reservation, noted: Arc::default(), round, refusal: None }
    }

    async fn until_answered(&mut self) -> Result<Answered, Refusal> {
        let drain = self.gateway.drain();
        let mut under_way = FuturesUnordered::new();
        loop {
            if under_way.is_empty() {
                if drain.has_begun() {
                    return Err(DispatchError::Draining.into());
                }
                let Next { place, pause } = self.next()?;
                if !pause.is_zero() {
                    tokio::select! {
                        () = sleep(pause) => {}
                        () = drain.deadline() => return Err(DispatchError::Draining.into()),
                    }
                }
                under_way.extend(self.start(place, false));
                continue;
            }
            tokio::select! {
                Some(asked) = under_way.next() => match asked {
                    Ok(answered) => return Ok(answered),
                    // Whoever is still under way may like the request better.
                    Err(failed) => self.failed(failed, !under_way.is_empty())?,
                },
                () = self.silence() => {
                    under_way.extend(self.round.hedge().and_then(|place| self.start(place, true)));
                }
            }
        }
    }

    /// Ends when somebody else should be asked as well: never, unless the route wants that.
    async fn silence(&self) {
        match self.plan.turn.choice.hedge_after.filter(|_| self.round.can_hedge()) {
            Some(after) => sleep(after).await,
            None => pending().await,
        }
    }

    fn next(&mut self) -> Result<Next, Refusal> {
        self.round.pick().map_err(|nobody| {
            // What a provider said tells more than that another one rests.
            self.refusal.take().unwrap_or_else(|| match nobody {
                Nobody::Left => DispatchError::NobodyLeft.into(),
                Nobody::Awake { place, pause } => {
                    let provider = self.plan.candidates[place].model.upstream.name.clone();
                    DispatchError::Resting { provider, seconds: whole_seconds(pause) }.into()
                }
            })
        })
    }

    /// The call to a candidate, if its dialect can say the request.
    fn start(
        &mut self,
        place: usize,
        beside: bool,
    ) -> Option<impl Future<Output = Result<Answered, Failed>> + use<'p>> {
        let candidate = &self.plan.candidates[place];
        let written = match write(candidate, self.plan, self.reservation.bound()) {
            Ok(written) => written,
            Err(error) => {
                self.round.leave_out(place);
                self.refusal.get_or_insert(error.into());
                return None;
            }
        };
        let repeated = self.round.ask(place) || beside;
        let asked = Asked { place, written, repeated, noted: Arc::clone(&self.noted) };
        Some(attempt(self.gateway, self.plan, self.reservation, asked))
    }

    /// Takes note of a failure.
    ///
    /// # Errors
    /// Its refusal, when nothing may help.
    fn failed(&mut self, failed: Failed, others: bool) -> Result<(), Refusal> {
        let Failed { place, sent, remedy, mut refusal } = failed;
        if !sent {
            self.round.not_sent();
        }
        if let Refusal::Provider(failure) = &mut refusal {
            failure.attempts = self.round.attempts;
            tracing::debug!(
                error = failure.source.without_words(),
                attempts = failure.attempts,
                "an attempt failed"
            );
        }
        match remedy {
            Remedy::Nothing if !others => return Err(refusal),
            Remedy::Nothing | Remedy::Other => self.round.leave_out(place),
            Remedy::Again => {}
        }
        // What a provider said tells more than a limit of ours.
        if sent || self.refusal.is_none() {
            self.refusal = Some(refusal);
        }
        Ok(())
    }
}

/// The request in the provider's words; `bound` is the most tokens that an answer may have, where limits say so.
fn write(candidate: &Candidate, plan: &Plan, bound: Option<u64>) -> Result<Prepared, TranslateError> {
    let request = &plan.turn.request;
    let max_output = candidate.model.listed.as_ref().and_then(|entry| entry.max_output);
    let target = Target { model: &candidate.model.name, max_output, stream: request.stream };
    providers::prepare(&candidate.model.upstream, request, &target, bound)
}

/// One candidate's turn to be asked.
struct Asked {
    place: usize,
    written: Prepared,
    /// It was asked before, or somebody else is being asked.
    repeated: bool,
    noted: Arc<AtomicU32>,
}

/// One attempt, from its place among the calls under way to the beginning of its answer.
async fn attempt(
    gateway: &Gateway,
    plan: &Plan,
    reservation: &Arc<Reservation>,
    asked: Asked,
) -> Result<Answered, Failed> {
    let Asked { place, written, repeated, noted } = asked;
    let ours = |refusal: Refusal| Failed { place, sent: false, remedy: Remedy::Nothing, refusal };
    let cut_off = || ours(DispatchError::Draining.into());
    let candidate = &plan.candidates[place];
    let provider = || candidate.model.upstream.name.clone();
    let begun = tokio::select! {
        biased;
        begun = candidate.target.begin(repeated) => begun,
        () = gateway.drain().deadline() => return Err(cut_off()),
    };
    let mut call = begun.map_err(|no_slot| Failed {
        place,
        sent: false,
        remedy: Remedy::Other,
        refusal: DispatchError::Full { provider: provider(), no_slot }.into(),
    })?;
    // It may have been a while since anybody looked.
    if let Verdict::Rest { until: Some(until), asked: true } = candidate.target.verdict() {
        let seconds = whole_seconds(candidate.target.remaining(until));
        let refusal = DispatchError::Resting { provider: provider(), seconds }.into();
        return Err(Failed { place, sent: false, remedy: Remedy::Again, refusal });
    }
    if !gateway.store().ledger_state().healthy {
        // Paying a provider for what cannot be written down would be spending nobody can account for.
        return Err(ours(StoreError::Unavailable("the ledger cannot be written".to_owned()).into()));
    }
    let permit = gateway.journal().permit(PATIENCE).await.map_err(|error| ours(error.into()))?;
    // Slots, pauses and answers take their time: what is held is held for this attempt anew.
    reservation.renew();
    plan.turn.request.admission.renew(reservation.lease_end());
    reservation.cover().await.map_err(|denied| ours(reservation.refusal(denied)))?;
    let Prepared { body, dropped } = written;
    let begin = Begin {
        store: gateway.store_handle(),
        learned: Arc::clone(gateway.learned()),
        mailbox: gateway.mailbox(),
        permit,
        plan,
        reservation: Arc::clone(reservation),
        candidate,
        body: &body,
        dropped: &dropped,
        number: noted.fetch_add(1, Ordering::Relaxed) + 1,
    };
    let attempt = Attempt::begin(begin).map_err(|error| ours(error.into()))?;
    plan.turn.request.admission.dispatched();
    let asked = tokio::select! {
        biased;
        asked = ask(gateway, plan, candidate, body) => asked,
        () = gateway.drain().deadline() => {
            settled(attempt.settle(Outcome::Incomplete)).await.map_err(|error| ours(error.into()))?;
            return Err(cut_off());
        }
    };
    match asked {
        Ok(content) => {
            call.answered();
            Ok(Answered { place, dropped, attempt, call, content })
        }
        Err(error) => {
            call.failed(&error);
            drop(call);
            settle_failed(attempt, &error).await.map_err(|error| ours(error.into()))?;
            let remedy = retry::remedy(&error);
            let refusal = ProviderFailure { provider: provider(), attempts: 0, source: error }.into();
            Err(Failed { place, sent: true, remedy, refusal })
        }
    }
}

async fn ask(
    gateway: &Gateway,
    plan: &Plan,
    candidate: &Candidate,
    body: bytes::Bytes,
) -> Result<Content, ProviderError> {
    let upstream = &candidate.model.upstream;
    let request = &plan.turn.request;
    let timeouts = gateway.config().timeouts_of(&upstream.name);
    let way = gateway.http().way(upstream.local, timeouts.connect);
    let call = ChatCall {
        upstream,
        model: &candidate.model.name,
        body,
        operation: request.operation,
        stream: request.stream,
        traceparent: request.head.headers.get("traceparent"),
        http: &way,
        errands: gateway.http(),
        timeouts,
    };
    match providers::ask(call).await? {
        Answer::Whole(whole) => Ok(Content::Whole(whole)),
        Answer::Stream(mut rest) => {
            let first = beginning(&mut rest).await?;
            Ok(Content::Stream { first, rest, way })
        }
    }
}

/// Reads a stream up to its first content, so that a failure before it can still be mended by another attempt.
async fn beginning(rest: &mut ChunkStream) -> Result<VecDeque<Chunk>, ProviderError> {
    let mut first = VecDeque::new();
    let mut until = None;
    loop {
        let next = match until {
            None => rest.next().await,
            Some(until) => match timeout_at(until, rest.next()).await {
                Ok(next) => next,
                Err(_) => return Ok(first),
            },
        };
        let Some(chunk) = next.transpose()? else { return Ok(first) };
        until.get_or_insert_with(|| Instant::now() + LONGEST_HOLD);
        let says_something = chunk.answered_bytes > 0 || chunk.summary.finish_reason.is_some();
        first.push_back(chunk);
        if says_something || first.len() >= MOST_HELD {
            return Ok(first);
        }
    }
}

async fn settle_failed(mut attempt: Attempt, error: &ProviderError) -> Result<(), StoreError> {
    let outcome = match error {
        ProviderError::TimedOut { .. } => Outcome::TimedOut,
        _ => Outcome::Failed,
    };
    if matches!(
        error,
        ProviderError::Rejected { .. }
            | ProviderError::Failed { .. }
            | ProviderError::Unreachable(_)
            | ProviderError::Misconfigured
    ) {
        attempt.refused();
    }
    settled(attempt.settle(outcome)).await
}
