//! Threads: made by their first message, read, listed and deleted by their own user.

use http::Method;
use serde_json::{Value, json};

use crate::support::gateway::{TestGateway, eventually, later};
use crate::support::scripted::{Script, Scripted, Step, chunk, done};
use crate::support::{fake, scripted};

fn pairs(said: &[(&str, &str)]) -> Vec<(String, String)> {
    said.iter().map(|(role, text)| ((*role).to_owned(), (*text).to_owned())).collect()
}

fn answers(text: &str) -> Script {
    Script::json(200, &fake::completion(text))
}

#[tokio::test]
async fn a_thread_is_made_by_its_first_message() {
    let site = TestGateway::start().await;
    let ann = site.token("ann").await;
    site.get("/v1/threads/t-1").bearer(&ann).await.refused(404, "not_found");
    let first = site.chat("  hello\n there ").bearer(&ann).thread("t-1").await;
    assert_eq!(first.header("x-behest-memory"), "0");
    let second = site.chat("again").bearer(&ann).thread("t-1").await;
    assert_eq!(second.header("x-behest-memory"), "2");

    let thread = site.get("/v1/threads/t-1").bearer(&ann).await.ok();
    let names: Vec<&str> = thread.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(names, ["id", "title", "created_at", "last_message_at", "messages_count"]);
    assert_eq!((&thread["id"], &thread["title"]), (&json!("t-1"), &json!("hello there")));
    assert_eq!(thread["messages_count"], 4);
    for time in ["created_at", "last_message_at"] {
        thread[time].as_str().expect("text").parse::<jiff::Timestamp>().expect("RFC 3339");
    }
    assert_eq!(site.get("/v1/threads").bearer(&ann).await.ok(), json!([thread]), "a bare array");

    let messages = site.get("/v1/threads/t-1/messages").bearer(&ann).await;
    let said = [
        ("user", "  hello\n there "),
        ("assistant", "You said:   hello\n there "),
        ("user", "again"),
        ("assistant", "You said: again"),
    ];
    assert_eq!(messages.said(), pairs(&said));
    let messages = messages.ok();
    let names: Vec<&str> = messages[1].as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(names, ["id", "role", "content", "created_at"]);
}

#[tokio::test]
async fn a_thread_belongs_to_one_user_of_one_project() {
    let site = TestGateway::start().await;
    let other = site.project_of(&site.project.tenant_id).await;
    let key = site.key(&other.id, "admin").await.key;
    let (ann, bob) = (site.token("ann").await, site.token("bob").await);
    let boss = site.token_of_role(&site.project.id, "admin").await;
    let elsewhere = site.mint(&key, &json!({ "user_id": "ann" })).await;
    site.chat("mine").bearer(&ann).thread("t").await.ok();
    for stranger in [&bob, &boss, &elsewhere] {
        site.get("/v1/threads/t").bearer(stranger).await.refused(404, "not_found");
        site.get("/v1/threads/t/messages").bearer(stranger).await.refused(404, "not_found");
        site.call(Method::DELETE, "/v1/threads/t").bearer(stranger).await.refused(404, "not_found");
        assert_eq!(site.get("/v1/threads").bearer(stranger).await.ok(), json!([]));
        // The same id is another thread to them.
        let answer = site.chat("theirs").bearer(stranger).thread("t").await;
        assert_eq!(answer.header("x-behest-memory"), "0");
    }
    assert_eq!(site.get("/v1/threads/t").bearer(&ann).await.ok()["messages_count"], 2);
    // An API key with X-End-User-Id is that user.
    assert_eq!(site.get("/v1/threads/t").bearer(&site.api_key).user("ann").await.ok()["title"], "mine");
}

#[tokio::test]
async fn ids_arrive_percent_encoded_or_raw_and_bad_ones_are_refused() {
    let site = TestGateway::start().await;
    let ann = site.token("ann").await;
    let id = "order:42.v1_A-b";
    site.chat("hello").bearer(&ann).thread(id).await.ok();
    for path in [id, "order%3A42.v1_A-b", "%6frder:42%2Ev1_A-b"] {
        assert_eq!(site.get(&format!("/v1/threads/{path}")).bearer(&ann).await.ok()["id"], id);
        let messages = site.get(&format!("/v1/threads/{path}/messages")).bearer(&ann).await;
        assert_eq!(messages.said().len(), 2, "{path}");
    }
    for path in ["a%2Fb", "%2E%2E", "a%20b", "%C3%A9", "x"] {
        site.get(&format!("/v1/threads/{path}")).bearer(&ann).await.refused(404, "not_found");
    }
    site.get("/v1/threads/%ff").bearer(&ann).await.refused(400, "validation_error");
    for bad in ["a/b", "a b", ".", "..", "é", &"x".repeat(256)] {
        let error = site.chat("hello").bearer(&ann).thread(bad).await.refused(400, "validation_error");
        assert_eq!(error["param"], "X-Thread-Id", "{bad}");
    }
    assert_eq!(site.call(Method::DELETE, "/v1/threads/order%3A42.v1_A-b").bearer(&ann).await.status, 204);
    site.get(&format!("/v1/threads/{id}")).bearer(&ann).await.refused(404, "not_found");
}

#[tokio::test]
async fn the_list_is_newest_first_and_read_page_by_page() {
    let site = TestGateway::start().await;
    let ann = site.token("ann").await;
    for id in ["a", "b", "c", "a"] {
        site.chat("hello").bearer(&ann).thread(id).await.ok();
        later().await;
    }
    let list = async |query: &str| site.get(&format!("/v1/threads{query}")).bearer(&ann).await;
    let ids = |list: &Value| -> Vec<String> {
        let rows = list.as_array().expect("a bare array").iter();
        rows.map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(ids(&list("").await.ok()), ["a", "c", "b"], "by their last message");
    let first = list("?limit=2").await.ok();
    assert_eq!(ids(&first), ["a", "c"]);
    let before = first[1]["last_message_at"].as_str().expect("a time").to_owned();
    assert_eq!(ids(&list(&format!("?limit=2&before={before}")).await.ok()), ["b"]);
    for bad in ["limit=0", "limit=1001", "limit=-1", "limit=x", "before=yesterday"] {
        list(&format!("?{bad}")).await.refused(400, "validation_error");
    }
}

#[tokio::test]
async fn titles_are_the_beginning_of_the_first_user_message() {
    let site = TestGateway::start().await;
    let ann = site.token("ann").await;
    let long = "word ".repeat(40);
    for (id, content, title) in [
        ("long", json!(long), json!(long.chars().take(80).collect::<String>())),
        ("parts", json!([{ "type": "text", "text": "look" }, { "type": "image_url" }]), json!("look")),
        ("none", json!([{ "type": "image_url" }]), Value::Null),
    ] {
        let body = json!({ "messages": [
            { "role": "system", "content": "Be brief." }, { "role": "user", "content": content } ] });
        site.ask(&body).bearer(&ann).thread(id).await.ok();
        assert_eq!(site.get(&format!("/v1/threads/{id}")).bearer(&ann).await.ok()["title"], title, "{id}");
    }
}

#[tokio::test]
async fn a_cancelled_answer_is_stored_as_far_as_it_came() {
    let upstream =
        Scripted::in_turn(vec![Script::sse(vec![chunk("half of "), chunk("it"), Step::Hang])]).await;
    let site = TestGateway::before(&upstream).await;
    let ann = site.token("ann").await;
    let body =
        json!({ "model": "fake-1", "stream": true, "messages": [{ "role": "user", "content": "tell" }] });
    let mut stream = site.ask(&body).bearer(&ann).thread("t").open().await;
    stream.until("\"it\"").await;
    drop(stream);
    upstream.departures(1).await;
    let messages = eventually(async || {
        let answer = site.get("/v1/threads/t/messages").bearer(&ann).await;
        (answer.status == 200).then_some(answer)
    });
    let messages = messages.await;
    assert_eq!(messages.said(), pairs(&[("user", "tell"), ("assistant", "half of it")]));
    let messages = messages.ok();
    assert!(messages[0].get("incomplete").is_none() && messages[1]["incomplete"] == true, "{messages}");
    assert_eq!(site.usage_by("status").await, [(json!("cancelled"), 1)]);
}

#[tokio::test]
async fn an_answer_cancelled_before_its_first_word_stores_nothing() {
    let upstream = Scripted::in_turn(vec![Script::sse(vec![Step::Hang])]).await;
    let site = TestGateway::before(&upstream).await;
    let ann = site.token("ann").await;
    let body =
        json!({ "model": "fake-1", "stream": true, "messages": [{ "role": "user", "content": "tell" }] });
    let call = site.ask(&body).bearer(&ann).thread("t");
    tokio::select! {
        open = call.open() => panic!("it has no head before the first event: {}", open.status),
        () = upstream.requests(1) => {}
    }
    upstream.departures(1).await;
    let counted = eventually(async || Some(site.usage_by("status").await).filter(|rows| !rows.is_empty()));
    assert_eq!(counted.await, [(json!("cancelled"), 1)]);
    site.get("/v1/threads/t").bearer(&ann).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_failed_call_stores_nothing_and_its_retry_stores_the_turn_once() {
    let broken = json!({ "error": { "message": "overloaded" } });
    let upstream = Scripted::in_turn(vec![
        Script::json(400, &broken),
        Script::json(401, &broken),
        Script::sse(vec![chunk("half"), scripted::event(&broken.to_string())]),
        Script::sse(vec![chunk("half"), Step::Close]),
        answers("whole"),
    ])
    .await;
    let site = TestGateway::before(&upstream).await;
    let ann = site.token("ann").await;
    let ask = |stream: bool| {
        let messages = [json!({ "role": "user", "content": "tell" })];
        site.ask(&json!({ "model": "fake-1", "stream": stream, "messages": messages }))
            .bearer(&ann)
            .thread("t")
    };
    ask(false).await.refused(400, "validation_error");
    ask(false).await.refused(502, "upstream_error");
    for _ in 0..2 {
        let events = ask(true).await.events();
        assert!(events[1].contains("\"upstream_error\"") && events.len() == 2, "{events:?}");
    }
    site.get("/v1/threads/t").bearer(&ann).await.refused(404, "not_found");
    assert_eq!(ask(false).await.text(), "whole");
    let messages = site.get("/v1/threads/t/messages").bearer(&ann).await;
    assert_eq!(messages.said(), pairs(&[("user", "tell"), ("assistant", "whole")]));
}

#[tokio::test]
async fn a_thread_deleted_during_an_answer_stays_deleted() {
    let gate = scripted::Gate::new();
    let late = Script::sse(vec![chunk("one"), Step::Wait(gate.clone()), chunk(" two"), done()]);
    let upstream = Scripted::in_turn(vec![answers("first"), late, answers("anew")]).await;
    let site = TestGateway::before(&upstream).await;
    let ann = site.token("ann").await;
    let ask = |stream: bool| {
        let messages = [json!({ "role": "user", "content": "tell" })];
        site.ask(&json!({ "model": "fake-1", "stream": stream, "messages": messages }))
            .bearer(&ann)
            .thread("t")
    };
    ask(false).await.ok();
    let mut stream = ask(true).open().await;
    stream.until("one").await;
    assert_eq!(site.call(Method::DELETE, "/v1/threads/t").bearer(&ann).await.status, 204);
    gate.open();
    let events = stream.rest().await.events();
    assert_eq!(events.last().map(String::as_str), Some("[DONE]"), "the answer itself goes on");
    site.get("/v1/threads/t").bearer(&ann).await.refused(404, "not_found");
    site.call(Method::DELETE, "/v1/threads/t").bearer(&ann).await.refused(404, "not_found");

    // The id is free for a new conversation, which knows nothing of the old one.
    let answer = ask(false).await;
    assert_eq!((answer.text().as_str(), answer.header("x-behest-memory")), ("anew", "0"));
    assert_eq!(site.get("/v1/threads/t").bearer(&ann).await.ok()["messages_count"], 2);
}
