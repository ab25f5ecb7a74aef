//! A call's place among those under way, and the request of the day that it may use up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use uuid::Uuid;

use super::counters::{Charge, Counters};
use super::meter::Payer;

/// Who calls, and when the call was admitted: what its limits and its records go by.
#[derive(Debug, Clone)]
pub struct CallId {
    /// The call.
    pub operation: Uuid,
    /// When it was admitted, in Unix milliseconds: all that it does is counted in the windows of that instant.
    pub admitted_at: i64,
    /// Who pays.
    pub payer: Arc<Payer>,
}

/// An admitted call. Dropping it frees its place, whatever path the request took.
pub struct Admission {
    call: CallId,
    /// `None` where nothing is limited.
    counters: Option<Arc<dyn Counters>>,
    dispatched: AtomicBool,
}

impl Admission {
    /// The place of a call whose lease, under the call's own id, was taken from `counters`.
    #[must_use]
    pub fn new(call: CallId, counters: Option<Arc<dyn Counters>>) -> Self {
        Self { call, counters, dispatched: AtomicBool::new(false) }
    }

    /// The call.
    #[must_use]
    pub const fn call(&self) -> &CallId {
        &self.call
    }

    /// A provider is asked: from now on the call has used up a request of the day. One that no provider ever saw
    /// leaves no record, and gives its request back.
    pub fn dispatched(&self) {
        let Some(counters) = &self.counters else { return };
        if !self.dispatched.swap(true, Ordering::Relaxed) {
            let operation = self.call.operation;
            let charge = Charge {
                lease: operation,
                entry: operation,
                model: Arc::from(""),
                requests: 1,
                tokens: 0,
                money: 0,
            };
            counters.settle(charge);
        }
    }

    /// Puts the end of its lease off, for a call that takes long.
    pub fn renew(&self, expires_at: i64) {
        if let Some(counters) = &self.counters {
            counters.renew(self.call.operation, expires_at);
        }
    }

    /// Frees its place: the provider is done. Idempotent.
    pub fn release(&self) {
        if let Some(counters) = &self.counters {
            counters.release(self.call.operation);
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.release();
    }
}

impl std::fmt::Debug for Admission {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Admission").field("call", &self.call.operation).finish_non_exhaustive()
    }
}
