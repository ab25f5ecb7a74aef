//! A gateway inside this process.

use std::sync::Arc;
use std::time::Duration;

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
    gateway: Arc<OnceCell<behest_core::local::Local>>,
}

#[napi]
impl Local {
    /// Not started yet.
    #[napi(constructor)]
    pub fn new(engine: &Engine) -> Self {
        Self { desk: engine.desk(), gateway: Arc::default() }
    }

    /// Starts it, and delivers the JSON of its addresses and credentials.
    #[napi]
    pub fn start(&self, number: u32, options: String) -> napi::Result<()> {
        let gateway = self.gateway.clone();
        self.desk.run(number, async move {
            let start = async {
                let mut options = LocalOptions::from_json(options.as_bytes())?;
                options.client.agent = Some(AGENT.to_owned());
                behest_core::local::Local::start(options).await
            };
            gateway.get_or_try_init(|| start).await.map(|local| Answer::text(local.to_json()))
        })
    }

    /// A client for it, once it is started.
    #[napi]
    pub fn client(&self) -> Option<Client> {
        let local = self.gateway.get()?;
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
        let gateway = self.gateway.clone();
        self.desk.run(number, async move {
            if let Some(local) = gateway.get() {
                local.close().await;
            }
            Ok(Answer::end())
        })
    }
}

impl Local {
    /// Waits for the close, but not for ever: the process is ending.
    fn end(&self) {
        if let (Some(local), Ok(runtime)) = (self.gateway.get(), runtime()) {
            let _ = runtime.block_on(async { timeout(LONGEST_CLOSE, local.close()).await });
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.end();
    }
}
