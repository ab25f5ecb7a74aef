//! A whole gateway inside a Rust program: no server, no port, no socket.
//!
//! Calls go straight into the gateway's router and run the whole way that they would run over the network: identity,
//! limits, records. With no provider configured the offline model answers.

#![expect(clippy::print_stdout, reason = "an example shows its answer")]

use std::sync::Arc;

use behest_core::Client;
use behest_core::client::CallOptions;
use behest_core::gateway::{Gateway, config::Config};
use behest_core::transport::InProcess;
use behest_core::types::chat::ChatRequest;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The database, the ledger's journal and the keys live here. A real program takes a folder that lasts.
    let folder = tempfile::tempdir()?;
    let gateway = Gateway::builder(Config::default()).data_dir(folder.path()).build().await?;

    // The first start makes a tenant, a project and this API key: keep it, later starts do not show it again.
    let key = gateway.first_start().ok_or("the folder has been used before")?.api_key.clone();

    let client = Client::builder()
        .key(key.expose())
        .base_url("http://localhost")
        .transport(Arc::new(InProcess::new(gateway.router())))
        .build()?;

    let request = ChatRequest::user("Hello from inside");
    let answer = client.chat().create(&request, &CallOptions::user("ann")).await?;
    println!("{}: {}", answer.model, answer.text());

    // Calls under way finish, and what is queued is committed.
    gateway.shut_down().await;
    Ok(())
}
