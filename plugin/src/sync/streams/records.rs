//! What a stream has found, one entry a record, with the pass in which it changed; and the telling of what changed.
//!
//! Promises: what is found as it was is not written and not told; each record that changed after a time is told once, the
//! last state of it; a page of rows has a bound.

use super::{Stream, pass::Pass, people};
use crate::{
    host::{Entry, Instant, Row, RowChange},
    json::{self, object},
    plain::{Plain, from_text, to_text},
    work::Work,
};
use serde_json::Value;

pub const PREFIX: &str = "record/";
/// Rows of a page, and their bytes: far below what one call may return (4 MiB).
const ROWS_MAX: usize = 300;
const BYTES_MAX: usize = 1 << 20;
/// Entries of a page that are looked through, most of which have not changed.
const SCANS_MAX: usize = 5;
const SCAN: u32 = 1_000;

/// A record of events or sessions. Those of people are put together when they are told (`people.rs`).
#[derive(Debug, PartialEq)]
struct Record {
    /// JSON. None: it is not in Livestorm any more.
    value: Option<String>,
    changed_in: Instant,
}

plain!(Record { value, changed_in });

pub fn key(id: &str) -> String {
    format!("{PREFIX}{id}")
}

/// What is found of a record now.
pub fn put(work: &Work<'_>, pass: &mut Pass, id: &str, value: Option<&Value>) {
    let value = value.map(json::text);
    let known: Option<Record> = work.host.get(&key(id)).and_then(|text| from_text(&text).ok());
    if known.map_or(value.is_some(), |known| known.value != value) {
        let record = Record { value, changed_in: pass.started };
        work.host.set(Entry { key: key(id), value: to_text(&record), subject: None });
        pass.changed_in = pass.started;
    }
}

/// Rows of what changed after `done`, beyond the key `told`. None with them: these are the last.
pub fn changed(work: &Work<'_>, stream: Stream, done: Instant, told: &str) -> (Vec<Row>, Option<String>) {
    let (mut rows, mut bytes, mut told) = (Vec::new(), 0, told.to_string());
    for _ in 0..SCANS_MAX {
        let entries = work.host.scan(PREFIX, Some(told.as_str()).filter(|told| !told.is_empty()), SCAN);
        let is_last = entries.len() < SCAN as usize;
        for entry in entries {
            let value = json::parse(entry.value.as_bytes()).unwrap_or_default();
            if value.get("changed_in").and_then(Value::as_u64).is_some_and(|at| at > done) {
                let row = match stream {
                    Stream::People => people::row(work, &value),
                    Stream::Events | Stream::Sessions => row(&entry.key, &value),
                };
                bytes += row.value.len();
                rows.push(row);
            }
            told = entry.key;
            if rows.len() >= ROWS_MAX || bytes >= BYTES_MAX {
                return (rows, Some(told));
            }
        }
        if is_last {
            return (rows, None);
        }
    }
    (rows, Some(told))
}

fn row(key: &str, record: &Value) -> Row {
    match Record::read(record).ok().and_then(|record| record.value) {
        Some(value) => Row { change: RowChange::Upsert, value },
        None => deleted("id", key.strip_prefix(PREFIX).unwrap_or_default()),
    }
}

pub fn deleted(name: &str, value: &str) -> Row {
    Row { change: RowChange::Delete, value: json::text(&object(vec![(name, value.into())])) }
}

/// Every entry below a prefix.
pub fn all(work: &Work<'_>, prefix: &str) -> Vec<Entry> {
    after(work, prefix, "").collect()
}

/// Those after a key, fetched as they are needed.
pub fn after<'a>(work: &'a Work<'_>, prefix: &'a str, key: &str) -> impl Iterator<Item = Entry> + 'a {
    let (mut last, mut is_over, mut fetched) = (key.to_string(), false, Vec::new().into_iter());
    std::iter::from_fn(move || {
        if fetched.len() == 0 && !is_over {
            let entries = work.host.scan(prefix, Some(last.as_str()).filter(|key| !key.is_empty()), SCAN);
            is_over = entries.len() < SCAN as usize;
            fetched = entries.into_iter();
        }
        let entry: Entry = fetched.next()?;
        last.clone_from(&entry.key);
        Some(entry)
    })
}
