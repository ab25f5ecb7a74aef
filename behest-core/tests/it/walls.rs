//! Who may import whom, and the other rules that no compiler checks, read from the sources.

use std::fs;
use std::path::{Path, PathBuf};

/// No file is longer: past it, it holds two ideas.
const LONGEST: usize = 450;

const IO: &[&str] = &[
    "tokio::",
    "reqwest::",
    "hyper::",
    "axum::",
    "rusqlite::",
    "std::fs",
    "std::net",
    "std::env",
    "env::read",
    "rand::",
    "Uuid::new_",
    "Uuid::now_",
];
const CLOCK: &[&str] = &["Instant::now", "SystemTime", "Timestamp::now", "clock::now"];
const OF_OURS: &[&str] = &[
    "crate::client",
    "crate::transport",
    "crate::error",
    "crate::gateway",
    "crate::token",
    "crate::sse",
    "crate::secret",
    "crate::env",
];
const THE_CLIENT: &[&str] =
    &["crate::client", "crate::transport", "crate::error", "crate::local", "crate::Client"];
const THE_GATEWAY: &[&str] = &["crate::gateway"];

/// (a part of `src`, words that its files never contain, why)
const WALLS: &[(&str, &[&[&str]], &str)] = &[
    ("types", &[OF_OURS, IO, CLOCK], "wire data is serde alone and imports nothing of ours"),
    ("token", &[THE_CLIENT, THE_GATEWAY, IO, CLOCK], "tokens are pure: keys and time come in as arguments"),
    ("sse.rs", &[OF_OURS, IO, CLOCK], "bytes to events and back, pure"),
    ("secret.rs", &[OF_OURS, IO, CLOCK], "a secret knows nobody"),
    ("client", &[THE_GATEWAY], "the client never learns whether the gateway is in this process"),
    ("client.rs", &[THE_GATEWAY], "the client never learns whether the gateway is in this process"),
    ("client/retry.rs", &[IO, CLOCK], "the decision to try again is pure"),
    ("transport", &[THE_GATEWAY, &["crate::client"]], "a transport carries calls and knows no client"),
    ("gateway", &[THE_CLIENT], "the gateway never imports the client"),
    ("gateway.rs", &[THE_CLIENT], "the gateway never imports the client"),
    (
        "gateway/stages",
        &[&["stages::", "super::"]],
        "a stage never imports a stage: only the pipeline knows the order",
    ),
    ("gateway/providers/gemini/cite.rs", &[IO, CLOCK], "translation is pure"),
    ("gateway/providers/gemini/contents.rs", &[IO, CLOCK], "translation is pure"),
    ("gateway/providers/gemini/parts.rs", &[IO, CLOCK], "translation is pure"),
    ("gateway/providers/gemini/reply.rs", &[IO, CLOCK], "translation is pure"),
    ("gateway/providers/gemini/request.rs", &[IO, CLOCK], "translation is pure"),
    ("gateway/providers/gemini/schema.rs", &[IO, CLOCK], "translation is pure"),
    ("gateway/providers/gemini/stream.rs", &[IO, CLOCK], "translation is pure"),
    ("gateway/providers/gemini/thinking.rs", &[IO, CLOCK], "translation is pure"),
    (
        "gateway/providers/vertex/account.rs",
        &[IO, CLOCK],
        "a credential is read and signs, and time comes in",
    ),
    ("gateway/providers/vertex/place.rs", &[IO, CLOCK], "an address is text"),
    ("gateway/providers/complaint.rs", &[IO, CLOCK], "a complaint is read"),
    ("gateway/ledger/sample.rs", &[IO, CLOCK], "a sample is counted"),
    ("gateway/providers/cohere/messages.rs", &[IO, CLOCK], "translation is pure"),
    ("gateway/providers/cohere/reply.rs", &[IO, CLOCK], "translation is pure"),
    ("gateway/providers/cohere/request.rs", &[IO, CLOCK], "translation is pure"),
    ("gateway/providers/cohere/stream.rs", &[IO, CLOCK], "translation is pure"),
    ("gateway/providers/compatible", &[IO, CLOCK], "translation is pure"),
    ("gateway/providers/openai/request.rs", &[IO, CLOCK], "translation is pure"),
    ("gateway/providers/openai/reply.rs", &[IO, CLOCK], "translation is pure"),
    ("gateway/providers/anthropic", &[IO, CLOCK], "translation is pure"),
    ("gateway/providers/anthropic.rs", &[IO, CLOCK], "translation is pure"),
    ("gateway/ledger/money.rs", &[IO, CLOCK], "money is arithmetic"),
    ("gateway/ledger/prices.rs", &[IO, CLOCK], "a price is looked up in a table"),
    ("gateway/ledger/estimate.rs", &[IO, CLOCK], "an estimate is arithmetic"),
    ("gateway/limits/budgets.rs", &[IO, CLOCK], "what a budget says is checked"),
    ("gateway/limits/check.rs", &[IO, CLOCK], "a bound is compared with"),
    ("gateway/limits/policy.rs", &[IO, CLOCK], "defaults are filled in"),
    ("gateway/limits/tiers.rs", &[IO, CLOCK], "a tier is laid over a project"),
    ("gateway/origin.rs", &[IO, CLOCK, OF_OURS], "matching an origin is pure"),
    ("gateway/hosts.rs", &[IO, CLOCK, OF_OURS], "matching a host is pure"),
    ("gateway/body.rs", &[IO, CLOCK], "keeping fields as they came is pure"),
];

/// (words, the only files of `src` that contain them, why)
const ONLY_THERE: &[(&str, &[&str], &str)] = &[
    ("ProblemDetail {", &["types/problem.rs", "gateway/rescue.rs"], "error bodies are built in one place"),
    ("println!", &[], "only the command line's printer prints"),
    ("eprint", &[], "only the command line's printer prints"),
    ("env::var", &["env.rs"], "the environment is read in one place"),
    ("#[allow(", &[], "a lint that must give way is expected, with its reason"),
    ("#![allow(", &[], "a lint that must give way is expected, with its reason"),
    ("cfg(feature", &["lib.rs", "transport.rs"], "features are gated at module level"),
    ("rusqlite", &["gateway/store/sqlite", "gateway/store/sqlite.rs"], "one module speaks to SQLite"),
    (
        "tower::",
        &["gateway/providers/http.rs", "gateway/serve/connection.rs", "transport/in_process.rs"],
        "middleware stands at the edge, and connections are services",
    ),
];

/// A source file: where it is below `src`, and its text without comments and tests.
struct Source {
    path: String,
    lines: usize,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    gather(&root, &mut files);
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).expect("a source");
        let lines = text.lines().count();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let path = file.strip_prefix(&root).expect("below the root").to_string_lossy().replace('\\', "/");
        Source { path, lines, text: code.collect::<Vec<_>>().join("\n") }
    };
    files.into_iter().map(read).collect()
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            gather(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Whether `path` is `part` or lies below it.
fn belongs(path: &str, part: &str) -> bool {
    path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[test]
fn no_part_reaches_over_its_wall() {
    let sources = sources();
    let mut broken = Vec::new();
    for (part, never, why) in WALLS {
        let mut files = sources.iter().filter(|source| belongs(&source.path, part)).peekable();
        assert!(files.peek().is_some(), "`{part}` is not there any more: mend the table");
        for source in files {
            for word in never.iter().copied().flatten().filter(|word| source.text.contains(**word)) {
                broken.push(format!("{}: `{word}` ({why})", source.path));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn some_words_stand_in_one_place() {
    let mut broken = Vec::new();
    for source in sources() {
        for (word, places, why) in ONLY_THERE {
            let at_home = places.iter().any(|place| belongs(&source.path, place));
            if source.text.contains(word) && !at_home {
                broken.push(format!("{}: `{word}` ({why})", source.path));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn no_file_holds_two_ideas() {
    for source in sources() {
        assert!(source.lines <= LONGEST, "{} has {} lines; {LONGEST} are allowed", source.path, source.lines);
        assert!(
            !source.path.ends_with("mod.rs"),
            "{}: `foo.rs` and `foo/`, so that tabs keep their names",
            source.path
        );
    }
}

#[test]
fn the_core_knows_no_language_binding_and_no_command_line() {
    let manifest =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).expect("a manifest");
    for word in ["pyo3", "napi", "clap", "anyhow"] {
        let named = manifest.lines().any(|line| line.trim_start().starts_with(word));
        assert!(!named, "{word} belongs to another crate");
    }
}
