//! One connection from its first byte to its last, and how long its client may take for each thing.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
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
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nonblocking(true)?;
    // Without it the first token waits for the client's delayed acknowledgement.
    stream.set_nodelay(true)?;
    let mut stream = TimeoutStream::new(Linger::new(tokio::net::TcpStream::from_std(stream)?));
    stream.set_write_timeout(Some(Duration::from_secs(patience.write)));
    let headers = Duration::from_secs(patience.headers);
    let asked = Arc::new(AtomicBool::new(false));
    let asks = Arc::clone(&asked);
    let service = router.map_request(move |mut request: http::Request<hyper::body::Incoming>| {
        asks.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(Peer(peer));
        request.map(axum::body::Body::new)
    });
    let builder = builder(headers);
    let connection =
        builder.serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(service));
    tokio::pin!(connection);
    // hyper's own limit begins when it knows the version, which a client that sends nothing never tells.
    let silent = async {
        tokio::time::sleep(headers).await;
        if asked.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        result = connection.as_mut() => return result,
        () = silent => return Ok(()),
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

fn builder(headers: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(headers)
        .max_buf_size(MAX_HEADER_BYTES)
        .pipeline_flush(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEADER_BYTES as u32)
        .keep_alive_interval(Some(headers));
    builder
}
