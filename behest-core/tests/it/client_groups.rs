//! Each verb of each group: what it sends, and how it reads the answer.

use behest_core::Client;
use behest_core::client::{CallOptions, ThreadQuery};
use behest_core::types::chat::{ChatRequest, Message};
use behest_core::types::embeddings::EmbeddingsRequest;
use serde_json::{Value, json};

use crate::support::fake::completion;
use crate::support::scripted::{Script, Scripted, Seen};

async fn answering(body: Value) -> (Scripted, Client) {
    let server = Scripted::in_turn(vec![Script::json(200, &body)]).await;
    let client = server.client();
    (server, client)
}

fn last(server: &Scripted) -> Seen {
    server.seen("/").pop().expect("a call")
}

#[tokio::test]
async fn a_chat_keeps_every_field_both_ways_and_tells_how_it_came_about() {
    let mut answer = completion("hello");
    answer["system_fingerprint"] = json!("fp");
    answer["usage"] =
        json!({ "prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "x": { "y": 1 } });
    let script = Script::json(200, &answer)
        .header("x-trace-id", "t1")
        .header("x-behest-model", "local/echo")
        .header("x-behest-cost-usd", "0.000125")
        .header("x-behest-attempts", "2");
    let server = Scripted::in_turn(vec![script]).await;
    let request = ChatRequest {
        stream: Some(true),
        messages: vec![Message::system("be brief"), Message::user("hi")],
        ..ChatRequest::user("")
    };
    let request = request.model("gpt").with("temperature", 0.5).with("x_unknown", json!({ "a": [1] }));
    let reply = server.client().chat().create(&request, &CallOptions::default()).await.expect("an answer");
    assert_eq!(reply.text(), "hello");
    assert_eq!(reply.extra["system_fingerprint"], "fp");
    assert_eq!(serde_json::to_value(&reply.data).expect("json"), answer);
    assert_eq!((reply.meta.trace_id.as_deref(), reply.meta.cost_usd), (Some("t1"), Some(0.000_125)));
    assert_eq!((reply.meta.model.as_deref(), reply.meta.attempts), (Some("local/echo"), Some(2)));
    assert_eq!((reply.meta.provider.as_deref(), reply.meta.memory), (None, None));
    let sent = last(&server);
    assert_eq!((sent.method.as_str(), sent.path.as_str()), ("POST", "/v1/chat/completions"));
    assert_eq!(
        sent.json(),
        json!({
            "model": "gpt",
            "messages": [{ "role": "system", "content": "be brief" }, { "role": "user", "content": "hi" }],
            "temperature": 0.5, "x_unknown": { "a": [1] },
        }),
        "a plain call does not ask for a stream"
    );
}

#[tokio::test]
async fn embeddings_keep_every_field_both_ways() {
    let answer = json!({
        "object": "list", "model": "m", "new": 1,
        "data": [
            { "object": "embedding", "index": 0, "embedding": [0.5, -1.0], "extra": true },
            { "object": "embedding", "index": 1, "embedding": "AACAPw==" },
        ],
        "usage": { "prompt_tokens": 3, "total_tokens": 3 },
    });
    let (server, client) = answering(answer.clone()).await;
    let request = EmbeddingsRequest { dimensions: Some(2), ..EmbeddingsRequest::new(vec!["a", "b"]) };
    let request = request.model("m").with("input_type", "search_query");
    let reply = client.embeddings().create(&request, &CallOptions::default()).await.expect("an answer");
    assert_eq!(serde_json::to_value(&reply.data).expect("json"), answer);
    let floats: Vec<_> = reply.data.data.iter().map(|row| row.embedding.to_floats()).collect();
    assert_eq!(floats, [Some(vec![0.5, -1.0]), Some(vec![1.0])]);
    let sent = last(&server);
    assert_eq!((sent.method.as_str(), sent.path.as_str()), ("POST", "/v1/embeddings"));
    let wanted = json!({ "model": "m", "input": ["a", "b"], "dimensions": 2, "input_type": "search_query" });
    assert_eq!(sent.json(), wanted);
}

#[tokio::test]
async fn threads_are_listed_shown_read_and_deleted() {
    let options = CallOptions::user("ann");
    let thread = json!({
        "id": "order:1", "title": null, "created_at": "a", "last_message_at": "b", "messages_count": 2,
    });
    let (server, client) = answering(json!([thread])).await;
    let query = ThreadQuery { limit: Some(5), before: Some("order:2".into()) };
    let threads = client.threads().list(&query, &options).await.expect("threads");
    assert_eq!((threads[0].id.as_str(), threads[0].messages_count), ("order:1", 2));
    let sent = last(&server);
    assert_eq!((sent.method.as_str(), sent.path.as_str()), ("GET", "/v1/threads?limit=5&before=order%3A2"));
    client.threads().list(&ThreadQuery::default(), &options).await.expect("threads");
    assert_eq!(last(&server).path, "/v1/threads");

    let (server, client) = answering(thread).await;
    assert_eq!(client.threads().get("order:1", &options).await.expect("a thread").id, "order:1");
    assert_eq!(last(&server).path, "/v1/threads/order:1");

    let message = json!({ "id": "m", "role": "user", "content": "hi", "created_at": "a", "name": "x" });
    let (server, client) = answering(json!([message])).await;
    let messages = client.threads().messages("order:1", &options).await.expect("messages");
    assert_eq!((messages[0].content.as_str(), messages[0].extra["name"].as_str()), (Some("hi"), Some("x")));
    assert_eq!(last(&server).path, "/v1/threads/order:1/messages");

    let server = Scripted::in_turn(vec![Script::new(204, vec![])]).await;
    let client = server.client();
    client.threads().delete("order:1", &options).await.expect("it is gone");
    let sent = last(&server);
    assert_eq!((sent.method.as_str(), sent.path.as_str()), ("DELETE", "/v1/threads/order:1"));
    assert!(sent.headers.contains_key("idempotency-key"));
    for bad in ["", "..", "a/b", "é"] {
        let error = client.threads().get(bad, &options).await.expect_err("no thread's id");
        assert_eq!(error.code(), "validation_error");
    }
    assert_eq!(server.seen("/v1/threads").len(), 1);
}

#[tokio::test]
async fn bills_are_read() {
    let totals = json!({
        "requests": 1, "tokens": 2, "input_tokens": 1, "output_tokens": 1, "cost_usd": 0.5, "by_model": [],
    });
    let (server, client) = answering(json!({
        "project_id": "p", "window": { "from": "a", "to": "b" }, "platform": totals, "byok": totals,
    }))
    .await;
    let report = client.usage().billing(Some("a"), None, &CallOptions::default()).await.expect("a bill");
    assert_eq!((report.project_id.as_str(), report.platform.totals.requests), ("p", 1));
    assert_eq!(last(&server).path, "/v1/billing/usage?from=a");
}

#[tokio::test]
async fn models_are_listed_and_found_by_names_with_slashes() {
    let model = json!({ "id": "local/echo", "object": "model", "created": 0, "owned_by": "local" });
    let (server, client) = answering(json!({ "object": "list", "data": [model] })).await;
    assert_eq!(client.models().list(&CallOptions::default()).await.expect("models").data.len(), 1);
    assert_eq!(last(&server).path, "/v1/models");
    let (server, client) = answering(model).await;
    let found = client.models().get("local/echo", &CallOptions::default()).await.expect("a model");
    assert_eq!(found.owned_by, "local");
    assert_eq!(last(&server).path, "/v1/models/local%2Fecho");
    assert_eq!(
        client.models().get("..", &CallOptions::default()).await.expect_err("none").code(),
        "validation_error"
    );
}

#[tokio::test]
async fn a_base_url_with_a_path_keeps_it() {
    let (server, _) = answering(json!({ "object": "list", "data": [] })).await;
    let client = Client::builder()
        .key(crate::support::API_KEY)
        .base_url(format!("{}/behind/a/proxy/v1/", server.base_url()))
        .header("x-everywhere", "1")
        .build()
        .expect("a client");
    let options = CallOptions { as_api_key: true, ..CallOptions::default() };
    client.models().list(&options).await.expect("models");
    assert_eq!(last(&server).path, "/behind/a/proxy/v1/models");
    assert_eq!(last(&server).header("x-everywhere"), "1");
}

#[tokio::test]
async fn an_answer_that_is_not_what_was_asked_for_is_an_error() {
    let (_server, client) = answering(json!({ "hello": "I am another service" })).await;
    let error = client.models().list(&CallOptions::default()).await.expect_err("not a list");
    assert_eq!(error.code(), "bad_answer");
    assert!(error.message().contains("check the base URL"), "{error}");
}
