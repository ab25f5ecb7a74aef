//! The journal of open attempts: what a crash leaves open is settled at the next start.
//!
//! A file of fixed slots. An attempt takes a slot before its provider is called and writes there the record that
//! stands if nothing better comes. The write goes to the operating system at once and so survives the process, with
//! no commit to wait for and no window between "called" and "noted"; the database's own commit comes at the end of
//! the attempt, and then the slot is free again. It is not wiped: at the next start a note whose record is in the
//! database is only stale, so records must outlive the process that wrote them. The number of slots bounds the settlements that can be under way,
//! which is what lets a settlement be handed over from a destructor without ever waiting or failing.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::record::UsageRecord;

/// One slot: a record, whose texts are all bounded, fits with room to spare.
const SLOT_BYTES: u64 = 16 * 1024;
const MAGIC: [u8; 4] = *b"BHJ1";
/// Magic and length in front of the record, its attempt id behind it: a torn write matches nothing.
const OVERHEAD: usize = 4 + 4 + 16;

/// Why an attempt may not start. No provider has been called.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Every slot is taken by an attempt under way.
    #[error("{slots} calls are under way, which is as many as the ledger can settle")]
    Full {
        /// How many there are.
        slots: u32,
    },
    /// The file cannot be written.
    #[error("the ledger's journal cannot be written")]
    Write(#[source] io::Error),
    /// The record does not fit a slot.
    #[error("the usage record has {bytes} bytes; a slot of the journal holds {SLOT_BYTES}")]
    TooLong {
        /// Its size.
        bytes: usize,
    },
}

/// The slots of the journal and who holds them.
#[derive(Debug)]
pub struct Journal {
    file: File,
    /// Last freed, first taken: a quiet gateway touches few pages.
    free: Mutex<Vec<u32>>,
    available: Semaphore,
    slots: u32,
    /// The last note could not be written.
    broken: AtomicBool,
}

impl Journal {
    /// Opens the journal at `path` with `slots` slots and gives the records that the last process left open.
    ///
    /// # Errors
    /// When the file cannot be opened, read or sized.
    pub fn open(path: &Path, slots: u32) -> io::Result<(Arc<Self>, Vec<UsageRecord>)> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let open = read_open(&file)?;
        let journal = Self {
            file,
            free: Mutex::new((0..slots).rev().collect()),
            available: Semaphore::new(slots as usize),
            slots,
            broken: AtomicBool::new(false),
        };
        Ok((Arc::new(journal), open))
    }

    /// Forgets what the last process left open, once it is settled.
    ///
    /// # Errors
    /// When the file cannot be sized.
    pub fn clear(&self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.set_len(u64::from(self.slots) * SLOT_BYTES)
    }

    /// Takes a slot, waiting at most `patience` for one.
    ///
    /// # Errors
    /// [`JournalError::Full`] when none came free.
    pub async fn permit(self: &Arc<Self>, patience: Duration) -> Result<Permit, JournalError> {
        let full = || JournalError::Full { slots: self.slots };
        let seat = match self.available.try_acquire() {
            Ok(seat) => seat,
            Err(_) => tokio::time::timeout(patience, self.available.acquire())
                .await
                .map_err(|_| full())?
                .map_err(|_| full())?,
        };
        let slot = self.free().pop().ok_or_else(full)?;
        seat.forget();
        Ok(Permit { journal: Arc::clone(self), slot })
    }

    /// How many attempts are under way.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.slots - u32::try_from(self.free().len()).unwrap_or(self.slots)
    }

    /// Whether notes can be written. After one that could not it tries for itself: while the gateway is not ready no
    /// calls come that would.
    pub fn writable(self: &Arc<Self>) -> bool {
        if self.broken.load(Ordering::Relaxed)
            && let Some(spare) = self.spare()
        {
            // The outcome is noted where it is read next.
            let _ = spare.write(&[0; 4]);
        }
        !self.broken.load(Ordering::Relaxed)
    }

    fn spare(self: &Arc<Self>) -> Option<Permit> {
        let seat = self.available.try_acquire().ok()?;
        let slot = self.free().pop()?;
        seat.forget();
        Some(Permit { journal: Arc::clone(self), slot })
    }

    fn free(&self) -> MutexGuard<'_, Vec<u32>> {
        // Only pushes and pops happen under the lock, so a poisoned one still holds a sound list.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A slot of the journal. Dropping it gives the slot back.
#[derive(Debug)]
pub struct Permit {
    journal: Arc<Journal>,
    slot: u32,
}

impl Permit {
    /// Notes that the attempt is about to start. `record` is what stands if the process dies.
    ///
    /// # Errors
    /// When it cannot be written; the attempt must not start.
    pub fn note(&self, record: &UsageRecord) -> Result<(), JournalError> {
        let mut slot = Vec::with_capacity(1024);
        slot.extend_from_slice(&MAGIC);
        slot.extend_from_slice(&[0; 4]);
        serde_json::to_writer(&mut slot, record).map_err(|error| JournalError::Write(error.into()))?;
        let length = slot.len() - 8;
        if length + OVERHEAD > SLOT_BYTES as usize {
            return Err(JournalError::TooLong { bytes: length });
        }
        slot[4..8].copy_from_slice(&(length as u32).to_le_bytes());
        slot.extend_from_slice(record.attempt_id.as_bytes());
        self.write(&slot).map_err(JournalError::Write)
    }

    /// Gives the slot to nobody else, so that its note is found at the next start: the ledger is closed.
    pub fn keep_noted(self) {
        std::mem::forget(self);
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let written = write_at(&self.journal.file, bytes, u64::from(self.slot) * SLOT_BYTES);
        self.journal.broken.store(written.is_err(), Ordering::Relaxed);
        written
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.journal.free().push(self.slot);
        self.journal.available.add_permits(1);
    }
}

fn read_open(file: &File) -> io::Result<Vec<UsageRecord>> {
    let length = file.metadata()?.len();
    let mut open = Vec::new();
    let mut slot = vec![0; SLOT_BYTES as usize];
    for offset in (0..length).step_by(SLOT_BYTES as usize) {
        let read = read_at(file, &mut slot, offset)?;
        open.extend(parse_slot(&slot[..read]));
    }
    Ok(open)
}

fn parse_slot(slot: &[u8]) -> Option<UsageRecord> {
    let rest = slot.strip_prefix(&MAGIC)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (json, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let mut record: UsageRecord = serde_json::from_slice(json).ok()?;
    if record.admitted_at == 0 {
        record.admitted_at = record.started_at;
    }
    rest.starts_with(record.attempt_id.as_bytes()).then_some(record)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    match std::os::windows::fs::FileExt::seek_write(file, bytes, offset)? {
        written if written == bytes.len() => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::ledger::record::tests::record;

    #[tokio::test]
    async fn what_was_noted_last_in_each_slot_is_found_at_the_next_start() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let (journal, open) = Journal::open(&path, 4).expect("a journal");
        assert!(open.is_empty());
        let (kept, settled, last) = (record(), record(), record());
        let first = journal.permit(Duration::ZERO).await.expect("a slot");
        first.note(&kept).expect("noted");
        let second = journal.permit(Duration::ZERO).await.expect("a slot");
        second.note(&settled).expect("noted");
        drop(second);
        let reused = journal.permit(Duration::ZERO).await.expect("the same slot");
        reused.note(&last).expect("noted");
        drop((first, reused, journal));

        let (journal, open) = Journal::open(&path, 4).expect("a journal");
        assert_eq!(open, [kept, last]);
        journal.clear().expect("cleared");
        assert!(Journal::open(&path, 4).expect("a journal").1.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_journal_refuses_and_a_dropped_permit_frees_its_slot() {
        let folder = tempfile::tempdir().expect("a folder");
        let (journal, _) = Journal::open(&folder.path().join("journal"), 1).expect("a journal");
        let only = journal.permit(Duration::from_secs(1)).await.expect("a slot");
        assert_eq!(journal.in_flight(), 1);
        let refused = journal.permit(Duration::from_secs(1)).await;
        assert!(matches!(refused, Err(JournalError::Full { slots: 1 })));
        drop(only);
        assert!(journal.permit(Duration::ZERO).await.is_ok());
        assert_eq!(journal.in_flight(), 0);
    }

    #[test]
    fn a_torn_slot_is_no_record() {
        let record = record();
        let json = serde_json::to_vec(&record).expect("json");
        let mut slot = MAGIC.to_vec();
        slot.extend_from_slice(&(json.len() as u32).to_le_bytes());
        slot.extend_from_slice(&json);
        slot.extend_from_slice(record.attempt_id.as_bytes());
        assert_eq!(parse_slot(&slot), Some(record));
        for cut in 0..slot.len() {
            assert_eq!(parse_slot(&slot[..cut]), None, "{cut}");
        }
    }
}
