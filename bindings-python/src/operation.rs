//! One call under way, which Python waits for, takes the result of, or cancels.

use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use behest_core::Error;
use behest_core::client::{JsonStream, Meta};
use behest_core::local::Local;
use bytes::Bytes;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};
use tokio::task::AbortHandle;

use crate::errors::{closed, of_another_process, to_python};
use crate::local::Local as PyLocal;
use crate::mailbox::{Mailbox, Queue};
use crate::process::Owned;
use crate::runtime::{self, runtime};
use crate::stream::Stream;

/// How long a thread waits before it looks whether Python has a signal to handle, such as Ctrl-C.
const SLICE: Duration = Duration::from_millis(100);

/// What a call can bring.
pub enum Outcome {
    /// An answer's JSON text, and what the gateway says about it.
    Answer(Bytes, Meta),
    /// Other JSON text.
    Text(String),
    /// A streamed answer that has begun.
    Stream(Box<JsonStream>),
    /// Some chunks of it.
    Chunks(Vec<Bytes>),
    /// Its end, or the end of what has no answer.
    End,
    /// A gateway in this process.
    Local(Box<Local>),
    /// Nothing any more: what was waited for was closed meanwhile.
    Stopped,
}

/// Whom to tell that a call is done: an event loop, by its ticket. A thread that waits is told anyway.
pub struct Bell(Option<(Arc<Queue>, u64)>);

impl Bell {
    pub fn new(mailbox: Option<&Mailbox>, ticket: u64) -> PyResult<Self> {
        Ok(Self(mailbox.map(|mailbox| mailbox.queue().map(|queue| (queue.clone(), ticket))).transpose()?))
    }
}

enum State {
    Waiting,
    Done(Result<Outcome, Error>),
    /// Taken, or not wanted any more.
    Gone,
}

struct Shared {
    state: Mutex<State>,
    done: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace(&self, state: State) -> State {
        mem::replace(&mut *self.lock(), state)
    }
}

/// The task's end of an operation. However the task ends, even by a panic, somebody who waits is told.
struct Delivery {
    shared: Arc<Shared>,
    bell: Bell,
}

impl Delivery {
    fn deliver(&self, outcome: Result<Outcome, Error>) {
        {
            let mut state = self.shared.lock();
            if !matches!(*state, State::Waiting) {
                return;
            }
            *state = State::Done(outcome);
        }
        self.shared.done.notify_all();
        if let Bell(Some((queue, ticket))) = &self.bell {
            queue.put(*ticket);
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.deliver(Ok(Outcome::Stopped));
    }
}

/// A call under way. Dropping it cancels the call.
#[pyclass(frozen, module = "behest._native")]
pub struct Operation {
    running: Owned<Running>,
}

struct Running {
    shared: Arc<Shared>,
    /// `None` where nothing had to be waited for.
    task: Option<AbortHandle>,
}

impl Running {
    fn stop(&self) {
        // What came just before is dropped here: a stream, say, is closed and not kept until the next collection.
        let unwanted = self.shared.replace(State::Gone);
        if let Some(task) = &self.task {
            task.abort();
        }
        drop(unwanted);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Operation {
    /// Starts `work` in this process's runtime.
    pub fn start(
        bell: Bell,
        work: impl Future<Output = Result<Outcome, Error>> + Send + 'static,
    ) -> PyResult<Self> {
        let shared = Arc::new(Shared { state: Mutex::new(State::Waiting), done: Condvar::new() });
        let delivery = Delivery { shared: shared.clone(), bell };
        let task = runtime()?.spawn(async move { delivery.deliver(work.await) });
        Ok(Self { running: Owned::new(Running { shared, task: Some(task.abort_handle()) }) })
    }

    /// One that is done already. Its bell does not ring.
    pub fn finished(outcome: Result<Outcome, Error>) -> Self {
        let shared = Arc::new(Shared { state: Mutex::new(State::Done(outcome)), done: Condvar::new() });
        Self { running: Owned::new(Running { shared, task: None }) }
    }

    /// For stopping the call from elsewhere.
    pub fn abort_handle(&self) -> Option<AbortHandle> {
        self.running.get()?.task.clone()
    }

    fn running(&self) -> PyResult<&Running> {
        self.running.get().ok_or_else(|| of_another_process("call"))
    }
}

#[pymethods]
impl Operation {
    /// Whether the result is there.
    fn done(&self) -> PyResult<bool> {
        Ok(!matches!(*self.running()?.shared.lock(), State::Waiting))
    }

    /// The result, once; an error is raised.
    fn result<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.running()?.shared.replace(State::Gone) {
            State::Done(Ok(outcome)) => into_python(py, outcome),
            State::Done(Err(error)) => Err(to_python(py, &error)),
            State::Waiting | State::Gone => Err(PyRuntimeError::new_err("the call has no result")),
        }
    }

    /// Waits for the result without holding the interpreter. A signal's exception cancels the call.
    fn wait<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let running = self.running()?;
        let shared = &running.shared;
        let is_waiting = |state: &mut State| matches!(state, State::Waiting);
        while py.detach(|| {
            let slice = shared.done.wait_timeout_while(shared.lock(), SLICE, is_waiting);
            slice.unwrap_or_else(PoisonError::into_inner).1.timed_out()
        }) {
            if let Err(signal) = py.check_signals() {
                self.cancel();
                return Err(signal);
            }
        }
        self.result(py)
    }

    /// Ends the call, also at the gateway. Does nothing once the result was taken, and in the child of a fork.
    fn cancel(&self) {
        if let Some(running) = self.running.get() {
            let _runtime = runtime::enter();
            running.stop();
        }
    }
}

fn into_python(py: Python<'_>, outcome: Outcome) -> PyResult<Bound<'_, PyAny>> {
    match outcome {
        Outcome::Answer(text, meta) => Ok((text_of(py, &text), meta.to_json()).into_pyobject(py)?.into_any()),
        Outcome::Text(text) => Ok(PyString::new(py, &text).into_any()),
        Outcome::Stream(stream) => Ok(Bound::new(py, Stream::new(stream))?.into_any()),
        Outcome::Chunks(chunks) => {
            Ok(PyList::new(py, chunks.iter().map(|chunk| text_of(py, chunk)))?.into_any())
        }
        Outcome::End => Ok(py.None().into_bound(py)),
        Outcome::Local(local) => Ok(Bound::new(py, PyLocal::new(*local))?.into_any()),
        Outcome::Stopped => Err(closed(py, "what was waited for")),
    }
}

/// JSON is UTF-8; a byte that is not comes from somebody else's server, and is replaced.
fn text_of<'py>(py: Python<'py>, text: &[u8]) -> Bound<'py, PyString> {
    PyString::new(py, &String::from_utf8_lossy(text))
}
