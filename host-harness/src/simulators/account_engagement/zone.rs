//! Times as the API's user sees them: in the zone of that user, with the offset [inferred from public clients]. New
//! York's rule since 2007: summer time from the second Sunday of March to the first of November, at two in the morning.

use crate::{clock::Timestamp, simulators::unknowns::Zone};
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, SecondsFormat, Weekday};

const HOUR: i32 = 60 * 60;

fn offset(at: Timestamp, zone: Zone) -> FixedOffset {
    let hours = match zone {
        Zone::Utc => 0,
        Zone::NewYork => {
            let utc = at.utc().naive_utc();
            let change = |month, nth, hour_utc| {
                let day = NaiveDate::from_weekday_of_month_opt(utc.year(), month, Weekday::Sun, nth);
                day.and_then(|day| day.and_hms_opt(hour_utc, 0, 0))
            };
            let summer = change(3, 2, 7).is_some_and(|from| utc >= from) && change(11, 1, 6).is_some_and(|to| utc < to);
            if summer { -4 } else { -5 }
        }
    };
    FixedOffset::east_opt(hours * HOUR).expect("five hours are within a day")
}

/// `2025-05-16T11:27:08-04:00`
pub(super) fn shown(at: Timestamp, zone: Zone) -> String {
    at.utc().with_timezone(&offset(at, zone)).to_rfc3339_opts(SecondsFormat::Secs, false)
}

/// The calendar day there, on which the daily calls begin anew [confirmed].
/// <https://developer.salesforce.com/docs/marketing/pardot/guide/overview.html>
pub(in crate::simulators) fn day(at: Timestamp, zone: Zone) -> NaiveDate {
    at.utc().with_timezone(&offset(at, zone)).date_naive()
}

/// Reads ISO 8601 with a numeric offset
/// (<https://developer.salesforce.com/docs/marketing/pardot/guide/version5overview.html>). A `Z` is refused, as one
/// real run saw it [inferred from public clients], and so is what becomes of a `+` that was not encoded.
pub(super) fn read(text: &str) -> Option<Timestamp> {
    if text.ends_with(['Z', 'z']) {
        return None;
    }
    let at = DateTime::parse_from_rfc3339(text).ok()?;
    u64::try_from(at.timestamp_millis()).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_york_changes_its_clocks_twice_a_year() {
        let rows = [
            ("2026-03-08T06:59:59Z", "2026-03-08T01:59:59-05:00"),
            ("2026-03-08T07:00:00Z", "2026-03-08T03:00:00-04:00"),
            ("2026-11-01T05:59:59Z", "2026-11-01T01:59:59-04:00"),
            ("2026-11-01T06:00:00Z", "2026-11-01T01:00:00-05:00"),
            ("2026-11-22T03:00:00Z", "2026-11-21T22:00:00-05:00"),
        ];
        for (utc, local) in rows {
            let at = Timestamp::parse(utc).unwrap();
            assert_eq!(shown(at, Zone::NewYork), local);
            assert_eq!(read(local), Some(at));
        }
        let late = Timestamp::parse("2026-11-22T03:00:00Z").unwrap();
        assert_eq!(day(late, Zone::NewYork).to_string(), "2026-11-21");
        assert_eq!(day(late, Zone::Utc).to_string(), "2026-11-22");
    }

    #[test]
    fn a_time_has_a_numeric_offset() {
        for refused in ["2026-11-22T15:00:00Z", "2026-11-22T15:00:00 00:00", "2026-11-22", "2026-11-22T15:00:00"] {
            assert_eq!(read(refused), None, "{refused}");
        }
        assert_eq!(read("2026-11-22T15:00:00+00:00"), Timestamp::parse("2026-11-22T15:00:00Z"));
    }
}
