//! Answers that are kept for a while under the client's `Idempotency-Key`, so that a call that is repeated is not made,
//! and not paid, twice. In memory, and bounded.

mod kept;
mod key;
mod state;

use std::mem::Discriminant;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;
use uuid::Uuid;

pub use kept::Kept;
pub use key::{BadKey, Digest, IdempotencyKey};

use super::context::Operation;
use state::State;

/// The largest answer that is kept, in bytes of its body.
const LARGEST_ANSWER: usize = 1 << 20;

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

/// A call that has its key for itself. Dropped without an answer, it leaves the key to the next.
#[derive(Debug)]
pub struct Claimed {
    answers: Answers,
    /// `None` once it is answered.
    scope: Option<Scope>,
    /// What is reserved for the answer while it goes out.
    held: usize,
}

impl Answers {
    /// Takes the key for a call with this body, if nobody has.
    #[must_use]
    pub fn claim(&self, scope: Scope, digest: Digest) -> Claim {
        let mut state = self.lock();
        state.forget_old(Instant::now());
        state
            .claim(&scope, digest)
            .unwrap_or_else(|| Claim::First(Claimed { answers: self.clone(), scope: Some(scope), held: 0 }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claimed {
    /// Holds room for an answer of so many bytes, of which there may be more to come. False if there is none; what was
    /// held is given back then, and the key stays taken.
    pub fn hold(&mut self, bytes: usize) -> bool {
        if bytes <= self.held {
            return true;
        }
        // By doubling, as the buffer grows, so that the lock is seldom taken.
        let wanted = bytes.next_power_of_two().min(LARGEST_ANSWER);
        let holds = bytes <= wanted
            && self
                .scope
                .as_ref()
                .is_some_and(|scope| self.answers.lock().reserve(scope.project, wanted - self.held));
        if holds {
            self.held = wanted;
        } else {
            self.let_go();
        }
        holds
    }

    /// Keeps the answer under the key.
    pub fn answered(mut self, stored: Stored) {
        self.let_go();
        if let Some(scope) = self.scope.take() {
            self.answers.lock().keep(scope, stored, Instant::now());
        }
    }

    fn let_go(&mut self) {
        if let Some(scope) = self.scope.as_ref().filter(|_| self.held > 0) {
            self.answers.lock().release(scope.project, self.held);
            self.held = 0;
        }
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        self.let_go();
        if let Some(scope) = self.scope.take() {
            self.answers.lock().free(&scope);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::mem::discriminant;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::state::{KEPT_FOR, MOST_BYTES};
    use super::*;

    static BYTES: [u8; LARGEST_ANSWER] = [b'x'; LARGEST_ANSWER];

    fn scope(project: u128, key: &str) -> Scope {
        Scope {
            project: Uuid::from_u128(project),
            user: None,
            operation: discriminant(&Operation::Chat),
            key: key.to_owned(),
        }
    }

    fn stored(size: usize) -> Stored {
        let body = Bytes::from_static(&BYTES[..size]);
        Stored { status: StatusCode::OK, headers: HeaderMap::new(), body }
    }

    fn first_of(answers: &Answers, project: u128, key: &str) -> Claimed {
        match answers.claim(scope(project, key), [1; 32]) {
            Claim::First(claimed) => claimed,
            other => panic!("{key}: {other:?}"),
        }
    }

    fn first(answers: &Answers, key: &str) -> Claimed {
        first_of(answers, 0, key)
    }

    fn is_answered(answers: &Answers, project: u128, key: &str) -> bool {
        matches!(answers.claim(scope(project, key), [1; 32]), Claim::Answered(_))
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_one_calls_until_its_answer_is_old() {
        let answers = Answers::default();
        let claim = |digest: u8| answers.claim(scope(0, "k"), [digest; 32]);
        let claimed = first(&answers, "k");
        assert!(matches!(claim(1), Claim::UnderWay));
        assert!(matches!(claim(2), Claim::OtherBody));
        claimed.answered(stored(3));
        assert!(matches!(claim(2), Claim::OtherBody));
        tokio::time::advance(KEPT_FOR - Duration::from_millis(1)).await;
        assert!(matches!(claim(1), Claim::Answered(stored) if stored.body.len() == 3));
        tokio::time::advance(Duration::from_millis(1)).await;
        drop(first(&answers, "k"));
        drop(first(&answers, "k"));
        assert_eq!(answers.lock().sums(), (0, 0, 0));
    }

    #[test]
    fn a_project_drops_its_own_oldest_answers_and_nobody_elses() {
        let answers = Answers::default();
        first_of(&answers, 7, "other").answered(stored(9));
        for number in 0..20 {
            first(&answers, &number.to_string()).answered(stored(LARGEST_ANSWER));
        }
        assert_eq!(answers.lock().sums().0, MOST_BYTES / 4 + 9);
        assert!(is_answered(&answers, 7, "other"));
        assert!(is_answered(&answers, 0, "4"));
        drop(first(&answers, "3"));
    }

    #[test]
    fn a_projects_many_small_answers_leave_the_others_theirs() {
        let answers = Answers::default();
        first_of(&answers, 7, "other").answered(stored(0));
        for number in 0..60_000 {
            first(&answers, &number.to_string()).answered(stored(0));
        }
        assert_eq!(answers.lock().sums().2, 12_501);
        assert!(is_answered(&answers, 7, "other"));
        assert!(is_answered(&answers, 0, "47500"));
    }

    #[test]
    fn all_together_are_bounded_and_the_oldest_goes_first() {
        let answers = Answers::default();
        for number in 0..70 {
            first_of(&answers, number % 5, &number.to_string()).answered(stored(LARGEST_ANSWER));
        }
        assert_eq!(answers.lock().sums().0, MOST_BYTES);
        drop(first(&answers, "5"));
        assert!(is_answered(&answers, 1, "6"));
    }

    #[test]
    fn answers_that_are_going_out_take_their_room_and_keep_their_keys_without_it() {
        let answers = Answers::default();
        first(&answers, "old").answered(stored(1));
        let mut open: Vec<_> = (0..17).map(|number| first(&answers, &number.to_string())).collect();
        let holding =
            open.iter_mut().filter_map(|claimed| claimed.hold(LARGEST_ANSWER).then_some(())).count();
        assert_eq!((holding, answers.lock().sums()), (16, (MOST_BYTES / 4, 17, 0)));
        assert!(matches!(answers.claim(scope(0, "16"), [1; 32]), Claim::UnderWay));
        assert!(first_of(&answers, 7, "other").hold(LARGEST_ANSWER), "another project has its own share");
        assert!(!open[0].hold(LARGEST_ANSWER + 1), "what is too large gives its room back");
        assert!(open[16].hold(1));
        drop(open);
        assert_eq!(answers.lock().sums(), (0, 0, 0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_bytes_are_always_those_that_are_held_and_kept(
            steps in prop::collection::vec((0..6_u128, 0..40_u8, 0..4_u8, 0..=LARGEST_ANSWER), 0..300)
        ) {
            let answers = Answers::default();
            let mut open: Vec<Claimed> = Vec::new();
            for (project, key, step, size) in steps {
                match (step, open.pop()) {
                    (0, Some(claimed)) => claimed.answered(stored(size)),
                    (1, Some(claimed)) => drop(claimed),
                    (_, claimed) => {
                        open.extend(claimed);
                        if let Claim::First(mut claimed) = answers.claim(scope(project, &key.to_string()), [1; 32]) {
                            claimed.hold(size);
                            open.insert(0, claimed);
                        }
                    }
                }
                let held = open.iter().map(|claimed| claimed.held).sum::<usize>();
                let state = answers.lock();
                let (bytes, keys, kept) = state.sums();
                prop_assert_eq!((bytes, keys), (held + state.answered_bytes(), open.len() + kept));
            }
            drop(open);
            let state = answers.lock();
            prop_assert_eq!(state.sums().0, state.answered_bytes());
        }
    }
}
