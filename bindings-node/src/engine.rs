//! Carries answers from the runtime's threads to one JavaScript environment.
//!
//! A call has a number, chosen in JavaScript, where a map keeps its promise. What is finished gathers in a list, and the
//! first of it wakes JavaScript once: many answers cost one wake-up. When the environment goes, everything that runs
//! for it is cancelled and nothing is delivered any more, so a terminated worker or an ending process cannot be called
//! back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use behest_core::Error;
use napi::bindgen_prelude::{FnArgs, Function, Unknown};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use crate::error::unfinished;
use crate::runtime::runtime;

/// What a call came to.
pub struct Answer {
    /// JSON, or `None` at the end of a stream.
    pub text: Option<String>,
    /// The JSON of what the gateway said about the answer, where there is any.
    pub meta: Option<String>,
}

impl Answer {
    pub fn text(text: String) -> Self {
        Self { text: Some(text), meta: None }
    }

    pub const fn end() -> Self {
        Self { text: None, meta: None }
    }
}

/// `[number, error, text, meta]`.
#[napi(array, object_from_js = false)]
pub struct Delivery(pub u32, pub Option<String>, pub Option<String>, pub Option<String>);

/// Weak: an environment without pending calls may end.
type Wake = ThreadsafeFunction<(), Unknown<'static>, FnArgs<(Vec<Delivery>,)>, Status, false, true>;
type Deliver<'f> = Function<'f, FnArgs<(Vec<Delivery>,)>, Unknown<'static>>;

/// The way back into one JavaScript environment.
#[napi]
pub struct Engine {
    desk: Arc<Desk>,
}

#[napi]
impl Engine {
    /// Hands finished calls to `deliver`.
    #[napi(constructor)]
    pub fn new(env: Env, deliver: Deliver<'_>) -> napi::Result<Self> {
        behest_core::log::start();
        let desk = Arc::new(Desk::default());
        let source = desk.clone();
        let wake = deliver
            .build_threadsafe_function::<()>()
            .weak::<true>()
            .build_callback(move |_| Ok(FnArgs::from((source.take(),))))?;
        desk.lock().wake = Some(wake);
        // Hooks run last in, first out: this one before the one that closes the threadsafe function.
        env.add_env_cleanup_hook(desk.clone(), |desk| desk.close())?;
        Ok(Self { desk })
    }

    /// Keeps the process alive, or lets it end. JavaScript says so when its first call begins and its last one ends.
    #[napi]
    pub fn keep_alive(&self, env: Env, alive: bool) -> napi::Result<()> {
        self.desk.keep_alive(env, alive)
    }

    /// Cancels a call. Nobody waits for what comes of it.
    #[napi]
    pub fn cancel(&self, number: u32) {
        if let Some(task) = self.desk.lock().running.remove(&number) {
            task.abort();
        }
    }
}

impl Engine {
    pub fn desk(&self) -> Arc<Desk> {
        self.desk.clone()
    }
}

/// Where calls are written down while they run, and where their answers are picked up.
#[derive(Default)]
pub struct Desk {
    state: Mutex<State>,
    ends: CancellationToken,
}

#[derive(Default)]
struct State {
    running: HashMap<u32, AbortHandle>,
    finished: Vec<Delivery>,
    wake: Option<Wake>,
}

impl Desk {
    /// Runs `work`, and delivers what it comes to under `number`.
    pub fn run(
        self: &Arc<Self>,
        number: u32,
        work: impl Future<Output = Result<Answer, Error>> + Send + 'static,
    ) -> napi::Result<()> {
        let runtime = runtime()?;
        let receipt = Receipt { desk: self.clone(), number, result: None };
        // Under the lock, so that the call cannot end before it is written down.
        let mut state = self.lock();
        if !self.ends.is_cancelled() {
            let task = runtime.spawn(async move {
                let mut receipt = receipt;
                receipt.result = Some(work.await);
            });
            state.running.insert(number, task.abort_handle());
        }
        Ok(())
    }

    /// Cancelled when the environment ends.
    pub fn ends(&self) -> &CancellationToken {
        &self.ends
    }

    /// Hands over what the call `number` came to.
    pub fn deliver(&self, number: u32, result: Result<Answer, Error>) {
        let delivery = match result {
            Ok(Answer { text, meta }) => Delivery(number, None, text, meta),
            Err(error) => Delivery(number, Some(error.to_json()), None, None),
        };
        self.push(delivery);
    }

    fn push(&self, delivery: Delivery) {
        let mut state = self.lock();
        state.running.remove(&delivery.0);
        if self.ends.is_cancelled() {
            return;
        }
        state.finished.push(delivery);
        if let (1, Some(wake)) = (state.finished.len(), &state.wake) {
            wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    #[expect(
        deprecated,
        reason = "nothing else keeps a process alive for exactly as long as calls are pending"
    )]
    fn keep_alive(&self, env: Env, alive: bool) -> napi::Result<()> {
        match &mut self.lock().wake {
            Some(wake) if alive => wake.refer(&env),
            Some(wake) => wake.unref(&env),
            None => Ok(()),
        }
    }

    fn take(&self) -> Vec<Delivery> {
        std::mem::take(&mut self.lock().finished)
    }

    fn close(&self) {
        let (running, wake) = {
            let mut state = self.lock();
            // Under the lock, so that nobody calls the environment from now on.
            self.ends.cancel();
            state.finished.clear();
            (std::mem::take(&mut state.running), state.wake.take())
        };
        running.into_values().for_each(|task| task.abort());
        drop(wake);
    }

    /// Nothing under the lock can panic halfway, so a poisoned lock is still good.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Delivers when it is dropped, so that a call that panicked is told as well.
struct Receipt {
    desk: Arc<Desk>,
    number: u32,
    result: Option<Result<Answer, Error>>,
}

impl Drop for Receipt {
    fn drop(&mut self) {
        match self.result.take() {
            Some(result) => self.desk.deliver(self.number, result),
            None => self.desk.push(Delivery(self.number, Some(unfinished()), None, None)),
        }
    }
}
