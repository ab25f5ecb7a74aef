//! What a run has seen, and its summary.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::client::{Answer, ClientError};

/// What one connection has seen, and, merged, the whole run.
#[derive(Default)]
pub struct Tally {
    latencies: Vec<Duration>,
    first_bytes: Vec<Duration>,
    errors: BTreeMap<String, u64>,
    body_bytes: Vec<usize>,
    events: Vec<usize>,
    last_end: Option<Instant>,
}

/// The answer of a run, as printed.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Requests sent.
    pub requests: u64,
    /// Answers with status 200 that came whole.
    pub ok: u64,
    /// Everything else, by status or kind.
    pub errors: BTreeMap<String, u64>,
    /// From the first request to the last answer.
    pub seconds: f64,
    /// Good answers per second.
    pub requests_per_second: f64,
    /// The mean size of a good answer's body.
    pub body_bytes: usize,
    /// The bytes in a good answer's body; `None` without good answers.
    pub bytes: Option<Range>,
    /// The server-sent events in a good answer; `None` without good answers.
    pub events: Option<Range>,
    /// From the request to the last byte of the answer; good answers only.
    pub latency: Percentiles,
    /// From the request to the first byte of the body; good answers only.
    pub first_byte: Percentiles,
}

/// The smallest and the largest number seen. Where every answer is the same they are one, or something was lost,
/// doubled or torn.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Range {
    /// The smallest.
    pub least: usize,
    /// The largest.
    pub most: usize,
}

/// Percentiles in microseconds; each one is a value that was seen.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half of the answers were as fast.
    pub p50: f64,
    /// 90 in 100 were as fast.
    pub p90: f64,
    /// 99 in 100 were as fast.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
}

impl Tally {
    /// Counts an exchange that counts from `begin`. A stream is good only if it came to its end.
    pub fn count(&mut self, begin: Instant, exchange: &Result<Answer, ClientError>, streaming: bool) {
        let kind = match exchange {
            Ok(answer) if answer.status != 200 => answer.status.to_string(),
            Ok(answer) if streaming && !answer.finished_stream => "unfinished".into(),
            Ok(answer) => {
                self.latencies.push(answer.end - begin);
                self.first_bytes.push(answer.first_byte - begin);
                self.body_bytes.push(answer.body_bytes);
                self.events.push(answer.events);
                self.last_end = self.last_end.max(Some(answer.end));
                return;
            }
            Err(ClientError::Connection(_)) => "connection".into(),
            Err(ClientError::Malformed(_)) => "malformed".into(),
        };
        self.fail(kind);
    }

    /// Counts a request without a good answer.
    pub fn fail(&mut self, kind: String) {
        *self.errors.entry(kind).or_default() += 1;
    }

    /// Adds what another connection has seen.
    pub fn merge(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.first_bytes.extend(other.first_bytes);
        for (kind, count) in other.errors {
            *self.errors.entry(kind).or_default() += count;
        }
        self.body_bytes.extend(other.body_bytes);
        self.events.extend(other.events);
        self.last_end = self.last_end.max(other.last_end);
    }

    /// Sums up a run that began at `start`.
    pub fn report(self, start: Instant) -> Report {
        let ok = self.latencies.len();
        let seconds = self.last_end.map_or(0.0, |end| (end - start).as_secs_f64());
        Report {
            requests: ok as u64 + self.errors.values().sum::<u64>(),
            ok: ok as u64,
            errors: self.errors,
            seconds,
            requests_per_second: if seconds > 0.0 { ok as f64 / seconds } else { 0.0 },
            body_bytes: self.body_bytes.iter().sum::<usize>().checked_div(ok).unwrap_or(0),
            bytes: range(&self.body_bytes),
            events: range(&self.events),
            latency: percentiles(self.latencies),
            first_byte: percentiles(self.first_bytes),
        }
    }
}

fn range(seen: &[usize]) -> Option<Range> {
    Some(Range { least: *seen.iter().min()?, most: *seen.iter().max()? })
}

fn percentiles(mut seen: Vec<Duration>) -> Percentiles {
    seen.sort_unstable();
    let Some(last) = seen.len().checked_sub(1) else { return Percentiles::default() };
    // The nearest rank: the smallest value that at least this share of all values does not exceed.
    let at = |percent: usize| microseconds(seen[(seen.len() * percent).div_ceil(100).saturating_sub(1)]);
    Percentiles { p50: at(50), p90: at(90), p99: at(99), max: microseconds(seen[last]) }
}

fn microseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e7).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let seen = (1..=200).rev().map(Duration::from_micros).collect();
        assert_eq!(percentiles(seen), Percentiles { p50: 100.0, p90: 180.0, p99: 198.0, max: 200.0 });
        assert_eq!(percentiles(Vec::new()), Percentiles::default());
        let one = percentiles(vec![Duration::from_nanos(1_550)]);
        assert_eq!(one, Percentiles { p50: 1.6, p90: 1.6, p99: 1.6, max: 1.6 });
    }

    #[test]
    fn only_whole_answers_of_status_200_are_good() {
        let begin = Instant::now();
        let end = begin + Duration::from_millis(500);
        let answer = |status, finished_stream| {
            Ok(Answer { status, first_byte: begin, end, body_bytes: 10, events: 3, finished_stream })
        };
        let mut tally = Tally::default();
        for exchange in
            [answer(200, true), answer(200, false), answer(503, false), Err(ClientError::Malformed("x"))]
        {
            tally.count(begin, &exchange, true);
        }
        let report = tally.report(begin);
        assert_eq!((report.requests, report.ok, report.requests_per_second), (4, 1, 2.0));
        let errors = [("503", 1), ("malformed", 1), ("unfinished", 1)];
        assert_eq!(report.errors, errors.map(|(kind, count)| (kind.to_owned(), count)).into());
    }
    #[test]
    fn one_lost_event_among_many_connections_is_seen() {
        let begin = Instant::now();
        let seen = |events| {
            let mut tally = Tally::default();
            let answer = Answer {
                status: 200,
                first_byte: begin,
                end: begin,
                body_bytes: 10 * events,
                events,
                finished_stream: true,
            };
            tally.count(begin, &Ok(answer), true);
            tally
        };
        let mut total = Tally::default();
        assert_eq!(Tally::default().report(begin).events, None);
        [36, 35, 36, 36].map(seen).into_iter().for_each(|tally| total.merge(tally));
        let report = total.report(begin);
        assert_eq!(report.events, Some(Range { least: 35, most: 36 }));
        assert_eq!(report.bytes, Some(Range { least: 350, most: 360 }));
    }
}
