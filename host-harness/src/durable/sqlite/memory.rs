//! The memory of ordering keys in the file, and how much of it there is.

use super::columns::Count;
use crate::{
    durable::{
        EngineError,
        state::{Usage, size, written_key},
    },
    effect::{Entry, Subject, Write},
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeMap;

pub(super) fn usage(c: &Connection, installation: &str) -> Result<Usage, EngineError> {
    let usage = c
        .prepare_cached("SELECT entries, bytes FROM state_usage WHERE installation = ?")?
        .query_row([installation], |row| {
            Ok(Usage { entries: row.get::<_, Count>(0)?.0, bytes: row.get::<_, Count>(1)?.0 })
        })
        .optional()?;
    Ok(usage.unwrap_or_default())
}

pub(super) fn get(
    c: &Connection,
    installation: &str,
    ordering_key: &str,
    key: &str,
) -> Result<Option<String>, EngineError> {
    Ok(c.prepare_cached("SELECT value FROM state WHERE installation = ? AND ordering_key = ? AND key = ?")?
        .query_row([installation, ordering_key, key], |row| row.get(0))
        .optional()?)
}

pub(super) fn size_of(
    c: &Connection,
    installation: &str,
    ordering_key: &str,
    key: &str,
) -> Result<Option<u64>, EngineError> {
    let sql = "SELECT octet_length(key) + octet_length(value) FROM state \
               WHERE installation = ? AND ordering_key = ? AND key = ?";
    let size = c.prepare_cached(sql)?.query_row([installation, ordering_key, key], |row| row.get::<_, Count>(0));
    Ok(size.optional()?.map(|size| size.0))
}

/// In the order of the keys' bytes.
pub(super) fn scan(
    c: &Connection,
    installation: &str,
    ordering_key: &str,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Entry>, EngineError> {
    let mut query = c.prepare_cached(
        "SELECT key, value, subject_kind, subject_id FROM state WHERE installation = ?1 AND ordering_key = ?2 \
         AND key >= ?3 AND (?4 IS NULL OR key > ?4) ORDER BY key LIMIT ?5",
    )?;
    let rows = query.query_map(params![installation, ordering_key, prefix, after, Count(limit as u64)], entry)?;
    let within = |row: &rusqlite::Result<Entry>| row.as_ref().map_or(true, |entry| entry.key.starts_with(prefix));
    Ok(rows.take_while(within).collect::<Result<_, _>>()?)
}

/// Entries of all ordering keys, each with its own, after the place `after`.
pub(super) fn page(
    c: &Connection,
    installation: &str,
    after: &(String, String),
    limit: u64,
) -> Result<Vec<(String, Entry)>, EngineError> {
    let mut query = c.prepare_cached(
        "SELECT key, value, subject_kind, subject_id, ordering_key FROM state WHERE installation = ? \
         AND (ordering_key, key) > (?, ?) ORDER BY ordering_key, key LIMIT ?",
    )?;
    let (ordering_key, key) = after;
    let rows = query
        .query_map(params![installation, ordering_key, key, Count(limit)], |row| Ok((row.get(4)?, entry(row)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn entry(row: &Row) -> rusqlite::Result<Entry> {
    let subject = match (row.get(2)?, row.get(3)?) {
        (Some(kind), Some(id)) => Some(Subject { kind, id }),
        _ => None,
    };
    Ok(Entry { key: row.get(0)?, value: row.get(1)?, subject })
}

/// Of several writes to one key only the last is left to see.
pub(super) fn apply(
    c: &Connection,
    installation: &str,
    ordering_key: &str,
    writes: &[Write],
) -> Result<(), EngineError> {
    let last: BTreeMap<&str, &Write> = writes.iter().map(|write| (written_key(write), write)).collect();
    if last.is_empty() {
        return Ok(());
    }
    let mut usage = usage(c, installation)?;
    for (key, write) in last {
        let before = size_of(c, installation, ordering_key, key)?;
        match write {
            Write::Set(entry) => {
                usage = usage.replaced(before, Some(size(entry)));
                let sql = "INSERT INTO state (installation, ordering_key, key, value, subject_kind, subject_id) \
                           VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value, \
                           subject_kind = excluded.subject_kind, subject_id = excluded.subject_id";
                c.prepare_cached(sql)?.execute(params![
                    installation,
                    ordering_key,
                    entry.key,
                    entry.value,
                    entry.subject.as_ref().map(|s| &s.kind),
                    entry.subject.as_ref().map(|s| &s.id),
                ])?;
            }
            Write::Delete(key) => {
                usage = usage.replaced(before, None);
                c.prepare_cached("DELETE FROM state WHERE installation = ? AND ordering_key = ? AND key = ?")?
                    .execute([installation, ordering_key, key])?;
            }
        }
    }
    c.prepare_cached(
        "INSERT INTO state_usage (installation, entries, bytes) VALUES (?, ?, ?) \
         ON CONFLICT DO UPDATE SET entries = excluded.entries, bytes = excluded.bytes",
    )?
    .execute(params![installation, Count(usage.entries), Count(usage.bytes)])?;
    Ok(())
}
