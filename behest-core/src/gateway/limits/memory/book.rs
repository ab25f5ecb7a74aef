//! The decisions of the counters in memory: plain state and plain functions, without a lock, a clock or a wait, so that
//! whatever can happen can be played through.
//!
//! A lease counts in every counter that concerns its payer, named by a demand or not: a limit may hold for some calls
//! of a user and not for others, and still sums them all.
//!
//! A counter that is not here is loaded from the ledger. While that goes on, everything that is under way and counted
//! there is attached to it: what these calls settle, and what they had settled before, is counted here, and the ledger
//! is asked without them. So the sum of both is exact, however the load and the settlements interleave. That asks one
//! thing of callers: an attempt is handed to the ledger before its lease is released.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use super::super::counters::{
    Charge, Demand, Denied, Gauges, Grant, Question, Standing, Take, Taking, Units,
};
use super::super::meter::{Measure, Meter};
use super::super::window::within_calendar;
use super::lease::{Lease, share};
use super::table::{Slot, Table};
use crate::gateway::store::StoreError;

/// How long a lease whose time is over may still settle, in milliseconds.
const LATE: i64 = 86_400_000;
/// A call leaves so many parts of what is left to others, but for one.
const PARTS: u64 = 8;

/// How far the book got with a question.
#[derive(Debug)]
pub enum Step<T> {
    /// It is decided.
    Done(T),
    /// The ledger must be asked before.
    Wait {
        /// The load that begins with this question: the caller's to run, whatever becomes of the caller.
        begins: Option<Load>,
        /// Every load to wait for, that one included; then the question is put again.
        loads: Vec<u64>,
    },
}

/// What must be asked of the ledger. Handed back with its answer, always: other calls wait for it.
#[derive(Debug)]
pub struct Load {
    /// Its name.
    pub id: u64,
    /// The windows to sum.
    pub questions: Vec<Question>,
    /// The calls that the book counts itself.
    pub except: Vec<Uuid>,
    /// Where each sum belongs.
    slots: Vec<Slot>,
}

/// Counters and leases.
pub struct Book {
    table: Table,
    leases: HashMap<Uuid, Lease>,
    started_at: i64,
    /// The newest call's clock.
    now: i64,
    loads: u64,
    /// What the last question's meters are counted in, kept for its allocation.
    found: Vec<Slot>,
    /// The same for every counter that concerns a new call.
    concerned: Vec<Slot>,
}

impl Book {
    /// An empty one of at most `most` counters. No record of another process may be of a call admitted after
    /// `started_at`, in Unix milliseconds.
    #[must_use]
    pub fn new(started_at: i64, most: usize) -> Self {
        Self {
            table: Table::new(most),
            leases: HashMap::new(),
            started_at,
            now: started_at,
            loads: 0,
            found: Vec::new(),
            concerned: Vec::new(),
        }
    }

    /// See [`Counters::take`](super::super::counters::Counters::take).
    pub fn take(&mut self, take: &Take) -> Step<Result<Grant, Denied>> {
        let is_new = !self.leases.contains_key(&take.lease);
        if is_new {
            self.now = take.admitted_at;
        }
        let meters = take.demands.iter().map(|demand| &demand.meter);
        match self.find(meters, take.admitted_at) {
            Ok(Step::Done(())) => {
                // What is loading was asked about without this call, which may be recorded before the answer.
                let loads = if is_new { self.concern(take) } else { Vec::new() };
                if loads.is_empty() {
                    Step::Done(self.decide(take))
                } else {
                    Step::Wait { begins: None, loads }
                }
            }
            Ok(Step::Wait { begins, loads }) => Step::Wait { begins, loads },
            Err(error) => Step::Done(Err(error.into())),
        }
    }

    /// See [`Counters::standings`](super::super::counters::Counters::standings).
    pub fn standings(&mut self, meters: &[Arc<Meter>], now: i64) -> Step<Result<Vec<Standing>, StoreError>> {
        match self.find(meters.iter(), now) {
            Ok(Step::Done(())) => {
                Step::Done(Ok(self.found.iter().map(|&slot| self.table[slot].standing()).collect()))
            }
            Ok(Step::Wait { begins, loads }) => Step::Wait { begins, loads },
            Err(error) => Step::Done(Err(error)),
        }
    }

    /// Hands the ledger's answer in. After a failure the counters are gone, and the next question asks anew.
    pub fn loaded(&mut self, load: Load, spent: &Result<Vec<u64>, StoreError>) {
        let sums = spent.as_ref().ok().filter(|sums| sums.len() == load.slots.len());
        for (index, &slot) in load.slots.iter().enumerate() {
            let counter = &mut self.table[slot];
            counter.load = None;
            match sums {
                Some(sums) => counter.spend(sums[index]),
                None => {
                    for lease in self.leases.values_mut() {
                        lease.parts.retain(|part| part.slot != slot);
                    }
                    self.table.remove(slot);
                }
            }
        }
    }

    /// See [`Counters::settle`](super::super::counters::Counters::settle); `None` when no such lease is known.
    pub fn settle(&mut self, charge: &Charge) -> Option<Vec<(Arc<Meter>, Standing)>> {
        let lease = self.leases.get_mut(&charge.lease)?;
        let mut charged = Vec::new();
        if !lease.remember(charge) {
            return Some(charged);
        }
        let Lease { parts, payer, spent, .. } = lease;
        charged.reserve(parts.len());
        for part in parts {
            let counter = &mut self.table[part.slot];
            let used = share(charge, &counter.meter, payer, spent);
            let freed = part.held.min(used);
            part.held -= freed;
            counter.free(freed);
            counter.spend(used);
            if used > 0 {
                charged.push((Arc::clone(&counter.meter), counter.standing()));
            }
        }
        Some(charged)
    }

    /// See [`Counters::renew`](super::super::counters::Counters::renew).
    pub fn renew(&mut self, lease: Uuid, expires_at: i64) {
        if let Some(lease) = self.leases.get_mut(&lease).filter(|lease| !lease.has_ended) {
            lease.expires_at = lease.expires_at.max(expires_at);
        }
    }

    /// See [`Counters::release`](super::super::counters::Counters::release).
    pub fn release(&mut self, lease: Uuid) {
        if let Some(lease) = self.leases.remove(&lease) {
            self.forget(&lease);
        }
    }

    /// See [`Counters::sweep`](super::super::counters::Counters::sweep).
    pub fn sweep(&mut self, now: i64) -> usize {
        self.now = now;
        let mut ended = 0;
        for lease in self.leases.values_mut().filter(|lease| !lease.has_ended && lease.expires_at <= now) {
            lease.has_ended = true;
            ended += 1;
            for part in &mut lease.parts {
                self.table[part.slot].free(std::mem::take(&mut part.held));
            }
        }
        let is_too_late =
            |_: &Uuid, lease: &mut Lease| lease.has_ended && lease.expires_at.saturating_add(LATE) <= now;
        let late: Vec<Lease> = self.leases.extract_if(is_too_late).map(|(_, lease)| lease).collect();
        for lease in late {
            self.forget(&lease);
        }
        self.table.sweep(now);
        ended
    }

    /// See [`Counters::gauges`](super::super::counters::Counters::gauges).
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        let mut gauges = Gauges { meters: self.table.len() as u64, ..Gauges::default() };
        for lease in self.leases.values().filter(|lease| !lease.has_ended) {
            gauges.leases += 1;
            gauges.oldest = Some(gauges.oldest.unwrap_or(i64::MAX).min(lease.admitted_at));
            for part in &lease.parts {
                let sum = match self.table[part.slot].meter.measure {
                    Measure::Requests => continue,
                    Measure::Concurrency => &mut gauges.concurrency,
                    Measure::Tokens => &mut gauges.tokens,
                    Measure::Money => &mut gauges.money,
                };
                *sum = sum.saturating_add(part.held);
            }
        }
        gauges
    }

    /// Finds the counters of these meters in the windows around `at` and leaves them in `found`, in order; or says
    /// what must be loaded before.
    fn find<'m>(
        &mut self,
        meters: impl Iterator<Item = &'m Arc<Meter>> + Clone,
        at: i64,
    ) -> Result<Step<()>, StoreError> {
        let at = within_calendar(at);
        self.found.clear();
        self.found.extend(meters.clone().map_while(|meter| self.table.find(meter, at)));
        let is_complete = self.found.len() == meters.clone().count();
        if is_complete && self.found.iter().all(|&slot| self.table[slot].load.is_none()) {
            return Ok(Step::Done(()));
        }
        let is_missing = |meter: &&Arc<Meter>| self.table.find(meter, at).is_none();
        let missing = meters.clone().filter(is_missing).count();
        if !self.table.make_room(missing, self.now) {
            return Err(StoreError::Unavailable(format!(
                "all of the {} counters that the gateway keeps are of calls under way",
                self.table.most()
            )));
        }
        let mut load = Load { id: self.loads, questions: Vec::new(), except: Vec::new(), slots: Vec::new() };
        let mut loads = Vec::new();
        self.found.clear();
        for meter in meters {
            let slot = match self.table.find(meter, at) {
                Some(slot) => slot,
                None => self.open(meter, at, &mut load),
            };
            loads.extend(self.table[slot].load.filter(|id| !loads.contains(id)));
            self.found.push(slot);
        }
        if loads.is_empty() {
            return Ok(Step::Done(()));
        }
        let begins = (!load.slots.is_empty()).then(|| {
            self.loads += 1;
            load.except.sort_unstable();
            load.except.dedup();
            load
        });
        Ok(Step::Wait { begins, loads })
    }

    /// Leaves the counters that concern a new call in `concerned`; gives the loads that some of them wait for.
    fn concern(&mut self, take: &Take) -> Vec<u64> {
        self.concerned.clear();
        self.table.concerned(&take.payer, within_calendar(take.admitted_at), &mut self.concerned);
        self.concerned.iter().filter_map(|&slot| self.table[slot].load).collect()
    }

    /// Opens a counter, with every call under way that it counts; in `load`, unless there is nothing to know of it.
    fn open(&mut self, meter: &Arc<Meter>, at: i64, load: &mut Load) -> Slot {
        let slot = self.table.add(meter, at, self.now);
        let is_known = !meter.is_recorded() || self.table.is_surely_new(slot, self.started_at);
        let counter = &mut self.table[slot];
        for lease in self.leases.values_mut() {
            if lease.belongs_to(counter) {
                lease.attach(slot, counter);
                if !is_known {
                    load.except.push(lease.operation);
                }
            }
        }
        if !is_known {
            counter.load = Some(load.id);
            load.slots.push(slot);
            load.questions.push(Question {
                meter: Arc::clone(meter),
                from: counter.start,
                to: counter.end.unwrap_or(i64::MAX),
            });
        }
        slot
    }

    /// Decides over the counters in `found`.
    fn decide(&mut self, take: &Take) -> Result<Grant, Denied> {
        let units = self.grant(take)?;
        let table = &mut self.table;
        let lease = self.leases.entry(take.lease).or_insert_with(|| {
            let mut lease = Lease::new(take, self.concerned.len());
            for &slot in &self.concerned {
                lease.attach(slot, &mut table[slot]);
            }
            lease
        });
        lease.has_ended = false;
        lease.expires_at = lease.expires_at.max(take.expires_at);
        for (index, (demand, &slot)) in take.demands.iter().zip(&self.found).enumerate() {
            // Several budgets may sum the same: each has its own limit, and the call counts once.
            if self.found[..index].contains(&slot) {
                continue;
            }
            let same = take.demands.iter().zip(&self.found).filter(|&(_, &other)| other == slot);
            let amount = same.map(|(demand, _)| demand.amount.at(units)).max().unwrap_or(0);
            let counter = &mut table[slot];
            counter.touched = self.now;
            match demand.taking {
                Taking::Hold => lease.hold(slot, counter, amount),
                Taking::Spend => {
                    lease.join(slot, counter);
                    lease.spend(&demand.meter, amount, table);
                }
            }
        }
        let standings = self.found.iter().map(|&slot| self.table[slot].standing()).collect();
        Ok(Grant { units, standings })
    }

    /// How many units fit, or which demand refuses even the fewest.
    fn grant(&self, take: &Take) -> Result<u64, Denied> {
        let lease = self.leases.get(&take.lease);
        let Units { least, usual, most } = take.units;
        let (mut share, mut whole) = (most, most);
        let limited = take.demands.iter().zip(&self.found).enumerate();
        let limited =
            limited.filter_map(|(index, (demand, &slot))| Some((index, demand, slot, demand.limit?)));
        for (index, Demand { meter, amount, taking, .. }, slot, limit) in limited {
            let standing = self.table[slot].standing();
            let remaining = standing.remaining(limit);
            let fewest = match (taking, lease) {
                (Taking::Spend, Some(lease)) => lease.owes(meter, amount.at(least)),
                _ => amount.at(least),
            };
            // What costs nothing is not refused where nothing is left.
            if fewest > 0 && fewest > remaining {
                return Err(Denied::Full { demand: index, standing });
            }
            if amount.per_unit > 0 {
                share = share.min(amount.units_within(remaining / PARTS).unwrap_or(0));
                whole = whole.min(amount.units_within(remaining).unwrap_or(0));
            }
        }
        Ok(share.max(usual.min(whole)).max(least))
    }

    /// Gives back what a lease holds and lets go of its counters.
    fn forget(&mut self, lease: &Lease) {
        for part in &lease.parts {
            let counter = &mut self.table[part.slot];
            counter.free(part.held);
            counter.leases -= 1;
            counter.touched = self.now;
        }
    }
}
