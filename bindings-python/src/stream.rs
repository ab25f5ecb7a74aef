//! A streamed answer, handed over as fast as Python asks for it.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use behest_core::Error;
use behest_core::client::JsonStream;
use futures_util::FutureExt as _;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::task::AbortHandle;

use crate::errors::of_another_process;
use crate::mailbox::Mailbox;
use crate::operation::{Bell, Operation, Outcome};
use crate::process::Owned;
use crate::runtime::{self, runtime};

/// Where the stream is.
enum State {
    /// Here.
    Idle(Box<JsonStream>),
    /// With the task that reads on. Ending that task closes the stream.
    Reading(Option<AbortHandle>),
    /// Read to its end, or given up.
    Closed,
}

struct Slot(Mutex<State>);

impl Slot {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the stream back from the task that read it, unless it was given up meanwhile.
    fn give_back(&self, stream: Box<JsonStream>) {
        let mut state = self.lock();
        if matches!(*state, State::Reading(_)) {
            *state = State::Idle(stream);
        }
    }
}

/// A streamed answer. Dropping it cancels the call at the gateway.
#[pyclass(frozen, module = "behest._native")]
pub struct Stream {
    meta: String,
    slot: Owned<Arc<Slot>>,
}

impl Stream {
    pub fn new(stream: Box<JsonStream>) -> Self {
        let meta = stream.meta().to_json();
        Self { meta, slot: Owned::new(Arc::new(Slot(Mutex::new(State::Idle(stream))))) }
    }
}

#[pymethods]
impl Stream {
    /// What the gateway says about the answer, as JSON.
    #[getter]
    fn meta(&self) -> &str {
        &self.meta
    }

    /// Asks for all the chunks that are there, or for the next one. The result is a list of JSON texts, or `None` at the
    /// end. Cancelling the operation closes the stream.
    #[pyo3(signature = (mailbox=None, ticket=0))]
    fn next(&self, mailbox: Option<&Mailbox>, ticket: u64) -> PyResult<Operation> {
        let slot = self.slot.get().ok_or_else(|| of_another_process("stream"))?;
        let bell = Bell::new(mailbox, ticket)?;
        let _runtime = runtime()?.enter();
        let mut state = slot.lock();
        let mut stream = match mem::replace(&mut *state, State::Closed) {
            State::Idle(stream) => stream,
            State::Closed => return Ok(Operation::finished(Ok(Outcome::Stopped))),
            reading @ State::Reading(_) => {
                *state = reading;
                return Err(PyRuntimeError::new_err("somebody else is reading this stream"));
            }
        };
        // What has arrived is taken at once: a task, a bell and a turn of the event loop cost more than a chunk.
        if let Some(batch) = stream.next_batch().now_or_never() {
            return Ok(Operation::finished(Self::outcome(batch).inspect(|outcome| {
                if matches!(outcome, Outcome::Chunks(_)) {
                    *state = State::Idle(stream);
                }
            })));
        }
        let place = slot.clone();
        let operation = Operation::start(bell, async move {
            let outcome = Self::outcome(stream.next_batch().await)?;
            if matches!(outcome, Outcome::Chunks(_)) {
                place.give_back(stream);
            }
            Ok(outcome)
        })?;
        *state = State::Reading(operation.abort_handle());
        Ok(operation)
    }

    /// Ends the call, also at the gateway. Does nothing in the child of a fork.
    fn close(&self) {
        let Some(slot) = self.slot.get() else { return };
        let _runtime = runtime::enter();
        let closed = mem::replace(&mut *slot.lock(), State::Closed);
        if let State::Reading(Some(task)) = &closed {
            task.abort();
        }
        drop(closed);
    }
}

impl Stream {
    fn outcome(batch: Option<Result<Vec<bytes::Bytes>, Error>>) -> Result<Outcome, Error> {
        batch.transpose().map(|chunks| chunks.map_or(Outcome::End, Outcome::Chunks))
    }
}
