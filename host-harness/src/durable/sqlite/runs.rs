//! Runs in the file: opened with their input, written down as they go, ended in one transaction.

use super::{
    columns::{Count, from_json},
    forget, memory, pauses, tasks,
};
use crate::{
    clock::Timestamp,
    durable::{
        DELIVERY, EngineError, EngineLimits, KeptChange, KeptTask, LogLine, RunSummary, Tape,
        drive::{Conclusion, OpenRun, Prepared},
        ending::{self, Deed},
        engine_line,
        journal::{Ending, Record, written},
        run::Event,
        schedule::{self, Key},
    },
    effect::{Assignment, Lead, Outcome, RunId, RunInput, Task},
};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeSet;

/// Takes the key's next batch, if something is due. Gives up what was put off for too long on the way.
pub(super) fn open(
    c: &Connection,
    key: &Key,
    prepared: Prepared,
    now: Timestamp,
    limits: &EngineLimits,
) -> Result<Option<Lead>, EngineError> {
    let Key { installation, key } = key;
    if pauses::paused(c, installation, key)? {
        return Ok(None);
    }
    for task in tasks::overdue(c, installation, key, now, limits)? {
        tasks::step(c, installation, task, Event::GaveUp, now, limits)?;
    }
    let due = tasks::due(c, installation, key, now, prepared.tasks_max)?;
    let stands: Vec<_> = due.iter().map(|(_, lane, part)| (*lane, *part)).collect();
    let count = schedule::batch(&stands, prepared.tasks_max);
    let batch = due.iter().take(count).map(|(id, ..)| tasks::one(c, installation, *id));
    let batch = batch.collect::<Result<Vec<KeptTask>, _>>()?;
    if batch.is_empty() {
        return Ok(None);
    }
    let assignment = |(id, kept): (u32, &KeptTask)| Assignment {
        id,
        task: kept.task.clone(),
        attempt: kept.attempt,
        admitted_at: kept.admitted_at,
    };
    let input = RunInput {
        component: prepared.component,
        context: prepared.context,
        started_at: now,
        assignments: (1..).zip(&batch).map(assignment).collect(),
    };
    let text = written(&without_bodies(&input))?;
    let sql = "INSERT INTO run (installation, ordering_key, tasks, input, bytes, started_at) VALUES (?, ?, ?, ?, ?, ?)";
    let (tasks, bytes) = (Count(batch.len() as u64), Count(text.len() as u64));
    c.prepare_cached(sql)?.execute(params![installation, key, tasks, text, bytes, now])?;
    let run = RunId(c.last_insert_rowid().unsigned_abs());
    for (id, kept) in (1u32..).zip(&batch) {
        tasks::step(c, installation, kept.id, Event::Picked, now, limits)?;
        c.prepare_cached("UPDATE task SET run = ?, assignment = ? WHERE installation = ? AND id = ?")?
            .execute(params![run, id, installation, kept.id])?;
    }
    Ok(Some(Lead { run, installation: installation.clone(), key: key.clone(), input }))
}

/// A delivery's body stands in its task alone: so it is gone when that is emptied, whichever runs there were.
fn without_bodies(input: &RunInput) -> RunInput {
    let mut written = input.clone();
    let deliveries = written.assignments.iter_mut().filter(|a| a.task.kind == DELIVERY);
    deliveries.for_each(|a| a.task.payload.clear());
    written
}

pub(super) fn append(
    c: &Connection,
    installation: &str,
    run: RunId,
    first: u64,
    records: &[String],
) -> Result<(), EngineError> {
    let mut insert = c.prepare_cached("INSERT INTO journal (installation, run, entry, record) VALUES (?, ?, ?, ?)")?;
    for (entry, record) in (first..).zip(records) {
        insert.execute(params![installation, run, Count(entry), record])?;
    }
    let bytes = records.iter().map(|record| record.len() as u64).sum();
    c.prepare_cached("UPDATE run SET bytes = bytes + ? WHERE installation = ? AND id = ?")?.execute(params![
        Count(bytes),
        installation,
        run
    ])?;
    Ok(())
}

/// The end is one transaction. Answers the keys in which something is to do now.
pub(super) fn end(
    c: &Connection,
    conclusion: &Conclusion,
    now: Timestamp,
    limits: &EngineLimits,
) -> Result<BTreeSet<Key>, EngineError> {
    let Conclusion { lead, told, first, records, .. } = conclusion;
    let (installation, run) = (lead.installation.as_str(), lead.run);
    let cancelled = cancelled(c, installation, run)?;
    let ending = ending::as_cancelled(&conclusion.ending, cancelled.as_deref());
    let ending = without_forgotten(c, installation, ending, now)?;
    append(c, installation, run, *first, records)?;
    memory::apply(c, installation, &lead.key, &told.writes)?;
    for (at, line) in &told.lines {
        tasks::tell(c, installation, Some(run), *at, line)?;
    }
    for (at, change) in &told.changes {
        c.prepare_cached("INSERT INTO change (installation, run, at, change) VALUES (?, ?, ?, ?)")?
            .execute(params![installation, run, at, written(change)?])?;
    }

    let batch = tasks::of_run(c, installation, run)?;
    let key = |task: &Task| Key { installation: installation.into(), key: task.ordering_key.clone() };
    let step = |task, event| tasks::step(c, installation, task, event, now, limits);
    let mut touched = BTreeSet::new();
    for deed in ending::deeds(lead, &ending, cancelled.as_deref(), told, &batch)? {
        match deed {
            Deed::Step(task, event) => drop(step(task, event)?),
            Deed::Empty(task) => tasks::empty(c, installation, task)?,
            Deed::FollowUp { task, generation } => {
                tasks::follow_up(c, installation, task, generation, now, limits)?;
                touched.insert(key(task));
            }
            Deed::Then(task) => {
                tasks::accept(c, installation, task, now, limits)?;
                touched.insert(key(task));
            }
            Deed::Say(level, code, message) => {
                tasks::tell(c, installation, Some(run), now, &engine_line(level, code, message, None))?;
            }
            Deed::Wake(word) => {
                for task in tasks::to_wake(c, installation, &lead.key, word)? {
                    step(task, Event::Woken)?;
                }
            }
        }
    }

    let closed = c
        .prepare_cached(
            "UPDATE run SET ended_at = ?, ending = ? WHERE installation = ? AND id = ? AND ended_at IS NULL",
        )?
        .execute(params![now, written(&ending)?, installation, run])?;
    match closed {
        1 => Ok(touched),
        _ => Err(EngineError::Corrupt(format!("run {run} ended twice"))),
    }
}

/// What is about somebody who was forgotten is neither kept nor written down.
fn without_forgotten(
    c: &Connection,
    installation: &str,
    mut ending: Ending,
    now: Timestamp,
) -> Result<Ending, EngineError> {
    let outcomes = if let Ending::Outcomes(outcomes) = &mut ending { outcomes.as_mut_slice() } else { &mut [] };
    for (_, outcome) in outcomes {
        let Outcome::Done(completion) = outcome else { continue };
        let mut stay = vec![];
        for task in std::mem::take(&mut completion.follow_ups) {
            if !forget::turned_away(c, installation, task.subject.as_ref(), now)? {
                stay.push(task);
            }
        }
        completion.follow_ups = stay;
    }
    Ok(ending)
}

/// The key's run that was begun and has not ended.
pub(super) fn open_of(c: &Connection, installation: &str, key: &str) -> Result<Option<RunId>, EngineError> {
    let sql = "SELECT id FROM run WHERE installation = ? AND ordering_key = ? AND ended_at IS NULL ORDER BY id LIMIT 1";
    Ok(c.prepare_cached(sql)?.query_row([installation, key], |row| row.get(0)).optional()?)
}

pub(super) fn cut_off(c: &Connection, key: &Key) -> Result<Option<OpenRun>, EngineError> {
    let Key { installation, key } = key;
    let Some(run) = open_of(c, installation, key)? else { return Ok(None) };
    let paused = pauses::paused(c, installation, key)?;
    let records = written_records(c, installation, run)?;
    let bytes = records.iter().map(|text| text.len() as u64).sum();
    let read = lead(c, installation, run).and_then(|(lead, _)| {
        let recorded = records.iter().map(|text| from_json(text)).collect::<Result<_, _>>()?;
        Ok(OpenRun { lead, recorded, bytes, paused, unreadable: None })
    });
    match read {
        Err(EngineError::Corrupt(why)) => {
            let (component, context) = (String::new(), serde_json::Value::Null);
            let started_at = c
                .prepare_cached("SELECT started_at FROM run WHERE installation = ? AND id = ?")?
                .query_row(params![installation, run], |row| row.get(0))?;
            let input = RunInput { component, context, started_at, assignments: vec![] };
            let recorded = records.iter().filter_map(|text| from_json(text).ok()).collect();
            let lead = Lead { run, installation: installation.clone(), key: key.clone(), input };
            Ok(Some(OpenRun { lead, recorded, bytes, paused, unreadable: Some(why) }))
        }
        read => read.map(Some),
    }
}

fn lead(c: &Connection, installation: &str, run: RunId) -> Result<(Lead, Option<Ending>), EngineError> {
    let (key, input, ending): (String, String, Option<String>) = c
        .prepare_cached("SELECT ordering_key, input, ending FROM run WHERE installation = ? AND id = ?")?
        .query_row(params![installation, run], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?
        .ok_or_else(|| EngineError::Unknown(format!("run {run}")))?;
    let mut input: RunInput = from_json(&input)?;
    for a in input.assignments.iter_mut().filter(|a| a.task.kind == DELIVERY) {
        a.task.payload = tasks::body(c, installation, a)?.unwrap_or_default();
    }
    let lead = Lead { run, installation: installation.into(), key, input };
    Ok((lead, ending.as_deref().map(from_json).transpose()?))
}

fn recorded(c: &Connection, installation: &str, run: RunId) -> Result<Vec<Record>, EngineError> {
    written_records(c, installation, run)?.iter().map(|text| from_json(text)).collect()
}

fn written_records(c: &Connection, installation: &str, run: RunId) -> Result<Vec<String>, EngineError> {
    let mut query = c.prepare_cached("SELECT record FROM journal WHERE installation = ? AND run = ? ORDER BY entry")?;
    let rows = query.query_map(params![installation, run], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn tape(c: &Connection, installation: &str, run: RunId) -> Result<Tape, EngineError> {
    let (lead, end) = lead(c, installation, run)?;
    Ok(Tape { lead, entries: recorded(c, installation, run)?, end })
}

/// Why it shall end, if a person said so.
pub(super) fn cancelled(c: &Connection, installation: &str, run: RunId) -> Result<Option<String>, EngineError> {
    Ok(c.prepare_cached("SELECT cancelled FROM run WHERE installation = ? AND id = ?")?
        .query_row(params![installation, run], |row| row.get(0))
        .optional()?
        .flatten())
}

/// Notes that a run shall end. It does so between two effects, or when it is resumed.
pub(super) fn cancel(c: &Connection, installation: &str, run: RunId, why: &str) -> Result<(), EngineError> {
    lead(c, installation, run)?;
    let noted = c
        .prepare_cached("UPDATE run SET cancelled = ? WHERE installation = ? AND id = ? AND ended_at IS NULL")?
        .execute(params![why, installation, run])?;
    match noted {
        1 => Ok(()),
        _ => Err(EngineError::Invalid(format!("run {run} has ended already; there is nothing to cancel"))),
    }
}

pub(super) fn list(c: &Connection, installation: &str, after: Option<RunId>) -> Result<Vec<RunSummary>, EngineError> {
    let mut query = c.prepare_cached(
        "SELECT id, ordering_key, tasks, started_at, ended_at, ending FROM run WHERE installation = ? AND id > ? \
         ORDER BY id LIMIT 1000",
    )?;
    let rows = query.query_map(params![installation, after.unwrap_or(RunId(0))], |row| {
        let summary = RunSummary {
            id: row.get(0)?,
            key: row.get(1)?,
            tasks: row.get::<_, Count>(2)?.0 as usize,
            started_at: row.get(3)?,
            ended_at: row.get(4)?,
            end: None,
        };
        Ok((summary, row.get::<_, Option<String>>(5)?))
    })?;
    rows.map(|row| {
        let (summary, ending) = row?;
        let ending: Option<Ending> = ending.as_deref().map(from_json).transpose()?;
        Ok(RunSummary { end: ending.map(|e| e.to_string()), ..summary })
    })
    .collect()
}

pub(super) fn log(c: &Connection, installation: &str, after: Option<u64>) -> Result<Vec<LogLine>, EngineError> {
    let mut query =
        c.prepare_cached("SELECT id, run, at, line FROM log WHERE installation = ? AND id > ? ORDER BY id LIMIT 1000")?;
    let rows = query.query_map(params![installation, Count(after.unwrap_or(0))], |row| {
        Ok((row.get::<_, Count>(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?))
    })?;
    rows.map(|row| {
        let (id, run, at, line) = row?;
        Ok(LogLine { id: id.0, run, at, line: from_json(&line)? })
    })
    .collect()
}

pub(super) fn changes(c: &Connection, installation: &str, after: Option<u64>) -> Result<Vec<KeptChange>, EngineError> {
    let mut query = c.prepare_cached(
        "SELECT id, run, at, change FROM change WHERE installation = ? AND id > ? ORDER BY id LIMIT 1000",
    )?;
    let rows = query.query_map(params![installation, Count(after.unwrap_or(0))], |row| {
        Ok((row.get::<_, Count>(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?))
    })?;
    rows.map(|row| {
        let (id, run, at, change) = row?;
        Ok(KeptChange { id: id.0, run, at, change: from_json(&change)? })
    })
    .collect()
}
