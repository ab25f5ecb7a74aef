//! Names that stand for several models, and what happens when some of those cannot answer.

use std::time::Duration;

use behest_core::gateway::config::{Config, ProviderConfig};
use serde_json::{Value, json};

use crate::support::gateway::{Call, TestGateway, eventually, provider, providers};
use crate::support::scripted::{Gate, Script, Scripted, Step, chunk, done, event};

const CHAT: &str = "/v1/chat/completions";

/// A plain answer that says `text`.
fn says(text: &str) -> Script {
    let choice =
        json!({ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": text } });
    let usage = json!({ "prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10 });
    Script::json(
        200,
        &json!({ "id": "c1", "object": "chat.completion", "choices": [choice], "usage": usage }),
    )
}

/// A streamed answer that says `text`.
fn streams(text: &str) -> Script {
    let end = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
    Script::sse(vec![role(), chunk(text), event(&end.to_string()), done()])
}

fn role() -> Step {
    event(&json!({ "choices": [{ "index": 0, "delta": { "role": "assistant" } }] }).to_string())
}

fn fails(status: u16) -> Script {
    Script::json(status, &json!({ "error": { "message": "no" } }))
}

async fn always(script: Script) -> Scripted {
    Scripted::start(move |_| std::future::ready(script.clone())).await
}

async fn says_always(text: &str) -> Scripted {
    let (plain, streamed) = (says(text), streams(text));
    Scripted::start(move |seen| {
        std::future::ready(if seen.json()["stream"] == true { streamed.clone() } else { plain.clone() })
    })
    .await
}

/// Answers `from one`, once the gate is open.
async fn says_behind(gate: &Gate) -> Scripted {
    let gate = gate.clone();
    Scripted::start(move |_| {
        let gate = gate.clone();
        async move {
            gate.wait().await;
            says("from one")
        }
    })
    .await
}

/// The providers `one` and `two` with the models `m-1` and `m-2`; the first is soon given up.
fn pair(one: &Scripted, two: &Scripted) -> Config {
    let mut first = provider(one, &["m-1"]);
    (first.timeouts_seconds.first_byte, first.timeouts_seconds.idle) = (Some(1), Some(1));
    providers([("one", first), ("two", provider(two, &["m-2"]))])
}

fn ask(site: &TestGateway, model: &str, stream: bool) -> Call {
    let body = json!({ "model": model, "stream": stream, "messages": [{ "role": "user", "content": "hi" }] });
    site.ask(&body).bearer(&site.api_key)
}

fn asked(server: &Scripted) -> usize {
    server.seen(CHAT).len()
}

#[tokio::test]
async fn an_outage_of_one_provider_is_a_slower_answer_of_the_next() {
    let broken = [
        fails(401),
        fails(404),
        fails(429).header("retry-after", "3600"),
        fails(500),
        fails(529),
        Script::reset(),
        Script::raw(vec![Step::Hang]),
        Script::new(200, vec![Step::Send("<html>".into())]),
        Script::sse(vec![Step::Hang]),
        Script::sse(vec![role(), event(r#"{"error":{"message":"overloaded"}}"#)]),
        Script::sse(vec![role(), Step::Close]),
    ];
    for script in broken {
        for stream in [false, true] {
            let (one, two) = (always(script.clone()).await, says_always("from two").await);
            let site = TestGateway::with(pair(&one, &two)).await;
            site.set(&json!({ "fallback_models": ["nobody-knows-this", "two/m-2"] })).await;
            let answer = ask(&site, "m-1", stream).await;
            assert_eq!(answer.status, 200, "{script:?}: {answer:?}");
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(text.contains("from two") && !text.contains("no"), "{script:?}: {text}");
            assert_eq!(answer.header("x-behest-attempts"), "2", "{script:?}");
            assert_eq!((answer.header("x-behest-provider"), answer.header("x-behest-model")), ("two", "m-2"));
            assert_eq!((asked(&one), asked(&two)), (1, 1), "{script:?}: the first is not waited for");
            let by_model = site.usage_by("model").await;
            assert_eq!(by_model.len(), 2, "each attempt has its record: {by_model:?}");
        }
    }
}

#[tokio::test]
async fn what_the_caller_got_wrong_is_told_and_not_asked_elsewhere() {
    let (one, two) = (always(fails(400)).await, says_always("from two").await);
    let site = TestGateway::with(pair(&one, &two)).await;
    site.set(&json!({ "fallback_models": ["m-2"] })).await;
    ask(&site, "m-1", false).await.refused(400, "validation_error");
    assert_eq!((asked(&one), asked(&two)), (1, 0));
}

#[tokio::test]
async fn nobody_else_is_asked_once_content_came() {
    let (one, two) =
        (always(Script::sse(vec![role(), chunk("half"), Step::Close])).await, says_always("two").await);
    let site = TestGateway::with(pair(&one, &two)).await;
    site.set(&json!({ "fallback_models": ["m-2"] })).await;
    let events = ask(&site, "m-1", true).await.events();
    assert!(events.iter().any(|event| event.contains("half")), "{events:?}");
    assert!(events.last().is_some_and(|last| last.contains("upstream_error")), "{events:?}");
    assert_eq!((asked(&one), asked(&two)), (1, 0));
}

#[tokio::test]
async fn what_was_answered_tells_of_the_one_that_answered() {
    let anthropic = always(fails(500)).await;
    let two = says_always("from two").await;
    let claude = ProviderConfig { base_url: Some(anthropic.base_url()), ..provider(&anthropic, &["m-1"]) };
    let site = TestGateway::with(providers([("anthropic", claude), ("two", provider(&two, &["m-2"]))])).await;
    site.set(&json!({ "fallback_models": ["m-2"] })).await;
    let body = json!({ "model": "m-1", "seed": 7, "messages": [{ "role": "user", "content": "hi" }] });
    let answer = site.ask(&body).bearer(&site.api_key).await;
    assert_eq!(answer.text(), "from two");
    assert_eq!(
        answer.header("x-behest-dropped-params"),
        "",
        "what Anthropic would have dropped was not dropped"
    );
    assert_eq!(two.seen(CHAT)[0].json()["seed"], 7);
    assert_eq!(two.seen(CHAT)[0].json()["model"], "m-2");
}

#[tokio::test]
async fn a_dialect_that_cannot_say_it_leaves_it_to_the_next() {
    let (anthropic, two) = (always(fails(500)).await, says_always("from two").await);
    let site = TestGateway::with(providers([
        ("anthropic", provider(&anthropic, &["m-1"])),
        ("two", provider(&two, &["m-2"])),
    ]))
    .await;
    let body = json!({ "model": "m-1", "n": 2, "messages": [{ "role": "user", "content": "hi" }] });
    site.ask(&body).bearer(&site.api_key).await.refused(400, "validation_error");
    site.set(&json!({ "fallback_models": ["m-2"] })).await;
    let answer = site.ask(&body).bearer(&site.api_key).await;
    assert_eq!((answer.text().as_str(), answer.header("x-behest-attempts")), ("from two", "1"));
}

#[tokio::test]
async fn aliases_and_routes_are_names_and_open_no_side_door() {
    let (one, two) = (says_always("from one").await, says_always("from two").await);
    let site = TestGateway::with(pair(&one, &two)).await;
    let routes = json!({ "best": { "models": ["quick", "gone", "m-2"] }, "none": { "models": ["gone"] } });
    let settings =
        json!({ "model_aliases": { "quick": "one/m-1" }, "routes": routes, "provider_model": "best" });
    site.set(&settings).await;
    for name in ["quick", "best", "default", ""] {
        assert_eq!(ask(&site, name, false).await.text(), "from one", "{name}");
    }
    ask(&site, "none", false).await.refused(400, "validation_error");

    let mut narrow = settings.clone();
    narrow["model_allowlist"] = json!(["m-2"]);
    site.set(&narrow).await;
    ask(&site, "quick", false).await.refused(403, "model_not_allowed");
    assert_eq!(ask(&site, "best", false).await.text(), "from two");
    narrow["model_allowlist"] = json!(["m-3"]);
    site.set(&narrow).await;
    ask(&site, "best", false).await.refused(403, "model_not_allowed");
}

#[tokio::test]
async fn the_list_of_models_has_the_projects_names_and_nothing_that_cannot_be_called() {
    let (one, two) = (says_always("from one").await, says_always("from two").await);
    let site = TestGateway::with(pair(&one, &two)).await;
    let routes = json!({ "best": { "models": ["m-1", "m-2"] }, "none": { "models": ["gone"] } });
    let settings = json!({ "model_aliases": { "quick": "one/m-1", "lost": "gone" }, "routes": routes });
    let listed = async |settings: &Value| {
        site.set(settings).await;
        let list = site.get("/v1/models").bearer(&site.api_key).await.ok();
        let rows = list["data"].as_array().expect("a list").clone();
        rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&settings).await, ["best", "quick", "local/echo", "m-1", "m-2"]);
    for name in ["best", "quick"] {
        assert_eq!(site.get(&format!("/v1/models/{name}")).bearer(&site.api_key).await.ok()["id"], name);
    }
    let mut narrow = settings.clone();
    narrow["model_allowlist"] = json!(["m-2"]);
    assert_eq!(listed(&narrow).await, ["best", "m-2"]);
    narrow["model_allowlist"] = Value::Null;
    narrow["unknown_price_policy"] = json!("deny");
    assert_eq!(listed(&narrow).await, ["local/echo"]);
}

#[tokio::test]
async fn the_cheapest_is_one_that_can_do_what_is_asked() {
    let openai = says_always("hello").await;
    // By the catalogue the first is the cheaper one, and reads no images.
    let names = ["gpt-3.5-turbo", "gpt-4o"];
    let site = TestGateway::with(providers([("openai", provider(&openai, &names))])).await;
    let route = json!({ "strategy": "cheapest", "models": ["gpt-4o", "gpt-3.5-turbo"] });
    site.set(&json!({ "routes": { "r": route } })).await;
    let part = json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64,AA==" } });
    for (content, wanted) in [(json!("hi"), "gpt-3.5-turbo"), (json!([part]), "gpt-4o")] {
        let body = json!({ "model": "r", "messages": [{ "role": "user", "content": content }] });
        let answer = site.ask(&body).bearer(&site.api_key).await;
        assert_eq!((answer.status, answer.header("x-behest-model")), (200, wanted), "{answer:?}");
    }
}

#[tokio::test]
async fn a_route_chooses_by_share() {
    let (one, two) = (says_always("from one").await, says_always("from two").await);
    let site = TestGateway::with(pair(&one, &two)).await;
    let route = json!({ "strategy": "weighted", "models": ["m-1", "m-2"], "weights": [0, 1] });
    site.set(&json!({ "routes": { "r": route } })).await;
    for _ in 0..20 {
        assert_eq!(ask(&site, "r", false).await.text(), "from two");
    }
    let route = json!({ "strategy": "weighted", "models": ["m-1", "m-2"] });
    site.set(&json!({ "routes": { "r": route } })).await;
    for _ in 0..40 {
        ask(&site, "r", false).await.ok();
    }
    // One in 2^39 runs would have it otherwise.
    assert!(asked(&one) > 0 && asked(&two) > 20, "{} and {}", asked(&one), asked(&two));
}

#[tokio::test]
async fn a_route_chooses_by_price_and_by_speed() {
    let (dear, cheap) = (says_always("dear").await, says_always("cheap").await);
    let gpt = |server: &Scripted| provider(server, &["gpt-4o", "gpt-4o-mini"]);
    let mut config = providers([("openai", gpt(&dear)), ("mine", provider(&cheap, &["m-2"]))]);
    config.timeouts.first_byte = Duration::from_secs(5);
    let site = TestGateway::with(config).await;
    let by = |strategy: &str| json!({ "strategy": strategy, "models": ["m-2", "openai/gpt-4o", "openai/gpt-4o-mini"] });
    site.set(&json!({ "routes": { "cheap": by("cheapest"), "fast": by("fastest") } })).await;
    let answer = ask(&site, "cheap", false).await;
    assert_eq!(answer.header("x-behest-model"), "gpt-4o-mini", "an unknown price is the dearest");
    let mut first = std::collections::HashSet::new();
    for _ in 0..3 {
        first.insert(ask(&site, "fast", false).await.header("x-behest-model").to_owned());
    }
    assert!(first.len() > 1, "those that nobody knows are tried: {first:?}");
}

#[tokio::test]
async fn one_that_fails_again_and_again_is_left_alone_and_returned_to() {
    let gate = Gate::new();
    let (seen_by_one, two) = (gate.clone(), says_always("from two").await);
    let one = Scripted::start(move |_| {
        let well = seen_by_one.is_open();
        std::future::ready(if well { says("from one") } else { fails(500) })
    })
    .await;
    let site = TestGateway::with(pair(&one, &two)).await;
    site.set(&json!({ "fallback_models": ["m-2"] })).await;
    for _ in 0..5 {
        assert_eq!(ask(&site, "m-1", false).await.header("x-behest-attempts"), "2");
    }
    // Well within its rest of two seconds.
    for _ in 0..2 {
        let answer = ask(&site, "m-1", false).await;
        assert_eq!((answer.text().as_str(), answer.header("x-behest-attempts")), ("from two", "1"));
    }
    assert_eq!(asked(&one), 5, "nothing is sent while it rests");
    gate.open();
    eventually(async || (ask(&site, "m-1", false).await.text() == "from one").then_some(())).await;
    assert_eq!(asked(&one), 6, "one probe was enough");
}

#[tokio::test]
async fn a_provider_that_asks_for_a_rest_gets_it() {
    let one = always(fails(429).header("retry-after", "3600")).await;
    let site = TestGateway::with(providers([("one", provider(&one, &["m-1", "m-2"]))])).await;
    ask(&site, "m-1", false).await.refused(502, "upstream_error");
    let answer = ask(&site, "m-1", false).await;
    let error = answer.refused(502, "upstream_error");
    assert!(error["message"].as_str().is_some_and(|text| text.contains("nothing was sent")), "{error}");
    let seconds = error["details"]["retry_after"].as_u64().expect("seconds");
    assert!((3_590..=3_600).contains(&seconds), "{seconds}");
    assert_eq!(answer.header("retry-after"), seconds.to_string());
    assert_eq!(asked(&one), 1);
    ask(&site, "m-2", false).await.refused(502, "upstream_error");
    assert_eq!(asked(&one), 2, "another model is none of its business");
}

#[tokio::test]
async fn an_outage_is_not_multiplied() {
    let one = always(fails(500)).await;
    let models: Vec<String> = (0..100).map(|model| format!("m-{model}")).collect();
    let names: Vec<&str> = models.iter().map(String::as_str).collect();
    let site = TestGateway::with(providers([("one", provider(&one, &names))])).await;
    let calls = models.iter().map(|model| ask(&site, model, false).into_future());
    for answer in futures_util::future::join_all(calls).await {
        answer.refused(502, "upstream_error");
    }
    // A fifth of the calls, a reserve of ten, and one more for each second that this took.
    let seconds = 20;
    assert!((100..=130 + seconds).contains(&asked(&one)), "{}", asked(&one));
}

#[tokio::test]
async fn a_limit_of_calls_under_way_has_a_bounded_queue() {
    let gate = Gate::new();
    let one = says_behind(&gate).await;
    let limited = ProviderConfig { max_concurrent: Some(1), max_queued: 1, ..provider(&one, &["m-1"]) };
    let site = TestGateway::with(providers([("one", limited)])).await;
    let first = tokio::spawn(ask(&site, "m-1", false).into_future());
    one.requests(1).await;
    // Of two more one waits, and the other is refused while the first is still under way.
    let others = [ask(&site, "m-1", false).into_future(), ask(&site, "m-1", false).into_future()];
    let (refused, _, mut waiting) = futures_util::future::select_all(others).await;
    let error = refused.refused(503, "unavailable");
    assert!(
        error["message"].as_str().is_some_and(|text| text.contains("already has the 1 calls")),
        "{error}"
    );
    assert_ne!(refused.header("retry-after"), "");
    assert_eq!(asked(&one), 1);
    gate.open();
    assert_eq!(first.await.expect("no panic").text(), "from one");
    assert_eq!(waiting.remove(0).await.text(), "from one");
}

#[tokio::test]
async fn a_silent_one_is_hedged_only_where_a_route_says_so() {
    let (one, two) = (always(Script::raw(vec![Step::Hang])).await, says_always("from two").await);
    let mut config = pair(&one, &two);
    if let Some(one) = config.providers.get_mut("one") {
        one.timeouts_seconds.first_byte = Some(60);
    }
    let site = TestGateway::with(config).await;
    let route = json!({ "models": ["m-1", "m-2"], "hedge_after_ms": 50 });
    site.set(&json!({ "routes": { "r": route } })).await;
    let answer = ask(&site, "r", false).await;
    assert_eq!((answer.text().as_str(), answer.header("x-behest-attempts")), ("from two", "2"));
    one.departures(1).await;
    let statuses = eventually(async || {
        let statuses = site.usage_by("status").await;
        (statuses.len() == 2).then_some(statuses)
    })
    .await;
    assert!(statuses.contains(&(Value::from("cancelled"), 1)), "the slower one is recorded: {statuses:?}");
}

#[tokio::test]
async fn a_hedge_asks_one_more_and_no_fallback_and_its_refusal_is_not_the_calls() {
    let gate = Gate::new();
    let one = says_behind(&gate).await;
    let (two, three) = (always(fails(400)).await, says_always("from three").await);
    let config = providers([
        ("one", provider(&one, &["m-1"])),
        ("two", provider(&two, &["m-2"])),
        ("three", provider(&three, &["m-3"])),
    ]);
    let site = TestGateway::with(config).await;
    let route = json!({ "models": ["m-1", "m-2"], "hedge_after_ms": 20 });
    site.set(&json!({ "routes": { "r": route }, "fallback_models": ["m-3"] })).await;
    let call = tokio::spawn(ask(&site, "r", false).into_future());
    two.requests(1).await;
    // The ledger knows of the refusal, and the first one is still waited for.
    eventually(async || (!site.usage_by("status").await.is_empty()).then_some(())).await;
    gate.open();
    let answer = call.await.expect("no panic");
    assert_eq!((answer.text().as_str(), answer.header("x-behest-attempts")), ("from one", "2"));
    assert_eq!((asked(&two), asked(&three)), (1, 0));
}

#[tokio::test]
async fn a_name_that_no_address_can_hold_is_the_callers_fault_and_nobody_elses() {
    let gemini = always(says("hello")).await;
    let config = providers([("gemini", ProviderConfig { models: None, ..provider(&gemini, &[]) })]);
    let site = TestGateway::with(config).await;
    for _ in 0..6 {
        let answer = ask(&site, "gemini/a b", false).await;
        answer.refused(400, "validation_error");
        assert_eq!(answer.json()["error"]["param"], "model");
    }
    ask(&site, "gemini/gemini-2.5-flash", false).await;
    assert_eq!(gemini.seen("/v1/models/gemini-2.5-flash").len(), 1, "the provider is asked as ever");
}

#[tokio::test]
async fn a_model_that_is_gone_is_soon_not_asked_any_more() {
    let (one, two) = (always(fails(404)).await, says_always("from two").await);
    let site = TestGateway::with(pair(&one, &two)).await;
    site.set(&json!({ "fallback_models": ["m-2"] })).await;
    for _ in 0..7 {
        assert_eq!(ask(&site, "m-1", false).await.text(), "from two");
    }
    assert!(asked(&one) < 7, "{}", asked(&one));
}

#[tokio::test]
async fn settings_of_names_are_checked() {
    let site = TestGateway::start().await;
    let many: Vec<String> = (0..9).map(|model| format!("m-{model}")).collect();
    for (settings, problem) in [
        (json!({ "fallback_models": many }), "at most 8"),
        (json!({ "fallback_models": [""] }), "1 to 256 bytes"),
        (json!({ "model_aliases": { "a/b": "m" } }), "1 to 64 characters"),
        (json!({ "model_aliases": { "default": "m" } }), "other than `default`"),
        (
            json!({ "model_aliases": { "r": "m" }, "routes": { "r": { "models": ["m"] } } }),
            "is a route's name",
        ),
        (json!({ "routes": { "r": { "models": [] } } }), "1 to 16 models"),
        (json!({ "routes": { "r": { "models": ["m"], "weights": [1] } } }), "only the strategy `weighted`"),
        (
            json!({ "routes": { "r": { "strategy": "weighted", "models": ["m"], "weights": [1, 2] } } }),
            "2 weights for 1 models",
        ),
        (
            json!({ "routes": { "r": { "strategy": "weighted", "models": ["m"], "weights": [0] } } }),
            "not all 0",
        ),
        (json!({ "routes": { "r": { "models": ["m"], "hedge_after_ms": 1 } } }), "10 to 600,000"),
    ] {
        let answer = site.draft(&site.project.id, &settings).admin().await;
        let error = answer.refused(400, "validation_error");
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains(problem), "{settings}: {message}");
    }
}
