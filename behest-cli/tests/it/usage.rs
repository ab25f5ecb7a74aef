//! Reports, watches and exports against a scripted server.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::{fs, thread};

use behest_core::types::event::{Event, EventKind};
use behest_core::types::usage_record::UsageEntry;
use serde_json::{Value, json};

use crate::sandbox::{Behest, Sandbox};
use crate::script::{KEY, Script};

const PROJECT: &str = "0197a2c4-7a5e-7c3d-9f00-000000000001";

fn report() -> Value {
    let row = |user: Value, requests: u64, cost_usd: f64| {
        json!({
            "timestamp": "2026-11-01T00:00:00Z", "group": { "user_id": user, "model": "gpt-4o" }, "requests": requests,
            "tokens": 30, "input_tokens": 10, "output_tokens": 20, "cost_usd": cost_usd,
        })
    };
    json!({
        "totals": { "requests": 7, "tokens": 90, "input_tokens": 30, "output_tokens": 60, "cost_usd": 6.5 },
        "breakdown": [row(json!("ann"), 1, 0.5), row(json!("=bob"), 4, 4.0), row(json!(null), 2, 2.0)],
    })
}

const BY_USER: &str = "GET /v1/usage?from=2026-11-01T00%3A00%3A00Z&granularity=total&status=ok\
                       &group_by=user_id%2Cmodel&limit=10000";

fn usage(script: &Script, arguments: &[&str]) -> Behest {
    let always = ["usage", "--since", "2026-11-01", "--status", "ok", "--by", "user,model"];
    let behest = Sandbox::new().behest(always.iter().chain(arguments));
    behest.env("BEHEST_BASE_URL", &script.base_url).env("BEHEST_KEY", KEY)
}

fn operator(base_url: &str, arguments: &[&str]) -> Behest {
    let behest = Sandbox::new().behest(arguments).env("BEHEST_BASE_URL", base_url);
    behest.env("BEHEST_ADMIN_SECRET", "s".repeat(32)).env("BEHEST_PROJECT_ID", PROJECT)
}

#[test]
fn groups_stand_dearest_first_with_bars() {
    let script = Script::start([(BY_USER, 200, report())]);
    behest_snapshot!(usage(&script, &[]), @r"
    exit_code: 0
    ----- stdout -----
    user    model   requests  tokens in  tokens out  cost
    =bob    gpt-4o  4         10         20          $4.00  ################
    (none)  gpt-4o  2         10         20          $2.00  ########
    ann     gpt-4o  1         10         20          $0.50  ##
    total           7         30         60          $6.50

    ----- stderr -----
    ");
    behest_snapshot!(usage(&script, &["--limit", "1"]), @r"
    exit_code: 0
    ----- stdout -----
    user   model   requests  tokens in  tokens out  cost
    =bob   gpt-4o  4         10         20          $4.00  ################
    total          7         30         60          $6.50

    ----- stderr -----
    these are 1 of 3 lines; the total is of all
    ");
    behest_snapshot!(usage(&script, &["--csv"]), @r#"
    exit_code: 0
    ----- stdout -----
    user,model,requests,calls,input_tokens,output_tokens,cost_usd,unpriced_requests,estimated_requests
    "'=bob",gpt-4o,4,0,10,20,4,0,0
    ,gpt-4o,2,0,10,20,2,0,0
    ann,gpt-4o,1,0,10,20,0.5,0,0

    ----- stderr -----
    "#);
    assert_eq!(usage(&script, &["--json"]).run().json()["breakdown"][0]["group"]["user_id"], "=bob");
}

#[test]
fn every_page_of_a_report_is_read() {
    let mut first = report();
    first["next"] = json!("c1");
    let second = BY_USER.to_owned() + "&cursor=c1";
    let script = Script::start([(BY_USER, 200, first), (second.leak(), 200, report())]);
    let read = usage(&script, &["--json"]).run().json();
    assert_eq!(read["breakdown"].as_array().map(Vec::len), Some(6));
    assert_eq!(read["totals"]["requests"], 7, "each page has the totals of all");
}

#[test]
fn a_watch_that_breaks_off_is_taken_up_again() {
    let entry =
        UsageEntry { attempt: 1, model: "gpt-4o".into(), status: "ok".into(), ..UsageEntry::default() };
    let entry = serde_json::to_value(&entry).expect("JSON");
    let live = "GET /v1/projects/0197a2c4-7a5e-7c3d-9f00-000000000001/usage/live";
    // The answer ends after one event, so that the next one comes of another call.
    let script = Script::start([(live, 200, format!("data: {entry}\n\n"))]);
    let mut process = operator(&script.base_url, &["usage", "watch", "--json"]).spawn(Stdio::piped());
    let mut lines = BufReader::new(process.stdout.take().expect("standard output")).lines();
    for _ in 0..2 {
        let line = lines.next().expect("a line").expect("text");
        assert_eq!(serde_json::from_str::<Value>(&line).expect("JSON"), entry);
    }
    interrupt(process.id());
    assert_eq!(process.wait().expect("it ends").code(), Some(130));
    let mut talk = String::new();
    process.stderr.take().expect("standard error").read_to_string(&mut talk).expect("text");
    assert!(talk.contains("waiting for it to come back") && talk.contains("watching again"), "{talk}");
    assert!(script.lines().len() >= 2 && script.lines().iter().all(|line| line == live));
}

#[test]
fn events_are_followed_on_after_the_last_one() {
    let event = Event {
        id: "01980c2e-8f1e-7c3a-9d54-2b1f6a7e4c10".into(),
        kind: EventKind::LedgerFailed,
        at: "2026-11-23T12:00:00Z".into(),
        tenant_id: None,
        project_id: None,
        message: "the ledger cannot\u{1b}[31m be written".into(),
        data: json!({}),
    };
    let data = serde_json::to_string(&event).expect("JSON");
    let stream = format!("id: {}\nevent: ledger_failed\ndata: {data}\n\n", event.id);
    let path =
        "GET /v1/events?kind=ledger_failed&project_id=0197a2c4-7a5e-7c3d-9f00-000000000001&stream=true";
    let script = Script::start([(path, 200, stream)]);
    let arguments = ["events", "--follow", "--kind", "ledger_failed"];
    let mut process = operator(&script.base_url, &arguments).spawn(Stdio::null());
    let mut lines = BufReader::new(process.stdout.take().expect("standard output")).lines();
    for _ in 0..2 {
        let line = lines.next().expect("a line").expect("text");
        assert_eq!(line, "2026-11-23T12:00:00Z  ledger_failed  the ledger cannot[31m be written");
    }
    interrupt(process.id());
    assert_eq!(process.wait().expect("it ends").code(), Some(130));
    let asked = script.asked();
    assert_eq!(asked[0].header("last-event-id"), None);
    assert_eq!(asked[1].header("last-event-id"), Some(event.id.as_str()));
}

#[test]
fn an_export_that_breaks_off_leaves_the_file_as_it_was() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let base_url = format!("http://{}", listener.local_addr().expect("an address"));
    // The thread ends with the test's process.
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // The request is read up to its blank line.
            let mut head = BufReader::new(&stream);
            let mut line = String::new();
            while head.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let begun = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\na,b\r\n\r\n";
            // It goes away without the last chunk.
            let _ = stream.write_all(begun.as_bytes());
        }
    });
    let sandbox = Sandbox::new();
    let file = sandbox.home().join("records.csv");
    fs::write(&file, "before").expect("a file");
    let export = sandbox.behest(["usage", "export", "-o", "records.csv"]).env("BEHEST_BASE_URL", &base_url);
    let export = export.env("BEHEST_ADMIN_SECRET", "s".repeat(32)).env("BEHEST_PROJECT_ID", PROJECT).run();
    assert_eq!(export.exit_code, 2, "{export}");
    assert!(export.stderr.contains("broke off"), "{export}");
    assert_eq!(fs::read_to_string(&file).expect("a file"), "before");
    assert_eq!(fs::read_dir(sandbox.home()).expect("a folder").count(), 1, "nothing else is left");
}

fn interrupt(process: u32) {
    let sent = Command::new("kill").args(["-INT", &process.to_string()]).status();
    assert!(sent.expect("kill runs").success());
}
