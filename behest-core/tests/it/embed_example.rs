//! `examples/embed.rs` does what it says.

use std::path::PathBuf;
use std::process::Command;

/// Where cargo puts the examples: beside the folder of the test programs.
fn program() -> PathBuf {
    let tests = std::env::current_exe().expect("this program");
    let profile = tests.parent().and_then(|deps| deps.parent()).expect("the profile's folder");
    profile.join("examples").join(format!("embed{}", std::env::consts::EXE_SUFFIX))
}

#[test]
fn a_gateway_lives_inside_a_program() {
    if !program().exists() {
        // Asked for this test alone, cargo builds no examples.
        let cargo = Command::new(env!("CARGO")).args(["build", "--example", "embed"]).status();
        assert!(cargo.expect("cargo").success());
    }
    let run = Command::new(program()).env_clear().output().expect("the example");
    let (out, log) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{log}");
    assert_eq!(out, "local/echo: You said: Hello from inside\n", "{log}");
}
