//! What stages hand on: each stage takes the type of the one before it, so a stage left out does not compile.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::body::Body;
use http::request::Parts;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::body::Fields;
use super::idempotency::IdempotencyKey;
use super::ledger::attempt::Attempt;
use super::ledger::estimate;
use super::ledger::prices::Price;
use super::memory::Memory;
use super::providers::http::Way;
use super::providers::translate::vectors::Wanted;
use super::providers::{Chunk, ChunkStream, Upstream, Whole};
use super::routing::health::{Call, Target};
use super::routing::models::ModelEntry;
use super::settings::Settings;
use super::store::rows::ProjectRow;
use crate::types::control::RouteStrategy;
use crate::types::ids::SessionId;
use crate::types::mint::{Role, Tags};

/// A project with its settings made ready.
#[derive(Debug)]
pub struct Project {
    /// The row.
    pub row: ProjectRow,
    /// The settings in force.
    pub deployed: Arc<Settings>,
    /// What a test token sees: the draft, or the settings in force when there is none.
    pub draft: Arc<Settings>,
}

impl Project {
    /// Makes the settings of `row` ready.
    #[must_use]
    pub fn new(row: ProjectRow) -> Self {
        let deployed = Arc::new(Settings::from(&row.deployed));
        let draft = row.draft.as_ref().map_or_else(|| Arc::clone(&deployed), |draft| Arc::new(draft.into()));
        Self { row, deployed, draft }
    }
}

/// What the edge notes about a request, and what it needs back when the answer goes out.
#[derive(Debug, Clone)]
pub struct Trace {
    /// `X-Trace-Id` and `X-Request-Id`.
    pub id: Arc<str>,
    /// When the request came.
    pub started: Instant,
    /// The project, once a stage knows it: then only its CORS list counts.
    pub project: Arc<OnceLock<Arc<Project>>>,
}

/// A request as it came in.
#[derive(Debug)]
pub struct Incoming {
    /// Method, path and headers.
    pub head: Parts,
    /// Not read yet: its sender is not known.
    pub body: Body,
    /// The edge's notes.
    pub trace: Trace,
}

/// After `locate`: which project the host names, if it names one.
#[derive(Debug)]
pub struct Located {
    /// The request.
    pub incoming: Incoming,
    /// The project of the Host's slug; `None` asks the credential.
    pub site: Option<Arc<Project>>,
}

/// How a caller proved who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialKind {
    /// An API key as Bearer.
    ApiKey {
        /// Its id.
        id: Uuid,
    },
    /// A token under the gateway's own key.
    Minted,
    /// A token under a tenant's key.
    Local {
        /// The key's name.
        kid: String,
    },
}

/// Who calls. Resolved once; identity never comes from a header that a client could set under a token.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The tenant.
    pub tenant: Uuid,
    /// The project.
    pub project: Uuid,
    /// The end user; `None` only for an API key without `X-End-User-Id`.
    pub user: Option<String>,
    /// The name of the user's tier.
    pub tier: Option<String>,
    /// What it may do.
    pub role: Role,
    /// The session: `X-Session-Id`, else the token's.
    pub session: Option<SessionId>,
    /// Labels for the reports.
    pub tags: Option<Tags>,
    /// How it proved that.
    pub credential: CredentialKind,
    /// It sees the draft settings.
    pub draft: bool,
}

/// After `authenticate`.
#[derive(Debug)]
pub struct Known {
    /// The request.
    pub incoming: Incoming,
    /// Who calls.
    pub principal: Principal,
    /// Its project.
    pub project: Arc<Project>,
}

/// After `settings`.
#[derive(Debug)]
pub struct Configured {
    /// The request.
    pub incoming: Incoming,
    /// The caller and the rules.
    pub caller: Caller,
}

/// A caller with the rules that bind it.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who calls.
    pub principal: Principal,
    /// Its project.
    pub project: Arc<Project>,
    /// The settings in force for it.
    pub settings: Arc<Settings>,
    /// The edge's notes.
    pub trace: Trace,
}

/// What a model is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// To answer a conversation.
    Chat,
    /// To turn texts into vectors, of this form.
    Embeddings(Wanted),
}

/// After `read`: a request whose fields are kept as they came.
#[derive(Debug)]
pub struct ModelRequest {
    /// The caller.
    pub caller: Caller,
    /// What is asked.
    pub operation: Operation,
    /// The headers.
    pub head: Parts,
    /// Every field but `messages`.
    pub fields: Fields,
    /// The messages, each as it came.
    pub messages: Vec<Box<RawValue>>,
    /// The roles of the messages.
    pub roles: Vec<String>,
    /// The model's name; absent, empty and `default` are `None`.
    pub model: Option<String>,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// Whether the client asked for the usage chunk.
    pub include_usage: bool,
    /// The client's bound on the answer, in tokens.
    pub max_tokens: Option<u64>,
    /// The client's `Idempotency-Key`.
    pub idempotency: Option<IdempotencyKey>,
    /// Its share of the memory that bodies may take; given back when the call ends.
    pub body_permit: Option<tokio::sync::OwnedSemaphorePermit>,
}

impl ModelRequest {
    /// How many tokens it holds, estimated.
    #[must_use]
    pub fn prompt_tokens(&self) -> u64 {
        match self.operation {
            Operation::Chat => estimate::prompt(&self.messages),
            Operation::Embeddings(wanted) => wanted.prompt_tokens,
        }
    }

    /// How many tokens its answer may have, estimated.
    #[must_use]
    pub fn answer_tokens(&self) -> u64 {
        match self.operation {
            Operation::Chat => estimate::answer(self.max_tokens),
            Operation::Embeddings(_) => 0,
        }
    }
}

/// After `select`: which models are meant, and that this project may call them.
#[derive(Debug)]
pub struct Selected {
    /// The request.
    pub request: ModelRequest,
    /// The models.
    pub choice: Choice,
}

/// The models that may answer.
#[derive(Debug)]
pub struct Choice {
    /// What the client asked for.
    pub requested: String,
    /// The model, or those of the route that was asked for. Never empty.
    pub models: Vec<Model>,
    /// How one of them is chosen.
    pub strategy: RouteStrategy,
    /// Their shares, for [`RouteStrategy::Weighted`].
    pub weights: Vec<u32>,
    /// Who answers when none of them does, in this order.
    pub fallbacks: Vec<Model>,
    /// After how much silence the next one is asked as well.
    pub hedge_after: Option<Duration>,
}

/// A model and who serves it.
#[derive(Debug, Clone)]
pub struct Model {
    /// The provider's name for it.
    pub name: String,
    /// The provider.
    pub upstream: Arc<Upstream>,
    /// What the list says of it, or of the model that it is a snapshot of.
    pub listed: Option<Arc<ModelEntry>>,
}

impl Model {
    /// How many tokens fit, when known.
    #[must_use]
    pub fn context_length(&self) -> Option<u64> {
        self.listed.as_ref()?.context
    }
}

/// After `recall`: the whole conversation that leaves, and what will be remembered of it.
#[derive(Debug)]
pub struct Turn {
    /// The request; its messages are now complete.
    pub request: ModelRequest,
    /// The models.
    pub choice: Choice,
    /// What to store when an answer has come; `None` when nothing remembers.
    pub memory: Option<Memory>,
    /// How many messages were put in.
    pub recalled: Option<usize>,
}

/// After `route`: everything that dispatch needs.
#[derive(Debug)]
pub struct Plan {
    /// The turn.
    pub turn: Turn,
    /// Who may answer, in the order in which they are asked. Never empty.
    pub candidates: Vec<Candidate>,
    /// The prompt's size in tokens, estimated.
    pub prompt_tokens: u64,
}

/// One that may answer.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The model.
    pub model: Model,
    /// What it costs; `None` when nobody knows.
    pub price: Option<Arc<Price>>,
    /// It answers only when none of those that were asked for does.
    pub is_fallback: bool,
    /// How it is doing.
    pub target: Arc<Target>,
}

/// An answer that has begun, with the attempt that must still be settled.
pub struct Reply {
    /// What was asked.
    pub turn: Turn,
    /// Who answers.
    pub candidate: Candidate,
    /// The parameters that its dialect could not say, by name.
    pub dropped: Vec<String>,
    /// How many attempts it took.
    pub attempts: u32,
    /// The one that answers.
    pub attempt: Attempt,
    /// Its place among the calls under way.
    pub call: Call,
    /// What came.
    pub content: Content,
}

/// What came.
pub enum Content {
    /// All of it.
    Whole(Whole),
    /// The first pieces, and the rest as it comes.
    Stream {
        /// Read already, so that an error before them is a real HTTP status, and somebody else can be asked.
        first: VecDeque<Chunk>,
        /// What follows.
        rest: ChunkStream,
        /// The place of its connection.
        way: Way,
    },
}
