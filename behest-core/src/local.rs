//! A gateway inside this process and a client on it: for tests, notebooks and programs that want nothing beside them.
//!
//! ```
//! use behest_core::client::CallOptions;
//! use behest_core::local::{Local, LocalOptions};
//! use behest_core::types::chat::ChatRequest;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), behest_core::Error> {
//! let local = Local::start(LocalOptions::default()).await?;
//! let answer = local.client().chat().create(&ChatRequest::user("Hello"), &CallOptions::user("ann")).await?;
//! assert!(!answer.text().is_empty());
//! local.close().await;
//! # Ok(())
//! # }
//! ```

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;

use crate::client::config::Options;
use crate::client::json::{Fields, in_configuration};
use crate::client::{Client, ClientBuilder};
use crate::env;
use crate::error::Error;
use crate::gateway::config::Config;
use crate::gateway::control::local_key::local_key;
use crate::gateway::serve::{Ready, Serving};
use crate::gateway::{Gateway, upkeep};
use crate::secret::Secret;
use crate::transport::InProcess;

/// Where calls without a port go; the in-process transport dials nothing.
const WITHOUT_PORT: &str = "http://localhost";

/// How to start a [`Local`].
#[derive(Debug, Clone, Default)]
pub struct LocalOptions {
    /// Where the gateway's data lives, kept between starts. `None` is a temporary folder that goes with the gateway.
    pub data_dir: Option<PathBuf>,
    /// Also answer other programs on this port of 127.0.0.1; 0 takes a free one.
    pub port: Option<u16>,
    /// The client's own; its key and its base URL are the gateway's.
    pub client: Options,
}

impl LocalOptions {
    /// From a JSON object: `data_dir`, `port`, and the client's own options (see [`Options::from_json`]).
    ///
    /// # Errors
    /// [`Error::Config`] names what is unknown or of the wrong type.
    pub fn from_json(text: &[u8]) -> Result<Self, Error> {
        let read = || {
            let mut fields = Fields::read(text)?;
            let data_dir = fields.text("data_dir")?.map(PathBuf::from);
            let port = fields.whole("port")?.map(u16::try_from).transpose();
            let port = port.map_err(|_| Error::request("port", "it must be 0 to 65,535"))?;
            let client = Options::take(&mut fields)?;
            fields.end()?;
            if client.key.is_some() || client.base_url.is_some() {
                let param = if client.key.is_some() { "key" } else { "base_url" };
                return Err(Error::request(param, "a local gateway brings its own"));
            }
            Ok(Self { data_dir, port, client })
        };
        read().map_err(in_configuration)
    }
}

/// A gateway inside this process and a client on it. Providers come from the environment, as for `behest serve`; with
/// none the offline model answers.
pub struct Local {
    client: Client,
    api_key: Secret,
    admin_secret: Secret,
    ready: Ready,
    running: Mutex<State>,
}

/// Where the gateway is on its way.
enum State {
    Running(Running),
    /// Closing or closed: everyone who closes waits for the same end.
    Closing(Shared<BoxFuture<'static, ()>>),
}

/// What ends with the gateway.
struct Running {
    server: Server,
    transport: InProcess,
    temporary: Option<TempDir>,
}

enum Server {
    /// Calls come from this process alone.
    Embedded { gateway: Gateway, sweeping: AbortOnDropHandle<()> },
    /// Other programs call, too.
    Listening(Serving),
}

impl Local {
    /// Starts the gateway in the runtime that this is called in.
    ///
    /// # Errors
    /// [`Error::Config`] with the code `local_gateway` when the data directory or the port cannot be used.
    pub async fn start(options: LocalOptions) -> Result<Self, Error> {
        let temporary = match options.data_dir {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("behest-local-").tempdir().map_err(failed)?),
        };
        let data_dir = options.data_dir.or_else(|| Some(temporary.as_ref()?.path().to_owned()));
        let mut config = Config {
            data_dir,
            port: options.port.unwrap_or_default(),
            // Whoever closes a gateway of one's own wants it closed, not its calls waited for.
            drain_deadline: 0,
            ..Config::default()
        };
        config.apply_environment(env::read).map_err(failed)?;
        let (server, ready) = match options.port {
            Some(_) => {
                let serving = Serving::start(config).await.map_err(failed)?;
                let ready = serving.ready().await.map_err(failed)?;
                (Server::Listening(serving), ready)
            }
            None => {
                let gateway = Gateway::builder(config).build().await.map_err(failed)?;
                let ready = Ready::of(&gateway, WITHOUT_PORT, None).await.map_err(failed)?;
                let sweeping = AbortOnDropHandle::new(tokio::spawn(upkeep::run(gateway.clone())));
                (Server::Embedded { gateway, sweeping }, ready)
            }
        };
        let gateway = server.gateway();
        let api_key = local_key(gateway, &ready.project_id).await.map_err(failed)?;
        let transport = InProcess::new(gateway.router());
        let client = ClientBuilder::default()
            .options(options.client)
            .key(api_key.expose())
            .base_url(&ready.base_url)
            .transport(Arc::new(transport.clone()))
            .build()?;
        let admin_secret = gateway.admin_secret().clone();
        let running = Mutex::new(State::Running(Running { server, transport, temporary }));
        Ok(Self { client, api_key, admin_secret, ready, running })
    }

    /// The client. Its calls run the whole way that calls over the network run.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What to tell about the gateway.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// As a JSON object: `base_url`, `slug_url`, `api_key`, `admin_secret`, `tenant_id`, `project_id`, `slug` and
    /// `data_dir`. Without a port, `base_url` answers the client of this process alone.
    #[must_use]
    pub fn to_json(&self) -> String {
        let ready = &self.ready;
        json!({
            "base_url": ready.base_url, "slug_url": ready.slug_url, "api_key": self.api_key.expose(),
            "admin_secret": self.admin_secret.expose(), "tenant_id": ready.tenant_id,
            "project_id": ready.project_id, "slug": ready.slug, "data_dir": ready.data_dir,
        })
        .to_string()
    }

    /// Closes the gateway: calls under way end with an error that says so, records are committed, and a temporary
    /// folder is removed. Later calls fail.
    ///
    /// Whoever calls this waits for the same end, and the closing goes on where somebody stops waiting.
    pub async fn close(&self) {
        self.closing().await;
    }

    fn closing(&self) -> Shared<BoxFuture<'static, ()>> {
        let mut state = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Closing(closing) = &*state {
            return closing.clone();
        }
        let (tell, told) = oneshot::channel::<()>();
        let closing = told.map(drop).boxed().shared();
        if let State::Running(running) = std::mem::replace(&mut *state, State::Closing(closing.clone())) {
            // A task of its own: to stop waiting is not to leave half a gateway behind.
            tokio::spawn(async move {
                running.close().await;
                // Nobody may be waiting any more.
                let _ = tell.send(());
            });
        }
        closing
    }
}

impl Running {
    async fn close(self) {
        match self.server {
            Server::Listening(serving) => serving.stop().await,
            Server::Embedded { gateway, sweeping } => {
                gateway.shut_down().await;
                sweeping.abort();
                // It holds the gateway, and with it the data directory's lock.
                let _ = sweeping.await;
            }
        }
        self.transport.close();
        drop(self.temporary);
    }
}

impl Server {
    fn gateway(&self) -> &Gateway {
        match self {
            Self::Embedded { gateway, .. } => gateway,
            Self::Listening(serving) => serving.gateway(),
        }
    }
}

impl std::fmt::Debug for Local {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Local").field("base_url", &self.ready.base_url).finish_non_exhaustive()
    }
}

/// The gateway's own words and their causes: a caller of the client sees no source.
fn failed(error: impl std::error::Error) -> Error {
    let mut message = format!("the local gateway cannot start: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        message.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    Error::config("local_gateway", message)
}
