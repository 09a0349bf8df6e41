//! Tasks in the file: accepted, read, and moved from one stand to the next. Every move goes through [`run::next`].

use super::{
    columns::{Count, from_json, lane_of, status_of, status_text},
    forget, pauses, runs,
};
use crate::{
    clock::Timestamp,
    durable::{
        Accepted, Counts, EngineError, EngineLimits, KeptTask, SYNC, TaskFilter, TaskId, TaskStatus, dead_letter,
        journal::written,
        run::{self, Event, Life, Part},
        schedule::{Key, Next},
    },
    effect::{Assignment, Failure, Lane, Line, RunId, Subject, Task},
};
use rusqlite::{Connection, OptionalExtension, Row, params};

const COLUMNS: &str = "id, ordering_key, kind, payload, dedupe_key, lane, not_before, title, subject_kind, subject_id, \
                       generation, admitted_at, repeats, status, attempt, due, waiting_for, wake_on, failure, run";
const LIFE: &str = "id, status, attempt, due, waiting_for, wake_on, put_off_at, part, failure, ended_at";

/// Accepts a task from outside.
pub(super) fn accept(
    c: &Connection,
    installation: &str,
    task: &Task,
    now: Timestamp,
    limits: &EngineLimits,
) -> Result<Accepted, EngineError> {
    keep(c, installation, task, 0, None, now, limits)
}

/// Keeps what a run gave. What may not run is a dead letter from the start; nothing is lost without a word.
pub(super) fn follow_up(
    c: &Connection,
    installation: &str,
    task: &Task,
    generation: u32,
    now: Timestamp,
    limits: &EngineLimits,
) -> Result<Accepted, EngineError> {
    let failure = dead_letter::from_the_start(task, generation, limits);
    keep(c, installation, task, generation, failure, now, limits)
}

fn keep(
    c: &Connection,
    installation: &str,
    task: &Task,
    generation: u32,
    failure: Option<Failure>,
    now: Timestamp,
    limits: &EngineLimits,
) -> Result<Accepted, EngineError> {
    if forget::turned_away(c, installation, task.subject.as_ref(), now)? {
        return Ok(Accepted::Forgotten);
    }
    if let Some(id) = same(c, installation, task, now, limits)? {
        c.prepare_cached("UPDATE task SET repeats = repeats + 1 WHERE installation = ? AND id = ?")?
            .execute(params![installation, id])?;
        return Ok(Accepted::Already(id));
    }
    let status = if failure.is_some() { TaskStatus::Dead } else { TaskStatus::Waiting };
    let due = task.not_before.unwrap_or(now).max(now);
    c.prepare_cached(
        "INSERT INTO task (installation, ordering_key, kind, payload, dedupe_key, lane, not_before, title, \
         subject_kind, subject_id, generation, admitted_at, repeats, status, attempt, due, failure, ended_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0, ?13, 1, ?14, ?15, ?16)",
    )?
    .execute(params![
        installation,
        task.ordering_key,
        task.kind,
        task.payload,
        task.dedupe_key,
        match task.lane {
            Lane::Prompt => 0,
            Lane::Bulk => 1,
        },
        task.not_before,
        task.title,
        task.subject.as_ref().map(|s| &s.kind),
        task.subject.as_ref().map(|s| &s.id),
        generation,
        now,
        status_text(status),
        due,
        failure.as_ref().map(written).transpose()?,
        failure.as_ref().map(|_| now),
    ])?;
    let id = TaskId(c.last_insert_rowid().unsigned_abs());
    if let Some(failure) = failure {
        tell_dead(c, installation, None, &task.title, task.subject.clone(), &failure, now)?;
    }
    Ok(Accepted::New(id))
}

/// A dead letter does not count: the same work may come again. Nor does a pass of a source that is over.
fn same(
    c: &Connection,
    installation: &str,
    task: &Task,
    now: Timestamp,
    limits: &EngineLimits,
) -> Result<Option<TaskId>, EngineError> {
    // Whatever the clock did meanwhile.
    let since = if task.kind == SYNC { Timestamp::MAX } else { now.minus(limits.dedupe_retention) };
    let id = c
        .prepare_cached(
            "SELECT id FROM task WHERE installation = ?1 AND dedupe_key = ?2 \
             AND (status IN ('waiting', 'running') OR status = 'done' AND ended_at > ?3) ORDER BY id DESC LIMIT 1",
        )?
        .query_row(params![installation, task.dedupe_key, since], |row| row.get(0))
        .optional()?;
    Ok(id)
}

pub(super) fn life(c: &Connection, installation: &str, task: TaskId) -> Result<Life, EngineError> {
    c.prepare_cached(&format!("SELECT {LIFE} FROM task WHERE installation = ? AND id = ?"))?
        .query_row(params![installation, task], |row| Ok(read_life(row)))
        .optional()?
        .ok_or_else(|| EngineError::Unknown(format!("task {task}")))?
}

fn read_life(row: &Row) -> Result<Life, EngineError> {
    let failure: Option<String> = row.get("failure")?;
    Ok(Life {
        id: row.get("id")?,
        status: status_of(&row.get::<_, String>("status")?)?,
        attempt: row.get("attempt")?,
        due: row.get("due")?,
        waiting_for: row.get("waiting_for")?,
        wake_on: row.get("wake_on")?,
        put_off_at: row.get("put_off_at")?,
        part: row.get::<_, Option<i64>>("part")?.map(Part),
        failure: failure.as_deref().map(from_json).transpose()?,
        ended_at: row.get("ended_at")?,
    })
}

/// Moves a task on. A new dead letter is told in the customer's log.
pub(super) fn step(
    c: &Connection,
    installation: &str,
    task: TaskId,
    event: Event,
    now: Timestamp,
    limits: &EngineLimits,
) -> Result<TaskStatus, EngineError> {
    let life = life(c, installation, task)?;
    let next = run::next(life, event, now, limits).map_err(|e| EngineError::Corrupt(e.to_string()))?;
    c.prepare_cached(
        "UPDATE task SET status = ?3, attempt = ?4, due = ?5, waiting_for = ?6, wake_on = ?7, put_off_at = ?8, \
         part = ?9, failure = ?10, ended_at = ?11 WHERE installation = ?1 AND id = ?2",
    )?
    .execute(params![
        installation,
        task,
        status_text(next.status),
        next.attempt,
        next.due,
        next.waiting_for,
        next.wake_on,
        next.put_off_at,
        next.part.map(|p| p.0),
        next.failure.as_ref().map(written).transpose()?,
        next.ended_at,
    ])?;
    if next.status == TaskStatus::Dead
        && let Some(failure) = &next.failure
    {
        let kept = one(c, installation, task)?;
        tell_dead(c, installation, kept.run, &kept.task.title, kept.task.subject, failure, now)?;
    }
    Ok(next.status)
}

pub(super) fn delete(c: &Connection, installation: &str, task: TaskId) -> Result<(), EngineError> {
    c.prepare_cached("DELETE FROM task WHERE installation = ? AND id = ?")?.execute(params![installation, task])?;
    Ok(())
}

/// What it held is of no use any more.
pub(super) fn empty(c: &Connection, installation: &str, task: TaskId) -> Result<(), EngineError> {
    c.prepare_cached("UPDATE task SET payload = '' WHERE installation = ? AND id = ?")?
        .execute(params![installation, task])?;
    Ok(())
}

/// What an assignment's task holds, as long as it is kept.
pub(super) fn body(c: &Connection, installation: &str, of: &Assignment) -> Result<Option<String>, EngineError> {
    let sql = "SELECT payload FROM task WHERE installation = ? AND dedupe_key = ? AND admitted_at = ? \
               AND payload <> '' ORDER BY id DESC LIMIT 1";
    let body = c
        .prepare_cached(sql)?
        .query_row(params![installation, of.task.dedupe_key, of.admitted_at], |row| row.get(0))
        .optional()?;
    Ok(body)
}

fn tell_dead(
    c: &Connection,
    installation: &str,
    run: Option<RunId>,
    title: &str,
    subject: Option<Subject>,
    failure: &Failure,
    now: Timestamp,
) -> Result<(), EngineError> {
    tell(c, installation, run, now, &dead_letter::line(title, subject, failure))
}

pub(super) fn tell(
    c: &Connection,
    installation: &str,
    run: Option<RunId>,
    at: Timestamp,
    line: &Line,
) -> Result<(), EngineError> {
    c.prepare_cached("INSERT INTO log (installation, run, at, line) VALUES (?, ?, ?, ?)")?.execute(params![
        installation,
        run,
        at,
        written(line)?
    ])?;
    Ok(())
}

/// The key's due tasks, in the order in which they go: by lane, then by age.
pub(super) fn due(
    c: &Connection,
    installation: &str,
    key: &str,
    now: Timestamp,
    max: usize,
) -> Result<Vec<(TaskId, Lane, Option<Part>)>, EngineError> {
    let mut query = c.prepare_cached(
        "SELECT id, lane, part FROM task WHERE installation = ? AND ordering_key = ? AND status = 'waiting' \
         AND due <= ? ORDER BY lane, id LIMIT ?",
    )?;
    let rows = query.query_map(params![installation, key, now, Count(max as u64)], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?, row.get::<_, Option<i64>>(2)?.map(Part)))
    })?;
    rows.map(|row| row.map_err(EngineError::from).and_then(|(id, lane, part)| Ok((id, lane_of(lane)?, part)))).collect()
}

/// Tasks that were put off for too long and whose time has not come: those that are due are run once more first.
pub(super) fn overdue(
    c: &Connection,
    installation: &str,
    key: &str,
    now: Timestamp,
    limits: &EngineLimits,
) -> Result<Vec<TaskId>, EngineError> {
    let mut query = c.prepare_cached(
        "SELECT id FROM task WHERE installation = ? AND ordering_key = ? AND status = 'waiting' AND due > ? \
         AND put_off_at IS NOT NULL AND put_off_at <= ?",
    )?;
    // A clock that began with 1970 (tests do that) has no such past.
    let Some(since) = now.0.checked_sub(u64::try_from(limits.give_up.as_millis()).unwrap_or(u64::MAX)) else {
        return Ok(vec![]);
    };
    let rows = query.query_map(params![installation, key, now, Timestamp(since)], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// When the key has something to do next. While it is paused that is nothing but to end a run that was cut off.
pub(super) fn next_at(
    c: &Connection,
    installation: &str,
    key: &str,
    limits: &EngineLimits,
) -> Result<Option<Next>, EngineError> {
    if runs::open_of(c, installation, key)?.is_some() {
        return Ok(Some(Next::prompt(Timestamp(0))));
    }
    if super::pauses::paused(c, installation, key)? {
        return Ok(None);
    }
    let least = |column: &str, which: &str| -> Result<Option<Timestamp>, EngineError> {
        let sql = format!(
            "SELECT MIN({column}) FROM task WHERE installation = ? AND ordering_key = ? AND status = 'waiting' AND {which}"
        );
        Ok(c.prepare_cached(&sql)?.query_row(params![installation, key], |row| row.get(0))?)
    };
    let gives_up = least("put_off_at", "put_off_at IS NOT NULL")?.map(|at| at.plus(limits.give_up));
    let (due, prompt_at) = (least("due", "true")?, least("due", "lane = 0")?);
    Ok([due, gives_up].into_iter().flatten().min().map(|at| Next { at, prompt_at }))
}

/// Keys in which something waits or a run is open; of all installations where none is named. Runs come first.
pub(super) fn keys_with_work(c: &Connection, installation: Option<&str>) -> Result<Vec<Key>, EngineError> {
    let mut query = c.prepare_cached(
        "SELECT installation, ordering_key FROM \
         (SELECT installation, ordering_key, id AS run FROM run \
          WHERE ended_at IS NULL AND (?1 IS NULL OR installation = ?1) \
          UNION ALL SELECT DISTINCT installation, ordering_key, NULL FROM task \
          WHERE status = 'waiting' AND (?1 IS NULL OR installation = ?1)) ORDER BY run NULLS LAST",
    )?;
    let rows = query.query_map([installation], |row| Ok(Key { installation: row.get(0)?, key: row.get(1)? }))?;
    let keys = rows.map(|row| row.map_err(EngineError::from));
    // A name that is not text can be given to nobody, and must keep nobody from going on.
    keys.filter(|key| !matches!(key, Err(EngineError::Corrupt(_)))).collect()
}

/// Tasks of the same key that wait for one of these words.
pub(super) fn to_wake(c: &Connection, installation: &str, key: &str, word: &str) -> Result<Vec<TaskId>, EngineError> {
    let mut query = c.prepare_cached(
        "SELECT id FROM task WHERE installation = ? AND ordering_key = ? AND status = 'waiting' AND wake_on = ?",
    )?;
    let rows = query.query_map(params![installation, key, word], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Another task for the same work that waits or runs.
pub(super) fn twin(c: &Connection, installation: &str, task: &KeptTask) -> Result<Option<TaskId>, EngineError> {
    let id = c
        .prepare_cached(
            "SELECT id FROM task WHERE installation = ? AND dedupe_key = ? AND id <> ? \
             AND status IN ('waiting', 'running')",
        )?
        .query_row(params![installation, task.task.dedupe_key, task.id], |row| row.get(0))
        .optional()?;
    Ok(id)
}

pub(super) fn one(c: &Connection, installation: &str, task: TaskId) -> Result<KeptTask, EngineError> {
    c.prepare_cached(&format!("SELECT {COLUMNS} FROM task WHERE installation = ? AND id = ?"))?
        .query_row(params![installation, task], |row| Ok(read(row)))
        .optional()?
        .ok_or_else(|| EngineError::Unknown(format!("task {task}")))?
}

pub(super) fn list(
    c: &Connection,
    installation: &str,
    filter: TaskFilter,
    after: Option<TaskId>,
) -> Result<Vec<KeptTask>, EngineError> {
    let of_status = filter.status.map_or("", |_| "AND status = ?3");
    let mut query = c.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM task WHERE installation = ?1 AND id > ?2 {of_status} ORDER BY id LIMIT 1000"
    ))?;
    let after = after.unwrap_or(TaskId(0));
    let rows = match filter.status {
        Some(status) => query.query_map(params![installation, after, status_text(status)], kept)?,
        None => query.query_map(params![installation, after], kept)?,
    };
    rows.map(|row| row?).collect()
}

pub(super) fn counts(c: &Connection, installation: &str) -> Result<Counts, EngineError> {
    let mut count = c.prepare_cached("SELECT COUNT(*) FROM task WHERE installation = ? AND status = ?")?;
    let mut count = |status| count.query_row(params![installation, status_text(status)], |row| row.get::<_, Count>(0));
    let mut next = c.prepare_cached("SELECT MIN(due) FROM task WHERE installation = ? AND status = 'waiting'")?;
    Ok(Counts {
        waiting: count(TaskStatus::Waiting)?.0,
        running: count(TaskStatus::Running)?.0,
        dead: count(TaskStatus::Dead)?.0,
        next_due: next.query_row([installation], |row| row.get(0))?,
        paused: pauses::is_whole(c, installation)?,
    })
}

/// As a row's closure may fail only as SQLite does, what else is wrong goes inside.
fn kept(row: &Row) -> rusqlite::Result<Result<KeptTask, EngineError>> {
    Ok(read(row))
}

/// The tasks of a run, in the order of their assignments.
pub(super) fn of_run(c: &Connection, installation: &str, run: RunId) -> Result<Vec<(u32, KeptTask)>, EngineError> {
    let mut query = c.prepare_cached(&format!(
        "SELECT {COLUMNS}, assignment FROM task WHERE installation = ? AND run = ? AND status = 'running' \
         ORDER BY assignment"
    ))?;
    let rows = query.query_map(params![installation, run], |row| Ok((row.get("assignment")?, read(row))))?;
    rows.map(|row| row.map_err(EngineError::from).and_then(|(id, task)| Ok((id, task?)))).collect()
}

fn read(row: &Row) -> Result<KeptTask, EngineError> {
    let subject = match (row.get("subject_kind")?, row.get("subject_id")?) {
        (Some(kind), Some(id)) => Some(Subject { kind, id }),
        _ => None,
    };
    let failure: Option<String> = row.get("failure")?;
    Ok(KeptTask {
        id: row.get("id")?,
        task: Task {
            kind: row.get("kind")?,
            payload: row.get("payload")?,
            ordering_key: row.get("ordering_key")?,
            dedupe_key: row.get("dedupe_key")?,
            lane: lane_of(row.get("lane")?)?,
            not_before: row.get("not_before")?,
            title: row.get("title")?,
            subject,
        },
        status: status_of(&row.get::<_, String>("status")?)?,
        attempt: row.get("attempt")?,
        generation: row.get("generation")?,
        admitted_at: row.get("admitted_at")?,
        due: row.get("due")?,
        waiting_for: row.get("waiting_for")?,
        wake_on: row.get("wake_on")?,
        failure: failure.as_deref().map(from_json).transpose()?,
        repeats: row.get("repeats")?,
        run: row.get("run")?,
    })
}
