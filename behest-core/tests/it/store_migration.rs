//! A database of an earlier version goes on.

use behest_core::gateway::ledger::report::{Dimension, Granularity, UsageFilter};
use behest_core::gateway::store::Store;
use behest_core::gateway::store::ledger::Ledger;
use behest_core::gateway::store::rows::Owner;
use behest_core::gateway::store::sqlite::{Durability, Sqlite};
use uuid::Uuid;

const FIRST: &str = include_str!("../../src/gateway/store/sqlite/migrations/0001_first.sql");
/// Those of before there were sums beside the records.
const BEFORE_SUMS: [&str; 4] = [
    FIRST,
    include_str!("../../src/gateway/store/sqlite/migrations/0002_cache_write_1h.sql"),
    include_str!("../../src/gateway/store/sqlite/migrations/0003_project_providers.sql"),
    include_str!("../../src/gateway/store/sqlite/migrations/0004_admission.sql"),
];

#[tokio::test]
async fn providers_from_before_there_were_projects_stay_their_tenants() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("behest.db");
    let (one, two) = (Uuid::now_v7(), Uuid::now_v7());
    let database = rusqlite::Connection::open(&path).expect("a database");
    database.execute_batch(FIRST).expect("the first version");
    database.pragma_update(None, "user_version", 1).expect("a version");
    for tenant in [one, two] {
        let added = database.execute("INSERT INTO tenants VALUES (?1, 't', 'pro', 1)", [tenant.as_bytes()]);
        added.expect("a tenant");
        for name in ["anthropic", "openai"] {
            let row = "INSERT INTO providers VALUES (?1, ?2, NULL, 0, 'a:b:c', 'mk', 'abcd', '[\"m\"]', 7)";
            database.execute(row, rusqlite::params![tenant.as_bytes(), name]).expect("a provider");
        }
    }
    drop(database);

    let store = Sqlite::open(&path, Durability::Process).expect("a store");
    let all = store.all_providers().await.expect("a list");
    let ids: std::collections::HashSet<Uuid> = all.iter().map(|row| row.id).collect();
    assert_eq!((all.len(), ids.len()), (4, 4), "each has an id of its own");
    let mine = store.providers(Owner::Tenant(one)).await.expect("a list");
    assert_eq!(mine.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["anthropic", "openai"]);
    for row in mine {
        assert_eq!(row.sealed_key.as_deref(), Some("a:b:c"));
        assert_eq!(row.master_key_id.as_deref(), Some("mk"));
        assert_eq!((row.last_four.as_deref(), row.created_at), (Some("abcd"), 7));
        assert_eq!(row.models, Some(vec!["m".to_owned()]));
    }
}

#[tokio::test]
async fn records_from_before_there_were_sums_are_summed() {
    const DAY: i64 = 86_400_000;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("behest.db");
    let (project, tenant) = (Uuid::now_v7(), Uuid::now_v7());
    let database = rusqlite::Connection::open(&path).expect("a database");
    BEFORE_SUMS.iter().for_each(|migration| database.execute_batch(migration).expect("a migration"));
    database.pragma_update(None, "user_version", BEFORE_SUMS.len() as i64).expect("a version");
    for number in 0..40_i64 {
        let (attempt, is_odd) = (Uuid::now_v7(), number % 2 == 1);
        let row = "INSERT INTO usage_records (attempt_id, operation_id, tenant_id, project_id, started_at, ended_at,
                user_id, session_id, tier, tags, requested_model, model, provider, key_source, streamed, input_tokens,
                output_tokens, cost_nano_usd, price_version, estimated, status, admitted_at)
            VALUES (?1, ?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8, 'm', ?9, 'p', 'platform', 0, ?10, NULL, ?11, ?12, ?13, 'ok', ?4)";
        let odd = |text: &str| is_odd.then(|| text.to_owned());
        let values = rusqlite::params![
            attempt.as_bytes(),
            tenant.as_bytes(),
            project.as_bytes(),
            20_000 * DAY + number * 7_200_000,
            odd(&format!("user-{}", number % 3)),
            odd("s"),
            odd("pro"),
            odd("{\"team\":\"search\",\"env\":\"prod\"}"),
            format!("m-{}", number % 4),
            number,
            odd("").map(|_| number),
            odd("v"),
            number % 5 == 0,
        ];
        database.execute(row, values).expect("a record");
    }
    drop(database);

    let store = Sqlite::open(&path, Durability::Process).expect("a store");
    let team = Dimension::Tag("team".to_owned());
    for group in [Dimension::User, Dimension::Session, team, Dimension::Model, Dimension::Tier] {
        let filter = UsageFilter {
            project_id: project,
            from: 20_000 * DAY,
            to: 20_004 * DAY,
            only: Vec::new(),
            granularity: Granularity::Day,
            group_by: vec![group],
        };
        let found = store.usage(filter.clone()).await.expect("a report");
        assert!(found.len() > 1);
        assert_eq!(found, store.usage_of_records(filter).await.expect("a report"));
    }
    for day in 20_000..20_004 {
        let findings = store.verify_day(project, day * DAY, i64::MAX, 10).await.expect("findings");
        assert!(findings.is_empty(), "{findings:?}");
    }
}
