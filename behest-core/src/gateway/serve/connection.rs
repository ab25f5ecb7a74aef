//! One connection from its first byte to its last, and how long its client may take for each thing.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::edge::Peer;
use super::linger::Linger;
use crate::gateway::config::PatienceConfig;

/// Headers of a request, all together. hyper looks after each read, so that up to twice as much may come through.
const MAX_HEADER_BYTES: usize = 64 << 10;

/// How connections learn that the gateway goes down.
#[derive(Debug, Clone, Default)]
pub(super) struct Closing {
    /// No connection is kept for another request.
    pub last_request: CancellationToken,
    /// Every connection is closed.
    pub end: CancellationToken,
}

/// Answers the requests of a connection until it ends.
///
/// # Errors
/// When it breaks, or its client runs out of patience.
pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    patience: PatienceConfig,
    closing: Closing,
) -> Result<(), hyper::Error> {
    let mut stream = TimeoutStream::new(Linger::new(stream));
    stream.set_write_timeout(Some(Duration::from_secs(patience.write)));
    let state = Arc::new(State::default());
    let (at_request, at_response) = (Arc::clone(&state), state);
    let service = router
        .map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            at_request.begin(request)
        })
        .map_response(move |response| at_response.answered(response));
    // HTTP/1.1 only: under HTTP/2 a client that stops reading one stream keeps the socket writable, so that nothing
    // would tell that it is gone. Whoever wants HTTP/2 for browsers has it at the TLS in front.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(patience.headers))
        .max_buf_size(MAX_HEADER_BYTES)
        // Head and body leave in one write. Not by `pipeline_flush`, which lets the buffer grow without end.
        .writev(false)
        .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(service));
    tokio::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return result,
        () = closing.last_request.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        result = connection.as_mut() => result,
        () = closing.end.cancelled() => {
            // One more chance to write out what is ready.
            let _ = tokio::time::timeout(Duration::from_millis(500), connection).await;
            Ok(())
        }
    }
}

/// What is known of a connection's requests, of which HTTP/1 has one at a time.
#[derive(Default)]
struct State {
    /// The body of the last one has not been read to its end.
    unread: AtomicBool,
}

impl State {
    fn begin(self: &Arc<Self>, request: Request<Incoming>) -> Request<axum::body::Body> {
        let has_body = !request.body().is_end_stream();
        self.unread.store(has_body, Ordering::Relaxed);
        if !has_body {
            return request.map(axum::body::Body::new);
        }
        let state = Arc::clone(self);
        request.map(|body| axum::body::Body::new(Watched { body, state }))
    }

    /// The connection is closed over a body that nobody has read. Its client must know, or it sends its next request
    /// into a closed connection.
    fn answered(&self, mut response: Response) -> Response {
        if self.unread.load(Ordering::Relaxed) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// A body that tells when it has been read.
struct Watched {
    body: Incoming,
    state: Arc<State>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.state.unread.store(false, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
