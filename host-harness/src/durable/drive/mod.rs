//! How an engine that keeps its tasks itself works them off: `serve` gives keys their turn, `live` takes one run to its end.
//! What is kept and how is behind [`Keeps`], so that the order of things is written once. Not here: what is kept.

mod live;
mod serve;

use super::{
    EngineError, EngineLimits, Phase, Point, Probe,
    batch::Batches,
    journal::{Ending, Record, Told},
    schedule::{Key, Next},
    state::Usage,
};
use crate::{
    clock::{Clock, Timestamp, Work},
    effect::{Driver, Entry, Lead, Line, Performer, RunId},
};
use async_trait::async_trait;
use serve::{Heard, Touched};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, OnceLock},
};
use tokio::sync::{mpsc::UnboundedSender, oneshot};
use tokio_util::sync::CancellationToken;

/// What is kept. Whatever returns from here is durable; each call is whole or has not happened.
#[async_trait]
pub(super) trait Keeps: Send + Sync {
    /// Keys in which something waits or a run is open; of all installations where none is named. Runs come first.
    async fn keys_with_work(&self, installation: Option<&str>) -> Result<Vec<Key>, EngineError>;

    /// When each has something to do next. While it is paused that is nothing but to end a run that was cut off.
    async fn next_at(&self, keys: Vec<Key>, limits: &EngineLimits) -> Result<Vec<(Key, NextAt)>, EngineError>;

    /// The key's run that was begun and has not ended.
    async fn cut_off(&self, key: &Key) -> Result<Option<OpenRun>, EngineError>;

    /// Takes the key's next batch, if something is due. Gives up what was put off for too long on the way.
    async fn open(
        &self,
        key: &Key,
        prepared: Prepared,
        now: Timestamp,
        limits: &EngineLimits,
    ) -> Result<Option<Lead>, EngineError>;

    /// `first` is the number of the first of these records.
    async fn append(&self, lead: &Lead, first: u64, records: Vec<String>) -> Result<(), EngineError>;

    /// Answers the keys in which something is to do now.
    async fn end(
        &self,
        conclusion: Conclusion,
        now: Timestamp,
        limits: &EngineLimits,
    ) -> Result<BTreeSet<Key>, EngineError>;

    /// Why the run shall end, if a person said so.
    async fn cancelled(&self, lead: &Lead) -> Result<Option<String>, EngineError>;

    /// Of those of these entries of the key's memory that are there, their sizes; and what the installation holds in all.
    async fn sizes(&self, lead: &Lead, keys: Vec<String>) -> Result<(HashMap<String, u64>, Usage), EngineError>;

    /// The key's memory: values in the order of `keys`.
    async fn get(&self, lead: &Lead, keys: Vec<String>) -> Result<Vec<Option<String>>, EngineError>;

    /// In the order of the keys' bytes.
    async fn scan(
        &self,
        lead: &Lead,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, EngineError>;

    /// A line of the engine's own.
    async fn tell(&self, installation: &str, at: Timestamp, line: &Line) -> Result<(), EngineError>;

    /// From here on every write is refused, as if the process had died.
    fn halt(&self, point: &Point);
}

pub(super) type NextAt = Result<Option<Next>, EngineError>;

/// What a run of a key begins with, beside its tasks.
pub(super) struct Prepared {
    pub component: String,
    pub context: serde_json::Value,
    pub tasks_max: usize,
}

/// A run that was cut off, or that has just begun.
pub(super) struct OpenRun {
    pub lead: Lead,
    pub recorded: Vec<Record>,
    /// Of its journal, as it is written.
    pub bytes: u64,
    pub paused: bool,
    /// Why some of it cannot be read, by this version of the host at least. The run then ends with what can: one that
    /// cannot go on must not keep all others from it.
    pub unreadable: Option<String>,
}

/// All that becomes durable when a run ends.
pub(super) struct Conclusion {
    pub lead: Lead,
    pub ending: Ending,
    pub told: Told,
    /// Those that are not durable yet, and the number of the first.
    pub first: u64,
    pub records: Vec<String>,
}

pub(super) enum Scope {
    Keys(BTreeSet<Key>),
    Installation(String),
}

pub(super) fn scope(installation: &str, key: Option<&str>) -> Scope {
    let installation = installation.to_string();
    match key {
        Some(key) => Scope::Keys([Key { installation, key: key.to_string() }].into()),
        None => Scope::Installation(installation),
    }
}

pub(super) struct Drive {
    keeps: Arc<dyn Keeps>,
    pub clock: Arc<dyn Clock>,
    pub limits: EngineLimits,
    probe: Arc<dyn Probe>,
    /// Where the loop hears, while it serves.
    serving: Mutex<Option<UnboundedSender<Heard>>>,
    /// Who asked for idleness while nobody served. Touched under the lock of `serving` alone.
    early: Mutex<Vec<oneshot::Sender<Option<Timestamp>>>>,
    /// The runs under way, and why each was cancelled, if it was.
    live: Mutex<HashMap<RunId, Arc<OnceLock<String>>>>,
    batches: Mutex<Batches>,
}

pub(super) fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is kept behind these locks is whole between any two statements.
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Drive {
    pub fn new(keeps: Arc<dyn Keeps>, clock: Arc<dyn Clock>, limits: EngineLimits, probe: Arc<dyn Probe>) -> Drive {
        let (serving, early, live, batches) = Default::default();
        Drive { keeps, clock, limits, probe, serving, early, live, batches }
    }

    pub async fn serve(
        self: &Arc<Self>,
        driver: Arc<dyn Driver>,
        performer: Arc<dyn Performer>,
        stop: CancellationToken,
    ) -> Result<(), EngineError> {
        serve::serve(self.clone(), driver, performer, stop).await
    }

    pub async fn idle(&self) -> Result<Option<Timestamp>, EngineError> {
        let (asker, answer) = oneshot::channel();
        match guard(&self.serving).as_ref() {
            // A loop that has just ended drops the asker.
            Some(sender) => drop(sender.send(Heard::Idle(asker, self.clock.begin()))),
            None => guard(&self.early).push(asker),
        }
        answer.await.map_err(|_| EngineError::Invalid("nobody serves any more".into()))
    }

    /// Tells a run that is under way. Said twice, the first reason stands.
    pub fn cancel(&self, run: RunId, why: String) {
        if let Some(live) = guard(&self.live).get(&run) {
            let _ = live.set(why);
        }
    }

    pub fn touch(&self, scope: Scope, work: Work) {
        if let Some(sender) = guard(&self.serving).as_ref() {
            // A loop that has just ended needs no word: the next one looks for itself.
            let _ = sender.send(Heard::Touched(Touched { scope, work }));
        }
    }

    fn reach(&self, run: RunId, wave: u32, place: u32, phase: Phase) -> Result<(), EngineError> {
        let point = Point { run, wave, place, phase };
        if self.probe.reached(&point) {
            return Ok(());
        }
        self.keeps.halt(&point);
        Err(EngineError::Stopped(point))
    }
}
