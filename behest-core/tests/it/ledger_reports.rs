//! Reports against a model: whatever is asked of whatever was recorded, the answer is what adding up the records gives.

use std::collections::BTreeMap;

use behest_core::gateway::ledger::money::NanoUsd;
use behest_core::gateway::ledger::record::{KeySource, Outcome, Tokens, UsageRecord};
use behest_core::gateway::ledger::report::{Dimension, Granularity, Sums, UsageFilter, UsageRow};
use behest_core::gateway::store::Store;
use behest_core::gateway::store::sqlite::{Durability, Sqlite};
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

pub const DAY: i64 = 86_400_000;
/// 2026-01-13T00:00:00Z.
pub const MIDNIGHT: i64 = 20_466 * DAY;
pub const PROJECTS: [Uuid; 2] = [Uuid::from_u128(1), Uuid::from_u128(2)];

fn name(names: &'static [&'static str]) -> impl Strategy<Value = Option<String>> {
    prop::option::weighted(0.7, select(names).prop_map(str::to_owned))
}

/// An instant within three days, often at the edge of an hour.
fn instant() -> impl Strategy<Value = i64> {
    let edge = (0_i64..72, -1_i64..=1).prop_map(|(hour, off)| hour * 3_600_000 + off);
    prop_oneof![0..3 * DAY, edge].prop_map(|offset| MIDNIGHT + offset.max(0))
}

fn tokens() -> impl Strategy<Value = Tokens> {
    let some = || prop::option::of(0_u64..1_000);
    (some(), some(), some(), some(), some(), some()).prop_map(
        |(input, cache_read, cache_write, cache_write_1h, output, reasoning)| Tokens {
            input,
            cache_read,
            cache_write,
            cache_write_1h,
            output,
            reasoning,
        },
    )
}

prop_compose! {
    pub fn record()(
        project in select(&PROJECTS),
        admitted_at in instant(),
        attempt in 1_u32..4,
        (user_id, session_id, thread_id) in (name(&["ann", "bob"]), name(&["s-1", "s-2", "ann"]), name(&["t"])),
        (team, odd) in (name(&["search", "ads", ""]), name(&["x"])),
        (tier, key) in (name(&["free", "pro"]), prop::option::of(1_u128..3)),
        (model, provider) in (select(&["m-1", "m-2"]), select(&["p", "q"])),
        byok in any::<bool>(),
        outcome in select(&Outcome::ALL),
        tokens in tokens(),
        cost in prop::option::of(0_i64..1_000_000),
        estimated in any::<bool>(),
    ) -> UsageRecord {
        let tag = |name: &str, value: Option<String>| value.map(|value| (name.to_owned(), value));
        let tags: BTreeMap<_, _> = [tag("team", team), tag("it's \"odd\"", odd)].into_iter().flatten().collect();
        UsageRecord {
            attempt_id: Uuid::now_v7(),
            operation_id: Uuid::now_v7(),
            tenant_id: Uuid::from_u128(9),
            project_id: project,
            attempt,
            admitted_at,
            started_at: admitted_at + 3_600_000,
            first_byte_at: None,
            ended_at: admitted_at + 3_600_001,
            user_id,
            session_id,
            thread_id,
            tier,
            api_key_id: key.map(Uuid::from_u128),
            tags: Some(tags).filter(|tags| !tags.is_empty()),
            requested_model: "default".to_owned(),
            model: model.to_owned(),
            provider: provider.to_owned(),
            key_source: if byok { KeySource::Byok } else { KeySource::Platform },
            streamed: false,
            dropped: Vec::new(),
            reserved: None,
            tokens,
            cost: cost.map(NanoUsd),
            price_version: cost.map(|_| "v".to_owned()),
            estimated,
            outcome,
            finish_reason: None,
        }
    }
}

fn dimension() -> impl Strategy<Value = Dimension> {
    select(vec![
        Dimension::Model,
        Dimension::Provider,
        Dimension::User,
        Dimension::Session,
        Dimension::Thread,
        Dimension::ApiKey,
        Dimension::Tier,
        Dimension::Status,
        Dimension::KeySource,
        Dimension::Tag("team".to_owned()),
        Dimension::Tag("it's \"odd\"".to_owned()),
        Dimension::Tag("never".to_owned()),
    ])
}

/// A dimension with a value that some records may have.
fn narrowed() -> impl Strategy<Value = (Dimension, String)> {
    let key = Uuid::from_u128(1).to_string();
    let values = ["ann", "bob", "s-1", "t", "search", "", "x", "free", "m-1", "p", "ok", "byok"];
    dimension().prop_flat_map(move |dimension| {
        let values = match dimension {
            Dimension::ApiKey => vec![key.clone()],
            Dimension::Tier => vec!["free".to_owned(), "pro".to_owned()],
            _ => values.map(str::to_owned).to_vec(),
        };
        (Just(dimension), select(values))
    })
}

prop_compose! {
    pub fn filter()(
        project_id in select(&PROJECTS),
        (one, other) in (instant(), instant()),
        only in prop::collection::vec(narrowed(), 0..3),
        granularity in select(&[Granularity::Minute, Granularity::Hour, Granularity::Day, Granularity::Whole]),
        group_by in prop::collection::vec(dimension(), 0..4),
    ) -> UsageFilter {
        let mut groups: Vec<Dimension> = Vec::new();
        for group in group_by {
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        UsageFilter { project_id, from: one.min(other), to: one.max(other) + 1, only, granularity, group_by: groups }
    }
}

fn value(record: &UsageRecord, dimension: &Dimension) -> Option<String> {
    match dimension {
        Dimension::Model => Some(record.model.clone()),
        Dimension::Provider => Some(record.provider.clone()),
        Dimension::User => record.user_id.clone(),
        Dimension::Session => record.session_id.clone(),
        Dimension::Thread => record.thread_id.clone(),
        Dimension::ApiKey => record.api_key_id.map(|id| id.to_string()),
        Dimension::Tier => record.tier.clone(),
        Dimension::Status => Some(record.outcome.as_str().to_owned()),
        Dimension::KeySource => Some(record.key_source.as_str().to_owned()),
        Dimension::Tag(name) => record.tags.as_ref().and_then(|tags| tags.get(name).cloned()),
    }
}

/// What a report says, by adding up one record after the other.
pub fn expected(records: &[UsageRecord], filter: &UsageFilter) -> Vec<UsageRow> {
    let mut sums: BTreeMap<(i64, Vec<Option<String>>), Sums> = BTreeMap::new();
    let asked = |record: &&UsageRecord| {
        record.project_id == filter.project_id
            && (filter.from..filter.to).contains(&record.admitted_at)
            && filter.only.iter().all(|(dimension, wanted)| value(record, dimension).as_ref() == Some(wanted))
    };
    for record in records.iter().filter(asked) {
        let bucket = match filter.granularity.milliseconds() {
            Some(length) => record.admitted_at / length * length,
            None => filter.from,
        };
        let groups = filter.group_by.iter().map(|group| value(record, group)).collect();
        *sums.entry((bucket, groups)).or_default() += Sums {
            requests: 1,
            calls: u64::from(record.attempt == 1),
            input: record.tokens.total_input(),
            output: record.tokens.total_output(),
            cost: record.cost.unwrap_or_default(),
            unpriced: u64::from(record.cost.is_none()),
            estimated: u64::from(record.estimated),
        };
    }
    sums.into_iter().map(|((bucket, groups), sums)| UsageRow { bucket, groups, sums }).collect()
}

pub fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_report_is_what_adding_up_the_records_gives(
        batches in prop::collection::vec(prop::collection::vec(record(), 1..20), 1..6),
        filters in prop::collection::vec(filter(), 24),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        run(async {
            let store = Sqlite::open(&folder.path().join("behest.db"), Durability::Process).expect("a store");
            for batch in &batches {
                store.append_records(batch.clone()).await.expect("appended");
                // What comes twice counts once.
                store.append_records(batch[..1].to_vec()).await.expect("appended");
            }
            let records = batches.concat();
            for filter in filters {
                let wanted = expected(&records, &filter);
                let found = store.usage(filter.clone()).await.expect("a report");
                prop_assert_eq!(&found, &wanted, "{:?}", filter);
                let found = store.usage_of_records(filter.clone()).await.expect("a report");
                prop_assert_eq!(&found, &wanted, "from the records: {:?}", filter);
            }
            Ok(())
        })?;
    }
}
