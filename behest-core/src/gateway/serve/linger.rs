//! Closing without taking the last answer back.
//!
//! A request that is refused before its body was read leaves bytes behind, and a socket closed over unread bytes
//! resets its connection: the client loses the very answer that says why. So this end says that it is done, and then
//! throws away what still comes, for a moment.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A client that has not closed its end by then is not waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// A stream that ends like this.
pub(super) struct Linger<S> {
    stream: S,
    /// The other end is closed.
    ended: bool,
    /// Set when this end is closed.
    until: Option<Pin<Box<Sleep>>>,
}

impl<S> Linger<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, ended: false, until: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Linger<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (before, room) = (buffer.filled().len(), buffer.remaining());
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        self.ended |= read.is_err() || (room > 0 && buffer.filled().len() == before);
        Poll::Ready(read)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Linger<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.until.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            self.until = Some(Box::pin(sleep(PATIENCE)));
        }
        let mut discarded = [0; 8 * 1024];
        while !self.ended {
            if self.until.as_mut().is_none_or(|until| until.as_mut().poll(context).is_ready()) {
                break;
            }
            // An error ends it as the end does, and tells nobody anything.
            let _ = ready!(self.as_mut().poll_read(context, &mut ReadBuf::new(&mut discarded)));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_still_comes_is_thrown_away_until_the_other_end_closes() {
        let (here, mut there) = duplex(64);
        let mut here = Linger::new(here);
        here.write_all(b"no").await.expect("room");
        let client = tokio::spawn(async move {
            there.write_all(&[0; 10_000]).await.expect("somebody reads");
            let mut answer = String::new();
            there.read_to_string(&mut answer).await.expect("an answer");
            answer
        });
        let begun = Instant::now();
        here.shutdown().await.expect("closed");
        assert_eq!(client.await.expect("no panic"), "no");
        assert!(begun.elapsed() < PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stays_is_not_waited_for_longer() {
        let (here, _there) = duplex(64);
        let begun = Instant::now();
        Linger::new(here).shutdown().await.expect("closed");
        assert_eq!(begun.elapsed().as_secs(), PATIENCE.as_secs());
    }
}
