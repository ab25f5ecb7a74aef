//! Providers: who answers, and the one trait that all of them keep.

pub mod address;
pub mod anthropic;
mod censored;
pub mod check;
pub mod cohere;
pub mod compatible;
pub mod endpoint;
pub mod exchange;
pub mod gemini;
pub mod http;
pub mod known;
pub mod local;
pub mod openai;
pub mod streaming;
pub mod translate;
pub mod translated;

use std::time::Duration;

use ::http::HeaderValue;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use censored::censored;
use compatible::Compatible;
use endpoint::Endpoint;
use translate::TranslateError;
use translate::ask::Target;

use super::auth::provider_keys;
use super::auth::seal::{SealError, Sealer};
use super::body::Fields;
use super::ledger::record::{KeySource, Tokens};
use super::refusal::Refuse;
use super::store::rows::ProviderRow;
use crate::secret::Secret;
use crate::types::problem::Code;

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

/// A provider as somebody configured it.
#[derive(Debug, Clone)]
pub struct Upstream {
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
        let endpoint = Endpoint::new(dialect, &base_url, &key);
        Self { name, dialect, base_url, local, key, endpoint, source, models }
    }

    /// The offline model's provider.
    #[must_use]
    pub fn offline() -> Self {
        Self {
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

    /// Whether it is the provider's public service, whose models the price table lists.
    #[must_use]
    pub fn is_catalogued(&self) -> bool {
        known::base_url(&self.name).is_some_and(|base_url| base_url == self.base_url)
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

/// Which phase took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Until the headers.
    FirstByte,
    /// Between two pieces.
    Idle,
    /// All of it.
    Total,
}

/// Why a provider gave no whole answer. Messages are the provider's own, cleaned of our key and cut short.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// It did not like the request: the client can mend it.
    #[error("the provider refused the request: {message}")]
    Rejected {
        /// 400, 404, 413, 422...
        status: u16,
        /// In its own words.
        message: String,
        /// The field it named.
        param: Option<String>,
    },
    /// It answered with an error that the client cannot mend.
    #[error("the provider answered {status}: {message}")]
    Failed {
        /// 401, 403, 429, 5xx...
        status: u16,
        /// In its own words.
        message: String,
        /// When it wants to be asked again, in seconds.
        retry_after: Option<u64>,
    },
    /// No connection.
    #[error("the provider cannot be reached: {0}")]
    Unreachable(String),
    /// The connection broke before the answer's headers came.
    #[error("the provider closed the connection without an answer")]
    NoAnswer,
    /// The answer broke off.
    #[error("the provider's answer broke off before its end")]
    BrokeOff,
    /// The answer is no answer.
    #[error("the provider's answer cannot be read: {0}")]
    Garbage(&'static str),
    /// The answer is above the cap.
    #[error("the provider's answer is above {limit} bytes")]
    TooLarge {
        /// The cap.
        limit: usize,
    },
    /// It fell silent.
    #[error("the provider was silent for {seconds} s ({phase:?})")]
    TimedOut {
        /// In which phase.
        phase: Phase,
        /// The limit.
        seconds: u64,
    },
    /// It sent an error in the middle of a stream.
    #[error("the provider broke its answer off: {message}")]
    InStream {
        /// In its own words.
        message: String,
    },
}

impl ProviderError {
    /// The same without the provider's own words, which may repeat the prompt: for the log.
    #[must_use]
    pub fn without_words(&self) -> String {
        match self {
            Self::Rejected { status, .. } => format!("the provider refused the request with {status}"),
            Self::Failed { status, .. } => format!("the provider answered {status}"),
            Self::InStream { .. } => "the provider broke its answer off with an error".to_owned(),
            other => other.to_string(),
        }
    }

    /// The same with the provider's key taken out of its words: some repeat it.
    #[must_use]
    pub fn without_key(mut self, key: &ProviderKey) -> Self {
        let ProviderKey::Open(key) = key else { return self };
        match &mut self {
            Self::Rejected { message, param, .. } => {
                *message = censored(message, key.expose());
                *param = param.take().map(|param| censored(&param, key.expose()));
            }
            Self::Failed { message, .. } | Self::InStream { message } => {
                *message = censored(message, key.expose());
            }
            _ => {}
        }
        self
    }
}

/// A provider's failure with its name: what the caller is told.
#[derive(Debug, thiserror::Error)]
#[error("{provider}: {source}")]
pub struct ProviderFailure {
    /// Which provider.
    pub provider: String,
    /// What it did.
    pub source: ProviderError,
}

impl Refuse for ProviderFailure {
    fn code(&self) -> Code {
        match &self.source {
            ProviderError::Rejected { status: 413, .. } => Code::RequestTooLarge,
            ProviderError::Rejected { .. } => Code::ValidationError,
            ProviderError::TimedOut { .. } => Code::UpstreamTimeout,
            ProviderError::Failed { .. }
            | ProviderError::Unreachable(_)
            | ProviderError::NoAnswer
            | ProviderError::BrokeOff
            | ProviderError::Garbage(_)
            | ProviderError::TooLarge { .. }
            | ProviderError::InStream { .. } => Code::UpstreamError,
        }
    }

    fn status(&self) -> u16 {
        match &self.source {
            ProviderError::Rejected { status: 422, .. } => 422,
            _ => self.code().status(),
        }
    }

    fn param(&self) -> Option<&str> {
        match &self.source {
            ProviderError::Rejected { param, .. } => param.as_deref(),
            _ => None,
        }
    }

    fn for_log(&self) -> String {
        format!("{}: {}", self.provider, self.source.without_words())
    }

    fn details(&self) -> Option<Value> {
        let status = match &self.source {
            ProviderError::Rejected { status, .. } | ProviderError::Failed { status, .. } => Some(status),
            _ => None,
        };
        Some(json!({ "provider": self.provider, "provider_status": status }))
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
    /// Whether the answer is streamed.
    pub stream: bool,
    /// The one header of the client's that goes on.
    pub traceparent: Option<&'c HeaderValue>,
    /// The connections.
    pub http: &'c http::HttpClients,
    /// The patience.
    pub timeouts: Timeouts,
}

/// What is known of an answer without keeping it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// What it used, if the provider said.
    pub tokens: Option<Tokens>,
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

    /// Sends it and waits for the beginning of the answer.
    async fn chat(&self, call: ChatCall<'_>) -> Result<Answer, ProviderError>;
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
        Dialect::Cohere => &translated::COHERE,
    }
}
