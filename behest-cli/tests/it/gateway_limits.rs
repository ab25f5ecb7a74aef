//! Tiers, budgets, limits, kill switches, the ledger, events and webhooks against a real gateway.

use std::fs;

use crate::gateway::TestGateway;
use crate::sandbox::Outcome;

#[test]
fn a_budget_is_created_shown_changed_and_deleted() {
    let gateway = TestGateway::start();
    let budgets = |arguments: &[&str]| gateway.control(&[&["budgets"], arguments].concat()).run();
    let ceiling = ["create", "--name", "ceiling", "--scope", "project", "--window", "total", "--limit", "25"];
    budgets(&[&ceiling[..], &["--threshold", "50", "--threshold", "90", "--on-exceed", "notify"]].concat())
        .text();
    budgets(&["create", "--name", "each user", "--scope", "user", "--window", "total", "--limit", "0.5"])
        .text();
    behest_snapshot!(gateway.control(&["budgets", "list"]), @r"
    exit_code: 0
    ----- stdout -----
    name       of           window  limit   used   reserved                         resets  above it
    ceiling    the project  total   $25.00  $0.00  $0.00     ................   0%  never   notify
    each user  each user    total   $0.50                                                   refuse

    ----- stderr -----
    ");
    let changed = budgets(&["update", "ceiling", "--limit", "30", "--name", "roof", "--json"]).json();
    assert_eq!((&changed["limit_usd"], &changed["name"]), (&30.0.into(), &"roof".into()));
    assert_eq!(changed["thresholds"], serde_json::json!([50, 90]), "what is not named stays");
    let shown = budgets(&["show", "each user", "--subject", "ann"]);
    assert!(shown.text().contains("left      $0.50"), "{shown}");
    budgets(&["delete", "each user"]).text();
    assert_eq!(budgets(&["list", "--json"]).json().as_array().map(Vec::len), Some(1));
    let missing = budgets(&["show", "each user"]);
    assert_eq!(missing.exit_code, 1, "{missing}");
}

#[test]
fn limits_show_what_a_user_has_used_of_its_tier() {
    let gateway = TestGateway::start();
    gateway.control(&["tiers", "set", "free", "--requests-per-day", "1"]).run().text();
    let limits = |format: &[&str]| {
        gateway.control(&[&["limits", "--user", "ann", "--tier", "free"], format].concat()).run()
    };
    let of_a_day = || {
        let layers = limits(&["--json"]).json()["data"].as_array().expect("layers").clone();
        layers.into_iter().find(|layer| layer["scope"] == "user_requests_day").expect("the layer of a day")
    };
    assert_eq!((&of_a_day()["limit"], &of_a_day()["used"]), (&1.0.into(), &0.0.into()));
    gateway.behest(&["chat", "--user", "ann", "hello"]).run().text();
    assert_eq!((&of_a_day()["used"], &of_a_day()["remaining"]), (&1.0.into(), &0.0.into()));
    let shown = limits(&[]);
    assert!(shown.text().contains("################ 100%"), "{shown}");
}

#[test]
fn a_tier_says_what_it_was_told_and_returns_to_the_projects() {
    let gateway = TestGateway::start();
    let tiers = |arguments: &[&str]| gateway.control(&[&["tiers"], arguments, &["--json"]].concat()).run();
    tiers(&["set", "gold", "--rpm", "120", "--model", "local/echo", "--memory", "true"]).json();
    let changed = tiers(&["set", "gold", "--rpm", "default", "--concurrency", "3"]).json();
    let expected = serde_json::json!({
        "name": "gold", "concurrency_limit": 3, "memory_enabled": true, "provider_model": "local/echo", "source": "api",
    });
    assert_eq!(changed, expected);
    let resolved = tiers(&["show", "gold"]).json();
    assert_eq!(
        (&resolved["concurrency_limit"], &resolved["sources"]["rpm_limit"]),
        (&3.into(), &"gateway".into())
    );
    let built_in = tiers(&["set", "pro", "--rpm", "70"]).json();
    assert_eq!(built_in["tokens_per_day"], serde_json::Value::Null, "what is built in is not repeated");
    gateway.control(&["tiers", "delete", "gold"]).run().text();
    assert_eq!(tiers(&["show", "gold"]).exit_code, 1);
}

#[test]
fn what_is_stopped_is_refused_until_it_is_let_go_on() {
    let gateway = TestGateway::start();
    let project = gateway.text("project_id");
    let kill = |arguments: &[&str]| gateway.control(&[&["kill"], arguments].concat()).run();
    let chat = |user: &str| gateway.behest(&["chat", "--user", user, "hello"]).run();
    let stopped = kill(&["on", "--user", "mallory jr", "--reason", "under review"]);
    assert!(stopped.stderr.contains("`behest kill off --user 'mallory jr' --project "), "{stopped}");
    let refused = chat("mallory jr");
    assert_eq!(refused.exit_code, 1, "{refused}");
    assert!(refused.stderr.contains("under review"), "{refused}");
    assert_eq!(chat("ann").exit_code, 0);
    kill(&["on", "--project", project]).text();
    assert_eq!(chat("ann").exit_code, 1);
    assert!(kill(&["list"]).text().contains("under review"));
    kill(&["off", "--project", project]).text();
    kill(&["off", "--user", "mallory jr"]).text();
    assert_eq!(chat("mallory jr").exit_code, 0);
    let kinds =
        gateway.control(&["events", "--kind", "kill_switch_on", "--since", "1h", "--json"]).run().json();
    assert_eq!(kinds.as_array().map(Vec::len), Some(2));
}

#[test]
fn a_project_in_a_variable_is_never_the_one_to_stop() {
    let gateway = TestGateway::start();
    let on = |arguments: &[&str]| {
        let behest = gateway.control(&[&["kill", "on"], arguments].concat());
        behest.env("BEHEST_PROJECT_ID", gateway.text("project_id")).run()
    };
    let nothing: Outcome = on(&[]);
    assert_eq!(nothing.exit_code, 1, "{nothing}");
    assert!(nothing.stderr.contains("Nothing is named"), "{nothing}");
    let both = on(&["--global", "--project", gateway.text("project_id")]);
    assert_eq!(both.exit_code, 1, "{both}");
    assert!(both.stderr.contains("--project names one part"), "{both}");
    assert_eq!(gateway.control(&["kill", "list"]).run().text(), "nothing is stopped");
}

#[test]
fn the_ledger_is_checked_reckoned_again_and_exported() {
    let gateway = TestGateway::start();
    for user in ["ann", "bob"] {
        gateway.behest(&["chat", "--user", user, "hello"]).run().text();
    }
    let verified = gateway.control(&["ledger", "verify"]).run();
    assert_eq!(verified.text(), "every rule holds");
    let rerate = ["ledger", "rerate", "--since", "1h", "--dry-run", "--json"];
    let rerated = gateway.control(&rerate).run().json();
    assert_eq!((&rerated["records"], &rerated["changed"]), (&2.into(), &0.into()));

    let export = |arguments: &[&str]| gateway.control(&[&["usage", "export"], arguments].concat()).run();
    let csv = export(&["--user", "ann"]);
    assert_eq!(csv.text().lines().count(), 2, "{csv}");
    assert!(csv.text().starts_with("attempt_id,"), "{csv}");
    assert!(export(&["--format", "focus"]).text().starts_with("BilledCost,"));
    assert_eq!(export(&["--json"]).text().lines().count(), 2);
    export(&["--format", "jsonl", "--since", "1h", "-o", "records.jsonl"]).text();
    let written = fs::read_to_string(gateway.sandbox.home().join("records.jsonl")).expect("a file");
    assert_eq!(written.lines().count(), 2);
}

#[test]
fn usage_is_split_by_what_is_asked_for() {
    let gateway = TestGateway::start();
    for user in ["ann", "ann", "bob"] {
        gateway.behest(&["chat", "--user", user, "hello"]).run().text();
    }
    let rows = |arguments: &[&str]| {
        let report = gateway.behest(&[&["usage", "--json"], arguments].concat()).run().json();
        report["breakdown"].as_array().expect("rows").len()
    };
    assert_eq!(rows(&["--by", "user"]), 2);
    assert_eq!(rows(&["--by", "user", "--limit", "1"]), 1);
    assert_eq!(rows(&["--by", "user,model,api-key,status", "--user", "ann"]), 1);
    assert_eq!(rows(&["--by", "tag:team", "--status", "failed"]), 0);
    let unknown = gateway.behest(&["usage", "--by", "colour"]).run();
    assert_eq!(unknown.exit_code, 1, "{unknown}");
    assert!(unknown.stderr.contains("group_by"), "{unknown}");
}

#[test]
fn a_webhook_is_added_tried_and_removed_and_its_secret_is_shown_once() {
    let gateway = TestGateway::start();
    let webhooks = |arguments: &[&str]| gateway.control(&[&["webhooks"], arguments].concat()).run();
    // Nobody listens there: the port of discarded things.
    let url = "http://127.0.0.1:9/behest";
    let added = webhooks(&["add", url, "--kind", "ping,budget_exceeded", "--local"]);
    assert!(added.text().starts_with("whsec_"), "{added}");
    let listed = webhooks(&["list", "--json"]).json();
    assert_eq!(listed[0]["kinds"], serde_json::json!(["ping", "budget_exceeded"]));
    assert!(!webhooks(&["list"]).text().contains("whsec_"));
    let id = listed[0]["id"].as_str().expect("an id");
    let event = webhooks(&["test", id]).text().to_owned();
    assert!(webhooks(&["deliveries", id]).text().contains(&event));
    webhooks(&["remove", id]).text();
    assert_eq!(webhooks(&["list"]).text(), "no webhooks");
    let private = webhooks(&["add", url]);
    assert_eq!(private.exit_code, 1, "{private}");
}
