//! Windows of time: pure functions of the policy and an instant, with no reset job. All of them are UTC calendar
//! windows; weeks are those of ISO 8601 and begin on Monday.

use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan as _};

/// A kind of window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Window {
    /// 60 s.
    Minute,
    /// From midnight to midnight.
    Day,
    /// From Monday to Sunday.
    Week,
    /// From the first of the month to the next.
    Month,
    /// Since ever; also that of what is counted only while it lasts.
    Total,
}

impl Window {
    /// When the window around `now` began, in Unix milliseconds: what tells it from the others of its kind.
    #[must_use]
    pub fn start(self, now: i64) -> i64 {
        match self {
            Self::Minute => now.div_euclid(60_000) * 60_000,
            Self::Day => now.div_euclid(86_400_000) * 86_400_000,
            // 1970-01-01 was a Thursday, three days after its Monday.
            Self::Week => (now + 3 * 86_400_000).div_euclid(7 * 86_400_000) * 7 * 86_400_000 - 3 * 86_400_000,
            Self::Month => date(now).map_or(0, |date| midnight(date.first_of_month())),
            Self::Total => i64::MIN,
        }
    }

    /// When the window around `now` ends, in Unix milliseconds; `None`: never.
    #[must_use]
    pub fn end(self, now: i64) -> Option<i64> {
        match self {
            Self::Minute => Some(self.start(now) + 60_000),
            Self::Day => Some(self.start(now) + 86_400_000),
            Self::Week => Some(self.start(now) + 7 * 86_400_000),
            Self::Month => {
                let next = date(now)?.first_of_month().checked_add(1.month()).ok()?;
                Some(midnight(next))
            }
            Self::Total => None,
        }
    }
}

fn date(now: i64) -> Option<Date> {
    Some(Offset::UTC.to_datetime(Timestamp::from_millisecond(now).ok()?).date())
}

fn midnight(date: Date) -> i64 {
    let midnight = Offset::UTC.to_timestamp(date.to_datetime(Time::midnight()));
    midnight.map_or(0, |midnight| midnight.as_millisecond())
}
