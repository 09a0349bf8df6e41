//! What a stream has found, one entry a record, with the pass in which it changed; and the telling of what changed.
//!
//! Promises: what is found as it was is not written and not told; each record that changed after a time is told once, the
//! last state of it; a page of rows has a bound.

use super::{Stream, pass::Pass, people};
use crate::{
    host::{Entry, Instant, Row, RowChange},
    json::{self, object},
    work::Work,
};
use serde_json::Value;

pub const PREFIX: &str = "record/";
/// Rows of a page, and their bytes: far below what one call may return (4 MiB).
const ROWS_MAX: usize = 300;
const BYTES_MAX: usize = 1 << 20;
/// Entries of a page that are looked through, most of which have not changed.
const LOOKED_AT_MAX: usize = 5_000;
/// Fetched at once: an entry may have 64 KiB, the guest's memory 64 MiB.
const SCAN: u32 = 250;

pub fn key(id: &str) -> String {
    format!("{PREFIX}{id}")
}

/// What is found of a record of events or sessions now; null: it is not in Livestorm any more. Records of people are put
/// together when they are told (`people.rs`).
pub fn put(work: &Work<'_>, pass: &mut Pass, id: &str, value: Value) {
    let known = work.host.get(&key(id)).and_then(|text| json::parse(text.as_bytes()).ok());
    if known.as_ref().and_then(|known| known.get("value")).unwrap_or(&Value::Null) != &value {
        let record = object(vec![("changed_in", pass.started.into()), ("value", value)]);
        work.host.set(Entry { key: key(id), value: json::text(&record), subject: None });
        pass.changed_in = pass.started;
    }
}

/// Rows of what changed after `done`, beyond the key `told`. None with them: these are the last.
pub fn changed(work: &Work<'_>, stream: Stream, done: Instant, told: &str) -> (Vec<Row>, Option<String>) {
    let (mut rows, mut bytes, mut looked_at, mut last) = (Vec::new(), 0, 0, told.to_string());
    for entry in after(work, PREFIX, told) {
        if rows.len() >= ROWS_MAX || bytes >= BYTES_MAX || looked_at >= LOOKED_AT_MAX {
            return (rows, Some(last));
        }
        let value = json::parse(entry.value.as_bytes()).unwrap_or_default();
        if value.get("changed_in").and_then(Value::as_u64).is_some_and(|at| at > done) {
            let row = match stream {
                Stream::People => people::row(work, &value),
                Stream::Events | Stream::Sessions => row(&entry.key, &value),
            };
            bytes += row.value.len();
            rows.push(row);
        }
        looked_at += 1;
        last = entry.key;
    }
    (rows, None)
}

fn row(key: &str, record: &Value) -> Row {
    match record.get("value") {
        Some(value @ Value::Object(_)) => Row { change: RowChange::Upsert, value: json::text(value) },
        _ => deleted("id", key.strip_prefix(PREFIX).unwrap_or_default()),
    }
}

pub fn deleted(name: &str, value: &str) -> Row {
    Row { change: RowChange::Delete, value: json::text(&object(vec![(name, value.into())])) }
}

/// Entries below a prefix that were not seen, by the last part of their key.
pub fn unseen(work: &Work<'_>, prefix: &str, is_seen: impl Fn(&str) -> bool) -> Vec<Entry> {
    let last_part = |entry: &Entry| entry.key.rsplit('/').next().is_some_and(&is_seen);
    after(work, prefix, "").filter(|entry| !last_part(entry)).collect()
}

/// Entries below a prefix, after a key; fetched as they are needed.
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
