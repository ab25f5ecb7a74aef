//! Events: what the people who pay the bill and answer for the data want to be told.
//!
//! [`Events::raise`] hands an event to a thread of its own, which stores it and then tells those who listen. Nobody who
//! raises one waits, and a store that fails makes events late, not lost.

pub mod address;
mod board;
mod courier;
pub mod from_file;
mod keeper;
mod schedule;
pub mod secrets;
pub mod signature;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use quick_cache::sync::Cache;
use serde_json::{Value, json};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::auth::seal::Sealer;
use super::clock;
use super::providers::http::HttpClients;
use super::store::events::EventRow;
use super::store::{Store, StoreError};
use crate::types::event::EventKind;
use board::Board;
use courier::Couriers;
use keeper::Keeper;

pub use board::Listening;

/// How many events may wait to be stored.
const QUEUE: usize = 1024;
/// How many texts of `once` are remembered, so that a flood of the same event costs no write.
const RECENT: usize = 4096;

/// Something that happened, on its way to those who want to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Raised {
    /// What.
    pub kind: EventKind,
    /// Whose; `None` for the gateway's own.
    pub tenant: Option<Uuid>,
    /// Whose; `None` for a tenant's and the gateway's own.
    pub project: Option<Uuid>,
    /// One sentence for people.
    pub message: String,
    /// Numbers and names that belong to the kind.
    pub data: Value,
    /// Events with the same text here are one: only the first of them is kept and told.
    pub once: Option<String>,
}

/// Where events are raised and listened to.
pub struct Events {
    queue: Sender<EventRow>,
    end: CancellationToken,
    recent: Cache<Box<str>, ()>,
    board: Arc<Board>,
    /// Wakes the couriers of webhooks.
    news: watch::Sender<()>,
    lost: AtomicU64,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Events {
    /// Starts the thread that stores and tells events and takes them to webhooks, and watches the ledger.
    ///
    /// # Errors
    /// When the store cannot answer, or the system gives no thread.
    pub async fn start(
        store: &Arc<dyn Store>,
        sealer: &Arc<Sealer>,
        http: HttpClients,
    ) -> Result<Arc<Self>, StoreError> {
        let newest = store.newest_event().await?.unwrap_or(Uuid::nil());
        let board = Arc::new(Board::new(newest));
        let (queue, inbox) = channel(QUEUE);
        let (news, end) = (watch::Sender::new(()), CancellationToken::new());
        let keeper =
            Keeper::new(Arc::clone(store), Arc::clone(&board), inbox, news.clone(), end.clone(), newest);
        let couriers =
            Couriers { store: Arc::clone(store), sealer: Arc::clone(sealer), http, news: news.clone() };
        let unavailable = |error: std::io::Error| StoreError::Unavailable(error.to_string());
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(unavailable)?;
        let thread = std::thread::Builder::new()
            .name("behest-events".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    // A delivery that the end cuts off stays in the outbox for the next start.
                    let _couriers = AbortOnDropHandle::new(tokio::spawn(Arc::new(couriers).run()));
                    keeper.run().await;
                });
            })
            .map_err(unavailable)?;
        let events = Arc::new(Self {
            queue,
            end,
            recent: Cache::new(RECENT),
            board,
            news,
            lost: AtomicU64::new(0),
            thread: Mutex::new(Some(thread)),
        });
        // The store outlives the events, so it must not hold them.
        let watching = Arc::downgrade(&events);
        store.watch_ledger(Box::new(move |health| {
            if let Some(events) = watching.upgrade() {
                events.raise(of_ledger(health));
            }
        }));
        Ok(events)
    }

    /// Hands an event over, from any thread and any destructor: it never waits and never fails. One that finds the queue
    /// full is lost, counted and logged.
    pub fn raise(&self, raised: Raised) {
        let Raised { kind, tenant, project, message, data, once } = raised;
        let key: Option<Box<str>> = once.as_deref().map(Box::from);
        if let Some(key) = &key {
            if self.recent.get(key).is_some() {
                return;
            }
            self.recent.insert(key.clone(), ());
        }
        let row =
            EventRow { id: Uuid::nil(), kind, at: clock::now_ms(), tenant, project, message, data, once };
        if let Err(TrySendError::Full(_)) = self.queue.try_send(row) {
            if let Some(key) = key {
                // It may be raised again.
                self.recent.remove(&key);
            }
            let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
            if lost.is_power_of_two() {
                tracing::error!(lost, kind = kind.as_str(), "events come faster than they can be stored");
            }
        }
    }

    /// How many events were lost since the start, because too many were waiting to be stored.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Listens from now on.
    #[must_use]
    pub fn listen(&self) -> Listening {
        self.board.listen()
    }

    /// Says that a webhook was added or removed, or has something new to get.
    pub(crate) fn outbox_changed(&self) {
        self.news.send_replace(());
    }

    /// Stores what is waiting and ends the thread. Idempotent.
    pub async fn close(&self) {
        self.end.cancel();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A thread that panicked has nothing left to store.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

fn of_ledger(health: Result<(), StoreError>) -> Raised {
    let (kind, message, data) = match health {
        Ok(()) => (EventKind::LedgerRecovered, "the ledger can be written again", json!({})),
        Err(error) => (
            EventKind::LedgerFailed,
            "the ledger cannot be written: no calls until it can",
            json!({ "reason": error.to_string() }),
        ),
    };
    Raised { kind, tenant: None, project: None, message: message.to_owned(), data, once: None }
}
