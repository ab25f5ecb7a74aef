//! Which addresses a provider may have: public ones, unless the operator declared it local.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Why a base URL is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBaseUrl {
    /// Not a URL that can be called.
    #[error("the base URL must be http:// or https:// with a host, without credentials, query or fragment")]
    Form,
    /// A private address that nobody declared.
    #[error(
        "the base URL is on a private network: only the operator can declare a provider local (`--local`)"
    )]
    Private,
}

/// Checks and tidies a base URL: no slash at the end.
///
/// # Errors
/// [`BadBaseUrl`] when it cannot be called, or is private and not declared `local`.
pub fn check_base_url(text: &str, local: bool) -> Result<String, BadBaseUrl> {
    let url = Url::parse(text.trim()).map_err(|_| BadBaseUrl::Form)?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !plain {
        return Err(BadBaseUrl::Form);
    }
    if !local && names_private(&url) {
        return Err(BadBaseUrl::Private);
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Whether the URL itself names a private place, before any name is resolved.
#[must_use]
pub fn names_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => !is_public(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => !is_public(IpAddr::V6(address)),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
        }
        None => true,
    }
}

/// Whether an address belongs to the public internet (IANA's special-purpose registries, RFC 6890).
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || a == 10
        || a == 127
        || (a == 100 && (64..128).contains(&b))
        || (a == 169 && b == 254)
        || (a == 172 && (16..32).contains(&b))
        || (a == 192 && b == 168)
        || (a == 192 && b == 0 && (c == 0 || c == 2))
        || (a == 198 && (b == 18 || b == 19))
        || (a == 198 && b == 51 && c == 100)
        || (a == 203 && b == 0 && c == 113)
        || a >= 224)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        // NAT64 (RFC 6052) and 6to4 (RFC 3056) carry an IPv4 address that is dialled in the end.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => is_public_v4(embedded(high, low)),
        [0x2001, 0xdb8, ..] => false,
        // Everything that is assigned to the public is in 2000::/3.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_told_in_every_notation() {
        for private in [
            "http://127.0.0.1:11434/v1",
            "http://10.1.2.3/v1",
            "http://172.16.0.1/v1",
            "http://192.168.1.1/v1",
            "http://169.254.169.254/latest",
            "http://100.64.0.1/",
            "http://0.0.0.0/",
            "http://[::1]/v1",
            "http://[::ffff:10.0.0.1]/v1",
            "http://[64:ff9b::a00:1]/v1",
            "http://[2002:a00:1::]/v1",
            "http://[fd00::1]/v1",
            "http://[fe80::1]/v1",
            "http://0x7f000001/",
            "http://2130706433/",
            "http://localhost/v1",
            "http://LOCALHOST./v1",
            "http://a.localhost/v1",
        ] {
            assert_eq!(check_base_url(private, false), Err(BadBaseUrl::Private), "{private}");
            assert!(check_base_url(private, true).is_ok(), "{private}");
        }
        for public in ["https://api.openai.com/v1", "https://8.8.8.8/v1", "https://[2606:4700::1111]/v1"] {
            assert!(check_base_url(public, false).is_ok(), "{public}");
        }
    }

    #[test]
    fn a_base_url_is_plain_and_has_no_slash_at_its_end() {
        assert_eq!(check_base_url(" https://x.example/v1/ ", false).as_deref(), Ok("https://x.example/v1"));
        for bad in [
            "",
            "x.example",
            "ftp://x.example",
            "https://u:p@x.example",
            "https://x.example/?k=1",
            "https://x.example/#f",
        ] {
            assert_eq!(check_base_url(bad, true), Err(BadBaseUrl::Form), "{bad}");
        }
    }
}
