//! The part of the configuration that is about webhooks.

use serde::Deserialize;

use super::ConfigError;
use crate::gateway::events::address;
use crate::gateway::events::signature::Signer;
use crate::secret::Secret;
use crate::types::event::EventKind;

/// An address that events are sent to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where.
    pub url: String,
    /// The environment variable that holds the secret of its signatures: `whsec_` and 24 to 64 bytes in base64.
    pub secret_env: String,
    /// Only events of these kinds; all when absent.
    #[serde(default)]
    pub kinds: Option<Vec<EventKind>>,
    /// It stands on a private network.
    #[serde(default)]
    pub local: bool,
    /// Its secret, once read from the environment. Never in the file.
    #[serde(skip)]
    pub secret: Option<Secret>,
}

/// Reads the secrets from the environment.
pub(super) fn apply(
    webhooks: &mut [WebhookConfig],
    variable: impl Fn(&str) -> Option<String>,
) -> Result<(), ConfigError> {
    for (index, webhook) in webhooks.iter_mut().enumerate() {
        let missing =
            || refused(index, "secret_env", format!("names {}, which is not set", webhook.secret_env));
        let secret = variable(&webhook.secret_env).ok_or_else(missing)?;
        webhook.secret = Some(Secret::from(secret));
    }
    Ok(())
}

/// Checks what no type can.
pub(super) fn check(webhooks: &[WebhookConfig]) -> Result<(), ConfigError> {
    for (index, webhook) in webhooks.iter().enumerate() {
        address::check(&webhook.url, webhook.local)
            .map_err(|error| refused(index, "url", error.to_string()))?;
        if webhooks[..index].iter().any(|other| other.url == webhook.url) {
            return Err(refused(index, "url", "is there twice".to_owned()));
        }
        if webhook.kinds.as_ref().is_some_and(Vec::is_empty) {
            return Err(refused(
                index,
                "kinds",
                "names at least one kind, or is left out for all".to_owned(),
            ));
        }
        if webhook.secret.as_ref().and_then(Signer::of).is_none() {
            let problem = format!(
                "names {}, which must hold `whsec_` and 24 to 64 bytes in base64",
                webhook.secret_env
            );
            return Err(refused(index, "secret_env", problem));
        }
    }
    Ok(())
}

fn refused(index: usize, key: &str, problem: String) -> ConfigError {
    ConfigError::Value { key: format!("webhooks[{index}].{key}"), problem }
}
