//! The ledger's upkeep: after whatever was reckoned again or removed, the sums are still those of the records.

use std::path::Path;

use behest_core::gateway::ledger::money::NanoUsd;
use behest_core::gateway::ledger::record::{Rerated, UsageRecord};
use behest_core::gateway::ledger::report::{Dimension, Granularity, UsageFilter};
use behest_core::gateway::store::Store;
use behest_core::gateway::store::ledger::{Ledger, RecordQuery};
use behest_core::gateway::store::sqlite::{Durability, Sqlite};
use behest_core::gateway::usage_sweep::{self, LEAST_DAYS};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use uuid::Uuid;

use super::ledger_reports::{DAY, MIDNIGHT, PROJECTS, expected, filter, record, run};

fn open(folder: &Path) -> Sqlite {
    Sqlite::open(&folder.join("behest.db"), Durability::Process).expect("a store")
}

fn all(project_id: Uuid) -> UsageFilter {
    UsageFilter {
        project_id,
        from: MIDNIGHT,
        to: MIDNIGHT + 3 * DAY,
        only: Vec::new(),
        granularity: Granularity::Day,
        group_by: Vec::new(),
    }
}

/// So many records as the properties make them, of the first project.
fn some(count: usize) -> Vec<UsageRecord> {
    let mut runner = TestRunner::deterministic();
    let records = proptest::collection::vec(record(), count).new_tree(&mut runner).expect("records");
    let whole = |record: UsageRecord| UsageRecord { project_id: PROJECTS[0], attempt: 1, ..record };
    records.current().into_iter().map(whole).collect()
}

/// The rules that are broken, over all days and projects.
async fn broken(store: &Sqlite) -> Vec<&'static str> {
    let mut rules = Vec::new();
    for project in store.ledger_projects().await.expect("projects") {
        for day in (project.first / DAY..=project.last / DAY).map(|day| day * DAY) {
            let found = store.verify_day(project.id, day, i64::MAX, 100).await.expect("findings");
            rules.extend(found.iter().map(|finding| finding.rule));
        }
    }
    rules.dedup();
    rules
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_cost_reckoned_again_is_what_every_report_counts(
        records in prop::collection::vec(record(), 1..40),
        costs in prop::collection::vec(prop::option::of(0_i64..1_000_000), 40),
        filters in prop::collection::vec(filter(), 12),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        run(async {
            let store = open(folder.path());
            store.append_records(records.clone()).await.expect("appended");
            let mut after = records.clone();
            let mut again = Vec::new();
            for (record, cost) in after.iter_mut().zip(&costs) {
                if let Some(cost) = *cost {
                    record.cost = Some(NanoUsd(cost));
                    let rerated = Rerated { cost: NanoUsd(cost), price_version: "new".to_owned(), at: 7 };
                    again.push((record.attempt_id, rerated));
                }
            }
            again.push((Uuid::now_v7(), Rerated { cost: NanoUsd(1), price_version: "new".to_owned(), at: 7 }));
            store.rerate(again.clone()).await.expect("kept");
            // The same again changes nothing.
            store.rerate(again).await.expect("kept");
            for filter in filters {
                let found = store.usage(filter.clone()).await.expect("a report");
                prop_assert_eq!(found, expected(&after, &filter), "{:?}", filter);
            }
            let query = RecordQuery { filter: all(PROJECTS[0]), after: None, limit: 100 };
            for recorded in store.records(query).await.expect("records") {
                let first = records.iter().find(|record| record.attempt_id == recorded.record.attempt_id);
                prop_assert_eq!(&recorded.record, first.expect("it was recorded"), "the first cost stays");
            }
            let rules = broken(&store).await;
            prop_assert!(!rules.iter().any(|rule| rule.starts_with("sums")), "{:?}", rules);
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn records_are_removed_for_age_and_the_sums_that_name_nobody_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let records = some(300);
    store.append_records(records.clone()).await.expect("appended");
    let sums = async |group_by: Vec<Dimension>| {
        store.usage(UsageFilter { group_by, ..all(PROJECTS[0]) }).await.expect("a report")
    };
    let (before, by_model) = (sums(Vec::new()).await, sums(vec![Dimension::Model]).await);
    // A time at which the first of the three days is just old enough, and one at which it is not yet.
    let now = MIDNIGHT + DAY + i64::from(LEAST_DAYS) * DAY;
    usage_sweep::expire(&store, PROJECTS[0], 1, now - 1).await.expect("swept");
    assert_eq!(
        sums(vec![Dimension::User]).await,
        expected(&records, &UsageFilter { group_by: vec![Dimension::User], ..all(PROJECTS[0]) })
    );
    // In steps so small that every report between them is one of half a removal.
    while store.expire_records(PROJECTS[0], MIDNIGHT + DAY, 7).await.expect("removed") == 7 {
        assert_eq!(sums(Vec::new()).await, before, "no sum is lost, at any step");
    }
    usage_sweep::expire(&store, PROJECTS[0], 1, now).await.expect("swept");
    assert_eq!(sums(vec![Dimension::Model]).await, by_model);
    let users = sums(vec![Dimension::User]).await;
    let of_first_day: Vec<_> = users.iter().filter(|row| row.bucket == MIDNIGHT).collect();
    assert_eq!(of_first_day.len(), 1, "the first day names nobody: {of_first_day:?}");
    assert_eq!((&of_first_day[0].groups, of_first_day[0].sums), (&vec![None], before[0].sums));
    assert!(users.iter().any(|row| row.bucket > MIDNIGHT && row.groups[0].is_some()), "later days do");
    let query = RecordQuery { filter: all(PROJECTS[0]), after: None, limit: 1_000 };
    let left = store.records(query).await.expect("records");
    let kept = records.iter().filter(|record| record.admitted_at >= MIDNIGHT + DAY).count();
    assert_eq!(left.len(), kept);
    assert!(left.iter().all(|recorded| recorded.record.admitted_at >= MIDNIGHT + DAY));
    assert!(!broken(&store).await.iter().any(|rule| rule.starts_with("sums")));
}

#[tokio::test]
async fn a_check_finds_every_kind_of_damage() {
    for (damage, wanted) in [
        (
            "UPDATE usage_hours SET attempts = attempts + 1 WHERE hour = (SELECT MIN(hour) FROM usage_hours)",
            "sums of hours",
        ),
        ("DELETE FROM usage_hours", "sums of hours"),
        ("UPDATE usage_days SET cost_nano_usd = cost_nano_usd + 1 WHERE kind = 'user'", "sums of users"),
        ("DELETE FROM usage_days WHERE kind = 'session'", "sums of sessions"),
        ("UPDATE usage_days SET subject = 'other' WHERE kind = 'tag' AND subject = 'ads'", "sums of tags"),
        ("UPDATE usage_records SET input_tokens = -1", "tokens"),
        ("UPDATE usage_records SET cost_nano_usd = -1 WHERE cost_nano_usd IS NOT NULL", "cost"),
        ("UPDATE usage_records SET price_version = NULL", "price"),
        ("UPDATE usage_records SET rerated_at = 1", "rerated"),
        ("UPDATE usage_records SET attempt = 2", "attempts"),
        (
            "UPDATE usage_records SET operation_id = zeroblob(16), attempt = 3 WHERE cost_nano_usd > 500000",
            "attempts",
        ),
        (
            "INSERT INTO tenants VALUES (x'00', 't', 'pro', 1); INSERT INTO projects VALUES
            (x'00000000000000000000000000000001', x'00', 's', 'n', 'active', 1, '{}', NULL)",
            "tenant",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(folder.path());
        store.append_records(some(60)).await.expect("appended");
        assert!(broken(&store).await.is_empty(), "before {damage}");
        let database = rusqlite::Connection::open(folder.path().join("behest.db")).expect("a database");
        database.execute_batch(damage).expect("damaged");
        let rules = broken(&store).await;
        assert!(rules.contains(&wanted), "{damage}: {rules:?}");
    }
}

#[tokio::test]
async fn a_cost_that_nothing_can_cost_is_clamped_when_it_is_reckoned_again_as_when_it_is_appended() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let dear: Vec<_> =
        some(2).into_iter().map(|record| UsageRecord { cost: Some(NanoUsd(i64::MAX)), ..record }).collect();
    store.append_records(dear.clone()).await.expect("appended");
    let sums = store.usage(UsageFilter { granularity: Granularity::Whole, ..all(PROJECTS[0]) });
    let before = sums.await.expect("a report")[0].sums.cost;
    let again = |record: &UsageRecord| {
        let price_version = "new".to_owned();
        (record.attempt_id, Rerated { cost: NanoUsd(i64::MAX), price_version, at: 7 })
    };
    store.rerate(dear.iter().map(again).collect()).await.expect("kept");
    let sums = store.usage(UsageFilter { granularity: Granularity::Whole, ..all(PROJECTS[0]) });
    assert_eq!(sums.await.expect("a report")[0].sums.cost, before);
    assert!(!broken(&store).await.iter().any(|rule| rule.starts_with("sums")));
}

#[tokio::test]
async fn a_check_tells_apart_names_that_look_the_same_joined() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let tagged = |name: &str, value: &str| Some([(name.to_owned(), value.to_owned())].into());
    let record = some(1).remove(0);
    store.append_records(vec![UsageRecord { tags: tagged("a", "b:c"), ..record }]).await.expect("appended");
    assert_eq!(broken(&store).await, Vec::<&str>::new());
    let database = rusqlite::Connection::open(folder.path().join("behest.db")).expect("a database");
    database
        .execute("UPDATE usage_days SET name = 'a:b', subject = 'c' WHERE kind = 'tag'", [])
        .expect("done");
    assert_eq!(broken(&store).await, ["sums of tags"]);
    database
        .execute("UPDATE usage_days SET name = 'a', subject = 'b:c' WHERE kind = 'tag'", [])
        .expect("done");
    database
        .execute("UPDATE usage_hours SET model = model || ' ' || provider, provider = 'x'", [])
        .expect("done");
    database.execute("UPDATE usage_records SET provider = provider || ' x'", []).expect("done");
    assert!(broken(&store).await.contains(&"sums of hours"));
}

#[tokio::test]
async fn what_no_transaction_could_be_begun_for_is_told_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let other = rusqlite::Connection::open(folder.path().join("behest.db")).expect("a database");
    // The writer waits for the lock for as long as it does, and then nothing of the group has run.
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    let [one, two] = <[_; 2]>::try_from(some(2)).expect("two");
    let (one, two) = tokio::join!(store.append_records(vec![one]), store.append_records(vec![two]));
    for told in [one, two] {
        let told = told.expect_err("the database is locked").to_string();
        assert!(told.contains("locked"), "{told}");
    }
}
