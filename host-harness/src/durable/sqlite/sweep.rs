//! What is over goes after its time, chunk by chunk: between two of them others write.

use super::{Shared, columns::Count};
use crate::{
    clock::Timestamp,
    durable::{EngineError, Retention, Swept},
};
use rusqlite::{Connection, params};

/// Rows that one write deletes at most, and of recordings so many bytes, but for one that alone has more.
const ROWS: u64 = 1_000;
const BYTES: u64 = 8 << 20;

pub(super) async fn sweep(shared: &Shared, installation: &str, keep: &Retention) -> Result<Swept, EngineError> {
    let now = shared.drive.clock.now();
    let (name, keep) = (installation.to_string(), keep.clone());
    let done = ended(shared, &name, "done", now.minus(shared.drive.limits.dedupe_retention)).await?;
    let dead = ended(shared, &name, "dead", now.minus(keep.dead)).await?;
    let of = name.clone();
    let too_much = shared.store.read(move |c| too_much(c, &of, keep.journal_bytes_max)).await?;
    let runs = runs(shared, &name, now.minus(keep.runs).max(too_much)).await?;
    let lines = told(shared, &name, "log", now.minus(keep.log), keep.lines_max).await?;
    let changes = told(shared, &name, "change", now.minus(keep.log), keep.lines_max).await?;
    // Where somebody reads just now, the next sweep does it.
    shared.store.truncate_log().await?;
    Ok(Swept { done, dead, runs, lines, changes })
}

/// Until a chunk is not full.
async fn in_chunks<F>(shared: &Shared, chunk: F) -> Result<u64, EngineError>
where
    F: Fn(&Connection) -> Result<(u64, bool), EngineError> + Clone + Send + 'static,
{
    let mut all = 0;
    loop {
        let (deleted, more) = shared.store.write(chunk.clone()).await?;
        all += deleted;
        if !more {
            return Ok(all);
        }
    }
}

async fn ended(
    shared: &Shared,
    installation: &str,
    status: &'static str,
    until: Timestamp,
) -> Result<u64, EngineError> {
    let name = installation.to_string();
    let chunk = move |c: &Connection| {
        let sql = "DELETE FROM task WHERE id IN (SELECT id FROM task WHERE installation = ? AND status = ? \
                   AND ended_at <= ? LIMIT ?)";
        let deleted = c.prepare_cached(sql)?.execute(params![name, status, until, Count(ROWS)])? as u64;
        Ok((deleted, deleted == ROWS))
    };
    in_chunks(shared, chunk).await
}

/// When the newest ended of those that are too much; those that ended before are so too.
fn too_much(c: &Connection, installation: &str, bytes_max: u64) -> Result<Timestamp, EngineError> {
    let sql = "SELECT COALESCE(MAX(ended_at), 0) FROM (SELECT ended_at, SUM(bytes) OVER (ORDER BY ended_at DESC, id DESC) \
               AS bytes FROM run WHERE installation = ? AND ended_at IS NOT NULL) WHERE bytes > ?";
    Ok(c.prepare_cached(sql)?.query_row(params![installation, Count(bytes_max)], |row| row.get(0))?)
}

async fn runs(shared: &Shared, installation: &str, until: Timestamp) -> Result<u64, EngineError> {
    let name = installation.to_string();
    let chunk = move |c: &Connection| {
        let sql = "SELECT id, bytes FROM run WHERE installation = ? AND ended_at <= ? ORDER BY ended_at LIMIT ?";
        let mut query = c.prepare_cached(sql)?;
        let over = query.query_map(params![name, until, Count(ROWS)], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let over: Vec<(Count, Count)> = over.collect::<Result<_, _>>()?;
        let (mut deleted, mut bytes) = (0, 0);
        for (run, size) in &over {
            bytes += size.0;
            if deleted > 0 && bytes > BYTES {
                break;
            }
            delete_run(c, &name, run.0)?;
            deleted += 1;
        }
        Ok((deleted, deleted < over.len() as u64 || deleted == ROWS))
    };
    in_chunks(shared, chunk).await
}

/// One that has ended.
pub(super) fn delete_run(c: &Connection, installation: &str, run: u64) -> Result<(), EngineError> {
    c.prepare_cached("DELETE FROM journal WHERE installation = ? AND run = ?")?
        .execute(params![installation, Count(run)])?;
    c.prepare_cached("UPDATE task SET run = NULL WHERE installation = ? AND run = ? AND status = 'waiting'")?
        .execute(params![installation, Count(run)])?;
    c.prepare_cached("DELETE FROM run WHERE installation = ? AND id = ?")?
        .execute(params![installation, Count(run)])?;
    Ok(())
}

/// Lines of the run log or changes: those that are too old, then those beyond the newest.
async fn told(
    shared: &Shared,
    installation: &str,
    table: &'static str,
    until: Timestamp,
    lines_max: u64,
) -> Result<u64, EngineError> {
    let name = installation.to_string();
    let delete = move |c: &Connection, which: &str, bound: u64| {
        let sql = format!(
            "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE installation = ? AND {which} <= ? LIMIT ?)"
        );
        let deleted = c.prepare_cached(&sql)?.execute(params![name, Count(bound), Count(ROWS)])? as u64;
        Ok((deleted, deleted == ROWS))
    };
    let too_old = delete.clone();
    let old = in_chunks(shared, move |c| too_old(c, "at", until.0)).await?;
    let of = installation.to_string();
    let beyond = shared.store.read(move |c| {
        let sql = format!(
            "SELECT COALESCE((SELECT id FROM {table} WHERE installation = ? ORDER BY id DESC LIMIT 1 OFFSET ?), 0)"
        );
        Ok(c.prepare_cached(&sql)?.query_row(params![of, Count(lines_max)], |row| row.get::<_, Count>(0))?)
    });
    let beyond = beyond.await?.0;
    Ok(old + in_chunks(shared, move |c| delete(c, "id", beyond)).await?)
}
