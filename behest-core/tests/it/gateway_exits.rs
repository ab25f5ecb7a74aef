//! Every way out of a call leaves nothing held: no lease, no tokens, no money, no place among those under way. And a
//! request of the day is used exactly when a provider was asked.

use std::convert::Infallible;
use std::future::IntoFuture as _;
use std::time::Duration;

use axum::body::Body;
use behest_core::gateway::config::Config;
use behest_core::gateway::providers::Timeouts;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use http::{Request, header};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use super::support::gateway::{Answer, Call, TestGateway, eventually, provider, providers};
use super::support::scripted::{Gate, Script, Scripted, Step, chunk, done, event};

/// In the price list.
const MODEL: &str = "gpt-4o-mini";
const LARGEST_BODY: usize = 20_000;
/// Shorter than any patience of a test, longer than a busy machine needs for what is not late.
const SOON: Duration = Duration::from_millis(700);

/// A gateway whose user `alice` has limits of every kind, in front of a provider that always answers the same.
struct Site {
    test: TestGateway,
    upstream: Scripted,
    alice: String,
    /// Opens the script's gate.
    gate: Gate,
}

/// What the provider answers; the gate is the site's.
type Answers = fn(Gate) -> Script;

impl Site {
    async fn start(answers: Answers, change: fn(&mut Config)) -> Self {
        let gate = Gate::new();
        let upstream = {
            let gate = gate.clone();
            Scripted::start(move |_| {
                let gate = gate.clone();
                async move { answers(gate) }
            })
            .await
        };
        let mut config = providers([("openai", provider(&upstream, &[MODEL, "gpt-4o", "of-no-price"]))]);
        config.max_body_bytes = LARGEST_BODY;
        change(&mut config);
        let test = TestGateway::with(config).await;
        let tier = json!({ "name": "trial", "requests_per_day": 50 });
        test.post(&test.of_project("tiers"), &tier).admin().await.created();
        let budget = json!({ "name": "b", "scope": "project", "window": "total", "limit_usd": 0.01 });
        test.post(&test.of_project("budgets"), &budget).admin().await.created();
        test.set(&json!({
            "user_concurrency_limit": 4, "concurrency_limit": 8, "user_tokens_per_day": 1_000_000,
            "tokens_per_day": 1_000_000, "unknown_price_policy": "deny",
            "model_allowlist": [MODEL, "of-no-price"],
        }))
        .await;
        let alice = test.mint(&test.api_key, &json!({ "user_id": "alice", "tier": "trial" })).await;
        Self { test, upstream, alice, gate }
    }

    fn ask(&self, body: &Value) -> Call {
        self.test.ask(body).bearer(&self.alice)
    }

    fn start_asking(&self, body: &Value) -> JoinHandle<Answer> {
        tokio::spawn(self.ask(body).into_future())
    }

    /// Waits until calls hold so many leases: each has one for its place and, later, one for what it may use.
    async fn holds(&self, leases: u64) {
        eventually(async || (self.test.gateway.gauges().leases == leases).then_some(())).await;
        let gauges = self.test.gateway.gauges();
        assert!(gauges.concurrency > 0, "{gauges:?}");
        if leases > 1 {
            assert!(gauges.tokens > 0 && gauges.money > 0, "{gauges:?}");
        }
    }

    /// Waits until nothing is held; `alice` has then used so many requests of the day.
    async fn is_free(&self, name: &str, used: u64) {
        eventually(async || {
            let gauges = self.test.gateway.gauges();
            let held = [gauges.leases, gauges.concurrency, gauges.tokens, gauges.money];
            (held == [0; 4]).then_some(())
        })
        .await;
        let path = self.test.of_project("limits?user_id=alice&tier=trial");
        let limits = self.test.get(&path).admin().await.ok();
        let layers = limits["data"].as_array().expect("layers");
        for layer in layers {
            assert_eq!(layer["reserved"], 0.0, "{name}: {layer}");
        }
        let day = layers.iter().find(|layer| layer["scope"] == "user_requests_day").expect("the layer");
        assert_eq!(day["used"].as_f64(), Some(used as f64), "{name}: requests of the day");
    }
}

fn question(stream: bool) -> Value {
    json!({
        "model": MODEL, "max_tokens": 500, "stream": stream,
        "messages": [{ "role": "user", "content": "say something" }],
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut body = question(false);
    body[field] = value;
    body
}

fn answer() -> Value {
    json!({
        "id": "c", "model": MODEL, "usage": { "prompt_tokens": 10, "completion_tokens": 5 },
        "choices": [{ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": "hello" } }],
    })
}

fn says(status: u16) -> Script {
    match status {
        200 => Script::json(200, &answer()),
        _ => Script::json(status, &json!({ "error": { "message": "no" } })),
    }
}

/// The same once the gate is open.
fn says_then(gate: Gate) -> Script {
    Script::new(200, vec![Step::Wait(gate), Step::Send(answer().to_string().into())])
}

fn streams(after: Vec<Step>) -> Script {
    Script::sse([vec![chunk("hello")], after].concat())
}

fn ending() -> Vec<Step> {
    let end = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
    let usage = json!({ "choices": [], "usage": { "prompt_tokens": 10, "completion_tokens": 5 } });
    vec![event(&end.to_string()), event(&usage.to_string()), done()]
}

/// Headers and the beginning of a body, and nothing more.
fn half_a_body(last: Step) -> Script {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{";
    Script::raw(vec![Step::Raw(head.into()), last])
}

const fn unchanged(_: &mut Config) {}

#[tokio::test]
async fn a_call_that_is_refused_before_a_provider_is_asked() {
    let site = Site::start(|_| says(200), unchanged).await;
    let refusals = [
        ("no JSON", site.test.call(http::Method::POST, "/v1/chat/completions").body("{"), 400),
        ("no messages", site.ask(&with("messages", json!([]))), 400),
        ("too large", site.ask(&with("user", json!("x".repeat(LARGEST_BODY)))), 413),
        ("a bad key", site.ask(&question(false)).header("idempotency-key", "a b"), 400),
        ("an unknown model", site.ask(&with("model", json!("nobodys"))), 400),
        ("a model not allowed", site.ask(&with("model", json!("gpt-4o"))), 403),
        ("a bad thread", site.ask(&question(false)).thread(".."), 400),
        ("no price", site.ask(&with("model", json!("of-no-price"))), 403),
        ("no money", site.ask(&with("n", json!(128))), 402),
    ];
    for (name, call, status) in refusals {
        let answer = call.bearer(&site.alice).await;
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        site.is_free(name, 0).await;
    }
    assert!(site.upstream.seen("/").is_empty());
}

fn impatient(config: &mut Config) {
    config.timeouts = Timeouts { first_byte: SOON, idle: SOON, ..config.timeouts };
}

/// What a provider does, how the call ends, and what is configured.
type End = (&'static str, Answers, u16, fn(&mut Config));

async fn each_ends(stream: bool, ends: &[End]) {
    for &(name, answers, status, change) in ends {
        let site = Site::start(answers, change).await;
        let answer = site.ask(&question(stream)).await;
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        site.is_free(name, 1).await;
    }
}

#[tokio::test]
async fn a_call_that_ends_as_its_provider_ends_it() {
    each_ends(
        false,
        &[
            ("ok", |_| says(200), 200, unchanged),
            ("rejected", |_| says(400), 400, unchanged),
            ("a bad key", |_| says(401), 502, unchanged),
            ("failing", |_| says(500), 502, unchanged),
            ("reset", |_| Script::reset(), 502, unchanged),
            ("garbage", |_| Script::new(200, vec![Step::Send("<html>".into())]), 502, unchanged),
            ("half a body", |_| half_a_body(Step::Close), 502, unchanged),
            ("silent", |_| Script::raw(vec![Step::Hang]), 504, impatient),
            ("silent in its body", |_| half_a_body(Step::Hang), 504, impatient),
            (
                "not there",
                |_| says(200),
                502,
                |config| {
                    let provider = config.providers.get_mut("openai").expect("it is there");
                    provider.base_url = Some("http://127.0.0.1:1/v1".to_owned());
                },
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_stream_that_ends_as_its_provider_ends_it() {
    let endless = |_| streams((0..1_000).flat_map(|_| [Step::Pause(SOON / 20), chunk("more ")]).collect());
    each_ends(
        true,
        &[
            ("ok", |_| streams(ending()), 200, unchanged),
            ("no usage", |_| streams(vec![done()]), 200, unchanged),
            ("failing", |_| says(503), 502, unchanged),
            ("garbage", |_| Script::sse(vec![event("{")]), 502, unchanged),
            ("half", |_| streams(vec![Step::Close]), 200, unchanged),
            ("silent", |_| streams(vec![Step::Hang]), 200, impatient),
            ("endless", endless, 200, |config| config.timeouts.total = SOON),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_client_that_leaves_while_its_call_is_with_a_provider() {
    let cases: [(&str, Answers, bool); 5] = [
        ("before headers", |_| Script::raw(vec![Step::Hang]), false),
        ("before headers of a stream", |_| Script::raw(vec![Step::Hang]), true),
        ("in a body", |_| half_a_body(Step::Hang), false),
        ("before the first event", |_| Script::sse(vec![Step::Hang]), true),
        (
            "before the first word",
            |_| {
                let role = json!({ "choices": [{ "index": 0, "delta": { "role": "assistant" } }] });
                Script::sse(vec![event(&role.to_string()), Step::Hang])
            },
            true,
        ),
    ];
    for (name, answers, stream) in cases {
        let site = Site::start(answers, unchanged).await;
        let call = site.start_asking(&question(stream));
        site.upstream.requests(1).await;
        site.holds(2).await;
        call.abort();
        site.upstream.departures(1).await;
        site.is_free(name, 1).await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_a_stream() {
    let site = Site::start(|_| streams(vec![Step::Hang]), unchanged).await;
    let mut open = site.ask(&question(true)).open().await;
    open.until("hello").await;
    site.holds(2).await;
    drop(open);
    site.upstream.departures(1).await;
    site.is_free("in the middle", 1).await;
}

#[tokio::test]
async fn a_client_that_leaves_in_the_pause_before_another_attempt() {
    let site = Site::start(|_| says(503).header("retry-after", "4"), unchanged).await;
    let call = site.start_asking(&question(false));
    let failed = async || (site.test.usage_by("status").await == [(json!("failed"), 1)]).then_some(());
    eventually(failed).await;
    site.holds(2).await;
    call.abort();
    site.is_free("in a pause", 1).await;
    assert_eq!(site.upstream.seen("/").len(), 1);
}

#[tokio::test]
async fn a_client_that_leaves_while_its_call_waits_for_a_place_at_the_provider() {
    let site = Site::start(says_then, |config| {
        let provider = config.providers.get_mut("openai").expect("it is there");
        (provider.max_concurrent, provider.max_queued) = (Some(1), 1);
    })
    .await;
    let other = tokio::spawn(site.test.ask(&question(false)).bearer(&site.test.api_key).into_future());
    site.upstream.requests(1).await;
    let waiting = site.start_asking(&question(false));
    site.holds(4).await;
    // There is no room for a third, even in the queue.
    let refused = site.ask(&question(false)).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    site.holds(4).await;
    waiting.abort();
    site.holds(2).await;
    site.gate.open();
    other.await.expect("no panic").ok();
    site.is_free("in the queue", 0).await;
    assert_eq!(site.upstream.seen("/").len(), 1);
}

/// A question whose body is what `body` gives.
fn raw(site: &Site, body: Body) -> Request<Body> {
    let request = Request::post("/v1/chat/completions").header(header::HOST, "localhost");
    let request = request.header(header::CONTENT_TYPE, "application/json");
    request.header(header::AUTHORIZATION, format!("Bearer {}", site.alice)).body(body).expect("a request")
}

#[tokio::test]
async fn a_client_that_leaves_before_its_question_is_whole() {
    let site = Site::start(|_| says(200), unchanged).await;
    let begun = stream::once(async { Ok::<_, Infallible>(Bytes::from("{")) }).chain(stream::pending());
    let call = tokio::spawn(site.test.router.clone().oneshot(raw(&site, Body::from_stream(begun))));
    site.holds(1).await;
    call.abort();
    site.is_free("in its question", 0).await;
}

#[tokio::test]
async fn a_panic_in_a_stage() {
    let site = Site::start(|_| says(200), unchanged).await;
    // Whoever embeds the gateway may hand it a body that breaks where it is read.
    let broken = stream::once(async { Ok::<_, Infallible>(Bytes::from("{")) })
        .chain(stream::once(async { panic!("a body that breaks") }));
    let Ok(response) = site.test.router.clone().oneshot(raw(&site, Body::from_stream(broken))).await;
    assert_eq!(response.status(), 500);
    site.is_free("a panic", 0).await;
    site.ask(&question(false)).await.ok();
}

#[tokio::test]
async fn a_panic_around_a_call_that_is_with_its_provider() {
    for stream in [false, true] {
        let site = Site::start(|_| streams(vec![Step::Hang]), unchanged).await;
        let call: BoxFuture<'static, Answer> = site.ask(&question(stream)).into_future();
        // The task that serves the call breaks, and all that it holds is dropped while it unwinds.
        let (break_it, broken) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let breaks = broken.map(|_| panic!("the server breaks"));
            futures_util::future::select(call, breaks).await;
        });
        site.upstream.requests(1).await;
        site.holds(2).await;
        break_it.send(()).expect("it runs");
        assert!(task.await.is_err_and(|error| error.is_panic()));
        site.upstream.departures(1).await;
        site.is_free("a panic around it", 1).await;
    }
}

#[tokio::test]
async fn a_gateway_that_goes_down_lets_calls_end_or_cuts_them_off() {
    // (what the provider does, whether it goes on in time, how the call ends, streamed)
    let cases: [(&str, Answers, bool, u16, bool); 4] = [
        ("in time", says_then, true, 200, false),
        ("too late", |_| Script::raw(vec![Step::Hang]), false, 503, false),
        ("too late, streamed", |_| streams(vec![Step::Hang]), false, 200, true),
        ("in a pause", |_| says(503).header("retry-after", "4"), false, 503, false),
    ];
    for (name, answers, in_time, status, stream) in cases {
        let site = Site::start(answers, |config| config.drain_deadline = 1).await;
        let call = site.start_asking(&question(stream));
        site.upstream.requests(1).await;
        let gateway = site.test.gateway.clone();
        let down = tokio::spawn(async move { gateway.drain_calls().await });
        if in_time {
            site.gate.open();
        }
        let answer = call.await.expect("no panic");
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        down.await.expect("no panic");
        site.is_free(name, 1).await;
    }
}

#[tokio::test]
async fn an_answer_that_a_budget_cuts() {
    let site = Site::start(|_| streams((0..60_000).map(|_| chunk("word ")).collect()), unchanged).await;
    let mut body = question(true);
    body["max_tokens"] = json!(100_000);
    let answer = site.ask(&body).await;
    assert!(String::from_utf8_lossy(&answer.body).contains("\"length\""), "it was cut");
    site.is_free("cut", 1).await;
}

#[tokio::test]
async fn a_call_that_was_made_before() {
    let site = Site::start(|_| says(200), unchanged).await;
    let keyed = |body: &Value| site.ask(body).header("idempotency-key", "k");
    keyed(&question(false)).await.ok();
    site.is_free("the first", 1).await;
    keyed(&question(false)).await.ok();
    site.is_free("the same again", 1).await;
    keyed(&with("max_tokens", json!(7))).await.refused(422, "validation_error");
    site.is_free("another under its name", 1).await;
    assert_eq!(site.upstream.seen("/").len(), 1);
}

#[tokio::test]
async fn a_call_whose_twin_is_still_under_way() {
    let site = Site::start(says_then, unchanged).await;
    let keyed = || site.ask(&question(false)).header("idempotency-key", "k");
    let first = tokio::spawn(keyed().into_future());
    site.upstream.requests(1).await;
    keyed().await.refused(409, "conflict");
    site.holds(2).await;
    site.gate.open();
    first.await.expect("no panic").ok();
    site.is_free("twins", 1).await;
}
