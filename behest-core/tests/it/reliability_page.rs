//! `docs/reliability.md` holds what this sees: a provider that does everything wrong, through the whole gateway, with
//! what the client got, how often the provider was asked, and what was billed.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use behest_core::gateway::config::ProviderConfig;
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::support::call::Answer;
use crate::support::gateway::{TestGateway, eventually, provider, providers};
use crate::support::scripted::{Script, Scripted, Step, chunk, done, event};

/// Set, it writes the page's table anew.
const UPDATE: &str = "BEHEST_UPDATE_DOCS";
const CHAT: &str = "/v1/chat/completions";
/// How many tokens each answer may have.
const BOUND: u64 = 100;
/// A limit as short as a test can wait for.
const IMPATIENCE: Duration = Duration::from_millis(1_500);

/// A fault: what it is called, how a plain answer has it, and how a stream has it.
struct Fault {
    name: &'static str,
    plain: Script,
    stream: Script,
}

fn plain() -> Value {
    let choice = json!({ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": "hello" } });
    let usage = json!({ "prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 8 });
    json!({ "id": "c1", "object": "chat.completion", "model": "gpt-4o-mini", "choices": [choice], "usage": usage })
}

fn ending() -> Vec<Step> {
    let end = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
    let usage =
        json!({ "choices": [], "usage": { "prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 8 } });
    vec![event(&end.to_string()), event(&usage.to_string()), done()]
}

fn streamed(steps: Vec<Step>) -> Script {
    Script::sse([vec![chunk("hello")], steps].concat())
}

/// A plain answer in pieces, each after a pause that is within every limit.
fn slowly() -> Vec<Step> {
    let text = plain().to_string();
    let pieces = text.as_bytes().chunks(40).map(|piece| Step::Send(piece.to_vec().into()));
    pieces.flat_map(|piece| [Step::Pause(Duration::from_millis(20)), piece]).collect()
}

fn refuses(status: u16) -> Script {
    Script::json(status, &json!({ "error": { "message": "not now" } }))
}

fn alike(name: &'static str, script: Script) -> Fault {
    Fault { name, stream: script.clone(), plain: script }
}

fn faults() -> Vec<Fault> {
    let half = || Step::Send("data: {\"choices\":[{\"index\":0,\"del".into());
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n{\"id\":";
    // Above the cap of an event, and of a plain answer.
    let huge = |pieces: usize| std::iter::repeat_n(Step::Send(vec![b'x'; 1 << 20].into()), pieces);
    vec![
        alike("reset before the headers", Script::reset()),
        alike("closed before the headers", Script::raw(vec![Step::Close])),
        alike("silent before the headers", Script::raw(vec![Step::Hang])),
        Fault {
            name: "silent in the middle",
            plain: Script::raw(vec![Step::Raw(head.into()), Step::Hang]),
            stream: streamed(vec![Step::Hang]),
        },
        Fault {
            name: "reset in the middle",
            plain: Script::raw(vec![Step::Raw(head.into()), Step::Reset]),
            stream: streamed(vec![Step::Reset]),
        },
        alike("400", refuses(400)),
        alike("401", refuses(401)),
        alike("429", refuses(429)),
        alike("429 with `Retry-After: 1`", refuses(429).header("retry-after", "1")),
        alike("429 with `Retry-After: 3600`", refuses(429).header("retry-after", "3600")),
        alike("500", refuses(500)),
        alike("529", refuses(529)),
        alike("garbage instead of HTTP", Script::raw(vec![Step::Raw("garbage\r\n\r\n".into()), Step::Close])),
        Fault {
            name: "garbage instead of JSON",
            plain: Script::new(200, vec![Step::Send("<html>".into())]),
            stream: Script::sse([vec![event("<html>")], ending()].concat()),
        },
        Fault {
            name: "half an event, then the end",
            plain: Script::new(200, vec![Step::Send(plain().to_string().split_off(40).into())]),
            stream: streamed(vec![half()]),
        },
        Fault {
            name: "an error in the middle",
            plain: Script::json(200, &json!({ "error": { "message": "overloaded" } })),
            stream: streamed(vec![event(r#"{"error":{"message":"overloaded"}}"#)]),
        },
        Fault {
            name: "an end without a reason",
            plain: Script::json(200, &json!({ "choices": [] })),
            stream: streamed(vec![]),
        },
        Fault {
            name: "a slow drip",
            plain: Script::new(200, slowly()),
            stream: streamed([vec![Step::Pause(Duration::from_millis(100))], ending()].concat()),
        },
        Fault {
            name: "an endless event",
            plain: Script::new(200, huge(65).collect()),
            stream: streamed([vec![Step::Send("data: ".into())], huge(17).collect()].concat()),
        },
    ]
}

/// One call, with everything that can be told of it.
struct Told {
    client: String,
    asked: usize,
    billed: String,
}

async fn gateway(first: &Scripted, second: Option<&Scripted>) -> TestGateway {
    let known = provider(first, &["gpt-4o-mini"]);
    let mut configured = vec![("openai".to_owned(), known)];
    if let Some(second) = second {
        configured.push(("other".to_owned(), ProviderConfig { ..provider(second, &["m-2"]) }));
    }
    let mut config = providers::<0>([]);
    config.providers.extend(configured);
    (config.timeouts.first_byte, config.timeouts.idle) = (IMPATIENCE, IMPATIENCE);
    let site = TestGateway::with(config).await;
    if second.is_some() {
        site.set(&json!({ "fallback_models": ["m-2"] })).await;
    }
    site
}

async fn ask(site: &TestGateway, stream: bool) -> Answer {
    let messages = json!([{ "role": "user", "content": "hi" }]);
    let body = json!({ "model": "gpt-4o-mini", "stream": stream, "max_tokens": BOUND, "messages": messages });
    site.ask(&body).bearer(&site.api_key).await
}

fn seen_by_the_client(answer: &Answer, stream: bool) -> String {
    if answer.status != 200 {
        return format!("{} `{}`", answer.status, answer.json()["code"].as_str().expect("a code"));
    }
    if !stream {
        let text = answer.json()["choices"][0]["message"]["content"].clone();
        return format!("200, {}", if text.is_null() { "nothing".to_owned() } else { text.to_string() });
    }
    let events = answer.events();
    let text = if events.iter().any(|event| event.contains("hello")) { "\"hello\"" } else { "nothing" };
    let last = events.last().expect("an event");
    match serde_json::from_str::<Value>(last) {
        Ok(error) => format!("{text}, then `{}`", error["error"]["code"].as_str().expect("a code")),
        Err(_) => format!("200, {text}"),
    }
}

async fn told(script: &Script, stream: bool) -> Told {
    let script = script.clone();
    let upstream = Scripted::start(move |_| std::future::ready(script.clone())).await;
    let site = gateway(&upstream, None).await;
    let answer = ask(&site, stream).await;
    let asked = upstream.seen(CHAT).len();
    let report = eventually(async || {
        let report = site.get("/v1/usage").bearer(&site.api_key).await.ok();
        (report["totals"]["requests"] == asked).then_some(report)
    })
    .await;
    let totals = &report["totals"];
    let number = |name: &str| totals[name].as_u64().unwrap_or(0);
    let estimated = number("estimated_requests") > 0;
    // In words where it is an estimate: how close that comes is no matter of this page.
    let billed = match (number("input_tokens"), number("output_tokens")) {
        (0, 0) => "nothing".to_owned(),
        (input, output) if !estimated => format!("{input} + {output}, as told"),
        (_, 0) => "the prompt, estimated".to_owned(),
        (_, output) if !stream && output == BOUND * asked as u64 => {
            "the prompt and the bound, estimated".to_owned()
        }
        (_, _) => "the prompt and what may have come, estimated".to_owned(),
    };
    Told { client: seen_by_the_client(&answer, stream), asked, billed }
}

/// Whether another provider answers in its stead.
async fn is_mended(script: &Script, stream: bool) -> &'static str {
    let script = script.clone();
    let first = Scripted::start(move |_| std::future::ready(script.clone())).await;
    let second = Scripted::start(move |_| {
        std::future::ready(if stream { streamed(ending()) } else { Script::json(200, &plain()) })
    })
    .await;
    let site = gateway(&first, Some(&second)).await;
    let answer = ask(&site, stream).await;
    let mended = answer.status == 200 && answer.header("x-behest-provider") == "other";
    assert_eq!(mended, !second.seen(CHAT).is_empty(), "{answer:?}");
    if mended { "yes" } else { "no" }
}

async fn row(name: &str, kind: &str, script: Script, stream: bool) -> String {
    let Told { client, asked, billed } = told(&script, stream).await;
    let mended = is_mended(&script, stream).await;
    format!("| {name} | {kind} | {client} | {asked} | {billed} | {mended} |\n")
}

async fn table() -> String {
    let mut text = String::from(
        "| Fault | Answer | The client gets | Asked | Billed for each | A fallback answers |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    let rows = faults().into_iter().flat_map(|Fault { name, plain, stream }| {
        [row(name, "plain", plain, false), row(name, "stream", stream, true)]
    });
    // Side by side: most of them wait.
    let rows: Vec<String> = futures_util::stream::iter(rows).buffered(12).collect().await;
    text.push_str(&rows.concat());
    let refused = refused().await;
    let _ = writeln!(text, "| refused connection | both | {refused} | 3 | nothing | yes |");
    text
}

/// Nobody listens there.
async fn refused() -> String {
    let nobody = ProviderConfig {
        base_url: Some("http://127.0.0.1:1/v1".to_owned()),
        local: true,
        models: Some(vec!["gpt-4o-mini".to_owned()]),
        ..ProviderConfig::default()
    };
    let second = Scripted::start(|_| std::future::ready(Script::json(200, &plain()))).await;
    let other = provider(&second, &["m-2"]);
    let site = TestGateway::with(providers([("openai", nobody), ("other", other)])).await;
    let answer = ask(&site, false).await;
    assert_eq!(answer.json()["error"]["details"]["attempts"], 3, "{answer:?}");
    assert_eq!(site.usage_by("status").await, [(Value::from("failed"), 3)]);
    site.set(&json!({ "fallback_models": ["m-2"] })).await;
    assert_eq!(ask(&site, false).await.header("x-behest-provider"), "other");
    seen_by_the_client(&answer, false)
}

#[tokio::test]
async fn the_page_of_reliability_holds_what_happens() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reliability.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let (before, rest) = page.split_once("<!-- faults -->\n\n").expect("the table has its place");
    let (_, after) = rest.split_once("\n<!-- end of faults -->").expect("the table has its end");
    let wanted = format!("{before}<!-- faults -->\n\n{}\n<!-- end of faults -->{after}", table().await);
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &wanted).expect("a page that can be written");
        return;
    }
    assert_alike(&page, &wanted);
}

/// Tells the first line that differs.
fn assert_alike(page: &str, wanted: &str) {
    for (page, wanted) in page.lines().zip(wanted.lines()) {
        assert_eq!(page, wanted, "run the test once with {UPDATE}=1, and read what has changed");
    }
    assert_eq!(page.lines().count(), wanted.lines().count());
}
