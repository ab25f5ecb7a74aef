//! How an event loop learns that calls are done, without a thread of tokio's touching Python.

use std::collections::VecDeque;
use std::io::{PipeReader, PipeWriter, Read as _, Write as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;

use crate::errors::of_another_process;
use crate::process::Owned;

/// The tickets of what is done, and a bell that rings when there are some again.
pub struct Queue {
    state: Mutex<State>,
    rung: Condvar,
}

struct State {
    tickets: VecDeque<u64>,
    /// One byte is in the pipe exactly while this is true, so that neither end ever waits.
    ringing: bool,
    closed: bool,
    reader: PipeReader,
    writer: PipeWriter,
}

impl Queue {
    fn new() -> std::io::Result<Self> {
        let (reader, writer) = std::io::pipe()?;
        let state = State { tickets: VecDeque::new(), ringing: false, closed: false, reader, writer };
        Ok(Self { state: Mutex::new(state), rung: Condvar::new() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rings only where there was nothing: whoever empties the queue takes what came meanwhile along.
    pub fn put(&self, ticket: u64) {
        let mut state = self.lock();
        if state.tickets.is_empty() {
            self.ring(&mut state);
        }
        state.tickets.push_back(ticket);
    }

    fn ring(&self, state: &mut State) {
        if !state.ringing {
            // Both ends are open and the pipe is empty, so that this cannot fail.
            state.ringing = state.writer.write_all(&[0]).is_ok();
            self.rung.notify_one();
        }
    }
}

impl State {
    fn hush(&mut self) {
        if self.ringing {
            self.ringing = self.reader.read_exact(&mut [0]).is_err();
        }
    }
}

/// The mailbox of one event loop.
#[pyclass(frozen, module = "behest._native")]
pub struct Mailbox {
    queue: Owned<Arc<Queue>>,
}

impl Mailbox {
    pub fn queue(&self) -> PyResult<&Arc<Queue>> {
        self.queue.get().ok_or_else(|| of_another_process("event loop"))
    }
}

#[pymethods]
impl Mailbox {
    #[new]
    fn new() -> PyResult<Self> {
        Ok(Self { queue: Owned::new(Arc::new(Queue::new()?)) })
    }

    /// The file descriptor that is readable while there are tickets; -1 where there are no descriptors to watch.
    fn fileno(&self) -> PyResult<i32> {
        #[cfg(unix)]
        return Ok(std::os::fd::AsRawFd::as_raw_fd(&self.queue()?.lock().reader));
        #[cfg(not(unix))]
        Ok(-1)
    }

    /// Takes at most `limit` tickets. Whoever gets that many asks again: the bell does not ring for the rest.
    fn take(&self, limit: usize) -> PyResult<Vec<u64>> {
        let mut state = self.queue()?.lock();
        state.hush();
        let count = limit.min(state.tickets.len());
        Ok(state.tickets.drain(..count).collect())
    }

    /// Waits for the bell, and says whether it was rung; else the mailbox is closed. For loops that watch no descriptor.
    fn wait(&self, py: Python<'_>) -> PyResult<bool> {
        let queue = self.queue()?;
        Ok(py.detach(|| {
            let waiting = |state: &mut State| !state.ringing && !state.closed;
            let state = queue.rung.wait_while(queue.lock(), waiting);
            let mut state = state.unwrap_or_else(PoisonError::into_inner);
            state.hush();
            !state.closed
        }))
    }

    /// Ends `wait` for good.
    fn close(&self) {
        if let Some(queue) = self.queue.get() {
            queue.lock().closed = true;
            queue.rung.notify_all();
        }
    }
}
