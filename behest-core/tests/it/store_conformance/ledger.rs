//! Usage records.

use behest_core::gateway::ledger::money::NanoUsd;
use behest_core::gateway::ledger::record::{KeySource, Outcome, Tokens, UsageRecord};
use behest_core::gateway::ledger::report::{Dimension, Granularity, Sums, UsageFilter};
use behest_core::gateway::store::StoreError;
use uuid::Uuid;

use super::{NOW, Subject, record};

const HOUR: i64 = 3_600_000;

fn all(project_id: Uuid) -> UsageFilter {
    UsageFilter {
        project_id,
        from: NOW - HOUR,
        to: NOW + 24 * HOUR,
        only: Vec::new(),
        granularity: Granularity::Hour,
        group_by: Vec::new(),
    }
}

impl Subject {
    async fn requests(&self, filter: UsageFilter) -> u64 {
        self.store.usage(filter).await.expect("a report").iter().map(|row| row.sums.requests).sum()
    }
}

/// Three calls that differ in everything that can be grouped by; the third has none of it.
fn calls(project: Uuid) -> [UsageRecord; 3] {
    let call = |name: &str, at: i64| UsageRecord {
        user_id: Some(format!("user-{name}")),
        session_id: Some(format!("session-{name}")),
        thread_id: Some(format!("thread-{name}")),
        tier: Some(format!("tier-{name}")),
        api_key_id: Some(Uuid::from_u128(name.len() as u128)),
        tags: Some(
            [("team".to_owned(), format!("team-{name}")), ("it's \"odd\"".to_owned(), "x".to_owned())].into(),
        ),
        model: format!("model-{name}"),
        provider: format!("provider-{name}"),
        outcome: Outcome::Cancelled,
        ..record(project, at)
    };
    [call("a", NOW), call("bb", NOW + HOUR), record(project, NOW + 1)]
}

pub async fn once(subject: Subject) {
    let project = Uuid::new_v4();
    let (first, second, never) = (record(project, NOW), record(project, NOW), Uuid::now_v7());
    let before = subject.store.ledger_state();
    assert!(before.healthy && before.kept == 0);
    let mut watch = subject.store.watch();
    let third = record(Uuid::new_v4(), NOW);
    subject.settle(first.clone(), None).await.expect("settled");
    let dearer = UsageRecord { cost: Some(NanoUsd(1_000)), ..first.clone() };
    subject.settle(dearer, None).await.expect("a second settlement changes nothing and is no error");
    subject.settle(third.clone(), None).await.expect("settled");
    let watched = [watch.recv().await.expect("a record"), watch.recv().await.expect("a record")];
    assert_eq!(watched.map(|record| record.attempt_id), [first.attempt_id, third.attempt_id], "each once");
    let missing = vec![first.attempt_id, second.attempt_id, never];
    let missing = subject.store.unrecorded(missing).await.expect("an answer");
    assert_eq!(missing, [second.attempt_id, never]);
    subject.store.append_records(vec![first.clone(), second.clone()]).await.expect("appended");
    let missing = subject.store.unrecorded(vec![second.attempt_id]).await.expect("an answer");
    assert!(missing.is_empty(), "{missing:?}");
    let rows = subject.store.usage(all(project)).await.expect("a report");
    assert_eq!(rows.len(), 1);
    assert_eq!(
        rows[0].sums,
        Sums { requests: 2, calls: 2, input: 20, output: 10, cost: NanoUsd(14), unpriced: 0, estimated: 0 }
    );
    let after = subject.store.ledger_state();
    assert!(after.healthy && after.commits > before.commits && after.records >= before.records + 2);
    assert_eq!(subject.journal.in_flight(), 0, "every slot came back");
    subject.store.ping().await.expect("a sign of life");
}

pub async fn groups(subject: Subject) {
    let project = Uuid::new_v4();
    subject.store.append_records(calls(project).to_vec()).await.expect("appended");
    let hour = NOW / HOUR * HOUR;
    let grouped = async |group_by: Dimension| -> Vec<(i64, Option<String>)> {
        let rows = subject.store.usage(UsageFilter { group_by: vec![group_by], ..all(project) }).await;
        rows.expect("a report")
            .into_iter()
            .map(|row| (row.bucket, row.groups.into_iter().next().flatten()))
            .collect()
    };
    for (group, name) in [
        (Dimension::User, "user"),
        (Dimension::Session, "session"),
        (Dimension::Thread, "thread"),
        (Dimension::Tier, "tier"),
        (Dimension::Tag("team".to_owned()), "team"),
    ] {
        let wanted =
            [(hour, None), (hour, Some(format!("{name}-a"))), (hour + HOUR, Some(format!("{name}-bb")))];
        assert_eq!(grouped(group.clone()).await, wanted, "{group:?}");
    }
    let text = |name: &str| Some(name.to_owned());
    let wanted = [(hour, text("m")), (hour, text("model-a")), (hour + HOUR, text("model-bb"))];
    assert_eq!(grouped(Dimension::Model).await, wanted);
    let wanted = [(hour, text("p")), (hour, text("provider-a")), (hour + HOUR, text("provider-bb"))];
    assert_eq!(grouped(Dimension::Provider).await, wanted);
    let wanted = [(hour, text("cancelled")), (hour, text("ok")), (hour + HOUR, text("cancelled"))];
    assert_eq!(grouped(Dimension::Status).await, wanted);
    let id = |number| Some(Uuid::from_u128(number).to_string());
    assert_eq!(grouped(Dimension::ApiKey).await, [(hour, None), (hour, id(1)), (hour + HOUR, id(2))]);
    let odd = grouped(Dimension::Tag("it's \"odd\"".to_owned())).await;
    assert_eq!(odd, [(hour, None), (hour, text("x")), (hour + HOUR, text("x"))]);
    for (granularity, buckets) in [(Granularity::Minute, 2), (Granularity::Hour, 2), (Granularity::Day, 1)] {
        let rows = subject.store.usage(UsageFilter { granularity, ..all(project) }).await.expect("a report");
        assert_eq!(rows.len(), buckets, "{granularity:?}");
        assert!(rows.iter().all(|row| row.bucket % granularity.milliseconds().expect("a length") == 0));
    }
}

pub async fn filters(subject: Subject) {
    let (project, other) = (Uuid::new_v4(), Uuid::new_v4());
    subject.store.append_records(calls(project).to_vec()).await.expect("appended");
    subject.store.append_records(calls(other).to_vec()).await.expect("appended");
    for (filter, wanted) in [
        (all(project), 3),
        (all(Uuid::new_v4()), 0),
        (UsageFilter { from: NOW, to: NOW + 1, ..all(project) }, 1),
        (UsageFilter { from: NOW + 1, ..all(project) }, 2),
        (UsageFilter { only: vec![(Dimension::User, "user-a".to_owned())], ..all(project) }, 1),
        (UsageFilter { only: vec![(Dimension::User, "%".to_owned())], ..all(project) }, 0),
        (UsageFilter { only: vec![(Dimension::Session, "session-bb".to_owned())], ..all(project) }, 1),
        (UsageFilter { only: vec![(Dimension::Model, "m".to_owned())], ..all(project) }, 1),
        (
            UsageFilter {
                only: vec![(Dimension::Model, "m".to_owned()), (Dimension::User, "user-a".to_owned())],
                ..all(project)
            },
            0,
        ),
        (
            UsageFilter {
                only: vec![(Dimension::Model, "m".to_owned())],
                group_by: vec![Dimension::Tag("team".into())],
                ..all(project)
            },
            1,
        ),
        (
            UsageFilter {
                only: vec![(Dimension::Session, "session-a".to_owned())],
                group_by: vec![Dimension::Model],
                ..all(project)
            },
            1,
        ),
    ] {
        assert_eq!(subject.requests(filter.clone()).await, wanted, "{filter:?}");
    }
}

pub async fn billing(subject: Subject) {
    let project = Uuid::new_v4();
    let call = |model: &str, key_source, cost| UsageRecord {
        model: model.to_owned(),
        key_source,
        cost: Some(NanoUsd(cost)),
        user_id: Some("ann".to_owned()),
        ..record(project, NOW)
    };
    let own = call("a", KeySource::Byok, 5);
    let bobs = UsageRecord { user_id: Some("bob".to_owned()), ..call("a", KeySource::Platform, 1) };
    let records = vec![call("a", KeySource::Platform, 1), call("b", KeySource::Platform, 9), own, bobs];
    subject.store.append_records(records).await.expect("appended");
    let bill = async |filter| -> Vec<(KeySource, String, u64, i64)> {
        let rows = subject.store.billing(filter).await.expect("a bill").into_iter();
        let mut rows: Vec<_> =
            rows.map(|row| (row.key_source, row.model, row.sums.requests, row.sums.cost.0)).collect();
        rows.sort_by_key(|row| row.0.as_str());
        rows
    };
    let wanted = [
        (KeySource::Byok, "a".to_owned(), 1, 5),
        (KeySource::Platform, "b".to_owned(), 1, 9),
        (KeySource::Platform, "a".to_owned(), 2, 2),
    ];
    assert_eq!(bill(all(project)).await, wanted, "the dearest model first");
    let anns = bill(UsageFilter { only: vec![(Dimension::User, "ann".to_owned())], ..all(project) }).await;
    assert_eq!(anns[2], (KeySource::Platform, "a".to_owned(), 1, 1));
    assert!(bill(UsageFilter { to: NOW, ..all(project) }).await.is_empty());
}

pub async fn unknown(subject: Subject) {
    let project = Uuid::new_v4();
    let priced = record(project, NOW);
    let unpriced = UsageRecord { cost: None, estimated: true, ..record(project, NOW) };
    let silent = UsageRecord { tokens: Tokens::default(), ..record(project, NOW) };
    let many = Tokens {
        input: Some(1),
        cache_read: Some(2),
        cache_write: Some(4),
        cache_write_1h: Some(32),
        output: Some(8),
        reasoning: Some(16),
    };
    let detailed = UsageRecord { tokens: many, ..record(project, NOW) };
    subject.store.append_records(vec![priced, unpriced, silent, detailed]).await.expect("appended");
    let rows = subject.store.usage(all(project)).await.expect("a report");
    let wanted = Sums {
        requests: 4,
        calls: 4,
        input: 10 + 10 + 39,
        output: 5 + 5 + 24,
        cost: NanoUsd(21),
        unpriced: 1,
        estimated: 1,
    };
    assert_eq!(rows.iter().map(|row| row.sums).collect::<Vec<_>>(), [wanted]);
}

pub async fn closing(subject: Subject) {
    let project = Uuid::new_v4();
    subject.settle(record(project, NOW), None).await.expect("settled");
    subject.store.close().await;
    subject.store.close().await;
    let late = subject.settle(record(project, NOW), None).await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
    let late = subject.store.append_records(vec![record(project, NOW)]).await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
    assert_eq!(subject.journal.in_flight(), 1, "the late call's note stays for the next start");
    assert_eq!(subject.requests(all(project)).await, 1, "what was committed can be read");
}
