//! Time as the gateway keeps it: Unix milliseconds, written as RFC 3339 on the wire.

use jiff::Timestamp;

/// Now, in Unix milliseconds.
#[must_use]
pub fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// Now, in Unix seconds.
#[must_use]
pub fn now_seconds() -> i64 {
    Timestamp::now().as_second()
}

/// An instant as RFC 3339 in UTC, such as `2026-01-02T03:04:05.678Z`.
#[must_use]
pub fn rfc3339(milliseconds: i64) -> String {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// Whether these milliseconds are within the years that have a calendar date.
#[must_use]
pub fn is_instant(milliseconds: i64) -> bool {
    Timestamp::from_millisecond(milliseconds).is_ok()
}

/// Reads an instant, RFC 3339 or a plain date (its first instant in UTC). A space is a `+` that was not encoded.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(date) = text.parse::<jiff::civil::Date>()
        && text.len() == 10
    {
        return Some(date.in_tz("UTC").ok()?.timestamp().as_millisecond());
    }
    // RFC 3339 also allows a space between date and time; the offset's is the one after it.
    let mended = match text.rfind(' ') {
        Some(at) if at > 10 => format!("{}+{}", &text[..at], &text[at + 1..]),
        _ => text.to_owned(),
    };
    mended.parse::<Timestamp>().ok().map(|instant| instant.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_in_every_published_form() {
        let wanted = Some(1_767_323_045_000);
        for text in [
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.000Z",
            "2026-01-02T04:04:05+01:00",
            "2026-01-02T04:04:05 01:00",
            "2026-01-02 03:04:05Z",
        ] {
            assert_eq!(parse(text), wanted, "{text}");
        }
        assert_eq!(parse("2026-01-02"), Some(1_767_312_000_000));
        assert_eq!(parse("yesterday"), None);
        assert_eq!(rfc3339(1_767_323_045_678), "2026-01-02T03:04:05.678Z");
    }
}
