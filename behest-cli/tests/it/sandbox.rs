//! A home of its own for every test, and nothing else of this machine.

use std::ffi::OsStr;
use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;

/// The program that the tests run: the one that cargo built, or what BEHEST_BIN names, such as the Python package's script.
pub fn program() -> String {
    behest_core::env::read("BEHEST_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_behest").to_owned())
}

/// A home directory that goes away with the test and its last command.
pub struct Sandbox {
    home: Arc<TempDir>,
}

impl Sandbox {
    pub fn new() -> Self {
        Self { home: Arc::new(tempfile::Builder::new().prefix("home-").tempdir().expect("a directory")) }
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn credentials_file(&self) -> PathBuf {
        self.home().join(".config/behest/credentials.json")
    }

    /// `behest` with these arguments and a clean environment.
    pub fn behest<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Behest {
        let mut command = Command::new(program());
        command.args(arguments).env_clear().env("HOME", self.home()).current_dir(self.home());
        Behest { command, input: None, _home: Arc::clone(&self.home) }
    }
}

/// A command to be run.
pub struct Behest {
    command: Command,
    input: Option<String>,
    _home: Arc<TempDir>,
}

impl Behest {
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// What is piped in; nothing when not said.
    pub fn input(mut self, text: &str) -> Self {
        self.input = Some(text.to_owned());
        self
    }

    /// Runs it to its end.
    pub fn run(mut self) -> Outcome {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = self.command.spawn().expect("behest starts");
        if let (Some(text), Some(mut stdin)) = (self.input, child.stdin.take()) {
            // A command that fails early does not read to the end.
            let _ = stdin.write_all(text.as_bytes());
        }
        let output = child.wait_with_output().expect("behest ends");
        Outcome {
            exit_code: output.status.code().expect("behest is not killed"),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }

    /// Starts it and leaves it running, with its standard output to be read.
    pub fn spawn(self, stderr: Stdio) -> Child {
        self.spawn_to(Stdio::piped(), stderr)
    }

    /// Starts it and leaves it running.
    pub fn spawn_to(mut self, stdout: Stdio, stderr: Stdio) -> Child {
        self.command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        self.command.spawn().expect("behest starts")
    }
}

/// What a command did.
#[derive(Debug)]
pub struct Outcome {
    pub exit_code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// Standard output as JSON, of a command that succeeded.
    pub fn json(&self) -> Value {
        assert_eq!(self.exit_code, 0, "{self}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// Standard output without the line's end, of a command that succeeded.
    pub fn text(&self) -> &str {
        assert_eq!(self.exit_code, 0, "{self}");
        self.stdout.trim_end()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "exit_code: {}\n----- stdout -----\n{}\n----- stderr -----\n{}",
            self.exit_code, self.stdout, self.stderr
        )
    }
}
