//! A ledger in a vector, for counters that need a truth, and short ways to say what is counted.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use behest_core::gateway::limits::counters::{Amount, Charge, Demand, Question, Take, Taking, Truth, Units};
use behest_core::gateway::limits::meter::{Measure, Meter, Payer, Subject};
use behest_core::gateway::limits::window::Window;
use behest_core::gateway::store::StoreError;
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

/// An instant to count from, in Unix milliseconds: 2027-01-15T08:00:00Z.
pub const NOW: i64 = 1_800_000_000_000;
/// The project of everybody here.
pub const PROJECT: Uuid = Uuid::from_u128(7);

/// What a record says that limits are interested in.
#[derive(Debug, Clone)]
pub struct Entry {
    pub operation: Uuid,
    pub payer: Arc<Payer>,
    pub admitted_at: i64,
    pub charge: Charge,
}

/// What the records say of a question.
pub fn sum(entries: &[Entry], question: &Question, except: &[Uuid]) -> u64 {
    let within = |entry: &&Entry| (question.from..question.to).contains(&entry.admitted_at);
    let counted = |entry: &&Entry| question.meter.counts(&entry.payer, &entry.charge.model);
    let entries = entries.iter().filter(|entry| !except.contains(&entry.operation));
    entries.filter(within).filter(counted).map(|entry| of(&entry.charge, question.meter.measure)).sum()
}

pub fn of(charge: &Charge, measure: Measure) -> u64 {
    match measure {
        Measure::Requests => charge.requests,
        Measure::Concurrency => 0,
        Measure::Tokens => charge.tokens,
        Measure::Money => charge.money,
    }
}

/// What a ledger was asked: the meters, and the calls to leave out.
pub type Asked = (Vec<Arc<Meter>>, Vec<Uuid>);

/// The ledger; it can be made to fail and to be slow.
pub struct Ledger {
    entries: Mutex<Vec<Entry>>,
    fails: AtomicUsize,
    seats: Semaphore,
    asked: watch::Sender<Vec<Asked>>,
}

impl Ledger {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            entries: Mutex::default(),
            fails: AtomicUsize::new(0),
            seats: Semaphore::new(1_000),
            asked: watch::Sender::default(),
        })
    }

    /// Records a charge of a call.
    pub fn record(&self, take: &Take, charge: &Charge) {
        let entry = Entry {
            operation: take.operation,
            payer: Arc::clone(&take.payer),
            admitted_at: take.admitted_at,
            charge: charge.clone(),
        };
        self.entries.lock().expect("no panic").push(entry);
    }

    /// The next so many answers are failures.
    pub fn fail(&self, times: usize) {
        self.fails.store(times, Ordering::SeqCst);
    }

    /// Nobody is answered until [`Self::go_on`].
    pub fn pause(&self) {
        self.seats.forget_permits(1_000);
    }

    pub fn go_on(&self) {
        self.seats.add_permits(1_000);
    }

    /// Waits until it was asked so many times.
    pub async fn until_asked(&self, times: usize) {
        let mut asked = self.asked.subscribe();
        asked.wait_for(|asked| asked.len() >= times).await.expect("a ledger");
    }

    /// What it was asked, each time.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.borrow().clone()
    }
}

#[async_trait]
impl Truth for Ledger {
    async fn spent(&self, questions: Vec<Question>, except: Vec<Uuid>) -> Result<Vec<u64>, StoreError> {
        let meters = questions.iter().map(|question| Arc::clone(&question.meter)).collect();
        self.asked.send_modify(|asked| asked.push((meters, except.clone())));
        let _seat = self.seats.acquire().await.expect("an open ledger");
        let fails = self.fails.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if fails.is_ok() {
            return Err(StoreError::Unavailable("the ledger is away".to_owned()));
        }
        let entries = self.entries.lock().expect("no panic");
        Ok(questions.iter().map(|question| sum(&entries, question, &except)).collect())
    }
}

pub fn payer(user: Option<&str>) -> Arc<Payer> {
    Arc::new(Payer {
        project: PROJECT,
        user: user.map(Arc::from),
        session: None,
        tier: None,
        api_key: None,
        tags: Vec::new(),
    })
}

pub fn meter(subject: Subject, measure: Measure, window: Window) -> Arc<Meter> {
    Arc::new(Meter { project: PROJECT, subject, measure, window })
}

pub fn user(name: &str) -> Subject {
    Subject::User(name.into())
}

/// So much of it is held.
pub fn hold(meter: &Arc<Meter>, limit: Option<u64>, fixed: u64) -> Demand {
    Demand { meter: Arc::clone(meter), limit, amount: Amount { fixed, per_unit: 0 }, taking: Taking::Hold }
}

/// So much of it is spent.
pub fn spend(meter: &Arc<Meter>, limit: Option<u64>, fixed: u64) -> Demand {
    Demand { taking: Taking::Spend, ..hold(meter, limit, fixed) }
}

/// A call of `user` admitted at [`NOW`].
pub fn take(user: Option<&str>, demands: Vec<Demand>) -> Take {
    Take {
        lease: Uuid::new_v4(),
        operation: Uuid::new_v4(),
        payer: payer(user),
        admitted_at: NOW,
        expires_at: NOW + 60_000,
        demands,
        units: Units::default(),
    }
}

/// What an attempt of the call used, on the model `m`.
pub fn charge(take: &Take, requests: u64, tokens: u64, money: u64) -> Charge {
    Charge { lease: take.lease, entry: Uuid::new_v4(), model: "m".into(), requests, tokens, money }
}
