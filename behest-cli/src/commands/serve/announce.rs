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
    admin_secret_file: Option<&'r Path>,
}

impl<'r> Announcement<'r> {
    /// Of a gateway that is ready.
    #[must_use]
    pub fn new(
        ready: &'r Ready,
        admin_secret_file: Option<&'r Path>,
        credentials_file: Option<PathBuf>,
    ) -> Self {
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
            admin_secret_file,
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
        match self.admin_secret_file {
            Some(file) => line("admin", &format!("the secret is in {}", file.display())),
            None => line("admin", "the secret is that of BEHEST_ADMIN_SECRET"),
        }
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

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use behest_core::Secret;
    use behest_core::gateway::serve::Ready;

    use super::Announcement;

    fn ready(first_start: bool) -> Ready {
        Ready {
            base_url: "http://127.0.0.1:8080".into(),
            slug_url: "http://amber-fox-042.localhost:8080".into(),
            api_key: first_start.then(|| Secret::new("behest_sk_live_0")),
            admin_secret: first_start.then(|| Secret::new("s")),
            tenant_id: "t".into(),
            project_id: "p".into(),
            slug: "amber-fox-042".into(),
            data_dir: "/data".into(),
            providers: if first_start { vec![] } else { vec!["openai".into()] },
            first_start,
            admin_secret_file: Some("/data/admin-secret".into()),
        }
    }

    #[test]
    fn people_see_the_key_once_and_how_to_use_it() {
        let ready = ready(true);
        let profile = PathBuf::from("/home/u/credentials.json");
        let text = Announcement::new(&ready, Some(Path::new("/data/admin-secret")), Some(profile)).text();
        insta::assert_snapshot!(text.replace(env!("CARGO_PKG_VERSION"), "[VERSION]"), @r#"
        Behest [VERSION] is ready.

          base URL   http://127.0.0.1:8080/v1
          project    amber-fox-042 at http://amber-fox-042.localhost:8080/v1
          API key    behest_sk_live_0  (shown this once)
          admin      the secret is in /data/admin-secret
          models     no provider is configured: the offline model local/echo answers every name
          data       /data
          profile    /home/u/credentials.json, so that `behest chat` works at once

        Try it:

          curl http://127.0.0.1:8080/v1/chat/completions \
            -H "Authorization: Bearer behest_sk_live_0" \
            -H "Content-Type: application/json" \
            -H "X-End-User-Id: user-1" \
            -d '{"model": "default", "messages": [{"role": "user", "content": "Hello"}]}'

        Ctrl-C stops it.
        "#);
    }

    #[test]
    fn a_later_start_shows_no_secret() {
        let ready = ready(false);
        let announcement = Announcement::new(&ready, None, None);
        insta::assert_snapshot!(announcement.text().replace(env!("CARGO_PKG_VERSION"), "[VERSION]"), @r#"
        Behest [VERSION] is ready.

          base URL   http://127.0.0.1:8080/v1
          project    amber-fox-042 at http://amber-fox-042.localhost:8080/v1
          API key    shown at the first start; make another with `behest keys create`
          admin      the secret is that of BEHEST_ADMIN_SECRET
          providers  openai
          data       /data

        Try it:

          curl http://127.0.0.1:8080/v1/chat/completions \
            -H "Authorization: Bearer $BEHEST_KEY" \
            -H "Content-Type: application/json" \
            -H "X-End-User-Id: user-1" \
            -d '{"model": "default", "messages": [{"role": "user", "content": "Hello"}]}'

        Ctrl-C stops it.
        "#);
        insta::assert_json_snapshot!(announcement, @r#"
        {
          "base_url": "http://127.0.0.1:8080",
          "slug_url": "http://amber-fox-042.localhost:8080",
          "api_key": null,
          "admin_secret": null,
          "tenant_id": "t",
          "project_id": "p",
          "slug": "amber-fox-042",
          "data_dir": "/data",
          "providers": [
            "openai"
          ],
          "credentials_file": null
        }
        "#);
    }
}
