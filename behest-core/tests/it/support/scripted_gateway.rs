//! What a scripted server needs to stand in for a gateway.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::scripted::{Script, Scripted};

impl Scripted {
    /// Starts one that gives these answers to everything but a mint, in turn, and the last one for ever.
    pub async fn in_turn(scripts: Vec<Script>) -> Self {
        let next = AtomicUsize::new(0);
        Self::start(move |seen| {
            let script = if seen.path == "/v1/auth/mint" {
                let user = seen.json()["user_id"].as_str().unwrap_or_default().to_owned();
                Script::json(200, &super::fake::minted(&format!("jwt-{user}"), "s1", 3600))
            } else {
                let turn = next.fetch_add(1, Ordering::Relaxed);
                scripts[turn.min(scripts.len() - 1)].clone()
            };
            async move { script }
        })
        .await
    }

    /// A client of this server, in API-key mode.
    pub fn client(&self) -> behest_core::Client {
        behest_core::Client::builder()
            .key(super::API_KEY)
            .base_url(self.base_url())
            .build()
            .expect("a client")
    }
}
