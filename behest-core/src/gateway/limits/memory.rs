//! Counters in this process's memory: exact for one gateway, and as lasting as the ledger that they are loaded from.

pub mod book;
mod lease;
mod table;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;
use uuid::Uuid;

use super::counters::{Charge, Counters, Denied, Gauges, Grant, Standing, Take, Truth};
use super::meter::Meter;
use crate::gateway::store::StoreError;
use book::{Book, Load, Step};

/// What a load came to, once it is known.
type Outcome = Option<Result<(), StoreError>>;

/// Counters in memory. One lock over all of them, never held over a wait: a take over all of a call's layers is a
/// microsecond or two.
pub struct MemoryCounters {
    shared: Arc<Shared>,
}

struct Shared {
    truth: Arc<dyn Truth>,
    state: Mutex<State>,
}

struct State {
    book: Book,
    loads: HashMap<u64, watch::Receiver<Outcome>>,
}

impl MemoryCounters {
    /// Counters that know what `truth` knows, at most `most` of them: those that nobody needs make room, and are
    /// loaded again when somebody does. Then, as at a start, calls are forgotten that something refused after they had
    /// spent: there is no record of them.
    ///
    /// `started_at`: now, in Unix milliseconds, but not before any call that the ledger knows of; of minutes that begin
    /// later the ledger is not asked.
    #[must_use]
    pub fn new(truth: Arc<dyn Truth>, started_at: i64, most: usize) -> Self {
        let state = State { book: Book::new(started_at, most), loads: HashMap::new() };
        Self { shared: Arc::new(Shared { truth, state: Mutex::new(state) }) }
    }

    /// Puts a question to the book until it has an answer, waiting for the ledger where it must be asked.
    async fn ask<T>(&self, mut question: impl FnMut(&mut Book) -> Step<T> + Send) -> Result<T, StoreError> {
        loop {
            let loads = match self.step(&mut question) {
                Ok(answer) => return Ok(answer),
                Err(loads) => loads,
            };
            for mut load in loads {
                let outcome = load.wait_for(Option::is_some).await.map(|outcome| outcome.clone());
                // A sender is never gone before it told: see `Running`.
                outcome.ok().flatten().unwrap_or_else(|| Err(given_up()))?;
            }
        }
    }

    /// Puts it once; gives what to wait for when it must be put again.
    fn step<T>(
        &self,
        question: impl FnOnce(&mut Book) -> Step<T>,
    ) -> Result<T, Vec<watch::Receiver<Outcome>>> {
        let mut state = self.shared.lock();
        match question(&mut state.book) {
            Step::Done(answer) => Ok(answer),
            Step::Wait { begins, loads } => {
                if let Some(load) = begins {
                    let (tell, told) = watch::channel(None);
                    state.loads.insert(load.id, told);
                    let running = Running { shared: Arc::clone(&self.shared), load: Some(load), tell };
                    // On its own: others wait for it, so it may not end with the call that began it.
                    tokio::spawn(running.run());
                }
                Err(loads.iter().filter_map(|id| state.loads.get(id).cloned()).collect())
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A load on its way. However it ends, the book hears of it, and so do those who wait.
struct Running {
    shared: Arc<Shared>,
    load: Option<Load>,
    tell: watch::Sender<Outcome>,
}

impl Running {
    async fn run(mut self) {
        if let Some(load) = &self.load {
            let (questions, except) = (load.questions.clone(), load.except.clone());
            let spent = self.shared.truth.spent(questions, except).await;
            self.finish(&spent);
        }
    }

    fn finish(&mut self, spent: &Result<Vec<u64>, StoreError>) {
        let Some(load) = self.load.take() else {
            return;
        };
        let mut state = self.shared.lock();
        state.loads.remove(&load.id);
        state.book.loaded(load, spent);
        drop(state);
        self.tell.send_replace(Some(spent.as_ref().map(drop).map_err(Clone::clone)));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.finish(&Err(given_up()));
    }
}

fn given_up() -> StoreError {
    StoreError::Unavailable("the ledger was not heard out".to_owned())
}

#[async_trait]
impl Counters for MemoryCounters {
    async fn take(&self, take: Take) -> Result<Grant, Denied> {
        self.ask(|book| book.take(&take)).await?
    }

    fn settle(&self, charge: Charge) -> Vec<(Arc<Meter>, Standing)> {
        let settled = self.shared.lock().book.settle(&charge);
        settled.unwrap_or_else(|| {
            tracing::error!(
                lease = %charge.lease,
                entry = %charge.entry,
                "a charge came after the release of its lease: no limit counts it before the next start"
            );
            Vec::new()
        })
    }

    fn renew(&self, lease: Uuid, expires_at: i64) {
        self.shared.lock().book.renew(lease, expires_at);
    }

    fn release(&self, lease: Uuid) {
        self.shared.lock().book.release(lease);
    }

    async fn standings(&self, meters: Vec<Arc<Meter>>, now: i64) -> Result<Vec<Standing>, StoreError> {
        self.ask(|book| book.standings(&meters, now)).await?
    }

    fn sweep(&self, now: i64) -> usize {
        self.shared.lock().book.sweep(now)
    }

    fn gauges(&self) -> Gauges {
        self.shared.lock().book.gauges()
    }
}
