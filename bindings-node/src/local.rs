//! A gateway inside this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use behest_core::Error;
use behest_core::local::LocalOptions;
use napi_derive::napi;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::AGENT;
use crate::client::Client;
use crate::engine::{Answer, Desk, Engine};
use crate::runtime::runtime;

/// How long an ending process waits for a gateway to close, which itself waits 2 s for streams that nobody reads.
const LONGEST_CLOSE: Duration = Duration::from_secs(5);

/// A gateway inside this process, and a client for it.
#[napi]
pub struct Local {
    desk: Arc<Desk>,
    inner: Arc<Inner>,
}

#[napi]
impl Local {
    /// Not started yet.
    #[napi(constructor)]
    pub fn new(engine: &Engine) -> Self {
        Self { desk: engine.desk(), inner: Arc::default() }
    }

    /// Starts it, and delivers the JSON of its addresses and credentials.
    #[napi]
    pub fn start(&self, number: u32, options: String) -> napi::Result<()> {
        let inner = self.inner.clone();
        // A task of its own: an environment that ends meanwhile must not leave half a gateway's folder behind.
        let starting = runtime()?.spawn(async move { inner.start(&options).await });
        self.desk.run(number, async move {
            match starting.await {
                Ok(result) => result,
                Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
            }
        })
    }

    /// A client for it, once it is started.
    #[napi]
    pub fn client(&self) -> Option<Client> {
        let local = self.inner.gateway.get()?;
        Some(Client::of(self.desk.clone(), local.client().clone()))
    }

    /// Closes it before it returns, for a process that is ending.
    #[napi]
    pub fn close_now(&self) {
        self.end();
    }

    /// Closes it, and delivers the end.
    #[napi]
    pub fn close(&self, number: u32) -> napi::Result<()> {
        let inner = self.inner.clone();
        self.desk.run(number, async move {
            inner.close().await;
            Ok(Answer::end())
        })
    }
}

impl Local {
    /// Waits for the close, but not for ever: the process is ending.
    fn end(&self) {
        if let Ok(runtime) = runtime() {
            let _ = runtime.block_on(async { timeout(LONGEST_CLOSE, self.inner.close()).await });
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.end();
    }
}

/// What starts once and closes once, whoever asks for it.
#[derive(Default)]
struct Inner {
    gateway: OnceCell<behest_core::local::Local>,
    closed: AtomicBool,
}

impl Inner {
    async fn start(&self, options: &str) -> Result<Answer, Error> {
        let start = async {
            if self.closed.load(Ordering::Acquire) {
                return Err(Error::Config { code: "closed", message: "closed before it began".to_owned() });
            }
            let mut options = LocalOptions::from_json(options.as_bytes())?;
            options.client.agent = Some(AGENT.to_owned());
            behest_core::local::Local::start(options).await
        };
        self.gateway.get_or_try_init(|| start).await.map(|local| Answer::text(local.to_json()))
    }

    /// Closes what is started, waiting for a start that is under way; what is not begun does not begin any more.
    async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        if let Ok(local) = self.gateway.get_or_try_init(|| async { Err(()) }).await {
            local.close().await;
        }
    }
}
