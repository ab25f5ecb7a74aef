//! Records on their way out: as entries of our own columns or FOCUS's, written as lines of JSON or of CSV.

mod csv;
mod focus;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::money::NanoUsd;
use super::record::Recorded;
use crate::gateway::clock;
use crate::types::usage_record::UsageEntry;
use focus::FocusRow;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Jsonl,
    /// RFC 4180, with a line of names first.
    Csv,
}

impl Format {
    /// The media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jsonl => "application/jsonl; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }
}

/// Which columns there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Columns {
    /// Every field of the record.
    #[default]
    Own,
    /// Those of the FinOps Foundation's FOCUS, with ours behind them.
    Focus,
}

impl Columns {
    /// Reads their name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "own" => Some(Self::Own),
            "focus" => Some(Self::Focus),
            _ => None,
        }
    }
}

/// The line in front of all others: the names of the columns, where the format has such a line.
#[must_use]
pub fn head(format: Format, columns: Columns) -> Bytes {
    match (format, columns) {
        (Format::Jsonl, _) => Bytes::new(),
        (Format::Csv, Columns::Own) => csv::names(&value(&UsageEntry::default())),
        (Format::Csv, Columns::Focus) => csv::names(&value(&FocusRow::default())),
    }
}

/// Records as lines.
#[must_use]
pub fn lines(format: Format, columns: Columns, records: &[Recorded]) -> Bytes {
    let mut text = Vec::with_capacity(records.len() * 1_024);
    for record in records {
        let value = match columns {
            Columns::Own => value(&entry(record)),
            Columns::Focus => value(&FocusRow::of(record)),
        };
        match format {
            Format::Jsonl => text.extend_from_slice(value.to_string().as_bytes()),
            Format::Csv => csv::line(&value, &mut text),
        }
        text.push(b'\n');
    }
    text.into()
}

/// Our own rows have string keys and finite numbers, so they can always be written.
fn value<T: Serialize>(row: &T) -> Value {
    serde_json::to_value(row).unwrap_or_default()
}

/// A record as it is listed.
#[must_use]
pub fn entry(recorded: &Recorded) -> UsageEntry {
    let record = &recorded.record;
    let usd = |cost: Option<NanoUsd>| cost.map(NanoUsd::to_decimal);
    UsageEntry {
        attempt_id: record.attempt_id.to_string(),
        operation_id: record.operation_id.to_string(),
        tenant_id: record.tenant_id.to_string(),
        project_id: record.project_id.to_string(),
        attempt: record.attempt,
        admitted_at: clock::rfc3339(record.admitted_at),
        started_at: clock::rfc3339(record.started_at),
        first_byte_at: record.first_byte_at.map(clock::rfc3339),
        ended_at: clock::rfc3339(record.ended_at),
        user_id: record.user_id.clone(),
        session_id: record.session_id.clone(),
        thread_id: record.thread_id.clone(),
        tier: record.tier.clone(),
        api_key_id: record.api_key_id.map(|id| id.to_string()),
        tags: record.tags.clone().unwrap_or_default(),
        requested_model: record.requested_model.clone(),
        model: record.model.clone(),
        provider: record.provider.clone(),
        key_source: record.key_source.as_str().to_owned(),
        streamed: record.streamed,
        dropped_params: record.dropped.clone(),
        reserved_tokens: record.reserved.map(|reserved| reserved.tokens),
        reserved_usd: usd(record.reserved.and_then(|reserved| reserved.cost)),
        input_tokens: record.tokens.input,
        cache_read_tokens: record.tokens.cache_read,
        cache_write_tokens: record.tokens.cache_write,
        cache_write_1h_tokens: record.tokens.cache_write_1h,
        output_tokens: record.tokens.output,
        reasoning_tokens: record.tokens.reasoning,
        cost_usd: usd(recorded.cost()),
        price_version: recorded.price_version().map(str::to_owned),
        original_cost_usd: usd(record.cost),
        original_price_version: record.price_version.clone(),
        rerated_at: recorded.rerated.as_ref().map(|rerated| clock::rfc3339(rerated.at)),
        estimated: record.estimated,
        status: record.outcome.as_str().to_owned(),
        finish_reason: record.finish_reason.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::ledger::record::tests::record;

    fn text(format: Format, columns: Columns, records: &[Recorded]) -> String {
        let text = [head(format, columns), lines(format, columns, records)].concat();
        String::from_utf8(text).expect("UTF-8")
    }

    #[test]
    fn every_line_has_a_cell_for_every_name_and_the_unknown_is_empty() {
        let mut unknown = record();
        unknown.cost = None;
        unknown.tokens.input = None;
        let records = [Recorded { record: unknown, rerated: None }];
        for columns in [Columns::Own, Columns::Focus] {
            let csv = text(Format::Csv, columns, &records);
            let lines: Vec<&str> = csv.lines().collect();
            let names: Vec<&str> = lines[0].split(',').collect();
            assert_eq!(lines.len(), 2);
            let json: Value = serde_json::from_str(&text(Format::Jsonl, columns, &records)).expect("JSON");
            let keys: Vec<&str> = json.as_object().expect("an object").keys().map(String::as_str).collect();
            assert_eq!(names, keys);
            let cost = if columns == Columns::Own { "cost_usd" } else { "EffectiveCost" };
            assert_eq!(json[cost], Value::Null, "unknown is not zero");
        }
    }
}
