//! How providers, their keys and their models are doing: who is left alone for a while, who answers soonest, and how
//! many calls may be repeated. In memory, and shared by every thread.

pub mod budget;
pub mod circuit;
pub mod latency;
pub mod slots;
pub mod window;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use budget::RetryBudget;
use circuit::{Circuit, Verdict};
use latency::Latency;
use slots::{NoSlot, Slot, SlotLimit, Slots};
use tokio::time::Instant;

use crate::gateway::providers::{ProviderError, Upstream};

/// How many are remembered. Names of models are the clients' to choose: above this the memory starts anew.
const MOST_UPSTREAMS: usize = 10_000;
const MOST_MODELS: usize = 1_000;

/// A failure counts as an answer that was this slow, however soon it came.
const FAILURE_AS_LATENCY: Duration = Duration::from_secs(5);

/// What is known of every target.
pub struct Health {
    started: Instant,
    upstreams: RwLock<HashMap<u64, Arc<Account>>>,
    addresses: Mutex<HashMap<u64, Arc<Address>>>,
}

/// What calls to one address share, whoever pays for them.
#[derive(Debug, Default)]
struct Address {
    circuit: Mutex<Circuit>,
}

/// What calls with one key share.
#[derive(Debug)]
struct Account {
    address: Arc<Address>,
    circuit: Mutex<Circuit>,
    /// Not the address's: one tenant's bad day must not use up what another's repeated calls need.
    budget: Mutex<RetryBudget>,
    slots: Option<Slots>,
    models: RwLock<HashMap<String, Arc<Target>>>,
}

/// One model behind one key at one address.
#[derive(Debug)]
pub struct Target {
    started: Instant,
    account: Arc<Account>,
    model: Mutex<ModelState>,
}

#[derive(Debug, Default)]
struct ModelState {
    circuit: Circuit,
    latency: Latency,
}

impl Default for Health {
    fn default() -> Self {
        Self { started: Instant::now(), upstreams: RwLock::default(), addresses: Mutex::default() }
    }
}

impl Health {
    /// The target that is `model` at `upstream`; `limit` holds for all calls with its key.
    #[must_use]
    pub fn target(&self, upstream: &Upstream, model: &str, limit: Option<SlotLimit>) -> Arc<Target> {
        let account = self.account(upstream, limit);
        if let Some(target) = read(&account.models).get(model) {
            return Arc::clone(target);
        }
        let mut models = account.models.write().unwrap_or_else(PoisonError::into_inner);
        if models.len() >= MOST_MODELS {
            models.clear();
        }
        let fresh =
            || Target { started: self.started, account: Arc::clone(&account), model: Mutex::default() };
        Arc::clone(models.entry(model.to_owned()).or_insert_with(|| Arc::new(fresh())))
    }

    fn account(&self, upstream: &Upstream, limit: Option<SlotLimit>) -> Arc<Account> {
        if let Some(account) = read(&self.upstreams).get(&upstream.id.account) {
            return Arc::clone(account);
        }
        let address = {
            let mut addresses = lock(&self.addresses);
            if addresses.len() >= MOST_UPSTREAMS {
                addresses.clear();
            }
            Arc::clone(addresses.entry(upstream.id.address).or_default())
        };
        let mut upstreams = self.upstreams.write().unwrap_or_else(PoisonError::into_inner);
        if upstreams.len() >= MOST_UPSTREAMS {
            upstreams.clear();
        }
        let fresh = || Account {
            address,
            circuit: Mutex::default(),
            budget: Mutex::default(),
            slots: limit.map(Slots::new),
            models: RwLock::default(),
        };
        Arc::clone(upstreams.entry(upstream.id.account).or_insert_with(|| Arc::new(fresh())))
    }
}

impl Target {
    /// Whether a call may go there now.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let now = self.now();
        let verdicts = [
            lock(&self.account.address.circuit).verdict(now),
            lock(&self.account.circuit).verdict(now),
            lock(&self.model).circuit.verdict(now),
        ];
        verdicts.into_iter().fold(Verdict::Go, |sofar, next| match (sofar, next) {
            (Verdict::Rest { until: a, asked: x }, Verdict::Rest { until: b, asked: y }) => {
                Verdict::Rest { until: a.max(b), asked: x || y }
            }
            (rest @ Verdict::Rest { .. }, _) | (_, rest @ Verdict::Rest { .. }) => rest,
            (Verdict::Probe, _) | (_, Verdict::Probe) => Verdict::Probe,
            (Verdict::Go, Verdict::Go) => Verdict::Go,
        })
    }

    /// How much longer a rest until then lasts.
    #[must_use]
    pub fn remaining(&self, until: Duration) -> Duration {
        until.saturating_sub(self.now())
    }

    /// What another call would have to expect until its answer begins, in seconds; 0 where nobody knows.
    #[must_use]
    pub fn expected_seconds(&self) -> f64 {
        lock(&self.model).latency.expected(self.now())
    }

    /// Takes one from the key's budget of repeated calls.
    #[must_use]
    pub fn may_repeat(&self) -> bool {
        lock(&self.account.budget).take(self.now())
    }

    /// A call goes out, once it has a place among those under way.
    ///
    /// # Errors
    /// [`NoSlot`] when the operator's limit leaves none.
    pub async fn begin(self: &Arc<Self>, repeated: bool) -> Result<Call, NoSlot> {
        let slot = match &self.account.slots {
            Some(slots) => Some(slots.take().await?),
            None => None,
        };
        let now = self.now();
        if !repeated {
            lock(&self.account.budget).pay_in();
        }
        let probes = {
            let address = lock(&self.account.address.circuit).begin(now);
            let account = lock(&self.account.circuit).begin(now);
            let mut model = lock(&self.model);
            model.latency.begin();
            Probes { address, account, model: model.circuit.begin(now) }
        };
        Ok(Call { target: Arc::clone(self), begun: now, probes, waits: true, _slot: slot })
    }

    fn now(&self) -> Duration {
        Instant::now().saturating_duration_since(self.started)
    }
}

#[derive(Debug, Default)]
struct Probes {
    address: bool,
    account: bool,
    model: bool,
}

/// A call under way. Dropped without a word it was given up by its client, which tells nothing of the provider.
#[derive(Debug)]
pub struct Call {
    target: Arc<Target>,
    begun: Duration,
    probes: Probes,
    /// For its answer to begin.
    waits: bool,
    _slot: Option<Slot>,
}

/// Who is to blame for a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blame {
    Address,
    Account,
    Model,
    /// The request itself.
    Caller,
}

impl Call {
    /// The answer began with content: all is well.
    pub fn answered(&mut self) {
        let now = self.target.now();
        lock(&self.target.model).latency.record(now, now.saturating_sub(self.begun));
        self.went_well(now, Blame::Caller);
    }

    /// The call failed, before its answer began or in its middle.
    pub fn failed(&mut self, error: &ProviderError) {
        let now = self.target.now();
        let blame = blame(error);
        if self.waits && blame != Blame::Caller {
            let took = now.saturating_sub(self.begun).max(FAILURE_AS_LATENCY);
            lock(&self.target.model).latency.record(now, took);
        }
        self.went_well(now, blame);
        let account = &self.target.account;
        let rest = match error {
            ProviderError::Failed { status: 429 | 503 | 529, retry_after: Some(seconds), .. } => {
                Some(Duration::from_secs(*seconds))
            }
            _ => None,
        };
        match blame {
            Blame::Caller => {}
            Blame::Address => {
                lock(&account.address.circuit).failed(now, std::mem::take(&mut self.probes.address));
            }
            Blame::Account => {
                lock(&account.circuit).failed(now, std::mem::take(&mut self.probes.account));
            }
            Blame::Model => {
                let mut model = lock(&self.target.model);
                model.circuit.failed(now, std::mem::take(&mut self.probes.model));
                if let Some(rest) = rest {
                    model.circuit.rest(now, rest);
                }
            }
        }
    }

    /// What is wider than the blame did its part: an error of a model still proves the address.
    fn went_well(&mut self, now: Duration, blame: Blame) {
        if std::mem::take(&mut self.waits) {
            lock(&self.target.model).latency.end();
            let account = &self.target.account;
            if blame != Blame::Address {
                lock(&account.address.circuit).succeeded(now, std::mem::take(&mut self.probes.address));
            }
            if !matches!(blame, Blame::Address | Blame::Account) {
                lock(&account.circuit).succeeded(now, std::mem::take(&mut self.probes.account));
            }
            if blame == Blame::Caller {
                lock(&self.target.model).circuit.succeeded(now, std::mem::take(&mut self.probes.model));
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let now = self.target.now();
        let account = &self.target.account;
        if self.probes.address {
            lock(&account.address.circuit).probe_dropped(now);
        }
        if self.probes.account {
            lock(&account.circuit).probe_dropped(now);
        }
        let mut model = lock(&self.target.model);
        if self.probes.model {
            model.circuit.probe_dropped(now);
        }
        if self.waits {
            model.latency.end();
        }
    }
}

fn blame(error: &ProviderError) -> Blame {
    match error {
        ProviderError::Unreachable(_) => Blame::Address,
        // A 403 may be about one model that the key may not call, a 404 about one that is gone.
        ProviderError::Failed { status: 401 | 402, .. } | ProviderError::Misconfigured => Blame::Account,
        ProviderError::Rejected { status: 404, .. } => Blame::Model,
        ProviderError::Rejected { .. } => Blame::Caller,
        ProviderError::Failed { .. }
        | ProviderError::NoAnswer
        | ProviderError::BrokeOff
        | ProviderError::Garbage(_)
        | ProviderError::TooLarge { .. }
        | ProviderError::TimedOut { .. }
        | ProviderError::InStream { .. } => Blame::Model,
    }
}

// A panic elsewhere must not take health down: its numbers are whole between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}
