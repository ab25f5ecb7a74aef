//! Bodies, headers and ids that are wrong, at every endpoint that takes them.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::faults::answer::Answer;
use crate::faults::wire::{Wire, outcome};
use crate::faults::{Faulty, body, completion};

async fn start() -> Faulty {
    Faulty::start("", |_| async { completion() }).await
}

/// Every method and path that takes a body, from the gateway's own description.
async fn with_bodies(faulty: &Faulty) -> Vec<(reqwest::Method, String)> {
    let document = Answer::of(faulty.get("/openapi.json")).await.json();
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            if operation.get("requestBody").is_some() {
                let owner = if path.starts_with("/v1/tenants") { "tenant_id" } else { "project_id" };
                let path = path.replace("{id}", faulty.gateway().text(owner));
                found.push((method.to_uppercase().parse().expect("a method"), path));
            }
        }
    }
    found
}

fn is_control(path: &str) -> bool {
    ["/v1/tenants", "/v1/projects", "/v1/catalogue", "/v1/kill-switches", "/v1/ledger", "/v1/webhooks"]
        .iter()
        .any(|begin| path.starts_with(begin))
}

fn request(faulty: &Faulty, method: &reqwest::Method, path: &str) -> reqwest::RequestBuilder {
    let request = faulty.http.request(method.clone(), faulty.url(path));
    match is_control(path) {
        true => request.header("x-admin-secret", &faulty.admin_secret),
        false => request.bearer_auth(&faulty.key),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_refuses_what_is_no_json_of_the_right_form() {
    let faulty = start().await;
    let endpoints = with_bodies(&faulty).await;
    assert!(endpoints.len() >= 8, "{endpoints:?}");
    for (method, path) in &endpoints {
        let bad: [&[u8]; 9] = [
            b"{\"name\":",
            b"[]",
            b"\"text\"",
            b"null",
            b"{\"name\":\"\xff\xfe\"}",
            b"\xef\xbb\xbf\x00\x01",
            b"{\"name\":\"a\"} trailing",
            b"name=a&model=b",
            &[b'['; 100_000],
        ];
        for bytes in bad {
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
            let answer = Answer::of(request(&faulty, method, path).body(bytes)).await;
            let found = (answer.status, answer.code());
            assert_eq!(found, (400, "validation_error".to_owned()), "{method} {path} {shown}: {answer:?}");
        }
    }
    assert_eq!(faulty.upstream.seen("/v1/chat").len(), 0);
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_refuses_a_body_above_the_limit() {
    let faulty = Faulty::start("max_body_bytes = 100000", |_| async { completion() }).await;
    for (method, path) in &with_bodies(&faulty).await {
        let large = Bytes::from(format!("{{\"name\":\"{}\"}}", "x".repeat(200_000)));
        let pieces = [Ok::<_, std::convert::Infallible>(large.slice(..90_000)), Ok(large.slice(90_000..))];
        let chunked = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
        for body in [large.into(), chunked] {
            let answer = Answer::of(request(&faulty, method, path).body(body)).await;
            let found = (answer.status, answer.code());
            assert_eq!(found, (413, "request_too_large".to_owned()), "{method} {path}: {answer:?}");
        }
    }
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_fields_reach_the_provider_and_are_refused_by_the_control_plane() {
    let faulty = start().await;
    let mut question = body("case", false);
    question["future"] = json!({ "deep": [1, null, 1.5], "text": "é" });
    question["messages"][0]["hint"] = json!("x");
    let answer = Answer::of(faulty.question("case", false).json(&question)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let seen = faulty.upstream.seen("/v1/chat")[0].json();
    assert_eq!((&seen["future"], &seen["messages"][0]["hint"]), (&question["future"], &json!("x")));

    for (method, path) in &with_bodies(&faulty).await {
        if is_control(path) {
            let answer =
                Answer::of(request(&faulty, method, path).json(&json!({ "no_such_field": 1 }))).await;
            let found = (answer.status, answer.code());
            assert_eq!(found, (400, "validation_error".to_owned()), "{method} {path}: {answer:?}");
            assert!(answer.body.contains("no_such_field"), "{method} {path}: {answer:?}");
        }
    }
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_the_wrong_type_is_named() {
    let faulty = start().await;
    let cases: [(&str, Value); 13] = [
        ("model", json!(5)),
        ("messages", Value::Null),
        ("messages", json!("hello")),
        ("messages", json!([])),
        ("messages", json!([5])),
        ("messages", json!([{ "content": "no role" }])),
        ("messages", json!([{ "role": 5 }])),
        ("stream", json!("yes")),
        ("stream", json!(1)),
        ("max_tokens", json!(-1)),
        ("max_tokens", json!(1.5)),
        ("max_completion_tokens", json!("many")),
        ("stream_options", json!("usage")),
    ];
    for (field, value) in cases {
        let mut question = body("case", field == "stream_options");
        question[field] = value.clone();
        let answer = Answer::of(faulty.question("case", false).json(&question)).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "validation_error"),
            "{field} {value}: {answer:?}"
        );
        assert_eq!(answer.json()["error"]["param"], field, "{value}: {answer:?}");
    }
    let mut unknown = body("case", false);
    unknown["model"] = "mm".into();
    let answer = Answer::of(faulty.question("case", false).json(&unknown)).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "validation_error"), "{answer:?}");
    assert_eq!(faulty.upstream.seen("/v1/chat").len(), 0);
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_outside_their_characters_are_refused_with_their_headers_name() {
    let faulty = start().await;
    let long = "x".repeat(256);
    for (name, value) in [
        ("X-Session-Id", "a b"),
        ("X-Session-Id", &*long),
        ("X-Session-Id", "é"),
        ("X-Thread-Id", "a/b"),
        ("X-Thread-Id", ".."),
        ("X-Thread-Id", "a b"),
        ("X-Thread-Id", &*long),
        ("X-End-User-Id", "admin"),
        ("X-End-User-Id", "system"),
        ("X-End-User-Id", &*long),
        ("X-End-User-Id", "a\tb"),
    ] {
        let request = faulty.http.post(faulty.url("/v1/chat/completions")).bearer_auth(&faulty.key);
        let request = if name == "X-Thread-Id" { request.header("x-end-user-id", "ann") } else { request };
        let answer = Answer::of(request.header(name, value).json(&body("case", false))).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "validation_error"),
            "{name} {value}: {answer:?}"
        );
        assert!(answer.body.contains(name), "{name} {value}: {answer:?}");
    }
    for user in ["", "admin", "a\nb", &long] {
        let request = faulty.http.post(faulty.url("/v1/auth/mint")).bearer_auth(&faulty.key);
        let answer = Answer::of(request.json(&json!({ "user_id": user }))).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "validation_error"), "{user}: {answer:?}");
    }
    for path in
        ["/v1/projects/not-a-uuid", "/v1/projects/%FF", "/v1/tenants/%00/providers", "/v1/projects/..%2f"]
    {
        let request = faulty.http.get(faulty.url(path)).header("x-admin-secret", &faulty.admin_secret);
        let answer = Answer::of(request).await;
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
        answer.code();
    }
    assert_eq!(faulty.upstream.seen("/v1/chat").len(), 0);
    faulty.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_are_none_end_their_connection_alone() {
    let faulty = start().await;
    let get = |header: &str| {
        format!("GET /v1/models HTTP/1.1\r\nHost: localhost\r\n{header}\r\nConnection: close\r\n\r\n")
    };
    // Below what HTTP allows, the answer comes from the HTTP library and has no body.
    for (request, status) in [
        (get("X-Session-Id: a\u{1}b"), 400),
        (get("X-Session-Id: a\u{0}b"), 400),
        (get("X Session: a"), 400),
        ("GARBAGE\r\n\r\n".to_owned(), 400),
        (get(&format!("X-Long: {}", "x".repeat(400_000))), 431),
        (get(&"X-Many: 1\r\n".repeat(2_000)), 431),
    ] {
        let mut wire = Wire::to(&faulty).await;
        assert!(wire.send(&request).await);
        let answer = wire.rest().await;
        assert_ne!(answer, "", "{:.60}", request);
        assert_eq!(outcome(&answer).0, status, "{:.60}: {answer}", request);
    }
    // What is a header, and no credential or no host, gets the contract's error.
    for (header, expected) in [
        ("Authorization: Bearer", (401, "missing_credentials")),
        ("Authorization: Basic eDp5", (401, "invalid_token")),
        ("Authorization: Bearer \u{e9}", (401, "invalid_token")),
        ("X-Nothing: 1", (401, "missing_credentials")),
    ] {
        let mut wire = Wire::to(&faulty).await;
        assert!(wire.send(get(header)).await);
        let answer = wire.rest().await;
        assert_eq!(outcome(&answer), (expected.0, expected.1.to_owned()), "{header}: {answer}");
    }
    let mut wire = Wire::to(&faulty).await;
    assert!(wire.send("GET /v1/models HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n").await);
    assert_eq!(outcome(&wire.rest().await), (421, "misdirected".to_owned()));
    assert_eq!(Answer::of(faulty.get("/v1/models")).await.status, 200);
    faulty.finish();
}
