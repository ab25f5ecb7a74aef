//! Answers that are kept for a while under the client's `Idempotency-Key`, so that a call that is repeated is not made,
//! and not paid, twice. In memory, and bounded.

mod kept;
mod key;

use std::collections::{HashMap, VecDeque};
use std::mem::Discriminant;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;
use uuid::Uuid;

pub use kept::Kept;
pub use key::{BadKey, Digest, IdempotencyKey};

use super::context::Operation;

/// How long an answer is kept.
const KEPT_FOR: Duration = Duration::from_secs(600);
/// The largest answer that is kept, and all of them together, in bytes of their bodies.
const LARGEST_ANSWER: usize = 1 << 20;
const MOST_BYTES: usize = 64 << 20;
/// How many answers are kept. Small ones take more than their bodies.
const MOST_ANSWERS: usize = 50_000;

/// Whose key, and for what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The project.
    pub project: Uuid,
    /// The end user; `None` for an API key that names none.
    pub user: Option<String>,
    /// What kind of thing was asked.
    pub operation: Discriminant<Operation>,
    /// The client's key.
    pub key: String,
}

/// An answer as it went out, but for what the edge adds.
#[derive(Debug)]
pub struct Stored {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// What a key stands for.
#[derive(Debug)]
pub enum Claim {
    /// Nothing so far: the call is to be made.
    First(Claimed),
    /// An answer that is there.
    Answered(Arc<Stored>),
    /// The same call, which is still under way.
    UnderWay,
    /// Another body.
    OtherBody,
}

/// The answers of all calls.
#[derive(Debug, Clone, Default)]
pub struct Answers(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Scope, Entry>,
    /// Those that are answered, oldest first. One whose entry is gone since is skipped.
    answered: VecDeque<(Scope, Instant)>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    digest: Digest,
    /// `None` while the call is under way.
    answer: Option<(Arc<Stored>, Instant)>,
}

/// A call that has its key for itself. Dropped without an answer, it leaves the key to the next.
#[derive(Debug)]
pub struct Claimed {
    answers: Answers,
    scope: Option<Scope>,
}

impl Answers {
    /// Takes the key for a call with this body, if nobody has.
    #[must_use]
    pub fn claim(&self, scope: Scope, digest: Digest) -> Claim {
        let mut state = self.lock();
        state.forget_old(Instant::now());
        match state.entries.get(&scope) {
            Some(entry) if entry.digest != digest => Claim::OtherBody,
            Some(Entry { answer: Some((stored, _)), .. }) => Claim::Answered(Arc::clone(stored)),
            Some(Entry { answer: None, .. }) => Claim::UnderWay,
            None => {
                state.entries.insert(scope.clone(), Entry { digest, answer: None });
                Claim::First(Claimed { answers: self.clone(), scope: Some(scope) })
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn keep(&mut self, scope: Scope, stored: Stored, now: Instant) {
        let Some(entry) = self.entries.get_mut(&scope) else { return };
        self.bytes += stored.body.len();
        entry.answer = Some((Arc::new(stored), now));
        self.answered.push_back((scope, now));
        while self.bytes > MOST_BYTES || self.answered.len() > MOST_ANSWERS {
            self.forget_oldest();
        }
    }

    fn forget_old(&mut self, now: Instant) {
        while self.answered.front().is_some_and(|(_, at)| now.saturating_duration_since(*at) >= KEPT_FOR) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((scope, _)) = self.answered.pop_front() else { return };
        if let Some(Entry { answer: Some((stored, _)), .. }) = self.entries.remove(&scope) {
            self.bytes -= stored.body.len();
        }
    }
}

impl Claimed {
    /// Keeps the answer under the key.
    pub fn answered(mut self, stored: Stored) {
        if let Some(scope) = self.scope.take() {
            self.answers.lock().keep(scope, stored, Instant::now());
        }
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        if let Some(scope) = self.scope.take() {
            self.answers.lock().entries.remove(&scope);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::mem::discriminant;

    use super::*;

    fn scope(key: &str) -> Scope {
        Scope {
            project: Uuid::nil(),
            user: None,
            operation: discriminant(&Operation::Chat),
            key: key.to_owned(),
        }
    }

    fn stored(size: usize) -> Stored {
        Stored { status: StatusCode::OK, headers: HeaderMap::new(), body: vec![b'x'; size].into() }
    }

    fn first(answers: &Answers, key: &str) -> Claimed {
        match answers.claim(scope(key), [1; 32]) {
            Claim::First(claimed) => claimed,
            other => panic!("{key}: {other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_one_calls_until_its_answer_is_old() {
        let answers = Answers::default();
        let claimed = first(&answers, "k");
        assert!(matches!(answers.claim(scope("k"), [1; 32]), Claim::UnderWay));
        assert!(matches!(answers.claim(scope("k"), [2; 32]), Claim::OtherBody));
        claimed.answered(stored(3));
        assert!(matches!(answers.claim(scope("k"), [2; 32]), Claim::OtherBody));
        tokio::time::advance(KEPT_FOR - Duration::from_millis(1)).await;
        assert!(
            matches!(answers.claim(scope("k"), [1; 32]), Claim::Answered(stored) if stored.body.len() == 3)
        );
        tokio::time::advance(Duration::from_millis(1)).await;
        drop(first(&answers, "k"));
        drop(first(&answers, "k"));
        let state = answers.lock();
        assert_eq!((state.entries.len(), state.answered.len(), state.bytes), (0, 0, 0));
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_goes_first() {
        let answers = Answers::default();
        for number in 0..70 {
            first(&answers, &number.to_string()).answered(stored(LARGEST_ANSWER));
        }
        assert_eq!(answers.lock().bytes, MOST_BYTES);
        drop(first(&answers, "5"));
        assert!(matches!(answers.claim(scope("6"), [1; 32]), Claim::Answered(_)));
    }
}
