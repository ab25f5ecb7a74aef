//! A client: its calls, and the streams that it opens.

use std::sync::Arc;

use behest_core::client::{CallOptions, ClientBuilder, JsonCall, MintOptions};
use napi_derive::napi;

use crate::AGENT;
use crate::engine::{Answer, Desk, Engine};
use crate::error::{closed, to_js};
use crate::runtime::{release, runtime};
use crate::stream::Stream;

/// A gateway, and the right to call it.
#[napi]
pub struct Client {
    desk: Arc<Desk>,
    /// `None` once it is closed.
    inner: Option<behest_core::Client>,
}

impl Client {
    pub fn of(desk: Arc<Desk>, inner: behest_core::Client) -> Self {
        Self { desk, inner: Some(inner) }
    }

    fn inner(&self) -> napi::Result<&behest_core::Client> {
        self.inner.as_ref().ok_or_else(closed)
    }
}

#[napi]
impl Client {
    /// Made from the JSON of its options.
    #[napi(constructor)]
    pub fn new(engine: &Engine, options: String) -> napi::Result<Self> {
        let _inside = runtime()?.enter();
        let builder = ClientBuilder::from_json(options.as_bytes()).map_err(to_js)?;
        let inner = builder.agent(AGENT).build().map_err(to_js)?;
        Ok(Self::of(engine.desk(), inner))
    }

    /// What it runs with, as JSON without secrets.
    #[napi]
    pub fn config(&self) -> napi::Result<String> {
        Ok(self.inner()?.config().to_json())
    }

    /// Deprecations met while its configuration was resolved.
    #[napi]
    pub fn notices(&self) -> napi::Result<Vec<String>> {
        Ok(self.inner()?.config().notices().to_vec())
    }

    /// Delivers the JSON of an answer. `options` is JSON, or empty.
    #[napi]
    pub fn call(&self, number: u32, name: String, parameters: String, options: String) -> napi::Result<()> {
        let client = self.inner()?.clone();
        self.desk.run(number, async move {
            let call = JsonCall::parse(&name, parameters)?;
            let options = CallOptions::from_json(options.as_bytes())?;
            let reply = client.call_json(&call, &options).await?;
            let text = String::from_utf8_lossy(&reply.data).into_owned();
            Ok(Answer { text: Some(text), meta: Some(reply.meta.to_json()) })
        })
    }

    /// Delivers the JSON of a token.
    #[napi]
    pub fn mint(&self, number: u32, options: String) -> napi::Result<()> {
        let client = self.inner()?.clone();
        self.desk.run(number, async move {
            let options = MintOptions::from_json(options.as_bytes())?;
            client.auth().mint(&options).await.map(|minted| Answer::text(minted.to_json()))
        })
    }

    /// A streamed chat completion, not asked for yet.
    #[napi]
    pub fn stream(&self) -> napi::Result<Stream> {
        Ok(Stream::new(self.desk.clone(), self.inner()?.clone()))
    }

    /// Gives up its connections, once the calls under way are over. Later calls fail.
    #[napi]
    pub fn close(&mut self) {
        release(self.inner.take());
    }
}
