//! A real gateway of its own for a test.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::Value;

use crate::sandbox::{Behest, Sandbox};

/// `behest serve` on a free port, told to stop when the test ends.
pub struct TestGateway {
    pub sandbox: Sandbox,
    /// What it said about itself.
    pub ready: Value,
    process: Child,
}

impl TestGateway {
    pub fn start() -> Self {
        Self::start_in(Sandbox::new(), &[])
    }

    /// Starts with more arguments, in a home that may have seen a gateway before.
    pub fn start_in(sandbox: Sandbox, arguments: &[&str]) -> Self {
        Self::start_with(sandbox, arguments, &[])
    }

    /// Starts with variables, too.
    pub fn start_with(sandbox: Sandbox, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let log = log_file(&sandbox);
        let stderr = File::create(&log).expect("a log");
        let always = ["serve", "--port", "0", "--json", "--data-dir", "data"];
        let mut behest = sandbox.behest(always.iter().chain(arguments));
        for (name, value) in variables {
            behest = behest.env(name, value);
        }
        let mut process = behest.spawn(Stdio::from(stderr));
        let mut line = String::new();
        let stdout = process.stdout.take().expect("standard output");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let ready = serde_json::from_str(&line).unwrap_or_else(|error| {
            panic!("the gateway is not ready: {error}\n{}", fs::read_to_string(&log).unwrap_or_default())
        });
        Self { sandbox, ready, process }
    }

    pub fn text(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {}", self.ready))
    }

    /// A data-plane command with the gateway's API key.
    pub fn behest(&self, arguments: &[&str]) -> Behest {
        let behest = self.sandbox.behest(arguments).env("BEHEST_BASE_URL", self.text("base_url"));
        behest.env("BEHEST_KEY", self.text("api_key"))
    }

    /// A control command with the gateway's admin secret.
    pub fn control(&self, arguments: &[&str]) -> Behest {
        let behest = self.sandbox.behest(arguments).env("BEHEST_BASE_URL", self.text("base_url"));
        behest.env("BEHEST_ADMIN_SECRET", self.text("admin_secret"))
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.process.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits until it has stopped by itself; gives its exit status and what it has logged.
    pub fn stopped(mut self) -> (ExitStatus, String) {
        let status = self.process.wait().expect("it ends");
        (status, self.log())
    }

    /// Waits until it has ended by itself; gives its exit status and its home.
    pub fn ended(mut self) -> (ExitStatus, Sandbox) {
        let status = self.process.wait().expect("it ends");
        (status, self.stop())
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(log_file(&self.sandbox)).expect("a log")
    }

    /// Stops it and gives its home back.
    pub fn stop(mut self) -> Sandbox {
        self.end();
        std::mem::replace(&mut self.sandbox, Sandbox::new())
    }

    fn end(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            self.signal("TERM");
            self.process.wait().expect("it ends");
        }
    }
}

impl Drop for TestGateway {
    fn drop(&mut self) {
        self.end();
    }
}

fn log_file(sandbox: &Sandbox) -> PathBuf {
    sandbox.home().join("serve.log")
}
