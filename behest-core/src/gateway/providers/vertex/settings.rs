//! The platform's Vertex, from the configuration and from the variables that Google's own packages read.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Map, Value};

use super::VERTEX;
use super::tokens::METADATA;
use crate::env;
use crate::gateway::config::{ConfigError, ProviderConfig};
use crate::secret::Secret;

/// Where Google's metadata server is, on every machine of Google Cloud.
const METADATA_URL: &str = "http://metadata.google.internal";

/// Completes the provider `vertex`, or makes it where `GOOGLE_APPLICATION_CREDENTIALS` names a service account: project
/// and location go into the credential, since that is where a tenant's have theirs.
///
/// # Errors
/// [`ConfigError::Value`] for a file that cannot be read, and for a credential that is none.
pub fn apply(
    providers: &mut BTreeMap<String, ProviderConfig>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<(), ConfigError> {
    let refused =
        |key: &str, problem: String| ConfigError::Value { key: format!("providers.{VERTEX}.{key}"), problem };
    for (name, provider) in providers.iter().filter(|(name, _)| *name != VERTEX) {
        let google = provider.project.is_some()
            || provider.location.is_some()
            || provider.credentials_file.is_some()
            || provider.metadata_server;
        if google {
            let problem = format!(
                "has a setting that only `{VERTEX}` has: project, location, credentials_file or metadata_server"
            );
            return Err(ConfigError::Value { key: format!("providers.{name}"), problem });
        }
    }
    let told = variable(env::GOOGLE_APPLICATION_CREDENTIALS);
    let configured = providers.get(VERTEX).cloned();
    let provider = configured.clone().unwrap_or_default();
    let mut credential = match (&provider.credentials_file, &provider.api_key, &told) {
        (Some(file), ..) => read(file).map_err(|problem| refused("credentials_file", problem))?,
        (None, Some(key), _) => {
            parse(key.expose()).map_err(|problem| refused("api_key_env", problem.to_owned()))?
        }
        (None, None, _) if provider.metadata_server => {
            let url = variable(env::GCE_METADATA_HOST).map(|host| format!("http://{host}"));
            Map::from_iter([
                ("type".to_owned(), Value::from(METADATA)),
                ("token_uri".to_owned(), Value::from(url.unwrap_or_else(|| METADATA_URL.to_owned()))),
            ])
        }
        (None, None, Some(file)) => match read(file) {
            Ok(credential) => credential,
            Err(problem) if configured.is_some() => return Err(refused("credentials_file", problem)),
            Err(problem) => {
                tracing::warn!(problem, "{} is not used", env::GOOGLE_APPLICATION_CREDENTIALS);
                return Ok(());
            }
        },
        (None, None, None) if configured.is_none() => return Ok(()),
        (None, None, None) => {
            let problem = "is needed, or `metadata_server = true` on a machine of Google Cloud";
            return Err(refused("credentials_file", problem.to_owned()));
        }
    };
    if configured.is_none() && credential.get("type").is_some_and(|kind| kind != "service_account") {
        // The variable serves many programs; one that only others can use is no reason not to start.
        tracing::warn!("{} names no service account, and is not used", env::GOOGLE_APPLICATION_CREDENTIALS);
        return Ok(());
    }
    let project = provider.project.clone().or_else(|| variable(env::GOOGLE_CLOUD_PROJECT));
    let location = provider.location.clone();
    let location = location.or_else(|| variable(env::VERTEX_LOCATION));
    let location = location.or_else(|| variable(env::GOOGLE_CLOUD_LOCATION));
    for (member, value) in [("project_id", project), ("location", location)] {
        if let Some(value) = value {
            credential.insert(member.to_owned(), Value::from(value));
        }
    }
    let credential = Secret::new(Value::Object(credential).to_string());
    super::tokens::Tokens::read(&credential, provider.local, true)
        .map_err(|error| refused("credentials_file", format!("names a credential that {error}")))?;
    providers.insert(VERTEX.to_owned(), ProviderConfig { api_key: Some(credential), ..provider });
    Ok(())
}

fn read(file: &str) -> Result<Map<String, Value>, String> {
    let text =
        fs::read_to_string(file).map_err(|error| format!("names `{file}`, which cannot be read: {error}"))?;
    let text = Secret::new(text);
    parse(text.expose()).map_err(|problem| format!("names `{file}`, which {problem}"))
}

fn parse(text: &str) -> Result<Map<String, Value>, &'static str> {
    serde_json::from_str(text)
        .map_err(|_| "is not the JSON of a service account, which Google Cloud gives as a file")
}
