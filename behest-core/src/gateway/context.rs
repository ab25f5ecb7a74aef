//! What stages hand on: each stage takes the type of the one before it, so a stage left out does not compile.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::body::Body;
use http::request::Parts;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::body::Fields;
use super::idempotency::IdempotencyKey;
use super::ledger::attempt::Attempt;
use super::ledger::estimate::{self, Size};
use super::ledger::prices::Price;
use super::limits::admission::Admission;
use super::limits::exceeded::Sees;
use super::limits::rates::Rates;
use super::limits::reservation::Reservation;
use super::memory::Memory;
use super::providers::http::Way;
use super::providers::translate::vectors::Wanted;
use super::providers::{Chunk, ChunkStream, Upstream, Whole};
use super::routing::health::{Call, Target};
use super::routing::models::ModelEntry;
use super::settings::Settings;
use super::store::rows::{BudgetRow, ProjectRow, TierRow};
use crate::types::catalogue::Capability;
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
    /// Its tiers by name, the built-in ones included.
    pub tiers: BTreeMap<String, ProjectTier>,
    /// Its budgets, those of the configuration file first.
    pub budgets: Vec<Arc<BudgetRow>>,
}

impl Project {
    /// The settings in force for a user of this tier, or of none. A tier that nobody has described changes nothing.
    #[must_use]
    pub fn settings_of(&self, tier: Option<&str>) -> &Arc<Settings> {
        tier.and_then(|tier| self.tiers.get(tier)).map_or(&self.deployed, |tier| &tier.settings)
    }
}

/// A tier of a project, made ready.
#[derive(Debug)]
pub struct ProjectTier {
    /// What binds its users.
    pub settings: Arc<Settings>,
    /// What the project or the configuration file says of it; `None` where it is as it is built in.
    pub own: Option<TierRow>,
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
    /// How near the caller is to its limits, for the answer's headers.
    pub rates: Arc<Rates>,
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

/// After `switches`: no kill switch is thrown for the caller.
#[derive(Debug)]
pub struct Allowed {
    /// The request.
    pub incoming: Incoming,
    /// The caller and the rules.
    pub caller: Caller,
}

/// After `admit`: the call is counted, and has its place among those under way.
#[derive(Debug)]
pub struct Admitted {
    /// The request.
    pub incoming: Incoming,
    /// The caller and the rules.
    pub caller: Caller,
    /// Its place. Dropping it gives it back.
    pub admission: Arc<Admission>,
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

impl Caller {
    /// Which numbers of limits it sees. What is wider than one end user is for API keys and admins; prices are the
    /// customer's business, and an end user's only where the project says so.
    #[must_use]
    pub fn sees(&self) -> Sees {
        let wide = matches!(self.principal.credential, CredentialKind::ApiKey { .. })
            || self.principal.role > Role::User;
        Sees { wide, money: wide || self.settings.show_cost_to_users }
    }
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
    /// Its place among the calls under way.
    pub admission: Arc<Admission>,
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
    /// The client's bound on an answer, in tokens.
    pub max_tokens: Option<u64>,
    /// How many answers it wants at once.
    pub answers: u64,
    /// The client's `Idempotency-Key`.
    pub idempotency: Option<IdempotencyKey>,
    /// Its share of the memory that bodies may take; given back when the call ends.
    pub body_permit: Option<tokio::sync::OwnedSemaphorePermit>,
}

impl ModelRequest {
    /// How large what the model reads is, from its bytes.
    #[must_use]
    pub fn prompt_size(&self) -> Size {
        match self.operation {
            Operation::Chat => {
                let mut size = estimate::prompt(&self.messages);
                // Tools, schemas, and whatever else a provider has words for are read by the model as well.
                let fields = self.fields.iter().filter(|(_, value)| value.get().len() > LONGEST_PLAIN);
                fields.for_each(|(_, value)| size += Size::of_text(value.get().len()));
                size
            }
            // Of texts a fourth of their bytes is the estimate.
            Operation::Embeddings(wanted) => {
                Size { tokens: wanted.prompt_tokens, bound: wanted.prompt_tokens.saturating_mul(4) }
            }
        }
    }

    /// Whether it asks the provider to keep a part of it in its cache, which has a price of its own.
    #[must_use]
    pub fn marks_cache(&self) -> bool {
        let finder = memchr::memmem::Finder::new("cache_control");
        let marked = |text: &RawValue| finder.find(text.get().as_bytes()).is_some();
        self.messages.iter().any(|message| marked(message))
            || self.fields.iter().any(|(_, value)| marked(value))
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

/// A field beside `messages` that is no longer is a parameter and no text.
const LONGEST_PLAIN: usize = 32;

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

/// The longest name of a model in the ledger: names come from the client.
const LONGEST_NAME: usize = 200;

impl Model {
    /// Whether it may reason before it answers, where nobody sees it.
    #[must_use]
    pub fn thinks(&self) -> bool {
        self.listed.as_ref().is_some_and(|entry| entry.capabilities.has(Capability::Reasoning))
    }

    /// The name that the ledger and its budgets know it by.
    #[must_use]
    pub fn metered_name(&self) -> Arc<str> {
        Arc::from(&self.name[..self.name.floor_char_boundary(LONGEST_NAME)])
    }

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
    /// The prompt's size, from its bytes.
    pub prompt: Size,
}

/// After `reserve`: what the call may use is set aside in every layer.
#[derive(Debug)]
pub struct Reserved {
    /// The plan.
    pub plan: Plan,
    /// What is set aside. Dropping it gives back what was not used.
    pub reservation: Arc<Reservation>,
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
    /// What it may use.
    pub reservation: Arc<Reservation>,
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
