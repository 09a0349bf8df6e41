//! How Livestorm writes and reads a time. It writes whole epoch seconds, and 0 for what has not come, never null in real
//! answers [confirmed]; the schema allows null, so that is a switch. It reads `YYYY-MM-DD HH:MM:SS` or ISO 8601 [confirmed]; a
//! time without a zone is taken for UTC [unknown], since whose zone it would be is said nowhere.

use crate::{
    clock::Timestamp,
    simulators::unknowns::{LivestormUnknowns, UnsetTimes},
};
use chrono::NaiveDateTime;
use serde_json::{Value, json};

pub(super) fn written(at: Option<Timestamp>, unknowns: &LivestormUnknowns) -> Value {
    match (at, unknowns.unset_times) {
        (Some(at), _) => json!(at.seconds()),
        (None, UnsetTimes::Zero) => json!(0),
        (None, UnsetTimes::Null) => Value::Null,
    }
}

/// The last year that has four digits, which is as far as a calendar goes.
const YEAR_MAX: u64 = 253_402_300_799;

pub(super) fn read(text: &str) -> Option<Timestamp> {
    let plain = || {
        let forms = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%.f"];
        let at = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
        u64::try_from(at.and_utc().timestamp()).ok().map(Timestamp::from_seconds)
    };
    Timestamp::parse(text).or_else(plain).filter(|at| at.seconds() <= YEAR_MAX)
}

/// Whether it looks like `Europe/Paris` or `UTC`. Whether there is such a zone is not looked up.
pub(super) fn is_zone(text: &str) -> bool {
    let fits = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "_+-".contains(c))
    };
    text.len() <= 64 && text.split('/').all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_come_is_written_in_two_forms() {
        let at = Timestamp::parse("2026-11-28T10:30:00Z");
        let rows = [
            ("2026-11-28 10:30:00", at),
            ("2026-11-28T10:30:00", at),
            ("2026-11-28T10:30:00Z", at),
            ("2026-11-28T10:30:00.000Z", at),
            ("2026-11-28T11:30:00+01:00", at),
            ("2026-11-28", None),
            ("28/11/2026 10:30", None),
            ("1969-12-31 23:59:59", None),
            ("+262000-01-01T00:00:00Z", None),
            ("+12000-01-01 00:00:00", None),
            ("9999-12-31 23:59:59", Some(Timestamp::from_seconds(YEAR_MAX))),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_zone_has_the_form_of_one() {
        for (text, is) in [
            ("Europe/Paris", true),
            ("America/Argentina/Buenos_Aires", true),
            ("UTC", true),
            ("Etc/GMT+3", true),
            ("", false),
            ("Europe/", false),
            ("+01:00", false),
            ("Eu rope", false),
        ] {
            assert_eq!(is_zone(text), is, "{text}");
        }
    }
}
