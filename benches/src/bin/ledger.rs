//! Fills a ledger through the store and prints how long reports over it take, beside the same reports from the records
//! alone, what limits ask of it, and whether whoever commits meanwhile has to wait. Or only fills a gateway's ledger.

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use behest_core::gateway::ledger::money::NanoUsd;
use behest_core::gateway::ledger::record::{KeySource, Outcome, Tokens, UsageRecord};
use behest_core::gateway::ledger::report::{Dimension, Granularity, Sums, UsageFilter, UsageRow};
use behest_core::gateway::limits::counters::Question;
use behest_core::gateway::limits::meter::{Measure, Meter, Subject};
use behest_core::gateway::limits::window::Window;
use behest_core::gateway::store::Store;
use behest_core::gateway::store::sqlite::{Durability, Sqlite};
use clap::Parser;
use fastrand::Rng;
use uuid::Uuid;

const DAY: i64 = 86_400_000;
const DAYS: i64 = 30;
/// 2026-01-01T00:00:00Z, and a few minutes: windows of people do not begin with an hour.
const BEGIN: i64 = 20_454 * DAY + 754_321;
const PROJECT: Uuid = Uuid::from_u128(1);
/// A month that has all of the records.
const MONTH: (i64, i64) = (20_454 * DAY, (20_454 + DAYS + 1) * DAY);
const MODELS: [(&str, &str); 5] = [
    ("gpt-4o-mini", "openai"),
    ("gpt-4o", "openai"),
    ("claude-haiku-4-5", "anthropic"),
    ("gemini-2.5-flash", "gemini"),
    ("mistral-small-latest", "mistral"),
];
const USERS: usize = 1_000;
const TIERS: [&str; 3] = ["free", "pro", "max"];

/// Measures reports over a ledger of one month.
#[derive(Parser)]
struct Options {
    /// Where to make the database; it must not be there yet, but to be filled only.
    #[arg(long)]
    database: PathBuf,
    /// Only adds the records, to this project of a database that is there and that no gateway has open.
    #[arg(long)]
    fill: Option<Uuid>,
    /// How many records.
    #[arg(long, default_value_t = 1_000_000)]
    records: u32,
    /// How often each report is asked for.
    #[arg(long, default_value_t = 15)]
    times: usize,
    /// How long commits are timed, with and without reports.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let is_there = options.database.exists();
    if is_there != options.fill.is_some() {
        let problem = if is_there { "is there already" } else { "is not there" };
        return Err(format!("{} {problem}", options.database.display()).into());
    }
    let store = Arc::new(Sqlite::open(&options.database, Durability::Process)?);
    fill(&store, options.records, options.fill.unwrap_or(PROJECT)).await?;
    store.close().await;
    if options.fill.is_some() {
        return Ok(());
    }
    let bytes = std::fs::metadata(&options.database)?.len();
    say(&format!("The database has {} MB.\n", bytes / 1_000_000))?;

    let store = Arc::new(Sqlite::open(&options.database, Durability::Process)?);
    say("| report over the month | rows | with sums, ms | from records, ms |\n| --- | --: | --: | --: |")?;
    for (name, filter) in reports() {
        let (kept, quick) = timed(options.times, async || store.usage(filter.clone()).await).await?;
        let (wanted, slow) = timed(3, async || store.usage_of_records(filter.clone()).await).await?;
        if kept != wanted || total(&kept) != total(&wanted) {
            return Err(format!("`{name}`: the sums are not those of the records").into());
        }
        say(&format!("| {name} | {} | {} | {} |", kept.len(), ms(quick), ms(slow)))?;
    }
    say("")?;
    questions(&store, options.times).await?;
    say("")?;
    commits(&store, &options).await?;
    store.close().await;
    Ok(())
}

fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

fn ms(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1_000.0)
}

fn total(rows: &[UsageRow]) -> Sums {
    rows.iter().fold(Sums::default(), |mut sum, row| {
        sum += row.sums;
        sum
    })
}

/// The last answer, and the median of the times that it took.
async fn timed<T, E>(times: usize, ask: impl AsyncFn() -> Result<T, E>) -> Result<(T, Duration), E> {
    let mut took = Vec::with_capacity(times);
    let mut answer = ask().await?;
    for _ in 0..times {
        let begin = Instant::now();
        answer = ask().await?;
        took.push(begin.elapsed());
    }
    took.sort_unstable();
    Ok((answer, took[took.len() / 2]))
}

fn reports() -> Vec<(&'static str, UsageFilter)> {
    let filter = |granularity, group_by, only| UsageFilter {
        project_id: PROJECT,
        from: BEGIN,
        to: BEGIN + DAYS * DAY - 123_456,
        only,
        granularity,
        group_by,
    };
    let team = || Dimension::Tag("team".to_owned());
    let one = |dimension, value: &str| vec![(dimension, value.to_owned())];
    vec![
        ("by day", filter(Granularity::Day, vec![], vec![])),
        ("by hour", filter(Granularity::Hour, vec![], vec![])),
        (
            "by model and tier, in all",
            filter(Granularity::Whole, vec![Dimension::Model, Dimension::Tier], vec![]),
        ),
        ("by day and user", filter(Granularity::Day, vec![Dimension::User], vec![])),
        ("by user, in all", filter(Granularity::Whole, vec![Dimension::User], vec![])),
        ("by day and team", filter(Granularity::Day, vec![team()], vec![])),
        ("by session, in all", filter(Granularity::Whole, vec![Dimension::Session], vec![])),
        ("one user by day", filter(Granularity::Day, vec![], one(Dimension::User, "user-7"))),
        ("one session by day", filter(Granularity::Day, vec![], one(Dimension::Session, "session-7-3"))),
        (
            "one team by day and model",
            filter(Granularity::Day, vec![Dimension::Model], one(team(), "team-3")),
        ),
    ]
}

/// A record as one of a product with a thousand users, of whom few make most calls: some ten in a row are a session,
/// with one model.
fn record(random: &mut Rng, project_id: Uuid, admitted_at: i64, calls: &mut [u32]) -> UsageRecord {
    let user = (random.f64().powi(2) * calls.len() as f64) as usize;
    calls[user] += 1;
    let session = calls[user] / 10;
    let (model, provider) = MODELS[[0, 0, 0, 1, 1, 2, 2, 3, 4][(user + session as usize) % 9]];
    let (input, output) = (random.u64(50..4_000), random.u64(20..1_500));
    let tags = [
        ("team".to_owned(), format!("team-{}", user % 20)),
        ("env".to_owned(), ["prod", "test"][usize::from(random.u8(..10) == 0)].to_owned()),
    ];
    let outcome = [Outcome::Ok, Outcome::Cancelled, Outcome::Failed]
        [usize::from(random.u8(..50) < 2) + usize::from(random.u8(..50) == 0)];
    UsageRecord {
        attempt_id: Uuid::now_v7(),
        operation_id: Uuid::now_v7(),
        tenant_id: Uuid::from_u128(2),
        project_id,
        attempt: 1,
        admitted_at,
        started_at: admitted_at + 2,
        first_byte_at: Some(admitted_at + 400),
        ended_at: admitted_at + 2_500,
        user_id: Some(format!("user-{user}")),
        session_id: Some(format!("session-{user}-{session}")),
        thread_id: None,
        tier: Some(TIERS[user % TIERS.len()].to_owned()),
        api_key_id: Some(Uuid::from_u128([3, 4][user % 2])),
        tags: Some(tags.into()),
        requested_model: model.to_owned(),
        model: model.to_owned(),
        provider: provider.to_owned(),
        key_source: KeySource::Platform,
        streamed: true,
        dropped: Vec::new(),
        reserved: None,
        tokens: Tokens { input: Some(input), output: Some(output), ..Tokens::default() },
        cost: Some(NanoUsd(i64::try_from(input * 150 + output * 600).unwrap_or(i64::MAX))),
        price_version: Some("bench".to_owned()),
        estimated: false,
        outcome,
        finish_reason: Some("stop".to_owned()),
    }
}

/// Appends the records in the order of their time, in groups as the writer makes them under load.
async fn fill(store: &Sqlite, records: u32, project: Uuid) -> Result<(), Box<dyn Error>> {
    let (mut random, mut calls) = (Rng::with_seed(7), [0; USERS]);
    let begin = Instant::now();
    let mut group = Vec::new();
    for number in 0..records {
        let admitted_at = BEGIN + i64::from(number) * (DAYS * DAY) / i64::from(records);
        group.push(record(&mut random, project, admitted_at, &mut calls));
        if group.len() == 250 || number + 1 == records {
            store.append_records(std::mem::take(&mut group)).await?;
        }
    }
    let rate = f64::from(records) / begin.elapsed().as_secs_f64();
    say(&format!("{records} records were appended, {rate:.0} in a second."))?;
    Ok(())
}

/// Times what limits ask when they see a month's meter for the first time, with some calls under way.
async fn questions(store: &Sqlite, times: usize) -> Result<(), Box<dyn Error>> {
    say("| a month's money and tokens, asked by limits | ms |\n| --- | --: |")?;
    let session = || Subject::Session { user: Some("user-7".into()), session: "session-7-3".into() };
    let team = || Subject::Tag { name: "team".into(), value: "team-3".into() };
    let under_way: Vec<Uuid> = (0..64).map(|_| Uuid::now_v7()).collect();
    for (name, subject) in [
        ("of the project", Subject::Project),
        ("of a model", Subject::Model("gpt-4o-mini".into())),
        ("of a user", Subject::User("user-7".into())),
        ("of a session", session()),
        ("of a team", team()),
    ] {
        let question = |measure| {
            let meter = Meter { project: PROJECT, subject: subject.clone(), measure, window: Window::Month };
            Question { meter: Arc::new(meter), from: MONTH.0, to: MONTH.1 }
        };
        let asked = vec![question(Measure::Money), question(Measure::Tokens)];
        let ask = async || store.spent(asked.clone(), under_way.clone()).await;
        let (answer, took) = timed(times, ask).await?;
        if answer.contains(&0) {
            return Err(format!("nothing was spent {name}").into());
        }
        say(&format!("| {name} | {} |", ms(took)))?;
    }
    Ok(())
}

/// Times commits of one record each, alone and while reports are read without a pause.
async fn commits(store: &Arc<Sqlite>, options: &Options) -> Result<(), Box<dyn Error>> {
    say("| commits of one record | number | median, ms | 99th percentile, ms |\n| --- | --: | --: | --: |")?;
    for (name, filter) in [
        ("alone", None),
        ("while reports by day are read", Some(reports().swap_remove(0).1)),
        ("while reports by user are read", Some(reports().swap_remove(4).1)),
    ] {
        let stop = Arc::new(AtomicBool::new(false));
        let reading = filter.map(|filter| {
            let (store, stop) = (Arc::clone(store), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) && store.usage(filter.clone()).await.is_ok() {}
            })
        });
        let (mut random, mut calls) = (Rng::with_seed(8), [0; USERS]);
        let mut took = Vec::new();
        let begin = Instant::now();
        while begin.elapsed().as_secs_f64() < options.seconds {
            let record = record(&mut random, PROJECT, BEGIN + DAYS * DAY, &mut calls);
            let commit = Instant::now();
            store.append_records(vec![record]).await?;
            took.push(commit.elapsed());
        }
        stop.store(true, Ordering::Relaxed);
        if let Some(reading) = reading {
            reading.await?;
        }
        took.sort_unstable();
        let at = |percent: usize| took[(took.len() - 1) * percent / 100];
        say(&format!("| {name} | {} | {} | {} |", took.len(), ms(at(50)), ms(at(99))))?;
    }
    Ok(())
}
