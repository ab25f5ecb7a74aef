//! An answer together with what the gateway says about it.

use std::ops::Deref;

use http::HeaderMap;

/// An answer. It reads like the data itself; `meta` says how it came about.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Reply<T> {
    /// The answer.
    pub data: T,
    /// What the gateway says about it.
    pub meta: Meta,
}

impl<T> Reply<T> {
    pub(crate) fn new(data: T, meta: Meta) -> Self {
        Self { data, meta }
    }

    /// The answer alone.
    #[must_use]
    pub fn into_data(self) -> T {
        self.data
    }
}

impl<T> Deref for Reply<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.data
    }
}

/// What the gateway says about an answer, in its headers. A field is `None` where the gateway did not say.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Meta {
    /// The gateway's name for this call, to quote to its operator.
    pub trace_id: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
    /// The provider that answered.
    pub provider: Option<String>,
    /// What the call cost, in US dollars. In streams the last chunk says it instead.
    pub cost_usd: Option<f64>,
    /// How many remembered messages were put in front of the request's own.
    pub memory: Option<u32>,
    /// How many times a provider was asked.
    pub attempts: Option<u32>,
}

impl Meta {
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        Self {
            trace_id: trace_id(headers),
            model: text("x-behest-model").map(str::to_owned),
            provider: text("x-behest-provider").map(str::to_owned),
            cost_usd: text("x-behest-cost-usd").and_then(|cost| cost.parse().ok()),
            memory: text("x-behest-memory").and_then(|count| count.parse().ok()),
            attempts: text("x-behest-attempts").and_then(|count| count.parse().ok()),
        }
    }
}

/// The gateway's name for a call.
pub(crate) fn trace_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-trace-id").or_else(|| headers.get("x-request-id"))?;
    id.to_str().ok().map(str::to_owned)
}
