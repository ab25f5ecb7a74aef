//! What a running gateway says about itself: once for people, or once for programs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use behest_core::Secret;
use behest_core::gateway::serve::Ready;
use serde::Serialize;

/// The two secrets are there at the first start only: nothing keeps them in clear.
#[derive(Serialize)]
pub struct Announcement<'r> {
    base_url: &'r str,
    slug_url: &'r str,
    api_key: Option<&'r str>,
    admin_secret: Option<&'r str>,
    tenant_id: &'r str,
    project_id: &'r str,
    slug: &'r str,
    data_dir: &'r Path,
    providers: &'r [String],
    credentials_file: Option<PathBuf>,
    #[serde(skip)]
    admin_secret_file: &'r Path,
}

impl<'r> Announcement<'r> {
    /// Of a gateway that is ready.
    #[must_use]
    pub fn new(ready: &'r Ready, credentials_file: Option<PathBuf>) -> Self {
        Self {
            base_url: &ready.base_url,
            slug_url: &ready.slug_url,
            api_key: ready.api_key.as_ref().map(Secret::expose),
            admin_secret: ready.admin_secret.as_ref().map(Secret::expose),
            tenant_id: &ready.tenant_id,
            project_id: &ready.project_id,
            slug: &ready.slug,
            data_dir: &ready.data_dir,
            providers: &ready.providers,
            credentials_file,
            admin_secret_file: &ready.admin_secret_file,
        }
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("Behest {} is ready.\n\n", env!("CARGO_PKG_VERSION"));
        let mut line = |what: &str, value: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {what:<10} {value}");
        };
        line("base URL", &format!("{}/v1", self.base_url));
        line("project", &format!("{} at {}/v1", self.slug, self.slug_url));
        match self.api_key {
            Some(key) => line("API key", &format!("{key}  (shown this once)")),
            None => line("API key", "shown at the first start; make another with `behest keys create`"),
        }
        line("admin", &format!("the secret is in {}", self.admin_secret_file.display()));
        match self.providers {
            [] => {
                line("models", "no provider is configured: the offline model local/echo answers every name")
            }
            providers => line("providers", &providers.join(", ")),
        }
        line("data", &self.data_dir.display().to_string());
        if let Some(file) = &self.credentials_file {
            line("profile", &format!("{}, so that `behest chat` works at once", file.display()));
        }
        let key = self.api_key.unwrap_or("$BEHEST_KEY");
        let _ = write!(
            text,
            "\nTry it:\n\n  curl {}/v1/chat/completions \\\n    -H \"Authorization: Bearer {key}\" \\\n    \
             -H \"Content-Type: application/json\" \\\n    -H \"X-End-User-Id: user-1\" \\\n    \
             -d '{{\"model\": \"default\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}'\n\n\
             Ctrl-C stops it.",
            self.base_url
        );
        text
    }
}
