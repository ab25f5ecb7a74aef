//! What limits and budgets learn of the ledger.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use behest_core::gateway::ledger::money::NanoUsd;
use behest_core::gateway::ledger::record::{Settlement, Tokens, UsageRecord};
use behest_core::gateway::limits::counters::Question;
use behest_core::gateway::limits::meter::{Measure, Meter, Payer, Subject as Whose};
use behest_core::gateway::limits::window::Window;
use uuid::Uuid;

use super::{NOW, Subject, record};

const DAY: i64 = 86_400_000;

fn question(project: Uuid, subject: Whose, measure: Measure) -> Question {
    let meter = Arc::new(Meter { project, subject, measure, window: Window::Day });
    Question { meter, from: NOW, to: NOW + DAY }
}

impl Subject {
    async fn spent(&self, questions: Vec<Question>, except: &[Uuid]) -> Vec<u64> {
        self.store.spent(questions, except.to_vec()).await.expect("an answer")
    }
}

/// A record that costs so much.
fn costing(project: Uuid, nano: i64) -> UsageRecord {
    UsageRecord { cost: Some(NanoUsd(nano)), ..record(project, NOW) }
}

fn tag(name: &str, value: &str) -> Whose {
    Whose::Tag { name: name.into(), value: value.into() }
}

fn session(user: Option<&str>, session: &str) -> Whose {
    Whose::Session { user: user.map(Arc::from), session: session.into() }
}

pub async fn subjects(subject: Subject) {
    let (project, key) = (Uuid::new_v4(), Uuid::new_v4());
    let odd = "it's \"odd\" 100%_";
    let records = vec![
        UsageRecord { user_id: Some("u".into()), session_id: Some("s".into()), ..costing(project, 1) },
        UsageRecord { user_id: Some("U".into()), session_id: Some("s".into()), ..costing(project, 10) },
        UsageRecord { session_id: Some("s".into()), ..costing(project, 100) },
        UsageRecord { tier: Some("pro".into()), api_key_id: Some(key), ..costing(project, 1_000) },
        UsageRecord { model: "n".into(), ..costing(project, 10_000) },
        UsageRecord {
            tags: Some([("team".to_owned(), odd.to_owned()), (odd.to_owned(), "team".to_owned())].into()),
            ..costing(project, 100_000)
        },
        UsageRecord { user_id: Some("u".into()), model: "n".into(), ..costing(Uuid::new_v4(), 1_000_000) },
    ];
    subject.store.append_records(records).await.expect("appended");
    let cases = [
        (Whose::Project, 111_111),
        (Whose::User("u".into()), 1),
        (Whose::User("nobody".into()), 0),
        (session(Some("u"), "s"), 1),
        (session(Some("U"), "s"), 10),
        (session(None, "s"), 100),
        (Whose::Tier("pro".into()), 1_000),
        (Whose::ApiKey(key), 1_000),
        (Whose::Model("n".into()), 10_000),
        (tag("team", odd), 100_000),
        (tag(odd, "team"), 100_000),
        (tag("team", "it"), 0),
        (tag("team", "team"), 0),
        (Whose::Address(IpAddr::V4(Ipv4Addr::LOCALHOST)), 0),
    ];
    let questions = cases.iter().map(|(whose, _)| question(project, whose.clone(), Measure::Money)).collect();
    let answers = subject.spent(questions, &[]).await;
    for ((whose, expected), answer) in cases.iter().zip(answers) {
        assert_eq!(answer, *expected, "{whose:?}");
    }
    assert!(subject.spent(Vec::new(), &[]).await.is_empty());
}

pub async fn measures(subject: Subject) {
    let project = Uuid::new_v4();
    let all = Tokens {
        input: Some(1),
        cache_read: Some(10),
        cache_write: Some(100),
        cache_write_1h: Some(1_000),
        output: Some(10_000),
        reasoning: Some(100_000),
    };
    let first = UsageRecord { tokens: all, ..costing(project, 5) };
    // A second attempt of the same call, of which nobody knows the tokens or the price.
    let second = UsageRecord {
        attempt_id: Uuid::now_v7(),
        attempt: 2,
        tokens: Tokens::default(),
        cost: None,
        ..first.clone()
    };
    subject.store.append_records(vec![first, second]).await.expect("appended");
    let measures = [Measure::Requests, Measure::Concurrency, Measure::Tokens, Measure::Money];
    let questions = measures.map(|measure| question(project, Whose::Project, measure)).to_vec();
    assert_eq!(subject.spent(questions, &[]).await, [1, 0, 111_111, 5]);
}

pub async fn windows(subject: Subject) {
    let project = Uuid::new_v4();
    let at = |admitted_at: i64, nano| UsageRecord { admitted_at, ..costing(project, nano) };
    // All of them were sent in the same moment.
    let records = vec![at(NOW - 1, 1), at(NOW, 10), at(NOW + DAY - 1, 100), at(NOW + DAY, 1_000)];
    subject.store.append_records(records).await.expect("appended");
    let day = question(project, Whose::Project, Measure::Money);
    let ever = Question { from: i64::MIN, to: i64::MAX, ..day.clone() };
    assert_eq!(subject.spent(vec![day, ever], &[]).await, [110, 1_111]);
}

pub async fn except(subject: Subject) {
    let project = Uuid::new_v4();
    let call = UsageRecord { user_id: Some("u".into()), ..costing(project, 1) };
    let again = UsageRecord { attempt_id: Uuid::now_v7(), attempt: 2, model: "n".into(), ..call.clone() };
    let yesterday = UsageRecord { admitted_at: NOW - DAY, ..costing(project, 100) };
    let other = costing(project, 10);
    let under_way = [call.operation_id, yesterday.operation_id, Uuid::new_v4()];
    subject.store.append_records(vec![call, again, yesterday, other]).await.expect("appended");
    let questions = || {
        vec![
            question(project, Whose::Project, Measure::Money),
            question(project, Whose::Project, Measure::Requests),
            question(project, Whose::User("u".into()), Measure::Money),
            question(project, Whose::Model("n".into()), Measure::Money),
        ]
    };
    assert_eq!(subject.spent(questions(), &[]).await, [12, 2, 2, 1]);
    assert_eq!(subject.spent(questions(), &under_way).await, [10, 1, 0, 0]);
}

pub async fn commits(subject: Subject) {
    let project = Uuid::new_v4();
    for round in 1..=200 {
        let permit = subject.journal.permit(std::time::Duration::from_secs(5)).await.expect("a slot");
        subject.store.settle(Settlement { record: costing(project, 1), turn: None, permit, waiting: None });
        // Nobody waited for the commit.
        let spent = subject.spent(vec![question(project, Whose::Project, Measure::Money)], &[]).await;
        assert_eq!(spent, [round]);
    }
    subject.store.close().await;
    let question = question(project, Whose::Project, Measure::Money);
    subject.store.spent(vec![question], Vec::new()).await.expect_err("nobody can say");
}

/// Records that agree and differ in everything, and every question about them, against [`Meter::counts`].
pub async fn random(subject: Subject) {
    let project = Uuid::from_u128(1);
    let pick = |seed: usize, of: usize| seed.is_multiple_of(of);
    let some = |seed: usize, of: usize, name: &str| pick(seed, of).then(|| name.to_owned());
    let records: Vec<UsageRecord> = (0..400_usize)
        .map(|seed| UsageRecord {
            project_id: Uuid::from_u128(if pick(seed, 11) { 2 } else { 1 }),
            operation_id: Uuid::from_u128(seed as u128 / 3),
            attempt: (seed % 3) as u32 + 1,
            admitted_at: NOW + (seed as i64 / 7 % 5 - 1) * DAY / 2,
            user_id: some(seed, 2, "u"),
            session_id: some(seed, 3, "s"),
            tier: some(seed, 5, "pro"),
            api_key_id: pick(seed, 7).then(|| Uuid::from_u128(9)),
            tags: pick(seed, 4).then(|| [("team".to_owned(), format!("t{}", seed / 12 % 3))].into()),
            model: if pick(seed, 6) { "n" } else { "m" }.to_owned(),
            ..costing(project, seed as i64 + 1)
        })
        .collect();
    subject.store.append_records(records.clone()).await.expect("appended");
    let whose = [
        Whose::Project,
        Whose::User("u".into()),
        session(None, "s"),
        session(Some("u"), "s"),
        Whose::Tier("pro".into()),
        Whose::Model("n".into()),
        Whose::ApiKey(Uuid::from_u128(9)),
        tag("team", "t1"),
    ];
    let except: Vec<Uuid> = (10..30).map(Uuid::from_u128).collect();
    // Windows that end where sums do, that do not, that reach beyond all of them, and one shorter than any.
    let day = NOW / DAY * DAY;
    let windows = [
        (NOW, NOW + DAY),
        (day, day + DAY),
        (day - DAY, day + 2 * DAY),
        (day - DAY + 1, day + 2 * DAY - 1),
        (NOW, NOW + 60_000),
        (i64::MIN, i64::MAX),
    ];
    let measures = [Measure::Requests, Measure::Tokens, Measure::Money];
    let ask = |whose: &Whose| {
        let in_window =
            |of| windows.map(|(from, to)| Question { from, to, ..question(project, whose.clone(), of) });
        measures.map(in_window).concat()
    };
    let questions: Vec<_> = whose.iter().flat_map(ask).collect();
    let answers = subject.spent(questions.clone(), &except).await;
    for (question, answer) in questions.iter().zip(answers) {
        let counted = |record: &&UsageRecord| {
            let payer = Payer {
                project: record.project_id,
                user: record.user_id.as_deref().map(Arc::from),
                session: record.session_id.as_deref().map(Arc::from),
                tier: record.tier.as_deref().map(Arc::from),
                api_key: record.api_key_id,
                tags: record
                    .tags
                    .iter()
                    .flatten()
                    .map(|(name, of)| ((**name).into(), (**of).into()))
                    .collect(),
            };
            !except.contains(&record.operation_id)
                && (question.from..question.to).contains(&record.admitted_at)
                && question.meter.counts(&payer, &record.model)
        };
        let each = |record: &UsageRecord| match question.meter.measure {
            Measure::Requests => u64::from(record.attempt == 1),
            Measure::Concurrency => 0,
            Measure::Tokens => 15,
            Measure::Money => record.cost.map_or(0, |cost| cost.0.unsigned_abs()),
        };
        let expected: u64 = records.iter().filter(counted).map(each).sum();
        assert_eq!(answer, expected, "{question:?}");
        assert!(expected > 0, "{question:?} is about nothing");
    }
}
