//! OpenAI and every server that speaks its dialect: passed through, patched only where we must.

mod embeddings;
mod reply;
mod request;
mod stream;

use async_trait::async_trait;
use serde_json::value::RawValue;

use super::compatible::Compatible;
use super::exchange::Sent;
use super::translate::TranslateError;
use super::translate::ask::Target;
use super::translate::vectors::Wanted;
use super::{Answer, ChatCall, Prepared, Provider, ProviderError, Whole, exchange, streaming};
use crate::gateway::body::Fields;

pub use stream::Reader;

/// The adapter.
pub struct OpenAi {
    /// Whose words differ from OpenAI's, if they do.
    compatible: Option<Compatible>,
}

/// OpenAI, and servers that speak as it does.
pub static PLAIN: OpenAi = OpenAi { compatible: None };
/// Mistral.
pub static MISTRAL: OpenAi = OpenAi { compatible: Some(Compatible::Mistral) };
/// OpenRouter.
pub static OPEN_ROUTER: OpenAi = OpenAi { compatible: Some(Compatible::OpenRouter) };
/// Azure OpenAI.
pub static AZURE: OpenAi = OpenAi { compatible: Some(Compatible::Azure) };

#[async_trait]
impl Provider for OpenAi {
    fn body(
        &self,
        fields: &mut Fields,
        messages: &[Box<RawValue>],
        target: &Target<'_>,
    ) -> Result<Prepared, TranslateError> {
        let (body, dropped) = match self.compatible {
            None => (request::write(fields, messages, target.model, target.stream), Vec::new()),
            Some(compatible) => compatible.request(std::mem::take(fields), messages, target)?,
        };
        Ok(Prepared { body, dropped })
    }

    fn embeddings_body(&self, fields: &mut Fields, model: &str) -> Result<Prepared, TranslateError> {
        let patch = |compatible: Compatible| compatible.patch_embeddings(fields);
        let dropped = self.compatible.map(patch).transpose()?.unwrap_or_default();
        Ok(Prepared { body: embeddings::write(fields, model), dropped })
    }

    async fn embed(&self, call: ChatCall<'_>, wanted: &Wanted) -> Result<Whole, ProviderError> {
        let (body, key) = exchange::ask(call).await?;
        embeddings::reply(body, wanted).map_err(|error| error.without_key(&key))
    }

    async fn chat(&self, call: ChatCall<'_>) -> Result<Answer, ProviderError> {
        let stream = call.stream;
        let timeouts = call.timeouts;
        let Sent { response, key } = exchange::send(call).await?;
        if stream {
            let reader = Reader::new(self.compatible);
            Ok(Answer::Stream(streaming::chunks(response.into_body(), reader, timeouts, key)))
        } else {
            let body = exchange::whole(response.into_body(), timeouts).await?;
            let body = self.compatible.and_then(|compatible| compatible.mend(&body)).unwrap_or(body);
            let summary = reply::summary(&body).map_err(|error| error.without_key(&key))?;
            Ok(Answer::Whole(Whole { body, summary }))
        }
    }
}
