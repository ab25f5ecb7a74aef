//! `behest login`, `logout` and `whoami`.

use behest_core::client::MintOptions;
use behest_core::client::config::{DEFAULT_BASE_URL, normal_base_url};
use behest_core::client::credentials::{self, Entry};
use behest_core::token::Mode;
use behest_core::token::key::is_api_key;
use behest_core::types::mint::MIN_TTL;
use behest_core::{Client, Secret};
use serde::Serialize;

use crate::commands::input;
use crate::identity::{self, IdentityError};
use crate::keychain;
use crate::printer::Printer;
use crate::report::{ExitStatus, Explain, Report};
use crate::settings::{Connection, environment};

/// Why nothing is kept.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Nobody says which gateway, and nobody can be asked.
    #[error("which gateway is the key for?")]
    WhichGateway,
    /// What was given is no API key.
    #[error("this is no API key: those are `behest_sk_live_` and 32 hexadecimal digits")]
    NoApiKey,
    /// There is nothing to forget.
    #[error("no gateway is named, and none is kept")]
    NothingKept,
}

impl Explain for LoginError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::WhichGateway => Some("pass `--base-url`".to_owned()),
            Self::NoApiKey => {
                Some("a signing key is not kept: set BEHEST_KEY and BEHEST_KID to use one".to_owned())
            }
            Self::NothingKept => None,
        }
    }
}

/// Asks for a key, checks it with the gateway, and keeps it.
///
/// # Errors
/// [`Report`] when the gateway refuses the key, or it cannot be kept.
pub async fn login(connection: &Connection, printer: Printer) -> Result<ExitStatus, Report> {
    let base_url = match &connection.base_url {
        Some(base_url) => base_url.clone(),
        None => {
            let typed = input::ask("Gateway", DEFAULT_BASE_URL, printer)?;
            normal_base_url(&typed.ok_or(LoginError::WhichGateway)?)?
        }
    };
    let key = input::secret("API key", printer)?;
    if !is_api_key(key.expose()) {
        return Err(LoginError::NoApiKey.into());
    }
    let client = Client::builder().key(key.expose()).base_url(&base_url).build()?;
    client.auth().mint(&MintOptions { ttl: Some(MIN_TTL), ..MintOptions::default() }).await?;
    keep(&base_url, key, connection, printer).await?;
    if let Some((_, name)) = environment::key() {
        printer.warn(format_args!("{name} is set, and is used in place of the key that is kept"));
    }
    Ok(ExitStatus::Success)
}

/// Keeps the key in the keychain, or in the file where there is none.
async fn keep(base_url: &str, key: Secret, connection: &Connection, printer: Printer) -> Result<(), Report> {
    let folder = identity::folder()?;
    let (in_file, place) = match keychain::write(base_url, &key).await {
        Ok(()) => (None, "the system's keychain".to_owned()),
        Err(error) => {
            let file = credentials::file(&folder).display().to_string();
            printer.warn(format_args!("{error}, so the key is kept in a file that only you can read"));
            (Some(key), file)
        }
    };
    let change = |credentials: &mut credentials::Credentials| {
        let entry = credentials.entries.entry(base_url.to_owned()).or_default();
        entry.key = in_file;
        if let Some(project) = &connection.project {
            entry.project_id = Some(project.clone());
        }
        if let Some(tenant) = &connection.tenant {
            entry.tenant_id = Some(tenant.clone());
        }
        if let Some(file) = &connection.admin_secret_file {
            entry.admin_secret_file = Some(file.clone());
        }
        credentials.current = Some(base_url.to_owned());
    };
    credentials::update(&folder, change).map_err(IdentityError::from)?;
    printer.say(format_args!("logged in to {base_url}; the key is in {place}"));
    Ok(())
}

/// Forgets the credential of a gateway, wherever it is.
///
/// # Errors
/// [`Report`] when the file cannot be changed.
pub async fn logout(connection: &Connection, printer: Printer) -> Result<ExitStatus, Report> {
    let profile = identity::profile(connection)?;
    let base_url = profile.base_url.ok_or(LoginError::NothingKept)?;
    let was_in_keychain = match &profile.entry {
        Some(Entry { key: None, .. }) | None => keychain::delete(&base_url).await.unwrap_or(false),
        // With its key in the file, the keychain had nothing to do with it.
        Some(_) => false,
    };
    if profile.entry.is_some() {
        let change = |credentials: &mut credentials::Credentials| {
            credentials.entries.remove(&base_url);
            if credentials.current.as_deref() == Some(base_url.as_str()) {
                credentials.current = credentials.entries.keys().next().cloned();
            }
        };
        credentials::update(&identity::folder()?, change).map_err(IdentityError::from)?;
    }
    match profile.entry.is_some() || was_in_keychain {
        true => printer.say(format_args!("forgot the credential of {base_url}")),
        false => printer.say(format_args!("no credential of {base_url} was kept")),
    }
    if let Some((_, name)) = environment::key() {
        printer.warn(format_args!("{name} is still set"));
    }
    Ok(ExitStatus::Success)
}

/// What `behest whoami` says. Never the key.
#[derive(Debug, Serialize)]
struct WhoAmI {
    base_url: String,
    mode: &'static str,
    key_last_four: Option<String>,
    source: String,
    user_id: String,
    project_id: Option<String>,
    tenant_id: Option<String>,
    slug_url: Option<String>,
}

/// Says which credential is used and where it comes from. The gateway is not asked.
///
/// # Errors
/// [`Report`] when there is none.
pub async fn whoami(connection: &Connection, printer: Printer) -> Result<ExitStatus, Report> {
    let identity = identity::identify(connection, None).await?;
    let config = identity.client.config();
    let is_api_key = config.mode == Mode::ApiKey;
    let entry = identity.entry.clone().unwrap_or_default();
    // What is kept belongs to the key that is kept, not to another one of the environment.
    let is_kept = !matches!(identity.source, identity::Source::Environment(_))
        || entry.key.as_ref() == Some(&identity.key);
    let kept = |value: Option<String>| value.filter(|_| is_kept);
    let me = WhoAmI {
        base_url: config.base_url.clone(),
        mode: if is_api_key { "API key" } else { "signing key" },
        key_last_four: is_api_key.then(|| last_four(&identity.key)),
        source: identity.source.to_string(),
        user_id: config.default_user_id.clone(),
        project_id: config.project_id.clone().or_else(|| kept(entry.project_id)),
        tenant_id: config.tenant_id.clone().or_else(|| kept(entry.tenant_id)),
        slug_url: kept(entry.slug_url),
    };
    printer.answer(&me, describe)?;
    Ok(ExitStatus::Success)
}

fn describe(me: &WhoAmI) -> String {
    let unknown = || "(unknown)".to_owned();
    let key = me.key_last_four.as_ref().map_or_else(String::new, |last| format!(" ...{last}"));
    format!(
        "gateway     {}\ncredential  {}{key}\nfrom        {}\nproject     {}\ntenant      {}\nend user    {}",
        me.base_url,
        me.mode,
        me.source,
        me.project_id.clone().unwrap_or_else(unknown),
        me.tenant_id.clone().unwrap_or_else(unknown),
        me.user_id,
    )
}

/// An API key is ASCII, which its form has shown.
fn last_four(key: &Secret) -> String {
    let key = key.expose();
    key.get(key.len().saturating_sub(4)..).unwrap_or_default().to_owned()
}
