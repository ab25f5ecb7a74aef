//! `behest serve` from its first start to its end.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::gateway::TestGateway;
use crate::sandbox::Sandbox;

#[test]
fn the_first_start_says_everything_as_one_json_object() {
    let gateway = TestGateway::start();
    let names: Vec<_> = gateway.ready.as_object().expect("an object").keys().cloned().collect();
    let expected = [
        "base_url",
        "slug_url",
        "api_key",
        "admin_secret",
        "tenant_id",
        "project_id",
        "slug",
        "data_dir",
        "providers",
        "credentials_file",
    ];
    assert_eq!(names, expected);
    assert!(gateway.text("api_key").starts_with("behest_sk_live_"));
    assert!(gateway.text("admin_secret").len() >= 32);
    assert!(gateway.text("slug_url").contains(&format!("{}.localhost", gateway.text("slug"))));
    assert_eq!(gateway.ready["credentials_file"], Value::Null);
    assert!(!gateway.sandbox.credentials_file().exists(), "--data-dir and --port 0 imply --no-profile");
    let data = fs::metadata(gateway.sandbox.home().join("data")).expect("a directory");
    assert_eq!(data.permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_later_start_keeps_the_project_and_shows_no_secret() {
    let gateway = TestGateway::start();
    let (slug, key) = (gateway.text("slug").to_owned(), gateway.text("api_key").to_owned());
    let again = TestGateway::start_in(gateway.stop(), &[]);
    assert_eq!(again.text("slug"), slug);
    assert_eq!(again.ready["api_key"], Value::Null);
    assert_eq!(again.ready["admin_secret"], Value::Null);
    let answer = again.sandbox.behest(["chat", "hello"]).env("BEHEST_KEY", key);
    assert_ne!(answer.env("BEHEST_BASE_URL", again.text("base_url")).run().text(), "");
}

/// Serves as a person would, calls `meanwhile` with what was said, and stops.
fn serve_for_people<T>(sandbox: &Sandbox, meanwhile: impl FnOnce(&str) -> T) -> T {
    // A fixed port, since a free one implies no profile: the system chooses it, and nobody else asks for it here.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("one").port();
    let mut process = sandbox.behest(["serve", "--port", &port.to_string()]).spawn(Stdio::null());
    let mut said = String::new();
    let mut stdout = BufReader::new(process.stdout.take().expect("standard output"));
    while !said.contains("Ctrl-C stops it.") {
        assert_ne!(stdout.read_line(&mut said).expect("a line"), 0, "{said}");
    }
    let result = meanwhile(&said);
    let stopped = Command::new("kill").arg(process.id().to_string()).status();
    let status = process.wait().expect("it ends");
    stdout.read_to_string(&mut said).expect("text");
    assert!(stopped.expect("kill runs").success());
    assert!(status.success(), "{status}");
    result
}

#[test]
fn a_later_start_at_another_address_takes_the_key_of_the_profile_along() {
    let sandbox = Sandbox::new();
    let chat = |_: &str| sandbox.behest(["chat", "hello"]).run();
    assert_ne!(serve_for_people(&sandbox, chat).text(), "");
    assert_ne!(serve_for_people(&sandbox, chat).text(), "");
}

#[test]
fn people_get_a_curl_line_that_works_and_a_profile_that_works() {
    let sandbox = Sandbox::new();
    let (called, chatted, listed) = serve_for_people(&sandbox, |said| {
        let curl = said.split("Try it:").nth(1).and_then(|rest| rest.split("Ctrl-C").next());
        let called = Command::new("sh").args(["-c", curl.expect("a curl line")]).output().expect("a shell");
        let chatted = sandbox.behest(["chat", "hello"]).run();
        let listed = sandbox.behest(["keys", "list", "--json"]).run();
        (called, chatted, listed)
    });
    let answer: Value = serde_json::from_slice(&called.stdout).expect("curl gets JSON");
    assert_eq!(answer["object"], "chat.completion", "{answer}");
    assert_ne!(chatted.text(), "", "the profile holds the key");
    assert_eq!(listed.json().as_array().map(Vec::len), Some(1), "the profile leads to the admin secret");
    let mode = fs::metadata(sandbox.credentials_file()).expect("a profile").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[test]
fn sigterm_and_ctrl_c_stop_it_in_order() {
    for signal in ["TERM", "INT"] {
        let gateway = TestGateway::start();
        gateway.signal(signal);
        let (status, log) = gateway.stopped();
        assert!(status.success(), "{signal}: {status}\n{log}");
    }
}

#[test]
fn a_second_ctrl_c_waits_for_nobody() {
    let provider = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let base_url = format!("http://{}/v1", provider.local_addr().expect("an address"));
    let variables = [("OPENAI_BASE_URL", base_url.as_str()), ("OPENAI_API_KEY", "sk-1")];
    let gateway = TestGateway::start_with(Sandbox::new(), &[], &variables);
    let mut caller = gateway.behest(&["chat", "--model", "gpt-4o-mini", "hello"]).spawn(Stdio::null());
    // The provider takes the call and never answers it, so the drain would last until its deadline.
    let (held, _) = provider.accept().expect("a call");

    gateway.signal("INT");
    while !gateway.log().contains("stopping") {
        std::thread::yield_now();
    }
    gateway.signal("INT");
    let (status, log) = gateway.stopped();
    assert_eq!(status.code(), Some(130), "{log}");
    drop(held);
    // Its gateway has gone; how it says so is another test's.
    caller.kill().and_then(|()| caller.wait().map(drop)).expect("the caller ends");
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let gateway = TestGateway::start();
    let second = gateway.sandbox.behest(["serve", "--port", "0", "--data-dir", "data"]).run();
    assert_eq!(second.exit_code, 1, "{second}");
    assert!(second.stderr.contains("data"), "the directory is named: {second}");
    assert_eq!(second.stdout, "");
}

#[test]
fn a_typo_in_the_configuration_file_gets_a_suggestion() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.home().join("behest.toml"), "prot = 9000\n").expect("a file");
    let outcome = sandbox.behest(["serve", "--config", "behest.toml", "--data-dir", "data"]).run();
    assert_eq!(outcome.exit_code, 1, "{outcome}");
    assert!(outcome.stderr.contains("prot") && outcome.stderr.contains("port"), "{outcome}");
}

#[test]
fn flags_beat_the_environment_which_beats_the_file() {
    let sandbox = Sandbox::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    fs::write(sandbox.home().join("behest.toml"), format!("port = {port}\n")).expect("a file");
    // The file's port is taken, so that only the flag lets it start.
    let gateway = TestGateway::start_in(sandbox, &["--config", "behest.toml"]);
    assert!(!gateway.text("base_url").ends_with(&port.to_string()));
    let in_file = gateway.sandbox.behest(["serve", "--config", "behest.toml", "--data-dir", "other"]).run();
    assert!(in_file.stderr.contains(&port.to_string()), "{in_file}");
    let in_variable = gateway.sandbox.behest(["serve", "--config", "behest.toml", "--data-dir", "other"]);
    let in_variable = in_variable.env("BEHEST_PORT", "99999").run();
    assert!(in_variable.stderr.contains("99999"), "{in_variable}");
}

#[test]
fn the_log_is_json_where_asked_and_holds_no_secret() {
    let gateway = TestGateway::start_in(Sandbox::new(), &["--log-format", "json", "--log", "debug"]);
    gateway.behest(&["chat", "a very private question"]).run().text();
    let (key, secret) = (gateway.text("api_key").to_owned(), gateway.text("admin_secret").to_owned());
    gateway.signal("TERM");
    let (_, log) = gateway.stopped();
    for line in log.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
    for private in [key.as_str(), secret.as_str(), "a very private question"] {
        assert!(!log.contains(private), "{log}");
    }
}
