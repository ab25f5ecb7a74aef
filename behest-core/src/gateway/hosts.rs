//! Host names: which this gateway answers for, and the slug in them.

/// The names that this gateway answers for.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    /// `{slug}.{base_domain}` names a project.
    pub base_domain: Option<String>,
    /// Others that are allowed on loopback.
    pub allowed: Vec<String>,
    /// Whether the gateway listens on loopback only: then a name that nobody configured is a page in the user's own
    /// browser that was rebound to this machine (DNS rebinding), and is refused.
    pub loopback: bool,
}

impl Hosts {
    /// Whether requests for `host` (with or without a port) are answered.
    #[must_use]
    pub fn answers(&self, host: &str) -> bool {
        let name = name_of(host);
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
        let under = |domain: &str| label_before(name, domain).is_some();
        !self.loopback
            || is("localhost")
            || is("127.0.0.1")
            || is("[::1]")
            || under("localhost")
            || self.base_domain.as_deref().is_some_and(|domain| is(domain) || under(domain))
            || self.allowed.iter().any(|allowed| is(allowed))
    }

    /// The project's slug in `host`, if it names one.
    #[must_use]
    pub fn slug(&self, host: &str) -> Option<String> {
        let name = name_of(host);
        let slug = label_before(name, "localhost")
            .or_else(|| self.base_domain.as_deref().and_then(|domain| label_before(name, domain)))?;
        Some(slug.to_ascii_lowercase())
    }
}

/// The host without its port and without the dot of a rooted name.
fn name_of(host: &str) -> &str {
    let end = match host.rfind(':') {
        // An IPv6 address keeps the colons inside its brackets.
        Some(colon) if !host[colon..].contains(']') => colon,
        _ => host.len(),
    };
    host[..end].trim_end_matches('.')
}

/// The one label in front of `.domain`.
fn label_before<'n>(name: &'n str, domain: &str) -> Option<&'n str> {
    let (label, tail) = name.split_once('.')?;
    (!label.is_empty() && tail.eq_ignore_ascii_case(domain)).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_loopback_only_known_names_are_answered() {
        let hosts = Hosts {
            base_domain: Some("ai.example.com".into()),
            allowed: vec!["box.lan".into()],
            loopback: true,
        };
        for known in [
            "localhost:8080",
            "127.0.0.1",
            "[::1]:8080",
            "a.localhost",
            "AI.example.com",
            "x.ai.example.com:443",
            "box.lan",
        ] {
            assert!(hosts.answers(known), "{known}");
        }
        for strange in ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "a.b.localhost", ""] {
            assert!(!hosts.answers(strange), "{strange}");
        }
        assert!(Hosts::default().answers("anything.example"));
    }

    #[test]
    fn a_slug_is_one_label_before_the_domain() {
        let hosts = Hosts { base_domain: Some("ai.example.com".into()), ..Hosts::default() };
        assert_eq!(hosts.slug("amber-fox-042.localhost:8080").as_deref(), Some("amber-fox-042"));
        assert_eq!(hosts.slug("Amber-Fox-042.ai.example.com").as_deref(), Some("amber-fox-042"));
        for none in ["localhost", "127.0.0.1:80", "ai.example.com", "a.b.ai.example.com", "[::1]"] {
            assert_eq!(hosts.slug(none), None, "{none}");
        }
    }
}
