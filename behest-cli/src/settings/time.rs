//! Instants as people type them.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::report::Explain;

/// A text that is no instant.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no time")]
pub struct BadTime(String);

impl Explain for BadTime {
    fn hint(&self) -> Option<String> {
        Some("write 2026-11-01, 2026-11-01T12:00:00Z, or how long ago: 30m, 24h, 7d".to_owned())
    }
}

/// The instant that `text` means at `now`: an RFC 3339 instant, a date in UTC, or how long ago.
///
/// # Errors
/// [`BadTime`]
pub fn instant(text: &str, now: Timestamp) -> Result<String, BadTime> {
    let bad = || BadTime(text.to_owned());
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant.to_string());
    }
    if let Ok(date) = text.parse::<Date>() {
        let start = date.in_tz("UTC").map_err(|_| bad())?;
        return Ok(start.timestamp().to_string());
    }
    let split = text.len().saturating_sub(1);
    let (count, unit) = text.split_at_checked(split).ok_or_else(bad)?;
    let seconds: i64 = match unit {
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(bad()),
    };
    let count: u32 = count.parse().map_err(|_| bad())?;
    let ago = SignedDuration::from_secs(seconds * i64::from(count));
    now.checked_sub(ago).map(|instant| instant.to_string()).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::instant;

    #[test]
    fn times_are_instants_dates_or_how_long_ago() {
        let now = "2026-11-23T12:00:00Z".parse().expect("an instant");
        let read = |text: &str| instant(text, now).ok();
        assert_eq!(read("2026-11-01T10:00:00+02:00").as_deref(), Some("2026-11-01T08:00:00Z"));
        assert_eq!(read("2026-11-01").as_deref(), Some("2026-11-01T00:00:00Z"));
        assert_eq!(read("24h").as_deref(), Some("2026-11-22T12:00:00Z"));
        assert_eq!(read("7d").as_deref(), Some("2026-11-16T12:00:00Z"));
        assert_eq!(read("90m").as_deref(), Some("2026-11-23T10:30:00Z"));
        for bad in ["", "d", "yesterday", "-1d", "5y", "2026-13-01", "4294967295d", "7é"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
