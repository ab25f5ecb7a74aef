//! Which token a call carries: minted or signed, kept, shared, renewed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use behest_core::client::{CallOptions, MintOptions};
use behest_core::token::{Rules, SigningKey, TokenError, VerifyingKey, verify};
use behest_core::types::chat::ChatRequest;
use behest_core::types::mint::{Role, Tags, Tier};
use behest_core::{Client, Error, Secret};
use futures_util::future::join_all;
use serde_json::json;

use crate::support::API_KEY;
use crate::support::fake::{Fake, completion, json_answer, minted};
use crate::support::scripted::{Gate, Script, Scripted};

const MINT: &str = "/v1/auth/mint";
const CHAT: &str = "/v1/chat/completions";

async fn ask(client: &Client, options: &CallOptions) -> Result<String, Error> {
    let reply = client.chat().create(&ChatRequest::user("hi"), options).await?;
    Ok(reply.text().to_owned())
}

/// Mints `jwt-1`, `jwt-2`, ... behind a gate, and lets `judge` answer everything else by its token.
async fn minting(gate: Gate, judge: impl Fn(&str) -> Script + Send + Sync + 'static) -> Scripted {
    let mints = AtomicUsize::new(0);
    Scripted::start(move |seen| {
        let is_mint = seen.path == MINT;
        let script = if is_mint {
            let number = mints.fetch_add(1, Ordering::Relaxed) + 1;
            Script::json(200, &minted(&format!("jwt-{number}"), &format!("s-{number}"), 3600))
        } else {
            judge(seen.bearer())
        };
        let gate = gate.clone();
        async move {
            if is_mint {
                gate.wait().await;
            }
            script
        }
    })
    .await
}

fn open_gate() -> Gate {
    let gate = Gate::new();
    gate.open();
    gate
}

fn welcome() -> Script {
    Script::json(200, &completion("welcome"))
}

fn unauthorized() -> Script {
    Script::json(401, &json!({ "error": { "code": "token_expired", "message": "expired" } }))
}

#[tokio::test]
async fn the_api_key_mints_and_the_minted_token_calls() {
    let server = minting(open_gate(), |_| welcome()).await;
    let options = CallOptions {
        user_id: Some("zoë".into()),
        tier: Some(Tier::Name("gold".into())),
        tags: Tags::from([("team".into(), "search".into())]),
        thread_id: Some("t:1".into()),
        headers: vec![("traceparent".into(), "00-1-2-01".into())],
        ..CallOptions::default()
    };
    ask(&server.client(), &options).await.expect("an answer");
    let mint = &server.seen(MINT)[0];
    assert_eq!(mint.bearer(), API_KEY);
    assert_eq!(
        mint.json(),
        json!({ "user_id": "zoë", "tier": "gold", "ttl": 3600, "tags": { "team": "search" } })
    );
    let call = &server.seen(CHAT)[0];
    assert_eq!(call.bearer(), "jwt-1");
    assert_eq!((call.header("x-thread-id"), call.header("traceparent")), ("t:1", "00-1-2-01"));
    assert!(!call.headers.contains_key("x-session-id"), "a session is named only when the caller names one");
    assert!(!call.headers.contains_key("x-end-user-id"), "the token says who it is for");
    assert!(call.header("user-agent").starts_with("behest-rust/"));
}

#[tokio::test]
async fn a_token_is_kept_for_its_user_tier_session_role_and_tags() {
    let server = minting(open_gate(), |_| welcome()).await;
    let client = server.client();
    let base = CallOptions::user("ann");
    let different = [
        base.clone(),
        CallOptions::user("bob"),
        CallOptions { tier: Some(Tier::Number(2)), ..base.clone() },
        CallOptions { session_id: Some("s1".into()), ..base.clone() },
        CallOptions { role: Some(Role::Admin), ..base.clone() },
        CallOptions { tags: Tags::from([("a".into(), "b".into())]), ..base.clone() },
    ];
    for _ in 0..2 {
        for (number, options) in different.iter().enumerate() {
            // What does not belong to the token does not part it.
            let options = CallOptions { thread_id: Some(format!("t{number}")), ..options.clone() };
            ask(&client, &options).await.expect("an answer");
            let call = server.seen(CHAT).pop().expect("a call");
            assert_eq!(call.bearer(), format!("jwt-{}", number + 1));
            assert_eq!(call.header("x-session-id"), options.session_id.as_deref().unwrap_or_default());
        }
    }
    assert_eq!(server.seen(MINT).len(), different.len());
}

#[tokio::test]
async fn fifty_calls_at_once_share_one_mint() {
    let gate = Gate::new();
    let server = minting(gate.clone(), |_| welcome()).await;
    let client = server.client();
    let options = CallOptions::user("ann");
    // The calls are all asked once before the gate is: each has then either asked for a mint or joined one.
    let calls = join_all((0..50).map(|_| ask(&client, &options)));
    let (answers, ()) = tokio::join!(calls, async { gate.open() });
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(server.seen(MINT).len(), 1);
    assert_eq!(server.seen(CHAT).len(), 50);
}

#[tokio::test]
async fn a_failing_mint_fails_everyone_who_waits_and_is_not_remembered() {
    let gate = Gate::new();
    let (held, mints) = (gate.clone(), Arc::new(AtomicUsize::new(0)));
    let fake = Fake::new(move |call| {
        let (held, mints) = (held.clone(), mints.clone());
        async move {
            if !call.url.ends_with("/mint") {
                return Ok(json_answer(200, &[], &completion("welcome")));
            }
            held.wait().await;
            Ok(match mints.fetch_add(1, Ordering::Relaxed) {
                0 => json_answer(403, &[], &json!({ "error": { "code": "forbidden", "message": "no" } })),
                _ => json_answer(200, &[], &minted("jwt", "s", 3600)),
            })
        }
    });
    let client = fake.client();
    let options = CallOptions::default();
    let calls = join_all((0..20).map(|_| ask(&client, &options)));
    let (answers, ()) = tokio::join!(calls, async { gate.open() });
    for answer in answers {
        assert_eq!(answer.expect_err("the mint failed").code(), "forbidden");
    }
    assert_eq!(fake.calls("/mint").len(), 1);
    assert_eq!(ask(&client, &options).await.expect("a new mint"), "welcome");
    assert_eq!(fake.calls("/mint").len(), 2);
}

#[tokio::test]
async fn a_mint_outlives_the_caller_who_began_it_and_ends_with_the_last() {
    let gate = Gate::new();
    let server = minting(gate.clone(), |_| welcome()).await;
    let client = server.client();
    let options = CallOptions::user("ann");
    let mut first = Box::pin(ask(&client, &options));
    let second = ask(&client, &options);
    tokio::select! {
        biased;
        _ = &mut first => panic!("the gate is closed"),
        () = server.requests(1) => {}
    }
    let leave = async {
        drop(first);
        gate.open();
    };
    let (answer, ()) = tokio::join!(second, leave);
    assert_eq!(answer.expect("an answer"), "welcome");
    assert_eq!(server.seen(MINT).len(), 1, "the second caller took the mint over");

    let gate = Gate::new();
    let server = minting(gate.clone(), |_| welcome()).await;
    let client = server.client();
    tokio::select! {
        _ = ask(&client, &options) => panic!("the gate is closed"),
        () = server.requests(1) => {}
    }
    server.departures(1).await;
    gate.open();
    assert_eq!(ask(&client, &options).await.expect("an answer"), "welcome");
    assert_eq!(server.seen(MINT).len(), 2, "a mint that nobody waits for is given up");
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let server =
        minting(open_gate(), |token| if token == "jwt-1" { unauthorized() } else { welcome() }).await;
    let client =
        Client::builder().key(API_KEY).base_url(server.base_url()).max_retries(0).build().expect("a client");
    assert_eq!(ask(&client, &CallOptions::default()).await.expect("an answer"), "welcome");
    assert_eq!((server.seen(MINT).len(), server.seen(CHAT).len()), (2, 2));
    let keys: Vec<_> =
        server.seen(CHAT).iter().map(|call| call.header("idempotency-key").to_owned()).collect();
    assert_eq!(keys[0], keys[1], "it is the same call");
    ask(&client, &CallOptions::default()).await.expect("the new token is kept");
    assert_eq!(server.seen(MINT).len(), 2);

    let server = minting(open_gate(), |_| unauthorized()).await;
    let error = ask(&server.client(), &CallOptions::default()).await.expect_err("refused twice");
    assert_eq!((error.status(), error.code()), (Some(401), "token_expired"));
    assert_eq!((server.seen(MINT).len(), server.seen(CHAT).len()), (2, 2));
}

#[tokio::test]
async fn calls_that_are_refused_together_share_the_fresh_token() {
    let server =
        minting(open_gate(), |token| if token == "jwt-1" { unauthorized() } else { welcome() }).await;
    let client = server.client();
    let options = CallOptions::default();
    let answers = join_all((0..20).map(|_| ask(&client, &options))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(server.seen(MINT).len(), 2);
}

#[tokio::test]
async fn a_token_of_the_caller_is_used_as_it_is() {
    let server = minting(open_gate(), |_| unauthorized()).await;
    let options = CallOptions {
        token: Some(Secret::new("the-callers-own")),
        user_id: Some("ann".into()),
        ..CallOptions::default()
    };
    let error = ask(&server.client(), &options).await.expect_err("a refusal");
    assert_eq!(error.status(), Some(401));
    assert!(server.seen(MINT).is_empty(), "nothing is minted in its place");
    let calls = server.seen(CHAT);
    assert_eq!((calls.len(), calls[0].bearer()), (1, "the-callers-own"));
    assert_eq!(calls[0].header("x-end-user-id"), "ann");
}

#[tokio::test]
async fn the_api_key_itself_sees_the_whole_project() {
    let server = minting(open_gate(), |_| Script::json(200, &json!({ "totals": {
        "requests": 1, "tokens": 2, "input_tokens": 1, "output_tokens": 1, "cost_usd": 0.5 }, "breakdown": [] })))
    .await;
    let options = CallOptions { as_api_key: true, ..CallOptions::default() };
    let query = behest_core::client::UsageQuery {
        from: Some("2026-01-01T00:00:00+02:00".into()),
        group_by: Some("user_id".into()),
        ..Default::default()
    };
    let report = server.client().usage().get(&query, &options).await.expect("a report");
    assert_eq!(report.totals.requests, 1);
    let call = &server.seen("/v1/usage")[0];
    assert_eq!(call.bearer(), API_KEY);
    assert_eq!(call.path, "/v1/usage?from=2026-01-01T00%3A00%3A00%2B02%3A00&group_by=user_id");
    assert!(!call.headers.contains_key("idempotency-key"), "a reading call needs none");
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_a_minute_before_it_ends() {
    let fake = Fake::new(|call| async move {
        Ok(match call.url.ends_with("/mint") {
            true => json_answer(200, &[], &minted("jwt", "s", 600)),
            false => json_answer(200, &[], &completion("welcome")),
        })
    });
    let client = fake.client();
    let options = CallOptions::default();
    for (advance, mints) in [(0, 1), (539, 1), (1, 2), (539, 2), (1, 3)] {
        tokio::time::advance(Duration::from_secs(advance)).await;
        ask(&client, &options).await.expect("an answer");
        assert_eq!(fake.calls("/mint").len(), mints);
    }
}

#[tokio::test]
async fn an_asked_for_mint_is_always_a_new_token() {
    let server = minting(open_gate(), |_| welcome()).await;
    let client = server.client();
    let options = MintOptions {
        user_id: Some("ann".into()),
        session_id: Some("s".into()),
        role: Some(Role::Admin),
        ttl: Some(900),
        ..MintOptions::default()
    };
    let first = client.auth().mint(&options).await.expect("a token");
    let second = client.auth().mint(&options).await.expect("a token");
    assert_eq!((first.token.expose(), second.token.expose()), ("jwt-1", "jwt-2"));
    assert_eq!((first.session_id.as_str(), first.ttl), ("s-1", 3600));
    let wanted = json!({ "user_id": "ann", "session_id": "s", "role": "admin", "ttl": 900 });
    assert_eq!(server.seen(MINT)[0].json(), wanted);
    assert!(!format!("{first:?}").contains("jwt-1"), "a token is never printed");
}

#[tokio::test]
async fn what_breaks_a_rule_is_never_sent() {
    let server = minting(open_gate(), |_| welcome()).await;
    let client = server.client();
    for (options, param) in [
        (CallOptions::user("system"), "user_id"),
        (CallOptions::user(""), "user_id"),
        (CallOptions { session_id: Some("a b".into()), ..CallOptions::default() }, "session_id"),
        (CallOptions { thread_id: Some("..".into()), ..CallOptions::default() }, "thread_id"),
        (CallOptions { headers: vec![("a\nb".into(), "c".into())], ..CallOptions::default() }, "headers"),
        (
            CallOptions { headers: vec![("a".into(), "b\r\nc: d".into())], ..CallOptions::default() },
            "headers",
        ),
        (
            CallOptions { headers: vec![("Authorization".into(), "x".into())], ..CallOptions::default() },
            "headers",
        ),
        (CallOptions { token: Some(Secret::new("a\nb")), ..CallOptions::default() }, "token"),
    ] {
        let error = ask(&client, &options).await.expect_err("a broken rule");
        assert_eq!(error.code(), "validation_error");
        assert!(matches!(error, Error::Request { param: named, .. } if named == param), "{error:?}");
    }
    assert!(server.seen(CHAT).is_empty());
    let short = MintOptions { ttl: Some(59), ..MintOptions::default() };
    assert_eq!(client.auth().mint(&short).await.expect_err("too short").code(), "validation_error");
}

#[tokio::test]
async fn a_private_key_signs_tokens_that_verify() {
    let server = minting(open_gate(), |_| welcome()).await;
    let (signing, pem) = SigningKey::generate("sk_1").expect("a key");
    let client = Client::builder()
        .key(pem.expose())
        .kid("sk_1")
        .tenant_id("tenant")
        .project_id("project")
        .ttl(900)
        .base_url(server.base_url())
        .build()
        .expect("a client");
    let options = CallOptions { tier: Some(Tier::Number(2)), ..CallOptions::user("ann") };
    for options in [&options, &options, &CallOptions::user("bob")] {
        ask(&client, options).await.expect("an answer");
    }
    assert!(server.seen(MINT).is_empty(), "nobody is asked for a token");
    let calls = server.seen(CHAT);
    assert_eq!(calls[0].bearer(), calls[1].bearer(), "it is kept");

    let public = VerifyingKey::from_jwk(signing.public()).expect("a public key");
    let now = jiff::Timestamp::now().as_second();
    let read = |token: &str, now: i64| {
        let unverified = verify::Unverified::read(token)?;
        assert_eq!(unverified.kid, "sk_1");
        unverified.verify(&public, &Rules::default(), now)
    };
    let verified = read(calls[0].bearer(), now).expect("a good token");
    let claims = verified.claims();
    assert_eq!((claims.tid.as_str(), claims.pid.as_str(), claims.uid.as_str()), ("tenant", "project", "ann"));
    assert_eq!((claims.role.as_deref(), claims.tier.clone()), (Some("user"), Some(Tier::Number(2))));
    assert_eq!((claims.iss.as_str(), claims.exp - claims.iat), ("https://api.behest.ai", 900));
    assert!(claims.sid.is_some() && claims.jti.is_some() && !claims.draft);
    assert!(matches!(read(calls[0].bearer(), now + 1000), Err(TokenError::Expired { .. })));
    let other = read(calls[2].bearer(), now).expect("a good token");
    assert_eq!(other.claims().uid, "bob");
    assert_ne!(other.claims().sid, claims.sid, "no state is shared between users");
}
