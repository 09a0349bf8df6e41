//! Where a pass stands, as text. The envelope says whose cursor it is and how late it is; within it each source keeps what it
//! needs.
//!
//! Promises: a cursor that cannot be gone on with is refused with the reason and with what to do; nothing is read then.

use super::Halt;
use crate::{
    calendar::iso,
    host::{Instant, MINUTE},
    json,
    plain::{Plain, field},
    text::fit,
};
use serde_json::{Value, json};

/// How far the clock of whoever wrote it may be ahead of ours.
const AHEAD_MAX: u64 = 5 * MINUTE;

/// `at`: the latest time that stands in it.
pub fn write<P: Plain>(source: &str, at: Instant, of: &P) -> String {
    json::text(&json!({"source": source, "at": at, "of": of.write()}))
}

pub fn read<P: Plain>(source: &str, now: Instant, text: Option<&str>) -> Result<Option<P>, Halt> {
    let Some(text) = text else { return Ok(None) };
    let value = json::parse(text.as_bytes()).map_err(|why| refused(source, &format!("it is not JSON ({why})")))?;
    match value.get("source").and_then(Value::as_str) {
        Some(own) if own == source => {}
        Some(other) => return Err(refused(source, &format!("it is of the source {}", fit(other, 64)))),
        None => return Err(refused(source, "it names no source")),
    }
    let at: Instant = field(&value, "at").map_err(|_| refused(source, "it has no time"))?;
    if at > now + AHEAD_MAX {
        return Err(refused(source, &format!("it lies in the future, at {}Z", iso(at))));
    }
    field(&value, "of").map(Some).map_err(|name| refused(source, &format!("`{name}` in it is wrong")))
}

fn refused(source: &str, why: &str) -> Halt {
    Halt::BadCursor(format!(
        "The cursor cannot be used for {source}: {why}. Nothing was read. Give the state that the last pass of {source} left, or \
         begin anew with a full pass."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Place {
        page: u64,
    }

    plain!(Place { page });

    const NOW: Instant = 1_795_359_600_000;

    fn read(text: &str) -> Result<Option<Place>, Halt> {
        super::read("people", NOW, Some(text))
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(read(&write("people", NOW, &Place { page: 3 })), Ok(Some(Place { page: 3 })));
        assert_eq!(super::read::<Place>("people", NOW, None), Ok(None));
    }

    #[test]
    fn what_cannot_be_gone_on_with_says_why_and_what_to_do() {
        let cut = write("people", NOW, &Place { page: 3 });
        let rows = [
            (write("events", NOW, &Place { page: 3 }), "it is of the source events"),
            (write("people", NOW + AHEAD_MAX + 1, &Place { page: 3 }), "it lies in the future, at 2026-11-22T15:05:00"),
            (cut[..cut.len() - 4].to_string(), "it is not JSON"),
            (r#"{"at": 1, "of": {"page": 1}}"#.into(), "it names no source"),
            (r#"{"source": "people", "of": {"page": 1}}"#.into(), "it has no time"),
            (r#"{"source": "people", "at": 1, "of": {"page": "x"}}"#.into(), "`page` in it is wrong"),
        ];
        for (text, expected) in rows {
            let Err(Halt::BadCursor(why)) = read(&text) else { panic!("{text}") };
            assert!(why.contains(expected) && why.contains("begin anew with a full pass"), "{why}");
        }
    }
}
