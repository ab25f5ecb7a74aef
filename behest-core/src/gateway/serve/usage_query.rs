//! What the query of a report asks for: a window, filters, groups and a page.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::edge::EdgeError;
use super::extract::Query;
use crate::gateway::clock;
use crate::gateway::ledger::record::{KeySource, Outcome};
use crate::gateway::ledger::report::{Dimension, Granularity, UsageFilter, UsageRow};

/// How far back a query reaches when it does not say.
const DEFAULT_WINDOW_DAYS: i64 = 30;
/// A report above this many buckets, or rows without `limit`, is refused rather than cut.
const MAX_BUCKETS: i64 = 50_000;
/// The longest page.
const MAX_PAGE: u32 = 10_000;
/// As many groups make sense of a table, and more none.
const MAX_GROUPS: usize = 6;

fn bad(field: &'static str, problem: impl Into<String>) -> EdgeError {
    EdgeError::Query { field, problem: problem.into() }
}

/// The window of a query.
///
/// # Errors
/// When it is none.
pub fn window(query: &Query) -> Result<(i64, i64), EdgeError> {
    // One past now, so that a record of this very millisecond is in.
    let to = query.instant("to")?.unwrap_or_else(|| clock::now_ms() + 1);
    let from = query.instant("from")?.unwrap_or(to - DEFAULT_WINDOW_DAYS * 86_400_000);
    if from >= to {
        return Err(bad("from", "must be before `to`"));
    }
    Ok((from, to))
}

/// What a query selects of a project; `user_id` is whom the caller may see.
///
/// # Errors
/// When a parameter is wrong.
pub fn filter(query: &Query, project_id: Uuid, user_id: Option<String>) -> Result<UsageFilter, EdgeError> {
    let (mut granularity, group_by) = groups(query)?;
    if let Some(name) = query.get("granularity") {
        let problem = || bad("granularity", format!("must be {}", Granularity::NAMES));
        granularity = Some(Granularity::parse(name).ok_or_else(problem)?);
    }
    let granularity = granularity.unwrap_or_default();
    let (from, to) = window(query)?;
    check_buckets(granularity, from, to)?;
    Ok(UsageFilter { project_id, from, to, only: only(query, user_id)?, granularity, group_by })
}

fn check_buckets(granularity: Granularity, from: i64, to: i64) -> Result<(), EdgeError> {
    if granularity.milliseconds().is_some_and(|length| (to - from) / length > MAX_BUCKETS) {
        let problem = format!("gives more than {MAX_BUCKETS} buckets in this window: take a longer one");
        return Err(bad("granularity", problem));
    }
    Ok(())
}

/// The groups of a query, and the granularity that stands among them.
fn groups(query: &Query) -> Result<(Option<Granularity>, Vec<Dimension>), EdgeError> {
    let (mut granularity, mut group_by) = (None, Vec::new());
    let names = query.get("group_by").unwrap_or_default().split(',').map(str::trim);
    for name in names.filter(|name| !name.is_empty()) {
        if let Some(found) = Granularity::parse(name) {
            granularity = Some(found);
            continue;
        }
        let known = || format!("must be {} or tag:NAME, with commas between", Dimension::NAMES.join(", "));
        let dimension = Dimension::parse(name).ok_or_else(|| bad("group_by", known()))?;
        if !group_by.contains(&dimension) {
            group_by.push(dimension);
        }
    }
    if group_by.len() > MAX_GROUPS {
        return Err(bad(
            "group_by",
            format!("takes at most {MAX_GROUPS} names, and these are {}", group_by.len()),
        ));
    }
    Ok((granularity, group_by))
}

fn only(query: &Query, user_id: Option<String>) -> Result<Vec<(Dimension, String)>, EdgeError> {
    let mut only: Vec<_> = user_id.map(|user| (Dimension::User, user)).into_iter().collect();
    for (name, dimension) in [
        ("session_id", Dimension::Session),
        ("thread_id", Dimension::Thread),
        ("model", Dimension::Model),
        ("provider", Dimension::Provider),
        ("tier", Dimension::Tier),
    ] {
        only.extend(query.get(name).map(|value| (dimension, value.to_owned())));
    }
    if let Some(id) = query.get("api_key_id") {
        let id =
            Uuid::parse_str(id).map_err(|_| bad("api_key_id", "must be the id of an API key, a UUID"))?;
        only.push((Dimension::ApiKey, id.to_string()));
    }
    if let Some(status) = query.get("status") {
        if Outcome::parse(status).is_none() {
            let names = Outcome::ALL.map(Outcome::as_str);
            return Err(bad("status", format!("must be one of {}", names.join(", "))));
        }
        only.push((Dimension::Status, status.to_owned()));
    }
    if let Some(source) = query.get("key_source") {
        if KeySource::parse(source).is_none() {
            return Err(bad("key_source", "must be platform or byok"));
        }
        only.push((Dimension::KeySource, source.to_owned()));
    }
    if let Some(tag) = query.get("tag") {
        let (name, value) = tag
            .split_once([':', '='])
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| bad("tag", "must be NAME:VALUE"))?;
        only.push((Dimension::Tag(name.to_owned()), value.to_owned()));
    }
    Ok(only)
}

/// Where a page of a report begins, and how long it is.
#[derive(Debug)]
pub struct Page {
    limit: Option<usize>,
    after: Option<Key>,
}

/// What tells one row of a report from the others.
type Key = (i64, Vec<Option<String>>);

/// A cursor: the window that the first page had, and the row that the last page ended with.
type Cursor = (i64, i64, Key);

impl Page {
    /// Reads which page is wanted. A cursor brings the window of the first page along: `now` is later by then.
    ///
    /// # Errors
    /// When a parameter is wrong.
    pub fn read(query: &Query, filter: &mut UsageFilter) -> Result<Self, EdgeError> {
        let limit = query.number("limit", 1..=MAX_PAGE)?.map(|limit| limit as usize);
        let Some(cursor) = query.get("cursor") else { return Ok(Self { limit, after: None }) };
        let cursor: Option<Cursor> = URL_SAFE_NO_PAD
            .decode(cursor)
            .ok()
            .and_then(|json| serde_json::from_slice(&json).ok())
            .filter(|(from, to, _)| from < to && clock::is_instant(*from) && clock::is_instant(*to))
            .filter(|(_, _, (_, groups)): &Cursor| groups.len() == filter.group_by.len());
        let (from, to, after) =
            cursor.ok_or_else(|| bad("cursor", "must be the `next` of a page of the same report"))?;
        // Anybody can write one, so its window is held to what a query's is.
        check_buckets(filter.granularity, from, to)?;
        (filter.from, filter.to) = (from, to);
        Ok(Self { limit: Some(limit.unwrap_or(MAX_PAGE as usize)), after: Some(after) })
    }

    /// The rows of this page, and the cursor of the next.
    ///
    /// # Errors
    /// When there are too many rows for one answer and no page was asked for.
    pub fn of(
        &self,
        mut rows: Vec<UsageRow>,
        filter: &UsageFilter,
    ) -> Result<(Vec<UsageRow>, Option<String>), EdgeError> {
        let Some(limit) = self.limit else {
            if rows.len() > MAX_BUCKETS as usize {
                let problem =
                    format!("is needed: the report has {} rows, take up to {MAX_PAGE} at once", rows.len());
                return Err(bad("limit", problem));
            }
            return Ok((rows, None));
        };
        if let Some((bucket, groups)) = &self.after {
            let first = rows.partition_point(|row| (row.bucket, &row.groups) <= (*bucket, groups));
            rows.drain(..first);
        }
        if rows.len() <= limit {
            return Ok((rows, None));
        }
        rows.truncate(limit);
        let next = rows.last().map(|row| {
            let cursor: Cursor = (filter.from, filter.to, (row.bucket, row.groups.clone()));
            // Numbers and texts can always be written.
            URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
        });
        Ok((rows, next))
    }
}
