//! The one thread that writes: it gathers what is waiting into one transaction and commits it as a group.
//!
//! Nobody waits for a lock and nobody begins a transaction of his own, so SQLITE_BUSY cannot happen between our own
//! parts. A settlement that cannot be committed is kept and tried again until it can: money already spent is never
//! forgotten, and the gateway takes no new calls meanwhile.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, ffi};
use tokio::sync::{broadcast, oneshot};

use super::super::{LedgerState, StoreError};
use super::{closed, ledger, memory, unavailable};
use crate::gateway::ledger::mailbox;
use crate::gateway::ledger::record::{Settlement, UsageRecord};
use crate::gateway::store::events::LedgerWatch;

/// At most this many jobs share a transaction, so that the first of them does not wait for ever.
const GROUP: usize = 512;
/// So many records are kept for those who watch: whoever falls further behind loses some.
const WATCHED: usize = 1_024;
/// How soon a failed commit is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// Writes something new, so that its commit tells whether the database can be written.
const PROBE: &str = "INSERT INTO gateway_values (name, value) VALUES ('write_probe', hex(randomblob(8)))
    ON CONFLICT (name) DO UPDATE SET value = excluded.value";

/// Does its work inside the transaction, or learns why there was none; gives what tells the caller, once the commit's
/// fate is known.
type Work = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Told + Send>;
type Told = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

enum Job {
    Work(Work),
    Settle(Box<Settlement>),
    Close,
}

#[derive(Default)]
struct Counters {
    unhealthy: AtomicBool,
    commits: AtomicU64,
    records: AtomicU64,
    kept: AtomicU64,
    watch: OnceLock<LedgerWatch>,
}

impl Counters {
    fn changed(&self, health: Result<(), StoreError>) {
        if let Some(watch) = self.watch.get() {
            watch(health);
        }
    }
}

pub(super) struct Writer {
    jobs: Sender<Job>,
    counters: Arc<Counters>,
    watched: broadcast::Sender<Arc<UsageRecord>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Result<Self, StoreError> {
        let (jobs, inbox) = channel();
        let counters = Arc::new(Counters::default());
        let shared = Arc::clone(&counters);
        let (watched, _) = broadcast::channel(WATCHED);
        let watchers = watched.clone();
        let thread = std::thread::Builder::new()
            .name("behest-writer".to_owned())
            .spawn(move || {
                Loop { connection, inbox, counters: shared, watchers, kept: Vec::new() }.run();
            })
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self { jobs, counters, watched, thread: Mutex::new(Some(thread)) })
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (tell, told) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            let result =
                connection.and_then(|connection| in_savepoint(connection, work).map_err(unavailable));
            Box::new(move |committed| {
                // The caller may have gone; what was committed stays.
                let _ = tell.send(result.and_then(|value| committed.map(|()| value)));
            })
        });
        self.jobs.send(Job::Work(work)).map_err(|_| closed())?;
        told.await.map_err(|_| closed())?
    }

    pub(super) fn settle(&self, settlement: Settlement) {
        if let Err(lost) = self.jobs.send(Job::Settle(Box::new(settlement))) {
            // Only after `close`. The journal still holds the attempt, so the next start settles it.
            self.counters.unhealthy.store(true, Ordering::Relaxed);
            if let Job::Settle(settlement) = lost.0 {
                mailbox::tell(settlement.waiting, &Err(closed()));
                settlement.permit.keep_noted();
            }
        }
    }

    pub(super) fn state(&self) -> LedgerState {
        LedgerState {
            healthy: !self.counters.unhealthy.load(Ordering::Relaxed),
            commits: self.counters.commits.load(Ordering::Relaxed),
            records: self.counters.records.load(Ordering::Relaxed),
            kept: self.counters.kept.load(Ordering::Relaxed),
        }
    }

    /// Only the first watch counts.
    pub(super) fn watch_health(&self, watch: LedgerWatch) {
        let _ = self.counters.watch.set(watch);
    }

    pub(super) fn watch(&self) -> broadcast::Receiver<Arc<UsageRecord>> {
        self.watched.subscribe()
    }

    pub(super) async fn close(&self) {
        let _ = self.jobs.send(Job::Close);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A writer that panicked has nothing left to commit.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

struct Loop {
    connection: Connection,
    inbox: Receiver<Job>,
    counters: Arc<Counters>,
    watchers: broadcast::Sender<Arc<UsageRecord>>,
    kept: Vec<Settlement>,
}

impl Loop {
    fn run(mut self) {
        let mut open = true;
        while open {
            let first = if self.is_healthy() {
                self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                self.inbox.recv_timeout(RETRY)
            };
            // Whoever is about to hand something over gets the core first: under load the group grows, and alone on
            // the core nobody waits.
            std::thread::yield_now();
            let mut works = Vec::new();
            let mut settlements = std::mem::take(&mut self.kept);
            let mut next = match first {
                Ok(job) => Some(job),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => {
                    self.kept = settlements;
                    break;
                }
            };
            while let Some(job) = next {
                match job {
                    Job::Work(work) => works.push(work),
                    Job::Settle(settlement) => settlements.push(*settlement),
                    Job::Close => open = false,
                }
                next =
                    if works.len() + settlements.len() < GROUP { self.inbox.try_recv().ok() } else { None };
            }
            self.commit(works, settlements);
        }
        // A last try for what is kept; the journal carries the rest to the next start.
        let kept = std::mem::take(&mut self.kept);
        if !kept.is_empty() {
            self.commit(Vec::new(), kept);
        }
    }

    fn is_healthy(&self) -> bool {
        !self.counters.unhealthy.load(Ordering::Relaxed)
    }

    fn commit(&mut self, works: Vec<Work>, settlements: Vec<Settlement>) {
        if works.is_empty() && settlements.is_empty() && self.is_healthy() {
            return;
        }
        let mut told: Vec<Told> = Vec::with_capacity(works.len());
        let mut works = works.into_iter();
        let result = self.transaction(&mut works, &settlements, &mut told).map_err(unavailable);
        if let Err(error) = &result {
            // Those that the transaction did not come to.
            told.extend(works.map(|work| work(Err(error.clone()))));
        }
        if result.is_ok() {
            // Before anybody is told: whoever asks for the count then finds its own commit in it.
            self.counters.commits.fetch_add(1, Ordering::Relaxed);
        }
        let fate = result.as_ref().map(drop).map_err(Clone::clone);
        for tell in told {
            tell(fate.clone());
        }
        match result {
            Ok(added) => self.committed(settlements, &added),
            Err(error) => self.failed(&error, settlements),
        }
    }

    /// Tells of each settlement whether its record is new.
    fn transaction(
        &self,
        works: &mut impl Iterator<Item = Work>,
        settlements: &[Settlement],
        told: &mut Vec<Told>,
    ) -> rusqlite::Result<Vec<bool>> {
        let run = |statement| self.connection.prepare_cached(statement)?.execute([]).map(drop);
        let result = run("BEGIN IMMEDIATE").and_then(|()| {
            if !self.is_healthy() {
                // Nothing may be kept, and while no calls are taken nothing comes: something must show the recovery.
                run(PROBE)?;
            }
            for work in works {
                told.push(work(Ok(&self.connection)));
                if self.connection.is_autocommit() {
                    // A full disk rolls everything back at once; what follows would commit by itself.
                    return Err(rusqlite::Error::SqliteFailure(
                        ffi::Error::new(ffi::SQLITE_FULL),
                        Some("the transaction was rolled back".to_owned()),
                    ));
                }
            }
            let mut ledger = ledger::Appender::new(&self.connection)?;
            let mut all_added = Vec::with_capacity(settlements.len());
            for settlement in settlements {
                let added = ledger.append(&settlement.record)?;
                if let Some(turn) = settlement.turn.as_ref().filter(|_| added) {
                    memory::add_turn(&self.connection, turn)?;
                }
                all_added.push(added);
            }
            ledger.finish()?;
            run("COMMIT").map(|()| all_added)
        });
        if result.is_err() && !self.connection.is_autocommit() {
            // Nothing is half-written, whatever failed.
            if let Err(error) = run("ROLLBACK") {
                tracing::error!(%error, "a failed transaction could not be rolled back");
            }
        }
        result
    }

    fn committed(&mut self, settlements: Vec<Settlement>, added: &[bool]) {
        self.counters.records.fetch_add(settlements.len() as u64, Ordering::Relaxed);
        self.counters.kept.store(0, Ordering::Relaxed);
        if self.counters.unhealthy.swap(false, Ordering::Relaxed) {
            tracing::info!("the ledger can be written again");
            self.counters.changed(Ok(()));
        }
        let is_watched = self.watchers.receiver_count() > 0;
        let mut records = Vec::new();
        let waiting = settlements.into_iter().zip(added).filter_map(|(settlement, added)| {
            // Whoever watches was told of a record that is there already.
            if is_watched && *added {
                records.push(settlement.record);
            }
            settlement.waiting
        });
        mailbox::tell(waiting, &Ok(()));
        for record in records {
            // Those who watched may have gone since they were counted.
            let _ = self.watchers.send(Arc::new(record));
        }
    }

    fn failed(&mut self, error: &StoreError, mut settlements: Vec<Settlement>) {
        if !self.counters.unhealthy.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "the ledger cannot be written: no new calls until it can");
            self.counters.changed(Err(error.clone()));
        }
        for settlement in &mut settlements {
            // A client that is told of the failure repeats its call, and a turn that cannot be stored must not keep
            // its record out of the ledger.
            settlement.turn = None;
        }
        let waiting = settlements.iter_mut().filter_map(|settlement| settlement.waiting.take());
        mailbox::tell(waiting, &Err(error.clone()));
        self.counters.kept.store(settlements.len() as u64, Ordering::Relaxed);
        self.kept = settlements;
    }
}

fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let run = |statement| connection.prepare_cached(statement)?.execute([]).map(drop);
    run("SAVEPOINT job")?;
    let result = work(connection);
    // A full disk may have rolled the whole transaction back, savepoint and all; its own error then tells.
    if result.is_err() {
        let _ = run("ROLLBACK TO job");
    }
    let _ = run("RELEASE job");
    result
}
