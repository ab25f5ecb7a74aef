//! The control plane: events, as a list and as a stream.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream;
use http::request::Parts;
use http::{HeaderName, header};
use tokio::time::{Instant, sleep_until, timeout};

use super::control::admitted;
use crate::gateway::Gateway;
use crate::gateway::control::events::{self, Follower};
use crate::gateway::drain::Drain;
use crate::gateway::refusal::Refusal;
use crate::gateway::serve::extract::Query;
use crate::gateway::serve::respond;
use crate::gateway::store::StoreError;
use crate::gateway::store::events::EventRow;
use crate::sse;
use crate::types::event::Event;
use crate::types::problem::Problem;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// A stream that is silent for this long shows that it lives.
const PING: Duration = Duration::from_secs(15);
/// A stream ends after this long, and is followed on with a credential that still holds.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// Events, newest first.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub struct EventPage {
    data: Vec<Event>,
    /// The `cursor` of the following page.
    next: Option<String>,
}

/// Lists events that the caller may see, newest first; or, with `Accept: text/event-stream`, streams them as they happen
#[utoipa::path(get, path = "/v1/events", tag = "control plane", operation_id = "listEvents",
    params(
        ("limit" = Option<u32>, Query, description = "At most so many: 1 to 1000, 100 when absent"),
        ("cursor" = Option<String>, Query, description = "Only events before this one: the `next` of the page before"),
        ("kind" = Option<String>, Query, description = "Only these kinds, with commas between"),
        ("project_id" = Option<String>, Query, description = "Only this project's: its id or slug"),
        ("since" = Option<String>, Query, description = "Not before this instant or date"),
        ("stream" = Option<bool>, Query, description = "`true` streams, whatever `Accept` says"),
        ("Last-Event-ID" = Option<String>, Header, description = "Streams on after this event"),
    ),
    responses((status = 200, description = "The events", body = EventPage), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = [])))]
pub async fn list_events(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    let (admin, incoming) = admitted(&gateway, request).await?;
    let query = Query::of(&incoming.head);
    let since = query.instant("since")?;
    let filter = events::filter(&gateway, admin, query.get("project_id"), query.get("kind"), since).await?;
    if wants_stream(&incoming.head, &query) {
        let last = incoming.head.headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or_default());
        let last = last.map(|last| events::id("Last-Event-ID", last)).transpose()?;
        return Ok(stream_of(Follower::new(gateway.clone(), filter, last), gateway.drain().clone()));
    }
    let cursor = query.get("cursor").map(|cursor| events::id("cursor", cursor)).transpose()?;
    let limit = query.number("limit", 1..=1_000)?.unwrap_or(100);
    Ok(respond::ok(&events::list(&gateway, filter, cursor, limit).await?))
}

fn wants_stream(head: &Parts, query: &Query) -> bool {
    let accepts = head.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let by_header = accepts.is_some_and(|accepts| accepts.to_ascii_lowercase().contains("text/event-stream"));
    by_header || query.get("stream") == Some("true")
}

/// The next event on its way, with who follows them. It is kept over a ping, so that reading which takes longer than
/// the time between two pings is not begun anew each time.
type Step = BoxFuture<'static, (Follower, Result<Option<Arc<EventRow>>, StoreError>)>;

fn step(mut follower: Follower) -> Step {
    async move {
        let next = follower.next().await;
        (follower, next)
    }
    .boxed()
}

fn stream_of(follower: Follower, drain: Drain) -> Response {
    let end = Instant::now() + LONGEST;
    let pieces = stream::unfold((step(follower), drain), move |(step, drain)| async move {
        let piece = tokio::select! {
            biased;
            () = drain.begun() => None,
            () = sleep_until(end) => None,
            piece = next_piece(step) => piece,
        };
        piece.map(|(piece, step)| (Ok::<_, Infallible>(piece), (step, drain)))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    respond::stream_headers(response.headers_mut());
    response.headers_mut().insert(header::CACHE_CONTROL, respond::NO_STORE);
    response
}

async fn next_piece(next: Step) -> Option<(Bytes, Step)> {
    match before_ping(next).await {
        Ok((follower, Ok(event))) => event.map(|event| (encode(&event), step(follower))),
        Ok((_, Err(error))) => {
            // Its reader follows on after the last event that it has.
            tracing::warn!(%error, "a stream of events ends");
            None
        }
        Err(next) => Some((Bytes::from_static(b": ping\n\n"), next)),
    }
}

/// What comes before the next ping, or what will come yet.
async fn before_ping<T>(mut next: BoxFuture<'static, T>) -> Result<T, BoxFuture<'static, T>> {
    timeout(PING, &mut next).await.map_err(|_| next)
}

fn encode(event: &EventRow) -> Bytes {
    // Our own types have string keys and finite numbers, so writing them cannot fail.
    let data = serde_json::to_vec(&event.to_event()).unwrap_or_default();
    let mut text = BytesMut::from(format!("id: {}\nevent: {}\n", event.id, event.kind.as_str()).as_str());
    text.put(sse::encode(&data));
    text.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_takes_longer_than_two_pings_comes_all_the_same() {
        let begun = Instant::now();
        let mut next = async { tokio::time::sleep(PING * 2 + PING / 2).await }.boxed();
        for _ in 0..2 {
            next = before_ping(next).await.expect_err("a ping");
        }
        before_ping(next).await.unwrap_or_else(|_| panic!("it began anew"));
        assert_eq!(begun.elapsed(), PING * 2 + PING / 2);
    }
}
