//! What is paused. A task's time put off does not run meanwhile.

use crate::{
    clock::Timestamp,
    durable::{EngineError, TaskId, schedule},
};
use rusqlite::{Connection, OptionalExtension, params};

pub(super) fn paused(c: &Connection, installation: &str, key: &str) -> Result<bool, EngineError> {
    Ok(since(c, installation, None)?.is_some() || since(c, installation, Some(key))?.is_some())
}

/// Whether all of the installation is.
pub(super) fn is_whole(c: &Connection, installation: &str) -> Result<bool, EngineError> {
    Ok(since(c, installation, None)?.is_some())
}

fn since(c: &Connection, installation: &str, key: Option<&str>) -> Result<Option<Timestamp>, EngineError> {
    let at = c
        .prepare_cached("SELECT since FROM pause WHERE installation = ? AND whole = ? AND ordering_key = ?")?
        .query_row(params![installation, key.is_none(), key.unwrap_or_default()], |row| row.get(0))
        .optional()?;
    Ok(at)
}

/// Nothing happens where it is paused already.
pub(super) fn pause(c: &Connection, installation: &str, key: Option<&str>, now: Timestamp) -> Result<(), EngineError> {
    c.prepare_cached("INSERT OR IGNORE INTO pause (installation, whole, ordering_key, since) VALUES (?, ?, ?, ?)")?
        .execute(params![installation, key.is_none(), key.unwrap_or_default(), now])?;
    Ok(())
}

/// Nothing happens where it is not paused.
pub(super) fn resume(c: &Connection, installation: &str, key: Option<&str>, now: Timestamp) -> Result<(), EngineError> {
    let Some(began) = since(c, installation, key)? else { return Ok(()) };
    c.prepare_cached("DELETE FROM pause WHERE installation = ? AND whole = ? AND ordering_key = ?")?
        .execute(params![installation, key.is_none(), key.unwrap_or_default()])?;
    let whole = since(c, installation, None)?;
    let mut query = c.prepare_cached(
        "SELECT id, ordering_key, put_off_at FROM task WHERE installation = ?1 AND status IN ('waiting', 'running') \
         AND put_off_at IS NOT NULL AND (?2 IS NULL OR ordering_key = ?2)",
    )?;
    let rows = query.query_map(params![installation, key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    for row in rows.collect::<Result<Vec<_>, _>>()? {
        let (id, ordering_key, put_off_at): (TaskId, String, Timestamp) = row;
        let other = match key {
            Some(_) => whole,
            None => since(c, installation, Some(&ordering_key))?,
        };
        let moved = put_off_at.plus(schedule::paused(began, other, put_off_at, now));
        c.prepare_cached("UPDATE task SET put_off_at = ? WHERE installation = ? AND id = ?")?.execute(params![
            moved,
            installation,
            id
        ])?;
    }
    Ok(())
}
