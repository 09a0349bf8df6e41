//! What is worked off, from the objects.

use super::{Directory, Disk, object::Now, object::Object};
use crate::{
    clock::Timestamp,
    durable::{
        EngineError, EngineLimits, Point,
        drive::{Conclusion, Keeps, NextAt, OpenRun, Prepared, guard},
        schedule::Key,
        state::{Usage, size},
    },
    effect::{Entry, Lead, Line},
};
use async_trait::async_trait;
use std::{
    collections::{BTreeSet, HashMap},
    sync::OnceLock,
};

/// A disk as one engine has it.
pub(super) struct Open {
    disk: Disk,
    halted: OnceLock<Point>,
    closed: OnceLock<()>,
}

impl Open {
    pub fn new(disk: Disk) -> Open {
        Open { disk, halted: OnceLock::new(), closed: OnceLock::new() }
    }

    pub fn close(&self) {
        let _ = self.closed.set(());
    }

    pub fn directory(&self) -> Result<&Directory, EngineError> {
        match (self.halted.get(), self.closed.get()) {
            (Some(point), _) => Err(EngineError::Stopped(point.clone())),
            (_, Some(())) => Err(EngineError::Store("it is closed".into())),
            _ => Ok(&self.disk.0),
        }
    }

    fn at<T>(&self, lead: &Lead, f: impl FnOnce(&mut Object) -> T) -> Result<T, EngineError> {
        let key = Key { installation: lead.installation.clone(), key: lead.key.clone() };
        Ok(f(&mut guard(&self.directory()?.object(&key))))
    }
}

/// All of it or nothing: what fails leaves the object as it was.
fn whole<T>(object: &mut Object, f: impl FnOnce(&mut Object) -> Result<T, EngineError>) -> Result<T, EngineError> {
    let mut next = object.clone();
    let value = f(&mut next)?;
    *object = next;
    Ok(value)
}

#[async_trait]
impl Keeps for Open {
    async fn keys_with_work(&self, installation: Option<&str>) -> Result<Vec<Key>, EngineError> {
        let with_work = |object: &_| {
            let object: std::sync::MutexGuard<Object> = guard(object);
            object.has_work().then(|| (object.open_run().map_or(u64::MAX, |run| run.0), object.key().clone()))
        };
        let all = self.directory()?.all(installation);
        let mut keys: Vec<(u64, Key)> = all.iter().filter_map(|object| with_work(object.as_ref())).collect();
        keys.sort();
        Ok(keys.into_iter().map(|(_, key)| key).collect())
    }

    async fn next_at(&self, keys: Vec<Key>, limits: &EngineLimits) -> Result<Vec<(Key, NextAt)>, EngineError> {
        let directory = self.directory()?;
        let next = |key: Key| {
            let at = guard(&directory.object(&key)).next_at(limits);
            (key, Ok(at))
        };
        Ok(keys.into_iter().map(next).collect())
    }

    async fn cut_off(&self, key: &Key) -> Result<Option<OpenRun>, EngineError> {
        guard(&self.directory()?.object(key)).cut_off()
    }

    async fn open(
        &self,
        key: &Key,
        prepared: Prepared,
        at: Timestamp,
        limits: &EngineLimits,
    ) -> Result<Option<Lead>, EngineError> {
        let directory = self.directory()?;
        let now = Now { at, limits, ids: &directory.ids };
        whole(&mut guard(&directory.object(key)), |object| object.open(prepared, now))
    }

    async fn append(&self, lead: &Lead, _: u64, records: Vec<String>) -> Result<(), EngineError> {
        self.at(lead, |object| object.append(lead.run, records))?
    }

    async fn end(
        &self,
        conclusion: Conclusion,
        at: Timestamp,
        limits: &EngineLimits,
    ) -> Result<BTreeSet<Key>, EngineError> {
        let directory = self.directory()?;
        let now = Now { at, limits, ids: &directory.ids };
        let installation = conclusion.lead.installation.clone();
        let key = Key { installation: installation.clone(), key: conclusion.lead.key.clone() };
        let object = directory.object(&key);
        let of = |task: &str| Key { installation: installation.clone(), key: task.into() };
        let touched = whole(&mut guard(&object), |object| {
            object.end(conclusion, now, |subject| directory.turned_away(&installation, subject, at))?;
            Ok(object.outbox.iter().map(|message| of(&message.task.ordering_key)).collect())
        })?;
        directory.deliver(&object, now);
        Ok(touched)
    }

    async fn cancelled(&self, lead: &Lead) -> Result<Option<String>, EngineError> {
        self.at(lead, |object| object.run_mut(lead.run).map(|run| run.cancelled.clone()))?
    }

    async fn sizes(&self, lead: &Lead, keys: Vec<String>) -> Result<(HashMap<String, u64>, Usage), EngineError> {
        let sizes = self.at(lead, |object| {
            let size = |key: String| object.state.get(&key).map(|entry| (key, size(entry)));
            keys.into_iter().filter_map(size).collect()
        })?;
        // Each is asked for its own.
        let all = self.directory()?.all(Some(&lead.installation));
        let usage = all.iter().map(|object| guard(object).usage());
        let sum = |a: Usage, b: Usage| Usage { entries: a.entries + b.entries, bytes: a.bytes + b.bytes };
        Ok((sizes, usage.fold(Usage::default(), sum)))
    }

    async fn get(&self, lead: &Lead, keys: Vec<String>) -> Result<Vec<Option<String>>, EngineError> {
        self.at(lead, |object| keys.iter().map(|key| object.state.get(key).map(|entry| entry.value.clone())).collect())
    }

    async fn scan(
        &self,
        lead: &Lead,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, EngineError> {
        self.at(lead, |object| object.scan(prefix, after, limit))
    }

    async fn tell(&self, installation: &str, at: Timestamp, line: &Line) -> Result<(), EngineError> {
        let directory = self.directory()?;
        let line = directory.ids.line(None, at, line.clone());
        guard(&directory.notes).entry(installation.into()).or_default().lines.push(line);
        Ok(())
    }

    fn halt(&self, point: &Point) {
        let _ = self.halted.set(point.clone());
    }
}
