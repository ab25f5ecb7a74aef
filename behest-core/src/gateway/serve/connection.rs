//! One connection from its first byte to its last, and how long its client may take for each thing.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
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

/// Headers of a request, all together.
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
    let service = router.map_request(move |mut request: http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        request.map(axum::body::Body::new)
    });
    // HTTP/1.1 only: under HTTP/2 a client that stops reading one stream keeps the socket writable, so that nothing
    // would tell that it is gone. Whoever wants HTTP/2 for browsers has it at the TLS in front.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(patience.headers))
        .max_buf_size(MAX_HEADER_BYTES)
        .pipeline_flush(true)
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
