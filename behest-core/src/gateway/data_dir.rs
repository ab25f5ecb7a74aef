//! The data directory: locked by one process, with its secrets in files that only their owner can read.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::Path;

use crate::secret::Secret;

/// The file with the operator's secret.
pub const ADMIN_SECRET_FILE: &str = "admin-secret";
/// The file with the master key.
pub const MASTER_KEY_FILE: &str = "master-key";
/// The file with the next master key, while what the old one sealed is sealed anew.
pub const NEXT_MASTER_KEY_FILE: &str = "master-key.new";
/// The file with the last master key, kept only where something that it sealed could not be read.
pub const OLD_MASTER_KEY_FILE: &str = "master-key.old";
/// The database.
pub const DATABASE_FILE: &str = "behest.db";
/// The journal of calls under way.
pub const JOURNAL_FILE: &str = "journal";
const LOCK_FILE: &str = "lock";

/// Takes the directory for this process until the file is dropped; `None` when another has it.
pub(super) fn lock(data_dir: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(data_dir.join(LOCK_FILE))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The secret in a file of the data directory; `None` when there is no such file.
pub(super) fn read_secret(data_dir: &Path, name: &str) -> io::Result<Option<Secret>> {
    match fs::read_to_string(data_dir.join(name)) {
        Ok(text) => Ok(Some(Secret::new(text.trim()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a 0600 file of the data directory, all of it or nothing.
pub(super) fn write_secret(data_dir: &Path, name: &str, secret: &Secret) -> io::Result<()> {
    // Under another name first: a full disk or a crash must not leave half a secret behind.
    let unfinished = format!("{name}.unfinished");
    let mut file =
        private_options().write(true).create(true).truncate(true).open(data_dir.join(&unfinished))?;
    file.write_all(secret.expose().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    rename(data_dir, &unfinished, name)
}

/// Gives a file of the data directory another name, in the place of what has it, for good.
pub(super) fn rename(data_dir: &Path, from: &str, to: &str) -> io::Result<()> {
    fs::rename(data_dir.join(from), data_dir.join(to))?;
    sync_names(data_dir)
}

/// A name is on the disk once its directory is.
#[cfg(unix)]
fn sync_names(data_dir: &Path) -> io::Result<()> {
    File::open(data_dir)?.sync_all()
}

#[cfg(not(unix))]
fn sync_names(_data_dir: &Path) -> io::Result<()> {
    Ok(())
}

/// For a file that only its owner can read.
#[cfg(unix)]
pub(super) fn private_options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// For a file that only its owner can read.
#[cfg(not(unix))]
pub(super) fn private_options() -> OpenOptions {
    OpenOptions::new()
}

/// Makes a directory that only its owner can enter.
#[cfg(unix)]
pub(super) fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes a directory that only its owner can enter.
#[cfg(not(unix))]
pub(super) fn make_private(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}
