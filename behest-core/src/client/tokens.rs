//! Per-user tokens, kept until shortly before they expire, with one mint in flight per key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use tokio::time::Instant;

use crate::error::Error;
use crate::secret::Secret;
use crate::types::mint::{Role, Tags, Tier};

/// How long before its end a token is no longer used.
pub const REFRESH_BEFORE: Duration = Duration::from_secs(60);
/// How many tokens are kept.
pub const MAX_TOKENS: usize = 10_000;

/// Whom a token is for. Two calls share a token only when all of it is equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenKey {
    /// The end user.
    pub user_id: String,
    /// The end user's entitlement.
    pub tier: Option<Tier>,
    /// The session, when the caller chose one.
    pub session_id: Option<String>,
    /// What the token may do.
    pub role: Role,
    /// Labels for the cost reports.
    pub tags: Tags,
}

/// A token and until when it is used.
#[derive(Debug)]
pub struct Token {
    /// The JWT.
    pub jwt: Secret,
    /// From when on it is not used any more.
    pub stale_at: Instant,
}

type Flight = BoxFuture<'static, Result<Arc<Token>, Error>>;

enum Slot {
    Kept(Arc<Token>),
    /// Weak: when everyone who waits for it has gone, the mint is cancelled with the last of them.
    Minting(WeakShared<Flight>),
}

/// The tokens of one client.
#[derive(Default)]
pub struct Tokens {
    slots: Mutex<HashMap<TokenKey, Slot>>,
}

impl Tokens {
    /// The kept token of `key`, else the one that is being minted, else the one that `mint` makes. A mint that fails
    /// fails for everyone who waits for it, once: the next caller mints anew.
    ///
    /// # Errors
    /// What `mint` fails with.
    pub async fn get<F>(
        self: &Arc<Self>,
        key: &TokenKey,
        mint: impl FnOnce() -> F,
    ) -> Result<Arc<Token>, Error>
    where
        F: Future<Output = Result<Token, Error>> + Send + 'static,
    {
        let flight = match self.join(key, mint) {
            Ok(token) => return Ok(token),
            Err(flight) => flight,
        };
        flight.await
    }

    /// The token, or the flight that brings it.
    fn join<F>(
        self: &Arc<Self>,
        key: &TokenKey,
        mint: impl FnOnce() -> F,
    ) -> Result<Arc<Token>, Shared<Flight>>
    where
        F: Future<Output = Result<Token, Error>> + Send + 'static,
    {
        let mut slots = self.lock();
        match slots.get(key) {
            Some(Slot::Kept(token)) if Instant::now() < token.stale_at => return Ok(token.clone()),
            Some(Slot::Minting(flight)) => {
                if let Some(flight) = flight.upgrade() {
                    return Err(flight);
                }
            }
            Some(Slot::Kept(_)) | None => {}
        }
        let (tokens, place, mint) = (self.clone(), key.clone(), mint());
        let landing = async move {
            let minted = mint.await.map(Arc::new);
            tokens.land(place, minted.as_ref().ok());
            minted
        };
        let flight = landing.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            make_room(&mut slots);
            slots.insert(key.clone(), Slot::Minting(weak));
        }
        Err(flight)
    }

    /// Keeps what a flight brought, or clears its slot.
    fn land(&self, key: TokenKey, token: Option<&Arc<Token>>) {
        let mut slots = self.lock();
        match token {
            Some(token) => slots.insert(key, Slot::Kept(token.clone())),
            None => slots.remove(&key),
        };
    }

    /// Drops `token`, which the gateway refused. A newer one of the same key stays.
    pub fn forget(&self, key: &TokenKey, token: &Arc<Token>) {
        let mut slots = self.lock();
        if matches!(slots.get(key), Some(Slot::Kept(kept)) if Arc::ptr_eq(kept, token)) {
            slots.remove(key);
        }
    }

    /// A panic elsewhere cannot leave the map half-changed, so a poisoned lock is still good.
    fn lock(&self) -> MutexGuard<'_, HashMap<TokenKey, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops stale tokens when the map is full and, when that is not enough, the token that goes stale first.
fn make_room(slots: &mut HashMap<TokenKey, Slot>) {
    if slots.len() < MAX_TOKENS {
        return;
    }
    let now = Instant::now();
    slots.retain(|_, slot| match slot {
        Slot::Kept(token) => now < token.stale_at,
        Slot::Minting(flight) => flight.upgrade().is_some(),
    });
    if slots.len() < MAX_TOKENS {
        return;
    }
    let ends = |slot: &Slot| match slot {
        Slot::Kept(token) => Some(token.stale_at),
        Slot::Minting(_) => None,
    };
    let first = slots.iter().filter_map(|(key, slot)| Some((ends(slot)?, key))).min_by_key(|(end, _)| *end);
    if let Some(key) = first.map(|(_, key)| key.clone()) {
        slots.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(user: usize) -> TokenKey {
        TokenKey {
            user_id: format!("user-{user}"),
            tier: None,
            session_id: None,
            role: Role::User,
            tags: Tags::new(),
        }
    }

    async fn keep(tokens: &Arc<Tokens>, user: usize, life: u64) {
        let stale_at = Instant::now() + Duration::from_secs(life);
        let mint = || async move { Ok(Token { jwt: Secret::new("jwt"), stale_at }) };
        tokens.get(&key(user), mint).await.expect("a token");
    }

    fn kept(tokens: &Tokens, user: usize) -> bool {
        matches!(tokens.lock().get(&key(user)), Some(Slot::Kept(_)))
    }

    #[tokio::test(start_paused = true)]
    async fn stale_tokens_make_room_first_and_then_the_one_that_ends_first() {
        let tokens = Arc::new(Tokens::default());
        for user in 0..MAX_TOKENS {
            keep(&tokens, user, if user < 10 { 60 } else { 1000 + user as u64 }).await;
        }
        tokio::time::advance(Duration::from_secs(61)).await;
        keep(&tokens, MAX_TOKENS, 5000).await;
        assert_eq!(tokens.lock().len(), MAX_TOKENS - 10 + 1, "all stale ones went at once");
        for user in MAX_TOKENS + 1..MAX_TOKENS + 10 {
            keep(&tokens, user, 50_000).await;
        }
        assert!(tokens.lock().len() == MAX_TOKENS && kept(&tokens, 10));
        keep(&tokens, MAX_TOKENS + 10, 50_000).await;
        assert_eq!(tokens.lock().len(), MAX_TOKENS);
        assert!(!kept(&tokens, 10) && kept(&tokens, 11), "the one that would have ended first");
    }

    #[tokio::test]
    async fn forgetting_a_refused_token_keeps_a_newer_one() {
        let tokens = Arc::new(Tokens::default());
        let stale_at = Instant::now() + Duration::from_secs(600);
        let mint = |jwt: &'static str| move || async move { Ok(Token { jwt: Secret::new(jwt), stale_at }) };
        let old = tokens.get(&key(1), mint("old")).await.expect("a token");
        tokens.forget(&key(1), &old);
        let new = tokens.get(&key(1), mint("new")).await.expect("a token");
        tokens.forget(&key(1), &old);
        let now = tokens.get(&key(1), mint("newer")).await.expect("a token");
        assert_eq!((new.jwt.expose(), now.jwt.expose()), ("new", "new"));
    }
}
