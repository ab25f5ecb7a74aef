//! A provider of OpenAI's and of Anthropic's dialect that costs next to nothing, so that a bench measures what stands before it.

use std::convert::Infallible;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use behest_benches::timer::Timer;
use behest_benches::upstream::{Answers, Asked, Canned};
use bytes::Bytes;
use clap::Parser;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

/// Answers like an OpenAI-compatible provider and like Anthropic, on 127.0.0.1 only.
#[derive(Parser)]
struct Options {
    /// The port to listen on; 0 picks a free one, which the line on stdout names.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The wait before the headers of an answer, in milliseconds.
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// The wait before each further event of a stream, in milliseconds.
    #[arg(long, default_value_t = 0)]
    chunk_delay_ms: u64,
    /// The number of content events in a stream.
    #[arg(long, default_value_t = 32)]
    chunks: usize,
}

/// What `POST /settings` changes between two legs, so that every connection stays as warm as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    delay_ms: u64,
    chunk_delay_ms: u64,
}

/// Whose form a request has, and so its answer.
#[derive(Clone, Copy)]
enum Dialect {
    OpenAi,
    Anthropic,
}

struct Upstream {
    answers: Answers,
    timer: Timer,
    delay_ms: AtomicU64,
    chunk_delay_ms: AtomicU64,
    plain: AtomicU64,
    /// Those in Anthropic's form, whole and streamed.
    messages: AtomicU64,
    streams: AtomicU64,
    streams_finished: AtomicU64,
    /// Chat requests that are answered in part or not at all, by clients that are still there.
    open: AtomicU64,
}

/// Counts a chat request as open until its answer is over or its client has gone, whichever drops this.
struct Open(Arc<Upstream>);

impl Open {
    fn new(upstream: Arc<Upstream>) -> Self {
        upstream.open.fetch_add(1, Relaxed);
        Self(upstream)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let options = Options::parse();
    let upstream = Arc::new(Upstream {
        answers: Answers::new(options.chunks),
        timer: Timer::start()?,
        delay_ms: AtomicU64::new(options.delay_ms),
        chunk_delay_ms: AtomicU64::new(options.chunk_delay_ms),
        plain: AtomicU64::default(),
        messages: AtomicU64::default(),
        streams: AtomicU64::default(),
        streams_finished: AtomicU64::default(),
        open: AtomicU64::default(),
    });
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, options.port))).await?;
    writeln!(io::stdout(), "{}", json!({"base_url": format!("http://{}", listener.local_addr()?)}))?;
    loop {
        let (connection, _) = listener.accept().await?;
        tokio::spawn(serve(connection, Arc::clone(&upstream)));
    }
}

async fn serve(connection: TcpStream, upstream: Arc<Upstream>) {
    // Both failures are a client that is gone already.
    if connection.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(|request| answer(request, Arc::clone(&upstream)));
    let _ = http1::Builder::new().serve_connection(TokioIo::new(connection), service).await;
}

async fn answer(request: Request<Incoming>, upstream: Arc<Upstream>) -> hyper::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    match (&head.method, head.uri.path()) {
        (&Method::POST, "/v1/chat/completions") => chat(Dialect::OpenAi, body, upstream).await,
        (&Method::POST, "/v1/messages") => chat(Dialect::Anthropic, body, upstream).await,
        (&Method::POST, "/v1/auth/mint") => Ok(json_answer(upstream.answers.minted.clone())),
        (&Method::GET, "/v1/models") => Ok(json_answer(upstream.answers.models.clone())),
        (&Method::GET, "/stats") => Ok(json_answer(upstream.stats())),
        (&Method::POST, "/settings") => {
            let body = body.collect().await?.to_bytes();
            let Ok(settings) = serde_json::from_slice::<Settings>(&body) else {
                return Ok(refuse(StatusCode::BAD_REQUEST, "settings are `delay_ms` and `chunk_delay_ms`"));
            };
            upstream.delay_ms.store(settings.delay_ms, Relaxed);
            upstream.chunk_delay_ms.store(settings.chunk_delay_ms, Relaxed);
            Ok(json_answer(upstream.stats()))
        }
        _ => Ok(refuse(StatusCode::NOT_FOUND, "no such path here")),
    }
}

async fn chat(dialect: Dialect, body: Incoming, upstream: Arc<Upstream>) -> hyper::Result<Response<Body>> {
    let body = body.collect().await?.to_bytes();
    let Ok(asked) = serde_json::from_slice::<Asked>(&body) else {
        return Ok(refuse(StatusCode::BAD_REQUEST, "not a chat request"));
    };
    let open = Open::new(upstream);
    let upstream = &open.0;
    upstream.timer.wait(Duration::from_millis(upstream.delay_ms.load(Relaxed))).await;
    if matches!(dialect, Dialect::Anthropic) {
        upstream.messages.fetch_add(1, Relaxed);
    }
    Ok(if asked.stream {
        upstream.streams.fetch_add(1, Relaxed);
        // Anthropic reports the usage of every stream.
        let with_usage = asked.stream_options.include_usage || matches!(dialect, Dialect::Anthropic);
        event_stream(dialect, open, with_usage)
    } else {
        upstream.plain.fetch_add(1, Relaxed);
        json_answer(upstream.canned(dialect).plain.clone())
    })
}

fn event_stream(dialect: Dialect, open: Open, with_usage: bool) -> Response<Body> {
    let frames = stream::unfold((open, 0_usize), move |(open, position)| async move {
        let (upstream, canned) = (&open.0, open.0.canned(dialect));
        let after_content = position.checked_sub(canned.paced.len());
        let event = match (after_content, with_usage) {
            (None, _) => canned.paced[position].clone(),
            (Some(0), true) => canned.usage.clone(),
            (Some(0), false) | (Some(1), true) => canned.last.clone(),
            _ => {
                upstream.streams_finished.fetch_add(1, Relaxed);
                return None;
            }
        };
        // The first piece goes out with the headers; the usage and the last event follow the content at once.
        if position > 0 && after_content.is_none() {
            upstream.timer.wait(Duration::from_millis(upstream.chunk_delay_ms.load(Relaxed))).await;
        }
        Some((Ok(Frame::data(event)), (open, position + 1)))
    });
    respond(StatusCode::OK, "text/event-stream", StreamBody::new(frames).boxed_unsync())
}

impl Upstream {
    fn canned(&self, dialect: Dialect) -> &Canned {
        match dialect {
            Dialect::OpenAi => &self.answers.chat,
            Dialect::Anthropic => &self.answers.messages,
        }
    }

    fn stats(&self) -> Bytes {
        let stats = json!({
            "plain": self.plain.load(Relaxed),
            "messages": self.messages.load(Relaxed),
            "streams": self.streams.load(Relaxed),
            "streams_finished": self.streams_finished.load(Relaxed),
            "open": self.open.load(Relaxed),
        });
        Bytes::from(stats.to_string())
    }
}

fn json_answer(body: Bytes) -> Response<Body> {
    respond(StatusCode::OK, "application/json", Full::new(body).boxed_unsync())
}

fn refuse(status: StatusCode, message: &str) -> Response<Body> {
    let body = json!({"error": {"message": message, "type": "invalid_request_error"}}).to_string();
    respond(status, "application/json", Full::new(Bytes::from(body)).boxed_unsync())
}

fn respond(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
