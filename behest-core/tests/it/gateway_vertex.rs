//! Vertex, through the whole gateway, before a fake of Google: what a token is asked for with, how often, and who waits.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use behest_core::Secret;
use behest_core::gateway::config::{Config, ProviderConfig};
use behest_core::gateway::providers::http::HttpClients;
use behest_core::gateway::providers::vertex::tokens::Tokens;
use behest_core::token::sign::SigningKey;
use bytes::Bytes;
use futures_util::future::join_all;
use http::Method;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use crate::support::gateway::{TestGateway, eventually};
use crate::support::scripted::{Gate, Script, Scripted, Seen, Step, event};

const EMAIL: &str = "behest@p-1.iam.gserviceaccount.com";
const PATH: &str =
    "/v1/projects/p-1/locations/global/publishers/google/models/gemini-2.5-flash:generateContent";

/// What the fake's token server answers to its n-th request, from 1.
type Grant = dyn Fn(usize) -> Script + Send + Sync;
/// Which bearer tokens Vertex takes.
type Takes = dyn Fn(&str) -> bool + Send + Sync;

/// Google: a token server that looks at what it gets, and Vertex.
struct Google {
    server: Scripted,
    pem: Secret,
    /// What was wrong with the assertions.
    wrong: Arc<Mutex<Vec<String>>>,
}

impl Google {
    async fn start(grant: Box<Grant>, takes: Box<Takes>) -> Self {
        let (key, pem) = SigningKey::generate("k-1234").expect("a key");
        let public = key.public();
        let public = DecodingKey::from_rsa_components(&public.n, &public.e).expect("a public key");
        let wrong = Arc::new(Mutex::new(Vec::new()));
        let (found, asked) = (Arc::clone(&wrong), AtomicUsize::new(0));
        let server = Scripted::start(move |seen| {
            let script = if seen.path == "/token" {
                found.lock().expect("the list").extend(check(&seen, &public).err());
                grant(asked.fetch_add(1, Ordering::SeqCst) + 1)
            } else if seen.path.starts_with("/computeMetadata/") {
                match seen.header("metadata-flavor") {
                    "Google" => grant(asked.fetch_add(1, Ordering::SeqCst) + 1),
                    _ => Script::json(403, &json!({})),
                }
            } else if takes(seen.bearer()) {
                answer(seen.path.contains(":stream"))
            } else {
                let error = json!({ "code": 401, "message": format!("no {}", seen.bearer()), "status": "UNAUTHENTICATED" });
                Script::json(401, &json!({ "error": error }))
            };
            async move { script }
        })
        .await;
        Self { server, pem, wrong }
    }

    /// With tokens `t-1`, `t-2`... that last an hour, all of which Vertex takes.
    async fn plain() -> Self {
        Self::start(Box::new(|asked| granted(asked, 3_600)), Box::new(|_| true)).await
    }

    fn account(&self) -> Value {
        json!({
            "type": "service_account", "project_id": "p-1", "private_key_id": "k-1234",
            "private_key": self.pem.expose(), "client_email": EMAIL,
            "token_uri": format!("{}/token", self.server.base_url()),
        })
    }

    fn credential(&self) -> Secret {
        Secret::new(self.account().to_string())
    }

    fn provider(&self) -> ProviderConfig {
        ProviderConfig {
            base_url: Some(self.server.base_url()),
            local: true,
            api_key: Some(self.credential()),
            ..ProviderConfig::default()
        }
    }

    async fn gateway(&self) -> TestGateway {
        before(self.provider(), &[]).await
    }

    fn token_requests(&self) -> usize {
        self.server.seen("/token").len()
    }

    fn bearers(&self) -> Vec<String> {
        self.server.seen("/v1/").iter().map(|seen| seen.bearer().to_owned()).collect()
    }
}

/// A gateway before this Vertex, started in this environment.
async fn before(provider: ProviderConfig, variables: &[(&str, &str)]) -> TestGateway {
    let provider = ProviderConfig { models: Some(vec!["gemini-2.5-flash".to_owned()]), ..provider };
    let mut config =
        Config { providers: BTreeMap::from([("vertex".to_owned(), provider)]), ..Config::default() };
    let variable = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    config.apply_environment(variable).expect("a configuration");
    TestGateway::with(config).await
}

/// RFC 7523, as Google's documents ask for it.
fn check(seen: &Seen, public: &DecodingKey) -> Result<(), String> {
    let body = String::from_utf8_lossy(&seen.body).into_owned();
    let assertion = body
        .strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=")
        .ok_or(format!("the form: {body}"))?;
    let mut rules = Validation::new(Algorithm::RS256);
    rules.set_audience(&[format!("http://{}/token", seen.header("host"))]);
    rules.set_issuer(&[EMAIL]);
    let read = jsonwebtoken::decode::<Value>(assertion, public, &rules).map_err(|error| error.to_string())?;
    let claims = read.claims;
    let lifetime = claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(exp, iat)| exp - iat);
    let right = read.header.kid.as_deref() == Some("k-1234")
        && claims["scope"] == "https://www.googleapis.com/auth/cloud-platform"
        && lifetime == Some(3_600);
    if right { Ok(()) } else { Err(format!("{:?} {claims}", read.header)) }
}

fn granted(asked: usize, seconds: u64) -> Script {
    let token = format!("t-{asked}");
    Script::json(200, &json!({ "access_token": token, "expires_in": seconds, "token_type": "Bearer" }))
}

fn answer(stream: bool) -> Script {
    let piece = |text: &str, more: Value| {
        let mut piece =
            json!({ "candidates": [{ "content": { "role": "model", "parts": [{ "text": text }] } }] });
        piece.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        piece
    };
    let usage = json!({ "usageMetadata": { "promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5 } });
    let mut last = piece("lo", usage);
    last["candidates"][0]["finishReason"] = json!("STOP");
    if stream {
        Script::sse(vec![event(&piece("hel", json!({})).to_string()), event(&last.to_string())])
    } else {
        last["candidates"][0]["content"]["parts"][0]["text"] = json!("hello");
        Script::json(200, &last)
    }
}

fn ask(stream: bool) -> Value {
    let message = json!({ "role": "user", "content": "hi" });
    json!({ "model": "vertex/gemini-2.5-flash", "stream": stream, "messages": [message] })
}

async fn said(gateway: &TestGateway) -> Value {
    let answer = gateway.ask(&ask(false)).bearer(&gateway.api_key).await.ok();
    answer["choices"][0]["message"]["content"].clone()
}

/// Lets time pass for everything that runs here.
async fn advance(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_service_account_signs_for_its_token_and_the_price_is_known() {
    let google = Google::plain().await;
    let gateway = google.gateway().await;
    let answer = gateway.ask(&ask(false)).bearer(&gateway.api_key).await;
    assert_eq!(answer.ok()["choices"][0]["message"]["content"], "hello");
    assert_eq!(answer.header("x-behest-provider"), "vertex");
    let wrong = google.wrong.lock().expect("the list").clone();
    assert!(wrong.is_empty(), "{wrong:?}");
    let seen = google.server.seen("/v1/");
    assert_eq!((seen.len(), seen[0].path.as_str(), seen[0].bearer()), (1, PATH, "t-1"));
    let sent = seen[0].json();
    assert_eq!(sent["contents"][0]["parts"][0]["text"], "hi");
    let used = gateway.get("/v1/usage").bearer(&gateway.api_key).await.ok();
    let totals = &used["totals"];
    assert_eq!((&totals["tokens"], &totals["estimated_requests"]), (&json!(5), &json!(0)), "{used}");
    // 3 tokens of input at 0.30 and 2 of output at 2.50 dollars for a million.
    assert_eq!(totals["cost_usd"], json!(0.0000059), "{used}");
}

#[tokio::test]
async fn a_stream_has_its_own_address_and_comes_whole() {
    let google = Google::plain().await;
    let gateway = google.gateway().await;
    let events = gateway.ask(&ask(true)).bearer(&gateway.api_key).await.events();
    let text: String = events
        .iter()
        .filter_map(|event| serde_json::from_str::<Value>(event).ok())
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect();
    assert_eq!((text.as_str(), events.last().map(String::as_str)), ("hello", Some("[DONE]")));
    let stream = PATH.replace(":generateContent", ":streamGenerateContent?alt=sse");
    assert_eq!(google.server.seen("/v1/")[0].path, stream);
}

#[tokio::test]
async fn project_and_location_come_from_the_environment_and_the_configuration_wins() {
    let google = Google::plain().await;
    let variables = [("GOOGLE_CLOUD_PROJECT", "p-2"), ("GOOGLE_CLOUD_LOCATION", "europe-west4")];
    for (provider, wanted) in [
        (google.provider(), "/v1/projects/p-2/locations/europe-west4/"),
        (
            ProviderConfig {
                project: Some("p-3".to_owned()),
                location: Some("eu".to_owned()),
                ..google.provider()
            },
            "/v1/projects/p-3/locations/eu/",
        ),
    ] {
        let gateway = before(provider, &variables).await;
        assert_eq!(said(&gateway).await, "hello");
        assert_eq!(google.server.seen(wanted).len(), 1, "{wanted}");
    }
}

#[tokio::test]
async fn a_file_that_google_gave_is_the_platforms_key() {
    let google = Google::plain().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("account.json");
    std::fs::write(&file, google.account().to_string()).expect("a file");
    let file = file.to_str().expect("text");
    let provider = ProviderConfig { api_key: None, ..google.provider() };
    let gateway = before(provider, &[("GOOGLE_APPLICATION_CREDENTIALS", file)]).await;
    assert_eq!(said(&gateway).await, "hello");

    let started = |variables: &[(&str, &str)]| {
        let mut config = Config::default();
        let found =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, it)| (*it).to_owned());
        config.apply_environment(found).map(|()| config.providers.contains_key("vertex"))
    };
    assert!(!started(&[]).expect("nothing is configured"));
    let absent = [("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/account.json")];
    assert!(!started(&absent).expect("others may need the variable"));
    let mut config =
        Config::from_toml("[providers.vertex]\ncredentials_file = \"/nowhere/account.json\"").expect("TOML");
    let error = config.apply_environment(|_| None).expect_err("a refusal").to_string();
    assert!(
        error.contains("providers.vertex.credentials_file") && error.contains("cannot be read"),
        "{error}"
    );
}

#[tokio::test]
async fn calls_at_once_ask_for_one_token_and_a_caller_who_leaves_takes_nothing_along() {
    let gate = Gate::new();
    let held = gate.clone();
    let grant = move |_| {
        let token = json!({ "access_token": "t-1", "expires_in": 3_600 }).to_string();
        Script::new(200, vec![Step::Wait(held.clone()), Step::Send(Bytes::from(token))])
    };
    let google = Google::start(Box::new(grant), Box::new(|bearer| bearer == "t-1")).await;
    let gateway = google.gateway().await;
    let mut first = Box::pin(said(&gateway));
    tokio::select! {
        _ = &mut first => panic!("it has no token yet"),
        () = google.server.requests(1) => {}
    }
    drop(first);
    let calls = join_all((0..200).map(|_| said(&gateway)));
    let (answers, ()) = tokio::join!(calls, async {
        tokio::task::yield_now().await;
        gate.open();
    });
    assert!(answers.iter().all(|answer| answer == "hello"));
    assert_eq!((google.token_requests(), google.bearers().len()), (1, 200));
}

#[tokio::test]
async fn a_request_that_ends_with_its_thread_is_made_again_by_another() {
    let grant = |asked| match asked {
        1 => Script::new(200, vec![Step::Hang]),
        _ => granted(asked, 3_600),
    };
    let google = Google::start(Box::new(grant), Box::new(|_| true)).await;
    let (tokens, _) = Tokens::read(&google.credential(), true, true).expect("an account");
    let elsewhere = tokens.clone();
    let (left, leave) = tokio::sync::oneshot::channel::<()>();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let http = HttpClients::new(Duration::from_secs(5), []).expect("connections");
        runtime.block_on(async {
            tokio::select! {
                _ = elsewhere.get(&http) => panic!("it hangs"),
                _ = leave => {}
            }
        });
    });
    google.server.requests(1).await;
    let http = HttpClients::new(Duration::from_secs(5), []).expect("connections");
    let waiting = tokens.get(&http);
    left.send(()).expect("the thread waits");
    assert_eq!(waiting.await.expect("a token").secret, Secret::new("t-2"));
    thread.join().expect("the thread ends");
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end_once_and_nobody_waits_for_it() {
    let gate = Gate::new();
    let held = gate.clone();
    let grant = move |asked| match asked {
        1 => granted(1, 3_600),
        _ => {
            let token = json!({ "access_token": "t-2", "expires_in": 3_600 }).to_string();
            Script::new(200, vec![Step::Wait(held.clone()), Step::Send(Bytes::from(token))])
        }
    };
    let google = Google::start(Box::new(grant), Box::new(|_| true)).await;
    let gateway = google.gateway().await;
    assert_eq!(said(&gateway).await, "hello");
    advance(3_400).await;
    assert!(join_all((0..20).map(|_| said(&gateway))).await.iter().all(|answer| answer == "hello"));
    assert_eq!(google.bearers(), ["t-1"; 21], "the new token has not come yet");
    eventually(async || (google.token_requests() == 2).then_some(())).await;
    gate.open();
    eventually(async || {
        assert_eq!(said(&gateway).await, "hello");
        google.bearers().last().is_some_and(|bearer| bearer == "t-2").then_some(())
    })
    .await;
    assert_eq!(google.token_requests(), 2);
}

#[tokio::test]
async fn a_failed_renewal_is_no_failure_while_the_old_token_holds() {
    let grant = |asked| match asked {
        1 => granted(1, 3_600),
        _ => Script::json(503, &json!({ "error": "backend_error" })),
    };
    let google = Google::start(Box::new(grant), Box::new(|_| true)).await;
    let gateway = google.gateway().await;
    assert_eq!(said(&gateway).await, "hello");
    advance(3_400).await;
    for _ in 0..5 {
        assert_eq!(said(&gateway).await, "hello");
    }
    eventually(async || (google.token_requests() == 2).then_some(())).await;
    assert_eq!(google.bearers(), ["t-1"; 6]);
}

#[tokio::test]
async fn a_token_server_that_refuses_is_told_in_its_words_and_not_asked_again_at_once() {
    let refusal =
        json!({ "error": "invalid_grant", "error_description": "Invalid grant: account not found" });
    let grant = move |asked| match asked {
        1 | 2 => Script::json(400, &refusal),
        _ => granted(asked, 3_600),
    };
    let google = Google::start(Box::new(grant), Box::new(|_| true)).await;
    let gateway = google.gateway().await;
    for _ in 0..3 {
        let error = gateway.ask(&ask(false)).bearer(&gateway.api_key).await.refused(502, "upstream_error");
        let message = error["message"].as_str().expect("a message");
        assert!(
            message.contains("no access token: invalid_grant: Invalid grant: account not found"),
            "{error}"
        );
        assert!(!message.contains("PRIVATE"), "{error}");
    }
    assert_eq!(google.token_requests(), 1, "it has a pause");
    advance(1).await;
    gateway.ask(&ask(false)).bearer(&gateway.api_key).await.refused(502, "upstream_error");
    advance(1).await;
    gateway.ask(&ask(false)).bearer(&gateway.api_key).await.refused(502, "upstream_error");
    assert_eq!(google.token_requests(), 2, "the second pause is longer");
    advance(1).await;
    assert_eq!(said(&gateway).await, "hello");
    let used = gateway.get("/v1/usage").bearer(&gateway.api_key).await.ok();
    assert_eq!(used["totals"]["tokens"], 5, "what was never asked cost nothing: {used}");
}

#[tokio::test]
async fn a_token_that_vertex_does_not_take_is_replaced_once() {
    let grant = |asked| granted(asked, 3_600);
    let google = Google::start(Box::new(grant), Box::new(|bearer| bearer == "t-2")).await;
    let gateway = google.gateway().await;
    assert_eq!(said(&gateway).await, "hello");
    assert_eq!((google.bearers(), google.token_requests()), (vec!["t-1".to_owned(), "t-2".to_owned()], 2));

    let google = Google::start(Box::new(grant), Box::new(|_| false)).await;
    let gateway = google.gateway().await;
    let error = gateway.ask(&ask(false)).bearer(&gateway.api_key).await.refused(502, "upstream_error");
    assert!(error["message"].as_str().is_some_and(|message| message.contains("401: no [key]")), "{error}");
    assert_eq!(google.bearers(), ["t-1", "t-2"]);
}

#[tokio::test]
async fn a_machine_of_google_cloud_asks_its_metadata_server_where_the_operator_says_so() {
    let google = Google::plain().await;
    let host = google.server.base_url().replace("http://", "");
    let provider = ProviderConfig {
        api_key: None,
        metadata_server: true,
        project: Some("p-1".to_owned()),
        ..google.provider()
    };
    let gateway = before(provider, &[("GCE_METADATA_HOST", &host)]).await;
    assert_eq!(said(&gateway).await, "hello");
    let asked = google.server.seen("/computeMetadata/");
    assert_eq!(asked[0].path, "/computeMetadata/v1/instance/service-accounts/default/token");
    assert_eq!((asked.len(), google.bearers()), (1, vec!["t-1".to_owned()]));
}

#[tokio::test]
async fn a_tenants_account_is_checked_when_it_is_pasted_and_used_for_its_calls() {
    let google = Google::plain().await;
    let gateway = TestGateway::start().await;
    let path = gateway.of_tenant("providers");
    let add = |body: Value| gateway.call(Method::POST, &path).admin().json(&body);
    let mut account = google.account();
    account["location"] = json!("europe-west1");
    let pasted = serde_json::to_string_pretty(&account).expect("JSON");
    let refused = add(json!({ "name": "vertex", "api_key": pasted })).await.refused(400, "validation_error");
    assert!(refused["message"].as_str().is_some_and(|message| message.contains("token_uri")), "{refused}");
    let metadata =
        json!({ "type": "metadata_server", "project_id": "p", "token_uri": "http://169.254.169.254" });
    add(json!({ "name": "vertex", "api_key": metadata.to_string() })).await.refused(400, "validation_error");

    let here = google.server.base_url();
    let added = add(json!({ "name": "vertex", "api_key": pasted, "base_url": here, "local": true }));
    let added = added.await.created();
    assert_eq!(added["key_last_four"], "1234", "of the key's id: {added}");
    assert_eq!(said(&gateway).await, "hello");
    assert_eq!(google.server.seen("/v1/projects/p-1/locations/europe-west1/").len(), 1);
}

#[tokio::test]
async fn a_token_server_that_answers_garbage_costs_nothing() {
    for garbage in [json!({ "token": "t" }), json!({ "access_token": "line\nbreak" }), json!([])] {
        let grant = move |_| Script::json(200, &garbage);
        let google = Google::start(Box::new(grant), Box::new(|_| true)).await;
        let gateway = google.gateway().await;
        let error = gateway.ask(&ask(false)).bearer(&gateway.api_key).await.refused(502, "upstream_error");
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains("the token server: its answer is no access token"), "{error}");
        assert!(google.bearers().is_empty());
        let used = eventually(async || {
            let used = gateway.get("/v1/usage").bearer(&gateway.api_key).await.ok();
            (used["totals"]["requests"] != 0).then_some(used)
        })
        .await;
        assert_eq!(used["totals"]["tokens"], 0, "{used}");
    }
}

#[tokio::test]
async fn a_token_that_would_last_for_ever_is_asked_for_anew_in_a_day() {
    let grant = |asked| granted(asked, u64::MAX);
    let google = Google::start(Box::new(grant), Box::new(|_| true)).await;
    let gateway = google.gateway().await;
    assert_eq!(said(&gateway).await, "hello");
    assert_eq!(said(&gateway).await, "hello");
    assert_eq!(google.token_requests(), 1);
}
