//! Tenants, projects, keys, providers.

use behest_core::gateway::store::rows::{
    ApiKeyRow, Owner, ProjectRow, ProviderRow, SigningKeyRow, TenantRow,
};
use behest_core::gateway::store::{ProjectScope, Store, StoreError};
use behest_core::token::Jwk;
use behest_core::types::control::{Plan, ProjectSettings, ProjectStatus};
use behest_core::types::mint::Role;
use uuid::Uuid;

use super::{NOW, Subject};

fn tenant_row(age: i64) -> TenantRow {
    TenantRow { id: Uuid::new_v4(), name: "t".into(), plan: Plan::Pro, created_at: NOW - age }
}

pub(super) async fn tenant(store: &dyn Store, age: i64) -> Uuid {
    let row = tenant_row(age);
    store.add_tenant(row.clone()).await.expect("added");
    row.id
}

fn project_row(tenant_id: Uuid, slug: &str, age: i64) -> ProjectRow {
    ProjectRow {
        id: Uuid::new_v4(),
        tenant_id,
        slug: slug.to_owned(),
        name: "p".to_owned(),
        status: ProjectStatus::Active,
        created_at: NOW - age,
        deployed: ProjectSettings::default(),
        draft: None,
    }
}

pub(super) fn key_row(project_id: Uuid, lookup: u8, age: i64) -> ApiKeyRow {
    ApiKeyRow {
        id: Uuid::new_v4(),
        project_id,
        name: "k".to_owned(),
        role: Role::Admin,
        lookup: [lookup; 32],
        hash: "$argon2id$".to_owned(),
        last_four: "abcd".to_owned(),
        created_at: NOW - age,
        revoked_at: None,
    }
}

pub(super) async fn project(store: &dyn Store, tenant_id: Uuid, slug: &str, age: i64) -> ProjectRow {
    let row = project_row(tenant_id, slug, age);
    store.add_project(row.clone()).await.expect("added");
    row
}

pub async fn values(subject: Subject) {
    let store = &*subject.store;
    assert_eq!(store.value("a").await.expect("an answer"), None);
    assert_eq!(store.value_or_insert("a", "first".into()).await.expect("an answer"), "first");
    assert_eq!(store.value_or_insert("a", "second".into()).await.expect("an answer"), "first");
    assert_eq!(store.value("a").await.expect("an answer").as_deref(), Some("first"));
    assert_eq!(store.value("b").await.expect("an answer"), None);
}

pub async fn first(subject: Subject) {
    let store = &*subject.store;
    let (one, two) = (tenant_row(2), tenant_row(1));
    let project = project_row(one.id, "a-b-001", 2);
    let key = key_row(project.id, 1, 2);
    store.add_first(one.clone(), project.clone(), key.clone()).await.expect("added");
    assert_eq!(store.tenants().await.expect("a list"), [one]);
    assert_eq!(store.project_by_slug("a-b-001").await.expect("an answer"), Some(project));
    assert_eq!(store.api_key([1; 32]).await.expect("an answer"), Some(key));

    let second = project_row(two.id, "a-b-002", 1);
    let taken = key_row(second.id, 1, 1);
    assert!(matches!(store.add_first(two.clone(), second, taken).await, Err(StoreError::Taken)));
    assert_eq!(store.tenant(two.id).await.expect("an answer"), None, "nothing of it was written");
    assert_eq!(store.project_by_slug("a-b-002").await.expect("an answer"), None);
}

pub async fn tenants(subject: Subject) {
    let store = &*subject.store;
    assert!(store.tenants().await.expect("a list").is_empty());
    let (young, old) = (tenant(store, 1).await, tenant(store, 2).await);
    let ids: Vec<Uuid> = store.tenants().await.expect("a list").iter().map(|row| row.id).collect();
    assert_eq!(ids, [old, young]);
    let found = store.tenant(old).await.expect("an answer").expect("a tenant");
    assert_eq!((found.name.as_str(), found.plan, found.created_at), ("t", Plan::Pro, NOW - 2));
    assert!(store.tenant(Uuid::new_v4()).await.expect("an answer").is_none());
    assert!(matches!(store.add_tenant(found).await, Err(StoreError::Taken)));
}

pub async fn projects(subject: Subject) {
    let store = &*subject.store;
    let (one, two) = (tenant(store, 2).await, tenant(store, 1).await);
    let first = project(store, one, "a-b-001", 3).await;
    let second = project(store, one, "a-b-002", 2).await;
    let third = project(store, two, "a-b-003", 1).await;
    let taken = ProjectRow { id: Uuid::new_v4(), ..first.clone() };
    assert!(matches!(store.add_project(taken).await, Err(StoreError::Taken)), "the slug is unique");
    assert_eq!(store.project(first.id).await.expect("an answer"), Some(first.clone()));
    assert_eq!(store.project_by_slug("a-b-002").await.expect("an answer"), Some(second.clone()));
    assert_eq!(store.project_by_slug("a-b-004").await.expect("an answer"), None);
    for (scope, wanted) in [
        (ProjectScope::All, vec![first.id, second.id, third.id]),
        (ProjectScope::Tenant(one), vec![first.id, second.id]),
        (ProjectScope::Tenant(Uuid::new_v4()), vec![]),
        (ProjectScope::Project(third.id), vec![third.id]),
    ] {
        let ids: Vec<Uuid> = store.projects(scope).await.expect("a list").iter().map(|row| row.id).collect();
        assert_eq!(ids, wanted, "{scope:?}");
    }
    let renamed = store.change_project(first.id, Some("new".into()), None).await.expect("an answer");
    assert_eq!(renamed, Some(ProjectRow { name: "new".into(), ..first.clone() }));
    let suspended = store.change_project(first.id, None, Some(ProjectStatus::Suspended)).await;
    let suspended = suspended.expect("an answer").expect("a project");
    assert_eq!((suspended.name.as_str(), suspended.status), ("new", ProjectStatus::Suspended));
    assert_eq!(store.project(first.id).await.expect("an answer"), Some(suspended));
    assert_eq!(store.change_project(Uuid::new_v4(), None, None).await.expect("an answer"), None);
}

pub async fn drafts(subject: Subject) {
    let store = &*subject.store;
    let tenant = tenant(store, 0).await;
    let project = project(store, tenant, "a-b-001", 0).await.id;
    let shown = async || {
        let row = store.project(project).await.expect("an answer").expect("a project");
        (row.deployed, row.draft)
    };
    let none = ProjectSettings::default();
    let settings = ProjectSettings { memory_window: Some(4), ..none.clone() };
    assert!(!store.deploy_draft(project).await.expect("an answer"), "there is no draft");
    assert!(!store.set_draft(project, None).await.expect("an answer"), "there is no draft");
    assert!(store.set_draft(project, Some(settings.clone())).await.expect("an answer"));
    assert_eq!(shown().await, (none.clone(), Some(settings.clone())));
    assert!(store.set_draft(project, None).await.expect("an answer"));
    assert_eq!(shown().await, (none, None));
    assert!(store.set_draft(project, Some(settings.clone())).await.expect("an answer"));
    assert!(store.deploy_draft(project).await.expect("an answer"));
    assert_eq!(shown().await, (settings.clone(), None));
    assert!(!store.deploy_draft(project).await.expect("an answer"));
    assert!(!store.set_draft(Uuid::new_v4(), Some(settings)).await.expect("an answer"), "no such project");
}

pub async fn api_keys(subject: Subject) {
    let store = &*subject.store;
    let tenant = tenant(store, 0).await;
    let mine = project(store, tenant, "a-b-001", 0).await.id;
    let other = project(store, tenant, "a-b-002", 0).await.id;
    let (young, old) = (key_row(mine, 1, 1), key_row(mine, 2, 2));
    for row in [&young, &old] {
        store.add_api_key(row.clone()).await.expect("added");
    }
    let taken = ApiKeyRow { id: Uuid::new_v4(), ..young.clone() };
    assert!(matches!(store.add_api_key(taken).await, Err(StoreError::Taken)));
    assert_eq!(store.api_key([1; 32]).await.expect("an answer"), Some(young.clone()));
    assert_eq!(store.api_key([9; 32]).await.expect("an answer"), None);
    assert_eq!(store.api_keys(mine).await.expect("a list"), [old.clone(), young.clone()]);
    assert_eq!(store.api_keys(other).await.expect("a list"), []);

    let revoke = async |project, id| store.revoke_api_key(project, id, NOW).await.expect("an answer");
    assert_eq!(revoke(other, young.id).await, None, "another project's");
    assert_eq!(revoke(mine, Uuid::new_v4()).await, None);
    assert_eq!(revoke(mine, young.id).await, Some([1; 32]));
    assert_eq!(revoke(mine, young.id).await, None, "revoked already");
    let revoked = ApiKeyRow { revoked_at: Some(NOW), ..young };
    assert_eq!(store.api_key([1; 32]).await.expect("an answer"), Some(revoked.clone()));
    assert_eq!(store.api_keys(mine).await.expect("a list"), [old, revoked]);
}

pub async fn signing_keys(subject: Subject) {
    let store = &*subject.store;
    let (mine, other) = (tenant(store, 0).await, tenant(store, 0).await);
    let key = |kid: &str, tenant_id, age: i64| SigningKeyRow {
        kid: kid.to_owned(),
        tenant_id,
        name: "k".to_owned(),
        jwk: Jwk::rsa(kid, &[1, 2, 3], &[1, 0, 1]),
        created_at: NOW - age,
        revoked_at: None,
    };
    let (young, old, foreign) = (key("sk_1", mine, 1), key("sk_2", mine, 3), key("sk_3", other, 2));
    for row in [&young, &old, &foreign] {
        store.add_signing_key(row.clone()).await.expect("added");
    }
    let taken = SigningKeyRow { tenant_id: other, ..young.clone() };
    assert!(matches!(store.add_signing_key(taken).await, Err(StoreError::Taken)));
    assert_eq!(store.signing_key("sk_1").await.expect("an answer"), Some(young.clone()));
    assert_eq!(store.signing_key("sk_9").await.expect("an answer"), None);
    assert_eq!(store.signing_keys(Some(mine)).await.expect("a list"), [old.clone(), young.clone()]);
    let all = store.signing_keys(None).await.expect("a list");
    assert_eq!(all, [old, foreign.clone(), young]);

    let revoke = async |tenant, kid| store.revoke_signing_key(tenant, kid, NOW).await.expect("an answer");
    assert!(!revoke(mine, "sk_3").await, "another tenant's");
    assert!(revoke(other, "sk_3").await);
    assert!(!revoke(other, "sk_3").await, "revoked already");
    let revoked = SigningKeyRow { revoked_at: Some(NOW), ..foreign };
    assert_eq!(store.signing_key("sk_3").await.expect("an answer"), Some(revoked));
}

pub async fn providers(subject: Subject) {
    let store = &*subject.store;
    let (mine, other) = (tenant(store, 0).await, tenant(store, 0).await);
    let project = project(store, mine, "a-b-001", 0).await.id;
    let (tenants, projects) = (Owner::Tenant(mine), Owner::Project { tenant: mine, project });
    let row = |owner, name: &str, local: bool| ProviderRow {
        id: Uuid::new_v4(),
        owner,
        name: name.to_owned(),
        base_url: local.then(|| "http://10.0.0.1/v1".to_owned()),
        local,
        sealed_key: Some("iv:text:tag".to_owned()),
        master_key_id: Some("mk".to_owned()),
        last_four: Some("abcd".to_owned()),
        models: local.then(|| vec!["m".to_owned()]),
        created_at: NOW,
    };
    let (a, z, of_project) = (row(tenants, "a", false), row(tenants, "z", true), row(projects, "z", false));
    for row in [row(tenants, "z", false), a.clone(), z.clone(), row(projects, "z", true), of_project.clone()]
    {
        store.put_provider(row).await.expect("put");
    }
    let listed = async |owner| store.providers(owner).await.expect("a list");
    assert_eq!(listed(tenants).await, [a.clone(), z.clone()], "by name, the last one stands");
    assert_eq!(listed(projects).await, std::slice::from_ref(&of_project), "apart from the tenant's");
    // A project's id with another's tenant finds nothing: both must be so.
    for stranger in [Owner::Tenant(other), Owner::Project { tenant: other, project }] {
        assert_eq!(listed(stranger).await, []);
        assert!(!store.remove_provider(stranger, "z").await.expect("an answer"));
    }
    assert_eq!(store.all_providers().await.expect("a list").len(), 3);

    let reseal = async |from: &str| {
        let sealed = store.reseal_provider(z.id, from.to_owned(), "new".to_owned(), "mk2".to_owned()).await;
        sealed.expect("an answer")
    };
    assert!(!reseal("another").await, "only what was read is replaced");
    assert!(reseal("iv:text:tag").await);
    assert!(!reseal("iv:text:tag").await);
    let z = ProviderRow { sealed_key: Some("new".to_owned()), master_key_id: Some("mk2".to_owned()), ..z };
    assert_eq!(listed(tenants).await, [a.clone(), z.clone()]);

    assert!(store.remove_provider(tenants, "a").await.expect("an answer"));
    assert!(!store.remove_provider(tenants, "a").await.expect("an answer"));
    assert!(store.remove_provider(projects, "z").await.expect("an answer"));
    assert_eq!(listed(projects).await, []);
    assert_eq!(listed(tenants).await, [z]);
}

pub async fn changed_values(subject: Subject) {
    let store = &*subject.store;
    let change = async |from: Option<&str>, to: Option<&str>| {
        let changed = store.change_value("x", from.map(str::to_owned), to.map(str::to_owned)).await;
        changed.expect("an answer")
    };
    assert!(!change(Some("a"), Some("b")).await, "nothing stands there");
    assert!(change(None, Some("a")).await);
    assert!(!change(None, Some("b")).await, "something stands there");
    assert!(!change(Some("b"), Some("c")).await, "something else stands there");
    assert!(change(Some("a"), Some("b")).await);
    assert_eq!(store.value("x").await.expect("an answer"), Some("b".to_owned()));
    assert!(!change(Some("a"), None).await);
    assert!(change(Some("b"), None).await);
    assert_eq!(store.value("x").await.expect("an answer"), None);
}
