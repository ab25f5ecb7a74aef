//! Keys, prompts and answers that are recognised wherever they turn up: they go through calls that succeed and calls that
//! fail in every way, at the highest log level, and must be found nowhere but where they belong.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::faults::answer::Answer;
use crate::faults::scripted::{Script, Seen, Step, event};
use crate::faults::{ANSWER, Faulty, PROMPT, PROVIDER_KEY, completion, first, streamed};
use crate::sandbox::Sandbox;

const OF_TENANT: &str = "sk-canary-tenants-key-51c0";
const OF_PROJECT: &str = "sk-canary-projects-key-d8e4";
const REFUSED: &str = "sk-canary-refused-key-07aa";
const UNASKED: &str = "sk-canary-unasked-key-e1b9";
const KEYS: [&str; 5] = [PROVIDER_KEY, OF_TENANT, OF_PROJECT, REFUSED, UNASKED];
/// The models of the platform's provider, the tenant's and the project's.
const MODELS: [&str; 3] = ["m", "of-tenant", "of-project"];

const CASES: [&str; 16] = [
    "ok",
    "status-400",
    "status-401",
    "status-403",
    "status-404",
    "status-422",
    "status-429",
    "status-500",
    "status-529",
    "error-as-200",
    "html",
    "no-http",
    "closes",
    "breaks-off",
    "error-in-the-stream",
    "garbage-in-the-stream",
];

/// What a careless provider says: everything that it was given.
fn echo(status: u16, seen: &Seen) -> Script {
    let message = format!("no: {} {PROMPT} {ANSWER}", seen.bearer());
    let body = json!({ "error": { "message": message, "type": message, "code": message, "param": message } });
    // Nobody waits between two attempts.
    Script::json(status, &body).header("retry-after", "0").header("x-request-id", seen.bearer())
}

fn answer(seen: &Seen) -> Script {
    if seen.method == "GET" {
        return match seen.bearer() {
            REFUSED => echo(401, seen),
            UNASKED => echo(500, seen),
            _ => Script::json(200, &json!({ "data": [] })),
        };
    }
    let body = seen.json();
    let question = body["messages"][0]["content"].as_str().unwrap_or_default();
    let case = question.split(' ').next().unwrap_or_default();
    let key = seen.bearer();
    let raw = |text: String| Step::Raw(text.into());
    match (case, body["stream"] == true) {
        ("hangs", _) => Script::raw(vec![Step::Hang]),
        ("error-as-200", _) => {
            Script::json(200, &json!({ "error": { "message": format!("{key} {PROMPT}") } }))
        }
        ("html", _) => Script::new(200, vec![Step::Send(format!("<p>{key} {PROMPT} {ANSWER}</p>").into())]),
        ("no-http", _) => Script::raw(vec![raw(format!("{key} {PROMPT}\r\n\r\n")), Step::Close]),
        ("closes", _) => Script::raw(vec![Step::Close]),
        ("breaks-off", true) => Script::sse(vec![first(), Step::Close]),
        ("breaks-off", false) => {
            Script::new(200, vec![Step::Send(format!("{{\"x\":\"{key}").into()), Step::Close])
        }
        ("error-in-the-stream", true) => {
            let error = json!({ "error": { "message": format!("no: {key} {PROMPT}"), "code": key } });
            Script::sse(vec![first(), event(&error.to_string())])
        }
        ("garbage-in-the-stream", true) => Script::sse(vec![first(), event(&format!("{{{key} {PROMPT}"))]),
        (_, stream) => match case.strip_prefix("status-") {
            Some(status) => echo(status.parse().expect("a status"), seen),
            None if stream => streamed(),
            None => completion(),
        },
    }
}

/// A call of the control plane with a body.
async fn write(faulty: &Faulty, path: &str, body: &Value) -> Answer {
    let request = faulty.http.post(faulty.url(path)).header("x-admin-secret", &faulty.admin_secret);
    Answer::of(request.json(body)).await
}

async fn add_keys(faulty: &Faulty) {
    let gateway = faulty.gateway();
    let tenant = format!("/v1/tenants/{}/providers", gateway.text("tenant_id"));
    let project = format!("/v1/projects/{}/providers", gateway.text("project_id"));
    let base_url = format!("{}/v1", faulty.upstream.base_url());
    for (path, key, model, status) in [
        (&tenant, OF_TENANT, "of-tenant", 201),
        (&project, OF_PROJECT, "of-project", 201),
        (&tenant, REFUSED, "x", 400),
        (&project, UNASKED, "x", 502),
    ] {
        let body =
            json!({ "name": model, "api_key": key, "base_url": base_url, "local": true, "models": [model] });
        let answer = write(faulty, path, &body).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_clean(&answer.body, &KEYS, "what the control plane answers");
    }
    let wrong = write(faulty, &tenant, &json!({ "name": 1, "api_key": OF_TENANT, "canary": UNASKED })).await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
    assert_clean(&wrong.body, &KEYS, "what the control plane refuses");
    for command in ["list", "list --project"] {
        let mut arguments = vec!["providers"];
        arguments.extend(command.split(' '));
        if command.ends_with("--project") {
            arguments.push(gateway.text("project_id"));
        }
        let listed = gateway.control(&arguments).run();
        assert_clean(&format!("{}{}", listed.text(), listed.stderr), &KEYS, command);
    }
}

fn assert_clean(text: &str, private: &[&str], place: &str) {
    for canary in private {
        assert!(!text.contains(canary), "{canary} is in {place}: {text}");
    }
}

/// Looks through every file below `folder` but those that are there to hold a secret.
fn search(folder: &Path, private: &[&str]) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            files += search(&path, private);
        } else if !matches!(name, "admin-secret" | "master-key") {
            let content = fs::read(&path).expect("a file");
            for canary in private {
                let found = content.windows(canary.len()).any(|window| window == canary.as_bytes());
                assert!(!found, "{canary} is in {}", path.display());
            }
            files += 1;
        }
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_prompts_turn_up_nowhere() {
    let settings = "timeouts_seconds.first_byte = 1\ntimeouts_seconds.idle = 1";
    let arguments = ["--drain-deadline", "2", "--log", "behest_core=trace,behest_cli=trace,behest=trace"];
    let handler = |seen: Seen| std::future::ready(answer(&seen));
    let mut faulty = Faulty::start_in(Sandbox::new(), settings, &arguments, handler).await;
    add_keys(&faulty).await;
    let mint = faulty.http.post(faulty.url("/v1/auth/mint")).bearer_auth(&faulty.key);
    let minted = Answer::of(mint.json(&json!({ "user_id": "ann" }))).await.json();
    let token = minted["jwt"].as_str().expect("a token").to_owned();
    let signature = token.rsplit('.').next().expect("a signature").to_owned();
    faulty.secrets = [&KEYS[..], &[&token, &signature]].concat().into_iter().map(str::to_owned).collect();
    let credentials = [faulty.key.clone(), token.clone()];
    let secrets: Vec<String> =
        faulty.secrets.iter().chain([&faulty.key, &faulty.admin_secret]).cloned().collect();
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();

    let mut failures = 0;
    for model in MODELS {
        let cases = CASES.into_iter().chain((model == "of-project").then_some("hangs"));
        for (index, case) in cases.enumerate() {
            for stream in [false, true] {
                let content = format!("{case} {PROMPT}");
                let messages = json!([{ "role": "user", "content": content }]);
                let question = json!({ "model": model, "stream": stream, "messages": messages });
                let request = faulty.http.post(faulty.url("/v1/chat/completions"));
                let request = request.bearer_auth(&credentials[index % 2]).json(&question);
                let answer = Answer::of(request).await;
                // The provider's words about a request go back to who sent it, never with a key.
                assert_clean(&answer.body, &secrets, case);
                let headers = format!("{:?}", answer.headers);
                assert_clean(&headers, &[&secrets[..], &[PROMPT, ANSWER]].concat(), case);
                failures += usize::from(answer.status >= 400);
            }
        }
    }
    assert!(failures > 60, "{failures} of the calls fail");
    // Credentials that are refused, and bodies that cannot be read.
    for (credential, body) in
        [(REFUSED, "{}"), (&*faulty.key, "{\"messages\": canary-prompt-5d1f"), (&token[1..], "{}")]
    {
        let request = faulty.http.post(faulty.url("/v1/chat/completions")).bearer_auth(credential);
        let answer = Answer::of(request.body(body)).await;
        assert!(matches!(answer.status, 400 | 401), "{answer:?}");
        assert_clean(&answer.body, &[&secrets[..], &[PROMPT]].concat(), "a refusal");
    }

    let private = [&secrets[..], &[PROMPT, ANSWER]].concat();
    faulty.is_quiet().await;
    for path in ["/metrics", "/openapi.json", "/ready", "/health", "/v1/usage", "/v1/models", "/v1/threads"] {
        let request = faulty.get(path).header("x-admin-secret", &faulty.admin_secret);
        assert_clean(&Answer::of(request).await.body, &private, path);
    }
    let home = faulty.gateway().sandbox.home();
    let log = fs::read_to_string(home.join("serve.log")).expect("a log");
    assert!(log.contains("DEBUG") && log.contains("request failed"), "it logs: {log}");
    // The database with its write-ahead log, the journal, the lock, the configuration, the log.
    let files = search(home, &private);
    assert!(files >= 5, "{files} files");
    faulty.finish();
}
