//! OpenAI and every server that speaks its dialect: passed through, patched only where we must.

mod reply;
mod request;
mod stream;
mod wire;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::value::RawValue;

use super::{Answer, ChatCall, Provider, ProviderError};
use crate::gateway::body::Fields;

pub use wire::Endpoint;

/// The adapter.
pub struct OpenAi;

#[async_trait]
impl Provider for OpenAi {
    fn body(&self, fields: &mut Fields, messages: &[Box<RawValue>], model: &str, stream: bool) -> Bytes {
        request::write(fields, messages, model, stream)
    }

    async fn chat(&self, call: ChatCall<'_>) -> Result<Answer, ProviderError> {
        let stream = call.stream;
        let timeouts = call.timeouts;
        let key = &call.upstream.key;
        let hide_key = |error: ProviderError| error.without_key(key);
        let response = wire::send(call).await.map_err(hide_key)?;
        if stream {
            Ok(Answer::Stream(stream::chunks(response.into_body(), timeouts, key.clone())))
        } else {
            let body = wire::whole(response.into_body(), timeouts).await?;
            let summary = reply::summary(&body).map_err(hide_key)?;
            Ok(Answer::Whole(super::Whole { body, summary }))
        }
    }
}
