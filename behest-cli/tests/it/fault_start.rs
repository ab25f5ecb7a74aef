//! `behest serve` where something is in the way of its data.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::gateway::TestGateway;
use crate::sandbox::Sandbox;

#[test]
fn a_data_directory_that_is_missing_is_made_with_its_parents_for_this_user_alone() {
    let sandbox = Sandbox::new();
    let arguments = ["--data-dir", "deep/down/data"];
    // The last of two counts.
    let refused = sandbox.behest(["serve", "--data-dir", "a"].iter().chain(&arguments)).run();
    assert_ne!(refused.exit_code, 0, "{refused}");
    fs::write(sandbox.home().join("behest.toml"), "data_dir = \"deep/down/data\"").expect("a file");
    let mut process = sandbox
        .behest(["serve", "--port", "0", "--json", "--config", "behest.toml"])
        .spawn(std::process::Stdio::null());
    let mut line = String::new();
    let mut stdout = std::io::BufReader::new(process.stdout.take().expect("standard output"));
    std::io::BufRead::read_line(&mut stdout, &mut line).expect("a line");
    let mode =
        fs::metadata(sandbox.home().join("deep/down/data")).map(|data| data.permissions().mode() & 0o777);
    process.kill().expect("killed");
    process.wait().expect("it ends");
    assert!(line.contains("deep/down/data"), "{line}");
    assert_eq!(mode.expect("a directory"), 0o700);
}

#[test]
fn a_data_directory_that_is_a_file_is_named() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.home().join("data"), "a file").expect("a file");
    let outcome = sandbox.behest(["serve", "--port", "0", "--data-dir", "data"]).run();
    assert_ne!(outcome.exit_code, 0, "{outcome}");
    assert!(outcome.stderr.contains("the data directory data cannot be used"), "{outcome}");
}

#[test]
fn a_database_that_is_none_is_refused_and_left_alone() {
    let sandbox = TestGateway::start().stop();
    let path = sandbox.home().join("data/behest.db");
    for extra in ["behest.db-wal", "behest.db-shm"] {
        let _ = fs::remove_file(sandbox.home().join("data").join(extra));
    }
    let garbage = "no database at all ".repeat(1_000);
    fs::write(&path, &garbage).expect("a file");
    let outcome = sandbox.behest(["serve", "--port", "0", "--data-dir", "data"]).run();
    assert_ne!(outcome.exit_code, 0, "{outcome}");
    assert!(outcome.stderr.contains("the database cannot be used"), "{outcome}");
    assert_eq!(fs::read_to_string(&path).expect("a file"), garbage);
}

#[test]
fn a_journal_of_garbage_is_passed_over() {
    let sandbox = TestGateway::start().stop();
    fs::write(sandbox.home().join("data/journal"), b"BHJ1\xff\xff\xff\xff{\"attempt_id\":".repeat(2_000))
        .expect("a file");
    let gateway = TestGateway::start_in(sandbox, &[]);
    assert!(!gateway.log().contains("left open"), "{}", gateway.log());
}

#[test]
fn a_configuration_with_a_wrong_value_names_the_key() {
    for (config, named) in [
        ("patience_seconds.headers = 0", "patience_seconds.headers"),
        ("patience_seconds.body = \"long\"", "body"),
        ("patience_secunds.body = 1", "patience_seconds"),
        ("max_calls = 0", "max_calls"),
        ("port = 70000", "port"),
        ("[providers.x]\nbase_url = \"http://10.0.0.1/v1\"", "providers.x.base_url"),
        ("[providers.x]\nbase_ulr = \"https://example.com/v1\"", "base_url"),
        ("host = ", "behest.toml"),
        ("\u{0}", "behest.toml"),
    ] {
        let sandbox = Sandbox::new();
        fs::write(sandbox.home().join("behest.toml"), config).expect("a file");
        let outcome =
            sandbox.behest(["serve", "--port", "0", "--config", "behest.toml", "--data-dir", "data"]).run();
        assert_eq!(outcome.exit_code, 1, "{config}: {outcome}");
        assert!(outcome.stderr.contains(named), "{config}: {outcome}");
    }
    let sandbox = Sandbox::new();
    fs::write(sandbox.home().join("behest.toml"), b"host = \"\xff\"").expect("a file");
    let outcome = sandbox.behest(["serve", "--config", "behest.toml", "--data-dir", "data"]).run();
    assert_eq!(outcome.exit_code, 1, "{outcome}");
    assert!(outcome.stderr.contains("behest.toml"), "{outcome}");
}
