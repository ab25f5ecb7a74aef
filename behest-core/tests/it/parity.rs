//! The same behaviour over both transports: HTTP to a listening server, and its router called in this process.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Json, State};
use axum::http::HeaderMap as AxumHeaders;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Router, body};
use behest_core::client::{CallOptions, ClientBuilder};
use behest_core::transport::{InProcess, Transport};
use behest_core::types::chat::ChatRequest;
use behest_core::{Client, Error};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::support::fake::{completion, minted};
use crate::support::{API_KEY, PATIENCE};

/// Which way calls go.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    Http,
    InProcess,
}

/// A router and a client that calls it one of the two ways.
pub struct Site {
    pub client: Client,
    server: Option<tokio::task::JoinHandle<()>>,
}

impl Site {
    /// Serves `router`, or keeps it in this process.
    async fn start(way: Way, router: Router) -> Self {
        Self::with_key(way, router, API_KEY).await
    }

    /// The same, with the API key that the router knows.
    pub async fn with_key(way: Way, router: Router, api_key: &str) -> Self {
        Self::with(way, router, |builder| builder.key(api_key)).await
    }

    /// The same, with any client.
    pub async fn with(
        way: Way,
        router: Router,
        configure: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Self {
        let builder = configure(Client::builder()).max_retries(0);
        match way {
            Way::Http => {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
                let base_url = format!("http://{}", listener.local_addr().expect("an address"));
                let server =
                    tokio::spawn(async move { axum::serve(listener, router).await.expect("a server") });
                let client = builder.base_url(base_url).build().expect("a client");
                Self { client, server: Some(server) }
            }
            Way::InProcess => {
                let transport: Arc<dyn Transport> = Arc::new(InProcess::new(router));
                let builder = builder.base_url("http://localhost:8080").transport(transport);
                Self { client: builder.build().expect("a client"), server: None }
            }
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

/// Runs a check both ways.
pub async fn both_ways(check: impl AsyncFn(Way)) {
    check(Way::Http).await;
    check(Way::InProcess).await;
}

/// What the router tells the test.
#[derive(Clone)]
struct Signals {
    /// How many answers were dropped before their end.
    cancelled: watch::Sender<usize>,
    /// How many streams were begun.
    begun: watch::Sender<usize>,
}

impl Signals {
    fn new() -> Self {
        Self { cancelled: watch::Sender::new(0), begun: watch::Sender::new(0) }
    }

    async fn wait(signal: &watch::Sender<usize>) {
        let mut signal = signal.subscribe();
        let waited = timeout(PATIENCE, signal.wait_for(|count| *count > 0)).await;
        waited.expect("it happens in time").expect("the sender is alive");
    }
}

/// Tells when it is dropped.
struct OnDrop(watch::Sender<usize>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count += 1);
    }
}

/// A gateway of a few lines, whose chats do what their last message says.
fn router(signals: &Signals) -> Router {
    Router::new()
        .route("/v1/auth/mint", post(async || Json(minted("jwt", "s", 3600))))
        .route("/v1/chat/completions", post(chat))
        .route("/v1/models", get(echo_request))
        .with_state(signals.clone())
}

/// Answers with the request as the router sees it.
async fn echo_request(request: axum::extract::Request) -> Response {
    let headers: HashMap<&str, &str> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()))
        .collect();
    let body = json!({
        "object": "list", "data": [],
        "error": { "code": "echo", "message": "echo", "details": {
            "uri": request.uri().to_string(), "host": headers.get("host"), "bearer": headers.get("authorization"),
            "agent": headers.get("user-agent"), "version": format!("{:?}", request.version()),
        }},
    });
    answer(418, Body::from(body.to_string()))
}

async fn chat(State(signals): State<Signals>, headers: AxumHeaders, body: body::Bytes) -> Response {
    let request: Value = serde_json::from_slice(&body).expect("a request");
    let said = request["messages"][0]["content"].as_str().unwrap_or_default();
    let event = |data: &Value| Ok::<_, std::io::Error>(Bytes::from(format!("data: {data}\n\n")));
    let piece = |text: &str| event(&json!({ "choices": [{ "delta": { "content": text } }] }));
    let done = || Ok(Bytes::from_static(b"data: [DONE]\n\n"));
    let broken = json!({ "error": { "code": "upstream_error", "message": "the provider went away" } });
    let steps: Vec<Result<Bytes, std::io::Error>> = match said {
        "refuse" => {
            let problem = json!({ "error": {
                "code": "rate_limited", "message": "too many", "details": { "scope": "user" } } });
            return answer(429, Body::from(problem.to_string()));
        }
        "plain" => return answer(200, Body::from(completion("all of it").to_string())),
        "length" => {
            let length =
                headers.get("content-length").and_then(|value| value.to_str().ok()).unwrap_or_default();
            let whole = length == body.len().to_string();
            return answer(200, Body::from(completion(&whole.to_string()).to_string()));
        }
        "never" => {
            let _guard = OnDrop(signals.cancelled.clone());
            signals.begun.send_modify(|count| *count += 1);
            return std::future::pending().await;
        }
        "stream" => vec![piece("one "), piece("two"), done()],
        "error" => vec![piece("half"), event(&broken)],
        "short" => vec![piece("half")],
        "break" => vec![piece("half"), Err(std::io::Error::other("cut"))],
        "hang" => vec![piece("half")],
        other => panic!("{other}"),
    };
    // The break comes in a later poll, so that what stands before it has left.
    let steps = stream::iter(steps).then(async |step| {
        if step.is_err() {
            tokio::task::yield_now().await;
        }
        step
    });
    if said != "hang" {
        return answer(200, Body::from_stream(steps));
    }
    let guard = OnDrop(signals.cancelled.clone());
    let guarded = steps.chain(stream::once(async move {
        let _guard = guard;
        std::future::pending().await
    }));
    answer(200, Body::from_stream(guarded))
}

fn answer(status: u16, body: Body) -> Response {
    Response::builder()
        .status(status)
        .header("x-trace-id", "t1")
        .header("x-behest-model", "local/echo")
        .body(body)
        .expect("an answer")
}

async fn site(way: Way) -> (Site, Signals) {
    let signals = Signals::new();
    (Site::start(way, router(&signals)).await, signals)
}

/// The text of a streamed answer, and the error that ended it.
async fn read(client: &Client, what: &str) -> (String, Option<Error>) {
    let request = ChatRequest::user(what);
    let mut stream = client.chat().stream(&request, &CallOptions::default()).await.expect("a stream");
    let mut text = String::new();
    while let Some(item) = stream.next().await {
        match item {
            Ok(chunk) => text.push_str(chunk.text()),
            Err(error) => return (text, Some(error)),
        }
    }
    (text, None)
}

#[tokio::test]
async fn a_plain_answer() {
    both_ways(async |way| {
        let (site, _) = site(way).await;
        let request = ChatRequest::user("plain");
        let reply = site.client.chat().create(&request, &CallOptions::default()).await.expect("an answer");
        assert_eq!(reply.text(), "all of it", "{way:?}");
        assert_eq!(reply.meta.model.as_deref(), Some("local/echo"));
        let request = ChatRequest::user("length");
        let reply = site.client.chat().create(&request, &CallOptions::default()).await.expect("an answer");
        assert_eq!(reply.text(), "true", "the length of the body is told, {way:?}");
    })
    .await;
}

#[tokio::test]
async fn a_streamed_answer() {
    both_ways(async |way| {
        let (site, _) = site(way).await;
        let (text, error) = read(&site.client, "stream").await;
        assert_eq!(text, "one two", "{way:?}");
        assert!(error.is_none(), "{way:?} {error:?}");
    })
    .await;
}

#[tokio::test]
async fn a_refusal_keeps_its_code_status_details_and_trace() {
    both_ways(async |way| {
        let (site, _) = site(way).await;
        let chat = site.client.chat();
        let request = ChatRequest::user("refuse");
        let plain = chat.create(&request, &CallOptions::default()).await.expect_err("a refusal");
        let streamed = chat.stream(&request, &CallOptions::default()).await.expect_err("a refusal");
        for error in [plain, streamed] {
            assert_eq!((error.code(), error.status()), ("rate_limited", Some(429)), "{way:?}");
            assert_eq!(error.trace_id(), Some("t1"));
            let Error::Api(error) = error else { panic!("{error:?}") };
            assert_eq!(error.details, Some(json!({ "scope": "user" })));
        }
    })
    .await;
}

#[tokio::test]
async fn an_error_in_mid_stream() {
    both_ways(async |way| {
        let (site, _) = site(way).await;
        for (what, code) in
            [("error", "upstream_error"), ("short", "stream_incomplete"), ("break", "stream_incomplete")]
        {
            let (text, error) = read(&site.client, what).await;
            assert_eq!(text, "half", "{way:?} {what}");
            assert_eq!(error.expect("an error").code(), code, "{way:?} {what}");
        }
    })
    .await;
}

#[tokio::test]
async fn dropping_a_stream_cancels_it() {
    both_ways(async |way| {
        let (site, signals) = site(way).await;
        let request = ChatRequest::user("hang");
        let mut stream =
            site.client.chat().stream(&request, &CallOptions::default()).await.expect("a stream");
        assert_eq!(stream.next().await.expect("an item").expect("a chunk").text(), "half", "{way:?}");
        drop(stream);
        Signals::wait(&signals.cancelled).await;
    })
    .await;
}

#[tokio::test]
async fn dropping_a_call_before_its_answer_cancels_it() {
    both_ways(async |way| {
        let (site, signals) = site(way).await;
        let (chat, request, options) =
            (site.client.chat(), ChatRequest::user("never"), CallOptions::default());
        tokio::select! {
            answer = chat.create(&request, &options) => panic!("{way:?} {answer:?}"),
            () = Signals::wait(&signals.begun) => {}
        }
        Signals::wait(&signals.cancelled).await;
    })
    .await;
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_cancelled() {
    both_ways(async |way| {
        let (site, signals) = site(way).await;
        let options =
            CallOptions { timeout: Some(std::time::Duration::from_millis(300)), ..CallOptions::default() };
        let error = site.client.chat().create(&ChatRequest::user("never"), &options).await.expect_err("late");
        assert!(matches!(error, Error::Timeout { .. }), "{way:?} {error:?}");
        Signals::wait(&signals.cancelled).await;
    })
    .await;
}

#[tokio::test]
async fn the_router_sees_the_same_request() {
    both_ways(async |way| {
        let (site, _) = site(way).await;
        let error = site.client.models().list(&CallOptions::default()).await.expect_err("an echo");
        let Error::Api(error) = error else { panic!("{error:?}") };
        let seen = error.details.expect("the request");
        assert_eq!(seen["uri"], "/v1/models", "{way:?}");
        assert_eq!(
            (seen["bearer"].as_str(), seen["version"].as_str()),
            (Some("Bearer jwt"), Some("HTTP/1.1"))
        );
        let host = site.client.config().base_url.replace("http://", "");
        assert_eq!(seen["host"].as_str(), Some(host.as_str()), "the host is the base URL's");
    })
    .await;
}
