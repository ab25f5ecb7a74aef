//! The one error body, and the stable code of every failure.

use serde::{Deserialize, Serialize};

/// A stable name for a failure: what programs branch on.
///
/// Its [`status`](Code::status) and [`retryable`](Code::retryable) are fixed by exhaustive matches, so a new code
/// must choose both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Code {
    /// Malformed, of the wrong type, or unknown.
    ValidationError,
    /// The model's provider has no key here.
    ProviderNotConfigured,
    /// A credential that is proven bad.
    InvalidToken,
    /// A token whose lifetime is over.
    TokenExpired,
    /// No credential came.
    MissingCredentials,
    /// Requests per day or tokens are used up.
    QuotaExceeded,
    /// Money is used up.
    BudgetExceeded,
    /// A good credential that may not do this.
    Forbidden,
    /// The project is suspended.
    ProjectSuspended,
    /// A kill switch is on.
    Killed,
    /// The project may not call this model.
    ModelNotAllowed,
    /// The tenant's plan does not include its own provider keys.
    #[serde(rename = "BYOAK_REQUIRES_PRO")]
    ByoakRequiresPro,
    /// Nothing there, or not for this caller.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The state of the thing forbids it.
    Conflict,
    /// It was there and is no more.
    Gone,
    /// The body is above the limit.
    RequestTooLarge,
    /// This gateway does not answer for that host.
    Misdirected,
    /// Too many requests in this minute, or too many at once.
    RateLimited,
    /// The PII Shield refused.
    PiiBlocked,
    /// The Sentinel refused.
    ContentBlocked,
    /// A fault of ours.
    ServerError,
    /// The provider failed.
    UpstreamError,
    /// The provider did not answer in time.
    UpstreamTimeout,
    /// A store of ours cannot answer, or the gateway is shutting down.
    Unavailable,
}

impl Code {
    /// Every code, for tables and tests.
    pub const ALL: [Self; 25] = [
        Self::ValidationError,
        Self::ProviderNotConfigured,
        Self::InvalidToken,
        Self::TokenExpired,
        Self::MissingCredentials,
        Self::QuotaExceeded,
        Self::BudgetExceeded,
        Self::Forbidden,
        Self::ProjectSuspended,
        Self::Killed,
        Self::ModelNotAllowed,
        Self::ByoakRequiresPro,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::Gone,
        Self::RequestTooLarge,
        Self::Misdirected,
        Self::RateLimited,
        Self::PiiBlocked,
        Self::ContentBlocked,
        Self::ServerError,
        Self::UpstreamError,
        Self::UpstreamTimeout,
        Self::Unavailable,
    ];

    /// The code of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ValidationError => "validation_error",
            Self::ProviderNotConfigured => "provider_not_configured",
            Self::InvalidToken => "invalid_token",
            Self::TokenExpired => "token_expired",
            Self::MissingCredentials => "missing_credentials",
            Self::QuotaExceeded => "quota_exceeded",
            Self::BudgetExceeded => "budget_exceeded",
            Self::Forbidden => "forbidden",
            Self::ProjectSuspended => "project_suspended",
            Self::Killed => "killed",
            Self::ModelNotAllowed => "model_not_allowed",
            Self::ByoakRequiresPro => "BYOAK_REQUIRES_PRO",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Conflict => "conflict",
            Self::Gone => "gone",
            Self::RequestTooLarge => "request_too_large",
            Self::Misdirected => "misdirected",
            Self::RateLimited => "rate_limited",
            Self::PiiBlocked => "pii_blocked",
            Self::ContentBlocked => "content_blocked",
            Self::ServerError => "server_error",
            Self::UpstreamError => "upstream_error",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::Unavailable => "unavailable",
        }
    }

    /// The HTTP status that goes with the code.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::ValidationError => 400,
            Self::InvalidToken | Self::TokenExpired | Self::MissingCredentials => 401,
            Self::QuotaExceeded | Self::BudgetExceeded => 402,
            Self::Forbidden
            | Self::ProjectSuspended
            | Self::Killed
            | Self::ModelNotAllowed
            | Self::ByoakRequiresPro => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict => 409,
            Self::Gone => 410,
            Self::RequestTooLarge => 413,
            Self::Misdirected => 421,
            Self::ProviderNotConfigured => 422,
            Self::RateLimited => 429,
            Self::PiiBlocked | Self::ContentBlocked => 451,
            Self::ServerError => 500,
            Self::UpstreamError => 502,
            Self::Unavailable => 503,
            Self::UpstreamTimeout => 504,
        }
    }

    /// Whether the same request may succeed later without being changed.
    #[must_use]
    pub const fn retryable(self) -> bool {
        match self {
            Self::RateLimited
            | Self::ServerError
            | Self::UpstreamError
            | Self::UpstreamTimeout
            | Self::Unavailable => true,
            Self::ValidationError
            | Self::ProviderNotConfigured
            | Self::InvalidToken
            | Self::TokenExpired
            | Self::MissingCredentials
            | Self::QuotaExceeded
            | Self::BudgetExceeded
            | Self::Forbidden
            | Self::ProjectSuspended
            | Self::Killed
            | Self::ModelNotAllowed
            | Self::ByoakRequiresPro
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::Conflict
            | Self::Gone
            | Self::RequestTooLarge
            | Self::Misdirected
            | Self::PiiBlocked
            | Self::ContentBlocked => false,
        }
    }

    /// Whether a client must not repeat the call by itself (`x-should-retry: false`): the gateway is the one that
    /// retries providers, and money does not come back within seconds.
    #[must_use]
    pub const fn forbids_retry(self) -> bool {
        matches!(self.status(), 402 | 403 | 409 | 451 | 502 | 504)
    }

    /// OpenAI's coarse `type` for the code.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self.status() {
            401 => "authentication_error",
            402 => "insufficient_quota",
            403 => "permission_error",
            404 => "not_found_error",
            429 => "rate_limit_error",
            451 => "content_policy_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        }
    }
}

/// The error body of every endpoint: nested for OpenAI's and Behest's SDKs, mirrored at the top for the legacy ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct Problem {
    /// The error itself.
    pub error: ProblemDetail,
    /// Mirror of `error.message`.
    pub message: String,
    /// Mirror of `error.code`.
    pub code: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// Where a person can lift the limit, when a plan is what refuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade_url: Option<String>,
}

/// The nested half of a [`Problem`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct ProblemDetail {
    /// A stable name, such as `rate_limited`.
    pub code: String,
    /// Which limit or rule, and what to do.
    pub message: String,
    /// OpenAI's coarse kind, such as `invalid_request_error`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The field that was wrong.
    pub param: Option<String>,
    /// Numbers and names that belong to the code.
    pub details: Option<serde_json::Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_of_codes() {
        let table: Vec<String> = Code::ALL
            .iter()
            .map(|code| {
                let name = serde_json::to_value(code).expect("a code is a string");
                assert_eq!(name, code.as_str(), "serde and as_str agree");
                format!(
                    "{} {} {}{}{}",
                    code.status(),
                    code.as_str(),
                    code.kind(),
                    if code.retryable() { " retryable" } else { "" },
                    if code.forbids_retry() { " x-should-retry:false" } else { "" },
                )
            })
            .collect();
        insta::assert_snapshot!(table.join("\n"));
    }
}
