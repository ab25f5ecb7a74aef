//! A gateway in front of a scripted provider, with secrets and texts that are recognised wherever they leak.

pub mod answer;
pub mod books;
#[expect(dead_code, reason = "shared with the core's tests, which need more of it")]
#[path = "../../../behest-core/tests/it/support/scripted.rs"]
pub mod scripted;
pub mod wire;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::gateway::TestGateway;
use crate::sandbox::Sandbox;
use answer::Answer;
use scripted::{Script, Scripted, Seen, Step, chunk, done, event};

/// How long a test waits for something that is about to happen, before it fails instead of hanging.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Stands in every question.
pub const PROMPT: &str = "canary-prompt-5d1f";
/// Stands in every answer.
pub const ANSWER: &str = "canary-answer-77b2";
/// The provider's key.
pub const PROVIDER_KEY: &str = "sk-canary-provider-key-93ac";

/// Stands in settings for the address of the scripted provider.
pub const UPSTREAM: &str = "UPSTREAM";

/// A real gateway whose one provider is a script. The first word of a question is its case: the session of the call.
pub struct Faulty {
    pub upstream: Scripted,
    pub http: reqwest::Client,
    pub key: String,
    pub admin_secret: String,
    /// What else may reach neither its log nor its data.
    pub secrets: Vec<String>,
    gateway: Option<TestGateway>,
    arguments: Vec<String>,
    /// What earlier processes have logged.
    logs: String,
}

impl Faulty {
    /// A provider that answers with `handler`, and a gateway with these lines of configuration.
    pub async fn start<F>(settings: &str, handler: impl Fn(Seen) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Script> + Send + 'static,
    {
        Self::start_in(Sandbox::new(), settings, &["--drain-deadline", "2"], handler).await
    }

    /// The same with a home and arguments.
    pub async fn start_in<F>(
        sandbox: Sandbox,
        settings: &str,
        arguments: &[&str],
        handler: impl Fn(Seen) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Script> + Send + 'static,
    {
        let upstream = Scripted::start(handler).await;
        let settings = settings.replace(UPSTREAM, &upstream.base_url());
        let config = format!(
            "max_calls = 1024\n{settings}\n[providers.fake]\nbase_url = \"{}/v1\"\nlocal = true\n\
             api_key_env = \"FAKE_KEY\"\nmodels = [\"m\"]\n\
             [providers.nobody]\nbase_url = \"http://127.0.0.1:1/v1\"\nlocal = true\nmodels = [\"nobody\"]\n",
            upstream.base_url()
        );
        fs::write(sandbox.home().join("behest.toml"), config).expect("a file");
        let log: &[&str] = if arguments.contains(&"--log") { &[] } else { &["--log", "debug"] };
        let arguments = [&["--config", "behest.toml"], log, arguments].concat();
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        let gateway = serve(sandbox, &arguments);
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let (key, admin_secret) =
            (gateway.text("api_key").to_owned(), gateway.text("admin_secret").to_owned());
        let (secrets, logs) = (Vec::new(), String::new());
        Self { upstream, http, key, admin_secret, secrets, gateway: Some(gateway), arguments, logs }
    }

    pub fn gateway(&self) -> &TestGateway {
        self.gateway.as_ref().expect("it runs")
    }

    /// Waits for the end of it, which a signal has begun, and starts it again on the same data. Gives its exit status.
    pub fn restart(&mut self) -> ExitStatus {
        let (status, sandbox) = self.stopped();
        self.start_again(sandbox);
        status
    }

    /// Waits for the end of it, which a signal has begun.
    pub fn stopped(&mut self) -> (ExitStatus, Sandbox) {
        let gateway = self.gateway.take().expect("it runs");
        let log = gateway.sandbox.home().join("serve.log");
        let (status, sandbox) = gateway.ended();
        self.logs.push_str(&fs::read_to_string(log).expect("a log"));
        (status, sandbox)
    }

    /// Starts it in the home that it had.
    pub fn start_again(&mut self, sandbox: Sandbox) {
        self.gateway = Some(serve(sandbox, &self.arguments));
    }

    /// A URL of the gateway's.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.gateway().text("base_url"))
    }

    /// A call of the data plane.
    pub fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.get(self.url(path)).bearer_auth(&self.key)
    }

    /// A question, not sent yet.
    pub fn question(&self, case: &str, stream: bool) -> reqwest::RequestBuilder {
        let request = self.http.post(self.url("/v1/chat/completions")).bearer_auth(&self.key);
        request.header("x-session-id", case).json(&body(case, stream))
    }

    /// Asks and takes the whole answer.
    pub async fn ask(&self, case: &str, stream: bool) -> Answer {
        Answer::of(self.question(case, stream)).await
    }

    /// The records of a case, by how they ended.
    pub async fn records(&self, case: &str) -> BTreeMap<String, u64> {
        let path = format!("/v1/usage?group_by=status&session_id={case}");
        let report = Answer::of(self.get(&path)).await.json();
        let mut records = BTreeMap::new();
        for bucket in report["breakdown"].as_array().expect("a list") {
            let status = bucket["group"].as_str().expect("a status").to_owned();
            *records.entry(status).or_default() += bucket["requests"].as_u64().expect("a number");
        }
        records
    }

    /// Waits for exactly these records of a case, as for `failed failed ok`: a client that has gone is settled after.
    pub async fn settles(&self, case: &str, expected: &str) {
        let mut wanted: BTreeMap<String, u64> = BTreeMap::new();
        for status in expected.split_whitespace() {
            *wanted.entry(status.to_owned()).or_default() += 1;
        }
        let mut found = BTreeMap::new();
        let wait = async {
            while found != wanted {
                found = self.records(case).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        assert!(waited.is_ok(), "{case}: {found:?} instead of {wanted:?}");
    }

    /// A figure of `/metrics`.
    pub async fn metric(&self, name: &str) -> u64 {
        let request = self.http.get(self.url("/metrics")).header("x-admin-secret", &self.admin_secret);
        let text = Answer::of(request).await.body;
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("the metric");
        line.trim().parse().expect("a number")
    }

    /// Waits until no call is under way.
    pub async fn is_quiet(&self) {
        eventually("no call is under way", async || self.metric("behest_calls_in_flight ").await == 0).await;
    }

    /// A figure of the process's memory, in MB: `VmRSS` now, `VmHWM` at most so far.
    pub fn memory(&self, figure: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.gateway().id())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix(figure)).expect("the figure");
        let kilobytes = line.trim_start_matches(':').trim().trim_end_matches(" kB");
        kilobytes.parse::<u64>().expect("a number") / 1024
    }

    /// Stops it in order. No secret and no text may have reached its log or its data.
    pub fn finish(self) {
        self.finish_with_texts(&[PROMPT, ANSWER]);
    }

    /// The same where a thread keeps texts, so that its data is searched for the secrets alone.
    pub fn finish_with_thread(self) {
        self.finish_with_texts(&[]);
    }

    fn finish_with_texts(mut self, texts: &[&str]) {
        let gateway = self.gateway.take().expect("it runs");
        let mut secrets = vec![PROVIDER_KEY, &self.key, &self.admin_secret];
        secrets.extend(self.secrets.iter().map(String::as_str));
        gateway.signal("TERM");
        // Its files are looked at before its home goes with it.
        let data = gateway.sandbox.home().join("data");
        for file in fs::read_dir(data).expect("a directory") {
            let path = file.expect("a file").path();
            if !is_secret_file(&path) {
                let content = String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into_owned();
                for private in secrets.iter().chain(texts) {
                    assert!(!content.contains(private), "{private} is in {}", path.display());
                }
            }
        }
        let (status, log) = gateway.stopped();
        assert!(status.success(), "{status}\n{log}");
        self.logs.push_str(&log);
        for private in secrets.iter().chain(&[PROMPT, ANSWER]) {
            assert!(!self.logs.contains(private), "{private} is in the log:\n{}", self.logs);
        }
    }
}

fn serve(sandbox: Sandbox, arguments: &[String]) -> TestGateway {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    TestGateway::start_with(sandbox, &arguments, &[("FAKE_KEY", PROVIDER_KEY)])
}

fn is_secret_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "admin-secret" || name == "master-key")
}

/// The body of a question.
pub fn body(case: &str, stream: bool) -> Value {
    let content = format!("{case} {PROMPT}");
    // A model of its own: what is learnt of one case's must not tell on another's.
    json!({ "model": format!("fake/{case}"), "stream": stream, "messages": [{ "role": "user", "content": content }] })
}

/// The case that a request of the gateway's belongs to.
pub fn case_of(seen: &Seen) -> String {
    assert_eq!(seen.bearer(), PROVIDER_KEY);
    let messages = seen.json()["messages"].clone();
    let question = messages.as_array().and_then(|all| all.last()?["content"].as_str()).unwrap_or_default();
    question.split(' ').next().unwrap_or_default().to_owned()
}

/// Asks again and again until it is so, or fails.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "not in time: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// A plain answer of 7 tokens in and 3 out.
pub fn completion() -> Script {
    Script::json(
        200,
        &json!({
            "id": "c1", "object": "chat.completion", "model": "m",
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": ANSWER }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10 },
        }),
    )
}

/// The first event of a streamed answer.
pub fn first() -> Step {
    chunk(ANSWER)
}

/// What ends a streamed answer of 7 tokens in and 3 out, all of it.
pub fn ending() -> Vec<Step> {
    vec![finish(), usage(7, 3), done()]
}

/// The event that says why the answer ended.
pub fn finish() -> Step {
    event(r#"{"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#)
}

/// The event that says what the answer used.
pub fn usage(input: u64, output: u64) -> Step {
    let usage =
        json!({ "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output });
    event(&json!({ "id": "c1", "choices": [], "usage": usage }).to_string())
}

/// A whole streamed answer.
pub fn streamed() -> Script {
    Script::sse([vec![first()], ending()].concat())
}
