//! Credentials that `behest serve` and `behest login` left on this machine, keyed by the base URL they are for.
//!
//! One file, `credentials.json`, readable by its owner alone:
//! ```json
//! {
//!   "version": 1,
//!   "current": "http://127.0.0.1:8080",
//!   "credentials": { "http://127.0.0.1:8080": { "key": "behest_sk_live_...", "project_id": "...", "slug_url": "..." } }
//! }
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::env;
use crate::error::Error;
use crate::secret::Secret;

const FILE_NAME: &str = "credentials.json";
const LOCK_NAME: &str = "credentials.lock";
const VERSION: u64 = 1;

/// A key, and the only base URL that it is ever sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCredential {
    /// Where it is for.
    pub base_url: String,
    /// The key.
    pub key: Secret,
}

/// What is stored for one base URL.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Entry {
    /// The key; absent when the system's keychain holds it.
    #[serde(default)]
    pub key: Option<Secret>,
    /// The project that the key is of.
    #[serde(default)]
    pub project_id: Option<String>,
    /// The tenant that the project is of.
    #[serde(default)]
    pub tenant_id: Option<String>,
    /// The project's own address.
    #[serde(default)]
    pub slug_url: Option<String>,
    /// Where the gateway's admin secret is, when it is on this machine.
    #[serde(default)]
    pub admin_secret_file: Option<PathBuf>,
}

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The base URL that is called when nobody names one.
    pub current: Option<String>,
    /// What is stored, by base URL as [`normal_base_url`](super::config::normal_base_url) writes it.
    pub entries: BTreeMap<String, Entry>,
}

/// Why the file could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// It could not be read or written.
    #[error("the stored credentials in `{}` cannot be read or written", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// The system's own words.
        #[source]
        source: io::Error,
    },
    /// It is not what this program writes.
    #[error("the stored credentials in `{}` are damaged: correct the file or remove it", path.display())]
    Malformed {
        /// Where.
        path: PathBuf,
        /// What the reader found.
        #[source]
        source: serde_json::Error,
    },
    /// A newer program wrote it.
    #[error("the stored credentials in `{}` have version {version}; this program reads {VERSION}", path.display())]
    Version {
        /// Where.
        path: PathBuf,
        /// Which version it says.
        version: u64,
    },
}

impl From<CredentialsError> for Error {
    fn from(error: CredentialsError) -> Self {
        let message = match std::error::Error::source(&error) {
            Some(source) => format!("{error} ({source})"),
            None => error.to_string(),
        };
        Self::config("bad_credentials_file", message)
    }
}

impl Credentials {
    /// The credential of `base_url`, or the current one.
    #[must_use]
    pub fn find(&self, base_url: Option<&str>) -> Option<StoredCredential> {
        let base_url = base_url.or(self.current.as_deref())?;
        let key = self.entries.get(base_url)?.key.clone()?;
        Some(StoredCredential { base_url: base_url.to_owned(), key })
    }
}

/// The folder of the credentials file: `BEHEST_CONFIG_DIR`, or `behest` in the platform's configuration folder. `None`
/// when there is no home.
#[must_use]
pub fn folder(variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    if let Some(folder) = variable(env::CONFIG_DIR) {
        return Some(folder.into());
    }
    let home = || variable(env::HOME).map(PathBuf::from);
    let base = if cfg!(target_os = "windows") {
        variable(env::APPDATA).map(PathBuf::from)
    } else if cfg!(target_os = "macos") {
        home().map(|home| home.join("Library/Application Support"))
    } else {
        // The XDG specification says that a relative path is to be ignored.
        let configured = variable(env::XDG_CONFIG_HOME).map(PathBuf::from).filter(|path| path.is_absolute());
        configured.or_else(|| home().map(|home| home.join(".config")))
    };
    base.map(|base| base.join("behest"))
}

/// Where in `folder` the credentials are.
#[must_use]
pub fn file(folder: &Path) -> PathBuf {
    folder.join(FILE_NAME)
}

/// Reads what is stored in `folder`; nothing when there is no file.
///
/// # Errors
/// When there is a file that cannot be read.
pub fn read(folder: &Path) -> Result<Credentials, CredentialsError> {
    let path = file(folder);
    match fs::read(&path) {
        Ok(bytes) => parse(&bytes, path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Credentials::default()),
        Err(source) => Err(CredentialsError::Io { path, source }),
    }
}

/// Changes what is stored in `folder`, one program at a time. A reader sees the file before or after, never between.
///
/// # Errors
/// When the file cannot be read or written; it is then as it was.
pub fn update(folder: &Path, change: impl FnOnce(&mut Credentials)) -> Result<Credentials, CredentialsError> {
    let failed = |source| CredentialsError::Io { path: file(folder), source };
    make_folder(folder).map_err(failed)?;
    let lock = private_file().create(true).truncate(false).open(folder.join(LOCK_NAME)).map_err(failed)?;
    lock.lock().map_err(failed)?;
    let mut credentials = read(folder)?;
    change(&mut credentials);
    write(folder, &to_json(&credentials)).map_err(failed)?;
    Ok(credentials)
}

fn parse(bytes: &[u8], path: PathBuf) -> Result<Credentials, CredentialsError> {
    #[derive(Deserialize)]
    struct Stored {
        version: u64,
        #[serde(default)]
        current: Option<String>,
        #[serde(default)]
        credentials: BTreeMap<String, Entry>,
    }
    match serde_json::from_slice::<Stored>(bytes) {
        Ok(stored) if stored.version == VERSION => {
            Ok(Credentials { current: stored.current, entries: stored.credentials })
        }
        Ok(stored) => Err(CredentialsError::Version { path, version: stored.version }),
        Err(source) => Err(CredentialsError::Malformed { path, source }),
    }
}

fn to_json(credentials: &Credentials) -> Value {
    let entries: Map<String, Value> = credentials
        .entries
        .iter()
        .map(|(base_url, entry)| {
            let key = entry.key.as_ref().map(Secret::expose);
            let entry = json!({
                "key": key,
                "project_id": entry.project_id,
                "tenant_id": entry.tenant_id,
                "slug_url": entry.slug_url,
                "admin_secret_file": entry.admin_secret_file,
            });
            (base_url.clone(), entry)
        })
        .collect();
    json!({ "version": VERSION, "current": credentials.current, "credentials": entries })
}

/// Writes beside the file and moves it into place.
fn write(folder: &Path, value: &Value) -> io::Result<()> {
    let beside = folder.join(format!(".{FILE_NAME}.{}", uuid::Uuid::new_v4()));
    let written = (|| {
        let mut file = private_file().create_new(true).open(&beside)?;
        file.write_all(format!("{value:#}\n").as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, self::file(folder))
    })();
    if written.is_err() {
        // The first error is the one to tell; the leftover is private and harmless.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Files that only their owner reads.
fn private_file() -> OpenOptions {
    let mut options = File::options();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// A folder that only its owner enters, and whatever leads to it.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
