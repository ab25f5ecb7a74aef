//! Tiers, budgets and kill switches.

use behest_core::gateway::store::rows::{BudgetRow, KillRow, KillTarget, TierRow};
use behest_core::gateway::store::{Store, StoreError};
use behest_core::types::budget::{BudgetScope, BudgetWindow, NewBudget, OnExceed};
use behest_core::types::tier::TierOverrides;
use uuid::Uuid;

use super::identity::{key_row, project, tenant};
use super::{NOW, Subject};

fn tier(project_id: Uuid, name: &str, rpm: u64) -> TierRow {
    let overrides = TierOverrides { rpm_limit: Some(rpm), ..TierOverrides::default() };
    TierRow { project_id, name: name.to_owned(), overrides, created_at: Some(NOW) }
}

fn budget(project_id: Uuid, name: &str) -> BudgetRow {
    let terms = NewBudget {
        name: name.to_owned(),
        scope: BudgetScope::Tag,
        subject: Some("search".to_owned()),
        tag: Some("team".to_owned()),
        window: BudgetWindow::Week,
        limit_usd: 12.000_000_001,
        thresholds: Some(vec![50, 100]),
        on_exceed: OnExceed::Downgrade,
        downgrade_to: Some("local/echo".to_owned()),
    };
    BudgetRow { id: Uuid::now_v7(), project_id, terms, created_at: Some(NOW) }
}

async fn two_projects(store: &dyn Store) -> (Uuid, Uuid, Uuid) {
    let owner = tenant(store, 0).await;
    let (one, two) = (project(store, owner, "a-b-001", 0).await, project(store, owner, "a-b-002", 0).await);
    (owner, one.id, two.id)
}

pub async fn tiers(subject: Subject) {
    let store = &*subject.store;
    let (_, one, two) = two_projects(store).await;
    let of = async |id: Uuid| store.project_policy(id).await.expect("an answer").expect("a project").tiers;
    assert!(store.project_policy(Uuid::nil()).await.expect("an answer").is_none());
    assert_eq!(of(one).await, []);

    assert!(store.add_tier(tier(one, "gold", 1), 2).await.expect("an answer"));
    assert!(matches!(store.add_tier(tier(one, "gold", 2), 2).await, Err(StoreError::Taken)));
    assert!(store.put_tier(tier(two, "gold", 3), 2).await.expect("another project's is another"));
    assert!(store.put_tier(tier(one, "free", 4), 2).await.expect("made"));
    assert!(!store.put_tier(tier(one, "more", 5), 2).await.expect("an answer"), "it is full");
    assert!(!store.add_tier(tier(one, "more", 5), 2).await.expect("an answer"), "it is full");
    let later = TierRow { created_at: Some(NOW + 1), ..tier(one, "gold", 6) };
    assert!(store.put_tier(later, 2).await.expect("what is there is replaced all the same"));
    assert_eq!(of(one).await, [tier(one, "free", 4), tier(one, "gold", 6)]);

    assert!(!store.remove_tier(two, "free").await.expect("an answer"));
    assert!(store.remove_tier(one, "gold").await.expect("an answer"));
    assert!(!store.remove_tier(one, "gold").await.expect("an answer"));
    assert_eq!((of(one).await, of(two).await), (vec![tier(one, "free", 4)], vec![tier(two, "gold", 3)]));
}

pub async fn budgets(subject: Subject) {
    let store = &*subject.store;
    let (_, one, two) = two_projects(store).await;
    let of = async |id: Uuid| store.project_policy(id).await.expect("an answer").expect("a project").budgets;
    let (first, second, foreign) = (budget(one, "a"), budget(one, "b"), budget(two, "a"));
    for row in [&first, &second, &foreign] {
        assert!(store.add_budget(row.clone(), 2).await.expect("an answer"));
    }
    assert!(!store.add_budget(budget(one, "c"), 2).await.expect("an answer"), "it is full");
    assert!(matches!(store.add_budget(budget(two, "a"), 2).await, Err(StoreError::Taken)));
    assert_eq!(of(one).await, [first.clone(), second.clone()], "what goes in comes out, oldest first");

    let terms = NewBudget { limit_usd: 3.0, ..second.terms.clone() };
    assert!(store.change_budget(one, second.id, terms.clone()).await.expect("an answer"));
    assert!(!store.change_budget(two, second.id, terms.clone()).await.expect("an answer"));
    let renamed = NewBudget { name: "a".to_owned(), ..terms.clone() };
    assert!(matches!(store.change_budget(one, second.id, renamed).await, Err(StoreError::Taken)));
    let second = BudgetRow { terms, ..second };
    assert_eq!(of(one).await, [first.clone(), second.clone()]);

    assert!(!store.remove_budget(two, first.id).await.expect("an answer"));
    assert!(store.remove_budget(one, first.id).await.expect("an answer"));
    assert!(!store.remove_budget(one, first.id).await.expect("an answer"));
    assert_eq!((of(one).await, of(two).await), (vec![second], vec![foreign]));
}

pub async fn kill_switches(subject: Subject) {
    let store = &*subject.store;
    let (tenant, project, other) = two_projects(store).await;
    let key = key_row(project, 1, 0);
    store.add_api_key(key.clone()).await.expect("added");
    assert_eq!(store.api_key_by_id(key.id).await.expect("an answer"), Some(key.clone()));
    assert_eq!(store.api_key_by_id(Uuid::nil()).await.expect("an answer"), None);

    let user = |project: Uuid, user: &str| KillTarget::User { tenant, project, user: user.to_owned() };
    let targets = [
        KillTarget::Global,
        KillTarget::Tenant { tenant },
        KillTarget::Project { tenant, project },
        user(project, "ann"),
        user(project, "ben"),
        user(other, "ann"),
        KillTarget::Key { tenant, project, api_key: key.id },
    ];
    let mut rows = Vec::new();
    for (target, at) in targets.iter().zip(NOW..) {
        let row = KillRow { target: target.clone(), reason: None, created_at: Some(at) };
        assert_eq!(store.throw_kill_switch(row.clone()).await.expect("an answer"), row);
        rows.push(row);
    }
    assert_eq!(store.kill_switches().await.expect("a list"), rows);

    // Thrown again, each is the same switch with another reason, and as old as it was.
    for row in &mut rows {
        row.reason = Some("again".to_owned());
        let again = KillRow { created_at: Some(NOW + 100), ..row.clone() };
        assert_eq!(store.throw_kill_switch(again).await.expect("an answer"), *row);
    }
    assert_eq!(store.kill_switches().await.expect("a list"), rows);

    for target in targets {
        assert!(store.take_back_kill_switch(target.clone()).await.expect("an answer"));
        assert!(!store.take_back_kill_switch(target).await.expect("an answer"));
        rows.remove(0);
        assert_eq!(store.kill_switches().await.expect("a list"), rows);
    }
}
