//! Counts tokens as OpenAI's newest models do (`o200k_base`).
//!
//! Its tables take a quarter of a second to build and 50 MB to keep, so they are built when a count is first wanted, by a
//! thread of their own. Nobody waits for them.

use std::sync::{Once, OnceLock};

use tiktoken_rs::CoreBPE;

static TABLES: OnceLock<&'static CoreBPE> = OnceLock::new();
static BUILDING: Once = Once::new();

/// How many tokens `text` is; `None` while the tables are not ready. Takes up to half a millisecond for a kilobyte of the
/// worst text there is, so give it little.
#[must_use]
pub fn count(text: &str) -> Option<u64> {
    let Some(tables) = TABLES.get() else {
        BUILDING.call_once(build);
        return None;
    };
    Some(tables.encode_ordinary(text).len() as u64)
}

fn build() {
    let build = || {
        // Only this thread sets it.
        let _ = TABLES.set(tiktoken_rs::o200k_base_singleton());
    };
    if let Err(error) = std::thread::Builder::new().name("behest-tokenizer".to_owned()).spawn(build) {
        tracing::warn!(%error, "tokens are counted by bytes: the tokenizer's thread cannot be started");
    }
}
