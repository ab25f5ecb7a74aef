//! The ledger's records: listed, exported, watched, reckoned again and checked.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use http::{HeaderValue, header};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::control::{admitted, with_body};
use crate::gateway::Gateway;
use crate::gateway::control::{ledger, projects};
use crate::gateway::ledger::export::{self, Columns, Format};
use crate::gateway::ledger::record::{Recorded, UsageRecord};
use crate::gateway::refusal::Refusal;
use crate::gateway::serve::edge::EdgeError;
use crate::gateway::serve::extract::{Captured, Query};
use crate::gateway::serve::{respond, usage_query};
use crate::gateway::store::StoreError;
use crate::gateway::store::ledger::{Place, RecordQuery};
use crate::sse;
use crate::types::control::Page;
use crate::types::ledger::{Rerate, RerateReport, VerifyReport};
use crate::types::problem::Problem;
use crate::types::usage_record::UsageEntry;

/// A page of records when the query does not say.
const PAGE: u32 = 100;
/// The longest page.
const LONGEST_PAGE: u32 = 1_000;
/// Read at once for an export: what it keeps in memory, and how long it holds a reader.
const AT_ONCE: u32 = 500;
/// After this much silence a comment tells whoever watches, and everything between, that the stream lives.
const PING_EVERY: Duration = Duration::from_secs(15);
/// A stream ends after this long, and is begun again with a credential that still holds.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// A page of records.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub struct UsageEntries {
    /// In the order in which their calls were admitted.
    data: Vec<UsageEntry>,
    /// The `cursor` of the next page, when there is one.
    next: Option<String>,
}

/// Lists a project's records, each with every field
#[utoipa::path(
    get, path = "/v1/projects/{id}/usage/records", tag = "control plane", operation_id = "listUsageRecords",
    params(
        ("id" = String, Path, description = "The project's id or slug"),
        ("from" = Option<String>, Query, description = "First instant; 30 days ago when absent"),
        ("to" = Option<String>, Query, description = "Instant after the last; now when absent"),
        ("user_id" = Option<String>, Query, description = "One end user"),
        ("session_id" = Option<String>, Query, description = "One session"),
        ("thread_id" = Option<String>, Query, description = "One thread"),
        ("model" = Option<String>, Query, description = "One model"),
        ("provider" = Option<String>, Query, description = "One provider"),
        ("tier" = Option<String>, Query, description = "One tier"),
        ("api_key_id" = Option<String>, Query, description = "One API key, by its id"),
        ("status" = Option<String>, Query, description = "ok, cancelled, failed, timed_out, incomplete, cut or lost"),
        ("key_source" = Option<String>, Query, description = "platform or byok"),
        ("tag" = Option<String>, Query, description = "One value of a tag, as NAME:VALUE or NAME=VALUE"),
        ("limit" = Option<u32>, Query, description = "1 to 1000; 100 when absent"),
        ("cursor" = Option<String>, Query, description = "Where the last page ended: its `next`"),
    ),
    responses((status = 200, description = "The records", body = UsageEntries), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = []))
)]
pub async fn list_usage_records(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (mut query, head) = of_project(&gateway, &captured, request).await?;
    let limit = head.number("limit", 1..=LONGEST_PAGE)?.unwrap_or(PAGE);
    query.after = head.get("cursor").map(place).transpose()?;
    // One more than asked for tells whether there is a next page.
    query.limit = limit + 1;
    let mut records = gateway.store().records(query).await?;
    let more = records.len() > limit as usize;
    records.truncate(limit as usize);
    let next = records.last().filter(|_| more).map(Recorded::place);
    let next = next.map(|(admitted_at, attempt)| format!("{admitted_at}-{}", attempt.simple()));
    Ok(respond::ok(&Page { data: records.iter().map(export::entry).collect(), next }))
}

/// Exports a project's records as CSV
#[utoipa::path(
    get, path = "/v1/projects/{id}/usage.csv", tag = "control plane", operation_id = "exportUsageCsv",
    params(
        ("id" = String, Path, description = "The project's id or slug"),
        ("from" = Option<String>, Query, description = "First instant; 30 days ago when absent"),
        ("to" = Option<String>, Query, description = "Instant after the last; now when absent"),
        ("columns" = Option<String>, Query, description = "own (every field, when absent) or focus (FOCUS 1.3)"),
    ),
    responses((status = 200, description = "One line for each record", content_type = "text/csv", body = String), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = []))
)]
pub async fn export_csv(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    export(gateway, captured, request, Format::Csv).await
}

/// Exports a project's records as lines of JSON
#[utoipa::path(
    get, path = "/v1/projects/{id}/usage.jsonl", tag = "control plane", operation_id = "exportUsageJsonl",
    params(
        ("id" = String, Path, description = "The project's id or slug"),
        ("from" = Option<String>, Query, description = "First instant; 30 days ago when absent"),
        ("to" = Option<String>, Query, description = "Instant after the last; now when absent"),
        ("columns" = Option<String>, Query, description = "own (every field, when absent) or focus (FOCUS 1.3)"),
    ),
    responses((status = 200, description = "One line for each record", content_type = "application/jsonl", body = String), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = []))
)]
pub async fn export_jsonl(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    export(gateway, captured, request, Format::Jsonl).await
}

async fn export(
    gateway: Gateway,
    captured: Captured,
    request: Request,
    format: Format,
) -> Result<Response, Refusal> {
    let (query, head) = of_project(&gateway, &captured, request).await?;
    let columns = head.get("columns").map(|name| {
        let problem = "must be own or focus".to_owned();
        Columns::parse(name).ok_or(EdgeError::Query { field: "columns", problem })
    });
    let columns = columns.transpose()?.unwrap_or_default();
    let body = Body::from_stream(lines(gateway, query, format, columns));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(response)
}

/// The lines of an export. A page is read when the last one has been taken, so a slow reader holds nothing but its page.
/// An export that cannot go on breaks off, and so never looks finished.
fn lines(
    gateway: Gateway,
    query: RecordQuery,
    format: Format,
    columns: Columns,
) -> impl Stream<Item = Result<Bytes, StoreError>> {
    let head = stream::iter(Some(export::head(format, columns)).filter(|head| !head.is_empty()).map(Ok));
    let pages = stream::try_unfold(Some(query), move |query| {
        let gateway = gateway.clone();
        async move {
            let Some(mut query) = query else { return Ok(None) };
            let records = gateway.store().records(query.clone()).await?;
            let Some(last) = records.last() else { return Ok(None) };
            query.after = Some(last.place());
            let next = (records.len() == query.limit as usize).then_some(query);
            Ok(Some((export::lines(format, columns, &records), next)))
        }
    });
    head.chain(pages)
}

/// Streams a project's records as they are committed
///
/// Server-sent events whose data is a record. An event named `lost` tells a reader that was too slow that
/// some may be missing. The stream ends after 15 minutes.
#[utoipa::path(
    get, path = "/v1/projects/{id}/usage/live", tag = "control plane", operation_id = "watchUsage",
    params(("id" = String, Path, description = "The project's id or slug")),
    responses((status = 200, description = "The records to come", content_type = "text/event-stream", body = UsageEntry), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = []), ("bearer" = []))
)]
pub async fn watch_usage(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    let project = projects::find(&gateway, admin, captured.at(0)).await?.row.id;
    let end = Instant::now() + LONGEST;
    let drain = gateway.drain().clone();
    let pieces = watched(gateway.store().watch(), project);
    // Nobody who watches keeps the gateway from going down, or outlives what let him in.
    let pieces = pieces.take_until(async move {
        tokio::select! {
            () = drain.deadline() => {}
            () = sleep_until(end) => {}
        }
    });
    let mut response = Response::new(Body::from_stream(pieces.map(Ok::<_, Infallible>)));
    respond::stream_headers(response.headers_mut());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(response)
}

/// What somebody sees who watches a project.
fn watched(records: Receiver<Arc<UsageRecord>>, project: Uuid) -> impl Stream<Item = Bytes> {
    let pieces = stream::unfold(records, move |mut records| async move {
        // Others' records must not put it off: it tells that this stream lives.
        let ping = Instant::now() + PING_EVERY;
        loop {
            let record = tokio::select! {
                biased;
                () = sleep_until(ping) => return Some((Bytes::from_static(b": ping\n\n"), records)),
                record = records.recv() => record,
            };
            match record {
                Ok(record) if record.project_id == project => return Some((event(&record), records)),
                Ok(_) => {}
                // Not how many: others' are among them.
                Err(RecvError::Lagged(_)) => {
                    return Some((Bytes::from_static(b"event: lost\ndata: {}\n\n"), records));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    });
    // The first bytes tell that the watch has begun: what is committed from now on is seen.
    stream::iter([Bytes::from_static(b": watching\n\n")]).chain(pieces)
}

fn event(record: &Arc<UsageRecord>) -> Bytes {
    let recorded = Recorded { record: UsageRecord::clone(record), rerated: None };
    // Our own entries have string keys and finite numbers, so they can always be written.
    sse::encode(&serde_json::to_vec(&export::entry(&recorded)).unwrap_or_default())
}

/// Reckons costs again by the prices now in force; the operator's to do
///
/// The first cost of each record stays beside the new one, which reports then count.
#[utoipa::path(post, path = "/v1/ledger/rerate", tag = "control plane", operation_id = "rerateLedger", request_body = Rerate,
    responses((status = 200, description = "What changed", body = RerateReport), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = [])))]
pub async fn rerate(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    let (admin, asked): (_, Rerate) = with_body(&gateway, request).await?;
    Ok(respond::ok(&ledger::rerate(&gateway, admin, asked).await?))
}

/// Checks every rule of the ledger and changes nothing; the operator's to do
#[utoipa::path(post, path = "/v1/ledger/verify", tag = "control plane", operation_id = "verifyLedger",
    responses((status = 200, description = "What was found", body = VerifyReport), (status = "4XX", description = "Refused", body = Problem)),
    security(("admin_secret" = [])))]
pub async fn verify(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    let (admin, _) = admitted(&gateway, request).await?;
    Ok(respond::ok(&ledger::verify(&gateway, admin).await?))
}

/// Recognises the caller and reads which records of which project it asks for.
async fn of_project(
    gateway: &Gateway,
    captured: &Captured,
    request: Request,
) -> Result<(RecordQuery, Query), Refusal> {
    let (admin, incoming) = admitted(gateway, request).await?;
    let project = projects::find(gateway, admin, captured.at(0)).await?;
    let query = Query::of(&incoming.head);
    let filter = usage_query::filter(&query, project.row.id, query.get("user_id").map(str::to_owned))?;
    Ok((RecordQuery { filter, after: None, limit: AT_ONCE }, query))
}

fn place(cursor: &str) -> Result<Place, EdgeError> {
    let place = cursor
        .split_once('-')
        .and_then(|(admitted_at, attempt)| Some((admitted_at.parse().ok()?, Uuid::parse_str(attempt).ok()?)));
    let problem = "must be the `next` of a page of the same list".to_owned();
    place.ok_or(EdgeError::Query { field: "cursor", problem })
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast;

    use super::*;
    use crate::gateway::ledger::record::tests::record;

    #[tokio::test(start_paused = true)]
    async fn a_watch_pings_whatever_others_do_and_tells_nothing_of_them() {
        let (sender, records) = broadcast::channel(4);
        let own = record();
        let mut pieces = Box::pin(watched(records, own.project_id));
        assert_eq!(pieces.next().await.expect("a piece"), ": watching\n\n");
        let begun = Instant::now();
        let others = async {
            loop {
                let _ = sender.send(Arc::new(record()));
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let piece = tokio::select! {
            piece = pieces.next() => piece.expect("a piece"),
            () = others => unreachable!("others never end"),
        };
        assert_eq!((piece.as_ref(), begun.elapsed()), (b": ping\n\n".as_slice(), PING_EVERY));
        for _ in 0..10 {
            let _ = sender.send(Arc::new(record()));
        }
        sender.send(Arc::new(own.clone())).expect("a watcher");
        assert_eq!(pieces.next().await.expect("a piece"), "event: lost\ndata: {}\n\n");
        let piece = pieces.next().await.expect("a piece");
        assert!(String::from_utf8_lossy(&piece).contains(&own.attempt_id.to_string()));
    }
}
