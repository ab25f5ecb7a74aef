//! Browser origins: exact scheme, host and port, optionally with one `*` inside one label.

/// Why a text is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadOrigin {
    /// Not `scheme://host[:port]`.
    #[error("`{0}` is not an origin: write scheme://host[:port], such as https://app.example.com")]
    Form(String),
    /// More than one `*`, or one that is not inside a label of the host.
    #[error("`{0}` may have one `*`, inside one label of the host, such as https://app-*.example.com")]
    Wildcard(String),
}

/// One entry of a project's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginPattern {
    before: String,
    /// What follows the `*`; `None` for an exact origin.
    after: Option<String>,
}

impl OriginPattern {
    /// Reads an entry.
    ///
    /// # Errors
    /// [`BadOrigin`] says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, BadOrigin> {
        let text = text.trim().to_ascii_lowercase();
        let form = || BadOrigin::Form(text.clone());
        let (scheme, rest) = text.split_once("://").ok_or_else(form)?;
        if !matches!(scheme, "http" | "https") || rest.is_empty() {
            return Err(form());
        }
        let host = rest.split(':').next().unwrap_or_default();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-*:[]_".contains(&byte);
        if host.is_empty() || !rest.bytes().all(allowed) {
            return Err(form());
        }
        match text.matches('*').count() {
            0 => Ok(Self { before: text, after: None }),
            // A bare `*.com` would hand a whole registry over: at least two labels stay fixed.
            1 if host.contains('*')
                && host.split('.').skip_while(|label| !label.contains('*')).count() > 2 =>
            {
                let (before, after) = text.split_once('*').ok_or_else(form)?;
                Ok(Self { before: before.to_owned(), after: Some(after.to_owned()) })
            }
            _ => Err(BadOrigin::Wildcard(text)),
        }
    }

    /// Whether `origin`, as a browser sends it, is meant.
    #[must_use]
    pub fn matches(&self, origin: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        match &self.after {
            None => origin == self.before,
            Some(after) => origin
                .strip_prefix(&self.before)
                .and_then(|rest| rest.strip_suffix(after.as_str()))
                .is_some_and(|label| {
                    !label.is_empty()
                        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                }),
        }
    }
}

/// Whether `origin` is a page on this very machine: `http://localhost:*` or `http://127.0.0.1:*`.
#[must_use]
pub fn is_loopback(origin: &str) -> bool {
    let port = |rest: &str| {
        rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
    };
    ["http://localhost", "http://127.0.0.1"]
        .iter()
        .any(|prefix| origin.strip_prefix(prefix).is_some_and(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_origins_match_scheme_host_and_port() {
        let pattern = OriginPattern::parse("https://App.example.com:8443").expect("an origin");
        assert!(pattern.matches("https://app.example.com:8443"));
        for other in
            ["http://app.example.com:8443", "https://app.example.com", "https://app.example.com:84430"]
        {
            assert!(!pattern.matches(other), "{other}");
        }
    }

    #[test]
    fn a_star_stands_for_part_of_one_label() {
        let pattern = OriginPattern::parse("https://app-*.vercel.app").expect("an origin");
        assert!(pattern.matches("https://app-git-main.vercel.app"));
        for other in [
            "https://app-.vercel.app",
            "https://app-a.b.vercel.app",
            "https://app-x.vercel.app.evil.example",
            "https://evil.example/app-x.vercel.app",
        ] {
            assert!(!pattern.matches(other), "{other}");
        }
    }

    #[test]
    fn open_patterns_are_refused() {
        for bad in ["*", "https://*", "https://*.com", "https://*.*.example.com", "https://a.example.com:*"] {
            assert!(OriginPattern::parse(bad).is_err(), "{bad}");
        }
        for bad in ["example.com", "ftp://example.com", "https://example.com/path", "null", ""] {
            assert!(matches!(OriginPattern::parse(bad), Err(BadOrigin::Form(_))), "{bad}");
        }
    }

    #[test]
    fn loopback_is_told_by_the_whole_host() {
        assert!(is_loopback("http://localhost:5173") && is_loopback("http://127.0.0.1"));
        for other in [
            "http://localhost.evil.example",
            "https://localhost:1",
            "http://localhost:99999",
            "http://127.0.0.1.evil",
        ] {
            assert!(!is_loopback(other), "{other}");
        }
    }
}
