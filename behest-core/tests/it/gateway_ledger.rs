//! The ledger over HTTP: pages, records, exports, the live feed, costs reckoned again, and the check.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use behest_core::gateway::store::Store;
use behest_core::gateway::store::sqlite::{Durability, Sqlite};
use http::Method;
use proptest::strategy::Strategy as _;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::ledger_reports::record;
use crate::support::fake::completion;
use crate::support::gateway::{TestGateway, provider, providers};
use crate::support::scripted::{Script, Scripted};

/// The days of the records that the properties make.
const WINDOW: &str = "from=2026-01-13&to=2026-01-16";

/// A gateway with so many records in its ledger.
async fn recorded(count: usize) -> TestGateway {
    let site = TestGateway::start().await;
    let store =
        Sqlite::open(&site.gateway.data_dir().join("behest.db"), Durability::Process).expect("a store");
    let mut runner = TestRunner::deterministic();
    let records =
        proptest::collection::vec(record(), count).new_tree(&mut runner).expect("records").current();
    let project_id = site.project.id.parse().expect("an id");
    let tenant_id = site.project.tenant_id.parse().expect("an id");
    let own = records.into_iter().map(|mut record| {
        (record.project_id, record.tenant_id, record.attempt) = (project_id, tenant_id, 1);
        record
    });
    store.append_records(own.collect()).await.expect("appended");
    store.close().await;
    site
}

async fn get(site: &TestGateway, path: &str) -> Value {
    site.get(&site.of_project(path)).admin().await.ok()
}

/// Rows added up, with money in whole nano-dollars.
fn added<'v>(rows: impl IntoIterator<Item = &'v Value>) -> Vec<u64> {
    let fields = [
        "requests",
        "calls",
        "tokens",
        "input_tokens",
        "output_tokens",
        "unpriced_requests",
        "estimated_requests",
    ];
    let mut sums = vec![0; fields.len() + 1];
    for row in rows {
        for (sum, field) in sums.iter_mut().zip(fields) {
            *sum += row[field].as_u64().expect("a count");
        }
        let nano = row["cost_usd"].as_f64().expect("money") * 1e9;
        *sums.last_mut().expect("money") += nano.round() as u64;
    }
    sums
}

#[tokio::test]
async fn pages_add_up_to_the_totals_that_stand_on_each_of_them() {
    let site = recorded(400).await;
    for (query, limit) in [
        ("group_by=user,model,tag:team&granularity=hour", 50),
        ("group_by=session,status,day", 7),
        ("group_by=tag:team&granularity=total", 1),
        ("group_by=api_key,provider,tier,key_source&granularity=minute&tag=team:search", 40),
        ("granularity=day&status=ok&provider=p", 2),
    ] {
        let path = format!("usage?{WINDOW}&{query}");
        let whole = get(&site, &path).await;
        let rows = whole["breakdown"].as_array().expect("rows");
        assert!(rows.len() > 1 && whole.get("next").is_none(), "{query}: {whole}");
        assert_eq!(added(rows), added([&whole["totals"]]), "{query}");
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = get(&site, &format!("{path}&limit={limit}{cursor}")).await;
            assert_eq!(page["totals"], whole["totals"], "the totals are of the whole on every page");
            let rows = page["breakdown"].as_array().expect("rows");
            assert!(rows.len() <= limit);
            paged.extend(rows.iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(&paged, rows, "{query}");
    }
    let grouped = get(&site, &format!("usage?{WINDOW}&group_by=user,tag:team&granularity=total")).await;
    let names: Vec<&str> =
        grouped["breakdown"][0]["group"].as_object().expect("groups").keys().map(String::as_str).collect();
    assert_eq!(names, ["user_id", "tag:team"]);
    for (query, param) in [
        ("group_by=model,colour", "group_by"),
        ("limit=0", "limit"),
        ("limit=10001", "limit"),
        ("cursor=nonsense", "cursor"),
        ("status=fine", "status"),
        ("api_key_id=mine", "api_key_id"),
        ("key_source=ours", "key_source"),
        ("tag=team", "tag"),
        ("group_by=user,model,session,thread,tier,status,provider", "group_by"),
    ] {
        let answer = site.get(&site.of_project(&format!("usage?{query}"))).admin().await;
        assert_eq!(answer.refused(400, "validation_error")["param"], param, "{query}");
    }
}

#[tokio::test]
async fn records_are_listed_in_pages_and_exported_whole() {
    let site = recorded(1_203).await;
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = get(&site, &format!("usage/records?{WINDOW}&limit=500{cursor}")).await;
        listed.extend(page["data"].as_array().expect("records").iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(listed.len(), 1_203);
    let ids: BTreeSet<&str> =
        listed.iter().map(|entry| entry["attempt_id"].as_str().expect("an id")).collect();
    assert_eq!(ids.len(), listed.len(), "each once");
    let export = site.get(&site.of_project(&format!("usage.jsonl?{WINDOW}"))).admin().await;
    assert!(export.header("content-type").starts_with("application/jsonl"));
    let text = std::str::from_utf8(&export.body).expect("UTF-8");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines, listed);
    let csv = site.get(&site.of_project(&format!("usage.csv?{WINDOW}"))).admin().await;
    let csv = std::str::from_utf8(&csv.body).expect("UTF-8");
    assert_eq!(csv.lines().count(), 1_204);
    assert!(csv.starts_with("attempt_id,operation_id,tenant_id,project_id,attempt,admitted_at,"));
    let anns = get(&site, &format!("usage/records?{WINDOW}&user_id=ann&tag=team:ads&limit=1000")).await;
    let wanted: Vec<&Value> =
        listed.iter().filter(|entry| entry["user_id"] == "ann" && entry["tags"]["team"] == "ads").collect();
    assert!(!wanted.is_empty());
    assert_eq!(anns["data"].as_array().expect("records").iter().collect::<Vec<_>>(), wanted);

    let focus = site.get(&site.of_project(&format!("usage.jsonl?{WINDOW}&columns=focus"))).admin().await;
    let first = std::str::from_utf8(&focus.body).expect("UTF-8").lines().next().expect("a line");
    let row: Value = serde_json::from_str(first).expect("JSON");
    assert_eq!((&row["ChargeCategory"], &row["BillingCurrency"]), (&json!("Usage"), &json!("USD")));
    assert_eq!(row["ServiceCategory"], "AI and Machine Learning");
    assert_eq!(row["BillingPeriodStart"], "2026-01-01T00:00:00Z");
    assert_eq!(row["BillingPeriodEnd"], "2026-02-01T00:00:00Z");
    assert_eq!(
        (&row["EffectiveCost"], &row["x_AttemptId"]),
        (&listed[0]["cost_usd"], &listed[0]["attempt_id"])
    );

    for (path, param) in [
        ("usage.csv?columns=all", "columns"),
        ("usage/records?cursor=1", "cursor"),
        ("usage/records?limit=2000", "limit"),
    ] {
        let answer = site.get(&site.of_project(path)).admin().await;
        assert_eq!(answer.refused(400, "validation_error")["param"], param, "{path}");
    }
}

#[tokio::test]
async fn a_cut_answer_is_listed_exported_and_reckoned_again() {
    let site = TestGateway::start().await;
    site.chat("hi").bearer(&site.api_key).user("ann").await.ok();
    let path = site.gateway.data_dir().join("behest.db");
    let database = rusqlite::Connection::open(path).expect("a database");
    for table in ["usage_records", "usage_hours", "usage_days"] {
        database.execute(&format!("UPDATE {table} SET status = 'cut'"), []).expect("changed");
    }
    let listed = get(&site, "usage/records?status=cut").await;
    assert_eq!(listed["data"][0]["status"], "cut", "{listed}");
    for export in ["usage.csv", "usage.jsonl"] {
        let export = site.get(&site.of_project(export)).admin().await;
        assert!(String::from_utf8_lossy(&export.body).contains("cut"));
    }
    assert_eq!(get(&site, "usage?group_by=status").await["breakdown"][0]["group"], "cut");
    let all = json!({ "since": "2026-01-01", "until": "2100-01-01" });
    assert_eq!(site.post("/v1/ledger/rerate", &all).admin().await.ok()["records"], 1);
}

#[tokio::test]
async fn a_report_of_more_rows_than_fit_is_refused_in_pages_too() {
    let site = TestGateway::start().await;
    let path = site.gateway.data_dir().join("behest.db");
    let database = rusqlite::Connection::open(path).expect("a database");
    let fill = "WITH RECURSIVE n (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
        INSERT INTO usage_hours SELECT ?3, ?4, 'm-' || i, 'p', '', x'', 'ok', 'platform', 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0
        FROM n";
    let project: uuid::Uuid = site.project.id.parse().expect("an id");
    let fill = |from: u32, to: u32| {
        let values = rusqlite::params![from, to, project.as_bytes(), super::ledger_reports::MIDNIGHT];
        database.execute(fill, values).expect("filled");
    };
    fill(1, 100_000);
    let report = format!("usage?{WINDOW}&group_by=model&granularity=total");
    let page = get(&site, &format!("{report}&limit=2")).await;
    assert_eq!(page["totals"]["requests"], 100_000);
    fill(100_001, 100_001);
    let refused = site.get(&site.of_project(&format!("{report}&limit=2"))).admin().await;
    let error = refused.refused(400, "validation_error");
    assert!(error["message"].as_str().expect("a message").contains("more than 100000 rows"), "{error}");
    assert_eq!(get(&site, &format!("usage?{WINDOW}")).await["totals"]["requests"], 100_001);
}

#[tokio::test]
async fn a_cursor_brings_no_window_that_a_query_could_not() {
    let site = TestGateway::start().await;
    let cursor = URL_SAFE_NO_PAD.encode(r#"[0,1700000000000,[0,[]]]"#);
    let report =
        site.of_project(&format!("usage?granularity=minute&from=2026-01-13&to=2026-01-14&cursor={cursor}"));
    let answer = site.get(&report).admin().await;
    assert_eq!(answer.refused(400, "validation_error")["param"], "granularity");
}

#[tokio::test]
async fn a_check_skips_days_without_records_and_stops_at_a_thousand_findings() {
    let site = TestGateway::start().await;
    site.chat("hi").bearer(&site.api_key).user("ann").await.ok();
    let path = site.gateway.data_dir().join("behest.db");
    let database = rusqlite::Connection::open(path).expect("a database");
    let copies = "WITH RECURSIVE n (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
        INSERT INTO usage_records (attempt_id, operation_id, tenant_id, project_id, attempt, admitted_at, started_at,
            ended_at, requested_model, model, provider, key_source, streamed, estimated, status, input_tokens)
        SELECT randomblob(16), randomblob(16), tenant_id, project_id, 1, ?3, 0, 0, 'm', 'm', 'p', 'platform', 0, 0, 'ok',
            -1
        FROM usage_records, n LIMIT ?2 - ?1 + 1";
    let copy = |from: u32, to: u32, at: i64| {
        database.execute(copies, rusqlite::params![from, to, at]).expect("copied");
    };
    let check = async || site.post("/v1/ledger/verify", &json!({})).admin().await.ok();
    // Begun by a clock that stood at 1970: twenty thousand days without a record, and one finding for each record and
    // one for the sum that is not there.
    copy(1, 999, 7);
    let found = check().await;
    assert_eq!((&found["days"], &found["is_cut"]), (&json!(2), &json!(false)), "{}", found["days"]);
    assert_eq!(found["findings"].as_array().expect("findings").len(), 1_000);
    copy(1000, 1000, 7);
    let found = check().await;
    assert_eq!((&found["days"], &found["is_cut"]), (&json!(1), &json!(true)));
    assert_eq!(found["findings"].as_array().expect("findings").len(), 1_000);
}

#[tokio::test]
async fn an_export_disarms_formulas_that_users_chose_as_their_ids() {
    let site = TestGateway::start().await;
    for user in ["=cmd|'/c calc'!A1", "+1", "-1", "@me", "ann"] {
        site.chat("hi").bearer(&site.api_key).user(user).await.ok();
    }
    let csv = site.get(&site.of_project("usage.csv")).admin().await;
    let csv = std::str::from_utf8(&csv.body).expect("UTF-8");
    for wanted in [",\"'=cmd|'/c calc'!A1\",", ",\"'+1\",", ",\"'-1\",", ",\"'@me\",", ",ann,"] {
        assert!(csv.contains(wanted), "{wanted} in {csv}");
    }
}

#[tokio::test]
async fn whoever_watches_sees_the_records_of_one_project_as_they_come() {
    let site = TestGateway::start().await;
    let sibling = site.project_of(&site.project.tenant_id).await;
    let other = site.key(&sibling.id, "user").await.key;
    let mut live = site.get(&site.of_project("usage/live")).admin().open().await;
    live.until(": watching").await;
    site.chat("hi").bearer(&other).user("nobodys-business").await.ok();
    site.chat("hi").bearer(&site.api_key).user("ann").await.ok();
    live.until("\"user_id\":\"ann\"").await;
    site.gateway.shut_down().await;
    let all = live.rest().await;
    let text = std::str::from_utf8(&all.body).expect("UTF-8");
    assert!(!text.contains("nobodys-business"), "{text}");
    assert_eq!(text.matches("data: ").count(), 1, "{text}");
}

#[tokio::test]
async fn costs_reckoned_again_stand_beside_the_first_ones() {
    let mut answer = completion("hi");
    answer["usage"] = json!({ "prompt_tokens": 1000, "completion_tokens": 500 });
    let upstream = Scripted::in_turn(vec![Script::json(200, &answer)]).await;
    let site = TestGateway::with(providers([("openai", provider(&upstream, &["gpt-4o-mini"]))])).await;
    for _ in 0..3 {
        site.chat("hi").bearer(&site.api_key).user("ann").await.ok();
    }
    let cost = async |path: &str| get(&site, path).await["totals"]["cost_usd"].clone();
    assert_eq!(cost("usage").await, 0.00135);
    let models = json!({ "openai/gpt-4o-mini": { "prices": [{ "input": 1_000_000, "output": 2_000_000 }] } });
    let catalogue = json!({ "version": "dearer", "models": models });
    site.call(Method::PUT, "/v1/catalogue").json(&catalogue).admin().await.ok();
    let rerate = async |dry_run: bool| {
        let body = json!({ "since": "2026-01-01", "until": "2100-01-01", "dry_run": dry_run });
        site.post("/v1/ledger/rerate", &body).admin().await.ok()
    };
    for (dry_run, changed) in [(true, 3), (false, 3), (false, 0)] {
        let report = rerate(dry_run).await;
        assert_eq!((&report["records"], &report["changed"]), (&json!(3), &json!(changed)), "{report}");
        assert_eq!((&report["after_usd"], &report["catalogue_version"]), (&json!("0.006"), &json!("dearer")));
        let before = if changed == 3 { "0.00135" } else { "0.006" };
        assert_eq!(report["before_usd"], before);
        assert_eq!(cost("usage").await, if dry_run { json!(0.00135) } else { json!(0.006) });
    }
    assert_eq!(cost("usage?group_by=user").await, 0.006);
    let bill = site.get("/v1/billing/usage").bearer(&site.api_key).await.ok();
    assert_eq!(bill["platform"]["cost_usd"], 0.006);
    let records = get(&site, "usage/records").await;
    for entry in records["data"].as_array().expect("records") {
        assert_eq!((&entry["cost_usd"], &entry["price_version"]), (&json!("0.002"), &json!("dearer")));
        assert_eq!(entry["original_cost_usd"], "0.00045");
        assert!(entry["rerated_at"].is_string());
    }
    let check = site.post("/v1/ledger/verify", &json!({})).admin().await.ok();
    assert_eq!((&check["projects"], &check["findings"]), (&json!(1), &json!([])), "{check}");
    for (body, param) in [
        (json!({ "since": "soon" }), "since"),
        (json!({ "since": "2026-01-01", "until": "2025-01-01" }), "since"),
    ] {
        let answer = site.post("/v1/ledger/rerate", &body).admin().await;
        assert_eq!(answer.refused(400, "validation_error")["param"], param);
    }
    let unknown = json!({ "since": "2026-01-01", "project": "x" });
    site.post("/v1/ledger/rerate", &unknown).admin().await.refused(400, "validation_error");
}

#[tokio::test]
async fn the_ledger_is_open_to_its_projects_admins_and_its_upkeep_to_the_operator() {
    let site = TestGateway::start().await;
    let sibling = site.project_of(&site.project.tenant_id).await;
    let admin = site.token_of_role(&site.project.id, "admin").await;
    let user = site.token("ann").await;
    for path in ["usage/records", "usage.csv", "usage.jsonl"] {
        let own = site.of_project(path);
        assert_eq!(site.get(&own).bearer(&admin).await.status, 200, "{path}");
        site.get(&format!("/v1/projects/{}/{path}", sibling.id))
            .bearer(&admin)
            .await
            .refused(404, "not_found");
        site.get(&own).bearer(&user).await.refused(403, "forbidden");
        site.get(&own).bearer(&site.api_key).await.refused(403, "forbidden");
        site.get(&own).await.refused(401, "missing_credentials");
    }
    let live = format!("/v1/projects/{}/usage/live", sibling.id);
    site.get(&live).bearer(&admin).await.refused(404, "not_found");
    for path in ["/v1/ledger/rerate", "/v1/ledger/verify"] {
        site.post(path, &json!({ "since": "2026-01-01" })).bearer(&admin).await.refused(403, "forbidden");
    }
}
