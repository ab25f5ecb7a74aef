//! The reading connections: a few for everybody, and others for reports, which read many rows.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{Semaphore, oneshot};

use super::{closed, unavailable};
use crate::gateway::store::StoreError;

/// How many reads may be under way at once; each has a connection of its own.
const READERS: usize = 4;
/// How many reports may be under way at once.
const REPORT_READERS: usize = 2;

pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    seats: Arc<Semaphore>,
    report_seats: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            idle: Mutex::new(Vec::new()),
            seats: Arc::new(Semaphore::new(READERS)),
            report_seats: Arc::new(Semaphore::new(REPORT_READERS)),
        }
    }

    /// Runs `work` on a reading connection, off the async threads.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let seat = Arc::clone(&self.seats).acquire_owned().await.map_err(|_| closed())?;
        let readers = Arc::clone(self);
        let result = tokio::task::spawn_blocking(move || {
            // Held by the work and not by the caller, who may leave: the work goes on, and so does its cost.
            let _seat = seat;
            readers.run(work)
        });
        result.await.map_err(|_| closed())?
    }

    /// The same for reports: they wait for each other, and let everybody else go first.
    pub(super) async fn report<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let seat = Arc::clone(&self.report_seats).acquire_owned().await.map_err(|_| closed())?;
        let readers = Arc::clone(self);
        let (tell, told) = oneshot::channel();
        // A thread of its own: one that has stepped back cannot come forward again to do other work.
        let thread = std::thread::Builder::new().name("behest-report".to_owned()).spawn(move || {
            let _seat = seat;
            step_back();
            // The caller may have left.
            let _ = tell.send(readers.run(work));
        });
        thread.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        told.await.map_err(|_| closed())?
    }

    fn run<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let connection = self.take().map_err(unavailable)?;
        let result = work(&connection).map_err(unavailable);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        result
    }

    fn take(&self) -> rusqlite::Result<Connection> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(connection) => Ok(connection),
            None => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                let connection = Connection::open_with_flags(&self.path, flags)?;
                connection.busy_timeout(Duration::from_secs(5))?;
                connection.pragma_update(None, "query_only", true)?;
                Ok(connection)
            }
        }
    }
}

/// Has this thread run when no other wants the core, or nearly so. Where that cannot be said, it runs as all others do.
fn step_back() {
    // Elsewhere the priority is the whole process's.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, 10);
}
