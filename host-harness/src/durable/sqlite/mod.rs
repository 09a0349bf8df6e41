//! The embedded engine: one SQLite file, no server. Promises: those of [`Engine`]; one process at a time has the file;
//! dropped, it leaves no thread and no lock behind. Not here: what tasks mean, who sends.
//!
//! `runs`, `tasks`, `memory` and `pauses` are the tables, `store` is the file, `keeps` is what is worked off from it, `sweep`
//! and `forget` take away.
//!
//! Invariant: no query goes without the installation, but for the two that ask where there is work at all.

mod columns;
mod forget;
mod keeps;
mod memory;
mod pauses;
mod runs;
mod store;
mod sweep;
mod tasks;

use super::{
    Accepted, Cancel, Counts, Engine, EngineError, EngineLimits, Forgotten, KeptChange, KeptTask, LogLine, Probe,
    Retention, RunSummary, Swept, Tape, TaskFilter, TaskId, TaskStatus, dead_letter,
    drive::{Drive, Scope, scope},
    run::Event,
    schedule::Key,
};
use crate::{
    clock::{Clock, Timestamp, Work},
    effect::{Driver, Entry, Performer, RunId, Subject, Task},
};
use async_trait::async_trait;
use rusqlite::Connection;
use std::{path::Path, sync::Arc};
use store::Store;
pub use store::{backup, copy};
use tokio_util::sync::CancellationToken;

/// What a write survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The death of the machine.
    Full,
    /// The death of the process: for tests and demonstrations, which make thousands of writes.
    ProcessCrash,
    /// The same, and each job is done in the thread that asks for it: things then follow from their causes alone, and the
    /// same story leaves the same journal.
    ProcessCrashInTurn,
}

pub struct SqliteEngine(Shared);

#[derive(Clone)]
struct Shared {
    store: Arc<Store>,
    drive: Arc<Drive>,
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
        let store = Arc::new(Store::open(path, durability)?);
        let drive = Arc::new(Drive::new(store.clone(), clock, limits, probe));
        Ok(SqliteEngine(Shared { store, drive }))
    }
}

impl Drop for SqliteEngine {
    fn drop(&mut self) {
        // A run's task may still be on its way out; it finds the store closed.
        self.0.store.close();
    }
}

impl Shared {
    /// Writes, and has the loop hear of it, whether or not the caller is still there then.
    async fn change<T, F>(&self, work: Work, f: F) -> Result<T, EngineError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<(T, Scope), EngineError> + Send + 'static,
    {
        let drive = self.drive.clone();
        let then = move |(value, scope)| {
            drive.touch(scope, work);
            value
        };
        self.store.write_then(f, then).await
    }
}

#[async_trait]
impl Engine for SqliteEngine {
    async fn accept(&self, installation: &str, given: Vec<Task>) -> Result<Vec<Accepted>, EngineError> {
        let shared = &self.0;
        let work = shared.drive.clock.begin();
        if let Some(fault) = given.iter().find_map(|task| dead_letter::fault(task, 0)) {
            return Err(EngineError::Invalid(fault));
        }
        let (now, limits, name) = (shared.drive.clock.now(), shared.drive.limits.clone(), installation.to_string());
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
        self.0.drive.serve(driver, performer, stop).await
    }

    async fn idle(&self) -> Result<Option<Timestamp>, EngineError> {
        self.0.drive.idle().await
    }

    async fn cancel(&self, installation: &str, what: Cancel, why: &str) -> Result<(), EngineError> {
        let shared = &self.0;
        let work = shared.drive.clock.begin();
        let (now, limits, name, why) =
            (shared.drive.clock.now(), shared.drive.limits.clone(), installation.to_string(), why.to_string());
        match what {
            Cancel::Run(run) => {
                let (drive, said) = (shared.drive.clone(), why.clone());
                let tell = move |()| drive.cancel(run, said);
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
        let work = shared.drive.clock.begin();
        let (now, name, of) = (shared.drive.clock.now(), installation.to_string(), key.map(str::to_owned));
        let paused = shared.change(work, move |c| {
            pauses::pause(c, &name, of.as_deref(), now)?;
            Ok(((), scope(&name, of.as_deref())))
        });
        paused.await
    }

    async fn resume(&self, installation: &str, key: Option<&str>) -> Result<(), EngineError> {
        let shared = &self.0;
        let work = shared.drive.clock.begin();
        let (now, name, of) = (shared.drive.clock.now(), installation.to_string(), key.map(str::to_owned));
        let resumed = shared.change(work, move |c| {
            pauses::resume(c, &name, of.as_deref(), now)?;
            Ok(((), scope(&name, of.as_deref())))
        });
        resumed.await
    }

    fn installed(&self, installation: &str) {
        self.0.drive.touch(scope(installation, None), self.0.drive.clock.begin());
    }

    async fn retry(&self, installation: &str, task: TaskId) -> Result<(), EngineError> {
        let shared = &self.0;
        let work = shared.drive.clock.begin();
        let (now, limits, name) = (shared.drive.clock.now(), shared.drive.limits.clone(), installation.to_string());
        let retried = shared.change(work, move |c| {
            let kept = tasks::one(c, &name, task)?;
            if kept.status == TaskStatus::Done && kept.task.kind == super::DELIVERY {
                return Err(EngineError::Invalid(format!("task {task} is done: {}", super::BODY_GONE)));
            }
            if kept.is_put_off() {
                tasks::step(c, &name, task, Event::Woken, now, &limits)?;
                return Ok(((), scope(&name, Some(&kept.task.ordering_key))));
            }
            if kept.status != TaskStatus::Dead {
                return Err(EngineError::Invalid(format!("task {task} {}", super::NOTHING_TO_RETRY)));
            }
            if let Some(fault) = dead_letter::fault(&kept.task, kept.generation) {
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

    async fn discard(&self, installation: &str, task: TaskId) -> Result<(), EngineError> {
        let (now, name) = (self.0.drive.clock.now(), installation.to_string());
        let discarded = self.0.store.write(move |c| {
            let kept = tasks::one(c, &name, task)?;
            tasks::tell(c, &name, kept.run, now, &dead_letter::discarded(&kept)?)?;
            tasks::delete(c, &name, task)
        });
        discarded.await
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

    async fn counts(&self, installation: &str) -> Result<Counts, EngineError> {
        let name = installation.to_string();
        self.0.store.read(move |c| tasks::counts(c, &name)).await
    }

    async fn sweep(&self, installation: &str, keep: &Retention) -> Result<Swept, EngineError> {
        let _work = self.0.drive.clock.begin();
        sweep::sweep(&self.0, installation, keep).await
    }

    async fn forget(&self, installation: &str, subject: &Subject) -> Result<Forgotten, EngineError> {
        let _work = self.0.drive.clock.begin();
        forget::forget(&self.0, installation, subject).await
    }

    async fn is_forgotten(&self, installation: &str, subject: &Subject) -> Result<bool, EngineError> {
        let (name, subject) = (installation.to_string(), subject.clone());
        self.0.store.read(move |c| forget::is_forgotten(c, &name, &subject)).await
    }

    async fn allow_again(&self, installation: &str, subject: &Subject) -> Result<(), EngineError> {
        let (name, subject) = (installation.to_string(), subject.clone());
        self.0.store.write(move |c| forget::allow_again(c, &name, &subject)).await
    }
}

#[cfg(test)]
mod tests;
