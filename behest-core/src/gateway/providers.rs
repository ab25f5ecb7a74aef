//! Providers: who answers, and the one trait that all of them keep.

pub mod address;
pub mod anthropic;
mod censored;
pub mod check;
pub mod cohere;
pub mod compatible;
pub mod complaint;
pub mod endpoint;
pub mod error;
pub mod exchange;
pub mod gemini;
pub mod http;
pub mod known;
pub mod local;
pub mod openai;
pub mod streaming;
pub mod translate;
pub mod translated;
pub mod vertex;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;
use std::time::Duration;

use ::http::HeaderValue;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use serde_json::value::RawValue;

pub use error::{Phase, ProviderError, ProviderFailure};

use compatible::Compatible;
use endpoint::Endpoint;
use translate::TranslateError;
use translate::ask::Target;
use translate::vectors::Wanted;

use super::auth::provider_keys;
use super::auth::seal::{SealError, Sealer};
use super::body::Fields;
use super::context::{ModelRequest, Operation};
use super::ledger::record::{KeySource, Tokens};
use super::store::rows::ProviderRow;
use crate::secret::Secret;

/// The name of the offline provider and of its one model.
pub const LOCAL: &str = "local";
/// The offline model.
pub const ECHO: &str = "local/echo";

/// Which language a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// The offline model's.
    Local,
    /// OpenAI's chat completions.
    OpenAi,
    /// OpenAI's but for some words.
    Compatible(Compatible),
    /// Anthropic's Messages.
    Anthropic,
    /// Gemini's `generateContent`.
    Gemini,
    /// The same at Google Cloud, under an access token.
    Vertex,
    /// Cohere's chat, version 2.
    Cohere,
}

/// A provider's key as it is at hand.
#[derive(Debug, Clone)]
pub enum ProviderKey {
    /// The server needs none.
    None,
    /// Ready to send.
    Open(Secret),
    /// Sealed under a key that this gateway does not have. Calls fail with 503, never with somebody else's key.
    Unreadable(SealError),
}

/// What tells one provider from another in memory. Made with a hash that each process draws anew: it says nothing of
/// the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpstreamId {
    /// Its address, whoever's key goes there.
    pub address: u64,
    /// Its address with this key.
    pub account: u64,
}

impl UpstreamId {
    fn new(name: &str, base_url: &str, key: &ProviderKey) -> Self {
        static HASH: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        let key = match key {
            ProviderKey::Open(key) => Some(key.expose()),
            ProviderKey::None | ProviderKey::Unreadable(_) => None,
        };
        Self { address: HASH.hash_one(base_url), account: HASH.hash_one((name, base_url, key)) }
    }
}

/// A provider as somebody configured it.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Tells it from others.
    pub id: UpstreamId,
    /// Its name; also the prefix in `name/model`.
    pub name: String,
    /// Its language.
    pub dialect: Dialect,
    /// Where it answers, without a slash at the end.
    pub base_url: String,
    /// The operator declared it to stand on a private network.
    pub local: bool,
    /// Its key.
    pub key: ProviderKey,
    /// Address and credential, made ready once; `None` where they cannot be called.
    endpoint: Option<Endpoint>,
    /// Whose key that is.
    pub source: KeySource,
    /// The models it serves; `None` where nobody said.
    pub models: Option<Vec<String>>,
}

impl Upstream {
    /// A provider at `base_url`, in the dialect that goes with its name.
    #[must_use]
    pub fn new(
        name: String,
        base_url: String,
        local: bool,
        key: ProviderKey,
        source: KeySource,
        models: Option<Vec<String>>,
    ) -> Self {
        let dialect = known::find(&name).map_or(Dialect::OpenAi, |known| known.dialect);
        let endpoint = match dialect {
            Dialect::Vertex => Endpoint::vertex(&base_url, &key, local, source == KeySource::Platform),
            _ => Endpoint::new(dialect, &base_url, &key),
        };
        // At Vertex each location has a host of its own.
        let host = endpoint.as_ref().and_then(Endpoint::host).unwrap_or_else(|| base_url.clone());
        let id = UpstreamId::new(&name, &host, &key);
        Self { id, name, dialect, base_url, local, key, endpoint, source, models }
    }

    /// The offline model's provider.
    #[must_use]
    pub fn offline() -> Self {
        Self {
            id: UpstreamId::new(LOCAL, "", &ProviderKey::None),
            name: LOCAL.to_owned(),
            dialect: Dialect::Local,
            base_url: String::new(),
            local: true,
            key: ProviderKey::None,
            endpoint: None,
            source: KeySource::Platform,
            models: Some(vec![ECHO.to_owned()]),
        }
    }

    /// A tenant's or a project's provider, its key opened.
    #[must_use]
    pub fn of_row(row: &ProviderRow, sealer: &Sealer) -> Self {
        let key = match provider_keys::open(row, sealer) {
            None => ProviderKey::None,
            Some(Ok(key)) => ProviderKey::Open(key),
            Some(Err(error)) => ProviderKey::Unreadable(error),
        };
        // Only a provider with a public address is stored without one.
        let base_url = row.base_url.clone().or_else(|| known::base_url(&row.name)).unwrap_or_default();
        Self::new(row.name.clone(), base_url, row.local, key, KeySource::Byok, row.models.clone())
    }

    /// The end of the key, or of its id, for whoever has to tell keys apart.
    #[must_use]
    pub fn last_four(&self) -> Option<String> {
        match &self.key {
            ProviderKey::Open(key) => known::last_four(self.dialect, key),
            ProviderKey::None | ProviderKey::Unreadable(_) => None,
        }
    }

    /// Whether it serves the models that the catalogue lists under its name: the provider's public service, or another
    /// address that speaks the provider's own dialect. OpenAI's is everybody's, and Azure's models are its customers'.
    #[must_use]
    pub fn is_catalogued(&self) -> bool {
        known::find(&self.name).is_some_and(|known| match known.dialect {
            Dialect::OpenAi => known.base_url == Some(self.base_url.as_str()),
            dialect => dialect != Dialect::Compatible(Compatible::Azure),
        })
    }
}

/// How long each phase of a call may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Until the connection stands.
    pub connect: Duration,
    /// From the request to the answer's headers.
    pub first_byte: Duration,
    /// Between two pieces of the answer.
    pub idle: Duration,
    /// For all of it.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(120),
            idle: Duration::from_secs(120),
            total: Duration::from_secs(1800),
        }
    }
}

/// What a call to a provider needs.
pub struct ChatCall<'c> {
    /// Which provider.
    pub upstream: &'c Upstream,
    /// The model, by the provider's name for it.
    pub model: &'c str,
    /// What [`Provider::body`] made.
    pub body: Bytes,
    /// What is asked.
    pub operation: Operation,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// The one header of the client's that goes on.
    pub traceparent: Option<&'c HeaderValue>,
    /// The connections.
    pub http: &'c http::HttpClient,
    /// Those for what must be fetched before, such as a token.
    pub errands: &'c http::HttpClients,
    /// The patience.
    pub timeouts: Timeouts,
}

/// What is known of an answer without keeping it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// What it used, if the provider said.
    pub tokens: Option<Tokens>,
    /// What the provider told on its way: what it had used by then.
    pub so_far: Option<Box<Tokens>>,
    /// Why it ended.
    pub finish_reason: Option<String>,
}

/// A whole answer, as it came.
#[derive(Debug)]
pub struct Whole {
    /// The body for the client.
    pub body: Bytes,
    /// What is known of it.
    pub summary: Summary,
}

/// One event of a stream, as it came.
#[derive(Debug, Clone, Default)]
pub struct Chunk {
    /// The event's data for the client.
    pub data: Bytes,
    /// What it adds to the summary.
    pub summary: Summary,
    /// Text of the first choice.
    pub text: Option<String>,
    /// Pieces of tool calls of the first choice, as they came.
    pub tool_calls: Option<Box<RawValue>>,
    /// Where it brings none of that, other words of the answer: thoughts, a refusal, arguments of a call.
    pub other_text: Option<String>,
    /// How much of an answer it brings, in bytes of text, over all choices and kinds.
    pub answered_bytes: usize,
    /// It carries usage and nothing else.
    pub usage_only: bool,
}

/// A streamed answer. Ends after its last chunk; an early end is an error item.
pub type ChunkStream = BoxStream<'static, Result<Chunk, ProviderError>>;

/// What came back.
pub enum Answer {
    /// All at once.
    Whole(Whole),
    /// Piece by piece.
    Stream(ChunkStream),
}

/// A request as the provider gets it.
#[derive(Debug)]
pub struct Prepared {
    /// The body.
    pub body: Bytes,
    /// The parameters that it could not say, by name.
    pub dropped: Vec<String>,
}

/// A provider's adapter. Bodies are made by pure functions, so that translation is tested without a network.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Writes the provider's request: `fields` and `messages` for the model that `target` names.
    ///
    /// # Errors
    /// When the provider has no way to say it.
    fn body(
        &self,
        fields: &mut Fields,
        messages: &[Box<RawValue>],
        target: &Target<'_>,
    ) -> Result<Prepared, TranslateError>;

    /// Writes the provider's request for embeddings: `fields` for `model`, by the provider's name for it.
    ///
    /// # Errors
    /// When the provider has none, or no way to say it.
    fn embeddings_body(&self, fields: &mut Fields, model: &str) -> Result<Prepared, TranslateError>;

    /// Sends it and waits for the beginning of the answer.
    async fn chat(&self, call: ChatCall<'_>) -> Result<Answer, ProviderError>;

    /// Sends a request for embeddings, and reads the answer.
    async fn embed(&self, call: ChatCall<'_>, wanted: &Wanted) -> Result<Whole, ProviderError>;
}

/// Writes a request as the provider gets it.
///
/// # Errors
/// When the provider has no way to say it.
pub fn prepare(
    upstream: &Upstream,
    request: &ModelRequest,
    target: &Target<'_>,
    bound: Option<u64>,
) -> Result<Prepared, TranslateError> {
    let dialect = upstream.dialect;
    let mut fields = request.fields.clone();
    if let Some(bound) = bound {
        bind(&mut fields, upstream, bound);
    }
    match request.operation {
        Operation::Chat => adapter(dialect).body(&mut fields, &request.messages, target),
        Operation::Embeddings(_) => adapter(dialect).embeddings_body(&mut fields, target.model),
    }
}

/// Lets an answer have at most `bound` tokens, in the field that the client uses or else the provider knows.
fn bind(fields: &mut Fields, upstream: &Upstream, bound: u64) {
    let theirs = match upstream.dialect {
        // Its newest models take nothing else; many compatible servers know only the older name.
        Dialect::OpenAi if upstream.name == "openai" => MAX_COMPLETION_TOKENS,
        Dialect::Compatible(Compatible::Azure) => MAX_COMPLETION_TOKENS,
        _ => MAX_TOKENS,
    };
    let is_used = |name: &&str| fields.get(name).is_some_and(|value| value.get() != "null");
    let mut names: Vec<_> = [MAX_COMPLETION_TOKENS, MAX_TOKENS].into_iter().filter(is_used).collect();
    // OpenAI takes one name alone; a server that knows only the older one would not see the other.
    if names.is_empty() || (theirs == MAX_TOKENS && !names.contains(&MAX_TOKENS)) {
        names.push(theirs);
    }
    for name in names {
        if let Ok(value) = serde_json::value::to_raw_value(&bound) {
            fields.set(name, value);
        }
    }
}

const MAX_TOKENS: &str = "max_tokens";
const MAX_COMPLETION_TOKENS: &str = "max_completion_tokens";

/// Sends a request that [`prepare`] wrote, and waits for the beginning of the answer.
///
/// # Errors
/// [`ProviderError`] says what the provider did instead.
pub async fn ask(call: ChatCall<'_>) -> Result<Answer, ProviderError> {
    let adapter = adapter(call.upstream.dialect);
    match call.operation {
        Operation::Chat => adapter.chat(call).await,
        Operation::Embeddings(wanted) => adapter.embed(call, &wanted).await.map(Answer::Whole),
    }
}

/// The adapter of a dialect.
#[must_use]
pub fn adapter(dialect: Dialect) -> &'static dyn Provider {
    match dialect {
        Dialect::Local => &local::Local,
        Dialect::OpenAi => &openai::PLAIN,
        Dialect::Compatible(Compatible::Mistral) => &openai::MISTRAL,
        Dialect::Compatible(Compatible::OpenRouter) => &openai::OPEN_ROUTER,
        Dialect::Compatible(Compatible::Azure) => &openai::AZURE,
        Dialect::Anthropic => &translated::ANTHROPIC,
        Dialect::Gemini => &translated::GEMINI,
        Dialect::Vertex => &translated::VERTEX,
        Dialect::Cohere => &translated::COHERE,
    }
}
