//! An answer that is kept while it goes out.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use http_body::{Frame, SizeHint};

use super::{Claimed, Stored};

/// How a streamed answer ends that is complete: what broke off must not be repeated as if it were one.
const STREAM_END: &[u8] = b"data: [DONE]\n\n";

/// A body that is kept once all of it has gone out. Given up before, it leaves the key to the next call. One that is too
/// large to be kept has its key until it has ended, and leaves it then.
pub struct Kept {
    body: Body,
    status: StatusCode,
    headers: HeaderMap,
    streamed: bool,
    /// `None` once it is too large.
    sent: Option<Sent>,
    /// `None` once it is kept, or cannot be.
    claimed: Option<Claimed>,
}

/// What has gone out. Most plain answers are one piece, which then is not copied.
#[derive(Default)]
struct Sent {
    first: Bytes,
    rest: BytesMut,
}

impl Sent {
    fn len(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    fn add(&mut self, data: &Bytes) {
        if self.first.is_empty() {
            self.first = data.clone();
        } else {
            self.rest.extend_from_slice(data);
        }
    }

    /// All of it, in no more memory than it takes.
    fn whole(self) -> Bytes {
        match self.rest.is_empty() {
            true => self.first,
            false => [&self.first[..], &self.rest[..]].concat().into(),
        }
    }
}

impl Kept {
    /// The same answer, to be kept under the key that `claimed` has.
    #[must_use]
    pub fn response(response: Response, claimed: Claimed) -> Response {
        let (parts, body) = response.into_parts();
        let kind = parts.headers.get(http::header::CONTENT_TYPE);
        let streamed = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let (status, headers) = (parts.status, parts.headers.clone());
        let sent = Some(Sent::default());
        let kept = Self { body, status, headers, streamed, sent, claimed: Some(claimed) };
        Response::from_parts(parts, Body::new(kept))
    }

    fn add(&mut self, data: &Bytes) {
        let (Some(claimed), Some(sent)) = (&mut self.claimed, &mut self.sent) else { return };
        if claimed.hold(sent.len() + data.len()) {
            sent.add(data);
        } else {
            self.sent = None;
        }
    }

    fn ended(&mut self) {
        let (Some(claimed), Some(sent)) = (self.claimed.take(), self.sent.take()) else { return };
        let body = sent.whole();
        if !self.streamed || body.ends_with(STREAM_END) {
            let headers = std::mem::take(&mut self.headers);
            claimed.answered(Stored { status: self.status, headers, body });
        }
    }
}

impl http_body::Body for Kept {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.add(data);
                }
                // Of a body with a length nobody asks for what comes after its last byte.
                if self.body.is_end_stream() {
                    self.ended();
                }
            }
            Some(Err(_)) => self.claimed = None,
            None => self.ended(),
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
