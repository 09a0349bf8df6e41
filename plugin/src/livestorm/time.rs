//! Epoch seconds, epoch milliseconds or ISO 8601; 0, null and an empty text all mean *not yet*.

use crate::host::Instant;
use chrono::{DateTime, NaiveDateTime};
use serde_json::Value;

/// Below: seconds (until the year 5138). From here on: milliseconds.
const MILLISECONDS_FROM: f64 = 1e11;
/// 9999-12-31T23:59:59.999Z. What lies beyond is no date of a webinar.
const LAST: f64 = 253_402_300_799_999.0;

/// The time of a value, or why it is none.
pub fn parse(value: Option<&Value>) -> Result<Option<Instant>, &'static str> {
    const WANTED: &str = "a time (epoch seconds or ISO 8601)";
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => number.as_f64().map_or(Err(WANTED), |number| epoch(number).ok_or(WANTED)),
        Some(Value::String(text)) => {
            let text = text.trim();
            if text.is_empty() {
                return Ok(None);
            }
            if let Ok(number) = text.parse::<f64>() {
                return epoch(number).ok_or(WANTED);
            }
            iso(text).map(|at| (at > 0).then_some(at)).ok_or(WANTED)
        }
        Some(_) => Err(WANTED),
    }
}

/// None: no time at all. `Some(None)`: not yet.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
fn epoch(number: f64) -> Option<Option<Instant>> {
    if !number.is_finite() || number < 0.0 {
        return None;
    }
    let milliseconds = if number < MILLISECONDS_FROM { number * 1_000.0 } else { number };
    match milliseconds {
        0.0 => Some(None),
        within if within <= LAST => Some(Some(within.round() as Instant)),
        _ => None,
    }
}

/// ISO 8601 with `Z`, `+00:00` or `+0000`; without a zone it is UTC.
pub fn iso(text: &str) -> Option<Instant> {
    let zoned = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"));
    let milliseconds = match zoned {
        Ok(at) => at.timestamp_millis(),
        Err(_) => NaiveDateTime::parse_from_str(&text.replacen(' ', "T", 1), "%Y-%m-%dT%H:%M:%S%.f")
            .ok()?
            .and_utc()
            .timestamp_millis(),
    };
    Instant::try_from(milliseconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn every_form_of_the_same_moment_is_the_same() {
        let at = Ok(Some(1_645_459_200_000));
        for value in [
            json!(1_645_459_200),
            json!("1645459200"),
            json!(1_645_459_200_000_u64),
            json!(1_645_459_200.0),
            json!("2022-02-21T16:00:00.000Z"),
            json!("2022-02-21T17:00:00+01:00"),
            json!("2022-02-21T16:00:00.000+0000"),
            json!("2022-02-21 16:00:00"),
        ] {
            assert_eq!(parse(Some(&value)), at, "{value}");
        }
    }

    #[test]
    fn zero_null_and_nothing_mean_not_yet() {
        for value in [json!(0), json!(null), json!(""), json!("0"), json!(0.0), json!("1970-01-01T00:00:00Z")] {
            assert_eq!(parse(Some(&value)), Ok(None), "{value}");
        }
        assert_eq!(parse(None), Ok(None));
    }

    #[test]
    fn what_is_no_time_is_told() {
        for value in [json!(-5), json!("soon"), json!([]), json!({}), json!(true), json!(1e300), json!("NaN"), json!("1900-01-01T00:00:00Z")] {
            assert!(parse(Some(&value)).is_err(), "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_text_and_no_number_ends_it(text in ".*", number in any::<f64>()) {
            let _ = parse(Some(&json!(text)));
            if let Ok(Some(at)) = parse(Some(&json!(number))) {
                prop_assert!(at as f64 <= LAST);
            }
        }
    }
}
