//! What a caller of the client can get instead of an answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::types::problem::Code;

/// The error that caused another one. Shared, so that callers who waited for the same mint all get it.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Why a call has no answer, or a stream no further item.
///
/// [`code`](Error::code) is what programs branch on. It is stable.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The client cannot be made from the options, the environment and the stored credentials it has.
    #[error("{message}")]
    Config {
        /// `missing_env`, `bad_key_format`, `bad_base_url`, `bad_value`, `bad_credentials_file` or `bad_transport`.
        code: &'static str,
        /// What is wrong, and what to set.
        message: String,
    },
    /// The call cannot be sent as it was given. Nothing was sent.
    #[error("`{param}`: {message}")]
    Request {
        /// The option or field that is wrong.
        param: &'static str,
        /// Which rule it breaks.
        message: String,
    },
    /// The gateway refused the call, or something in front of it did.
    #[error(transparent)]
    Api(Box<ApiError>),
    /// No connection, or it broke before the answer was whole.
    #[error("{message}")]
    Connection {
        /// What failed.
        message: String,
        /// The system's own words.
        #[source]
        source: Option<Cause>,
    },
    /// The answer did not come in time.
    #[error("no answer within {after:?}")]
    Timeout {
        /// How long the call was allowed to take.
        after: Duration,
    },
    /// A streamed answer ended before its end. What came before it stays valid, but the answer is not complete.
    #[error(transparent)]
    Stream(Box<StreamError>),
    /// A successful answer that cannot be understood.
    #[error("{message}")]
    Answer {
        /// What was expected.
        message: String,
        /// What the reader found.
        #[source]
        source: Option<Cause>,
    },
}

/// A refusal: an HTTP status and, from Behest, a stable code.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// A stable name, such as `rate_limited`. When the answer carries none, the usual one of its status.
    pub code: String,
    /// Which limit or rule, and what to do.
    pub message: String,
    /// The field that was wrong.
    pub param: Option<String>,
    /// Numbers and names that belong to the code.
    pub details: Option<Value>,
    /// How many seconds to wait, when the answer says.
    pub retry_after: Option<u64>,
    /// The gateway's name for this call, to quote to its operator.
    pub trace_id: Option<String>,
    /// The body as it came: JSON, or text.
    pub raw: Value,
}

/// What ended a stream early: an error event of the gateway, or a fault on the way.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct StreamError {
    /// The gateway's code, or `stream_incomplete`, `stream_event_too_large` or `stream_parse_error`.
    pub code: String,
    /// What happened.
    pub message: String,
    /// The field that was wrong.
    pub param: Option<String>,
    /// Numbers and names that belong to the code.
    pub details: Option<Value>,
    /// The gateway's name for this call, to quote to its operator.
    pub trace_id: Option<String>,
    /// What broke it, when it was not the gateway.
    #[source]
    pub source: Option<Cause>,
}

impl Error {
    /// A stable name for the failure.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Config { code, .. } => code,
            Self::Request { .. } => "validation_error",
            Self::Api(error) => &error.code,
            Self::Connection { .. } => "network_error",
            Self::Timeout { .. } => "timeout",
            Self::Stream(error) => &error.code,
            Self::Answer { .. } => "bad_answer",
        }
    }

    /// The HTTP status of a refusal. A stream that failed later had already begun with 200, so it has none.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Api(error) => Some(error.status),
            _ => None,
        }
    }

    /// How many seconds to wait before another try, when the gateway said.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Api(error) => error.retry_after,
            _ => None,
        }
    }

    /// The gateway's name for the call, when it was reached.
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        match self {
            Self::Api(error) => error.trace_id.as_deref(),
            Self::Stream(error) => error.trace_id.as_deref(),
            _ => None,
        }
    }

    /// Which class of error another language raises for it.
    #[must_use]
    pub fn kind(&self) -> Kind {
        if matches!(self, Self::Config { .. }) {
            return Kind::Config;
        }
        match self.nominal_status() {
            Some(401 | 403) => Kind::Auth,
            Some(402) => Kind::Quota,
            Some(429) => Kind::RateLimit,
            Some(400 | 422) => Kind::BadRequest,
            Some(451) => Kind::Blocked,
            Some(500..) => Kind::Server,
            _ => Kind::Other,
        }
    }

    /// The status that the SDKs of other languages report: the answer's, else the one that usually goes with the
    /// failure. A client that cannot be made has none.
    fn nominal_status(&self) -> Option<u16> {
        match self {
            Self::Config { .. } => None,
            Self::Request { .. } => Some(400),
            Self::Api(error) => Some(error.status),
            Self::Stream(error) => Some(Code::parse(&error.code).map_or(500, Code::status)),
            Self::Connection { .. } | Self::Timeout { .. } | Self::Answer { .. } => Some(500),
        }
    }

    /// As a JSON object, for other languages: `kind`, `status`, `code`, `message`, `trace_id`, `retry_after` in
    /// seconds, `param`, `details` and `raw`. What is not known is `null`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let (param, details, raw) = match self {
            Self::Api(error) => (error.param.as_deref(), error.details.as_ref(), Some(&error.raw)),
            Self::Stream(error) => (error.param.as_deref(), error.details.as_ref(), None),
            Self::Request { param, .. } => (Some(*param), None, None),
            _ => (None, None, None),
        };
        json!({
            "kind": self.kind().as_str(), "status": self.nominal_status(), "code": self.code(),
            "message": self.whole_message(), "trace_id": self.trace_id(), "retry_after": self.retry_after(),
            "param": param, "details": details, "raw": raw,
        })
        .to_string()
    }

    /// The message and, of a failed connection, the system's own word for it: other languages see no source.
    fn whole_message(&self) -> String {
        let Self::Connection { message, source: Some(source) } = self else { return self.to_string() };
        let mut deepest: &dyn std::error::Error = &**source;
        while let Some(source) = deepest.source() {
            deepest = source;
        }
        format!("{message} ({deepest})")
    }

    /// What happened, for people.
    #[must_use]
    pub fn message(&self) -> String {
        self.to_string()
    }

    pub(crate) fn config(code: &'static str, message: impl Into<String>) -> Self {
        Self::Config { code, message: message.into() }
    }

    pub(crate) fn request(param: &'static str, rule: impl fmt::Display) -> Self {
        Self::Request { param, message: rule.to_string() }
    }

    /// A failure of the way to the gateway, caused by `source`. For transports.
    pub fn connection(
        message: impl Into<String>,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Connection { message: message.into(), source: Some(Arc::new(source)) }
    }
}

/// The classes of errors that the SDKs raise. Which one is decided by the status that goes with the failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// 401 and 403.
    Auth,
    /// 402.
    Quota,
    /// 429.
    RateLimit,
    /// 400 and 422, and what was refused before it was sent.
    BadRequest,
    /// 451.
    Blocked,
    /// 5xx, connections and streams that broke, and answers that cannot be read.
    Server,
    /// The client cannot be made.
    Config,
    /// Every other status.
    Other,
}

impl Kind {
    /// A stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Quota => "quota",
            Self::RateLimit => "rate_limit",
            Self::BadRequest => "bad_request",
            Self::Blocked => "blocked",
            Self::Server => "server",
            Self::Config => "config",
            Self::Other => "other",
        }
    }
}
