//! One attempt at a provider, from its note in the journal to its record. Whatever ends it, it is settled once.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::journal::{JournalError, Permit};
use super::mailbox::{Fate, Mailbox, Waiting};
use super::money::NanoUsd;
use super::prices::Price;
use super::record::{Outcome, Settlement, Tokens, UsageRecord};
use super::sample::Sample;
use crate::gateway::clock;
use crate::gateway::context::{Candidate, CredentialKind, Operation, Plan};
use crate::gateway::memory::{Gathered, Memory};
use crate::gateway::providers::{Chunk, Summary};
use crate::gateway::store::rows::ConversationKind;
use crate::gateway::store::{Store, StoreError};

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
    price: Option<Arc<Price>>,
    summary: Summary,
    /// The answer so far, for an estimate if the provider never says.
    heard: Sample,
    /// Something was said since the provider last told what it had used.
    said_since: bool,
    prompt_tokens: u64,
    /// The request as it was sent, for the same reason; `None` where it is too long to be kept.
    prompt: Option<Bytes>,
    memory: Option<Memory>,
    gathered: Gathered,
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
    pub fn begin(
        store: Arc<dyn Store>,
        mailbox: Option<Mailbox>,
        permit: Permit,
        plan: &Plan,
        candidate: &Candidate,
        body: &Bytes,
        operation_id: Uuid,
    ) -> Result<Self, JournalError> {
        let caller = &plan.turn.request.caller;
        let principal = &caller.principal;
        let model = &candidate.model;
        let thread = plan.turn.memory.as_ref().filter(|memory| memory.key.kind == ConversationKind::Thread);
        let now = clock::now_ms();
        let tokens = Tokens {
            input: Some(plan.prompt_tokens),
            output: Some(plan.turn.request.answer_tokens()),
            ..Tokens::default()
        };
        let record = UsageRecord {
            attempt_id: Uuid::now_v7(),
            operation_id,
            tenant_id: principal.tenant,
            project_id: principal.project,
            attempt: 1,
            admitted_at: now,
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
            model: shortened(&model.name),
            provider: model.upstream.name.clone(),
            key_source: model.upstream.source,
            streamed: plan.turn.request.stream,
            dropped: Vec::new(),
            reserved: None,
            tokens,
            cost: candidate.price.as_ref().map(|price| price.of(&tokens)),
            price_version: candidate.price.as_ref().map(|price| price.version.to_string()),
            estimated: true,
            outcome: Outcome::Lost,
            finish_reason: None,
        };
        permit.note(&record)?;
        let open = Open {
            permit,
            record,
            price: candidate.price.clone(),
            summary: Summary::default(),
            heard: Sample::default(),
            said_since: false,
            prompt_tokens: plan.prompt_tokens,
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
        open.heard.add(chunk.other_text.as_deref().or(chunk.text.as_deref()), chunk.answered_bytes);
        if open.memory.is_some() {
            chunk.text.iter().for_each(|text| open.gathered.add_text(text));
            chunk.tool_calls.iter().for_each(|pieces| open.gathered.add_tool_calls(pieces));
        }
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
        let Open {
            permit,
            mut record,
            price,
            summary,
            heard,
            said_since,
            prompt_tokens,
            prompt,
            memory,
            gathered,
        } = *open;
        record.ended_at = clock::now_ms();
        record.outcome = outcome;
        record.finish_reason = summary.finish_reason;
        let so_far = summary.so_far.map(|told| *told);
        let whole = outcome == Outcome::Ok && !said_since;
        let reported = summary.tokens.or(so_far.filter(|told| whole && told.output.is_some()));
        let exact = reported.filter(Tokens::is_complete);
        record.estimated = exact.is_none();
        record.tokens = exact.unwrap_or_else(|| {
            let output = match (record.streamed || outcome == Outcome::Ok, record.tokens.output) {
                // A side that was told at the end is exact, though the other is missing.
                _ if reported.is_some_and(|told| told.output.is_some()) => 0,
                (true, _) | (false, None) => heard.tokens(&record.model),
                // A plain answer that never came may still have been written: its bound stands.
                (false, Some(bound)) => bound,
            };
            let prompt =
                || prompt.map_or(prompt_tokens, |prompt| Sample::of_request(&prompt).tokens(&record.model));
            Tokens::completed(reported.or(so_far), prompt, output)
        });
        record.cost = price.map(|price| price.of(&record.tokens));
        // A failed call stores nothing: its client repeats it, and the turn must not stand there twice.
        let memory = memory.filter(|_| matches!(outcome, Outcome::Ok | Outcome::Cancelled));
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
