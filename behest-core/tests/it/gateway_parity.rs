//! The client against a real gateway, the same over HTTP and inside this process.

use behest_core::client::{CallOptions, MintOptions, ThreadQuery, UsageQuery};
use behest_core::gateway::config::Config;
use behest_core::types::chat::ChatRequest;
use behest_core::types::mint::{Role, Tier};
use behest_core::{Client, Error};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::time::timeout;

use crate::parity::{Site, Way, both_ways};
use crate::support::gateway::{TestGateway, eventually, provider, providers};
use crate::support::scripted::{Gate, Script, Scripted, Step, chunk, done, event};
use crate::support::{API_KEY, PATIENCE};

async fn offline(way: Way) -> (TestGateway, Site) {
    let gateway = TestGateway::start().await;
    let site = Site::with_key(way, gateway.router.clone(), &gateway.api_key).await;
    (gateway, site)
}

async fn before(way: Way, upstream: &Scripted, drain_deadline: u64) -> (TestGateway, Site) {
    let config = providers([("fake", provider(upstream, &["fake-1"]))]);
    let gateway = TestGateway::with(Config { drain_deadline, ..config }).await;
    let site = Site::with_key(way, gateway.router.clone(), &gateway.api_key).await;
    (gateway, site)
}

fn ann() -> CallOptions {
    CallOptions::user("ann")
}

/// The text of a streamed answer, and the error that ended it.
async fn read(client: &Client, request: &ChatRequest) -> (String, Option<Error>) {
    let mut stream = client.chat().stream(request, &ann()).await.expect("a stream");
    let mut text = String::new();
    while let Some(item) = timeout(PATIENCE, stream.next()).await.expect("an item in time") {
        match item {
            Ok(chunk) => text.push_str(chunk.text()),
            Err(error) => return (text, Some(error)),
        }
    }
    (text, None)
}

#[tokio::test]
async fn minting() {
    both_ways(async |way| {
        let (_gateway, site) = offline(way).await;
        let options = MintOptions {
            user_id: Some("ann".to_owned()),
            session_id: Some("s-1".to_owned()),
            tier: Some(Tier::Number(2)),
            ttl: Some(60),
            ..MintOptions::default()
        };
        let minted = site.client.auth().mint(&options).await.expect("a token");
        assert_eq!((minted.session_id.as_str(), minted.ttl), ("s-1", 60), "{way:?}");
        let with_it = CallOptions { token: Some(minted.token), ..CallOptions::default() };
        site.client.models().list(&with_it).await.expect("it is believed");
        let above = MintOptions { role: Some(Role::Admin), ..options };
        let error = site.client.auth().mint(&above).await.expect_err("a role above the key's");
        assert_eq!((error.code(), error.status()), ("forbidden", Some(403)), "{way:?}");
    })
    .await;
}

#[tokio::test]
async fn tokens_signed_here() {
    both_ways(async |way| {
        let gateway = TestGateway::start().await;
        let (tenant, project) = (gateway.project.tenant_id.as_str(), gateway.project.id.as_str());
        let key = gateway.signing_key(tenant).await;
        let site = Site::with(way, gateway.router.clone(), |builder| {
            let builder = builder.key(&key.private_key_pem).kid(&key.signing_key.kid);
            builder.tenant_id(tenant).project_id(project).tier(Tier::Name("gold".to_owned()))
        });
        let site = site.await;
        let reply = site.client.chat().create(&ChatRequest::user("hello"), &ann()).await.expect("an answer");
        assert_eq!(reply.text(), "You said: hello", "{way:?}");
        assert_eq!(gateway.usage_by("user_id").await, [(json!("ann"), 1)], "{way:?}");
        assert_eq!(gateway.usage_by("tier").await, [(json!("gold"), 1)], "{way:?}");
        let path = gateway.of_tenant(&format!("signing-keys/{}", key.signing_key.kid));
        assert_eq!(gateway.call(http::Method::DELETE, &path).admin().await.status, 204);
        let error = site.client.models().list(&ann()).await.expect_err("the key is revoked");
        assert_eq!((error.code(), error.status()), ("invalid_token", Some(401)), "{way:?}");
    })
    .await;
}

#[tokio::test]
async fn a_plain_answer_with_its_thread() {
    both_ways(async |way| {
        let (_gateway, site) = offline(way).await;
        let in_thread = CallOptions { thread_id: Some("t:1".to_owned()), ..ann() };
        let reply =
            site.client.chat().create(&ChatRequest::user("hello"), &in_thread).await.expect("an answer");
        assert_eq!((reply.text(), reply.model.as_str()), ("You said: hello", "local/echo"), "{way:?}");
        assert_eq!(reply.meta.model.as_deref(), Some("local/echo"));
        assert_eq!((reply.meta.memory, reply.meta.attempts, reply.meta.cost_usd), (Some(0), Some(1), None));
        assert_eq!(reply.meta.trace_id.as_ref().map(String::len), Some(32));
        let again =
            site.client.chat().create(&ChatRequest::user("again"), &in_thread).await.expect("an answer");
        assert_eq!(again.meta.memory, Some(2));

        let threads = site.client.threads();
        let listed = threads.list(&ThreadQuery::default(), &ann()).await.expect("threads");
        assert_eq!((listed.len(), listed[0].id.as_str(), listed[0].messages_count), (1, "t:1", 4), "{way:?}");
        assert_eq!(threads.get("t:1", &ann()).await.expect("a thread"), listed[0]);
        let messages = threads.messages("t:1", &ann()).await.expect("messages");
        let roles: Vec<&str> = messages.iter().map(|message| message.role.as_str()).collect();
        assert_eq!(roles, ["user", "assistant", "user", "assistant"]);
        let bob = threads.get("t:1", &CallOptions::user("bob")).await.expect_err("another's thread");
        assert_eq!((bob.code(), bob.status()), ("not_found", Some(404)), "{way:?}");
        threads.delete("t:1", &ann()).await.expect("deleted");
        let gone = threads.delete("t:1", &ann()).await.expect_err("it is gone");
        assert_eq!(gone.status(), Some(404), "{way:?}");
    })
    .await;
}

#[tokio::test]
async fn a_streamed_answer_with_its_usage() {
    both_ways(async |way| {
        let (_gateway, site) = offline(way).await;
        let request = ChatRequest::user("one two").with("stream_options", json!({ "include_usage": true }));
        let mut stream = site.client.chat().stream(&request, &ann()).await.expect("a stream");
        assert_eq!(stream.meta().provider.as_deref(), Some("local"), "{way:?}");
        let (mut text, mut usage) = (String::new(), None);
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.expect("a chunk");
            text.push_str(chunk.text());
            usage = chunk.usage.or(usage);
        }
        assert_eq!(text, "You said: one two", "{way:?}");
        assert_eq!(
            usage.map(|usage| (usage.prompt_tokens, usage.completion_tokens)),
            Some((2, 4)),
            "{way:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn usage_billing_and_models() {
    both_ways(async |way| {
        let (gateway, site) = offline(way).await;
        for user in ["ann", "ann", "bob"] {
            let options = CallOptions::user(user);
            site.client.chat().create(&ChatRequest::user("hello"), &options).await.expect("an answer");
        }
        let by_user = UsageQuery { group_by: Some("user_id".to_owned()), ..UsageQuery::default() };
        let own = site.client.usage().get(&by_user, &ann()).await.expect("a report");
        assert_eq!(own.totals.requests, 2, "{way:?}");
        let all = CallOptions { as_api_key: true, ..CallOptions::default() };
        let report = site.client.usage().get(&by_user, &all).await.expect("a report");
        let groups: Vec<_> = report.breakdown.iter().map(|bucket| bucket.group.clone()).collect();
        assert_eq!(groups, [Some(json!("ann")), Some(json!("bob"))], "{way:?}");
        let others = UsageQuery { user_id: Some("bob".to_owned()), ..UsageQuery::default() };
        let error = site.client.usage().get(&others, &ann()).await.expect_err("another's records");
        assert_eq!((error.code(), error.status()), ("forbidden", Some(403)), "{way:?}");
        let from = "2020-01-01T00:00:00+02:00";
        let bill = site.client.usage().billing(Some(from), None, &all).await.expect("a bill");
        assert_eq!(
            (bill.project_id, bill.platform.totals.requests),
            (gateway.project.id.clone(), 3),
            "{way:?}"
        );

        let models = site.client.models().list(&ann()).await.expect("models");
        assert_eq!(models.data.len(), 1, "{way:?}");
        let model = site.client.models().get("local/echo", &ann()).await.expect("a model");
        assert_eq!(model, models.data[0]);
        assert_eq!(site.client.models().get("none", &ann()).await.expect_err("none").status(), Some(404));
    })
    .await;
}

#[tokio::test]
async fn errors() {
    both_ways(async |way| {
        let (gateway, site) = offline(way).await;
        let strange = Site::with_key(way, gateway.router.clone(), API_KEY).await;
        let request = ChatRequest::user("hello");
        let error = strange.client.chat().create(&request, &ann()).await.expect_err("a strange key");
        assert_eq!((error.code(), error.status()), ("invalid_token", Some(401)), "{way:?}");
        assert_eq!(error.trace_id().map(str::len), Some(32), "{way:?}");

        let bad = request.clone().with("max_tokens", -1);
        for error in [
            site.client.chat().create(&bad, &ann()).await.expect_err("a bad field"),
            site.client.chat().stream(&bad, &ann()).await.expect_err("a bad field"),
        ] {
            let Error::Api(error) = error else { panic!("{error:?}") };
            assert_eq!((error.code.as_str(), error.status), ("validation_error", 400), "{way:?}");
            assert_eq!(error.param.as_deref(), Some("max_tokens"), "{way:?}");
        }
        gateway.change(&gateway.project.id, &json!({ "status": "suspended" })).await;
        let error = site.client.models().list(&CallOptions::user("cleo")).await.expect_err("suspended");
        assert_eq!((error.code(), error.status()), ("project_suspended", Some(403)), "{way:?}");
    })
    .await;
}

#[tokio::test]
async fn a_dropped_stream_is_cancelled_at_the_provider_and_recorded() {
    both_ways(async |way| {
        let upstream = Scripted::in_turn(vec![Script::sse(vec![chunk("half"), Step::Hang])]).await;
        let (gateway, site) = before(way, &upstream, 30).await;
        let mut stream =
            site.client.chat().stream(&ChatRequest::user("tell"), &ann()).await.expect("a stream");
        assert_eq!(stream.next().await.expect("an item").expect("a chunk").text(), "half", "{way:?}");
        drop(stream);
        upstream.departures(1).await;
        let counted =
            eventually(async || Some(gateway.usage_by("status").await).filter(|rows| !rows.is_empty()));
        assert_eq!(counted.await, [(json!("cancelled"), 1)], "{way:?}");
    })
    .await;
}

#[tokio::test]
async fn a_call_dropped_before_its_answer_is_cancelled_at_the_provider_and_recorded() {
    both_ways(async |way| {
        let never = Gate::new();
        let gate = never.clone();
        let upstream = Scripted::start(move |_| {
            let gate = gate.clone();
            async move {
                gate.wait().await;
                Script::reset()
            }
        })
        .await;
        let (gateway, site) = before(way, &upstream, 30).await;
        let (chat, request, options) = (site.client.chat(), ChatRequest::user("tell"), ann());
        tokio::select! {
            answer = chat.create(&request, &options) => panic!("{way:?} {answer:?}"),
            () = upstream.requests(1) => {}
        }
        upstream.departures(1).await;
        let counted =
            eventually(async || Some(gateway.usage_by("status").await).filter(|rows| !rows.is_empty()));
        assert_eq!(counted.await, [(json!("cancelled"), 1)], "{way:?}");
    })
    .await;
}

#[tokio::test]
async fn an_error_in_mid_stream_is_the_last_item() {
    both_ways(async |way| {
        let broken = json!({ "error": { "message": "overloaded" } }).to_string();
        let scripts = vec![
            Script::sse(vec![chunk("half"), event(&broken)]),
            Script::sse(vec![chunk("half"), Step::Close]),
            Script::sse(vec![chunk("whole"), done()]),
        ];
        let upstream = Scripted::in_turn(scripts).await;
        let (_gateway, site) = before(way, &upstream, 30).await;
        let request = ChatRequest::user("tell");
        for _ in 0..2 {
            let (text, error) = read(&site.client, &request).await;
            assert_eq!(
                (text.as_str(), error.expect("an error").code()),
                ("half", "upstream_error"),
                "{way:?}"
            );
        }
        let (text, error) = read(&site.client, &request).await;
        assert!(text == "whole" && error.is_none(), "{way:?} {error:?}");
    })
    .await;
}

#[tokio::test]
async fn a_drain_lets_answers_under_way_finish_and_takes_no_new_ones() {
    both_ways(async |way| {
        let gate = Gate::new();
        let script = Script::sse(vec![chunk("one"), Step::Wait(gate.clone()), chunk(" two"), done()]);
        let upstream = Scripted::in_turn(vec![script]).await;
        let (gateway, site) = before(way, &upstream, 30).await;
        let mut stream =
            site.client.chat().stream(&ChatRequest::user("tell"), &ann()).await.expect("a stream");
        assert_eq!(stream.next().await.expect("an item").expect("a chunk").text(), "one", "{way:?}");
        let shutting = gateway.gateway.clone();
        let shutting = tokio::spawn(async move { shutting.shut_down().await });
        let refused = eventually(async || {
            let answer = gateway.get("/ready").await;
            (answer.status == 503).then_some(answer)
        });
        assert_eq!(refused.await.json()["checks"]["lifecycle"], "shutting down", "{way:?}");
        let error =
            site.client.chat().create(&ChatRequest::user("late"), &ann()).await.expect_err("too late");
        assert_eq!((error.code(), error.status()), ("unavailable", Some(503)), "{way:?}");
        assert_eq!(error.retry_after(), Some(1), "{way:?}");
        gate.open();
        assert_eq!(stream.next().await.expect("an item").expect("a chunk").text(), " two", "{way:?}");
        assert!(stream.next().await.is_none(), "{way:?}");
        timeout(PATIENCE, shutting).await.expect("an end in time").expect("it shuts down");
    })
    .await;
}

#[tokio::test]
async fn at_the_deadline_the_rest_is_told_so() {
    both_ways(async |way| {
        let upstream = Scripted::start(|seen| async move {
            if seen.json()["stream"] == true {
                Script::sse(vec![chunk("half"), Step::Hang])
            } else {
                std::future::pending().await
            }
        })
        .await;
        let (gateway, site) = before(way, &upstream, 0).await;
        let mut stream =
            site.client.chat().stream(&ChatRequest::user("tell"), &ann()).await.expect("a stream");
        assert_eq!(stream.next().await.expect("an item").expect("a chunk").text(), "half", "{way:?}");
        let client = site.client.clone();
        let plain =
            tokio::spawn(async move { client.chat().create(&ChatRequest::user("plain"), &ann()).await });
        upstream.requests(2).await;
        let begun = std::time::Instant::now();
        let (last, ()) = tokio::join!(stream.next(), gateway.gateway.shut_down());
        assert!(begun.elapsed().as_secs() < 10, "{way:?}");
        let error = last.expect("an item").expect_err("the gateway's word");
        assert_eq!(error.code(), "unavailable", "{way:?}");
        let plain = timeout(PATIENCE, plain).await.expect("an end in time").expect("no panic");
        let error = plain.expect_err("the gateway's word");
        assert_eq!((error.code(), error.status()), ("unavailable", Some(503)), "{way:?}");
        upstream.departures(2).await;
        assert_eq!(
            gateway.usage_by("status").await,
            [(json!("incomplete"), 2)],
            "nothing is left open, {way:?}"
        );
    })
    .await;
}
