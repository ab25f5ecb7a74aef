//! Where events are told: to everybody who listens at once, and with what the store does not have yet.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast::{self, Receiver, Sender};
use uuid::Uuid;

use crate::gateway::store::events::EventRow;

/// How far a listener may fall behind before it must read the store.
const BACKLOG: usize = 256;

/// The board. Ids of told events grow.
pub(super) struct Board {
    live: Sender<Arc<EventRow>>,
    state: Mutex<State>,
}

struct State {
    newest: Uuid,
    /// Told, because the store fails, and to be stored when it can.
    unstored: Vec<Arc<EventRow>>,
}

/// What a listener hears, and where it begins.
pub struct Listening {
    /// Events told from now on.
    pub live: Receiver<Arc<EventRow>>,
    /// Events told before that are perhaps not in the store, oldest first.
    pub unstored: Vec<Arc<EventRow>>,
    /// The last event told before.
    pub newest: Uuid,
}

impl Board {
    /// After `newest`.
    pub(super) fn new(newest: Uuid) -> Self {
        Self {
            live: broadcast::channel(BACKLOG).0,
            state: Mutex::new(State { newest, unstored: Vec::new() }),
        }
    }

    pub(super) fn listen(&self) -> Listening {
        let state = self.state();
        Listening { live: self.live.subscribe(), unstored: state.unstored.clone(), newest: state.newest }
    }

    /// Tells an event.
    pub(super) fn tell(&self, event: Arc<EventRow>, stored: bool) {
        let mut state = self.state();
        state.newest = event.id;
        if !stored {
            state.unstored.push(Arc::clone(&event));
        }
        // Nobody may be listening.
        let _ = self.live.send(event);
    }

    /// Everything that was told is in the store.
    pub(super) fn all_stored(&self) {
        self.state().unstored.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whole values only are written under the lock, so a poisoned one still holds a sound state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
