//! A database of an earlier version goes on.

use behest_core::gateway::store::Store;
use behest_core::gateway::store::rows::Owner;
use behest_core::gateway::store::sqlite::{Durability, Sqlite};
use uuid::Uuid;

const FIRST: &str = include_str!("../../src/gateway/store/sqlite/migrations/0001_first.sql");

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
