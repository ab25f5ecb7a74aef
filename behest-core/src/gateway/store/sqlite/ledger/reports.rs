//! Reports: whole hours and days from the sums beside the records, the window's edges and all the rest from the records.

use std::collections::BTreeMap;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};
use uuid::Uuid;

use super::super::values::count;
use super::rollups::{DAY_MS, HOUR_MS};
use crate::gateway::ledger::money::NanoUsd;
use crate::gateway::ledger::record::KeySource;
use crate::gateway::ledger::report::{
    BillingRow, Dimension, Granularity, MOST_ROWS, Sums, UsageFilter, UsageRow,
};

/// What a record costs: by the last price list that it was reckoned with.
pub(super) const COST: &str = "COALESCE(rerated_nano_usd, cost_nano_usd)";

/// So many days are looked up one by one; in a longer window all of them are read.
const MOST_DAYS: i64 = 4_000;

type Grouped = BTreeMap<(i64, Vec<Option<String>>), Sums>;

/// Where sums are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Records,
    Hours,
    /// Of one kind of subject. A tag has a name.
    Days {
        kind: &'static str,
        name: String,
    },
}

impl Source {
    /// The quickest that knows all that the query asks for.
    fn of(filter: &UsageFilter) -> Self {
        let asked = || filter.group_by.iter().chain(filter.only.iter().map(|(dimension, _)| dimension));
        let mut of_someone = asked().filter_map(subject);
        let Some(first) = of_someone.next() else {
            let of_thread = asked().any(|dimension| *dimension == Dimension::Thread);
            let is_fine = filter.granularity == Granularity::Minute;
            return if of_thread || is_fine { Self::Records } else { Self::Hours };
        };
        let by_day = matches!(filter.granularity, Granularity::Day | Granularity::Whole);
        let others = of_someone.any(|other| other != first) || asked().any(|one| *one == Dimension::Thread);
        if by_day && !others { Self::Days { kind: first.0, name: first.1.to_owned() } } else { Self::Records }
    }

    /// The column that tells when.
    const fn time(&self) -> &'static str {
        match self {
            Self::Records => "admitted_at",
            Self::Hours => "hour",
            Self::Days { .. } => "day",
        }
    }

    /// The part of a window that it can answer for: whole hours, or whole days. Empty where there is none.
    fn whole(&self, from: i64, to: i64) -> (i64, i64) {
        let unit = match self {
            Self::Records => return (from, from),
            Self::Hours => HOUR_MS,
            Self::Days { .. } => DAY_MS,
        };
        let first = from.div_euclid(unit) * unit + if from.rem_euclid(unit) == 0 { 0 } else { unit };
        let last = to.div_euclid(unit) * unit;
        if first < last { (first, last) } else { (from, from) }
    }
}

/// The kind and name under which `usage_days` has a dimension.
fn subject(dimension: &Dimension) -> Option<(&'static str, &str)> {
    match dimension {
        Dimension::User => Some(("user", "")),
        Dimension::Session => Some(("session", "")),
        Dimension::Tag(name) => Some(("tag", name)),
        _ => None,
    }
}

pub(in super::super) fn usage(
    connection: &Connection,
    filter: &UsageFilter,
) -> rusqlite::Result<Option<Vec<UsageRow>>> {
    report(connection, filter, Source::of(filter))
}

/// The same from the records alone: what sums are checked and measured against.
pub(in super::super) fn usage_of_records(
    connection: &Connection,
    filter: &UsageFilter,
) -> rusqlite::Result<Option<Vec<UsageRow>>> {
    report(connection, filter, Source::Records)
}

/// `None` when there are more than [`MOST_ROWS`].
fn report(
    connection: &Connection,
    filter: &UsageFilter,
    source: Source,
) -> rusqlite::Result<Option<Vec<UsageRow>>> {
    // One snapshot for all parts: a record committed between two of them would count in neither, or in both.
    let snapshot = connection.unchecked_transaction()?;
    let (first, last) = source.whole(filter.from, filter.to);
    let mut sums = Grouped::new();
    if first < last {
        let whole = |source: &Source, filter: &UsageFilter| {
            let mut found = Grouped::new();
            let fits = add(&snapshot, filter, source, (first, last), &mut found)?;
            Ok::<_, rusqlite::Error>(fits.then_some(found))
        };
        let Some(found) = whole(&source, filter)? else { return Ok(None) };
        sums = found;
        if let Source::Days { .. } = source
            && !filter.only.iter().any(|(dimension, _)| subject(dimension).is_some())
        {
            let nobodys = nobodys(&sums, filter, |filter| whole(&Source::Hours, filter))?;
            let Some(nobodys) = nobodys else { return Ok(None) };
            sums.extend(nobodys);
        }
    }
    let edges = if first < last {
        [(filter.from, first), (last, filter.to)]
    } else {
        [(filter.from, filter.to), (filter.to, filter.to)]
    };
    for edge in edges {
        if !add(&snapshot, filter, &Source::Records, edge, &mut sums)? {
            return Ok(None);
        }
    }
    let row = |((bucket, groups), sums)| UsageRow { bucket, groups, sums };
    Ok(Some(sums.into_iter().map(row).collect()))
}

/// The sums of what has no user, session or tag: all there is, without what has one.
fn nobodys(
    named: &Grouped,
    filter: &UsageFilter,
    of_all: impl FnOnce(&UsageFilter) -> rusqlite::Result<Option<Grouped>>,
) -> rusqlite::Result<Option<Grouped>> {
    let is_subject: Vec<bool> = filter.group_by.iter().map(|group| subject(group).is_some()).collect();
    let others = filter.group_by.iter().filter(|group| subject(group).is_none()).cloned().collect();
    let rest = of_all(&UsageFilter { group_by: others, ..filter.clone() })?;
    let Some(mut rest) = rest else { return Ok(None) };
    for ((bucket, groups), sums) in named {
        let others = groups.iter().zip(&is_subject).filter(|(_, is_subject)| !**is_subject);
        let key = (*bucket, others.map(|(group, _)| group.clone()).collect());
        if let Some(left) = rest.get_mut(&key) {
            *left -= *sums;
        }
    }
    let widened = |((bucket, others), sums): ((i64, Vec<Option<String>>), Sums)| {
        let mut others = others.into_iter();
        let group = |is_subject: &bool| if *is_subject { None } else { others.next().flatten() };
        ((bucket, is_subject.iter().map(group).collect()), sums)
    };
    Ok(Some(rest.into_iter().filter(|(_, sums)| sums.requests > 0).map(widened).collect()))
}

/// The text of a statement and the values in it.
#[derive(Default)]
pub(super) struct Values(pub(super) Vec<Value>);

impl Values {
    pub(super) fn bind(&mut self, value: Value) -> String {
        self.0.push(value);
        format!("?{}", self.0.len())
    }

    fn text(&mut self, text: &str) -> String {
        self.bind(Value::Text(text.to_owned()))
    }
}

/// Adds what `source` has of a window to `sums`; `false` once they are more than fit.
fn add(
    connection: &Connection,
    filter: &UsageFilter,
    source: &Source,
    (from, to): (i64, i64),
    sums: &mut Grouped,
) -> rusqlite::Result<bool> {
    if from >= to {
        return Ok(sums.len() <= MOST_ROWS);
    }
    let mut values = Values::default();
    let (table, summed) = match source {
        Source::Records => ("usage_records", of_records()),
        Source::Hours => ("usage_hours", OF_ROLLUPS.to_owned()),
        Source::Days { .. } => ("usage_days", OF_ROLLUPS.to_owned()),
    };
    let time = source.time();
    let bucket = match filter.granularity.milliseconds() {
        // Sums lie in the order of their time, so each time is a group without being sorted; buckets are made below.
        _ if *source != Source::Records && filter.group_by.is_empty() => time.to_owned(),
        Some(length) => {
            let length = values.bind(Value::Integer(length));
            format!("{time} / {length} * {length}")
        }
        None => values.bind(Value::Integer(filter.from)),
    };
    let mut columns = vec![bucket];
    for dimension in &filter.group_by {
        columns.push(column(dimension, source, &mut values));
    }
    let wanted = wanted(filter, source, (from, to), &mut values);
    let groups: Vec<String> = (1..=columns.len()).map(|number| number.to_string()).collect();
    let sql = format!(
        "SELECT {}, {summed} FROM {table} WHERE {} GROUP BY {}",
        columns.join(", "),
        wanted.join(" AND "),
        groups.join(", "),
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values.0))?;
    while let Some(row) = rows.next()? {
        let groups = (1..columns.len()).map(|index| group_name(row.get_ref(index)?));
        let time: i64 = row.get(0)?;
        let bucket = filter.granularity.milliseconds().map_or(filter.from, |length| time / length * length);
        let key = (bucket, groups.collect::<rusqlite::Result<_>>()?);
        *sums.entry(key).or_default() += read_sums(row, columns.len())?;
        if sums.len() > MOST_ROWS {
            return Ok(false);
        }
    }
    Ok(sums.len() <= MOST_ROWS)
}

/// The conditions under which a row of `source` is one that the query selects.
pub(super) fn wanted(
    filter: &UsageFilter,
    source: &Source,
    (from, to): (i64, i64),
    values: &mut Values,
) -> Vec<String> {
    let time = source.time();
    let mut wanted =
        vec![format!("project_id = {}", values.bind(Value::Blob(filter.project_id.as_bytes().to_vec())))];
    if let Source::Days { kind, name } = source {
        wanted.push(format!("kind = {}", values.text(kind)));
        wanted.push(format!("name = {}", values.text(name)));
    }
    let of_one = filter.only.iter().any(|(dimension, _)| subject(dimension).is_some());
    match source {
        // The key goes on with the subject only behind single days: one user is then found without all the others.
        Source::Days { .. } if of_one && (to - from) / DAY_MS <= MOST_DAYS => {
            let days: Vec<String> =
                (from / DAY_MS..to / DAY_MS).map(|day| (day * DAY_MS).to_string()).collect();
            let days = values.text(&format!("[{}]", days.join(",")));
            wanted.push(format!("day IN (SELECT value FROM json_each({days}))"));
        }
        _ => {
            wanted.push(format!("{time} >= {}", values.bind(Value::Integer(from))));
            wanted.push(format!("{time} < {}", values.bind(Value::Integer(to))));
        }
    }
    for (dimension, value) in &filter.only {
        let column = column(dimension, source, values);
        let value = match dimension {
            // What is no id is no key's.
            Dimension::ApiKey => Value::Blob(Uuid::parse_str(value).unwrap_or_default().as_bytes().to_vec()),
            _ => Value::Text(value.clone()),
        };
        wanted.push(format!("{column} = {}", values.bind(value)));
    }
    wanted
}

/// The expression for a dimension. An empty tier or key is none.
fn column(dimension: &Dimension, source: &Source, values: &mut Values) -> String {
    match (dimension, source) {
        (Dimension::Model, _) => "model".to_owned(),
        (Dimension::Provider, _) => "provider".to_owned(),
        (Dimension::Status, _) => "status".to_owned(),
        (Dimension::KeySource, _) => "key_source".to_owned(),
        (Dimension::Tier, _) => "NULLIF(tier, '')".to_owned(),
        (Dimension::ApiKey, _) => "NULLIF(api_key_id, x'')".to_owned(),
        (Dimension::User | Dimension::Session | Dimension::Tag(_), Source::Days { .. }) => {
            "subject".to_owned()
        }
        (Dimension::User, _) => "user_id".to_owned(),
        (Dimension::Session, _) => "session_id".to_owned(),
        (Dimension::Thread, _) => "thread_id".to_owned(),
        (Dimension::Tag(name), _) => {
            format!("(SELECT value FROM json_each(tags) WHERE key = {})", values.text(name))
        }
    }
}

const OF_ROLLUPS: &str = "SUM(attempts), SUM(calls),
    SUM(input_tokens + cache_read_tokens + cache_write_tokens + cache_write_1h_tokens),
    SUM(output_tokens + reasoning_tokens), SUM(cost_nano_usd), SUM(unpriced), SUM(estimated)";

fn of_records() -> String {
    format!(
        "COUNT(*), SUM(attempt = 1),
        SUM(COALESCE(input_tokens, 0) + COALESCE(cache_read_tokens, 0) + COALESCE(cache_write_tokens, 0)
            + COALESCE(cache_write_1h_tokens, 0)),
        SUM(COALESCE(output_tokens, 0) + COALESCE(reasoning_tokens, 0)),
        COALESCE(SUM({COST}), 0), SUM({COST} IS NULL), SUM(estimated)"
    )
}

fn read_sums(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Sums> {
    Ok(Sums {
        requests: count(row, first)?,
        calls: count(row, first + 1)?,
        input: count(row, first + 2)?,
        output: count(row, first + 3)?,
        cost: NanoUsd(row.get(first + 4)?),
        unpriced: count(row, first + 5)?,
        estimated: count(row, first + 6)?,
    })
}

/// Groups are texts, but for API keys, whose ids are blobs.
fn group_name(value: ValueRef<'_>) -> rusqlite::Result<Option<String>> {
    Ok(match value {
        ValueRef::Null => None,
        ValueRef::Blob(bytes) => Uuid::from_slice(bytes).ok().map(|id| id.to_string()),
        text => Some(text.as_str()?.to_owned()),
    })
}

pub(in super::super) fn billing(
    connection: &Connection,
    filter: &UsageFilter,
) -> rusqlite::Result<Option<Vec<BillingRow>>> {
    let group_by = vec![Dimension::KeySource, Dimension::Model];
    let filter = UsageFilter { granularity: Granularity::Whole, group_by, ..filter.clone() };
    let bill = |row: UsageRow| {
        let [key_source, model] = row.groups.try_into().unwrap_or_default();
        let key_source = match key_source.as_deref() {
            Some("byok") => KeySource::Byok,
            _ => KeySource::Platform,
        };
        BillingRow { key_source, model: model.unwrap_or_default(), sums: row.sums }
    };
    let Some(rows) = usage(connection, &filter)? else { return Ok(None) };
    let mut rows: Vec<_> = rows.into_iter().map(bill).collect();
    rows.sort_by(|a, b| b.sums.cost.cmp(&a.sums.cost).then_with(|| a.model.cmp(&b.model)));
    Ok(Some(rows))
}
