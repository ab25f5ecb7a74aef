//! A gateway inside this process.

use behest_core::client::{CallOptions, Client};
use behest_core::local::{Local, LocalOptions};
use behest_core::types::chat::ChatRequest;
use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::{Value, json};

fn options(json: &Value) -> LocalOptions {
    LocalOptions::from_json(json.to_string().as_bytes()).expect("options")
}

async fn ask(client: &Client, thread: &str) -> String {
    let options = CallOptions { thread_id: Some(thread.to_owned()), ..CallOptions::user("ann") };
    let reply = client.chat().create(&ChatRequest::user("hello"), &options).await.expect("an answer");
    reply.text().to_owned()
}

fn told(local: &Local) -> Value {
    serde_json::from_str(&local.to_json()).expect("JSON")
}

#[tokio::test]
async fn a_temporary_gateway_answers_and_leaves_nothing_behind() {
    let local = Local::start(LocalOptions::default()).await.expect("a gateway");
    assert!(!ask(local.client(), "t1").await.is_empty());
    let folder = local.ready().data_dir.clone();
    assert!(folder.exists());
    local.close().await;
    assert!(!folder.exists(), "a temporary folder goes with its gateway");
    local.close().await;
    let error = local.client().models().list(&CallOptions::default()).await.expect_err("it is closed");
    assert_eq!(error.code(), "network_error");
    assert!(error.to_string().contains("closed"), "{error}");
}

#[tokio::test]
async fn given_data_is_kept_with_its_key_and_is_free_after_the_close() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = json!({"data_dir": folder.path()});
    let first = Local::start(options(&data)).await.expect("a gateway");
    ask(first.client(), "kept").await;
    let busy = Local::start(options(&data)).await.expect_err("two gateways on the same data");
    assert_eq!(busy.code(), "local_gateway");
    assert!(busy.to_string().contains("in use by another gateway"), "{busy}");
    let key = told(&first)["api_key"].clone();
    first.close().await;

    let second = Local::start(options(&data)).await.expect("a gateway");
    assert_eq!(told(&second)["api_key"], key);
    let threads = second.client().threads().list(&Default::default(), &CallOptions::user("ann")).await;
    assert_eq!(threads.expect("threads")[0].id, "kept");
    second.close().await;

    std::fs::remove_file(folder.path().join("local-key")).expect("the key's file");
    let third = Local::start(options(&data)).await.expect("a gateway");
    assert_ne!(told(&third)["api_key"], key, "a lost key is made anew");
    ask(third.client(), "kept").await;
    third.close().await;
}

#[tokio::test]
async fn with_a_port_other_programs_call_the_same_gateway() {
    let local =
        Local::start(options(&json!({"port": 0, "default_user_id": "bob"}))).await.expect("a gateway");
    let told = told(&local);
    let over_the_network = Client::builder()
        .key(told["api_key"].as_str().expect("a key"))
        .base_url(told["base_url"].as_str().expect("a URL"))
        .build()
        .expect("a client");
    ask(&over_the_network, "shared").await;
    let threads = local.client().threads().list(&Default::default(), &CallOptions::user("ann")).await;
    assert_eq!(threads.expect("threads")[0].id, "shared");
    assert_eq!(local.client().config().default_user_id, "bob");
    local.close().await;
    let once = CallOptions { max_retries: Some(0), ..CallOptions::default() };
    let error = over_the_network.models().list(&once).await.expect_err("it is closed");
    assert_eq!(error.code(), "network_error");
}

#[tokio::test]
async fn closing_ends_an_open_stream_with_an_error_and_not_as_if_it_were_whole() {
    let local = Local::start(LocalOptions::default()).await.expect("a gateway");
    let request = ChatRequest::user("word ".repeat(20_000)).with("max_tokens", 20_000);
    let mut stream = local.client().chat().stream(&request, &CallOptions::default()).await.expect("a stream");
    stream.next().await.expect("an item").expect("a chunk");
    local.close().await;
    let mut last = None;
    while let Some(item) = stream.next().await {
        last = item.err();
    }
    assert_eq!(last.expect("an error").code(), "unavailable");
}

#[tokio::test]
async fn a_close_that_nobody_waits_for_goes_on_and_everyone_waits_for_the_same_end() {
    let local = Local::start(LocalOptions::default()).await.expect("a gateway");
    let folder = local.ready().data_dir.clone();
    assert!(
        local.close().now_or_never().is_none(),
        "a close takes its time, and this one is given up at once"
    );
    tokio::join!(local.close(), local.close());
    assert!(!folder.exists(), "both waited for the end");
}

#[tokio::test]
async fn dropping_without_closing_frees_the_data_and_the_port() {
    let folder = tempfile::tempdir().expect("a folder");
    let first =
        Local::start(options(&json!({"data_dir": folder.path(), "port": 0}))).await.expect("a gateway");
    let address = first.ready().base_url.trim_start_matches("http://").to_owned();
    drop(first);
    let free = async || {
        while tokio::net::TcpStream::connect(&address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        while Local::start(options(&json!({"data_dir": folder.path()}))).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::support::PATIENCE, free()).await.expect("both are let go");
}

#[test]
fn wrong_options_are_told_by_name() {
    let refused = |json: Value| {
        let error = LocalOptions::from_json(json.to_string().as_bytes()).expect_err("a refusal");
        (error.code().to_owned(), error.to_string())
    };
    let bad = |message: &str| ("bad_value".to_owned(), message.to_owned());
    assert_eq!(refused(json!({"port": 70_000})), bad("`port`: it must be 0 to 65,535"));
    assert_eq!(refused(json!({"key": "k"})), bad("`key`: a local gateway brings its own"));
    assert_eq!(refused(json!({"folder": "/x"})), bad("`parameters`: there is none named `folder`"));
}
