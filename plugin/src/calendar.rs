//! Moments as people and APIs write them, in UTC. Written out digit by digit: chrono's own formatting and parsing would be
//! a tenth of the component.

use crate::host::Instant;
use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};

fn utc(at: Instant) -> DateTime<Utc> {
    i64::try_from(at).ok().and_then(DateTime::from_timestamp_millis).unwrap_or_default()
}

/// `2026-11-22`.
pub fn day(at: Instant) -> String {
    let at = utc(at);
    format!("{:04}-{:02}-{:02}", at.year(), at.month(), at.day())
}

/// `2026-11-22 15:00 UTC`.
pub fn moment(at: Instant) -> String {
    let time = utc(at);
    format!("{} {:02}:{:02} UTC", day(at), time.hour(), time.minute())
}

/// `2026-11-22T15:00:00`, to which the caller adds the zone as its API wants it.
pub fn iso(at: Instant) -> String {
    let time = utc(at);
    format!("{}T{:02}:{:02}:{:02}", day(at), time.hour(), time.minute(), time.second())
}

/// ISO 8601 with `Z`, `+00:00` or `+0000`; without a zone it is UTC. Nothing before 1970.
pub fn parse(text: &str) -> Option<Instant> {
    let bytes = text.as_bytes();
    let number = |from: usize, digits: usize| -> Option<u32> {
        let digits = bytes.get(from..from + digits)?;
        digits.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
    };
    let mark = |place: usize, marks: &[u8]| bytes.get(place).filter(|byte| marks.contains(byte)).map(|_| ());
    let year = i32::try_from(number(0, 4)?).ok()?;
    mark(4, b"-")?;
    mark(7, b"-")?;
    mark(10, b"T ")?;
    mark(13, b":")?;
    mark(16, b":")?;
    let day = NaiveDate::from_ymd_opt(year, number(5, 2)?, number(8, 2)?)?;
    // A leap second is told as the second before it.
    let time = day.and_hms_opt(number(11, 2)?, number(14, 2)?, number(17, 2)?.min(59))?;
    let mut milliseconds = time.and_utc().timestamp() * 1_000;
    let mut place = 19;
    if bytes.get(place) == Some(&b'.') {
        let mut worth = 100;
        place += 1;
        while let Some(digit) = number(place, 1) {
            milliseconds += i64::from(digit) * worth;
            worth /= 10;
            place += 1;
        }
    }
    let sign = match bytes.get(place) {
        None => 0,
        Some(b'Z' | b'z') if bytes.len() == place + 1 => 0,
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => return None,
    };
    if sign != 0 {
        let minutes_at = place + 3 + usize::from(bytes.get(place + 3) == Some(&b':'));
        let (hours, minutes) = (number(place + 1, 2)?, number(minutes_at, 2)?);
        if bytes.len() != minutes_at + 2 || hours > 23 || minutes > 59 {
            return None;
        }
        milliseconds -= sign * i64::from(hours * 60 + minutes) * 60_000;
    }
    Instant::try_from(milliseconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_moment_is_written_in_utc() {
        let at = 1_795_359_661_999;
        assert_eq!(
            (day(at), moment(at), iso(at)),
            ("2026-11-22".into(), "2026-11-22 15:01 UTC".into(), "2026-11-22T15:01:01".into())
        );
    }

    #[test]
    fn every_zone_is_understood_and_what_is_no_time_is_none() {
        let at = Some(1_795_359_600_000);
        for text in [
            "2026-11-22T15:00:00Z",
            "2026-11-22T15:00:00+00:00",
            "2026-11-22T08:00:00-07:00",
            "2026-11-22T16:00:00.000+0100",
            "2026-11-22 15:00:00",
            "2026-11-22T15:00:00.0000000",
        ] {
            assert_eq!(parse(text), at, "{text}");
        }
        assert_eq!(parse("2021-03-12T09:26:43.700Z"), Some(1_615_541_203_700));
        assert_eq!(parse("2016-12-31T23:59:60Z"), parse("2016-12-31T23:59:59Z"));
        for text in [
            "",
            "soon",
            "2026-11-22",
            "2026-13-22T15:00:00Z",
            "2026-02-30T15:00:00Z",
            "2026-11-22T25:00:00Z",
            "1900-01-01T00:00:00Z",
            "2026-11-22T15:00:00x",
            "2026-11-22T15:00:00Zx",
            "2026-11-22T15:00:00+1",
            "2026-11-22T15:00:00+25:00",
            "２026-11-22T15:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(seconds in 0u64..253_402_300_799) {
            let at = seconds * 1_000;
            prop_assert_eq!(parse(&iso(at)), Some(at));
            prop_assert_eq!(parse(&format!("{}+00:00", iso(at))), Some(at));
        }

        #[test]
        fn no_text_ends_it(text in "([0-9TZ:. +-]|.){0,40}") {
            let _ = parse(&text);
        }
    }
}
