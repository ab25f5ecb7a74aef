//! The client.

use std::sync::{Mutex, PoisonError};

use behest_core::client::{self, CallOptions, ClientBuilder, JsonCall, MintOptions};
use bytes::Bytes;
use pyo3::prelude::*;

use crate::errors::to_python;
use crate::mailbox::Mailbox;
use crate::operation::{Bell, Operation, Outcome};
use crate::process::Owned;
use crate::runtime::runtime;

/// A client of a gateway. Every call is an operation whose result is JSON text.
#[pyclass(frozen, module = "behest._native")]
pub struct Client {
    /// Replaced in the child of a fork, which needs connections of its own.
    held: Mutex<Owned<client::Client>>,
}

impl Client {
    pub fn from_core(client: client::Client) -> Self {
        Self { held: Mutex::new(Owned::new(client)) }
    }

    /// The client of this process.
    fn here(&self, py: Python<'_>) -> PyResult<client::Client> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = held.get() {
            return Ok(client.clone());
        }
        let _runtime = runtime()?.enter();
        // Only its configuration is read, which no lock guards.
        let forked = held.inherited().map(client::Client::fork).transpose();
        let forked = forked.map_err(|error| to_python(py, &error))?;
        let forked = forked.ok_or_else(|| crate::errors::of_another_process("client"))?;
        *held = Owned::new(forked.clone());
        Ok(forked)
    }
}

#[pymethods]
impl Client {
    /// From options as JSON and the environment.
    #[new]
    fn new(py: Python<'_>, options: &[u8], agent: &str) -> PyResult<Self> {
        behest_core::log::start();
        let _runtime = runtime()?.enter();
        let client = ClientBuilder::from_json(options).and_then(|builder| builder.agent(agent).build());
        client.map(Self::from_core).map_err(|error| to_python(py, &error))
    }

    /// What it runs with, as JSON without a secret.
    fn config(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.here(py)?.config().to_json())
    }

    /// What the program, or its environment, should change.
    fn notices(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(self.here(py)?.config().notices().to_vec())
    }

    /// Asks what `name` and `parameters` say; the result is the answer and what the gateway says about it.
    #[pyo3(signature = (name, parameters, options, mailbox=None, ticket=0))]
    fn call(
        &self,
        py: Python<'_>,
        name: &str,
        parameters: &[u8],
        options: &[u8],
        mailbox: Option<&Mailbox>,
        ticket: u64,
    ) -> PyResult<Operation> {
        let (client, bell) = (self.here(py)?, Bell::new(mailbox, ticket)?);
        let (call, options) = read(py, name, parameters, options)?;
        Operation::start(bell, async move {
            let reply = client.call_json(&call, &options).await?;
            Ok(Outcome::Answer(reply.data, reply.meta))
        })
    }

    /// Asks for a chat completion whose body says `"stream": true`; the result is a `Stream`.
    #[pyo3(signature = (body, options, mailbox=None, ticket=0))]
    fn stream(
        &self,
        py: Python<'_>,
        body: &[u8],
        options: &[u8],
        mailbox: Option<&Mailbox>,
        ticket: u64,
    ) -> PyResult<Operation> {
        let (client, bell) = (self.here(py)?, Bell::new(mailbox, ticket)?);
        let (call, options) = read(py, "chat.completions.create", body, options)?;
        Operation::start(bell, async move {
            let stream = client.stream_json(&call, &options).await?;
            Ok(Outcome::Stream(Box::new(stream)))
        })
    }

    /// Asks for a token; the result is JSON.
    #[pyo3(signature = (options, mailbox=None, ticket=0))]
    fn mint(
        &self,
        py: Python<'_>,
        options: &[u8],
        mailbox: Option<&Mailbox>,
        ticket: u64,
    ) -> PyResult<Operation> {
        let (client, bell) = (self.here(py)?, Bell::new(mailbox, ticket)?);
        let options = MintOptions::from_json(options).map_err(|error| to_python(py, &error))?;
        Operation::start(bell, async move {
            let minted = client.auth().mint(&options).await?;
            Ok(Outcome::Text(minted.to_json()))
        })
    }
}

fn read(py: Python<'_>, name: &str, parameters: &[u8], options: &[u8]) -> PyResult<(JsonCall, CallOptions)> {
    let call = JsonCall::parse(name, Bytes::copy_from_slice(parameters));
    let both = call.and_then(|call| Ok((call, CallOptions::from_json(options)?)));
    both.map_err(|error| to_python(py, &error))
}
