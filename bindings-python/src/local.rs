//! A gateway inside this process.

use std::sync::Arc;

use behest_core::local::{self, LocalOptions};
use pyo3::prelude::*;
use tokio::sync::OnceCell;

use crate::client::Client;
use crate::errors::{closed, of_another_process, to_python};
use crate::mailbox::Mailbox;
use crate::operation::{Bell, Operation, Outcome};
use crate::process::Owned;
use crate::runtime::runtime;

/// A gateway inside this process, from before its start to after its end.
///
/// It starts and closes in tasks of its own, which go on when nobody waits for them any more: half a start and half an
/// end would leave a folder behind.
#[pyclass(frozen, module = "behest._native")]
pub struct Local {
    /// Holds nothing when the start failed, or came after the close.
    gateway: Owned<Arc<OnceCell<Option<local::Local>>>>,
}

impl Local {
    fn here(&self) -> PyResult<&Arc<OnceCell<Option<local::Local>>>> {
        self.gateway.get().ok_or_else(|| of_another_process("gateway"))
    }

    fn started(&self, py: Python<'_>) -> PyResult<&local::Local> {
        let gateway = self.here()?.get().and_then(Option::as_ref);
        gateway.ok_or_else(|| closed(py, "the gateway"))
    }
}

#[pymethods]
impl Local {
    #[new]
    fn new() -> Self {
        Self { gateway: Owned::new(Arc::default()) }
    }

    /// Starts it, with options as JSON.
    #[pyo3(signature = (options, agent, mailbox=None, ticket=0))]
    fn start(
        &self,
        py: Python<'_>,
        options: &[u8],
        agent: &str,
        mailbox: Option<&Mailbox>,
        ticket: u64,
    ) -> PyResult<Operation> {
        behest_core::log::start();
        let (gateway, bell) = (self.here()?.clone(), Bell::new(mailbox, ticket)?);
        let mut options = LocalOptions::from_json(options).map_err(|error| to_python(py, &error))?;
        options.client.agent = Some(agent.to_owned());
        let starting = runtime()?.spawn(async move {
            let mut failure = None;
            let start =
                async || local::Local::start(options).await.map_err(|error| failure = Some(error)).ok();
            let started = gateway.get_or_init(start).await.is_some();
            failure.map_or(Ok(if started { Outcome::End } else { Outcome::Stopped }), Err)
        });
        Operation::start("the gateway", bell, async move { starting.await.unwrap_or(Ok(Outcome::Stopped)) })
    }

    /// What to tell about it, as JSON, its secrets included.
    fn describe(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.started(py)?.to_json())
    }

    /// A client on it.
    fn client(&self, py: Python<'_>) -> PyResult<Client> {
        Ok(Client::from_core(self.started(py)?.client().clone()))
    }

    /// Closes it, after its start where that is under way. In the child of a fork there is nothing to close.
    #[pyo3(signature = (mailbox=None, ticket=0))]
    fn close(&self, mailbox: Option<&Mailbox>, ticket: u64) -> PyResult<Operation> {
        let Some(gateway) = self.gateway.get().cloned() else {
            return Ok(Operation::finished("the gateway", Ok(Outcome::End)));
        };
        let bell = Bell::new(mailbox, ticket)?;
        let closing = runtime()?.spawn(async move {
            if let Some(gateway) = gateway.get_or_init(async || None).await {
                gateway.close().await;
            }
        });
        Operation::start("the gateway", bell, async move {
            Ok(if closing.await.is_ok() { Outcome::End } else { Outcome::Stopped })
        })
    }
}
