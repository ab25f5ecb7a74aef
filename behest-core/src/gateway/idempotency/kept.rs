//! An answer that is kept while it goes out.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use http_body::{Frame, SizeHint};

use super::{Claimed, LARGEST_ANSWER, Stored};

/// How a streamed answer ends that is complete: what broke off must not be repeated as if it were one.
const STREAM_END: &[u8] = b"data: [DONE]\n\n";

/// A body that is kept once all of it has gone out. Given up before, it leaves the key to the next call.
pub struct Kept {
    body: Body,
    status: StatusCode,
    headers: HeaderMap,
    streamed: bool,
    sent: BytesMut,
    /// `None` once it is kept, or cannot be.
    claimed: Option<Claimed>,
}

impl Kept {
    /// The same answer, to be kept under the key that `claimed` has.
    #[must_use]
    pub fn response(response: Response, claimed: Claimed) -> Response {
        let (parts, body) = response.into_parts();
        let kind = parts.headers.get(http::header::CONTENT_TYPE);
        let streamed = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let (status, headers) = (parts.status, parts.headers.clone());
        let kept = Self { body, status, headers, streamed, sent: BytesMut::new(), claimed: Some(claimed) };
        Response::from_parts(parts, Body::new(kept))
    }

    fn ended(&mut self) {
        let Some(claimed) = self.claimed.take() else { return };
        let body = std::mem::take(&mut self.sent).freeze();
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
                    if self.sent.len() + data.len() > LARGEST_ANSWER {
                        self.claimed = None;
                        self.sent = BytesMut::new();
                    }
                    if self.claimed.is_some() {
                        self.sent.extend_from_slice(data);
                    }
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
