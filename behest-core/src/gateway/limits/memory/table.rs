//! The counters in memory: found by whose they are, so that a call finds all that count it, then known by a number.

use std::collections::HashMap;
use std::ops::{Index, IndexMut};
use std::sync::Arc;

use uuid::Uuid;

use super::super::counters::Standing;
use super::super::meter::{Measure, Meter, Payer, Subject};
use super::super::window::Window;

/// Where a counter is; it stays there while a lease names it or it is loading.
pub(super) type Slot = u32;

/// After so many milliseconds nobody is likely to need a counter of a window that is over; until then a clock may be
/// put back and find it.
const GRACE: u64 = 120_000;
/// How long, in milliseconds, a counter was left alone that has to make room: the first of these that gives enough
/// room decides. After the last one only counters of calls under way are left.
const AGES: [u64; 4] = [60_000, 10_000, 1_000, 0];

/// Counters that are looked through together: a handful each.
#[derive(PartialEq, Eq, Hash)]
struct Group {
    project: Uuid,
    /// `None`: the models of the project, any of which a call may come to.
    subject: Option<Subject>,
}

impl Group {
    fn of(meter: &Meter) -> Self {
        let subject = match &meter.subject {
            Subject::Model(_) => None,
            other => Some(other.clone()),
        };
        Self { project: meter.project, subject }
    }
}

/// One meter in one window.
pub(super) struct Counter {
    pub(super) meter: Arc<Meter>,
    pub(super) start: i64,
    pub(super) end: Option<i64>,
    pub(super) used: u64,
    pub(super) reserved: u64,
    /// How many leases name it.
    pub(super) leases: u32,
    /// When it was last of use, by the clock of the calls.
    pub(super) touched: i64,
    /// The load that it waits for; until then `used` is only what attached leases settled.
    pub(super) load: Option<u64>,
}

impl Counter {
    pub(super) const fn standing(&self) -> Standing {
        Standing { used: self.used, reserved: self.reserved, resets_at: self.end }
    }

    pub(super) fn hold(&mut self, amount: u64) {
        self.reserved = self.reserved.saturating_add(amount);
    }

    pub(super) fn free(&mut self, amount: u64) {
        self.reserved = self.reserved.saturating_sub(amount);
    }

    pub(super) fn spend(&mut self, amount: u64) {
        self.used = self.used.saturating_add(amount);
    }

    /// Whether an instant is in its window.
    pub(super) fn covers(&self, at: i64) -> bool {
        self.start <= at && self.end.is_none_or(|end| at < end)
    }

    /// Nobody would miss it: all that it knows is in the ledger, or will be before the ledger is asked again.
    fn is_idle(&self, now: i64, age: u64) -> bool {
        self.leases == 0 && self.load.is_none() && now.abs_diff(self.touched) >= age
    }
}

/// All of them.
pub(super) struct Table {
    groups: HashMap<Group, Vec<Slot>>,
    counters: Vec<Option<Counter>>,
    free: Vec<Slot>,
    most: usize,
    /// When the youngest minute began of which a counter was forgotten.
    forgotten: i64,
}

impl Table {
    pub(super) fn new(most: usize) -> Self {
        Self { groups: HashMap::new(), counters: Vec::new(), free: Vec::new(), most, forgotten: i64::MIN }
    }

    pub(super) fn len(&self) -> usize {
        self.counters.len() - self.free.len()
    }

    pub(super) const fn most(&self) -> usize {
        self.most
    }

    /// Finds the counter of a meter in the window around `at`.
    pub(super) fn find(&self, meter: &Arc<Meter>, at: i64) -> Option<Slot> {
        let group = self.groups.get(&Group::of(meter))?;
        group.iter().copied().find(|&slot| {
            let counter = &self[slot];
            counter.covers(at) && (Arc::ptr_eq(&counter.meter, meter) || counter.meter == *meter)
        })
    }

    /// Finds every counter that what `payer` does at `at` may be counted in.
    pub(super) fn concerned(&self, payer: &Payer, at: i64, found: &mut Vec<Slot>) {
        let user = payer.user.clone().map(Subject::User);
        let session = payer.session.clone();
        let session = session.map(|session| Subject::Session { user: payer.user.clone(), session });
        let tier = payer.tier.clone().map(Subject::Tier);
        let key = payer.api_key.map(Subject::ApiKey);
        let tags = payer.tags.iter().cloned().map(|(name, value)| Subject::Tag { name, value });
        let named = [Some(Subject::Project), user, session, tier, key].into_iter().flatten().chain(tags);
        for subject in named.map(Some).chain([None]) {
            if let Some(group) = self.groups.get(&Group { project: payer.project, subject }) {
                found.extend(group.iter().copied().filter(|&slot| self[slot].covers(at)));
            }
        }
    }

    /// Adds a counter that begins at nothing. `at` is an instant of its window.
    pub(super) fn add(&mut self, meter: &Arc<Meter>, at: i64, touched: i64) -> Slot {
        let counter = Counter {
            meter: Arc::clone(meter),
            start: meter.window.start(at),
            end: meter.window.end(at),
            used: 0,
            reserved: 0,
            leases: 0,
            touched,
            load: None,
        };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.counters.push(None);
            Slot::try_from(self.counters.len() - 1).unwrap_or(Slot::MAX)
        });
        self.counters[slot as usize] = Some(counter);
        self.groups.entry(Group::of(meter)).or_default().push(slot);
        slot
    }

    /// Whether no finished call can have been counted there. True of minutes alone, whose meters every call of their
    /// subject names, whatever its policy: a day's or a month's may be asked about for the first time in its middle.
    pub(super) fn is_surely_new(&self, slot: Slot, since: i64) -> bool {
        let counter = &self[slot];
        counter.meter.window == Window::Minute && counter.start >= since && counter.start > self.forgotten
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        if let Some(counter) = self.counters[slot as usize].take() {
            if counter.meter.window == Window::Minute {
                self.forgotten = self.forgotten.max(counter.start);
            }
            let group = Group::of(&counter.meter);
            if let Some(slots) = self.groups.get_mut(&group) {
                slots.retain(|&other| other != slot);
                if slots.is_empty() {
                    self.groups.remove(&group);
                }
            }
            self.free.push(slot);
        }
    }

    /// Makes room for `wanted` more, and for some beyond them so that it is rarely done; `false` when all that could
    /// go belongs to calls under way.
    pub(super) fn make_room(&mut self, wanted: usize, now: i64) -> bool {
        if self.len() + wanted <= self.most {
            return true;
        }
        for age in AGES {
            self.remove_where(|counter| counter.is_idle(now, age));
            if self.len() + wanted + self.most / 16 <= self.most {
                break;
            }
        }
        self.len() + wanted <= self.most
    }

    /// Forgets what nobody needs any more: counters of windows that are over, and of calls that are not under way.
    pub(super) fn sweep(&mut self, now: i64) {
        self.remove_where(|counter| {
            let is_over = counter.end.is_some_and(|end| end <= now);
            let is_empty = counter.meter.measure == Measure::Concurrency;
            (is_over || is_empty) && counter.is_idle(now, GRACE)
        });
    }

    fn remove_where(&mut self, goes: impl Fn(&Counter) -> bool) {
        for index in 0..self.counters.len() {
            if self.counters[index].as_ref().is_some_and(&goes) {
                self.remove(Slot::try_from(index).unwrap_or(Slot::MAX));
            }
        }
    }
}

impl Index<Slot> for Table {
    type Output = Counter;

    fn index(&self, slot: Slot) -> &Counter {
        // Leases and loads keep their counters from being removed, and nobody else knows a slot for longer than a call.
        self.counters[slot as usize].as_ref().expect("a slot in use has a counter")
    }
}

impl IndexMut<Slot> for Table {
    fn index_mut(&mut self, slot: Slot) -> &mut Counter {
        self.counters[slot as usize].as_mut().expect("a slot in use has a counter")
    }
}
