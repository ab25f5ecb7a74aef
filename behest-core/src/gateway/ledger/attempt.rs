//! One attempt at a provider, from its note in the journal to its record. Whatever ends it, it is settled once.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::estimate;
use super::journal::{JournalError, Permit};
use super::mailbox::{Fate, Mailbox, Waiting};
use super::money::NanoUsd;
use super::prices::Price;
use super::record::{Outcome, Settlement, Tokens, UsageRecord};
use super::sample::Sample;
use super::unheard::Pace;
use crate::gateway::clock;
use crate::gateway::context::{Candidate, CredentialKind, Operation, Plan};
use crate::gateway::limits::learned::Learned;
use crate::gateway::limits::reservation::Reservation;
use crate::gateway::memory::{Gathered, Memory};
use crate::gateway::providers::{Chunk, Summary};
use crate::gateway::store::rows::ConversationKind;
use crate::gateway::store::{Store, StoreError};

/// No more names of parameters are kept: they are the client's own.
const MOST_DROPPED: usize = 32;
/// Tokens a second: few providers write faster.
const FASTEST: u64 = 1_000;
/// A longer request is not kept for an estimate: there are many calls at once, and most providers tell.
const MAX_PROMPT_BYTES: usize = 64 << 10;

/// An attempt under way. Dropping it settles it as cancelled: that is how a client that goes away is billed.
pub struct Attempt {
    store: Arc<dyn Store>,
    mailbox: Option<Mailbox>,
    open: Option<Box<Open>>,
}

struct Open {
    permit: Permit,
    record: UsageRecord,
    reservation: Arc<Reservation>,
    learned: Arc<Learned>,
    price: Option<Arc<Price>>,
    summary: Summary,
    /// The answer so far, for an estimate if the provider never says.
    heard: Sample,
    /// Mostly more tokens than have been streamed, as they are counted while they pass.
    streamed: u64,
    /// How many tokens such answers mostly have.
    usual: u64,
    /// How many answers were asked for at once.
    answers: u64,
    /// How fast it comes.
    pace: Pace,
    /// Something was said since the provider last told what it had used.
    said_since: bool,
    prompt_tokens: u64,
    /// The request as it was sent, for the same reason; `None` where it is too long to be kept.
    prompt: Option<Bytes>,
    memory: Option<Memory>,
    gathered: Gathered,
}

impl Open {
    /// What the provider told of the whole answer; `None` where it did not, or only of a part.
    fn told(&self, outcome: Outcome) -> Option<Tokens> {
        self.reported(outcome).filter(Tokens::is_complete)
    }

    /// What the provider has told so far of the answer's size.
    fn told_output(&self) -> u64 {
        let so_far = self.summary.so_far.as_deref().map_or(0, Tokens::total_output);
        so_far.max(self.summary.tokens.map_or(0, |told| told.total_output()))
    }

    /// What a provider may have written of a plain answer that never came: as much as is usual, or as it can have written
    /// meanwhile, and no more than was set aside.
    fn unseen(&self, set_aside: u64) -> u64 {
        let seconds = u64::try_from(clock::now_ms().saturating_sub(self.record.started_at))
            .unwrap_or(0)
            .div_ceil(1_000);
        set_aside.min(self.usual.max(seconds.saturating_mul(FASTEST)))
    }

    fn reported(&self, outcome: Outcome) -> Option<Tokens> {
        let whole = outcome == Outcome::Ok && !self.said_since;
        let so_far = self.summary.so_far.as_deref().copied();
        self.summary.tokens.or(so_far.filter(|told| whole && told.output.is_some()))
    }

    /// What was used if the attempt ends so: as the provider told, and else estimated.
    fn used(&self, outcome: Outcome) -> Tokens {
        if let Some(told) = self.told(outcome) {
            return told;
        }
        let reported = self.reported(outcome);
        let model = &self.record.model;
        let output = match (self.record.streamed || outcome == Outcome::Ok, self.record.tokens.output) {
            // A side that was told at the end is exact, though the other is missing.
            _ if reported.is_some_and(|told| told.output.is_some()) => 0,
            (true, _) | (false, None) => self.written(outcome),
            (false, Some(bound)) => self.unseen(bound),
        };
        let prompt = || {
            let sampled = self.prompt.as_ref().map(|prompt| Sample::of_request(prompt).tokens(model));
            // More was set aside than any tokenizer makes of it.
            sampled.unwrap_or(self.prompt_tokens).min(self.reservation.prompt())
        };
        Tokens::completed(reported.or(self.summary.so_far.as_deref().copied()), prompt, output)
    }

    /// What the provider has written: what was heard and, where nobody listened to its end, what was not. With that it
    /// is at most what is set aside.
    fn written(&self, outcome: Outcome) -> u64 {
        let told = self.summary.so_far.as_deref().map_or(0, Tokens::total_output);
        let heard = self.heard.tokens(&self.record.model).max(told);
        match outcome {
            Outcome::Ok | Outcome::Cut => heard,
            _ => heard.saturating_add(self.pace.unheard(heard)).min(self.reservation.units()).max(heard),
        }
    }
}

/// What an attempt begins with.
pub struct Begin<'b> {
    /// Where its record goes.
    pub store: Arc<dyn Store>,
    /// Who learns from its size.
    pub learned: Arc<Learned>,
    /// Where this thread hears of commits.
    pub mailbox: Option<Mailbox>,
    /// Its place in the journal.
    pub permit: Permit,
    /// What was asked.
    pub plan: &'b Plan,
    /// What it may use.
    pub reservation: Arc<Reservation>,
    /// Who is asked.
    pub candidate: &'b Candidate,
    /// What is sent.
    pub body: &'b Bytes,
    /// What could not be said.
    pub dropped: &'b [String],
    /// Which of the call's attempts it is.
    pub number: u32,
}

impl Begin<'_> {
    /// The record that stands if nothing better comes: the whole of what is set aside.
    fn record(&self) -> UsageRecord {
        let Self { plan, candidate, reservation, .. } = self;
        let principal = &plan.turn.request.caller.principal;
        let model = &candidate.model;
        let thread = plan.turn.memory.as_ref().filter(|memory| memory.key.kind == ConversationKind::Thread);
        let tokens = Tokens {
            input: Some(reservation.prompt()),
            output: Some(reservation.units()),
            ..Tokens::default()
        };
        let cost = candidate.price.as_ref().map(|price| price.of(&tokens));
        let now = clock::now_ms();
        UsageRecord {
            attempt_id: Uuid::now_v7(),
            operation_id: reservation.call().operation,
            tenant_id: principal.tenant,
            project_id: principal.project,
            attempt: self.number,
            admitted_at: reservation.call().admitted_at,
            started_at: now,
            first_byte_at: None,
            ended_at: now,
            user_id: principal.user.clone(),
            session_id: principal.session.as_ref().map(|session| session.as_str().to_owned()),
            thread_id: thread.map(|memory| memory.key.id.clone()),
            tier: principal.tier.clone(),
            api_key_id: match principal.credential {
                CredentialKind::ApiKey { id } => Some(id),
                CredentialKind::Minted | CredentialKind::Local { .. } => None,
            },
            tags: principal.tags.clone(),
            requested_model: shortened(&plan.turn.choice.requested),
            model: model.metered_name().to_string(),
            provider: model.upstream.name.clone(),
            key_source: model.upstream.source,
            streamed: plan.turn.request.stream,
            dropped: self.dropped.iter().take(MOST_DROPPED).map(|name| shortened(name)).collect(),
            reserved: reservation.reserved(cost),
            tokens,
            cost,
            price_version: candidate.price.as_ref().map(|price| price.version.to_string()),
            estimated: true,
            outcome: Outcome::Lost,
            finish_reason: None,
        }
    }
}

/// The outcome of a settlement, when somebody waits for it.
pub type Settled = oneshot::Receiver<Fate>;

/// Waits until a record is committed.
///
/// # Errors
/// When it could not be.
pub async fn settled(settled: Settled) -> Result<(), StoreError> {
    settled.await.map_err(|_| StoreError::Unavailable("the ledger is closed".to_owned()))?
}

impl Attempt {
    /// Notes in the journal that an attempt is about to start.
    ///
    /// # Errors
    /// When the journal cannot take it; nothing must be sent then.
    pub fn begin(begin: Begin<'_>) -> Result<Self, JournalError> {
        let record = begin.record();
        begin.permit.note(&record)?;
        let Begin { store, learned, mailbox, permit, plan, reservation, candidate, body, .. } = begin;
        let usual = learned.usual(record.project_id, &candidate.model.metered_name());
        let usual =
            usual.unwrap_or(estimate::UNBOUNDED_ANSWER).saturating_mul(plan.turn.request.answers.max(1));
        let open = Open {
            permit,
            record,
            reservation,
            learned,
            price: candidate.price.clone(),
            summary: Summary::default(),
            heard: Sample::default(),
            streamed: 0,
            usual,
            answers: plan.turn.request.answers.max(1),
            pace: Pace::begin(),
            said_since: false,
            prompt_tokens: plan.prompt.tokens,
            // What embeddings take is told to the client as it was estimated at first, and the ledger must agree.
            prompt: match plan.turn.request.operation {
                Operation::Chat => Some(body.clone()).filter(|body| body.len() <= MAX_PROMPT_BYTES),
                Operation::Embeddings(_) => None,
            },
            memory: None,
            gathered: Gathered::default(),
        };
        Ok(Self { store, mailbox, open: Some(Box::new(open)) })
    }

    /// The answer has begun: it is the one to remember.
    pub fn answered(&mut self, memory: Option<Memory>) {
        if let Some(open) = &mut self.open {
            open.record.first_byte_at = Some(clock::now_ms());
            open.memory = memory;
        }
    }

    /// A whole answer came.
    pub fn whole(&mut self, summary: Summary, body: &[u8]) {
        if let Some(open) = &mut self.open {
            if !summary.tokens.is_some_and(|told| told.is_complete()) {
                open.heard = Sample::of_answer(body);
            }
            open.summary = summary;
            if open.memory.is_some() {
                open.gathered = Gathered::whole(body);
            }
        }
    }

    /// A piece of a streamed answer came.
    pub fn chunk(&mut self, chunk: &Chunk) {
        let Some(open) = &mut self.open else { return };
        let summary = &chunk.summary;
        open.summary.tokens = summary.tokens.or(open.summary.tokens);
        open.summary.finish_reason =
            summary.finish_reason.clone().or_else(|| open.summary.finish_reason.take());
        open.said_since = summary.so_far.is_none() && (open.said_since || chunk.answered_bytes > 0);
        open.summary.so_far = summary.so_far.clone().or_else(|| open.summary.so_far.take());
        if chunk.answered_bytes > 0 {
            // Most texts have more bytes to a token; a closer look comes before anything is cut.
            open.streamed = open.streamed.saturating_add((chunk.answered_bytes as u64).div_ceil(3));
            open.pace.hear(estimate::text(chunk.answered_bytes));
        }
        open.streamed = open.streamed.max(open.told_output());
        open.heard.add(chunk.other_text.as_deref().or(chunk.text.as_deref()), chunk.answered_bytes);
        if open.memory.is_some() {
            chunk.text.iter().for_each(|text| open.gathered.add_text(text));
            chunk.tool_calls.iter().for_each(|pieces| open.gathered.add_tool_calls(pieces));
        }
    }

    /// Whether the answer has said why it ends: nothing but its usage comes after that.
    #[must_use]
    pub fn has_finished(&self) -> bool {
        self.open.as_ref().is_none_or(|open| open.summary.finish_reason.is_some())
    }

    /// Whether the answer has reached what is set aside for it.
    #[must_use]
    pub fn has_reached(&self, units: u64) -> bool {
        self.open.as_ref().is_some_and(|open| open.streamed >= units)
    }

    /// Counts the answer so far more closely, and tells whether it has reached what is set aside for it all the same.
    #[must_use]
    pub fn has_truly_reached(&mut self, units: u64) -> bool {
        let Some(open) = &mut self.open else { return false };
        // The sample is of the beginning: whatever that was like, the rest is taken to be no sparser than prose.
        // The sample is of the beginning: whatever that was like, the rest is taken to be no sparser than prose.
        let counted = open.heard.tokens(&open.record.model).max(open.heard.as_prose());
        open.streamed = open.streamed.min(counted).max(open.told_output());
        open.streamed >= units
    }

    /// More is set aside for the answer: the note of what stands if the process dies grows with it.
    pub fn extended(&mut self) {
        let Some(open) = &mut self.open else { return };
        let mut tokens = open.record.tokens;
        tokens.output = Some(open.reservation.units());
        open.record.cost = open.price.as_ref().map(|price| price.of(&tokens));
        open.record.tokens = tokens;
        open.record.reserved = open.reservation.reserved(open.record.cost);
        if let Err(error) = open.permit.note(&open.record) {
            // The answer goes on, and so does its settlement; only a crash would now count too little.
            tracing::error!(%error, "an extension could not be noted");
        }
    }

    /// Whether the answer has more tokens than were set aside, even by the least of counts.
    #[must_use]
    pub fn has_surely_passed(&self, units: u64) -> bool {
        // A closer look needs the tokenizer's tables: it is for what is long even for dense text.
        self.open.as_ref().is_some_and(|open| open.streamed > units && open.heard.at_least() > units)
    }

    /// A limit ends the answer here.
    pub fn cut(&mut self) {
        if let Some(open) = &mut self.open {
            open.summary.finish_reason = Some("length".to_owned());
        }
    }

    /// What has been used so far, as it would be settled now, and what that costs.
    #[must_use]
    pub fn so_far(&self) -> (Tokens, Option<NanoUsd>) {
        let Some(open) = &self.open else { return (Tokens::default(), None) };
        let tokens = open.used(Outcome::Cut);
        (tokens, open.price.as_ref().map(|price| price.of(&tokens)))
    }

    /// What the attempt costs as far as is known now.
    #[must_use]
    pub fn cost(&self) -> Option<NanoUsd> {
        let open = self.open.as_ref()?;
        let tokens = open.summary.tokens.filter(Tokens::is_complete);
        open.price.as_ref().zip(tokens).map(|(price, tokens)| price.of(&tokens))
    }

    /// The provider answered with an error, or not at all, before it did any work: nothing was used.
    pub fn refused(&mut self) {
        if let Some(open) = &mut self.open {
            let nothing = Tokens { input: Some(0), output: Some(0), ..Tokens::default() };
            open.summary.tokens = Some(nothing);
        }
    }

    /// Ends the attempt. The receiver tells when the record is committed.
    #[must_use]
    pub fn settle(mut self, outcome: Outcome) -> Settled {
        let (call, settled) = oneshot::channel();
        let mailbox = self.mailbox.take();
        self.hand_over(outcome, Some(Waiting { call, mailbox }));
        settled
    }

    fn hand_over(&mut self, outcome: Outcome, waiting: Option<Waiting>) {
        let Some(open) = self.open.take() else { return };
        let (tokens, estimated) = (open.used(outcome), open.told(outcome).is_none());
        let Open {
            permit, mut record, reservation, learned, price, summary, answers, memory, gathered, ..
        } = *open;
        record.ended_at = clock::now_ms();
        record.outcome = outcome;
        record.finish_reason = summary.finish_reason;
        record.tokens = tokens;
        record.estimated = estimated;
        record.cost = price.map(|price| price.of(&record.tokens));
        if !record.estimated && outcome == Outcome::Ok {
            let one = record.tokens.total_output() / answers;
            learned.observe(record.project_id, &Arc::from(record.model.as_str()), one);
        }
        reservation.settle(record.attempt_id, &record.model, &record.tokens, record.cost);
        // A failed call stores nothing: its client repeats it, and the turn must not stand there twice.
        let memory = memory.filter(|_| matches!(outcome, Outcome::Ok | Outcome::Cancelled | Outcome::Cut));
        let turn = memory.and_then(|memory| memory.turn(gathered, outcome != Outcome::Ok, record.ended_at));
        self.store.settle(Settlement { record, turn, permit, waiting });
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.hand_over(Outcome::Cancelled, None);
    }
}

/// Model names come from the client; the record keeps a bounded part.
fn shortened(name: &str) -> String {
    name.chars().take(200).collect()
}
