//! Stores events and tells them, in one order for everybody.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::board::Board;
use crate::gateway::store::Store;
use crate::gateway::store::events::EventRow;

/// How soon a failed write is tried again.
const RETRY: Duration = Duration::from_millis(500);
/// How many events wait here for a store that fails; more wait in the queue.
const MOST: usize = 1024;

/// The one who stores and tells.
pub(super) struct Keeper {
    store: Arc<dyn Store>,
    board: Arc<Board>,
    inbox: Receiver<EventRow>,
    /// Wakes the couriers of webhooks.
    news: watch::Sender<()>,
    end: CancellationToken,
    last: Uuid,
    waiting: Vec<Waiting>,
    open: bool,
    failing: bool,
}

struct Waiting {
    row: EventRow,
    told: bool,
}

impl Keeper {
    /// Gives ids after `last`.
    pub(super) fn new(
        store: Arc<dyn Store>,
        board: Arc<Board>,
        inbox: Receiver<EventRow>,
        news: watch::Sender<()>,
        end: CancellationToken,
        last: Uuid,
    ) -> Self {
        Self { store, board, inbox, news, end, last, waiting: Vec::new(), open: true, failing: false }
    }

    /// Until the end, or until nobody is left who could raise an event.
    pub(super) async fn run(mut self) {
        while self.open {
            self.gather().await;
            self.keep().await;
        }
        if !self.waiting.is_empty() {
            tracing::error!(events = self.waiting.len(), "events could not be stored before the end");
        }
    }

    /// Takes what has come; waits for the first of it, but not for ever while something is to be tried again.
    async fn gather(&mut self) {
        let full = self.waiting.len() >= MOST;
        tokio::select! {
            biased;
            () = self.end.cancelled() => self.open = false,
            row = self.inbox.recv(), if !full => match row {
                Some(row) => self.waiting.push(Waiting { row, told: false }),
                None => self.open = false,
            },
            () = tokio::time::sleep(RETRY), if !self.waiting.is_empty() => {}
        }
        while self.waiting.len() < MOST
            && let Ok(row) = self.inbox.try_recv()
        {
            self.waiting.push(Waiting { row, told: false });
        }
    }

    async fn keep(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        for waiting in self.waiting.iter_mut().filter(|waiting| !waiting.told) {
            // Anew at each try, so that none is told after one with a greater id.
            self.last = next_id(self.last);
            waiting.row.id = self.last;
        }
        let rows = self.waiting.iter().map(|waiting| waiting.row.clone()).collect();
        match self.store.add_events(rows).await {
            Ok(new) => {
                self.failing = false;
                self.board.all_stored();
                self.news.send_replace(());
                for (waiting, _) in
                    self.waiting.drain(..).zip(new).filter(|(waiting, new)| *new && !waiting.told)
                {
                    self.board.tell(Arc::new(waiting.row), true);
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(%error, "events wait for the store");
                }
                // Whether one that is to be told once was told before is for the store to say.
                let tellable = |waiting: &&mut Waiting| !waiting.told && waiting.row.once.is_none();
                for waiting in self.waiting.iter_mut().filter(tellable) {
                    waiting.told = true;
                    self.board.tell(Arc::new(waiting.row.clone()), false);
                }
            }
        }
    }
}

/// A UUIDv7 that is greater than `last`, even if the clock has been set back.
fn next_id(last: Uuid) -> Uuid {
    Uuid::now_v7().max(Uuid::from_u128(last.as_u128().saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_when_the_clock_is_set_back() {
        let future = Uuid::from_u128(u128::from(u64::MAX) << 64);
        assert_eq!(next_id(future).as_u128(), future.as_u128() + 1);
        let past = Uuid::nil();
        assert_eq!(next_id(past).get_version_num(), 7);
    }
}
