//! The data plane's commands against a real gateway with the offline model.

use crate::gateway::TestGateway;

#[test]
fn chat_answers_and_says_what_it_cost() {
    let gateway = TestGateway::start();
    let outcome = gateway.behest(&["chat", "hello"]).run();
    assert_ne!(outcome.text(), "");
    assert!(outcome.stderr.starts_with("local/echo: "), "{outcome}");
    assert!(outcome.stderr.contains("$0.00"), "the offline model costs a known nothing: {outcome}");
    let plain = gateway.behest(&["chat", "--no-stream", "hello"]).run();
    assert_eq!(plain.stdout, outcome.stdout);
}

#[test]
fn a_conversation_in_a_thread_is_remembered_listed_shown_and_deleted() {
    let gateway = TestGateway::start();
    let threads =
        |arguments: &[&str]| gateway.behest(&[&["threads"], arguments, &["--user", "ann"]].concat()).run();
    let talk = gateway.behest(&["chat", "--interactive", "--user", "ann", "--thread", "trip"]);
    talk.input("where to?\nand then?\n").run().text();

    let listed = threads(&["list", "--json"]).json();
    assert_eq!(listed[0]["id"], "trip");
    assert_eq!(listed[0]["messages_count"], 4);
    let shown = threads(&["show", "trip"]);
    assert!(shown.text().contains("where to?") && shown.text().contains("and then?"), "{shown}");
    assert_eq!(threads(&["delete", "trip"]).exit_code, 0);
    let gone = threads(&["show", "trip"]);
    assert_eq!(gone.exit_code, 1, "{gone}");
    assert!(gone.stderr.contains("trace id: "), "{gone}");
}

#[test]
fn texts_become_vectors_from_arguments_or_lines() {
    let gateway = TestGateway::start();
    behest_snapshot!(gateway.behest(&["embed", "--dimensions", "4", "one", "one two"]), @r"
    exit_code: 0
    ----- stdout -----
    text     dimensions  begins with
    one      4           0.0000 0.0000 0.0000 1.0000
    one two  4           0.0000 0.7071 0.0000 0.7071

    ----- stderr -----
    local/echo: 3 tokens in, $0.00
    ");
    let piped = gateway.behest(&["embed", "--json", "--user", "ann"]).input("one\n\ntwo\n").run().json();
    assert_eq!(piped["data"].as_array().map(Vec::len), Some(2), "each line that holds something is a text");
    assert_eq!(piped["data"][1]["embedding"].as_array().map(Vec::len), Some(256));
    let used = gateway.behest(&["usage", "--json", "--user", "ann"]).run().json();
    assert_eq!((&used["totals"]["requests"], &used["totals"]["tokens"]), (&1.into(), &2.into()));
    let nothing = gateway.behest(&["embed"]).input("\n").run();
    assert_eq!(nothing.exit_code, 1, "{nothing}");
    assert!(nothing.stderr.contains("there is no text"), "{nothing}");
}

#[test]
fn a_minted_token_is_alone_on_standard_output() {
    let gateway = TestGateway::start();
    let outcome = gateway.behest(&["mint", "--user", "ann", "--tier", "pro", "--ttl", "600"]).run();
    assert_eq!(outcome.text().split('.').count(), 3, "{outcome}");
    let json = gateway.behest(&["mint", "--user", "ann", "--ttl", "600", "--json"]).run().json();
    assert_eq!(json["ttl"], 600);
    let refused = gateway.behest(&["mint", "--user", "ann", "--role", "admin"]).run();
    assert_eq!(refused.exit_code, 1, "{refused}");
}

#[test]
fn usage_counts_what_was_asked_by_everybody() {
    let gateway = TestGateway::start();
    for user in ["ann", "bob"] {
        gateway.behest(&["chat", "--user", user, "hello"]).run().text();
    }
    let all = gateway.behest(&["usage", "--json", "--from", "1h"]).run().json();
    assert_eq!(all["totals"]["requests"], 2);
    let one = gateway.behest(&["usage", "--json", "--user", "ann"]).run().json();
    assert_eq!(one["totals"]["requests"], 1);
    let table = gateway.behest(&["usage", "--group-by", "model"]).run();
    assert!(table.text().contains("local/echo"), "{table}");
}

#[test]
fn models_lists_the_offline_model() {
    let gateway = TestGateway::start();
    let models = gateway.behest(&["models", "--json"]).run().json();
    let ids: Vec<_> =
        models.as_array().expect("an array").iter().filter_map(|model| model["id"].as_str()).collect();
    assert!(ids.contains(&"local/echo"), "{ids:?}");
}

#[test]
fn login_and_logout_work_with_a_real_key() {
    let gateway = TestGateway::start();
    let run = |arguments: &[&str]| gateway.sandbox.behest(arguments);
    run(&["login", "--base-url", gateway.text("base_url")]).input(gateway.text("api_key")).run().text();
    assert_ne!(run(&["chat", "hello"]).run().text(), "");
    run(&["logout"]).run().text();
    assert_eq!(run(&["chat", "hello"]).run().exit_code, 1);
}
