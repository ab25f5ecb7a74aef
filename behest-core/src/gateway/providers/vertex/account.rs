//! The credential, as Google Cloud gives it: the JSON of a service account. It signs for an access token (RFC 7523).

use serde::Deserialize;
use serde_json::json;

use super::place::{BadPlace, Place};
use crate::secret::Secret;
use crate::token::sign::{BadSigningKey, SigningKey};

/// Google's token server, and the only one that a pasted JSON may name.
pub const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
/// What the token is for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// How long an assertion holds, in seconds: as long as Google lets it.
const LIFETIME: i64 = 3_600;

/// Why a credential cannot be used. Says nothing of what is secret in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadAccount {
    /// Not JSON, or none of a credential.
    #[error("is not the JSON of a service account, which Google Cloud gives as a file")]
    Form,
    /// A credential of another kind.
    #[error("is a credential of the type `{kind}`, and `service_account` is needed")]
    Kind {
        /// Which.
        kind: String,
    },
    /// Something is missing.
    #[error("lacks `{member}`")]
    Missing {
        /// What.
        member: &'static str,
    },
    /// It would have the gateway call another server.
    #[error(
        "names another `token_uri` than {TOKEN_URL}: only the operator can, for a provider declared local"
    )]
    TokenUrl,
    /// The project or the location.
    #[error(transparent)]
    Place(#[from] BadPlace),
    /// The key.
    #[error("has a `private_key` that is no RSA key in PEM")]
    Key(#[source] BadSigningKey),
}

/// The members of the file that matter. `location` is ours: Google's has none.
#[derive(Deserialize)]
pub(super) struct File {
    #[serde(rename = "type", default)]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) project_id: Option<String>,
    #[serde(default)]
    pub(super) location: Option<String>,
    #[serde(default)]
    client_email: Option<String>,
    #[serde(default)]
    private_key_id: Option<String>,
    #[serde(default)]
    private_key: Option<Secret>,
    #[serde(default)]
    pub(super) token_uri: Option<String>,
}

impl File {
    pub(super) fn read(json: &Secret) -> Result<Self, BadAccount> {
        serde_json::from_str(json.expose()).map_err(|_| BadAccount::Form)
    }

    pub(super) fn place(&self) -> Result<Place, BadAccount> {
        let project = self.project_id.as_deref().ok_or(BadAccount::Missing { member: "project_id" })?;
        Ok(Place::new(project, self.location.as_deref())?)
    }
}

/// A service account.
#[derive(Debug, Clone)]
pub struct Account {
    email: String,
    key: SigningKey,
    token_url: String,
}

impl Account {
    /// Reads the JSON. Where it names a token server other than Google's, that is one that `any_server` allows.
    ///
    /// # Errors
    /// [`BadAccount`] says what is wrong with it.
    pub fn read(json: &Secret, any_server: bool) -> Result<(Self, Place), BadAccount> {
        let file = File::read(json)?;
        match &file.kind {
            Some(kind) if kind == "service_account" => {}
            Some(kind) => return Err(BadAccount::Kind { kind: kind.chars().take(64).collect() }),
            None => return Err(BadAccount::Missing { member: "type" }),
        }
        let place = file.place()?;
        let missing = |member| BadAccount::Missing { member };
        let email = file.client_email.ok_or(missing("client_email"))?;
        let key_id = file.private_key_id.unwrap_or_default();
        let pem = file.private_key.ok_or(missing("private_key"))?;
        let token_url = file.token_uri.unwrap_or_else(|| TOKEN_URL.to_owned());
        if token_url != TOKEN_URL && !any_server {
            return Err(BadAccount::TokenUrl);
        }
        let key = SigningKey::from_pem(pem.expose()).map_err(BadAccount::Key)?.with_kid(&key_id);
        Ok((Self { email, key, token_url }, place))
    }

    /// Where the token comes from.
    #[must_use]
    pub fn token_url(&self) -> &str {
        &self.token_url
    }

    /// Asks for a token in the account's name, signed at `now` in Unix seconds.
    ///
    /// # Errors
    /// When the key fails to sign.
    pub fn assertion(&self, now: i64) -> Result<Secret, BadSigningKey> {
        self.key.sign(&json!({
            "iss": self.email, "scope": SCOPE, "aud": self.token_url, "iat": now, "exp": now + LIFETIME,
        }))
    }
}

/// What of the credential may be shown: the id of its key, or nothing.
#[must_use]
pub fn key_id(json: &Secret) -> Option<String> {
    File::read(json).ok()?.private_key_id
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    type Change = fn(&mut Value);

    fn file(change: impl Fn(&mut Value)) -> Secret {
        let (_, pem) = SigningKey::generate("k").expect("a key");
        let mut file = json!({
            "type": "service_account", "project_id": "p-1", "private_key_id": "k-1", "private_key": pem.expose(),
            "client_email": "a@p-1.iam.gserviceaccount.com", "token_uri": TOKEN_URL,
        });
        change(&mut file);
        Secret::new(file.to_string())
    }

    #[test]
    fn an_account_is_read_and_never_shown() {
        let json = file(|_| {});
        let (account, place) = Account::read(&json, false).expect("an account");
        assert_eq!(place, Place::new("p-1", None).expect("a place"));
        assert_eq!((account.token_url(), key_id(&json).as_deref()), (TOKEN_URL, Some("k-1")));
        let shown = format!("{account:?}");
        assert!(!shown.contains("PRIVATE") && !shown.contains("MII"), "{shown}");
        let (_, place) =
            Account::read(&file(|file| file["location"] = json!("eu")), false).expect("an account");
        assert_eq!(place, Place::new("p-1", Some("eu")).expect("a place"));
    }

    #[test]
    fn what_is_wrong_is_told_without_what_is_secret() {
        let cases: [(Change, &str); 7] = [
            (|file| *file = json!("AIza"), "is not the JSON of a service account"),
            (|file| file["type"] = json!("authorized_user"), "of the type `authorized_user`"),
            (|file| file["type"] = json!("metadata_server"), "of the type `metadata_server`"),
            (|file| file["project_id"] = Value::Null, "lacks `project_id`"),
            (|file| file["token_uri"] = json!("http://169.254.169.254/"), "names another `token_uri`"),
            (|file| file["location"] = json!("evil.example/"), "the location has"),
            (|file| file["private_key"] = json!("canary"), "has a `private_key` that is no RSA key"),
        ];
        for (change, wanted) in cases {
            let error = Account::read(&file(change), false).expect_err("a refusal");
            assert!(error.to_string().contains(wanted), "{error}");
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
        let elsewhere = file(|file| file["token_uri"] = json!("http://127.0.0.1:7/token"));
        assert!(Account::read(&elsewhere, true).is_ok(), "the operator may");
    }
}
