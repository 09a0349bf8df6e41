//! The embedded engine: one SQLite file, no server. Promises: those of [`Engine`]; one process at a time has the file;
//! dropped, it leaves no thread and no lock behind. Not here: what tasks mean, who sends.
//!
//! `serve` gives keys their turn, `live` takes one run to its end, `runs`, `tasks`, `memory` and `pauses` are the tables,
//! `store` is the file, `sweep` and `forget` take away.
//!
//! Invariant: no query goes without the installation, but for the two that ask where there is work at all.

mod columns;
mod forget;
mod live;
mod memory;
mod pauses;
mod runs;
mod serve;
mod store;
mod sweep;
mod tasks;

use super::{
    Accepted, Cancel, Engine, EngineError, EngineLimits, Forgotten, KeptChange, KeptTask, LogLine, Phase, Point, Probe,
    Retention, RunSummary, Swept, Tape, TaskFilter, TaskId, TaskStatus, run::Event, schedule::Key,
};
use crate::{
    clock::{Clock, Timestamp, Work},
    effect::{Driver, Entry, Performer, RunId, Subject, Task},
};
use async_trait::async_trait;
use rusqlite::Connection;
use serve::{Heard, Scope, Touched};
use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, OnceLock},
};
use store::Store;
pub use store::copy;
use tokio::sync::{mpsc::UnboundedSender, oneshot};
use tokio_util::sync::CancellationToken;

/// What a write survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The death of the machine.
    Full,
    /// The death of the process: for tests and demonstrations, which make thousands of writes.
    ProcessCrash,
}

pub struct SqliteEngine(Arc<Shared>);

struct Shared {
    store: Store,
    clock: Arc<dyn Clock>,
    limits: EngineLimits,
    probe: Arc<dyn Probe>,
    /// Where the loop hears, while it serves.
    serving: Mutex<Option<UnboundedSender<Heard>>>,
    /// Who asked for idleness while nobody served. Touched under the lock of `serving` alone.
    early: Mutex<Vec<oneshot::Sender<Option<Timestamp>>>>,
    /// The runs under way, and why each was cancelled, if it was.
    live: Mutex<HashMap<RunId, Arc<OnceLock<String>>>>,
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is kept behind these locks is whole between any two statements.
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl SqliteEngine {
    /// Makes the file where there is none. The clock is asked for every time that is written down.
    pub fn open(
        path: &Path,
        clock: Arc<dyn Clock>,
        limits: EngineLimits,
        durability: Durability,
        probe: Arc<dyn Probe>,
    ) -> Result<SqliteEngine, EngineError> {
        let store = Store::open(path, durability)?;
        Ok(SqliteEngine(Arc::new(Shared {
            store,
            clock,
            limits,
            probe,
            serving: Mutex::new(None),
            early: Mutex::new(vec![]),
            live: Mutex::new(HashMap::new()),
        })))
    }
}

impl Drop for SqliteEngine {
    fn drop(&mut self) {
        // A run's task may still be on its way out; it finds the store closed.
        self.0.store.close();
    }
}

impl Shared {
    fn reach(&self, run: RunId, wave: u32, place: u32, phase: Phase) -> Result<(), EngineError> {
        let point = Point { run, wave, place, phase };
        if self.probe.reached(&point) {
            return Ok(());
        }
        self.store.halt(&point);
        Err(EngineError::Stopped(point))
    }

    /// Writes, and has the loop hear of it, whether or not the caller is still there then.
    async fn change<T, F>(self: &Arc<Self>, work: Work, f: F) -> Result<T, EngineError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<(T, Scope), EngineError> + Send + 'static,
    {
        let shared = self.clone();
        let then = move |(value, scope)| {
            shared.touch(scope, work);
            value
        };
        self.store.write_then(f, then).await
    }

    fn touch(&self, scope: Scope, work: Work) {
        if let Some(sender) = guard(&self.serving).as_ref() {
            // A loop that has just ended needs no word: the next one looks for itself.
            let _ = sender.send(Heard::Touched(Touched { scope, work }));
        }
    }
}

fn scope(installation: &str, key: Option<&str>) -> Scope {
    let installation = installation.to_string();
    match key {
        Some(key) => Scope::Keys([Key { installation, key: key.to_string() }].into()),
        None => Scope::Installation(installation),
    }
}

#[async_trait]
impl Engine for SqliteEngine {
    async fn accept(&self, installation: &str, given: Vec<Task>) -> Result<Vec<Accepted>, EngineError> {
        let shared = &self.0;
        let work = shared.clock.begin();
        if let Some(fault) = given.iter().find_map(|task| tasks::fault(task, 0)) {
            return Err(EngineError::Invalid(fault));
        }
        let (now, limits, name) = (shared.clock.now(), shared.limits.clone(), installation.to_string());
        let accepted = shared.change(work, move |c| {
            let accept = |task: &Task| tasks::accept(c, &name, task, now, &limits);
            let accepted = given.iter().map(accept).collect::<Result<Vec<_>, _>>()?;
            let key = |task: Task| Key { installation: name.clone(), key: task.ordering_key };
            Ok((accepted, Scope::Keys(given.into_iter().map(key).collect())))
        });
        accepted.await
    }

    async fn serve(
        &self,
        driver: Arc<dyn Driver>,
        performer: Arc<dyn Performer>,
        stop: CancellationToken,
    ) -> Result<(), EngineError> {
        serve::serve(self.0.clone(), driver, performer, stop).await
    }

    async fn idle(&self) -> Result<Option<Timestamp>, EngineError> {
        let (asker, answer) = oneshot::channel();
        match guard(&self.0.serving).as_ref() {
            // A loop that has just ended drops the asker.
            Some(sender) => drop(sender.send(Heard::Idle(asker, self.0.clock.begin()))),
            None => guard(&self.0.early).push(asker),
        }
        answer.await.map_err(|_| EngineError::Invalid("nobody serves any more".into()))
    }

    async fn cancel(&self, installation: &str, what: Cancel, why: &str) -> Result<(), EngineError> {
        let shared = &self.0;
        let work = shared.clock.begin();
        let (now, limits, name, why) =
            (shared.clock.now(), shared.limits.clone(), installation.to_string(), why.to_string());
        match what {
            Cancel::Run(run) => {
                let (live, said) = (shared.clone(), why.clone());
                let tell = move |()| {
                    if let Some(live) = guard(&live.live).get(&run) {
                        // Said twice, the first reason stands.
                        let _ = live.set(said);
                    }
                };
                shared.store.write_then(move |c| runs::cancel(c, &name, run, &why), tell).await
            }
            Cancel::Task(task) => {
                let cancelled = shared.change(work, move |c| {
                    let kept = tasks::one(c, &name, task)?;
                    match (kept.status, kept.run) {
                        (TaskStatus::Waiting, _) => {
                            tasks::step(c, &name, task, Event::Cancelled(why), now, &limits)?;
                            Ok(((), scope(&name, Some(&kept.task.ordering_key))))
                        }
                        (TaskStatus::Running, Some(run)) => Err(EngineError::Invalid(format!(
                            "task {task} is running; to end it, cancel its run {run}"
                        ))),
                        _ => Err(EngineError::Invalid(format!(
                            "task {task} has ended already; there is nothing to cancel"
                        ))),
                    }
                });
                cancelled.await
            }
        }
    }

    async fn pause(&self, installation: &str, key: Option<&str>) -> Result<(), EngineError> {
        let shared = &self.0;
        let work = shared.clock.begin();
        let (now, name, of) = (shared.clock.now(), installation.to_string(), key.map(str::to_owned));
        let paused = shared.change(work, move |c| {
            pauses::pause(c, &name, of.as_deref(), now)?;
            Ok(((), scope(&name, of.as_deref())))
        });
        paused.await
    }

    async fn resume(&self, installation: &str, key: Option<&str>) -> Result<(), EngineError> {
        let shared = &self.0;
        let work = shared.clock.begin();
        let (now, name, of) = (shared.clock.now(), installation.to_string(), key.map(str::to_owned));
        let resumed = shared.change(work, move |c| {
            pauses::resume(c, &name, of.as_deref(), now)?;
            Ok(((), scope(&name, of.as_deref())))
        });
        resumed.await
    }

    fn installed(&self, installation: &str) {
        self.0.touch(scope(installation, None), self.0.clock.begin());
    }

    async fn retry(&self, installation: &str, task: TaskId) -> Result<(), EngineError> {
        let shared = &self.0;
        let work = shared.clock.begin();
        let (now, limits, name) = (shared.clock.now(), shared.limits.clone(), installation.to_string());
        let retried = shared.change(work, move |c| {
            let kept = tasks::one(c, &name, task)?;
            if kept.status == TaskStatus::Done && kept.task.kind == super::DELIVERY {
                return Err(EngineError::Invalid(format!("task {task} is done: {}", super::BODY_GONE)));
            }
            if kept.status != TaskStatus::Dead {
                return Err(EngineError::Invalid(format!("task {task} is not a dead letter")));
            }
            if let Some(fault) = tasks::fault(&kept.task, kept.generation) {
                return Err(EngineError::Invalid(format!("task {task} can never run: {fault}")));
            }
            if let Some(twin) = tasks::twin(c, &name, &kept)? {
                return Err(EngineError::Invalid(format!("the same work was accepted again since, as task {twin}")));
            }
            tasks::step(c, &name, task, Event::Retried { not_before: kept.task.not_before }, now, &limits)?;
            Ok(((), scope(&name, Some(&kept.task.ordering_key))))
        });
        retried.await
    }

    async fn tasks(
        &self,
        installation: &str,
        filter: TaskFilter,
        after: Option<TaskId>,
    ) -> Result<Vec<KeptTask>, EngineError> {
        let name = installation.to_string();
        self.0.store.read(move |c| tasks::list(c, &name, filter, after)).await
    }

    async fn runs(&self, installation: &str, after: Option<RunId>) -> Result<Vec<RunSummary>, EngineError> {
        let name = installation.to_string();
        self.0.store.read(move |c| runs::list(c, &name, after)).await
    }

    async fn tape(&self, installation: &str, run: RunId) -> Result<Tape, EngineError> {
        let name = installation.to_string();
        self.0.store.read(move |c| runs::tape(c, &name, run)).await
    }

    async fn state(
        &self,
        installation: &str,
        key: &str,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Vec<Entry>, EngineError> {
        let (name, key, prefix) = (installation.to_string(), key.to_string(), prefix.to_string());
        let after = after.map(str::to_owned);
        self.0.store.read(move |c| memory::scan(c, &name, &key, &prefix, after.as_deref(), 1000)).await
    }

    async fn log(&self, installation: &str, after: Option<u64>) -> Result<Vec<LogLine>, EngineError> {
        let name = installation.to_string();
        self.0.store.read(move |c| runs::log(c, &name, after)).await
    }

    async fn changes(&self, installation: &str, after: Option<u64>) -> Result<Vec<KeptChange>, EngineError> {
        let name = installation.to_string();
        self.0.store.read(move |c| runs::changes(c, &name, after)).await
    }

    async fn sweep(&self, installation: &str, keep: &Retention) -> Result<Swept, EngineError> {
        let _work = self.0.clock.begin();
        sweep::sweep(&self.0, installation, keep).await
    }

    async fn forget(&self, installation: &str, subject: &Subject) -> Result<Forgotten, EngineError> {
        let _work = self.0.clock.begin();
        forget::forget(&self.0, installation, subject).await
    }

    async fn allow_again(&self, installation: &str, subject: &Subject) -> Result<(), EngineError> {
        let (name, subject) = (installation.to_string(), subject.clone());
        self.0.store.write(move |c| forget::allow_again(c, &name, &subject)).await
    }
}

#[cfg(test)]
mod tests;
