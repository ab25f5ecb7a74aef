//! Which credential a command uses, and where it comes from.

use std::fmt;
use std::path::PathBuf;

use behest_core::client::credentials::{self, Credentials, Entry};
use behest_core::token::Mode;
use behest_core::{Client, Secret, env};

use crate::keychain::{self, KeychainError};
use crate::report::{Explain, Report, hint_for_code};
use crate::settings::{Connection, environment};

/// The credentials file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// It cannot be read or written.
    #[error(transparent)]
    File(#[from] credentials::CredentialsError),
    /// The user has no home.
    #[error("there is no place for credentials: this user has no home directory")]
    NoHome,
    /// No key is given and none is kept.
    #[error("there is no key{}", base_url.as_ref().map(|url| format!(" for {url}")).unwrap_or_default())]
    NoKey {
        /// The gateway that needs one.
        base_url: Option<String>,
        /// Why the keychain, which may hold one, was of no use.
        #[source]
        keychain: Option<KeychainError>,
    },
}

impl Explain for IdentityError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoHome => Some(format!("name a directory in {}", env::CONFIG_DIR)),
            Self::NoKey { base_url: Some(_), .. } => Some(
                "log in with `behest login`, set BEHEST_KEY, or make a key with `behest keys create`"
                    .to_owned(),
            ),
            Self::NoKey { base_url: None, .. } => hint_for_code("missing_env", None),
            Self::File(_) => None,
        }
    }
}

/// Where a key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An environment variable.
    Environment(&'static str),
    /// The system's keychain.
    Keychain,
    /// The credentials file.
    File(PathBuf),
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(formatter, "the environment ({name})"),
            Self::Keychain => formatter.write_str("the system's keychain"),
            Self::File(path) => write!(formatter, "{}", path.display()),
        }
    }
}

/// A gateway, and what is kept for it.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    /// The gateway that was named, or else the current one.
    pub base_url: Option<String>,
    /// What is kept for it.
    pub entry: Option<Entry>,
}

/// A client and how it came to its key.
pub struct Identity {
    /// The client.
    pub client: Client,
    /// The key itself.
    pub key: Secret,
    /// Where the key comes from.
    pub source: Source,
    /// What is kept for this gateway.
    pub entry: Option<Entry>,
}

impl Identity {
    /// Whether the key may stand for its whole project on the data plane; a signing key cannot.
    #[must_use]
    pub fn has_api_key(&self) -> bool {
        matches!(self.client.config().mode, Mode::ApiKey)
    }
}

/// The folder of the credentials file.
///
/// # Errors
/// [`IdentityError::NoHome`]
pub fn folder() -> Result<PathBuf, IdentityError> {
    credentials::folder(env::read).ok_or(IdentityError::NoHome)
}

/// Everything that is kept.
///
/// # Errors
/// [`IdentityError::File`] when there is a file that cannot be read.
pub fn stored() -> Result<Credentials, IdentityError> {
    match credentials::folder(env::read) {
        Some(folder) => Ok(credentials::read(&folder)?),
        None => Ok(Credentials::default()),
    }
}

/// The gateway that the command is about and what is kept for it.
///
/// # Errors
/// [`IdentityError::File`] when there is a file that cannot be read.
pub fn profile(connection: &Connection) -> Result<Profile, IdentityError> {
    let stored = stored()?;
    let base_url = connection.base_url.clone().or_else(|| stored.current.clone());
    let entry = base_url.as_ref().and_then(|base_url| stored.entries.get(base_url)).cloned();
    Ok(Profile { base_url, entry })
}

/// Finds the key and makes the client: the environment, then the credentials file, then the keychain.
///
/// # Errors
/// [`Report`] when there is no key, or one that is none.
pub async fn identify(connection: &Connection, user: Option<&str>) -> Result<Identity, Report> {
    let profile = profile(connection)?;
    let (key, source, base_url) = match environment::key() {
        // The client knows which address a key of the environment is for when none is named.
        Some((key, name)) => (key, Source::Environment(name), connection.base_url.clone()),
        None => {
            let (key, source) = kept_key(&profile).await?;
            (key, source, profile.base_url)
        }
    };
    let mut builder = Client::builder().key(key.expose());
    if let Some(base_url) = base_url {
        builder = builder.base_url(base_url);
    }
    if let Some(user) = user {
        builder = builder.default_user_id(user);
    }
    if let Some(tenant) = &connection.tenant {
        builder = builder.tenant_id(tenant);
    }
    if let Some(project) = &connection.project {
        builder = builder.project_id(project);
    }
    let client = builder.build()?;
    let entry = stored()?.entries.remove(&client.config().base_url);
    Ok(Identity { client, key, source, entry })
}

/// The key kept for a gateway, in the file or, when an entry there has none, in the keychain.
async fn kept_key(profile: &Profile) -> Result<(Secret, Source), IdentityError> {
    let missing = |keychain| IdentityError::NoKey { base_url: profile.base_url.clone(), keychain };
    let (Some(base_url), Some(entry)) = (&profile.base_url, &profile.entry) else {
        return Err(missing(None));
    };
    if let Some(key) = &entry.key {
        return Ok((key.clone(), Source::File(credentials::file(&folder()?))));
    }
    match keychain::read(base_url).await {
        Ok(Some(key)) => Ok((key, Source::Keychain)),
        Ok(None) => Err(missing(None)),
        Err(error) => Err(missing(Some(error))),
    }
}
