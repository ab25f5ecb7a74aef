//! What one call holds, and what it has settled.

use std::sync::Arc;

use uuid::Uuid;

use super::super::counters::{Charge, Take};
use super::super::meter::{Measure, Meter, Payer, Subject};
use super::super::window::{Window, within_calendar};
use super::table::{Counter, Slot, Table};

/// Sums in each measure that is ever settled.
#[derive(Clone, Copy, Default)]
pub(super) struct Sums {
    requests: u64,
    tokens: u64,
    money: u64,
}

impl Sums {
    pub(super) const fn of(&self, measure: Measure) -> u64 {
        match measure {
            Measure::Requests => self.requests,
            Measure::Concurrency => 0,
            Measure::Tokens => self.tokens,
            Measure::Money => self.money,
        }
    }

    fn add(&mut self, charge: &Charge) {
        self.requests = self.requests.saturating_add(charge.requests);
        self.tokens = self.tokens.saturating_add(charge.tokens);
        self.money = self.money.saturating_add(charge.money);
    }
}

/// What a lease took for good, of each measure and window: once, however many meters of that kind count it.
#[derive(Default)]
pub(super) struct Spent(Vec<(Measure, Window, u64)>);

impl Spent {
    /// How much of the kind that this meter sums; `None` where nothing was.
    pub(super) fn of(&self, meter: &Meter) -> Option<u64> {
        let mut kinds = self.0.iter();
        kinds
            .find(|(measure, window, _)| (*measure, *window) == (meter.measure, meter.window))
            .map(|kind| kind.2)
    }

    fn raise(&mut self, meter: &Meter, amount: u64) {
        match self.0.iter_mut().find(|kind| (kind.0, kind.1) == (meter.measure, meter.window)) {
            Some(kind) => kind.2 = kind.2.saturating_add(amount),
            None => self.0.push((meter.measure, meter.window, amount)),
        }
    }
}

/// A counter that a lease names.
pub(super) struct Part {
    pub(super) slot: Slot,
    pub(super) held: u64,
}

/// A call under way, or one whose time is over and that may still settle.
pub(super) struct Lease {
    pub(super) operation: Uuid,
    pub(super) payer: Arc<Payer>,
    pub(super) admitted_at: i64,
    pub(super) expires_at: i64,
    pub(super) has_ended: bool,
    pub(super) parts: Vec<Part>,
    /// What it took for good.
    pub(super) spent: Spent,
    /// The entries that are settled.
    entries: Vec<Uuid>,
    /// Their sums by model, for counters that begin to count them later.
    settled: Vec<(Arc<str>, Sums)>,
}

impl Lease {
    /// One of a call that so many counters concern.
    pub(super) fn new(take: &Take, concerned: usize) -> Self {
        Self {
            operation: take.operation,
            payer: Arc::clone(&take.payer),
            admitted_at: within_calendar(take.admitted_at),
            expires_at: take.expires_at,
            has_ended: false,
            parts: Vec::with_capacity(concerned.max(take.demands.len())),
            spent: Spent::default(),
            entries: Vec::new(),
            settled: Vec::new(),
        }
    }

    /// Whether what it does belongs to this counter.
    pub(super) fn belongs_to(&self, counter: &Counter) -> bool {
        counter.covers(self.admitted_at) && counter.meter.concerns(&self.payer)
    }

    /// Has a counter that knows nothing of this lease count it from now on, and what it spent and settled already;
    /// gives its part.
    pub(super) fn attach(&mut self, slot: Slot, counter: &mut Counter) -> &mut Part {
        match self.spent.of(&counter.meter) {
            Some(spent) if is_spent(&counter.meter) => counter.spend(spent),
            Some(_) => {}
            None => {
                for (model, sums) in &self.settled {
                    if counter.meter.counts(&self.payer, model) {
                        counter.spend(sums.of(counter.meter.measure));
                    }
                }
            }
        }
        counter.leases += 1;
        self.parts.push(Part { slot, held: 0 });
        // It was pushed the line before.
        let last = self.parts.len() - 1;
        &mut self.parts[last]
    }

    /// Attaches a counter, unless it is.
    pub(super) fn join(&mut self, slot: Slot, counter: &mut Counter) -> &mut Part {
        match self.parts.iter().position(|part| part.slot == slot) {
            Some(index) => &mut self.parts[index],
            None => self.attach(slot, counter),
        }
    }

    pub(super) fn hold(&mut self, slot: Slot, counter: &mut Counter, amount: u64) {
        let part = self.join(slot, counter);
        part.held = part.held.saturating_add(amount);
        counter.hold(amount);
    }

    /// How much of an amount it has not spent yet: what a call spends, it spends once, wherever that is counted.
    pub(super) fn owes(&self, meter: &Meter, amount: u64) -> u64 {
        amount.saturating_sub(self.spent.of(meter).unwrap_or(0))
    }

    pub(super) fn spend(&mut self, meter: &Meter, amount: u64, table: &mut Table) {
        let owed = self.owes(meter, amount);
        self.spent.raise(meter, owed);
        for part in &self.parts {
            let counter = &mut table[part.slot];
            let is_of_kind = (counter.meter.measure, counter.meter.window) == (meter.measure, meter.window);
            if is_of_kind && is_spent(&counter.meter) {
                counter.spend(owed);
            }
        }
    }

    /// Remembers a charge; `false` when it has it already.
    pub(super) fn remember(&mut self, charge: &Charge) -> bool {
        if self.entries.contains(&charge.entry) {
            return false;
        }
        self.entries.push(charge.entry);
        match self.settled.iter_mut().find(|(model, _)| *model == charge.model) {
            Some((_, sums)) => sums.add(charge),
            None => {
                let mut sums = Sums::default();
                sums.add(charge);
                self.settled.push((Arc::clone(&charge.model), sums));
            }
        }
        true
    }
}

/// Whether what calls take for good is counted there: they do before anybody knows their model, and calls under way
/// are only ever held.
const fn is_spent(meter: &Meter) -> bool {
    !matches!(meter.subject, Subject::Model(_)) && !matches!(meter.measure, Measure::Concurrency)
}

/// What a charge means to a meter: nothing to one of a kind that was spent before.
pub(super) fn share(charge: &Charge, meter: &Meter, payer: &Payer, spent: &Spent) -> u64 {
    if spent.of(meter).is_some() {
        return 0;
    }
    let mut sums = Sums::default();
    sums.add(charge);
    if meter.counts(payer, &charge.model) { sums.of(meter.measure) } else { 0 }
}
