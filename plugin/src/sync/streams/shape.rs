//! Values of a row as a record shows them: times in ISO 8601 UTC, numbers as numbers, null for what is not there.

use crate::{
    calendar,
    host::Instant,
    json::{self, At},
    livestorm::time,
    text::fit,
};
use serde_json::Value;

/// Titles and their like: far above what a form takes, far below what an entry of the state may hold.
const TEXT_BYTES_MAX: usize = 1_000;

pub fn text(at: &At<'_>, name: &str) -> Value {
    at.text_or_none(name).map_or(Value::Null, |text| fit(&text, TEXT_BYTES_MAX).into())
}

pub fn instant(at: &At<'_>, name: &str) -> Option<Instant> {
    time::parse(at.get(name)).ok().flatten()
}

pub fn time(at: Option<Instant>) -> Value {
    at.map_or(Value::Null, |at| format!("{}Z", calendar::iso(at)).into())
}

pub fn time_of(at: &At<'_>, name: &str) -> Value {
    time(instant(at, name))
}

/// A whole number.
pub fn count(at: &At<'_>, name: &str) -> Value {
    let text = at.text_or_none(name).unwrap_or_default();
    text.split('.').next().and_then(|whole| whole.parse::<u64>().ok()).map_or(Value::Null, Value::from)
}

/// A number as given, be it as text.
pub fn number(at: &At<'_>, name: &str) -> Value {
    let text = at.text_or_none(name).unwrap_or_default();
    json::parse(text.as_bytes()).ok().filter(Value::is_number).unwrap_or_default()
}

pub fn flag(at: &At<'_>, name: &str) -> Value {
    match at.text_or_none(name).as_deref() {
        Some("true") => true.into(),
        Some("false") => false.into(),
        _ => Value::Null,
    }
}
