//! A gateway inside this process.

use std::sync::Arc;

use behest_core::local::{self, LocalOptions};
use pyo3::prelude::*;

use crate::client::Client;
use crate::errors::{of_another_process, to_python};
use crate::mailbox::Mailbox;
use crate::operation::{Bell, Operation, Outcome};
use crate::process::Owned;

/// A gateway inside this process.
#[pyclass(frozen, module = "behest._native")]
pub struct Local {
    local: Owned<Arc<local::Local>>,
}

impl Local {
    pub fn new(local: local::Local) -> Self {
        Self { local: Owned::new(Arc::new(local)) }
    }

    fn here(&self) -> PyResult<&Arc<local::Local>> {
        self.local.get().ok_or_else(|| of_another_process("gateway"))
    }
}

#[pymethods]
impl Local {
    /// Starts one, with options as JSON; the result is a `Local`.
    #[staticmethod]
    #[pyo3(signature = (options, agent, mailbox=None, ticket=0))]
    fn start(
        py: Python<'_>,
        options: &[u8],
        agent: &str,
        mailbox: Option<&Mailbox>,
        ticket: u64,
    ) -> PyResult<Operation> {
        behest_core::log::start();
        let bell = Bell::new(mailbox, ticket)?;
        let mut options = LocalOptions::from_json(options).map_err(|error| to_python(py, &error))?;
        options.client.agent = Some(agent.to_owned());
        Operation::start(bell, async move {
            let local = local::Local::start(options).await?;
            Ok(Outcome::Local(Box::new(local)))
        })
    }

    /// What to tell about it, as JSON, its secrets included.
    fn describe(&self) -> PyResult<String> {
        Ok(self.here()?.to_json())
    }

    /// A client on it.
    fn client(&self) -> PyResult<Client> {
        Ok(Client::from_core(self.here()?.client().clone()))
    }

    /// Closes it. In the child of a fork there is nothing to close.
    #[pyo3(signature = (mailbox=None, ticket=0))]
    fn close(&self, mailbox: Option<&Mailbox>, ticket: u64) -> PyResult<Operation> {
        let Some(local) = self.local.get().cloned() else { return Ok(Operation::finished(Ok(Outcome::End))) };
        Operation::start(Bell::new(mailbox, ticket)?, async move {
            local.close().await;
            Ok(Outcome::End)
        })
    }
}
