//! Events.

use behest_core::gateway::store::ProjectScope;
use behest_core::gateway::store::events::{EventFilter, EventOrder, EventRow};
use behest_core::gateway::store::webhooks::{DeliveryRow, WebhookRow};
use behest_core::types::event::EventKind;
use serde_json::json;
use uuid::Uuid;

use super::{NOW, Subject};

fn event(kind: EventKind, tenant: Option<Uuid>, project: Option<Uuid>, at: i64) -> EventRow {
    EventRow {
        id: Uuid::now_v7(),
        kind,
        at,
        tenant,
        project,
        message: "it happened".to_owned(),
        data: json!({ "limit": 7 }),
        once: None,
    }
}

const ALL: EventFilter = EventFilter { scope: ProjectScope::All, kinds: Vec::new(), since: None };

async fn ids(subject: &Subject, filter: &EventFilter, order: EventOrder, limit: u32) -> Vec<Uuid> {
    let rows = subject.store.events(filter.clone(), order, limit).await.expect("a list");
    rows.iter().map(|row| row.id).collect()
}

pub async fn lists(subject: Subject) {
    assert_eq!(subject.store.newest_event().await.expect("an answer"), None);
    let (tenant, project, other) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let rows = vec![
        event(EventKind::LedgerFailed, None, None, NOW),
        event(EventKind::BudgetExceeded, Some(tenant), None, NOW + 1),
        event(EventKind::BudgetExceeded, Some(tenant), Some(project), NOW + 2),
        event(EventKind::LimitExceeded, Some(tenant), Some(other), NOW + 3),
        event(EventKind::LimitExceeded, Some(other), Some(other), NOW + 4),
    ];
    let all: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    assert_eq!(subject.store.add_events(rows.clone()).await.expect("added"), [true; 5]);
    assert_eq!(subject.store.newest_event().await.expect("an answer"), Some(all[4]));

    let newest = EventOrder::NewestFirst;
    let read = subject.store.events(ALL, EventOrder::OldestFirst(Uuid::nil()), 10).await.expect("a list");
    assert_eq!(read, rows);
    assert_eq!(ids(&subject, &ALL, newest(None), 2).await, [all[4], all[3]]);
    assert_eq!(ids(&subject, &ALL, newest(Some(all[3])), 2).await, [all[2], all[1]]);
    assert_eq!(ids(&subject, &ALL, EventOrder::OldestFirst(all[2]), 9).await, [all[3], all[4]]);
    let filters = [
        EventFilter { scope: ProjectScope::Tenant(tenant), ..ALL },
        EventFilter { scope: ProjectScope::Project(project), ..ALL },
        EventFilter { kinds: vec![EventKind::LedgerFailed, EventKind::LimitExceeded], ..ALL },
        EventFilter { since: Some(NOW + 3), ..ALL },
    ];
    let wanted = [&[1, 2, 3][..], &[2], &[0, 3, 4], &[3, 4]];
    for (filter, wanted) in filters.iter().zip(wanted) {
        let wanted: Vec<Uuid> = wanted.iter().map(|index| all[*index]).collect();
        let found = ids(&subject, filter, EventOrder::OldestFirst(Uuid::nil()), 9).await;
        assert_eq!(found, wanted, "{filter:?}");
        let shown: Vec<Uuid> = rows.iter().filter(|row| filter.shows(row)).map(|row| row.id).collect();
        assert_eq!(shown, wanted, "the filter in memory says the same: {filter:?}");
    }
}

pub async fn once(subject: Subject) {
    let named = |name: &str| EventRow {
        once: Some(name.to_owned()),
        ..event(EventKind::BudgetThreshold, None, None, NOW)
    };
    let unnamed = event(EventKind::BudgetThreshold, None, None, NOW);
    let rows = vec![named("a"), named("a"), named("b"), unnamed.clone()];
    assert_eq!(subject.store.add_events(rows).await.expect("added"), [true, false, true, true]);
    let rows = vec![named("b"), unnamed];
    assert_eq!(subject.store.add_events(rows).await.expect("added"), [false, false]);
}

pub async fn expiry(subject: Subject) {
    let rows = (0..5).map(|at| event(EventKind::LimitExceeded, None, None, NOW + at)).collect::<Vec<_>>();
    let last = rows[4].id;
    subject.store.add_events(rows).await.expect("added");
    assert_eq!(subject.store.expire_events(NOW + 4, 3).await.expect("expired"), 3);
    assert_eq!(subject.store.expire_events(NOW + 4, 3).await.expect("expired"), 1);
    assert_eq!(ids(&subject, &ALL, EventOrder::NewestFirst(None), 9).await, [last]);
}

pub async fn gone(subject: Subject) {
    let webhook = WebhookRow {
        id: Uuid::now_v7(),
        url: "https://hooks.example.com/".to_owned(),
        local: false,
        kinds: None,
        tenant: None,
        project: None,
        from_file: false,
        sealed_secret: String::new(),
        master_key_id: String::new(),
        created_at: NOW,
        disabled_at: None,
    };
    let id = webhook.id;
    subject.store.put_webhook(webhook).await.expect("added");
    let rows = (0..2).map(|at| event(EventKind::LimitExceeded, None, None, NOW + at)).collect();
    subject.store.add_events(rows).await.expect("added");
    let due = subject.store.due_deliveries(id, NOW + 9, 9).await.expect("a list");
    let [slow, quick] = <[_; 2]>::try_from(due).expect("two");
    let again = |row: DeliveryRow| DeliveryRow { tries: row.tries + 1, next_at: Some(NOW + 5), ..row };
    subject.store.note_delivery(again(quick)).await.expect("noted");
    assert_eq!(subject.store.next_delivery(id).await.expect("an answer"), Some(NOW));
    // The other one's address answers 410 while this one is under way.
    subject.store.disable_webhook(id, NOW + 1).await.expect("disabled");
    subject.store.note_delivery(again(slow)).await.expect("noted");
    assert_eq!(subject.store.next_delivery(id).await.expect("an answer"), None);
    let deliveries = subject.store.deliveries(id, 9).await.expect("a list");
    assert!(deliveries.iter().all(|row| (row.tries, row.next_at) == (1, None)), "{deliveries:?}");
}
