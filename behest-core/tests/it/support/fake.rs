//! A transport without a network, for tests that turn the clock.

use std::sync::{Arc, Mutex};

use behest_core::transport::{Answer, Call, Transport};
use behest_core::{Client, Error};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use http::{HeaderMap, HeaderName, StatusCode};
use serde_json::{Value, json};

use super::API_KEY;

type Handler = dyn Fn(Call) -> BoxFuture<'static, Result<Answer, Error>> + Send + Sync;

/// Answers calls with a function, and remembers them.
#[derive(Clone)]
pub struct Fake {
    handler: Arc<Handler>,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Fake {
    /// With a function that answers.
    pub fn new<F>(handler: impl Fn(Call) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Answer, Error>> + Send + 'static,
    {
        Self { handler: Arc::new(move |call| handler(call).boxed()), calls: Arc::default() }
    }

    /// A client over this transport.
    pub fn client(&self) -> Client {
        Client::builder()
            .key(API_KEY)
            .base_url("http://gateway.test")
            .transport(Arc::new(self.clone()))
            .build()
            .expect("a client")
    }

    /// The calls to a path, so far.
    pub fn calls(&self, path: &str) -> Vec<Call> {
        let calls = self.calls.lock().expect("the calls");
        calls.iter().filter(|call| call.url.ends_with(path)).cloned().collect()
    }
}

impl Transport for Fake {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Answer, Error>> {
        self.calls.lock().expect("the calls").push(call.clone());
        (self.handler)(call)
    }
}

/// An answer of JSON.
pub fn json_answer(status: u16, headers: &[(&'static str, &str)], body: &Value) -> Answer {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a value")))
        .collect();
    let body = Bytes::from(body.to_string());
    let status = StatusCode::from_u16(status).expect("a status");
    Answer::new(status, headers, stream::once(async move { Ok(body) }).boxed())
}

/// The answer to a mint.
pub fn minted(jwt: &str, session_id: &str, ttl: u64) -> Value {
    json!({
        "jwt": jwt, "access_token": jwt, "token_type": "Bearer", "project_id": "p", "ttl": ttl, "expires_in": ttl,
        "expires_at": "2030-01-01T00:00:00Z", "session_id": session_id,
    })
}

/// A whole chat answer that says `text`.
pub fn completion(text: &str) -> Value {
    json!({
        "id": "c1", "object": "chat.completion", "model": "local/echo",
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": "stop" }],
    })
}
