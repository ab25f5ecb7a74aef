//! Whatever calls, settlements, sweeps, loads and crashes come in whatever order: the counters stand where plain sums
//! over the ledger and the open leases do.

use std::collections::BTreeMap;
use std::sync::Arc;

use behest_core::gateway::limits::counters::{
    Amount, Charge, Demand, Denied, Grant, Question, Standing, Take, Taking, Units,
};
use behest_core::gateway::limits::memory::book::{Book, Load, Step};
use behest_core::gateway::limits::meter::{Measure, Meter, Subject};
use behest_core::gateway::limits::window::Window;
use behest_core::gateway::store::StoreError;
use proptest::prelude::*;
use uuid::Uuid;

use crate::counters_fake::{Entry, NOW, meter, of, payer, sum, user};

const DAY: i64 = 86_400_000;
/// Few, so that counters make room all the time.
const MOST: usize = 24;
/// The one meter that every call names: a minute's.
const CALLS: usize = 0;

fn meters() -> Vec<Arc<Meter>> {
    vec![
        meter(Subject::Project, Measure::Requests, Window::Minute),
        meter(Subject::Project, Measure::Money, Window::Day),
        meter(user("0"), Measure::Money, Window::Month),
        meter(user("1"), Measure::Tokens, Window::Day),
        meter(user("0"), Measure::Tokens, Window::Week),
        meter(user("0"), Measure::Concurrency, Window::Total),
        meter(Subject::Model("m".into()), Measure::Money, Window::Day),
        meter(Subject::Project, Measure::Tokens, Window::Total),
        meter(user("1"), Measure::Requests, Window::Day),
    ]
}

/// When calls are admitted: now, in the next minute, and by a clock that is a day behind.
#[derive(Debug, Clone, Copy)]
enum When {
    Now,
    Later,
    Before,
}

#[derive(Debug, Clone)]
struct Wish {
    /// Which meters it names, with what limits.
    named: BTreeMap<usize, Option<u64>>,
    fixed: u64,
    thousandths: u64,
    units: Units,
    /// Whether it waits for loads, or leaves.
    patient: bool,
}

#[derive(Debug, Clone)]
enum Act {
    Take { user: u8, when: When, wish: Wish },
    Extend { lease: prop::sample::Index, wish: Wish },
    Settle { lease: prop::sample::Index, model: bool, requests: u64, tokens: u64, money: u64, twice: bool },
    Renew { lease: prop::sample::Index },
    Release { lease: prop::sample::Index },
    Sweep,
    Answer { fails: bool, early: bool },
    Look { meter: prop::sample::Index, when: When },
    Restart,
}

fn whens() -> impl Strategy<Value = When> {
    prop_oneof![4 => Just(When::Now), 1 => Just(When::Later), 1 => Just(When::Before)]
}

fn wishes() -> impl Strategy<Value = Wish> {
    let limits = prop::option::weighted(0.8, 0..400_u64);
    let named = prop::collection::btree_map(0..9_usize, limits, 0..5);
    (named, 0..20_u64, prop_oneof![Just(0_u64), 1..3_000_u64], 0..3_u64, 0..20_u64, 0..40_u64, any::<bool>())
        .prop_map(|(mut named, fixed, thousandths, least, usual, more, patient)| {
            named.entry(CALLS).or_insert(None);
            Wish {
                named,
                fixed,
                thousandths,
                units: Units { least, usual: least + usual.min(more), most: least + more },
                patient,
            }
        })
}

fn acts() -> impl Strategy<Value = Act> {
    let lease = any::<prop::sample::Index>;
    prop_oneof![
        6 => (0..2_u8, whens(), wishes()).prop_map(|(user, when, wish)| Act::Take { user, when, wish }),
        2 => (lease(), wishes()).prop_map(|(lease, wish)| Act::Extend { lease, wish }),
        6 => (lease(), any::<bool>(), 0..2_u64, 0..60_u64, 0..60_u64, any::<bool>()).prop_map(
            |(lease, model, requests, tokens, money, twice)| Act::Settle {
                lease, model, requests, tokens, money, twice,
            }
        ),
        1 => lease().prop_map(|lease| Act::Renew { lease }),
        4 => lease().prop_map(|lease| Act::Release { lease }),
        1 => Just(Act::Sweep),
        3 => (prop::bool::weighted(0.2), any::<bool>())
            .prop_map(|(fails, early)| Act::Answer { fails, early }),
        4 => (lease(), whens()).prop_map(|(meter, when)| Act::Look { meter, when }),
        1 => Just(Act::Restart),
    ]
}

/// A lease as the reference sees it.
struct Open {
    take: Take,
    held: BTreeMap<usize, u64>,
    has_ended: bool,
}

/// The book, its ledger, and the plain reference.
struct World {
    book: Book,
    meters: Vec<Arc<Meter>>,
    now: i64,
    ledger: Vec<Entry>,
    leases: Vec<Open>,
    /// Loads that are not answered, with what the ledger said when they began.
    loads: Vec<(Load, Vec<u64>)>,
}

impl World {
    fn new() -> Self {
        Self {
            book: Book::new(NOW, MOST),
            meters: meters(),
            now: NOW,
            ledger: Vec::new(),
            leases: Vec::new(),
            loads: Vec::new(),
        }
    }

    fn at(&self, when: When) -> i64 {
        match when {
            When::Now => self.now,
            When::Later => self.now + 60_000,
            When::Before => self.now - DAY,
        }
    }

    /// How a meter stands, by plain sums.
    fn standing(&self, index: usize, at: i64) -> Standing {
        let meter = &self.meters[index];
        let (from, end) = (meter.window.start(at), meter.window.end(at));
        let question = Question { meter: Arc::clone(meter), from, to: end.unwrap_or(i64::MAX) };
        let within = |open: &&Open| meter.window.start(open.take.admitted_at) == from;
        let leases = self.leases.iter().filter(within);
        Standing {
            used: sum(&self.ledger, &question, &[]),
            reserved: leases.filter_map(|open| open.held.get(&index)).sum(),
            resets_at: end,
        }
    }

    fn begin(&mut self, load: Load) {
        let said = self.said(&load);
        self.loads.push((load, said));
    }

    fn said(&self, load: &Load) -> Vec<u64> {
        load.questions.iter().map(|question| sum(&self.ledger, question, &load.except)).collect()
    }

    /// Answers the oldest load, with what the ledger said when it began or with what it says now.
    fn answer(&mut self, fails: bool, early: bool) {
        if self.loads.is_empty() {
            return;
        }
        let (load, then) = self.loads.remove(0);
        let said = if early { then } else { self.said(&load) };
        let said = if fails { Err(StoreError::Unavailable("away".to_owned())) } else { Ok(said) };
        self.book.loaded(load, &said);
    }

    /// Asks until there is an answer; `None` when it must wait and will not.
    fn ask<T>(&mut self, patient: bool, mut question: impl FnMut(&mut Book) -> Step<T>) -> Option<T> {
        loop {
            match question(&mut self.book) {
                Step::Done(answer) => return Some(answer),
                Step::Wait { begins, loads } => {
                    assert!(!loads.is_empty(), "nothing to wait for");
                    if let Some(load) = begins {
                        assert!(loads.contains(&load.id));
                        self.begin(load);
                    }
                }
            }
            if !patient {
                return None;
            }
            while !self.loads.is_empty() {
                self.answer(false, false);
            }
        }
    }

    fn demands(&self, wish: &Wish) -> Vec<Demand> {
        let demand = |(&index, &limit): (&usize, &Option<u64>)| {
            let meter = Arc::clone(&self.meters[index]);
            let amount = match meter.measure {
                Measure::Requests | Measure::Concurrency => Amount::ONE,
                Measure::Tokens | Measure::Money => Amount { fixed: wish.fixed, per_unit: wish.thousandths },
            };
            Demand { meter, limit, amount, taking: Taking::Hold }
        };
        wish.named.iter().map(demand).collect()
    }

    /// What the reference makes of a take.
    fn expected(&self, take: &Take, wish: &Wish) -> Result<u64, (usize, Standing)> {
        let Units { least, usual, most } = take.units;
        let (mut share, mut whole) = (most, most);
        for (position, (demand, &index)) in take.demands.iter().zip(wish.named.keys()).enumerate() {
            let Some(limit) = demand.limit else { continue };
            let standing = self.standing(index, take.admitted_at);
            let left = i128::from(limit) - i128::from(standing.used) - i128::from(standing.reserved);
            let fewest = demand.amount.at(least);
            if fewest > 0 && i128::from(fewest) > left {
                return Err((position, standing));
            }
            if demand.amount.per_unit > 0 {
                let within = |left: i128, most: u64| {
                    let fits = |units: &u64| i128::from(demand.amount.at(*units)) <= left;
                    (0..=most).rev().find(fits).unwrap_or(0)
                };
                share = within(left.max(0) / 8, share);
                whole = within(left.max(0), whole);
            }
        }
        Ok(share.max(usual.min(whole)).max(least))
    }

    /// Compares a take with the reference; `true` when it took.
    fn compare(&self, take: &Take, wish: &Wish, result: Result<Grant, Denied>) -> Option<Grant> {
        let expected = self.expected(take, wish);
        match (result, expected) {
            (Ok(grant), Ok(units)) => {
                assert_eq!(grant.units, units);
                Some(grant)
            }
            (Err(Denied::Full { demand, standing }), Err(expected)) => {
                assert_eq!((demand, standing), expected);
                None
            }
            // All counters belong to calls under way.
            (Err(Denied::Store(_)), _) => None,
            (result, expected) => panic!("{result:?} in the place of {expected:?}"),
        }
    }

    fn take(&mut self, take: Take, wish: &Wish, lease: Option<usize>) {
        let Some(result) = self.ask(wish.patient, |book| book.take(&take)) else { return };
        let Some(grant) = self.compare(&take, wish, result) else { return };
        let at = lease.unwrap_or_else(|| {
            self.leases.push(Open { take: take.clone(), held: BTreeMap::new(), has_ended: false });
            self.leases.len() - 1
        });
        let open = &mut self.leases[at];
        open.has_ended = false;
        open.take.expires_at = open.take.expires_at.max(take.expires_at);
        for (demand, &index) in take.demands.iter().zip(wish.named.keys()) {
            *open.held.entry(index).or_default() += demand.amount.at(grant.units);
        }
        for ((demand, &index), &standing) in take.demands.iter().zip(wish.named.keys()).zip(&grant.standings)
        {
            assert_eq!(standing, self.standing(index, take.admitted_at), "{:?}", self.meters[index]);
            let is_free = demand.amount.at(grant.units) == 0;
            if let Some(limit) = demand.limit.filter(|_| !is_free) {
                assert!(standing.used + standing.reserved <= limit, "{standing:?} is above {limit}");
            }
        }
    }

    /// Settles in the book, in the ledger and in the reference.
    fn settle(&mut self, at: usize, charge: &Charge, twice: bool) {
        let open = &mut self.leases[at];
        assert!(self.book.settle(charge).is_some(), "its lease is known");
        if twice {
            assert!(self.book.settle(&Charge { tokens: charge.tokens + 9, ..charge.clone() }).is_some());
        }
        self.ledger.push(Entry {
            operation: open.take.operation,
            payer: Arc::clone(&open.take.payer),
            admitted_at: open.take.admitted_at,
            charge: charge.clone(),
        });
        for (&index, held) in &mut open.held {
            let meter = &self.meters[index];
            if meter.counts(&open.take.payer, &charge.model) {
                *held = held.saturating_sub(of(charge, meter.measure));
            }
        }
    }

    fn act(&mut self, act: Act) {
        let pick = |lease: prop::sample::Index, leases: &[Open]| {
            (!leases.is_empty()).then(|| lease.index(leases.len()))
        };
        match act {
            Act::Take { user, when, wish } => {
                let admitted_at = self.at(when);
                let take = Take {
                    lease: Uuid::new_v4(),
                    operation: Uuid::new_v4(),
                    payer: payer(Some(&user.to_string())),
                    admitted_at,
                    expires_at: self.now + 60_000,
                    demands: self.demands(&wish),
                    units: wish.units,
                };
                self.take(take, &wish, None);
            }
            Act::Extend { lease, wish } => {
                let Some(at) = pick(lease, &self.leases) else { return };
                let demands = self.demands(&wish);
                let take = Take { demands, units: wish.units, ..self.leases[at].take.clone() };
                self.take(take, &wish, Some(at));
            }
            Act::Settle { lease, model, requests, tokens, money, twice } => {
                let Some(at) = pick(lease, &self.leases) else { return };
                let model = if model { "m" } else { "n" };
                let lease = self.leases[at].take.lease;
                let entry = Uuid::new_v4();
                let charge = Charge { lease, entry, model: model.into(), requests, tokens, money };
                self.settle(at, &charge, twice);
            }
            Act::Renew { lease } => {
                let Some(at) = pick(lease, &self.leases) else { return };
                let open = &mut self.leases[at];
                self.book.renew(open.take.lease, self.now + 600_000);
                if !open.has_ended {
                    open.take.expires_at = open.take.expires_at.max(self.now + 600_000);
                }
            }
            Act::Release { lease } => {
                let Some(at) = pick(lease, &self.leases) else { return };
                let open = self.leases.swap_remove(at);
                self.book.release(open.take.lease);
                self.book.release(open.take.lease);
            }
            Act::Sweep => self.sweep(30_000),
            Act::Answer { fails, early } => self.answer(fails, early),
            Act::Look { meter, when } => {
                let index = meter.index(self.meters.len());
                self.look(index, self.at(when));
            }
            Act::Restart => self.restart(),
        }
    }

    fn sweep(&mut self, after: i64) {
        self.now += after;
        let mut ends = 0;
        for open in self.leases.iter_mut().filter(|open| !open.has_ended) {
            if open.take.expires_at <= self.now {
                open.has_ended = true;
                open.held.clear();
                ends += 1;
            }
        }
        assert_eq!(self.book.sweep(self.now), ends);
    }

    fn look(&mut self, index: usize, at: i64) {
        let meters = [Arc::clone(&self.meters[index])];
        let standings = self.ask(true, |book| book.standings(&meters, at));
        // No room where all counters belong to calls under way.
        if let Some(Ok(standings)) = standings {
            assert_eq!(standings, [self.standing(index, at)], "{:?} at {at}", meters[0]);
        }
    }

    /// The process dies, and the next one settles what was open at what was held.
    fn restart(&mut self) {
        for at in 0..self.leases.len() {
            let held = &self.leases[at].held;
            let most = |measure| {
                let of_measure = held.iter().filter(|&(&index, _)| self.meters[index].measure == measure);
                of_measure.map(|(_, &held)| held).max().unwrap_or(0)
            };
            let charge = Charge {
                lease: self.leases[at].take.lease,
                entry: Uuid::new_v4(),
                model: "m".into(),
                requests: 0,
                tokens: most(Measure::Tokens),
                money: most(Measure::Money),
            };
            self.settle(at, &charge, false);
        }
        self.leases.clear();
        self.loads.clear();
        self.now += 300_000;
        self.book = Book::new(self.now, MOST);
    }

    fn check_gauges(&self) {
        let gauges = self.book.gauges();
        let open = || self.leases.iter().filter(|open| !open.has_ended);
        let held = |measure| {
            let all = open().flat_map(|open| &open.held);
            all.filter(|&(&index, _)| self.meters[index].measure == measure).map(|(_, &held)| held).sum()
        };
        assert_eq!(gauges.leases, open().count() as u64);
        assert_eq!(gauges.oldest, open().map(|open| open.take.admitted_at).min());
        let expected: (u64, u64, u64) =
            (held(Measure::Concurrency), held(Measure::Tokens), held(Measure::Money));
        assert_eq!((gauges.concurrency, gauges.tokens, gauges.money), expected);
        assert!(gauges.meters <= MOST as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn counters_stand_where_plain_sums_do(acts in prop::collection::vec(acts(), 1..80)) {
        let mut world = World::new();
        for act in acts {
            world.act(act);
            world.check_gauges();
        }
        for index in 0..world.meters.len() {
            for when in [When::Now, When::Later, When::Before] {
                world.look(index, world.at(when));
            }
        }
        // All calls end, one way or the other: nothing stays held.
        for open in world.leases.drain(..).collect::<Vec<_>>().into_iter().step_by(2) {
            world.book.release(open.take.lease);
        }
        world.book.sweep(i64::MAX);
        world.check_gauges();
        for index in 0..world.meters.len() {
            world.look(index, world.now);
            prop_assert_eq!(world.standing(index, world.now).reserved, 0);
        }
    }
}
