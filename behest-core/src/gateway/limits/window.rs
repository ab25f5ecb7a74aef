//! Windows of time: pure functions of the policy and an instant, with no reset job. All of them are UTC calendar
//! windows; weeks are those of ISO 8601 and begin on Monday.

use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan as _};

const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;
const WEEK: i64 = 7 * DAY;
/// From the Monday before it to 1970-01-01, a Thursday.
const MONDAY: i64 = 3 * DAY;
/// 0000-01-01 and the last millisecond of 9998: an instant outside of them is a broken clock's, and counts as the
/// nearest of them, so that every window has an end that can be said.
const CALENDAR: (i64, i64) = (-62_167_219_200_000, 253_370_764_799_999);

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
        let now = within_calendar(now);
        match self {
            Self::Minute => now.div_euclid(MINUTE) * MINUTE,
            Self::Day => now.div_euclid(DAY) * DAY,
            Self::Week => (now + MONDAY).div_euclid(WEEK) * WEEK - MONDAY,
            Self::Month => midnight(first_of_month(now)),
            Self::Total => i64::MIN,
        }
    }

    /// When the window around `now` ends, in Unix milliseconds; `None`: never.
    #[must_use]
    pub fn end(self, now: i64) -> Option<i64> {
        match self {
            Self::Minute => Some(self.start(now) + MINUTE),
            Self::Day => Some(self.start(now) + DAY),
            Self::Week => Some(self.start(now) + WEEK),
            Self::Month => {
                let first = first_of_month(within_calendar(now));
                first.checked_add(1.month()).ok().map(midnight)
            }
            Self::Total => None,
        }
    }
}

/// The instant, or the nearest one that has windows.
#[must_use]
pub fn within_calendar(now: i64) -> i64 {
    now.clamp(CALENDAR.0, CALENDAR.1)
}

fn first_of_month(now: i64) -> Date {
    let instant = Timestamp::from_millisecond(now).unwrap_or(Timestamp::UNIX_EPOCH);
    Offset::UTC.to_datetime(instant).date().first_of_month()
}

fn midnight(date: Date) -> i64 {
    let midnight = Offset::UTC.to_timestamp(date.to_datetime(Time::midnight()));
    midnight.unwrap_or(Timestamp::UNIX_EPOCH).as_millisecond()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDED: [Window; 4] = [Window::Minute, Window::Day, Window::Week, Window::Month];

    fn at(instant: &str) -> i64 {
        instant.parse::<Timestamp>().expect("an instant").as_millisecond()
    }

    /// The window around `now`, as two instants.
    fn around(window: Window, now: &str) -> (String, String) {
        let text = |instant| Timestamp::from_millisecond(instant).expect("an instant").to_string();
        (text(window.start(at(now))), text(window.end(at(now)).expect("an end")))
    }

    fn pair(start: &str, end: &str) -> (String, String) {
        (start.to_owned(), end.to_owned())
    }

    #[test]
    fn months_have_their_own_lengths() {
        let february = |year: u16, next: &str| {
            let window = around(Window::Month, &format!("{year}-02-28T23:59:59.999Z"));
            assert_eq!(window, (format!("{year}-02-01T00:00:00Z"), next.to_owned()));
        };
        february(2027, "2027-03-01T00:00:00Z");
        february(2028, "2028-03-01T00:00:00Z");
        february(2100, "2100-03-01T00:00:00Z");
        assert_eq!(
            around(Window::Month, "2028-02-29T12:00:00Z"),
            pair("2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z")
        );
        assert_eq!(
            around(Window::Month, "2026-12-31T23:59:59.999Z"),
            pair("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z")
        );
        assert_eq!(
            around(Window::Month, "2027-01-01T00:00:00Z"),
            pair("2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z")
        );
    }

    #[test]
    fn weeks_begin_on_monday_across_years() {
        // ISO 8601 calls it week 53 of 2026.
        let week = pair("2026-12-28T00:00:00Z", "2027-01-04T00:00:00Z");
        assert_eq!(around(Window::Week, "2026-12-28T00:00:00Z"), week);
        assert_eq!(around(Window::Week, "2027-01-01T00:00:00Z"), week);
        assert_eq!(around(Window::Week, "2027-01-03T23:59:59.999Z"), week);
        assert_ne!(around(Window::Week, "2027-01-04T00:00:00Z"), week);
        assert_eq!(
            around(Window::Week, "1970-01-01T00:00:00Z"),
            pair("1969-12-29T00:00:00Z", "1970-01-05T00:00:00Z")
        );
    }

    #[test]
    fn times_before_the_epoch_are_times() {
        let now = "1969-12-31T23:59:59.999Z";
        assert_eq!(around(Window::Minute, now), pair("1969-12-31T23:59:00Z", "1970-01-01T00:00:00Z"));
        assert_eq!(around(Window::Day, now), pair("1969-12-31T00:00:00Z", "1970-01-01T00:00:00Z"));
        assert_eq!(around(Window::Month, now), pair("1969-12-01T00:00:00Z", "1970-01-01T00:00:00Z"));
    }

    #[test]
    fn a_clock_that_is_put_back_is_in_the_older_window_again() {
        let (before, after) = (at("2027-02-28T23:59:59.999Z"), at("2027-03-01T00:00:00Z"));
        for window in [Window::Minute, Window::Day, Window::Month] {
            let older = window.start(before);
            assert_ne!(older, window.start(after));
            assert_eq!(older, window.start(before));
            assert_eq!(window.end(before), Some(window.start(after)));
        }
    }

    #[test]
    fn the_total_has_no_end() {
        for now in [i64::MIN, 0, i64::MAX] {
            assert_eq!((Window::Total.start(now), Window::Total.end(now)), (i64::MIN, None));
        }
    }

    proptest! {
        #[test]
        fn windows_tile_time(now in CALENDAR.0..=CALENDAR.1) {
            for window in BOUNDED {
                let (start, end) = (window.start(now), window.end(now).expect("an end"));
                prop_assert!(start <= now && now < end, "{window:?}: {start} {now} {end}");
                // All of it is the same window, and what touches it is another one.
                for inside in [start, start.midpoint(end), end - 1] {
                    prop_assert_eq!((window.start(inside), window.end(inside)), (start, Some(end)));
                }
                if end <= CALENDAR.1 {
                    prop_assert_eq!(window.start(end), end);
                }
                if start > CALENDAR.0 {
                    prop_assert_eq!(window.end(start - 1), Some(start));
                }
            }
        }

        #[test]
        fn months_are_those_of_the_calendar(now in CALENDAR.0..=CALENDAR.1) {
            let date = |instant| Offset::UTC.to_datetime(Timestamp::from_millisecond(instant).expect("an instant"));
            let (start, end) = (Window::Month.start(now), Window::Month.end(now).expect("an end"));
            prop_assert_eq!((date(start).year(), date(start).month()), (date(now).year(), date(now).month()));
            prop_assert_eq!((date(start).day(), date(end).day()), (1, 1));
            prop_assert_eq!((end - start) / DAY, i64::from(date(now).days_in_month()));
        }

        #[test]
        fn no_clock_is_too_broken(now in any::<i64>()) {
            for window in BOUNDED {
                prop_assert!(window.start(now) < window.end(now).expect("an end"));
            }
        }
    }
}
