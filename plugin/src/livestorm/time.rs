//! Epoch seconds, epoch milliseconds or ISO 8601; 0, null and an empty text all mean *not yet*.

use crate::{calendar, host::Instant};
use serde_json::Value;

/// Below: seconds (until the year 5138). From here on: milliseconds.
const MILLISECONDS_FROM: u64 = 100_000_000_000;
/// 9999-12-31T23:59:59.999Z. What lies beyond is no date of a webinar.
const LAST: u64 = 253_402_300_799_999;

/// The time of a value, or why it is none.
pub fn parse(value: Option<&Value>) -> Result<Option<Instant>, &'static str> {
    const WANTED: &str = "a time (epoch seconds or ISO 8601)";
    match value {
        None | Some(Value::Null) => Ok(None),
        // A fraction of a second is cut off.
        Some(Value::Number(number)) => whole(&number.to_string()).and_then(epoch).ok_or(WANTED),
        Some(Value::String(text)) => {
            let text = text.trim();
            if text.is_empty() {
                return Ok(None);
            }
            if let Some(number) = whole(text) {
                return epoch(number).ok_or(WANTED);
            }
            calendar::parse(text).map(|at| (at > 0).then_some(at)).ok_or(WANTED)
        }
        Some(_) => Err(WANTED),
    }
}

/// The whole part of a number written with digits.
fn whole(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    fraction.bytes().all(|byte| byte.is_ascii_digit()).then(|| whole.parse().ok())?
}

/// None: no time at all. `Some(None)`: not yet.
fn epoch(number: u64) -> Option<Option<Instant>> {
    let milliseconds = if number < MILLISECONDS_FROM { number * 1_000 } else { number };
    match milliseconds {
        0 => Some(None),
        within if within <= LAST => Some(Some(within)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// S1-11.
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

    /// S1-11.
    #[test]
    fn zero_null_and_nothing_mean_not_yet() {
        for value in [json!(0), json!(null), json!(""), json!("0"), json!(0.0), json!("1970-01-01T00:00:00Z")] {
            assert_eq!(parse(Some(&value)), Ok(None), "{value}");
        }
        assert_eq!(parse(None), Ok(None));
    }

    #[test]
    fn what_is_no_time_is_told() {
        for value in [
            json!(-5),
            json!("soon"),
            json!([]),
            json!({}),
            json!(true),
            json!(1e300),
            json!("NaN"),
            json!("1900-01-01T00:00:00Z"),
        ] {
            assert!(parse(Some(&value)).is_err(), "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_text_and_no_number_ends_it(text in ".*", number in any::<f64>()) {
            let _ = parse(Some(&json!(text)));
            if let Ok(Some(at)) = parse(Some(&json!(number))) {
                prop_assert!(at <= LAST);
            }
        }
    }
}
