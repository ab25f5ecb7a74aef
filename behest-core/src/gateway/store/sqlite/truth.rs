//! What the ledger knows of limits' and budgets' meters: whole hours and days from the sums beside the records, the rest
//! of a window from the records.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use uuid::Uuid;

use super::ledger::{DAY_MS, HOUR_MS};
use super::values::count;
use crate::gateway::limits::counters::Question;
use crate::gateway::limits::meter::{Measure, Subject};

/// Answers all questions from one state of the ledger.
pub(super) fn spent(
    connection: &Connection,
    questions: &[Question],
    except: &[Uuid],
) -> rusqlite::Result<Vec<u64>> {
    let transaction = connection.unchecked_transaction()?;
    questions.iter().map(|question| sum(&transaction, question, except)).collect()
}

/// The sum of a window, less what the calls under way have in it, which are few.
fn sum(connection: &Connection, question: &Question, except: &[Uuid]) -> rusqlite::Result<u64> {
    let (Some(measure), Some(subject)) =
        (Measured::of(question.meter.measure), Condition::of(&question.meter.subject))
    else {
        return Ok(0);
    };
    let project = question.meter.project;
    let records = Records { connection, project, measure: measure.of_record, subject };
    let (from, to) = (question.from, question.to);
    let mut all = 0_u64;
    let (mut first, mut last) = (to, to);
    if let Some(sums) = Sums::of(&question.meter.subject) {
        let whole = sums.whole(from, to);
        if whole.0 < whole.1 {
            (first, last) = whole;
            all = sums.sum(connection, project, measure.of_sums, whole)?;
        }
    }
    for (from, to) in [(from, first), (last, to)] {
        all = all.saturating_add(records.sum(from, to)?);
    }
    Ok(all.saturating_sub(records.sum_of_calls(from, to, except)?))
}

/// A measure as an expression over a record and over a row of sums.
struct Measured {
    of_record: &'static str,
    of_sums: &'static str,
}

impl Measured {
    /// `None` for what no record says.
    const fn of(measure: Measure) -> Option<Self> {
        Some(match measure {
            // One record of each call has this number.
            Measure::Requests => Self { of_record: "attempt = 1", of_sums: "calls" },
            Measure::Concurrency => return None,
            Measure::Tokens => Self {
                of_record: "COALESCE(input_tokens, 0) + COALESCE(cache_read_tokens, 0)
                    + COALESCE(cache_write_tokens, 0) + COALESCE(cache_write_1h_tokens, 0)
                    + COALESCE(output_tokens, 0) + COALESCE(reasoning_tokens, 0)",
                of_sums: "input_tokens + cache_read_tokens + cache_write_tokens + cache_write_1h_tokens
                    + output_tokens + reasoning_tokens",
            },
            Measure::Money => {
                Self { of_record: "COALESCE(rerated_nano_usd, cost_nano_usd)", of_sums: "cost_nano_usd" }
            }
        })
    }
}

/// Which records a subject has, and what stands for its parameters from the fourth on.
struct Condition {
    sql: &'static str,
    values: Vec<Value>,
}

impl Condition {
    /// `None` for what no record says.
    fn of(subject: &Subject) -> Option<Self> {
        let (sql, values) = match subject {
            Subject::Address(_) => return None,
            Subject::Project => ("TRUE", Vec::new()),
            Subject::User(user) => ("user_id = ?4", vec![text(user)]),
            Subject::Session { user, session } => {
                let user = user.as_deref().map_or(Value::Null, text);
                ("session_id = ?4 AND user_id IS ?5", vec![text(session), user])
            }
            Subject::Tier(tier) => ("tier = ?4", vec![text(tier)]),
            Subject::Model(model) => ("model = ?4", vec![text(model)]),
            Subject::ApiKey(key) => ("api_key_id = ?4", vec![blob(*key)]),
            Subject::Tag { name, value } => (
                "EXISTS (SELECT 1 FROM json_each(tags) WHERE key = ?4 AND value = ?5)",
                vec![text(name), text(value)],
            ),
        };
        Some(Self { sql, values })
    }
}

/// The records of a subject.
struct Records<'c> {
    connection: &'c Connection,
    project: Uuid,
    measure: &'static str,
    subject: Condition,
}

impl Records<'_> {
    fn sum(&self, from: i64, to: i64) -> rusqlite::Result<u64> {
        if from >= to {
            return Ok(0);
        }
        let mut statement = self.connection.prepare_cached(&self.sql(""))?;
        statement.query_row(params_from_iter(self.values(from, to)), |row| count(row, 0))
    }

    /// The part of these calls.
    fn sum_of_calls(&self, from: i64, to: i64, calls: &[Uuid]) -> rusqlite::Result<u64> {
        let mut values = self.values(from, to);
        values.push(Value::Null);
        // The index of operations, whatever the planner knows of the others.
        let sql = self.sql("INDEXED BY usage_of_operation");
        let sql = format!("{sql} AND operation_id = ?{}", values.len());
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut sum = 0_u64;
        for call in calls {
            values.pop();
            values.push(blob(*call));
            let part = statement.query_row(params_from_iter(&values), |row| count(row, 0))?;
            sum = sum.saturating_add(part);
        }
        Ok(sum)
    }

    fn sql(&self, index: &str) -> String {
        let (measure, subject) = (self.measure, self.subject.sql);
        format!(
            "SELECT COALESCE(SUM({measure}), 0) FROM usage_records {index}
            WHERE project_id = ?1 AND admitted_at >= ?2 AND admitted_at < ?3 AND {subject}"
        )
    }

    fn values(&self, from: i64, to: i64) -> Vec<Value> {
        let window = [blob(self.project), Value::Integer(from), Value::Integer(to)];
        window.into_iter().chain(self.subject.values.iter().cloned()).collect()
    }
}

/// The kept sums that know a subject.
enum Sums {
    /// Those by hour, of everybody or of the rows with this value in this column.
    Hours(Option<(&'static str, Value)>),
    /// Those by day of one subject of a kind. A tag has a name.
    Days { kind: &'static str, name: Value, subject: Value },
}

/// One subject's days are looked up one by one: their key goes on with the subject only behind each day.
const OF_DAYS: &str = "WITH RECURSIVE
    days (day) AS (
        SELECT MIN(day) FROM usage_days WHERE project_id = ?1 AND kind = ?4 AND name = ?5 AND day >= ?2 AND day < ?3
        UNION ALL
        SELECT (
            SELECT MIN(later.day) FROM usage_days AS later
            WHERE project_id = ?1 AND kind = ?4 AND name = ?5 AND later.day > days.day AND later.day < ?3
        )
        FROM days WHERE days.day IS NOT NULL
    )
    SELECT COALESCE(SUM({measure}), 0) FROM days CROSS JOIN usage_days AS own ON own.day = days.day
    WHERE project_id = ?1 AND kind = ?4 AND name = ?5 AND subject = ?6";

impl Sums {
    /// `None`: sessions are summed without their users, and so by their records, of which each has few.
    fn of(subject: &Subject) -> Option<Self> {
        Some(match subject {
            Subject::Address(_) | Subject::Session { .. } => return None,
            Subject::Project => Self::Hours(None),
            Subject::Tier(tier) => Self::Hours(Some(("tier", text(tier)))),
            Subject::Model(model) => Self::Hours(Some(("model", text(model)))),
            Subject::ApiKey(key) => Self::Hours(Some(("api_key_id", blob(*key)))),
            Subject::User(user) => Self::Days { kind: "user", name: text(""), subject: text(user) },
            Subject::Tag { name, value } => {
                Self::Days { kind: "tag", name: text(name), subject: text(value) }
            }
        })
    }

    /// The whole hours or days of a window.
    fn whole(&self, from: i64, to: i64) -> (i64, i64) {
        let unit = match self {
            Self::Hours(_) => HOUR_MS,
            Self::Days { .. } => DAY_MS,
        };
        // A window since ever begins before all times, where nothing can be rounded.
        (from.max(0).saturating_add(unit - 1) / unit * unit, to / unit * unit)
    }

    fn sum(
        self,
        connection: &Connection,
        project: Uuid,
        measure: &str,
        (from, to): (i64, i64),
    ) -> rusqlite::Result<u64> {
        let mut values = vec![blob(project), Value::Integer(from), Value::Integer(to)];
        let sql = match self {
            Self::Hours(of) => {
                let mut sql = format!(
                    "SELECT COALESCE(SUM({measure}), 0) FROM usage_hours
                    WHERE project_id = ?1 AND hour >= ?2 AND hour < ?3"
                );
                if let Some((column, value)) = of {
                    sql += &format!(" AND {column} = ?4");
                    values.push(value);
                }
                sql
            }
            Self::Days { kind, name, subject } => {
                values.extend([text(kind), name, subject]);
                OF_DAYS.replace("{measure}", measure)
            }
        };
        connection.prepare_cached(&sql)?.query_row(params_from_iter(values), |row| count(row, 0))
    }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn blob(id: Uuid) -> Value {
    Value::Blob(id.as_bytes().to_vec())
}
