//! Who is told of what happened, and when.

use std::path::Path;
use std::sync::Arc;

use behest_core::Secret;
use behest_core::gateway::Gateway;
use behest_core::gateway::config::Config;
use behest_core::gateway::events::{Listening, Raised};
use behest_core::gateway::store::events::EventRow;
use behest_core::types::event::EventKind;
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use crate::support::PATIENCE;
use crate::support::gateway::{ADMIN_SECRET, TestGateway, eventually};

fn raised(kind: EventKind, once: Option<&str>) -> Raised {
    Raised {
        kind,
        tenant: None,
        project: None,
        message: "it happened".to_owned(),
        data: json!({ "limit": 7 }),
        once: once.map(str::to_owned),
    }
}

async fn hear(listening: &mut Listening) -> Arc<EventRow> {
    timeout(PATIENCE, listening.live.recv()).await.expect("an event in time").expect("an event")
}

async fn start_in(data: &Path) -> Gateway {
    let config = Config { admin_secret: Some(Secret::new(ADMIN_SECRET)), ..Config::default() };
    Gateway::builder(config).data_dir(data).build().await.expect("a gateway")
}

#[tokio::test]
async fn an_event_that_is_to_be_told_once_is_told_once_after_a_restart_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut last = Uuid::nil();
    for first in [true, false] {
        let gateway = start_in(&data).await;
        let mut listening = gateway.events().listen();
        assert_eq!(listening.newest, last);
        for _ in 0..3 {
            gateway.events().raise(raised(EventKind::BudgetThreshold, Some("budget 1, 80%, July")));
        }
        gateway.events().raise(raised(EventKind::LimitExceeded, None));
        if first {
            assert_eq!(hear(&mut listening).await.kind, EventKind::BudgetThreshold);
        }
        let other = hear(&mut listening).await;
        assert_eq!(other.kind, EventKind::LimitExceeded);
        assert!(other.id > last, "ids grow");
        last = other.id;
        gateway.shut_down().await;
    }
}

#[tokio::test]
async fn what_is_raised_without_a_runtime_is_stored_before_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let gateway = start_in(&data).await;
    let raiser = gateway.clone();
    let thread = std::thread::spawn(move || raiser.events().raise(raised(EventKind::LimitExceeded, None)));
    thread.join().expect("a thread");
    gateway.shut_down().await;
    drop(gateway);
    let gateway = start_in(&data).await;
    assert_ne!(gateway.events().listen().newest, Uuid::nil());
    assert_eq!(gateway.events().lost(), 0);
}

#[tokio::test]
async fn a_ledger_that_fails_is_told_of_at_once_and_stored_when_it_recovers() {
    let site = TestGateway::start().await;
    let database = rusqlite::Connection::open(site.gateway.data_dir().join("behest.db")).expect("a database");
    let failing =
        "CREATE TRIGGER failing BEFORE INSERT ON usage_records BEGIN SELECT RAISE(ABORT, 'full'); END";
    database.execute_batch(failing).expect("a trigger");
    let mut listening = site.gateway.events().listen();
    site.chat("hi").bearer(&site.api_key).await.refused(503, "unavailable");
    let failed = hear(&mut listening).await;
    assert_eq!(failed.kind, EventKind::LedgerFailed);
    assert!(failed.data["reason"].as_str().expect("a reason").contains("full"), "{failed:?}");
    let again = site.gateway.events().listen();
    assert_eq!(again.unstored, [Arc::clone(&failed)], "who comes now is told, too");
    // What the store must judge waits for it.
    site.gateway.events().raise(raised(EventKind::BudgetThreshold, Some("once")));
    database.execute_batch("DROP TRIGGER failing").expect("mended");
    let mut told = [hear(&mut listening).await, hear(&mut listening).await];
    assert!(failed.id < told[0].id && told[0].id < told[1].id, "ids grow as they are told");
    told.sort_by_key(|event| event.kind.as_str());
    assert_eq!(told.map(|event| event.kind), [EventKind::BudgetThreshold, EventKind::LedgerRecovered]);
}

/// Raises an event of a tenant's or a project's and waits until it is stored.
async fn happen(site: &TestGateway, kind: EventKind, tenant: Option<&str>, project: Option<&str>) -> String {
    let id = |id: &str| id.parse().expect("an id");
    let mut listening = site.gateway.events().listen();
    let event = Raised { tenant: tenant.map(id), project: project.map(id), ..raised(kind, None) };
    site.gateway.events().raise(event);
    hear(&mut listening).await.id.to_string()
}

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().expect("data").iter().map(|event| event["id"].as_str().expect("an id")).collect()
}

/// A site with two tenants and an event of each: the gateway's, a tenant's, two projects' of it, and a stranger's.
struct Town {
    site: TestGateway,
    sibling: String,
    stranger: String,
    events: Vec<String>,
}

impl Town {
    async fn new() -> Self {
        let site = TestGateway::start().await;
        let (tenant, project) = (site.project.tenant_id.clone(), site.project.id.clone());
        let sibling = site.project_of(&tenant).await.id;
        let stranger = site.tenant(&json!({ "name": "stranger" })).await.id;
        let foreign = site.project_of(&stranger).await.id;
        let (tenant, project) = (tenant.as_str(), project.as_str());
        let events = vec![
            happen(&site, EventKind::KillSwitchOn, None, None).await,
            happen(&site, EventKind::BudgetExceeded, Some(tenant), None).await,
            happen(&site, EventKind::BudgetExceeded, Some(tenant), Some(project)).await,
            happen(&site, EventKind::LimitExceeded, Some(tenant), Some(&sibling)).await,
            happen(&site, EventKind::LimitExceeded, Some(&stranger), Some(&foreign)).await,
        ];
        Self { site, sibling, stranger: foreign, events }
    }

    /// The ids at these places, newest first.
    fn newest(&self, places: &[usize]) -> Vec<&str> {
        places.iter().rev().map(|place| self.events[*place].as_str()).collect()
    }
}

#[tokio::test]
async fn everybody_sees_its_own_events_and_no_others() {
    let town = Town::new().await;
    let site = &town.site;
    let own = site.token_of_role(&site.project.id, "admin").await;
    let dashboard = site.token_of_role(&site.project.id, "dashboard-service").await;
    let user = site.token("ann").await;
    let list = site.get("/v1/events").admin().await.ok();
    assert_eq!(ids(&list), town.newest(&[0, 1, 2, 3, 4]));
    assert_eq!(list["data"][4]["kind"], "kill_switch_on");
    assert_eq!(list["data"][2]["data"], json!({ "limit": 7 }));
    assert!(list.get("next").is_none(), "{list}");
    let of_tenant = site.get("/v1/events").bearer(&dashboard).await.ok();
    assert_eq!(ids(&of_tenant), town.newest(&[1, 2, 3]));
    let of_project = site.get("/v1/events").bearer(&own).await.ok();
    assert_eq!(ids(&of_project), town.newest(&[2]));

    let of = |project: &str| format!("/v1/events?project_id={project}");
    let sibling = site.get(&of(&town.sibling)).bearer(&dashboard).await.ok();
    assert_eq!(ids(&sibling), town.newest(&[3]));
    site.get(&of(&town.sibling)).bearer(&own).await.refused(404, "not_found");
    site.get(&of(&town.stranger)).bearer(&dashboard).await.refused(404, "not_found");
    site.get("/v1/events").bearer(&user).await.refused(403, "forbidden");
    site.get("/v1/events").await.refused(401, "missing_credentials");
    site.get("/v1/events").bearer(&site.api_key).await.refused(403, "forbidden");
}

#[tokio::test]
async fn a_list_is_read_page_by_page_and_by_kind_and_time() {
    let town = Town::new().await;
    let site = &town.site;
    let first = site.get("/v1/events?limit=3").admin().await.ok();
    assert_eq!(ids(&first), town.newest(&[2, 3, 4]));
    let next = first["next"].as_str().expect("more");
    let last = site.get(&format!("/v1/events?limit=3&cursor={next}")).admin().await.ok();
    assert_eq!(ids(&last), town.newest(&[0, 1]));
    assert!(last.get("next").is_none(), "{last}");
    let kinds = site.get("/v1/events?kind=limit_exceeded,kill_switch_on").admin().await.ok();
    assert_eq!(ids(&kinds), town.newest(&[0, 3, 4]));
    let later = site.get("/v1/events?since=2999-01-01").admin().await.ok();
    assert!(ids(&later).is_empty());
    for bad in ["kind=nonsense", "cursor=nonsense", "limit=0", "limit=1001", "since=nonsense"] {
        site.get(&format!("/v1/events?{bad}")).admin().await.refused(400, "validation_error");
    }
}

/// What a stream has brought so far, as pairs of id and kind; comments apart.
fn streamed(text: &str) -> Vec<(String, String)> {
    let field = |event: &str, name: &str| {
        event.lines().find_map(|line| line.strip_prefix(name)).expect("a field").to_owned()
    };
    let events = text.split("\n\n").filter(|event| event.starts_with("id: "));
    events.map(|event| (field(event, "id: "), field(event, "event: "))).collect()
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event_without_gap_or_repetition() {
    let site = TestGateway::start().await;
    let stream = |last: &str| {
        site.get("/v1/events").admin().header("accept", "text/event-stream").header("last-event-id", last)
    };
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(happen(&site, EventKind::LimitExceeded, None, None).await);
    }
    let mut live = site.get("/v1/events?stream=true").admin().open().await;
    assert_eq!(live.headers["content-type"], "text/event-stream; charset=utf-8");
    let mut resumed = stream(&all[0]).open().await;
    resumed.until(&all[2]).await;
    for _ in 0..3 {
        all.push(happen(&site, EventKind::BudgetExceeded, None, None).await);
    }
    live.until(&all[5]).await;
    resumed.until(&all[5]).await;
    // A stream ends with the gateway, and its reader follows on elsewhere.
    site.gateway.shut_down().await;
    let text =
        |answer: crate::support::gateway::Answer| String::from_utf8(answer.body.to_vec()).expect("text");
    let (live, resumed) = (text(live.rest().await), text(resumed.rest().await));
    let of = |text: &str| streamed(text).into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(of(&live), all[3..], "from now on");
    assert_eq!(of(&resumed), all[1..], "from there on");
    assert!(live.contains("event: budget_exceeded\ndata: {\"id\":\""), "{live}");
}

#[tokio::test]
async fn a_reader_that_falls_far_behind_misses_nothing() {
    let site = TestGateway::start().await;
    let mut stream = site.get("/v1/events?stream=true").admin().open().await;
    let mut listening = site.gateway.events().listen();
    // More than are kept for listeners, and more than one page of the store.
    let mut all = Vec::new();
    for _ in 0..400 {
        site.gateway.events().raise(raised(EventKind::LimitExceeded, None));
        all.push(hear(&mut listening).await.id.to_string());
    }
    stream.until(&all[399]).await;
    site.gateway.shut_down().await;
    let text = String::from_utf8(stream.rest().await.body.to_vec()).expect("text");
    let seen: Vec<String> = streamed(&text).into_iter().map(|(id, _)| id).collect();
    assert_eq!(seen, all);
}

#[tokio::test]
async fn a_stream_shows_no_more_than_the_list() {
    let town = Town::new().await;
    let site = &town.site;
    let own = site.token_of_role(&site.project.id, "admin").await;
    let path = "/v1/events?stream=true&since=2020-01-01";
    let mut stream = site.get(path).bearer(&own).open().await;
    stream.until(&town.events[2]).await;
    let (tenant, project) = (site.project.tenant_id.as_str(), site.project.id.as_str());
    happen(site, EventKind::KillSwitchOff, None, None).await;
    happen(site, EventKind::BudgetExceeded, Some(tenant), Some(&town.sibling)).await;
    happen(site, EventKind::BudgetExceeded, Some(tenant), None).await;
    let last = happen(site, EventKind::BudgetDowngraded, Some(tenant), Some(project)).await;
    stream.until(&last).await;
    site.gateway.shut_down().await;
    let text = String::from_utf8(stream.rest().await.body.to_vec()).expect("text");
    let wanted = [(town.events[2].clone(), "budget_exceeded"), (last, "budget_downgraded")];
    assert_eq!(streamed(&text), wanted.map(|(id, kind)| (id, kind.to_owned())));
    let bad = site.get("/v1/events?stream=true").admin().header("last-event-id", "nonsense").await;
    bad.refused(400, "validation_error");
}

#[tokio::test]
async fn a_flood_of_one_event_costs_no_writes() {
    let site = TestGateway::start().await;
    let commits = async || {
        let metrics = site.get("/metrics").admin().await;
        let text = String::from_utf8_lossy(&metrics.body).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix("behest_ledger_commits_total "));
        line.expect("the metric").parse::<u64>().expect("a number")
    };
    let mut listening = site.gateway.events().listen();
    site.gateway.events().raise(raised(EventKind::LimitExceeded, Some("per minute")));
    hear(&mut listening).await;
    let before = commits().await;
    for _ in 0..10_000 {
        site.gateway.events().raise(raised(EventKind::LimitExceeded, Some("per minute")));
    }
    happen(&site, EventKind::BudgetExceeded, None, None).await;
    assert!(commits().await <= before + 1);
    assert_eq!(site.gateway.events().lost(), 0);
    let listed = eventually(async || {
        let listed = site.get("/v1/events").admin().await.ok();
        (listed["data"].as_array().expect("data").len() == 2).then_some(listed)
    });
    listed.await;
}
