//! Embeddings through the whole gateway: who may ask, what providers are sent, what the client gets, what is recorded.

use behest_core::Secret;
use behest_core::gateway::config::{Config, ProviderConfig};
use behest_core::types::embeddings::{Embeddings, Vector};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::support::call::Answer;
use crate::support::gateway::{PROVIDER_KEY, TestGateway, providers};
use crate::support::scripted::{Script, Scripted, Step};

const VECTORS: [[f32; 2]; 2] = [[0.5, -0.25], [0.125, 1.0]];

/// (provider, where it is asked, its answer, the tokens that it tells)
fn dialects() -> [(&'static str, &'static str, Value, Option<u64>); 7] {
    let row = |index: usize| json!({ "object": "embedding", "index": index, "embedding": VECTORS[index] });
    let openai = json!({
        "object": "list", "model": "m-1", "data": [row(0), row(1)], "usage": { "prompt_tokens": 7, "total_tokens": 7 },
    });
    let gemini = json!({ "embeddings": [{ "values": VECTORS[0] }, { "values": VECTORS[1] }] });
    let cohere = json!({
        "id": "e", "embeddings": { "float": VECTORS }, "texts": ["one", "two"],
        "meta": { "billed_units": { "input_tokens": 7 } },
    });
    [
        ("fake", "/embeddings", openai.clone(), Some(7)),
        ("openai", "/embeddings", openai.clone(), Some(7)),
        ("mistral", "/embeddings", openai.clone(), Some(7)),
        ("openrouter", "/embeddings", openai.clone(), Some(7)),
        ("azure", "/openai/deployments/m-1/embeddings?api-version=2024-10-21", openai, Some(7)),
        ("gemini", "/models/m-1:batchEmbedContents", gemini, None),
        ("cohere", "/v2/embed", cohere, Some(7)),
    ]
}

/// A gateway whose only provider is `name`, which answers with `script`.
async fn before(name: &str, script: Script) -> (TestGateway, Scripted) {
    let server = Scripted::in_turn(vec![script]).await;
    let provider = ProviderConfig {
        base_url: Some(server.base_url()),
        local: true,
        api_key: Some(Secret::new(PROVIDER_KEY)),
        models: Some(vec!["m-1".to_owned(), "m-2".to_owned()]),
        ..ProviderConfig::default()
    };
    (TestGateway::with(providers([(name, provider)])).await, server)
}

async fn embed(gateway: &TestGateway, body: &Value) -> Answer {
    gateway.post("/v1/embeddings", body).bearer(&gateway.api_key).await
}

fn request() -> Value {
    json!({ "model": "m-1", "input": ["one", "two"], "dimensions": 2, "user": "u" })
}

fn floats(answer: &Value) -> Vec<Vec<f32>> {
    let answer: Embeddings = serde_json::from_value(answer.clone()).expect("embeddings");
    let rows = answer.data.iter().enumerate();
    rows.map(|(place, row)| {
        assert_eq!(row.index as usize, place, "the texts' order");
        row.embedding.to_floats().expect("numbers")
    })
    .collect()
}

#[tokio::test]
async fn every_dialect_is_asked_in_its_own_words_and_recorded() {
    for (name, path, told, tokens) in dialects() {
        let (gateway, server) = before(name, Script::json(200, &told)).await;
        let answer = embed(&gateway, &request()).await;
        let read = answer.ok();
        assert_eq!(floats(&read), VECTORS, "{name}");
        // What nobody told is estimated: one token for up to four bytes of each text.
        let counted = tokens.unwrap_or(2);
        assert_eq!(read["usage"], json!({ "prompt_tokens": counted, "total_tokens": counted }), "{name}");
        assert_eq!((answer.header("x-behest-provider"), answer.header("x-behest-model")), (name, "m-1"));
        assert_eq!(answer.header("x-behest-attempts"), "1", "{name}");

        let seen = server.seen(path);
        assert_eq!(seen.len(), 1, "{name} is asked at its own address");
        assert!(!seen[0].path.contains(PROVIDER_KEY), "no key stands in an address");
        let used = gateway.get("/v1/usage?group_by=model").bearer(&gateway.api_key).await.ok();
        let totals = &used["totals"];
        assert_eq!(totals["input_tokens"], counted, "{name}: the ledger agrees");
        assert_eq!((&totals["requests"], &totals["output_tokens"]), (&json!(1), &json!(0)), "{name}");
        assert_eq!(answer.headers.contains_key("x-behest-cost-usd"), tokens.is_some(), "{name}");
        assert!(totals["cost_usd"].as_f64() > Some(0.0), "{name}: {used}");
    }
}

#[tokio::test]
async fn base64_holds_the_same_numbers_from_every_dialect() {
    for (name, path, told, _) in dialects() {
        let (gateway, server) = before(name, Script::json(200, &told)).await;
        let mut body = request();
        body["encoding_format"] = json!("base64");
        let read = embed(&gateway, &body).await.ok();
        let answer: Embeddings = serde_json::from_value(read.clone()).expect("embeddings");
        let all_text = answer.data.iter().all(|row| matches!(row.embedding, Vector::Base64(_)));
        assert!(all_text, "{name}: {read}");
        assert_eq!(floats(&read), VECTORS, "{name}");
        let passed = matches!(name, "fake" | "openai" | "openrouter" | "azure");
        let sent = server.seen(path)[0].json();
        assert_eq!(sent.get("encoding_format").is_some(), passed, "{name}: {sent}");
    }
}

#[tokio::test]
async fn what_a_provider_is_sent() {
    let sent = async |name: &str, path: &str, told: &Value| {
        let (gateway, server) = before(name, Script::json(200, told)).await;
        let answer = embed(&gateway, &request()).await;
        answer.ok();
        let dropped = answer.headers.get("x-behest-dropped-params").map(|names| names.as_bytes().to_vec());
        (server.seen(path)[0].json(), dropped)
    };
    let user = Some(b"user".to_vec());
    for (name, path, told, _) in dialects() {
        let (body, dropped) = sent(name, path, &told).await;
        let wanted = match name {
            "mistral" => json!({ "model": "m-1", "input": ["one", "two"], "output_dimension": 2 }),
            "cohere" => json!({
                "model": "m-1", "texts": ["one", "two"], "input_type": "search_document",
                "embedding_types": ["float"], "output_dimension": 2,
            }),
            "gemini" => {
                let one = |text: &str| {
                    json!({
                        "model": "models/m-1", "content": { "parts": [{ "text": text }] }, "outputDimensionality": 2,
                    })
                };
                json!({ "requests": [one("one"), one("two")] })
            }
            _ => request(),
        };
        assert_eq!(body, wanted, "{name}");
        let drops = matches!(name, "mistral" | "cohere" | "gemini");
        assert_eq!(dropped, if drops { user.clone() } else { None }, "{name}");
    }
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_before_anything_is_sent() {
    let (gateway, server) = before("cohere", Script::json(200, &json!({}))).await;
    for (body, param, wanted) in [
        (json!({ "model": "m-1" }), "input", "`input` is missing"),
        (json!({ "model": "m-1", "input": null }), "input", "`input` is missing"),
        (json!({ "model": "m-1", "input": [] }), "input", "`input` must not be empty"),
        (json!({ "model": "m-1", "input": [1, 2] }), "input", "it takes texts, not token ids"),
        (json!({ "model": "m-1", "input": vec!["a"; 97] }), "input", "97 texts, and Cohere takes at most 96"),
        (
            json!({ "model": "m-1", "input": "a", "encoding_format": "hex" }),
            "encoding_format",
            "`float` or `base64`",
        ),
        (
            json!({ "model": "m-1", "input": "a", "dimensions": -1 }),
            "dimensions",
            "a whole number, 1 or more",
        ),
        (json!({ "model": "m-9", "input": "a" }), "model", "is not known here"),
    ] {
        let error = embed(&gateway, &body).await.refused(400, "validation_error");
        assert_eq!(error["param"], param, "{error}");
        assert!(error["message"].as_str().expect("a message").contains(wanted), "{error}");
    }
    assert!(server.seen("").is_empty());
    let (gateway, server) = before("anthropic", Script::json(200, &json!({}))).await;
    let error = embed(&gateway, &request()).await.refused(400, "validation_error");
    assert_eq!(error["param"], "model", "{error}");
    assert!(
        error["message"].as_str().expect("a message").contains("Anthropic: it has no embeddings"),
        "{error}"
    );
    assert!(server.seen("").is_empty());
}

#[tokio::test]
async fn what_would_take_many_times_its_bytes_in_memory_is_refused_as_it_is_counted() {
    let (gateway, server) = before("fake", Script::json(200, &json!({}))).await;
    let list = |item: &str, times: usize| format!("[{}]", vec![item; times].join(","));
    for (body, param, wanted) in [
        (format!(r#"{{"input":{}}}"#, list("1", 7_000_000)), "input", "more than 300000 token ids"),
        (format!(r#"{{"input":{}}}"#, list("[]", 100_000)), "input", "more than 2048 inputs"),
        (format!(r#"{{"input":[{}]}}"#, list("{}", 1_000_000)), "input", "more than 300000 token ids"),
        (format!(r#"{{"input":"a","more":{}}}"#, list("1", 100_000)), "more", "more than 10000 values"),
    ] {
        let call = gateway.post("/v1/embeddings", &json!(null)).bearer(&gateway.api_key).body(body);
        let error = call.await.refused(400, "validation_error");
        assert_eq!(error["param"], param, "{error}");
        assert!(error["message"].as_str().expect("a message").contains(wanted), "{error}");
    }
    assert!(server.seen("").is_empty());
}

#[tokio::test]
async fn identity_and_allowlist_hold_as_for_chat() {
    let (_, _, told, _) = dialects()[0].clone();
    let (gateway, server) = before("fake", Script::json(200, &told)).await;
    gateway.post("/v1/embeddings", &request()).await.refused(401, "missing_credentials");
    gateway.post("/v1/embeddings", &request()).bearer("behest_sk_live_x").await.refused(401, "invalid_token");
    gateway.set(&json!({ "model_allowlist": ["m-2"] })).await;
    embed(&gateway, &request()).await.refused(403, "model_not_allowed");
    assert!(server.seen("").is_empty());
    gateway.set(&json!({ "model_allowlist": ["m-1"] })).await;
    let call = gateway.post("/v1/embeddings", &request()).bearer(&gateway.api_key).user("ann");
    call.header("x-session-id", "s-1").await.ok();
    let used = gateway.get("/v1/usage?session_id=s-1").bearer(&gateway.api_key).user("ann").await.ok();
    assert_eq!(used["totals"]["requests"], 1);
    let threads = gateway.get("/v1/threads").bearer(&gateway.api_key).user("ann").await.ok();
    assert_eq!(threads, json!([]), "nothing is remembered");
}

#[tokio::test]
async fn a_providers_failure_is_told_and_recorded() {
    let refusal = json!({ "error": { "message": "too long", "param": "input" } });
    let short = json!({ "embeddings": [{ "values": [1.0] }] });
    for (name, script, status, code) in [
        ("fake", Script::json(400, &refusal), 400, "validation_error"),
        ("fake", Script::json(200, &json!({ "choices": [] })), 502, "upstream_error"),
        ("gemini", Script::json(200, &short), 502, "upstream_error"),
        ("cohere", Script::new(200, vec![Step::Send(Bytes::from_static(b"<html>"))]), 502, "upstream_error"),
    ] {
        let (gateway, _server) = before(name, script).await;
        embed(&gateway, &request()).await.refused(status, code);
        let used = gateway.get("/v1/usage").bearer(&gateway.api_key).await.ok();
        assert!(used["totals"]["requests"].as_u64() > Some(0), "{name}: {used}");
    }
}

#[tokio::test]
async fn a_repeated_call_gets_the_same_answer_and_no_new_record() {
    let (_, _, told, _) = dialects()[0].clone();
    let (gateway, server) = before("fake", Script::json(200, &told)).await;
    let ask = |body: Value| {
        gateway.post("/v1/embeddings", &body).bearer(&gateway.api_key).header("idempotency-key", "k-1")
    };
    let first = ask(request()).await;
    first.ok();
    assert_eq!(ask(request()).await.body, first.body);
    assert_eq!(server.seen("/embeddings").len(), 1);
    ask(json!({ "model": "m-1", "input": "something else" })).await.refused(422, "validation_error");
    let chat = json!({ "model": "m-1", "messages": [{ "role": "user", "content": "hi" }] });
    gateway.ask(&chat).bearer(&gateway.api_key).header("idempotency-key", "k-1").await;
    assert_eq!(server.seen("/chat/completions").len(), 1, "a conversation's key is another key");
}

#[tokio::test]
async fn vectors_of_another_model_are_no_answer() {
    let (_, _, told, _) = dialects()[0].clone();
    let (gateway, server) = before("fake", Script::json(401, &json!({ "error": { "message": "no" } }))).await;
    gateway.set(&json!({ "fallback_models": ["m-2"] })).await;
    embed(&gateway, &request()).await.refused(502, "upstream_error");
    assert!(server.seen("/embeddings").iter().all(|seen| seen.json()["model"] == "m-1"));
    let failing = Script::json(503, &json!({}));
    let server = Scripted::in_turn(vec![failing, Script::json(200, &told)]).await;
    let gateway = TestGateway::before(&server).await;
    let body = json!({ "model": "fake-1", "input": ["one", "two"] });
    assert_eq!(embed(&gateway, &body).await.header("x-behest-attempts"), "2", "what may pass is tried again");
}

#[tokio::test]
async fn the_offline_model_embeds_for_nothing() {
    let gateway = TestGateway::with(Config::default()).await;
    let body = json!({ "input": ["The sky is blue", "the SKY is blue!", "Bake a cake"], "dimensions": 64 });
    let answer = embed(&gateway, &body).await;
    let vectors = floats(&answer.ok());
    assert_eq!(vectors[0], vectors[1]);
    assert_ne!(vectors[0], vectors[2]);
    assert_eq!(vectors[2].len(), 64);
    assert_eq!((answer.header("x-behest-model"), answer.header("x-behest-cost-usd")), ("local/echo", "0"));
    let base64 = json!({ "input": "The sky is blue", "dimensions": 64, "encoding_format": "base64" });
    assert_eq!(floats(&embed(&gateway, &base64).await.ok())[0], vectors[0]);
    let used = gateway.get("/v1/usage").bearer(&gateway.api_key).await.ok();
    assert_eq!(used["totals"]["input_tokens"], 15);
}
