//! Nothing of one user ever reaches a call of another, however their calls interleave over one client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use behest_core::client::CallOptions;
use behest_core::types::chat::ChatRequest;
use behest_core::types::mint::Tags;
use behest_core::{Client, Error};
use futures_util::future::join_all;
use http::header::AUTHORIZATION;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::fake::{Fake, completion, json_answer, minted};

/// One call of one user.
#[derive(Debug, Clone)]
struct Step {
    user: u8,
    session: Option<u8>,
    team: Option<u8>,
    /// How often its answers let others go first.
    slow: u8,
    /// Whether the gateway refuses the token it came with, once.
    refused: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step =
        (0..4_u8, prop::option::of(0..2_u8), prop::option::of(0..2_u8), 0..6_u8, prop::bool::weighted(0.2));
    let step =
        step.prop_map(|(user, session, team, slow, refused)| Step { user, session, team, slow, refused });
    prop::collection::vec(step, 1..40)
}

impl Step {
    fn options(&self) -> CallOptions {
        CallOptions {
            user_id: Some(format!("user-{}", self.user)),
            // Users name their sessions alike, so that a mix-up would show.
            session_id: self.session.map(|session| format!("session-{session}")),
            tags: self.team.map(|team| ("team".to_owned(), format!("team-{team}"))).into_iter().collect(),
            headers: vec![
                ("x-slow".to_owned(), self.slow.to_string()),
                ("x-refused".to_owned(), self.refused.to_string()),
            ],
            ..CallOptions::default()
        }
    }
}

/// What the fake gateway remembers.
#[derive(Default)]
struct Gateway {
    /// Who each token is for, as it was minted.
    tokens: HashMap<String, Value>,
    /// Calls that were refused already, by their key.
    refused: Vec<String>,
    revoked: Vec<String>,
}

/// A gateway that answers each chat with what its token was minted for.
fn gateway() -> (Fake, Arc<Mutex<Gateway>>) {
    let gateway = Arc::new(Mutex::new(Gateway::default()));
    let state = gateway.clone();
    let fake = Fake::new(move |call| {
        let state = state.clone();
        async move {
            let header = |name: &str| {
                call.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
            };
            if call.url.ends_with("/mint") {
                let wanted: Value = serde_json::from_slice(&call.body).expect("a mint request");
                // Long enough that calls of the same user arrive meanwhile.
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
                let mut state = state.lock().expect("the gateway");
                let token = format!("token-{}", state.tokens.len());
                let session = wanted["session_id"].as_str().unwrap_or(&token).to_owned();
                state.tokens.insert(token.clone(), wanted);
                return Ok(json_answer(200, &[], &minted(&token, &session, 3600)));
            }
            for _ in 0..header("x-slow").parse().unwrap_or(0) {
                tokio::task::yield_now().await;
            }
            let token = header(AUTHORIZATION.as_str()).replace("Bearer ", "");
            let mut state = state.lock().expect("the gateway");
            let key = header("idempotency-key");
            let refuse = header("x-refused") == "true" && !state.refused.contains(&key);
            if refuse {
                state.refused.push(key);
                state.revoked.push(token.clone());
            }
            if refuse || state.revoked.contains(&token) {
                return Ok(json_answer(401, &[], &json!({ "error": { "code": "invalid_token" } })));
            }
            let mut seen = state.tokens.get(&token).cloned().unwrap_or_default();
            seen["x-session-id"] = header("x-session-id").into();
            Ok(json_answer(200, &[], &completion(&seen.to_string())))
        }
    });
    (fake, gateway)
}

/// What the gateway saw the call as.
async fn call(client: &Client, step: &Step) -> Result<Value, Error> {
    let reply = client.chat().create(&ChatRequest::user("hi"), &step.options()).await?;
    Ok(serde_json::from_str(reply.text()).expect("what the gateway saw"))
}

fn check(step: &Step, seen: &Value) {
    let options = step.options();
    assert_eq!(seen["user_id"].as_str(), options.user_id.as_deref());
    assert_eq!(seen["session_id"].as_str(), options.session_id.as_deref());
    assert_eq!(seen["x-session-id"].as_str(), Some(options.session_id.as_deref().unwrap_or_default()));
    let tags: Tags = serde_json::from_value(seen["tags"].clone()).unwrap_or_default();
    assert_eq!(tags, options.tags);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_call_is_its_own_users(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let (fake, gateway) = gateway();
            let client = fake.client();
            let answers = join_all(steps.iter().map(|step| call(&client, step))).await;
            let mut refusals = 0;
            for (step, answer) in steps.iter().zip(answers) {
                match answer {
                    Ok(seen) => check(step, &seen),
                    // A token may be revoked again under a call that has had its one fresh token.
                    Err(error) => {
                        assert_eq!(error.status(), Some(401));
                        refusals += 1;
                    }
                }
            }
            let revoked = gateway.lock().expect("the gateway").revoked.len();
            assert!(refusals == 0 || revoked > 1, "only a second revocation can fail a call");
            let mut keys: Vec<_> = steps.iter().map(|step| (step.user, step.session, step.team)).collect();
            keys.sort_unstable();
            keys.dedup();
            let mints = fake.calls("/mint").len();
            assert!(mints >= keys.len() && mints <= keys.len() + revoked, "{mints} mints for {} keys", keys.len());
        });
    }
}
