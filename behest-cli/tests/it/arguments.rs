//! Mistakes on the command line are told, with what was meant, and exit with 1.

use crate::sandbox::{Sandbox, program};

#[test]
fn an_unknown_command_gets_a_suggestion() {
    behest_snapshot!(Sandbox::new().behest(["modles"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: unrecognized subcommand 'modles'

      tip: some similar subcommands exist: 'providers', 'models'

    Usage: behest [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
}

#[test]
fn an_unknown_flag_gets_a_suggestion() {
    behest_snapshot!(Sandbox::new().behest(["chat", "--modle", "x"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: unexpected argument '--modle' found

      tip: a similar argument exists: '--model'

    Usage: behest chat --model <MODEL> [PROMPT]...

    For more information, try '--help'.
    ");
}

#[test]
fn a_port_is_a_number() {
    behest_snapshot!(Sandbox::new().behest(["serve", "--port", "eighty"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: invalid value 'eighty' for '--port <PORT>': invalid digit found in string

    For more information, try '--help'.
    ");
}

#[test]
fn a_variable_is_read_like_the_flag() {
    behest_snapshot!(Sandbox::new().behest(["serve"]).env("BEHEST_PORT", "70000"), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: invalid value '70000' for '--port <PORT>': 70000 is not in 0..=65535

    For more information, try '--help'.
    ");
}

#[test]
fn mint_needs_a_user() {
    behest_snapshot!(Sandbox::new().behest(["mint"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: the following required arguments were not provided:
      --user <ID>

    Usage: behest mint --user <ID>

    For more information, try '--help'.
    ");
}

#[test]
fn a_base_url_is_an_http_address() {
    behest_snapshot!(Sandbox::new().behest(["models", "--base-url", "ftp://example.com"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: the base URL is neither `http` nor `https`
    ");
}

#[test]
fn a_time_is_explained() {
    behest_snapshot!(Sandbox::new().behest(["usage", "--from", "yesterday"]), @r"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: `yesterday` is no time

    hint: write 2026-11-01, [TIME], or how long ago: 30m, 24h, 7d
    ");
}

#[test]
fn chat_without_a_prompt_says_how_to_give_one() {
    behest_snapshot!(Sandbox::new().behest(["chat"]), @r#"
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: there is no prompt: none is given, and standard input is empty

    hint: pass one, as in `behest chat "Why is the sky blue?"`
    "#);
}

#[test]
fn a_prompt_that_is_no_text_is_refused() {
    let sandbox = Sandbox::new();
    let file = sandbox.home().join("binary");
    std::fs::write(&file, [0xff, 0xfe, 0x00]).expect("a file");
    let shell = format!("exec {} chat < {}", program(), file.display());
    let output = std::process::Command::new("sh")
        .args(["-c", &shell])
        .env_clear()
        .env("HOME", sandbox.home())
        .output();
    let output = output.expect("a shell");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "error: standard input is not UTF-8 text\n");
}
