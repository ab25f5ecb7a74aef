//! A new master key: everything that the old one sealed is sealed anew, on the data of a gateway that is stopped.
//!
//! Each value is one transaction, and says by which key it is sealed, so a run that is killed at any point is simply run
//! again. Until all is done both keys stay at hand and no gateway starts here: the new key is on the disk before the
//! first value needs it, and a mark in the database names both keys. At the end the mark goes, then the new key's file
//! takes the old one's place.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::auth::provider_keys;
use super::auth::seal::{Resealed, SealError, Sealer, reseal};
use super::auth::signing_keys;
use super::data_dir::{self, DATABASE_FILE, MASTER_KEY_FILE, NEXT_MASTER_KEY_FILE, OLD_MASTER_KEY_FILE};
use super::events::secrets;
use super::store::rows::ProviderRow;
use super::store::sqlite::{Durability, Sqlite};
use super::store::webhooks::WebhookRow;
use super::store::{Store, StoreError};
use crate::env;
use crate::secret::Secret;

/// The value in the database that says that a change of the master key was begun: the ids of both keys.
pub(super) const MARK: &str = "master_key_rotation";

/// Why the master key is not changed, or not yet. Nothing is lost in any case.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RotateError {
    /// No gateway has run there.
    #[error("there is no gateway's data in {}", path.display())]
    NoData {
        /// Where.
        path: PathBuf,
    },
    /// A gateway has the data.
    #[error("a gateway runs on the data directory {}: stop it first", path.display())]
    Running {
        /// Where.
        path: PathBuf,
    },
    /// The data directory cannot be read or written.
    #[error("the data directory {} cannot be used", path.display())]
    DataDir {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The old key is nowhere.
    #[error(
        "the master key is neither in {} nor in the file `{MASTER_KEY_FILE}` of the data directory",
        env::ENCRYPTION_KEY
    )]
    NoKey,
    /// The new key is nowhere, and it is not ours to make one: nobody could read it.
    #[error(
        "the master key is in {}, so the new one must be in {}",
        env::ENCRYPTION_KEY,
        env::ENCRYPTION_KEY_NEW
    )]
    NoNewKey,
    /// The old key is none.
    #[error("the master key cannot be used: {0}")]
    Key(SealError),
    /// The new key is none.
    #[error("the new master key cannot be used: {0}")]
    NewKey(SealError),
    /// Both are one.
    #[error("the new master key is the old one")]
    SameKey,
    /// It is not the key of this data. Nothing was changed.
    #[error(
        "`{key}` is not the master key of this data, whose signing key it does not open: nothing was changed"
    )]
    WrongKey {
        /// The id of the key that was given as the old one.
        key: String,
    },
    /// A change between other keys was begun, and must be ended first.
    #[error(
        "a change of the master key from `{from}` to `{to}` was begun and is not done; these keys are others"
    )]
    Another {
        /// The id of its old key.
        from: String,
        /// The id of its new key.
        to: String,
    },
    /// It was told to stop.
    #[error("stopped after {resealed} values: run it again, and it goes on")]
    Stopped {
        /// How many were sealed anew.
        resealed: usize,
    },
    /// The database.
    #[error("the database cannot be used: {0}")]
    Store(#[from] StoreError),
}

/// Whose data, and the keys that the environment gives.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The data directory.
    pub data_dir: PathBuf,
    /// The old key; `None` is the one in the data directory.
    pub key: Option<Secret>,
    /// The new key; `None` makes one where the old one is in the data directory.
    pub new_key: Option<Secret>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// How many values were sealed anew.
    pub resealed: usize,
    /// How many were sealed by the new key before, by a run that was stopped.
    pub already: usize,
    /// What neither key opens, and why. It stays as it is.
    pub unreadable: Vec<String>,
    /// The id of the new key.
    pub key_id: String,
    /// Whether the new key is in the data directory, so that there is nothing more to do.
    pub in_data_dir: bool,
    /// Whether something is left that the old key had sealed, so that the old key is still worth keeping.
    pub needs_old_key: bool,
}

impl Rotation {
    /// Seals everything anew. `after_each` is told how many values are done, and may stop the run there.
    ///
    /// # Errors
    /// [`RotateError`] says what is missing or wrong; a run that was begun is taken up by the next one.
    pub async fn run(self, after_each: impl FnMut(usize) -> ControlFlow<()>) -> Result<Rotated, RotateError> {
        let path = &self.data_dir;
        let in_data_dir = |source| RotateError::DataDir { path: path.clone(), source };
        if !path.join(DATABASE_FILE).is_file() {
            return Err(RotateError::NoData { path: path.clone() });
        }
        let lock = data_dir::lock(path).map_err(in_data_dir)?;
        let _lock = lock.ok_or_else(|| RotateError::Running { path: path.clone() })?;
        // A row must be on the disk before the file with its old key goes, whatever the gateway itself promises.
        let store = Sqlite::open(&path.join(DATABASE_FILE), Durability::Power)?;
        let done = self.on(&store, after_each).await;
        store.close().await;
        done
    }

    async fn on(
        &self,
        store: &dyn Store,
        after_each: impl FnMut(usize) -> ControlFlow<()>,
    ) -> Result<Rotated, RotateError> {
        let in_data_dir = |source| RotateError::DataDir { path: self.data_dir.clone(), source };
        let (old_text, new_text) = self.keys()?;
        let old = Sealer::from_text(&old_text).map_err(RotateError::Key)?;
        let new = Sealer::from_text(&new_text).map_err(RotateError::NewKey)?;
        if old.id() == new.id() {
            return Err(RotateError::SameKey);
        }
        check_mark(store, &old, &new).await?;
        check_key(store, &old, &new).await?;

        let in_file = self.key.is_none();
        if in_file {
            data_dir::write_secret(&self.data_dir, NEXT_MASTER_KEY_FILE, &new_text).map_err(in_data_dir)?;
        }
        let mark = format!("{} {}", old.id(), new.id());
        store.value_or_insert(MARK, mark.clone()).await?;
        let mut run = Run { store, old: &old, new: &new, after_each, done: Rotated::begun(&new, in_file) };
        run.signing_key().await?;
        for row in store.all_providers().await? {
            run.provider(&row).await?;
        }
        for row in store.webhooks().await? {
            run.webhook(&row).await?;
        }
        let done = run.done;
        if in_file && done.needs_old_key {
            data_dir::write_secret(&self.data_dir, OLD_MASTER_KEY_FILE, &old_text).map_err(in_data_dir)?;
        }
        store.change_value(MARK, Some(mark), None).await?;
        if in_file {
            data_dir::rename(&self.data_dir, NEXT_MASTER_KEY_FILE, MASTER_KEY_FILE).map_err(in_data_dir)?;
        }
        Ok(done)
    }

    /// The old key and the new one. A new one that an earlier run wrote down is the one to go on with.
    fn keys(&self) -> Result<(Secret, Secret), RotateError> {
        if let Some(key) = &self.key {
            return Ok((key.clone(), self.new_key.clone().ok_or(RotateError::NoNewKey)?));
        }
        let read = |name| {
            let in_data_dir = |source| RotateError::DataDir { path: self.data_dir.clone(), source };
            data_dir::read_secret(&self.data_dir, name).map_err(in_data_dir)
        };
        let key = read(MASTER_KEY_FILE)?.ok_or(RotateError::NoKey)?;
        let new_key = match (read(NEXT_MASTER_KEY_FILE)?, &self.new_key) {
            (Some(begun), None) => begun,
            (Some(begun), Some(given)) => {
                let id = |key| Sealer::from_text(key).map(|sealer| sealer.id().to_owned());
                let (from, to) =
                    (id(&key).map_err(RotateError::Key)?, id(&begun).map_err(RotateError::NewKey)?);
                if id(given).map_err(RotateError::NewKey)? != to {
                    return Err(RotateError::Another { from, to });
                }
                begun
            }
            (None, Some(given)) => given.clone(),
            (None, None) => Sealer::generate().map_err(RotateError::NewKey)?,
        };
        Ok((key, new_key))
    }
}

impl Rotated {
    fn begun(new: &Sealer, in_data_dir: bool) -> Self {
        let key_id = new.id().to_owned();
        Self { resealed: 0, already: 0, unreadable: Vec::new(), key_id, in_data_dir, needs_old_key: false }
    }
}

/// Whether a change of the master key was begun and not ended, so that no gateway may start: half of its keys would be
/// closed to it.
///
/// # Errors
/// When the store cannot answer.
pub(super) async fn is_begun(store: &dyn Store) -> Result<bool, StoreError> {
    Ok(store.value(MARK).await?.is_some())
}

/// The same by the file of the next key.
pub(super) fn is_begun_in(data_dir: &Path) -> bool {
    data_dir.join(NEXT_MASTER_KEY_FILE).exists()
}

async fn check_mark(store: &dyn Store, old: &Sealer, new: &Sealer) -> Result<(), RotateError> {
    let Some(mark) = store.value(MARK).await? else { return Ok(()) };
    let (from, to) = mark.split_once(' ').ok_or(StoreError::Damaged { table: "gateway_values" })?;
    if (from, to) == (old.id(), new.id()) {
        return Ok(());
    }
    Err(RotateError::Another { from: from.to_owned(), to: to.to_owned() })
}

/// Every gateway has a sealed signing key from its first start on: what opens it is the right key.
async fn check_key(store: &dyn Store, old: &Sealer, new: &Sealer) -> Result<(), RotateError> {
    let Some(stored) = store.value(signing_keys::STORED_AS).await? else { return Ok(()) };
    let opens = |sealer: &Sealer| signing_keys::open(&stored, sealer).is_ok();
    if opens(old) || opens(new) {
        return Ok(());
    }
    Err(RotateError::WrongKey { key: old.id().to_owned() })
}

/// A run under way.
struct Run<'r, F> {
    store: &'r dyn Store,
    old: &'r Sealer,
    new: &'r Sealer,
    after_each: F,
    done: Rotated,
}

impl<F: FnMut(usize) -> ControlFlow<()>> Run<'_, F> {
    async fn signing_key(&mut self) -> Result<(), RotateError> {
        let Some(stored) = self.store.value(signing_keys::STORED_AS).await? else { return Ok(()) };
        let (sealed_by, sealed) = stored.split_once(' ').unwrap_or_default();
        let result = reseal(self.old, self.new, &[signing_keys::STORED_AS], sealed, sealed_by);
        if let Some(sealed) = self.count("the gateway's signing key", sealed_by, result) {
            let value = format!("{} {sealed}", self.new.id());
            let written = self.store.change_value(signing_keys::STORED_AS, Some(stored), Some(value)).await?;
            self.written(written)?;
        }
        Ok(())
    }

    async fn provider(&mut self, row: &ProviderRow) -> Result<(), RotateError> {
        let (Some(sealed), Some(sealed_by)) = (&row.sealed_key, &row.master_key_id) else { return Ok(()) };
        let result = provider_keys::reseal(row, self.old, self.new, sealed, sealed_by);
        if let Some(anew) = self.count(&provider_keys::described(row), sealed_by, result) {
            let id = self.new.id().to_owned();
            let written = self.store.reseal_provider(row.id, sealed.clone(), anew, id).await?;
            self.written(written)?;
        }
        Ok(())
    }

    async fn webhook(&mut self, row: &WebhookRow) -> Result<(), RotateError> {
        let result = secrets::reseal(row, self.old, self.new);
        let what = format!("the secret of webhook {}", row.id);
        if let Some(anew) = self.count(&what, &row.master_key_id, result) {
            let (from, id) = (row.sealed_secret.clone(), self.new.id().to_owned());
            let written = self.store.reseal_webhook(row.id, from, anew, id).await?;
            self.written(written)?;
        }
        Ok(())
    }

    /// What to write, if anything.
    fn count(&mut self, what: &str, sealed_by: &str, result: Result<Resealed, SealError>) -> Option<String> {
        match result {
            Ok(Resealed::Anew(sealed)) => return Some(sealed),
            Ok(Resealed::Already) => self.done.already += 1,
            Err(reason) => {
                self.done.needs_old_key |= sealed_by == self.old.id();
                self.done.unreadable.push(format!("{what}: {reason}"));
            }
        }
        None
    }

    fn written(&mut self, written: bool) -> Result<(), RotateError> {
        if !written {
            return Err(StoreError::Unavailable("another process writes to it".to_owned()).into());
        }
        self.done.resealed += 1;
        match (self.after_each)(self.done.resealed) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(RotateError::Stopped { resealed: self.done.resealed }),
        }
    }
}
