//! One ordering key: its tasks, its runs with their journals, its memory, and what was told in it. What it has to say to
//! another key it puts into its outbox.

use crate::{
    clock::Timestamp,
    durable::{
        Accepted, DELIVERY, EngineError, EngineLimits, KeptChange, KeptTask, LogLine, RunSummary, SYNC, Tape, TaskId,
        TaskStatus::{self, Dead, Done, Running, Waiting},
        dead_letter,
        drive::{Conclusion, OpenRun, Prepared},
        ending::{self, Deed},
        engine_line,
        journal::{Ending, Record, written},
        run::{self, Event, Life},
        schedule::{self, Key, Next},
        state::{Usage, size, written_key},
    },
    effect::{Assignment, Entry, Lane, Lead, Line, Outcome, RunId, RunInput, Subject, Task, Write},
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::atomic::{AtomicU64, Ordering::SeqCst},
};

/// The counters of a directory: the only thing that all keys share.
#[derive(Default)]
pub(super) struct Ids {
    task: AtomicU64,
    run: AtomicU64,
    line: AtomicU64,
    change: AtomicU64,
}

impl Ids {
    fn next(counter: &AtomicU64) -> u64 {
        counter.fetch_add(1, SeqCst) + 1
    }

    pub fn line(&self, run: Option<RunId>, at: Timestamp, line: Line) -> LogLine {
        LogLine { id: Ids::next(&self.line), run, at, line }
    }
}

/// Work for a key, from outside or from a run of another one.
#[derive(Clone)]
pub(super) struct Message {
    pub task: Task,
    pub generation: u32,
}

#[derive(Clone)]
pub(super) struct KeptRun {
    /// Without the bodies of deliveries: those stand in their tasks.
    lead: Lead,
    /// As they were written.
    records: Vec<String>,
    pub cancelled: Option<String>,
    pub ended: Option<(Timestamp, Ending)>,
}

impl KeptRun {
    /// Of its input and its journal.
    pub fn bytes(&self) -> Result<u64, EngineError> {
        let input = written(&self.lead.input)?;
        Ok(self.records.iter().chain([&input]).map(|text| text.len() as u64).sum())
    }
}

#[derive(Clone)]
pub(super) struct Item {
    kept: KeptTask,
    life: Life,
    assignment: u32,
}

impl Item {
    pub fn shown(&self) -> KeptTask {
        let Life { status, attempt, due, waiting_for, wake_on, failure, .. } = self.life.clone();
        KeptTask { status, attempt, due, waiting_for, wake_on, failure, ..self.kept.clone() }
    }

    pub fn status(&self) -> TaskStatus {
        self.life.status
    }

    pub fn ended_by(&self, at: Timestamp) -> bool {
        self.life.ended_at.is_some_and(|ended| ended <= at)
    }
}

/// What everything here needs to know.
#[derive(Clone, Copy)]
pub(super) struct Now<'a> {
    pub at: Timestamp,
    pub limits: &'a EngineLimits,
    pub ids: &'a Ids,
}

#[derive(Clone)]
pub(super) struct Object {
    key: Key,
    pub items: BTreeMap<TaskId, Item>,
    pub runs: BTreeMap<RunId, KeptRun>,
    pub state: BTreeMap<String, Entry>,
    pub lines: Vec<LogLine>,
    pub changes: Vec<KeptChange>,
    pub outbox: VecDeque<Message>,
    pub paused: Option<Timestamp>,
    /// When the whole installation was.
    pub all_paused: Option<Timestamp>,
}

impl Object {
    pub fn new(key: Key, all_paused: Option<Timestamp>) -> Object {
        Object {
            key,
            items: BTreeMap::new(),
            runs: BTreeMap::new(),
            state: BTreeMap::new(),
            lines: vec![],
            changes: vec![],
            outbox: VecDeque::new(),
            paused: None,
            all_paused,
        }
    }

    pub fn key(&self) -> &Key {
        &self.key
    }

    pub fn is_paused(&self) -> bool {
        self.paused.or(self.all_paused).is_some()
    }

    pub fn usage(&self) -> Usage {
        Usage { entries: self.state.len() as u64, bytes: self.state.values().map(size).sum() }
    }

    pub fn open_run(&self) -> Option<RunId> {
        self.runs.iter().find(|(_, run)| run.ended.is_none()).map(|(id, _)| *id)
    }

    pub fn has_work(&self) -> bool {
        self.open_run().is_some() || self.items.values().any(|item| item.life.status == Waiting)
    }

    pub fn next_at(&self, limits: &EngineLimits) -> Option<Next> {
        if self.open_run().is_some() {
            return Some(Next::prompt(Timestamp(0)));
        }
        let waiting = || self.items.values().filter(|item| item.life.status == Waiting);
        let lives = waiting().map(|item| &item.life);
        let at = lives.flat_map(|life| [Some(life.due), life.put_off_at.map(|at| at.plus(limits.give_up))]);
        let prompt = waiting().filter(|item| item.kept.task.lane == Lane::Prompt);
        let prompt_at = prompt.map(|item| item.life.due).min();
        at.flatten().min().filter(|_| !self.is_paused()).map(|at| Next { at, prompt_at })
    }

    /// Whoever is the same work waits, runs or was done of late. A dead letter does not count, nor a pass that is over.
    pub fn take(&mut self, message: Message, now: Now) -> Accepted {
        let retention = now.limits.dedupe_retention;
        let since = if message.task.kind == SYNC { Timestamp::MAX } else { now.at.minus(retention) };
        let same = self.items.values_mut().rev().find(|item| {
            item.kept.task.dedupe_key == message.task.dedupe_key
                && match item.life.status {
                    Waiting | Running => true,
                    Done => item.life.ended_at.is_some_and(|at| at > since),
                    Dead => false,
                }
        });
        if let Some(item) = same {
            item.kept.repeats += 1;
            return Accepted::Already(item.kept.id);
        }
        let failure = dead_letter::from_the_start(&message.task, message.generation, now.limits);
        let id = TaskId(Ids::next(&now.ids.task));
        let Message { task, generation } = message;
        let life = Life {
            id,
            status: if failure.is_some() { Dead } else { Waiting },
            attempt: 1,
            due: task.not_before.unwrap_or(now.at).max(now.at),
            waiting_for: None,
            wake_on: None,
            put_off_at: None,
            part: None,
            ended_at: failure.as_ref().map(|_| now.at),
            failure,
        };
        let kept = KeptTask {
            id,
            task,
            status: life.status,
            attempt: 1,
            generation,
            admitted_at: now.at,
            due: life.due,
            waiting_for: None,
            wake_on: None,
            failure: None,
            repeats: 0,
            run: None,
        };
        self.items.insert(id, Item { kept, life, assignment: 0 });
        self.tell_if_dead(id, now);
        Accepted::New(id)
    }

    pub fn step(&mut self, task: TaskId, event: Event, now: Now) -> Result<(), EngineError> {
        let item = self.items.get_mut(&task).ok_or_else(|| EngineError::Unknown(format!("task {task}")))?;
        let next = run::next(item.life.clone(), event, now.at, now.limits);
        item.life = next.map_err(|e| EngineError::Corrupt(e.to_string()))?;
        self.tell_if_dead(task, now);
        Ok(())
    }

    pub fn discard(&mut self, task: TaskId, now: Now) -> Result<(), EngineError> {
        let kept = self.items.get(&task).map(Item::shown);
        let kept = kept.ok_or_else(|| EngineError::Unknown(format!("task {task}")))?;
        let line = dead_letter::discarded(&kept)?;
        self.lines.push(now.ids.line(kept.run, now.at, line));
        self.items.remove(&task);
        Ok(())
    }

    fn tell_if_dead(&mut self, task: TaskId, now: Now) {
        let Some(Item { kept, life, .. }) = self.items.get(&task).filter(|item| item.life.status == Dead) else {
            return;
        };
        if let Some(failure) = &life.failure {
            let line = dead_letter::line(&kept.task.title, kept.task.subject.clone(), failure);
            self.lines.push(now.ids.line(kept.run, now.at, line));
        }
    }

    pub fn open(&mut self, prepared: Prepared, now: Now) -> Result<Option<Lead>, EngineError> {
        if self.is_paused() {
            return Ok(None);
        }
        // A clock that began with 1970 (tests do that) has no such past.
        let give_up = u64::try_from(now.limits.give_up.as_millis()).unwrap_or(u64::MAX);
        if let Some(since) = now.at.0.checked_sub(give_up) {
            let over = |life: &Life| life.put_off_at.is_some_and(|at| at <= Timestamp(since)) && life.due > now.at;
            let waiting = self.items.values().map(|item| &item.life).filter(|life| life.status == Waiting);
            let overdue: Vec<TaskId> = waiting.filter(|life| over(life)).map(|life| life.id).collect();
            overdue.into_iter().try_for_each(|task| self.step(task, Event::GaveUp, now))?;
        }
        let is_due = |item: &&Item| item.life.status == Waiting && item.life.due <= now.at;
        let mut due: Vec<&Item> = self.items.values().filter(is_due).collect();
        due.sort_by_key(|item| (item.kept.task.lane, item.kept.id));
        let stands: Vec<_> = due.iter().map(|item| (item.kept.task.lane, item.life.part)).collect();
        due.truncate(schedule::batch(&stands, prepared.tasks_max));
        let Some(_) = due.first() else { return Ok(None) };
        let assignment = |(id, item): (u32, &&Item)| Assignment {
            id,
            task: item.kept.task.clone(),
            attempt: item.life.attempt,
            admitted_at: item.kept.admitted_at,
        };
        let Prepared { component, context, .. } = prepared;
        let assignments = (1..).zip(&due).map(assignment).collect();
        let input = RunInput { component, context, started_at: now.at, assignments };
        let batch: Vec<TaskId> = due.iter().map(|item| item.kept.id).collect();

        let run = RunId(Ids::next(&now.ids.run));
        let lead = Lead { run, installation: self.key.installation.clone(), key: self.key.key.clone(), input };
        let mut kept = lead.clone();
        let deliveries = kept.input.assignments.iter_mut().filter(|a| a.task.kind == DELIVERY);
        deliveries.for_each(|a| a.task.payload.clear());
        self.runs.insert(run, KeptRun { lead: kept, records: vec![], cancelled: None, ended: None });
        for (assignment, task) in (1..).zip(batch) {
            self.step(task, Event::Picked, now)?;
            if let Some(item) = self.items.get_mut(&task) {
                (item.kept.run, item.assignment) = (Some(run), assignment);
            }
        }
        Ok(Some(lead))
    }

    fn run(&self, run: RunId) -> Result<&KeptRun, EngineError> {
        self.runs.get(&run).ok_or_else(|| EngineError::Unknown(format!("run {run}")))
    }

    pub fn run_mut(&mut self, run: RunId) -> Result<&mut KeptRun, EngineError> {
        self.runs.get_mut(&run).ok_or_else(|| EngineError::Unknown(format!("run {run}")))
    }

    pub fn append(&mut self, run: RunId, records: Vec<String>) -> Result<(), EngineError> {
        self.run_mut(run)?.records.extend(records);
        Ok(())
    }

    pub fn tape(&self, run: RunId) -> Result<Tape, EngineError> {
        let kept = self.run(run)?;
        let mut lead = kept.lead.clone();
        for a in lead.input.assignments.iter_mut().filter(|a| a.task.kind == DELIVERY) {
            let is_it =
                |of: &&Item| of.kept.task.dedupe_key == a.task.dedupe_key && of.kept.admitted_at == a.admitted_at;
            let body = self.items.values().rev().find(is_it).map(|item| item.kept.task.payload.clone());
            a.task.payload = body.unwrap_or_default();
        }
        let read = |text: &String| serde_json::from_str(text).map_err(|e| EngineError::Corrupt(e.to_string()));
        let entries = kept.records.iter().map(read).collect::<Result<Vec<Record>, _>>()?;
        Ok(Tape { lead, entries, end: kept.ended.as_ref().map(|(_, ending)| ending.clone()) })
    }

    pub fn cut_off(&self) -> Result<Option<OpenRun>, EngineError> {
        let Some(run) = self.open_run() else { return Ok(None) };
        let Tape { lead, entries, .. } = self.tape(run)?;
        let bytes = self.run(run)?.records.iter().map(|text| text.len() as u64).sum();
        Ok(Some(OpenRun { lead, recorded: entries, bytes, paused: self.is_paused(), unreadable: None }))
    }

    pub fn summaries(&self) -> impl Iterator<Item = RunSummary> + '_ {
        self.runs.iter().map(|(id, run)| RunSummary {
            id: *id,
            key: self.key.key.clone(),
            tasks: run.lead.input.assignments.len(),
            started_at: run.lead.input.started_at,
            ended_at: run.ended.as_ref().map(|(at, _)| *at),
            end: run.ended.as_ref().map(|(_, ending)| ending.to_string()),
        })
    }

    /// `turned_away` says of whom nothing is taken in any more.
    pub fn end(
        &mut self,
        conclusion: Conclusion,
        now: Now,
        mut turned_away: impl FnMut(Option<&Subject>) -> bool,
    ) -> Result<(), EngineError> {
        let Conclusion { lead, ending, told, records, .. } = conclusion;
        let cancelled = self.run(lead.run)?.cancelled.clone();
        let mut ending = ending::as_cancelled(&ending, cancelled.as_deref());
        if let Ending::Outcomes(outcomes) = &mut ending {
            for (_, outcome) in outcomes {
                if let Outcome::Done(completion) = outcome {
                    completion.follow_ups.retain(|task| !turned_away(task.subject.as_ref()));
                }
            }
        }
        self.append(lead.run, records)?;
        told.writes.iter().for_each(|write| self.write(write));
        for (at, line) in &told.lines {
            self.lines.push(now.ids.line(Some(lead.run), *at, line.clone()));
        }
        for (at, change) in &told.changes {
            let id = Ids::next(&now.ids.change);
            self.changes.push(KeptChange { id, run: lead.run, at: *at, change: change.clone() });
        }
        let of_run = |item: &&Item| item.kept.run == Some(lead.run) && item.life.status == Running;
        let mut batch: Vec<(u32, KeptTask)> =
            self.items.values().filter(of_run).map(|item| (item.assignment, item.shown())).collect();
        batch.sort_by_key(|(assignment, _)| *assignment);
        for deed in ending::deeds(&lead, &ending, cancelled.as_deref(), &told, &batch)? {
            match deed {
                Deed::Step(task, event) => self.step(task, event, now)?,
                Deed::Empty(task) => {
                    if let Some(item) = self.items.get_mut(&task) {
                        item.kept.task.payload.clear();
                    }
                }
                Deed::FollowUp { task, generation } => {
                    self.outbox.push_back(Message { task: task.clone(), generation });
                }
                Deed::Then(task) => self.outbox.push_back(Message { task: task.clone(), generation: 0 }),
                Deed::Say(level, code, message) => {
                    let line = engine_line(level, code, message, None);
                    self.lines.push(now.ids.line(Some(lead.run), now.at, line));
                }
                Deed::Wake(word) => {
                    let waits =
                        |item: &&Item| item.life.status == Waiting && item.life.wake_on.as_deref() == Some(word);
                    let woken: Vec<TaskId> = self.items.values().filter(waits).map(|item| item.kept.id).collect();
                    woken.into_iter().try_for_each(|task| self.step(task, Event::Woken, now))?;
                }
            }
        }
        self.run_mut(lead.run)?.ended = Some((now.at, ending));
        Ok(())
    }

    fn write(&mut self, write: &Write) {
        match write {
            Write::Set(entry) => self.state.insert(entry.key.clone(), entry.clone()),
            Write::Delete(_) => self.state.remove(written_key(write)),
        };
    }

    pub fn scan(&self, prefix: &str, after: Option<&str>, limit: usize) -> Vec<Entry> {
        let entries = self.state.values().filter(|e| e.key.starts_with(prefix) && after.is_none_or(|a| *e.key > *a));
        entries.take(limit).cloned().collect()
    }

    /// `whole`: of the installation, not of this key alone.
    pub fn pause(&mut self, whole: bool, at: Timestamp) {
        let paused = if whole { &mut self.all_paused } else { &mut self.paused };
        paused.get_or_insert(at);
    }

    /// The time that a task was put off does not run while it is paused.
    pub fn resume(&mut self, whole: bool, now: Timestamp) {
        let began = if whole { self.all_paused.take() } else { self.paused.take() };
        let (Some(began), other) = (began, self.paused.or(self.all_paused)) else { return };
        let lives = self.items.values_mut().map(|item| &mut item.life);
        for life in lives.filter(|life| matches!(life.status, Waiting | Running)) {
            let moved = |at: Timestamp| at.plus(schedule::paused(began, other, at, now));
            life.put_off_at = life.put_off_at.map(moved);
        }
    }

    /// A task that waits names no run that is not kept any more.
    pub fn drop_runs(&mut self, gone: impl Fn(RunId, &KeptRun) -> bool) -> u64 {
        let before = self.runs.len();
        self.runs.retain(|id, run| run.ended.is_none() || !gone(*id, run));
        for item in self.items.values_mut().filter(|item| item.life.status == Waiting) {
            item.kept.run = item.kept.run.filter(|run| self.runs.contains_key(run));
        }
        (before - self.runs.len()) as u64
    }
}
