//! `behest providers rotate-master` on the data of a real gateway.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::gateway::TestGateway;
use crate::sandbox::Sandbox;

/// A home whose gateway has stopped, with provider keys in its data.
fn with_keys(keys: usize, variables: &[(&str, &str)]) -> (Sandbox, String) {
    let gateway = TestGateway::start_with(Sandbox::new(), &[], variables);
    for number in 0..keys {
        let name = format!("mine-{number}");
        let url = "https://mine.example/v1";
        let add = ["providers", "add", &name, "--base-url", url, "--no-check"];
        gateway.control(&add).input("sk-canary-0123456789\n").run().text();
    }
    let api_key = gateway.text("api_key").to_owned();
    (gateway.stop(), api_key)
}

/// Starts the gateway again: the same, with every key readable.
fn is_whole(sandbox: Sandbox, keys: usize, api_key: &str, variables: &[(&str, &str)]) {
    let secret = fs::read_to_string(sandbox.home().join("data/admin-secret")).expect("a file");
    let gateway = TestGateway::start_with(sandbox, &[], variables);
    let list = ["providers", "list", "--json"];
    let listed = gateway.sandbox.behest(list).env("BEHEST_BASE_URL", gateway.text("base_url"));
    let listed = listed.env("BEHEST_ADMIN_SECRET", secret.trim()).run().json();
    let rows = listed.as_array().expect("a list");
    assert_eq!(rows.iter().filter(|row| row["readable"] == true).count(), keys + 1, "{listed}");
    let models = gateway.sandbox.behest(["models"]).env("BEHEST_BASE_URL", gateway.text("base_url"));
    models.env("BEHEST_KEY", api_key).run().text();
}

const ROTATE: [&str; 4] = ["providers", "rotate-master", "--data-dir", "data"];

#[test]
fn the_key_in_the_data_directory_is_replaced_there() {
    let (sandbox, api_key) = with_keys(2, &[]);
    let before = fs::read_to_string(sandbox.home().join("data/master-key")).expect("a key");
    let rotated = sandbox.behest(ROTATE.iter().chain(&["--json"])).run();
    assert_eq!(
        (&rotated.json()["resealed"], &rotated.json()["already"]),
        (&3.into(), &0.into()),
        "{rotated}"
    );
    assert!(rotated.stderr.contains("the new master key is in data/master-key"), "{rotated}");
    let after = fs::read_to_string(sandbox.home().join("data/master-key")).expect("a key");
    assert_ne!(before, after);
    assert!(!format!("{rotated}").contains(after.trim()), "it is not shown: {rotated}");
    is_whole(sandbox, 2, &api_key, &[]);
}

#[test]
fn the_key_in_the_environment_is_the_operators_to_replace() {
    let (old, new) = ("a".repeat(64), "b".repeat(64));
    let (sandbox, api_key) = with_keys(1, &[("BEHEST_ENCRYPTION_KEY", &old)]);
    let rotate = || sandbox.behest(ROTATE).env("BEHEST_ENCRYPTION_KEY", &old);
    behest_snapshot!(rotate(), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: the master key is in BEHEST_ENCRYPTION_KEY, so the new one must be in BEHEST_ENCRYPTION_KEY_NEW

    hint: make one, as with `openssl rand -hex 32`, and put it where your secrets are
    ");
    let wrong = rotate().env("BEHEST_ENCRYPTION_KEY", "c".repeat(64)).env("BEHEST_ENCRYPTION_KEY_NEW", &new);
    let wrong = wrong.run();
    assert!(wrong.exit_code == 1 && wrong.stderr.contains("nothing was changed"), "{wrong}");
    let rotated = rotate().env("BEHEST_ENCRYPTION_KEY_NEW", &new).run();
    assert!(rotated.text().contains("2 anew, 0 before"), "{rotated}");
    assert!(
        rotated.stderr.contains("put the key of BEHEST_ENCRYPTION_KEY_NEW into BEHEST_ENCRYPTION_KEY"),
        "{rotated}"
    );
    is_whole(sandbox, 1, &api_key, &[("BEHEST_ENCRYPTION_KEY", &new)]);
}

#[test]
fn a_running_gateway_is_left_alone() {
    let gateway = TestGateway::start();
    behest_snapshot!(gateway.sandbox.behest(ROTATE), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: a gateway runs on the data directory data: stop it first

    hint: stop it, change the key, and start it again
    ");
    behest_snapshot!(Sandbox::new().behest(ROTATE), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: there is no gateway's data in data

    hint: name the gateway's directory with `--data-dir`, or its configuration with `--config`
    ");
}

#[test]
fn killed_at_any_time_it_is_run_again_to_its_end() {
    const KEYS: usize = 6;
    let (sandbox, api_key) = with_keys(KEYS, &[]);
    // Later and later, until one run gets through. Wherever a kill falls, the next run goes on from there.
    for patience in 0.. {
        let mut run = sandbox.behest(ROTATE).spawn(Stdio::null());
        let deadline = Instant::now() + Duration::from_millis(4 * patience);
        let ended = loop {
            match run.try_wait().expect("a process") {
                Some(status) => break Some(status),
                None if Instant::now() >= deadline => break None,
                None => std::thread::yield_now(),
            }
        };
        if let Some(status) = ended {
            assert!(status.success(), "{status}");
            break;
        }
        run.kill().expect("killed");
        run.wait().expect("it ends");
    }
    is_whole(sandbox, KEYS, &api_key, &[]);
}
