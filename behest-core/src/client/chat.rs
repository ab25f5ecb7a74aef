//! Chat completions.

use serde::Serialize;
use serde_json::{Map, Value};

use super::Client;
use super::json::JsonCall;
use super::options::CallOptions;
use super::reply::Reply;
use super::send::to_json;
use super::stream::ChatStream;
use crate::error::Error;
use crate::types::chat::{ChatCompletion, ChatRequest, Message};

/// Chat completions, whole or as they arrive.
#[derive(Debug, Clone, Copy)]
pub struct Chat<'c> {
    pub(crate) client: &'c Client,
}

impl Chat<'_> {
    /// Asks, and waits for the whole answer. The request's own `stream` is not looked at.
    ///
    /// # Errors
    /// When the gateway or its provider refuses, or when no answer comes in time.
    pub async fn create(
        &self,
        request: &ChatRequest,
        options: &CallOptions,
    ) -> Result<Reply<ChatCompletion>, Error> {
        self.client.ask(&call(request, false)?, options).await
    }

    /// Asks, and gives the answer as it arrives. The request's own `stream` is not looked at.
    ///
    /// The call is made at once: what goes wrong before the first byte is an error here. After it nothing is tried
    /// again, and what goes wrong is an item of the stream.
    ///
    /// # Errors
    /// When the gateway or its provider refuses, or when the answer does not begin in time.
    pub async fn stream(&self, request: &ChatRequest, options: &CallOptions) -> Result<ChatStream, Error> {
        self.client.stream_json(&call(request, true)?, options).await.map(ChatStream::new)
    }
}

fn call(request: &ChatRequest, stream: bool) -> Result<JsonCall, Error> {
    to_json(&Body::of(request, stream)).map(JsonCall::Chat)
}

/// A borrowed [`ChatRequest`] with `stream` as the call needs it: a conversation may be large.
#[derive(Serialize)]
struct Body<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: &'r Option<String>,
    messages: &'r [Message],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
    #[serde(flatten)]
    extra: &'r Map<String, Value>,
}

impl<'r> Body<'r> {
    fn of(request: &'r ChatRequest, stream: bool) -> Self {
        let ChatRequest { model, messages, stream: _, extra } = request;
        Self { model, messages, stream, extra }
    }
}
