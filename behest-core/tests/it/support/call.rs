//! One call to a router, and its answer.

use std::future::IntoFuture;

use axum::Router;
use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use serde_json::Value;
use tokio::time::timeout;
use tower::ServiceExt as _;

use super::PATIENCE;
use super::gateway::ADMIN_SECRET;

/// A call on its way. Awaiting it gives the whole answer.
pub struct Call {
    router: Router,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    /// To the bare host.
    pub fn new(router: &Router, method: Method, path: &str) -> Self {
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("localhost:8080"))]);
        Self { router: router.clone(), method, path: path.to_owned(), headers, body: Bytes::new() }
    }

    /// Sets a header.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// With a credential.
    pub fn bearer(self, credential: &str) -> Self {
        self.header("authorization", &format!("Bearer {credential}"))
    }

    /// For an end user, with an API key.
    pub fn user(self, id: &str) -> Self {
        self.header("x-end-user-id", id)
    }

    /// In a thread.
    pub fn thread(self, id: &str) -> Self {
        self.header("x-thread-id", id)
    }

    /// As the operator.
    pub fn admin(self) -> Self {
        self.header("x-admin-secret", ADMIN_SECRET)
    }

    /// From a page.
    pub fn origin(self, origin: &str) -> Self {
        self.header("origin", origin)
    }

    /// To another host.
    pub fn host(self, host: &str) -> Self {
        self.header("host", host)
    }

    /// With a body of JSON.
    pub fn json(self, body: &Value) -> Self {
        self.body(body.to_string()).header("content-type", "application/json")
    }

    /// With any body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it and gives the answer's head; its body has yet to be read.
    pub async fn open(self) -> Open {
        let mut request = Request::new(Body::from(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.path.parse().expect("a path");
        *request.headers_mut() = self.headers;
        let Ok(response) = self.router.oneshot(request).await;
        let (parts, body) = response.into_parts();
        Open {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.into_data_stream(),
            read: BytesMut::new(),
        }
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = BoxFuture<'static, Answer>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { self.open().await.rest().await })
    }
}

/// An answer whose body is still coming. Dropping it is what a client that goes away does.
pub struct Open {
    pub status: u16,
    pub headers: HeaderMap,
    body: BodyDataStream,
    read: BytesMut,
}

impl Open {
    /// Reads until the body holds `text`.
    pub async fn until(&mut self, text: &str) {
        while !String::from_utf8_lossy(&self.read).contains(text) {
            let piece = timeout(PATIENCE, self.body.next()).await.expect("a piece in time");
            self.read.extend_from_slice(&piece.expect("more of the body").expect("a piece"));
        }
    }

    /// Reads to the end.
    pub async fn rest(mut self) -> Answer {
        while let Some(piece) = timeout(PATIENCE, self.body.next()).await.expect("the end in time") {
            self.read.extend_from_slice(&piece.expect("a piece"));
        }
        Answer { status: self.status, headers: self.headers, body: self.read.freeze() }
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// Its body as JSON; `null` when it is empty.
    #[track_caller]
    pub fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Its body, which must come with 200 or 204.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert!(matches!(self.status, 200 | 204), "{self:?}");
        self.json()
    }

    /// Its body, which must come with 201.
    #[track_caller]
    pub fn created(&self) -> Value {
        assert_eq!(self.status, 201, "{self:?}");
        self.json()
    }

    /// Its `error`, which must have this status and code.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> Value {
        let mut body = self.json();
        assert_eq!((self.status, body["error"]["code"].as_str()), (status, Some(code)), "{self:?}");
        assert_eq!(body["code"], code, "the code is mirrored");
        assert_eq!(body["message"], body["error"]["message"], "the message is mirrored");
        body["error"].take()
    }

    /// The text of a chat's plain answer.
    #[track_caller]
    pub fn text(&self) -> String {
        let body = self.ok();
        let text = body["choices"][0]["message"]["content"].as_str();
        text.unwrap_or_else(|| panic!("no text: {self:?}")).to_owned()
    }

    /// The data of each event of a stream.
    #[track_caller]
    pub fn events(&self) -> Vec<String> {
        assert_eq!(self.status, 200, "{self:?}");
        let text = std::str::from_utf8(&self.body).expect("UTF-8");
        assert!(text.is_empty() || text.ends_with("\n\n"), "whole events: {text:?}");
        let events = text.split("\n\n").filter(|event| !event.is_empty());
        events.map(|event| event.strip_prefix("data: ").expect("data").to_owned()).collect()
    }

    /// The messages of a thread as pairs of role and content.
    #[track_caller]
    pub fn said(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let messages = self.ok();
        let messages = messages.as_array().expect("a bare array").iter();
        messages.map(|message| (text(&message["role"]), text(&message["content"]))).collect()
    }
}
