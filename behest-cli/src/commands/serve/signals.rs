//! SIGTERM and Ctrl-C: the first begins the drain, a second Ctrl-C ends the process.

use std::io;
use std::thread;

use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::report::{ExitStatus, Explain};

/// The system does not tell this program about signals.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen for SIGTERM and Ctrl-C")]
pub struct SignalError(#[from] io::Error);

impl Explain for SignalError {
    fn status(&self) -> ExitStatus {
        ExitStatus::Error
    }
}

/// Ends with the first SIGTERM or Ctrl-C that comes after this call.
///
/// Listening begins here and on a thread of its own: who has read that the gateway is ready may stop it at once, and
/// a second Ctrl-C must work whatever the gateway is doing.
///
/// # Errors
/// [`SignalError`] when the system refuses.
pub fn first_stop() -> Result<impl Future<Output = ()> + Send + 'static, SignalError> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _context = runtime.enter();
        Signals::listen()?
    };
    let (stop, stopped) = oneshot::channel();
    let wait = async move {
        signals.any().await;
        tracing::info!("stopping: running calls may finish; Ctrl-C again stops at once");
        // The gateway may have ended by itself in the meantime.
        let _ = stop.send(());
        signals.interrupt().await;
        std::process::exit(130);
    };
    thread::Builder::new().name("behest-signals".to_owned()).spawn(move || runtime.block_on(wait))?;
    Ok(async move {
        // The sender lives until it has sent.
        let _ = stopped.await;
    })
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { interrupt, terminate })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    async fn interrupt(&mut self) {
        self.interrupt.recv().await;
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn listen() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn any(&mut self) {
        self.interrupt().await;
    }

    async fn interrupt(&mut self) {
        self.0.recv().await;
    }
}
