//! Times as the API's user sees them: in the zone of that user, with the offset [inferred from public clients]. New
//! York's rule since 2007: summer time from the second Sunday of March to the first of November, at two in the morning.

use crate::{
    clock::Timestamp,
    simulators::unknowns::{Zone, ZuluTime},
};
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, SecondsFormat, Weekday};

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
/// real run saw it [inferred from public clients; a switch], and so is what becomes of a `+` that was not encoded. The
/// offset may lack its colon, as ISO 8601 allows [inferred]. What was before 1970 is as early as it gets.
pub(super) fn read(text: &str, zulu: ZuluTime) -> Option<Timestamp> {
    if text.ends_with(['Z', 'z']) && zulu == ZuluTime::Refuse {
        return None;
    }
    let plain = DateTime::parse_from_rfc3339(text);
    let at = plain.or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z")).ok()?;
    Some(Timestamp(u64::try_from(at.timestamp_millis()).unwrap_or(0)))
}

/// The time of an `If-Modified-Since`: as HTTP writes it (RFC 9110, section 5.6.7), or as this API does [inferred]. What is
/// neither is passed over, as that standard has it.
pub(super) fn since(text: &str) -> Option<Timestamp> {
    let http = NaiveDateTime::parse_from_str(text.trim(), "%a, %d %b %Y %H:%M:%S GMT").ok();
    let at = http.and_then(|at| u64::try_from(at.and_utc().timestamp_millis()).ok()).map(Timestamp);
    at.or_else(|| read(text.trim(), ZuluTime::Accept))
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
            assert_eq!(read(local, ZuluTime::Refuse), Some(at));
        }
        let late = Timestamp::parse("2026-11-22T03:00:00Z").unwrap();
        assert_eq!(day(late, Zone::NewYork).to_string(), "2026-11-21");
        assert_eq!(day(late, Zone::Utc).to_string(), "2026-11-22");
    }

    #[test]
    fn a_time_has_a_numeric_offset() {
        for refused in ["2026-11-22T15:00:00Z", "2026-11-22T15:00:00 00:00", "2026-11-22", "2026-11-22T15:00:00"] {
            assert_eq!(read(refused, ZuluTime::Refuse), None, "{refused}");
        }
        let at = Timestamp::parse("2026-11-22T15:00:00Z");
        for taken in ["2026-11-22T15:00:00+00:00", "2026-11-22T15:00:00+0000", "2026-11-22T16:30:00.000+01:30"] {
            assert_eq!(read(taken, ZuluTime::Refuse), at, "{taken}");
        }
        assert_eq!(read("2026-11-22T15:00:00Z", ZuluTime::Accept), at);
        assert_eq!(read("1960-01-01T00:00:00+00:00", ZuluTime::Refuse), Some(Timestamp(0)));
    }
}
