//! The client whose values are JSON text: what other languages stand on.

use behest_core::client::{CallOptions, JsonCall, MintOptions, sign_legacy_json};
use behest_core::error::Kind;
use behest_core::token::{SigningKey, decode};
use behest_core::{Client, Error};
use futures_util::FutureExt as _;
use serde_json::{Value, json};

use crate::support::API_KEY;
use crate::support::fake::{Fake, json_answer, minted};
use crate::support::scripted::{Gate, Script, Scripted, Step, chunk, done, event};

const CHAT: &str = "/v1/chat/completions";

fn chat(body: &Value) -> JsonCall {
    JsonCall::parse("chat.completions.create", body.to_string()).expect("a call")
}

fn refused(result: Result<impl std::fmt::Debug, Error>) -> String {
    result.expect_err("a refusal").to_string()
}

#[tokio::test]
async fn a_body_and_an_answer_are_handed_on_as_they_are() {
    let answer = r#"{ "choices": [],  "new_field": 1.10, "big": 12345678901234567890123 }"#;
    let script = Script::new(200, vec![Step::Send(answer.into())]).header("x-behest-cost-usd", "0.25");
    let server = Scripted::in_turn(vec![script]).await;
    let body = r#"{"messages": [],  "seed": 12345678901234567890123, "stream": false}"#;
    let call = JsonCall::parse("chat.completions.create", body).expect("a call");
    let reply = server.client().call_json(&call, &CallOptions::default()).await.expect("an answer");
    assert_eq!(reply.data, answer);
    assert_eq!(reply.meta.cost_usd, Some(0.25));
    assert_eq!(server.seen(CHAT)[0].body, body);
}

#[tokio::test]
async fn every_call_has_a_name_and_goes_where_the_typed_one_goes() {
    let calls = [
        ("chat.completions.create", r#"{"messages": []}"#, "POST /v1/chat/completions"),
        ("embeddings.create", r#"{"input": "a"}"#, "POST /v1/embeddings"),
        ("threads.list", r#"{"limit": 5, "before": "t1"}"#, "GET /v1/threads?limit=5&before=t1"),
        ("threads.list", "", "GET /v1/threads"),
        ("threads.get", r#"{"id": "a:b"}"#, "GET /v1/threads/a:b"),
        ("threads.messages", r#"{"id": "t1"}"#, "GET /v1/threads/t1/messages"),
        ("threads.delete", r#"{"id": "t1"}"#, "DELETE /v1/threads/t1"),
        (
            "usage.get",
            r#"{"from": "2026-01-01T00:00:00+02:00", "granularity": "day", "user_id": null}"#,
            "GET /v1/usage?from=2026-01-01T00%3A00%3A00%2B02%3A00&granularity=day",
        ),
        ("usage.billing", r#"{"to": "2026-01-01"}"#, "GET /v1/billing/usage?to=2026-01-01"),
        ("models.list", "{}", "GET /v1/models"),
        ("models.get", r#"{"id": "openai/gpt 4"}"#, "GET /v1/models/openai%2Fgpt%204"),
    ];
    let fake = Fake::new(async |call| match call.url.ends_with("/v1/auth/mint") {
        true => Ok(json_answer(200, &[], &minted("jwt", "s1", 3600))),
        false => Ok(json_answer(200, &[], &json!([]))),
    });
    for (name, parameters, wanted) in calls {
        let call = JsonCall::parse(name, parameters).expect("a call");
        fake.client().call_json(&call, &CallOptions::default()).await.expect("an answer");
        let sent = fake.calls("").pop().expect("a call");
        assert_eq!(format!("{} {}", sent.method, sent.url.replace("http://gateway.test", "")), wanted);
    }
}

#[tokio::test]
async fn what_is_deleted_answers_null_and_what_is_no_json_is_an_error() {
    let delete = || JsonCall::DeleteThread("t1".to_owned());
    for (call, status, body, wanted) in [
        (delete(), 204, "", Ok("null")),
        (delete(), 200, "<html>", Ok("null")),
        (JsonCall::Models, 200, "<html>", Err("bad_answer")),
        (JsonCall::Models, 200, "", Err("bad_answer")),
        (JsonCall::Models, 204, "", Err("bad_answer")),
    ] {
        let steps = if body.is_empty() { vec![] } else { vec![Step::Send(body.into())] };
        let server = Scripted::in_turn(vec![Script::new(status, steps)]).await;
        let reply = server.client().call_json(&call, &CallOptions::default()).await;
        let got = reply.as_ref().map(|reply| reply.data.as_ref()).map_err(Error::code);
        assert_eq!(got, wanted.map(str::as_bytes));
    }
}

#[test]
fn a_wrong_parameter_is_told_by_name_and_never_by_value() {
    let secret = "behest_sk_live_canary";
    assert_eq!(refused(JsonCall::parse("chat", "{}")), "`call`: there is no call of this name");
    assert_eq!(refused(JsonCall::parse("threads.get", "{}")), "`id`: it is missing");
    assert_eq!(refused(JsonCall::parse("threads.list", "[1]")), "`parameters`: they must be a JSON object");
    assert_eq!(
        refused(JsonCall::parse("models.list", r#"{"limit": 1}"#)),
        "`parameters`: there is none named `limit`"
    );
    let options = |json: Value| refused(CallOptions::from_json(json.to_string().as_bytes()));
    assert_eq!(options(json!({"user_id": 42})), "`user_id`: it must be text, not a number");
    assert_eq!(
        options(json!({"timeout": secret})),
        "`timeout`: it must be a positive number of seconds, not text"
    );
    assert_eq!(
        options(json!({"timeout": 0})),
        "`timeout`: it must be a positive number of seconds; 0 is not"
    );
    assert_eq!(options(json!({"tags": {"team": 1}})), "`tags`: each of its values must be text");
    assert_eq!(options(json!({"max_retries": -1})), "`max_retries`: it must be a whole number, 0 or more");
    assert_eq!(
        options(json!({"tier": true})),
        "`tier`: it must be a tier's number or name, not true or false"
    );
    assert_eq!(
        refused(MintOptions::from_json(br#"{"role": "root"}"#)),
        "`role`: it must be `user`, `admin` or `dashboard-service`"
    );
    let error = behest_core::client::resolve_config(json!({"ttl": secret}).to_string().as_bytes());
    let error = error.expect_err("a wrong type");
    assert_eq!((error.code(), error.kind()), ("bad_value", Kind::Config));
    assert_eq!(error.to_string(), "`ttl`: it must be a whole number, not text");
}

#[test]
fn a_configuration_is_told_without_its_key() {
    let text = json!({
        "key": API_KEY, "base_url": "http://localhost:9/v1/", "tier": 2, "ttl": 900, "timeout": 1.5,
        "max_retries": 0, "default_user_id": "ann", "default_headers": {"x-proxy": "canary"},
    });
    let config = behest_core::client::resolve_config(text.to_string().as_bytes()).expect("a configuration");
    insta::assert_snapshot!(config.to_json(), @r#"{"mode":"apiKey","base_url":"http://localhost:9","tenant_id":null,"project_id":null,"kid":null,"default_user_id":"ann","tier":2,"ttl":900,"issuer":"https://api.behest.ai","audience":"behest","timeout":1.5,"max_retries":0}"#);
    assert!(!format!("{config:?}").contains("canary") && !format!("{config:?}").contains(API_KEY));
}

#[tokio::test]
async fn a_batch_is_all_that_has_arrived_and_a_dropped_wait_loses_nothing() {
    let (first, last) = (Gate::new(), Gate::new());
    let Step::Send(one) = chunk("one") else { panic!("a chunk is bytes") };
    let Step::Send(two) = chunk("two") else { panic!("a chunk is bytes") };
    let script = Script::sse(vec![
        Step::Wait(first.clone()),
        Step::Send([one, two].concat().into()),
        Step::Wait(last.clone()),
        chunk("three"),
        done(),
    ]);
    let server = Scripted::in_turn(vec![script]).await;
    let call = chat(&json!({"messages": [], "stream": true}));
    let mut stream = server.client().stream_json(&call, &CallOptions::default()).await.expect("a stream");

    assert!(stream.next_batch().now_or_never().is_none(), "nothing has come yet");
    first.open();
    let texts = |batch: Option<Result<Vec<bytes::Bytes>, Error>>| -> Vec<String> {
        let batch = batch.expect("an item").expect("a batch");
        let text = |chunk: &bytes::Bytes| {
            let chunk: Value = serde_json::from_slice(chunk).expect("JSON");
            chunk["choices"][0]["delta"]["content"].as_str().expect("a text").to_owned()
        };
        batch.iter().map(text).collect()
    };
    assert_eq!(texts(stream.next_batch().await), ["one", "two"]);
    assert!(stream.next_batch().now_or_never().is_none());
    last.open();
    assert_eq!(texts(stream.next_batch().await), ["three"]);
    assert!(stream.next_batch().await.is_none());
    assert!(stream.next_batch().await.is_none(), "an ended stream stays ended");
}

#[tokio::test]
async fn chunks_before_an_error_are_handed_out_before_it() {
    let broken = json!({"error": {"code": "pii_blocked", "message": "no", "details": {"types": ["EMAIL"]}}});
    let Step::Send(one) = chunk("one") else { panic!("a chunk is bytes") };
    let Step::Send(failure) = event(&broken.to_string()) else { panic!("an event is bytes") };
    let script = Script::sse(vec![Step::Send([one, failure].concat().into()), Step::Hang]);
    let server = Scripted::in_turn(vec![script.header("x-trace-id", "t1")]).await;
    let call = chat(&json!({"messages": [], "stream": true}));
    let mut stream = server.client().stream_json(&call, &CallOptions::default()).await.expect("a stream");
    assert_eq!(stream.next_batch().await.expect("an item").expect("a batch").len(), 1);
    let error = stream.next_batch().await.expect("an item").expect_err("an error");
    let told: Value = serde_json::from_str(&error.to_json()).expect("JSON");
    assert_eq!(
        (&told["kind"], &told["status"], &told["code"]),
        (&json!("blocked"), &json!(451), &json!("pii_blocked"))
    );
    assert_eq!((&told["trace_id"], &told["details"]), (&json!("t1"), &json!({"types": ["EMAIL"]})));
    assert!(stream.next_batch().await.is_none());
    server.departures(1).await;
}

#[test]
fn every_answer_has_its_class_and_loses_nothing() {
    let body = json!({"error": {"code": "budget_exceeded", "message": "used up", "param": "model"}});
    let headers = [
        ("Retry-After".to_owned(), "7".to_owned()),
        ("X-Trace-Id".to_owned(), "t1".to_owned()),
        ("no header".to_owned(), "\n".to_owned()),
    ];
    let error = Error::from_answer(402, &headers, body.to_string().as_bytes());
    insta::assert_snapshot!(error.to_json(), @r#"{"kind":"quota","status":402,"code":"budget_exceeded","message":"used up","trace_id":"t1","retry_after":7,"param":"model","details":null,"raw":{"error":{"code":"budget_exceeded","message":"used up","param":"model"}}}"#);

    let table: Vec<String> =
        [301, 400, 401, 402, 403, 404, 409, 410, 413, 421, 422, 429, 451, 500, 502, 503, 504, 521, 999]
            .map(|status| {
                let error = Error::from_answer(status, &[], b"oops");
                format!("{status} {} {} {error}", error.kind().as_str(), error.code())
            })
            .to_vec();
    insta::assert_snapshot!(table.join("\n"));
}

#[tokio::test]
async fn failures_without_an_answer_have_the_published_status() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let client = Client::builder().key(API_KEY).base_url(format!("http://{address}")).max_retries(0);
    let client = client.build().expect("a client");
    let told = async |call: JsonCall, options: CallOptions| -> Value {
        let error = client.call_json(&call, &options).await.expect_err("an error");
        serde_json::from_str(&error.to_json()).expect("JSON")
    };
    let nobody = told(JsonCall::Models, CallOptions::default()).await;
    assert_eq!((&nobody["kind"], &nobody["status"]), (&json!("server"), &json!(500)));
    let message = nobody["message"].as_str().expect("a message");
    assert!(message.contains(&address.to_string()) && message.contains("Connection refused"), "{message}");
    let invalid = told(JsonCall::Models, CallOptions::user("admin")).await;
    assert_eq!(
        (&invalid["kind"], &invalid["status"], &invalid["param"]),
        (&json!("bad_request"), &json!(400), &json!("user_id"))
    );
    let missing = behest_core::client::resolve_config(br#"{"key": " "}"#).expect_err("no key");
    let missing: Value = serde_json::from_str(&missing.to_json()).expect("JSON");
    assert_eq!(
        (&missing["kind"], &missing["status"], &missing["code"]),
        (&json!("config"), &Value::Null, &json!("missing_env"))
    );
}

#[tokio::test]
async fn a_forked_client_mints_anew_and_keeps_the_configuration() {
    let server = Scripted::start(async |seen| match seen.path.as_str() {
        "/v1/auth/mint" => Script::json(200, &minted("jwt", "s1", 3600)),
        _ => Script::json(200, &json!({"object": "list", "data": []})),
    })
    .await;
    let parent = server.client();
    parent.models().list(&CallOptions::default()).await.expect("models");
    let child = parent.fork().expect("a client");
    assert_eq!(child.config().to_json(), parent.config().to_json());
    child.models().list(&CallOptions::default()).await.expect("models");
    let mints = server.seen("/v1/auth/mint");
    assert_eq!(mints.len(), 2, "tokens are not shared");
    assert_ne!(mints[0].connection, mints[1].connection, "nor are connections");

    let fake = Fake::new(async |_| Ok(json_answer(200, &[], &json!([]))));
    assert_eq!(fake.client().fork().expect_err("a transport of this process").code(), "bad_transport");
}

#[tokio::test]
async fn a_mint_needs_no_more_than_a_token_under_one_of_its_names() {
    for name in ["jwt", "access_token", "token"] {
        let fake = Fake::new(move |_| {
            let mut answer = serde_json::Map::new();
            answer.insert(name.to_owned(), json!("the.token.itself"));
            async move { Ok(json_answer(200, &[], &Value::Object(answer))) }
        });
        let options =
            MintOptions { session_id: Some("s1".to_owned()), ttl: Some(900), ..MintOptions::default() };
        let minted = fake.client().auth().mint(&options).await.expect("a token");
        assert_eq!(
            (minted.token.expose(), minted.ttl, minted.session_id.as_str()),
            ("the.token.itself", 900, "s1")
        );
        assert!(minted.expires_at.ends_with('Z'), "{}", minted.expires_at);
    }
    let fake = Fake::new(async |_| Ok(json_answer(200, &[], &json!({"ttl": 900}))));
    let error = fake.client().auth().mint(&MintOptions::default()).await.expect_err("no token");
    assert_eq!(error.code(), "bad_answer");
}

#[test]
fn legacy_tokens_carry_the_eight_published_claims() {
    let (key, pem) = SigningKey::generate("sk_0").expect("a key");
    let request = |changes: &[(&str, Value)]| {
        let mut request = json!({
            "signing_key_pem": pem.expose(), "key_id": "sk_0", "tenant_id": "t", "project_id": "p",
            "user_id": "ann", "ttl": 300,
        });
        for (name, value) in changes {
            request[*name] = value.clone();
        }
        sign_legacy_json(request.to_string().as_bytes())
    };
    let signed: Value = serde_json::from_str(&request(&[]).expect("a token")).expect("JSON");
    assert_eq!(signed["expires_in"], 300);
    let claims = decode(signed["access_token"].as_str().expect("a token")).expect("claims");
    assert_eq!(
        claims.keys().collect::<Vec<_>>(),
        ["tid", "pid", "uid", "iss", "aud", "iat", "nbf", "exp"],
        "in the published order"
    );
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!("behest"), &json!("behest")));
    assert_eq!(claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(exp, iat)| exp - iat), Some(300));
    drop(key);

    let code = |changes: &[(&str, Value)]| request(changes).expect_err("an error").code().to_owned();
    assert_eq!(code(&[("key_id", json!("kid_7"))]), "invalid_signing_key");
    assert_eq!(code(&[("signing_key_pem", json!("nothing"))]), "invalid_signing_key");
    assert_eq!(code(&[("signing_key_pem", json!(API_KEY))]), "invalid_signing_key");
    assert_eq!(code(&[("ttl", json!(59))]), "validation_error");
    assert_eq!(code(&[("user_id", json!("admin"))]), "validation_error");
    assert_eq!(code(&[("tenant_id", Value::Null)]), "validation_error");
}
