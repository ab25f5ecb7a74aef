//! What all answers take, together and for each project, and which go when there is no room.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::{Claim, Digest, Scope, Stored};

/// How long an answer is kept.
pub(super) const KEPT_FOR: Duration = Duration::from_secs(600);
/// What all answers take together, in bytes of their bodies, those included that are still going out.
pub(super) const MOST_BYTES: usize = 64 << 20;
/// How many answers are kept. Small ones take more than their bodies.
const MOST_ANSWERS: usize = 50_000;
/// A project takes at most one part in so many of either, and drops its own answers first: one that is busy leaves the
/// others theirs.
const PARTS: usize = 4;

#[derive(Debug, Default)]
pub(super) struct State {
    entries: HashMap<Scope, Entry>,
    /// Those that are answered, by their number: the oldest first.
    answered: BTreeMap<u64, (Scope, Instant)>,
    shares: HashMap<Uuid, Share>,
    bytes: usize,
    next: u64,
}

#[derive(Debug)]
struct Entry {
    digest: Digest,
    /// `None` while the call is under way.
    answer: Option<Arc<Stored>>,
}

/// What a project takes.
#[derive(Debug, Default)]
struct Share {
    bytes: usize,
    answered: BTreeSet<u64>,
}

impl State {
    /// Takes the key for a call with this body; `None` if it is now the caller's.
    pub(super) fn claim(&mut self, scope: &Scope, digest: Digest) -> Option<Claim> {
        match self.entries.get(scope) {
            Some(entry) if entry.digest != digest => Some(Claim::OtherBody),
            Some(Entry { answer: Some(stored), .. }) => Some(Claim::Answered(Arc::clone(stored))),
            Some(Entry { answer: None, .. }) => Some(Claim::UnderWay),
            None => {
                self.entries.insert(scope.clone(), Entry { digest, answer: None });
                None
            }
        }
    }

    /// Gives the key up.
    pub(super) fn free(&mut self, scope: &Scope) {
        self.entries.remove(scope);
    }

    /// Makes room for so many bytes more of a project, with older answers if it must; false if there is none to be made.
    pub(super) fn reserve(&mut self, project: Uuid, bytes: usize) -> bool {
        loop {
            let share = self.shares.get(&project);
            let oldest = if share.map_or(0, |share| share.bytes) + bytes > MOST_BYTES / PARTS {
                share.and_then(|share| share.answered.first().copied())
            } else if self.bytes + bytes > MOST_BYTES {
                self.answered.first_key_value().map(|(number, _)| *number)
            } else {
                break;
            };
            let Some(oldest) = oldest else { return false };
            self.forget(oldest);
        }
        self.bytes += bytes;
        self.shares.entry(project).or_default().bytes += bytes;
        true
    }

    /// Gives back what was reserved.
    pub(super) fn release(&mut self, project: Uuid, bytes: usize) {
        self.bytes -= bytes;
        let Some(share) = self.shares.get_mut(&project) else { return };
        share.bytes -= bytes;
        if share.bytes == 0 && share.answered.is_empty() {
            self.shares.remove(&project);
        }
    }

    /// Keeps the answer of a call whose key is taken, or frees the key where there is no room.
    pub(super) fn keep(&mut self, scope: Scope, stored: Stored, now: Instant) {
        let project = scope.project;
        if !self.reserve(project, stored.body.len()) {
            return self.free(&scope);
        }
        if let Some(entry) = self.entries.get_mut(&scope) {
            entry.answer = Some(Arc::new(stored));
        }
        let number = self.next;
        self.next += 1;
        self.answered.insert(number, (scope, now));
        let own = &mut self.shares.entry(project).or_default().answered;
        own.insert(number);
        if own.len() > MOST_ANSWERS / PARTS
            && let Some(oldest) = own.first().copied()
        {
            self.forget(oldest);
        }
        if self.answered.len() > MOST_ANSWERS
            && let Some(oldest) = self.answered.first_key_value().map(|(number, _)| *number)
        {
            self.forget(oldest);
        }
    }

    pub(super) fn forget_old(&mut self, now: Instant) {
        while let Some((number, (_, at))) = self.answered.first_key_value()
            && now.saturating_duration_since(*at) >= KEPT_FOR
        {
            self.forget(*number);
        }
    }

    fn forget(&mut self, number: u64) {
        let Some((scope, _)) = self.answered.remove(&number) else { return };
        if let Some(share) = self.shares.get_mut(&scope.project) {
            share.answered.remove(&number);
        }
        let answer = self.entries.remove(&scope).and_then(|entry| entry.answer);
        self.release(scope.project, answer.map_or(0, |stored| stored.body.len()));
    }
}

#[cfg(test)]
impl State {
    /// (bytes, keys that are taken or answered, answers), after a look at whether the parts make the whole.
    pub(super) fn sums(&self) -> (usize, usize, usize) {
        assert_eq!(self.shares.values().map(|share| share.bytes).sum::<usize>(), self.bytes);
        assert_eq!(
            self.shares.values().map(|share| share.answered.len()).sum::<usize>(),
            self.answered.len()
        );
        assert!(self.shares.values().all(|share| share.bytes <= MOST_BYTES / PARTS));
        assert!(self.shares.values().all(|share| share.bytes > 0 || !share.answered.is_empty()));
        assert!(self.bytes <= MOST_BYTES);
        (self.bytes, self.entries.len(), self.answered.len())
    }

    /// The bytes of the answers alone.
    pub(super) fn answered_bytes(&self) -> usize {
        self.entries.values().filter_map(|entry| entry.answer.as_ref()).map(|stored| stored.body.len()).sum()
    }
}
