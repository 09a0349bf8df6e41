//! An engine without a file, for tests and for trying things: an object an ordering key, with its own tasks, journals and
//! memory, and messages between them. Beside the objects there is a directory of them, with a note an installation of
//! what also holds for keys that are yet to come, and counters for ids.
//!
//! Promises: those of [`Engine`]; what is durable is a [`Disk`], which outlives the engine as long as somebody holds it. The
//! same work is known again within its key. Not here: how a run goes (`drive`), a disk that outlives the process (`sqlite`).
//!
//! Invariant: nobody holds the locks of two objects at a time, nor asks for an object's while they hold that of the notes. What
//! one has to say to another lies in its outbox until it has arrived; what arrives twice is the same work.

mod keeps;
mod object;
mod taken_away;

use super::{
    Accepted, BODY_GONE, Cancel, Counts, DELIVERY, Engine, EngineError, EngineLimits, Forgotten, KeptChange, KeptTask,
    LogLine, NOTHING_TO_RETRY, Probe, Retention, RunSummary, Swept, Tape, TaskFilter, TaskId,
    TaskStatus::{Dead, Done, Running, Waiting},
    dead_letter::fault,
    drive::{Drive, guard, scope},
    forget::{self, CAME_BACK},
    run::Event,
    schedule::Key,
};
use crate::{
    clock::{Clock, Timestamp},
    effect::{Driver, Entry, Level, Performer, RunId, Subject, Task},
};
use async_trait::async_trait;
use keeps::Open;
use object::{Ids, Message, Now, Object};
use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex},
};
use tokio_util::sync::CancellationToken;

/// What outlives an engine. One at a time uses it.
#[derive(Clone)]
pub struct Disk(Arc<Directory>);

struct Directory {
    objects: Mutex<BTreeMap<Key, Arc<Mutex<Object>>>>,
    notes: Mutex<BTreeMap<String, Note>>,
    ids: Ids,
    salt: [u8; 8],
}

/// Of an installation.
#[derive(Default)]
struct Note {
    paused: Option<Timestamp>,
    /// By hash.
    forgotten: BTreeMap<String, Forgot>,
    /// What is told of no key.
    lines: Vec<LogLine>,
}

#[derive(Default)]
struct Forgot {
    dropped: u64,
    /// While runs up to this one may still name them.
    runs_until: Option<RunId>,
}

impl Default for Disk {
    fn default() -> Disk {
        let salt = RandomState::new().hash_one("salt").to_le_bytes();
        let (objects, notes, ids) = (Mutex::default(), Mutex::default(), Ids::default());
        Disk(Arc::new(Directory { objects, notes, ids, salt }))
    }
}

impl Directory {
    /// Made where there is none.
    fn object(&self, key: &Key) -> Arc<Mutex<Object>> {
        let mut objects = guard(&self.objects);
        let new = || {
            let paused = guard(&self.notes).get(&key.installation).and_then(|note| note.paused);
            Arc::new(Mutex::new(Object::new(key.clone(), paused)))
        };
        objects.entry(key.clone()).or_insert_with(new).clone()
    }

    /// Of all installations where none is named.
    fn all(&self, installation: Option<&str>) -> Vec<Arc<Mutex<Object>>> {
        let objects = guard(&self.objects);
        let of = objects.iter().filter(|(key, _)| installation.is_none_or(|name| key.installation == name));
        of.map(|(_, object)| object.clone()).collect()
    }

    /// From each of an installation's objects, in one list by id.
    fn gather<T>(
        &self,
        installation: &str,
        of: impl Fn(&Object) -> Vec<T>,
        id: impl Fn(&T) -> u64,
        after: u64,
    ) -> Vec<T> {
        let all = self.all(Some(installation));
        let mut all: Vec<T> = all.iter().flat_map(|object| of(&guard(object))).filter(|one| id(one) > after).collect();
        all.sort_by_key(&id);
        all.truncate(1000);
        all
    }

    /// The object that has it.
    fn which<T>(&self, installation: &str, of: impl Fn(&Object) -> Option<T>) -> Option<(Arc<Mutex<Object>>, T)> {
        let all = self.all(Some(installation));
        all.into_iter().find_map(|object| {
            let found = of(&guard(&object))?;
            Some((object, found))
        })
    }

    fn hash(&self, installation: &str, subject: &Subject) -> String {
        forget::hash(&self.salt, installation, subject)
    }

    /// Whether it is about somebody who was forgotten. It is counted, and the first is told.
    fn turned_away(&self, installation: &str, subject: Option<&Subject>, now: Timestamp) -> bool {
        let mut notes = guard(&self.notes);
        let (Some(subject), Some(note)) = (subject, notes.get_mut(installation)) else { return false };
        let Some(forgot) = note.forgotten.get_mut(&self.hash(installation, subject)) else { return false };
        forgot.dropped += 1;
        if forgot.dropped == 1 {
            let line = super::engine_line(Level::Info, "forgotten", CAME_BACK.into(), None);
            note.lines.push(self.ids.line(None, now, line));
        }
        true
    }

    fn take(&self, installation: &str, message: Message, now: Now) -> Accepted {
        if self.turned_away(installation, message.task.subject.as_ref(), now.at) {
            return Accepted::Forgotten;
        }
        let key = Key { installation: installation.into(), key: message.task.ordering_key.clone() };
        guard(&self.object(&key)).take(message, now)
    }

    /// What lies in an outbox arrives; it stays there until it has.
    fn deliver(&self, from: &Mutex<Object>, now: Now) {
        let installation = guard(from).key().installation.clone();
        loop {
            let Some(message) = guard(from).outbox.front().cloned() else { return };
            self.take(&installation, message, now);
            guard(from).outbox.pop_front();
        }
    }
}

pub struct MemoryEngine {
    open: Arc<Open>,
    drive: Arc<Drive>,
}

impl MemoryEngine {
    pub fn open(disk: &Disk, clock: Arc<dyn Clock>, limits: EngineLimits, probe: Arc<dyn Probe>) -> MemoryEngine {
        let now = Now { at: clock.now(), limits: &limits, ids: &disk.0.ids };
        disk.0.all(None).iter().for_each(|object| disk.0.deliver(object, now));
        let open = Arc::new(Open::new(disk.clone()));
        let drive = Arc::new(Drive::new(open.clone(), clock, limits, probe));
        MemoryEngine { open, drive }
    }

    fn directory(&self) -> Result<&Directory, EngineError> {
        self.open.directory()
    }

    fn now<'a>(&'a self, directory: &'a Directory) -> Now<'a> {
        Now { at: self.drive.clock.now(), limits: &self.drive.limits, ids: &directory.ids }
    }

    fn each(&self, installation: &str, key: Option<&str>, f: impl Fn(&mut Object)) -> Result<(), EngineError> {
        let directory = self.directory()?;
        match key {
            Some(key) => {
                let key = Key { installation: installation.into(), key: key.into() };
                f(&mut guard(&directory.object(&key)));
            }
            None => directory.all(Some(installation)).iter().for_each(|object| f(&mut guard(object))),
        }
        Ok(())
    }

    fn item(&self, installation: &str, task: TaskId) -> Result<(Arc<Mutex<Object>>, KeptTask), EngineError> {
        let of = |object: &Object| object.items.get(&task).map(object::Item::shown);
        let found = self.directory()?.which(installation, of);
        found.ok_or_else(|| EngineError::Unknown(format!("task {task}")))
    }

    fn run(&self, installation: &str, run: RunId) -> Result<Arc<Mutex<Object>>, EngineError> {
        let found = self.directory()?.which(installation, |object| object.runs.contains_key(&run).then_some(()));
        found.map(|(object, ())| object).ok_or_else(|| EngineError::Unknown(format!("run {run}")))
    }
}

impl Drop for MemoryEngine {
    fn drop(&mut self) {
        // A run's task may still be on its way out; it finds the disk closed.
        self.open.close();
    }
}

fn invalid(problem: String) -> Result<(), EngineError> {
    Err(EngineError::Invalid(problem))
}

#[async_trait]
impl Engine for MemoryEngine {
    async fn accept(&self, installation: &str, tasks: Vec<Task>) -> Result<Vec<Accepted>, EngineError> {
        let (work, directory) = (self.drive.clock.begin(), self.directory()?);
        if let Some(fault) = tasks.iter().find_map(|task| fault(task, 0)) {
            return Err(EngineError::Invalid(fault));
        }
        let key = |task: &Task| Key { installation: installation.into(), key: task.ordering_key.clone() };
        let keys = tasks.iter().map(key).collect();
        let now = self.now(directory);
        let take = |task| directory.take(installation, Message { task, generation: 0 }, now);
        let accepted = tasks.into_iter().map(take).collect();
        self.drive.touch(super::drive::Scope::Keys(keys), work);
        Ok(accepted)
    }

    async fn serve(
        &self,
        driver: Arc<dyn Driver>,
        performer: Arc<dyn Performer>,
        stop: CancellationToken,
    ) -> Result<(), EngineError> {
        self.drive.serve(driver, performer, stop).await
    }

    async fn idle(&self) -> Result<Option<Timestamp>, EngineError> {
        self.drive.idle().await
    }

    async fn cancel(&self, installation: &str, what: Cancel, why: &str) -> Result<(), EngineError> {
        let (work, now) = (self.drive.clock.begin(), self.now(self.directory()?));
        match what {
            Cancel::Run(run) => {
                let object = self.run(installation, run)?;
                let mut object = guard(&object);
                let kept = object.run_mut(run)?;
                if kept.ended.is_some() {
                    return invalid(format!("run {run} has ended already; there is nothing to cancel"));
                }
                kept.cancelled = Some(why.into());
                self.drive.cancel(run, why.into());
            }
            Cancel::Task(task) => {
                let (object, kept) = self.item(installation, task)?;
                match (kept.status, kept.run) {
                    (Waiting, _) => guard(&object).step(task, Event::Cancelled(why.into()), now)?,
                    (Running, Some(run)) => {
                        return invalid(format!("task {task} is running; to end it, cancel its run {run}"));
                    }
                    _ => return invalid(format!("task {task} has ended already; there is nothing to cancel")),
                }
                self.drive.touch(scope(installation, Some(&kept.task.ordering_key)), work);
            }
        }
        Ok(())
    }

    async fn pause(&self, installation: &str, key: Option<&str>) -> Result<(), EngineError> {
        let (work, at) = (self.drive.clock.begin(), self.drive.clock.now());
        if key.is_none() {
            let mut notes = guard(&self.directory()?.notes);
            notes.entry(installation.into()).or_default().paused.get_or_insert(at);
        }
        self.each(installation, key, |object| object.pause(key.is_none(), at))?;
        self.drive.touch(scope(installation, key), work);
        Ok(())
    }

    async fn resume(&self, installation: &str, key: Option<&str>) -> Result<(), EngineError> {
        let (work, at) = (self.drive.clock.begin(), self.drive.clock.now());
        if key.is_none() {
            guard(&self.directory()?.notes).entry(installation.into()).or_default().paused = None;
        }
        self.each(installation, key, |object| object.resume(key.is_none(), at))?;
        self.drive.touch(scope(installation, key), work);
        Ok(())
    }

    fn installed(&self, installation: &str) {
        self.drive.touch(scope(installation, None), self.drive.clock.begin());
    }

    async fn retry(&self, installation: &str, task: TaskId) -> Result<(), EngineError> {
        let (work, now) = (self.drive.clock.begin(), self.now(self.directory()?));
        let (object, kept) = self.item(installation, task)?;
        if kept.status == Done && kept.task.kind == DELIVERY {
            return invalid(format!("task {task} is done: {BODY_GONE}"));
        }
        if kept.is_put_off() {
            guard(&object).step(task, Event::Woken, now)?;
            self.drive.touch(scope(installation, Some(&kept.task.ordering_key)), work);
            return Ok(());
        }
        if kept.status != Dead {
            return invalid(format!("task {task} {NOTHING_TO_RETRY}"));
        }
        if let Some(fault) = fault(&kept.task, kept.generation) {
            return invalid(format!("task {task} can never run: {fault}"));
        }
        let mut object = guard(&object);
        let same = |(id, item): (&TaskId, &object::Item)| {
            let twin = *id != task && matches!(item.status(), Waiting | Running);
            (twin && item.shown().task.dedupe_key == kept.task.dedupe_key).then_some(*id)
        };
        if let Some(twin) = object.items.iter().find_map(same) {
            return invalid(format!("the same work was accepted again since, as task {twin}"));
        }
        object.step(task, Event::Retried { not_before: kept.task.not_before }, now)?;
        self.drive.touch(scope(installation, Some(&kept.task.ordering_key)), work);
        Ok(())
    }

    async fn discard(&self, installation: &str, task: TaskId) -> Result<(), EngineError> {
        let (object, _) = self.item(installation, task)?;
        guard(&object).discard(task, self.now(self.directory()?))
    }

    async fn tasks(
        &self,
        installation: &str,
        filter: TaskFilter,
        after: Option<TaskId>,
    ) -> Result<Vec<KeptTask>, EngineError> {
        let of = |object: &Object| {
            let shown = object.items.values().map(object::Item::shown);
            shown.filter(|kept| filter.status.is_none_or(|status| kept.status == status)).collect()
        };
        Ok(self.directory()?.gather(installation, of, |kept| kept.id.0, after.map_or(0, |id| id.0)))
    }

    async fn runs(&self, installation: &str, after: Option<RunId>) -> Result<Vec<RunSummary>, EngineError> {
        let of = |object: &Object| object.summaries().collect();
        Ok(self.directory()?.gather(installation, of, |run| run.id.0, after.map_or(0, |id| id.0)))
    }

    async fn tape(&self, installation: &str, run: RunId) -> Result<Tape, EngineError> {
        let object = self.run(installation, run)?;
        guard(&object).tape(run)
    }

    async fn state(
        &self,
        installation: &str,
        key: &str,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Vec<Entry>, EngineError> {
        let key = Key { installation: installation.into(), key: key.into() };
        Ok(guard(&self.directory()?.object(&key)).scan(prefix, after, 1000))
    }

    async fn log(&self, installation: &str, after: Option<u64>) -> Result<Vec<LogLine>, EngineError> {
        let (directory, after) = (self.directory()?, after.unwrap_or(0));
        let mut lines = directory.gather(installation, |object| object.lines.clone(), |line| line.id, after);
        let notes = guard(&directory.notes);
        let of_no_key = notes.get(installation).into_iter().flat_map(|note| &note.lines);
        lines.extend(of_no_key.filter(|line| line.id > after).cloned());
        lines.sort_by_key(|line| line.id);
        lines.truncate(1000);
        Ok(lines)
    }

    async fn changes(&self, installation: &str, after: Option<u64>) -> Result<Vec<KeptChange>, EngineError> {
        let of = |object: &Object| object.changes.clone();
        Ok(self.directory()?.gather(installation, of, |change| change.id, after.unwrap_or(0)))
    }

    async fn counts(&self, installation: &str) -> Result<Counts, EngineError> {
        let directory = self.directory()?;
        let paused = guard(&directory.notes).get(installation).is_some_and(|note| note.paused.is_some());
        let mut counts = Counts { paused, ..Counts::default() };
        for object in directory.all(Some(installation)) {
            for kept in guard(&object).items.values().map(object::Item::shown) {
                match kept.status {
                    Waiting => {
                        counts.waiting += 1;
                        counts.next_due = Some(counts.next_due.map_or(kept.due, |next| next.min(kept.due)));
                    }
                    Running => counts.running += 1,
                    Dead => counts.dead += 1,
                    Done => {}
                }
            }
        }
        Ok(counts)
    }

    async fn sweep(&self, installation: &str, keep: &Retention) -> Result<Swept, EngineError> {
        let directory = self.directory()?;
        directory.sweep(installation, keep, self.now(directory))
    }

    async fn forget(&self, installation: &str, subject: &Subject) -> Result<Forgotten, EngineError> {
        let (work, directory) = (self.drive.clock.begin(), self.directory()?);
        let forgotten = directory.forget(installation, subject, self.now(directory));
        self.drive.touch(scope(installation, None), work);
        forgotten
    }

    async fn is_forgotten(&self, installation: &str, subject: &Subject) -> Result<bool, EngineError> {
        let directory = self.directory()?;
        let hash = directory.hash(installation, subject);
        let notes = guard(&directory.notes);
        Ok(notes.get(installation).is_some_and(|note| note.forgotten.contains_key(&hash)))
    }

    async fn allow_again(&self, installation: &str, subject: &Subject) -> Result<(), EngineError> {
        let directory = self.directory()?;
        let hash = directory.hash(installation, subject);
        let mut notes = guard(&directory.notes);
        let allowed = notes.get_mut(installation).and_then(|note| note.forgotten.remove(&hash));
        allowed.map(|_| ()).ok_or_else(|| EngineError::Unknown("person who was forgotten".into()))
    }
}

#[cfg(test)]
mod tests;
