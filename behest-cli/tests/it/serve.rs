//! `behest serve` before it serves: configuration and what can be in the way.

use std::net::TcpListener;

use crate::sandbox::Sandbox;

#[test]
fn a_configuration_file_that_is_not_there_is_named() {
    behest_snapshot!(Sandbox::new().behest(["serve", "--config", "behest.toml"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: cannot read the configuration file behest.toml
      caused by: No such file or directory (os error 2)
    ");
}

#[test]
fn a_log_filter_is_explained() {
    behest_snapshot!(Sandbox::new().behest(["serve", "--port", "0", "--log", "behest=loud"]), @r#"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: `behest=loud` is no log filter: error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5

    hint: write a level, as in `info`, or levels by module, as in `behest_core=debug,warn`
    "#);
}

#[test]
fn an_admin_secret_file_that_is_empty_is_refused() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.home().join("secret"), "\n").expect("a file");
    behest_snapshot!(sandbox.behest(["serve", "--port", "0", "--admin-secret-file", "secret"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: cannot read the admin secret in secret
      caused by: the file is empty
    ");
}

#[test]
fn a_port_that_is_taken_says_how_to_choose_another() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    behest_snapshot!(Sandbox::new().behest(["serve", "--port", &port, "--data-dir", "data"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: the port [PORT] on 127.0.0.1 is taken

    hint: choose another port with `--port`, or any free one with `--port 0`
    ");
}
