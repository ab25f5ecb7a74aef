//! What a person is told when there is no key, no gateway, or a refusal.

use std::net::TcpListener;

use serde_json::json;

use crate::sandbox::Sandbox;
use crate::script::{KEY, Script, problem};

/// An address where nothing listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

#[test]
fn without_a_key_it_says_how_to_get_one() {
    behest_snapshot!(Sandbox::new().behest(["models"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: there is no key

    hint: log in with `behest login`, set BEHEST_KEY, or start a gateway with `behest serve`
    ");
}

#[test]
fn without_a_key_for_this_gateway_it_names_the_gateway() {
    behest_snapshot!(Sandbox::new().behest(["chat", "hi", "--base-url", "http://127.0.0.1:1/v1/"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: there is no key for http://127.0.0.1:1

    hint: log in with `behest login`, set BEHEST_KEY, or make a key with `behest keys create`
    ");
}

#[test]
fn a_key_of_another_kind_is_refused_before_anything_is_sent() {
    behest_snapshot!(Sandbox::new().behest(["models"]).env("BEHEST_KEY", "sk-proj-1234"), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: the key is neither an API key (`behest_sk_live_` and 32 hexadecimal digits) nor an RSA private key in PEM or base64 of it
    ");
}

#[test]
fn nobody_at_the_address_says_to_start_a_gateway() {
    let outcome = Sandbox::new().behest(["models", "--base-url", &nobody()]).env("BEHEST_KEY", KEY);
    behest_snapshot!(outcome, @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: no connection to the gateway at http://127.0.0.1:[PORT]
      caused by: error sending request
      caused by: client error (Connect)
      caused by: tcp connect error
      caused by: Connection refused (os error 111)

    hint: start one with `behest serve`, or name another with `--base-url`
    ");
}

#[test]
fn nobody_at_the_address_of_the_control_plane_says_the_same() {
    let command = Sandbox::new().behest(["projects", "list", "--base-url", &nobody()]);
    behest_snapshot!(command.env("BEHEST_ADMIN_SECRET", "x".repeat(32)), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: cannot reach the gateway at http://127.0.0.1:[PORT]/
      caused by: error sending request
      caused by: client error (Connect)
      caused by: tcp connect error
      caused by: Connection refused (os error 111)

    hint: start one with `behest serve`, or name another with `--base-url`
    ");
}

#[test]
fn a_refused_key_says_where_to_look() {
    let script =
        Script::start([("POST /v1/auth/mint", 401, problem("invalid_token", "this API key is revoked"))]);
    behest_snapshot!(
        Sandbox::new().behest(["mint", "--user", "u", "--base-url", &script.base_url]).env("BEHEST_KEY", KEY),
        @r"
        exit_code: 1
        ----- stdout -----

        ----- stderr -----
        error: this API key is revoked
          trace id: trace-1

        hint: see which key is used with `behest whoami`, and log in again with `behest login`
        "
    );
}

#[test]
fn a_fault_of_the_gateway_exits_with_2_and_names_the_call() {
    let script = Script::start([("POST /v1/auth/mint", 500, problem("server_error", "the gateway failed"))]);
    behest_snapshot!(
        Sandbox::new().behest(["mint", "--user", "u", "--base-url", &script.base_url]).env("BEHEST_KEY", KEY),
        @r"
        exit_code: 2
        ----- stdout -----

        ----- stderr -----
        error: the gateway failed
          trace id: trace-1
        "
    );
}

#[test]
fn control_commands_need_a_gateway() {
    behest_snapshot!(Sandbox::new().behest(["keys", "list"]).env("BEHEST_ADMIN_SECRET", "x".repeat(32)), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: which gateway? None is named, and none is kept

    hint: pass `--base-url`, or start a gateway with `behest serve`
    ");
}

#[test]
fn control_commands_need_the_admin_secret() {
    behest_snapshot!(Sandbox::new().behest(["keys", "list", "--base-url", "http://127.0.0.1:1"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: this needs the admin secret of http://127.0.0.1:1, and there is none

    hint: pass `--admin-secret-file`, or set BEHEST_ADMIN_SECRET: `behest serve` says where it keeps the secret
    ");
}

#[test]
fn an_admin_secret_file_that_is_not_there_is_named() {
    behest_snapshot!(
        Sandbox::new().behest(["keys", "list", "--base-url", "http://127.0.0.1:1", "--admin-secret-file", "nowhere"]),
        @r"
        exit_code: 1
        ----- stdout -----

        ----- stderr -----
        error: cannot read the admin secret in nowhere
          caused by: No such file or directory (os error 2)
        "
    );
}

#[test]
fn a_wrong_admin_secret_says_where_it_is_kept() {
    let script =
        Script::start([("GET /v1/projects", 401, problem("invalid_token", "the admin secret is wrong"))]);
    let command = Sandbox::new().behest(["projects", "list", "--base-url", &script.base_url]);
    behest_snapshot!(command.env("BEHEST_ADMIN_SECRET", "wrong"), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: the admin secret is wrong
      trace id: trace-1

    hint: check BEHEST_ADMIN_SECRET or `--admin-secret-file`: `behest serve` says where it keeps the secret
    ");
    assert_eq!(script.asked()[0].header("x-admin-secret"), Some("wrong"));
}

#[test]
fn an_answer_that_is_not_behests_is_told_as_such() {
    let script = Script::start([("GET /v1/projects", 200, json!("<html>"))]);
    let command = Sandbox::new().behest(["projects", "list", "--base-url", &script.base_url]);
    behest_snapshot!(command.env("BEHEST_ADMIN_SECRET", "secret"), @r#"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: the answer of http://127.0.0.1:[PORT]/ is not that of a Behest gateway (200)
      caused by: invalid type: string "<html>", expected struct Page at line 1 column 8
    "#);
}

#[test]
fn a_damaged_credentials_file_is_named() {
    let sandbox = Sandbox::new();
    let file = sandbox.credentials_file();
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    std::fs::write(&file, "{").expect("a file");
    behest_snapshot!(sandbox.behest(["models"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: the stored credentials in `[HOME]/.config/behest/credentials.json` are damaged: correct the file or remove it
      caused by: EOF while parsing an object at line 1 column 1
    ");
}

#[test]
fn colour_is_only_for_terminals() {
    let outcome = Sandbox::new().behest(["models"]).run();
    assert!(!outcome.stderr.contains('\u{1b}'), "{outcome}");
}
