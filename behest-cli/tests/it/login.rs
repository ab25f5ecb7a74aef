//! Keeping, showing and forgetting a credential, on a machine without a keychain.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::script::{KEY, Script, minted, problem};

fn kept(sandbox: &Sandbox) -> Value {
    serde_json::from_slice(&fs::read(sandbox.credentials_file()).expect("a file")).expect("JSON")
}

fn gateway() -> Script {
    Script::start([
        ("POST /v1/auth/mint", 200, minted()),
        ("GET /v1/models", 200, json!({ "object": "list", "data": [] })),
    ])
}

#[test]
fn login_checks_the_key_and_keeps_it_in_a_private_file() {
    let (sandbox, script) = (Sandbox::new(), gateway());
    behest_snapshot!(sandbox.behest(["login", "--base-url", &script.base_url]).input(&format!("{KEY}\n")), @r"
    exit_code: 0
    ----- stdout -----

    ----- stderr -----
    warning: the system's keychain cannot be used, so the key is kept in a file that only you can read
    logged in to http://127.0.0.1:[PORT]; the key is in [HOME]/.config/behest/credentials.json
    ");
    let asked = script.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].header("authorization"), Some(format!("Bearer {KEY}").as_str()));

    let file = sandbox.credentials_file();
    let mode = |path| fs::metadata(path).expect("it exists").permissions().mode() & 0o777;
    assert_eq!(mode(file.as_path()), 0o600);
    assert_eq!(mode(file.parent().expect("a folder")), 0o700);
    assert_eq!(kept(&sandbox)["credentials"][&script.base_url]["key"], KEY);
    assert_eq!(kept(&sandbox)["current"], script.base_url);
}

#[test]
fn what_login_kept_is_used_from_then_on() {
    let (sandbox, script) = (Sandbox::new(), gateway());
    sandbox.behest(["login", "--base-url", &script.base_url]).input(KEY).run().text();
    behest_snapshot!(sandbox.behest(["whoami"]), @r"
    exit_code: 0
    ----- stdout -----
    gateway     http://127.0.0.1:[PORT]
    credential  API key ...cdef
    from        [HOME]/.config/behest/credentials.json
    project     (unknown)
    tenant      (unknown)
    end user    default

    ----- stderr -----
    ");
    behest_snapshot!(sandbox.behest(["models"]), @r"
    exit_code: 0
    ----- stdout -----
    no models

    ----- stderr -----
    ");
    assert_eq!(script.lines(), ["POST /v1/auth/mint", "POST /v1/auth/mint", "GET /v1/models"]);
}

#[test]
fn the_environment_wins_over_what_is_kept() {
    let (sandbox, script) = (Sandbox::new(), gateway());
    sandbox.behest(["login", "--base-url", &script.base_url]).input(KEY).run().text();
    let other = format!("behest_sk_live_{}", "f".repeat(32));
    let me = sandbox
        .behest(["whoami", "--json", "--base-url", &script.base_url])
        .env("BEHEST_KEY", &other)
        .run()
        .json();
    assert_eq!(me["source"], "the environment (BEHEST_KEY)");
    assert_eq!(me["key_last_four"], "ffff");
    assert!(!me.to_string().contains(&other), "whoami never shows the key");
}

#[test]
fn a_kept_key_is_sent_to_its_own_gateway_only() {
    let (sandbox, script, other) = (Sandbox::new(), gateway(), gateway());
    sandbox.behest(["login", "--base-url", &script.base_url]).input(KEY).run().text();
    let outcome = sandbox.behest(["models", "--base-url", &other.base_url]).run();
    assert_eq!(outcome.exit_code, 1, "{outcome}");
    assert!(other.asked().is_empty());
}

#[test]
fn logout_forgets() {
    let (sandbox, script) = (Sandbox::new(), gateway());
    sandbox.behest(["login", "--base-url", &script.base_url]).input(KEY).run().text();
    behest_snapshot!(sandbox.behest(["logout"]), @r"
    exit_code: 0
    ----- stdout -----

    ----- stderr -----
    forgot the credential of http://127.0.0.1:[PORT]
    ");
    assert_eq!(kept(&sandbox)["credentials"], json!({}));
    behest_snapshot!(sandbox.behest(["whoami"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: there is no key

    hint: log in with `behest login`, set BEHEST_KEY, or start a gateway with `behest serve`
    ");
    behest_snapshot!(sandbox.behest(["logout"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: no gateway is named, and none is kept
    ");
}

#[test]
fn a_key_that_the_gateway_refuses_is_not_kept() {
    let sandbox = Sandbox::new();
    let script = Script::start([("POST /v1/auth/mint", 401, problem("invalid_token", "unknown API key"))]);
    let outcome = sandbox.behest(["login", "--base-url", &script.base_url]).input(KEY).run();
    assert_eq!(outcome.exit_code, 1, "{outcome}");
    assert!(outcome.stderr.starts_with("error: unknown API key\n"), "{outcome}");
    assert!(!sandbox.credentials_file().exists());
}

#[test]
fn login_refuses_what_is_no_api_key() {
    behest_snapshot!(
        Sandbox::new().behest(["login", "--base-url", "http://127.0.0.1:1"]).input("sk-proj-1\n"),
        @r"
        exit_code: 1
        ----- stdout -----

        ----- stderr -----
        error: this is no API key: those are `behest_sk_live_` and 32 hexadecimal digits

        hint: a signing key is not kept: set BEHEST_KEY and BEHEST_KID to use one
        "
    );
    behest_snapshot!(Sandbox::new().behest(["login", "--base-url", "http://127.0.0.1:1"]).input(""), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: API key: nothing was given
    ");
}

#[test]
fn login_from_a_pipe_needs_the_gateway() {
    behest_snapshot!(Sandbox::new().behest(["login"]).input(KEY), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: which gateway is the key for?

    hint: pass `--base-url`
    ");
}
