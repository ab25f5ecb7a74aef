//! A disk that is full: a small file system of its own, filled to the last byte.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::faults::answer::Answer;
use crate::faults::scripted::{Gate, Script, Step};
use crate::faults::wire::{Wire, question};
use crate::faults::{ANSWER, Faulty, case_of, completion, ending, eventually, first};
use crate::gateway::TestGateway;
use crate::sandbox::Sandbox;

/// A file system in memory at a place of its own.
struct Disk(PathBuf);

impl Disk {
    /// `None`, loudly, where this user may not mount one.
    #[expect(clippy::print_stdout, reason = "a skipped test says so")]
    fn mount(place: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(place).expect("a directory");
        let options = format!("size={size},mode=0700");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "behest-test"]).arg(place);
        let output = mount.output().expect("mount runs");
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(std::env::var_os("CI").is_none(), "CI must be able to mount a small disk: {reason}");
            println!("SKIPPED: the full disk is not tested, because none can be mounted: {reason}");
            return None;
        }
        Some(Self(place.to_owned()))
    }

    fn remount(&self, options: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0).status();
        assert!(done.expect("mount runs").success());
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.filler()).expect("a file");
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![b'x'; size]).is_ok() {}
        }
    }

    fn empty(&self) {
        fs::remove_file(self.filler()).expect("the filler");
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
        // The home above it could not be removed before, if its test has ended.
        if let Some(home) = self.0.parent() {
            let _ = fs::remove_dir_all(home);
        }
    }
}

async fn get(faulty: &Faulty, path: &str) -> Answer {
    Answer::of(faulty.get(path)).await
}

fn assert_unavailable(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_str()), (503, "unavailable"), "{answer:?}");
    assert!(answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u64>().is_ok()), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_gives_clear_errors_and_is_recovered_from_without_help() {
    let sandbox = Sandbox::new();
    let Some(disk) = Disk::mount(&sandbox.home().join("data"), "8m") else { return };
    let gate = Gate::new();
    let opened = gate.clone();
    let faulty = Faulty::start_in(sandbox, "", &["--drain-deadline", "2"], move |seen| {
        let script = match case_of(&seen).as_str() {
            "held" => Script::sse([vec![first(), Step::Wait(opened.clone())], ending()].concat()),
            _ => completion(),
        };
        async move { script }
    })
    .await;
    assert_eq!(faulty.ask("before", false).await.status, 200);
    let held = faulty.question("held", true).header("x-end-user-id", "ann").header("x-thread-id", "trip");
    let mut held = held.send().await.expect("an answer");
    assert!(String::from_utf8_lossy(&held.chunk().await.expect("a chunk").expect("one")).contains(ANSWER));

    // The journal needs a new page for a second call at the same time.
    disk.fill();
    let asked = faulty.upstream.seen("/v1/chat").len();
    assert_unavailable(&faulty.ask("not-noted", false).await);
    assert_eq!(get(&faulty, "/ready").await.status, 503);
    assert_eq!(faulty.upstream.seen("/v1/chat").len(), asked, "what cannot be noted is not asked");

    // The record of the held stream cannot be committed.
    gate.open();
    let mut rest = String::new();
    while let Some(chunk) = held.chunk().await.expect("an ordered end") {
        rest.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(rest.contains("\"unavailable\"") && !rest.contains("[DONE]"), "{rest}");
    for stream in [false, true] {
        assert_unavailable(&faulty.ask("refused", stream).await);
    }
    assert_eq!(
        faulty.upstream.seen("/v1/chat").len(),
        asked,
        "no provider is paid for what cannot be recorded"
    );
    let ready = get(&faulty, "/ready").await;
    assert_eq!((ready.status, ready.header("retry-after")), (503, Some("1")), "{ready:?}");
    assert_eq!(ready.json()["checks"]["store"], "ok");
    assert_ne!(ready.json()["checks"]["ledger"], "ok");
    assert_eq!(get(&faulty, "/health").await.status, 200);
    let keys = faulty.url(&format!("/v1/projects/{}/keys", faulty.gateway().text("project_id")));
    let new_key = || {
        let request = faulty.http.post(&keys).header("x-admin-secret", &faulty.admin_secret);
        Answer::of(request.json(&json!({ "name": "second" })))
    };
    assert_unavailable(&new_key().await);
    faulty.settles("held", "").await;

    disk.empty();
    eventually("it recovers by itself", async || get(&faulty, "/ready").await.status == 200).await;
    faulty.settles("held", "ok").await;
    faulty.settles("not-noted", "").await;
    faulty.settles("refused", "").await;
    let thread = faulty.get("/v1/threads/trip").header("x-end-user-id", "ann");
    assert_eq!(Answer::of(thread).await.status, 404, "its client was told that the call failed");
    assert_eq!(faulty.ask("after", false).await.status, 200);
    faulty.settles("after", "ok").await;
    assert_eq!(new_key().await.status, 201);
    assert_eq!(get(&faulty, "/v1/usage").await.json()["totals"]["requests"], 3);
    faulty.is_quiet().await;
    faulty.finish_with_thread();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_of_the_control_plane_that_failed_does_not_stop_calls_for_good() {
    let sandbox = Sandbox::new();
    let Some(disk) = Disk::mount(&sandbox.home().join("data"), "8m") else { return };
    let faulty = Faulty::start_in(sandbox, "", &[], |_| async { completion() }).await;
    assert_eq!(faulty.ask("before", false).await.status, 200);
    disk.fill();
    let projects =
        faulty.http.post(faulty.url("/v1/projects")).header("x-admin-secret", &faulty.admin_secret);
    assert_unavailable(&Answer::of(projects.json(&json!({ "name": "second" }))).await);
    // It may be ready already: what shows a recovery is a small write, which may fit where the project did not.
    disk.empty();
    eventually("it recovers by itself", async || get(&faulty, "/ready").await.status == 200).await;
    assert_eq!(faulty.ask("after", false).await.status, 200);
    faulty.finish();
}

#[test]
fn a_first_start_on_a_full_disk_leaves_nothing_half_made() {
    // Each runs out of room somewhere else: at a key, at the tables, at the first project.
    let mut failures = 0;
    for size in ["4k", "8k", "16k", "32k", "64k", "128k", "160k", "176k", "192k"] {
        let sandbox = Sandbox::new();
        let Some(disk) = Disk::mount(&sandbox.home().join("data"), size) else { return };
        fs::write(sandbox.home().join("behest.toml"), "max_calls = 16\n").expect("a file");
        let Some(stderr) = fails_to_start(&sandbox) else { break };
        let said = stderr.to_lowercase();
        assert!(["full", "no space", "disk"].iter().any(|word| said.contains(word)), "{size}: {stderr}");
        failures += 1;

        disk.remount("size=8m");
        let gateway = TestGateway::start_in(sandbox, &["--config", "behest.toml"]);
        let key = gateway.text("api_key").to_owned();
        let models = gateway.behest(&["models", "--json"]).env("BEHEST_KEY", key).run();
        assert_eq!(models.exit_code, 0, "{size}: {models}");
    }
    assert!(failures >= 5, "{failures}");
}

/// Standard error of a gateway that could not start; `None` when it did.
fn fails_to_start(sandbox: &Sandbox) -> Option<String> {
    let log = sandbox.home().join("first.log");
    let arguments = ["serve", "--port", "0", "--json", "--config", "behest.toml", "--data-dir", "data"];
    let stderr = Stdio::from(File::create(&log).expect("a log"));
    let mut process = sandbox.behest(arguments).spawn(stderr);
    let mut line = String::new();
    BufReader::new(process.stdout.take().expect("standard output")).read_line(&mut line).expect("a line");
    if line.is_empty() {
        assert_eq!(process.wait().expect("it ends").code(), Some(1));
        return Some(fs::read_to_string(log).expect("a log"));
    }
    process.kill().expect("killed");
    process.wait().expect("it ends");
    None
}

#[test]
fn a_read_only_data_directory_is_named() {
    let sandbox = Sandbox::new();
    let Some(disk) = Disk::mount(&sandbox.home().join("data"), "8m") else { return };
    disk.remount("ro");
    let outcome = sandbox.behest(["serve", "--port", "0", "--data-dir", "data"]).run();
    assert_ne!(outcome.exit_code, 0, "{outcome}");
    assert!(outcome.stderr.contains("the data directory data cannot be used"), "{outcome}");
    assert!(outcome.stderr.contains("Read-only file system"), "{outcome}");
}

#[test]
fn a_data_directory_that_becomes_read_only_before_a_later_start_is_named() {
    let sandbox = Sandbox::new();
    let Some(disk) = Disk::mount(&sandbox.home().join("data"), "8m") else { return };
    let sandbox = TestGateway::start_in(sandbox, &[]).stop();
    disk.remount("ro");
    let outcome = sandbox.behest(["serve", "--port", "0", "--data-dir", "data"]).run();
    assert_ne!(outcome.exit_code, 0, "{outcome}");
    assert!(outcome.stderr.contains("data") && outcome.stderr.contains("ead-only"), "{outcome}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_whose_client_goes_while_the_disk_is_full_is_recorded_once_there_is_room() {
    let sandbox = Sandbox::new();
    let Some(disk) = Disk::mount(&sandbox.home().join("data"), "8m") else { return };
    let mut faulty = Faulty::start_in(sandbox, "", &["--drain-deadline", "2"], |_| async {
        Script::sse(vec![first(), Step::Hang])
    })
    .await;
    let mut client = Wire::to(&faulty).await;
    assert!(client.send(question(&faulty, "left", true)).await);
    client.until(ANSWER).await;
    disk.fill();
    drop(client);
    faulty.upstream.departures(1).await;
    eventually("the ledger is red", async || get(&faulty, "/ready").await.status == 503).await;

    // Told to stop with the disk still full: the journal carries the call over.
    faulty.gateway().signal("TERM");
    let (status, sandbox) = faulty.stopped();
    assert_eq!(status.code(), Some(0));
    disk.empty();
    faulty.start_again(sandbox);
    assert!(faulty.gateway().log().contains("left open"), "{}", faulty.gateway().log());
    faulty.settles("left", "lost").await;
    faulty.finish();
}
