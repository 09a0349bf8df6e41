//! What is worked off, from the file.

use super::{memory, runs, store::Store, tasks};
use crate::{
    clock::Timestamp,
    durable::{
        EngineError, EngineLimits, Point,
        drive::{Conclusion, Keeps, NextAt, OpenRun, Prepared},
        schedule::Key,
        state::Usage,
    },
    effect::{Entry, Lead, Line},
};
use async_trait::async_trait;
use std::collections::{BTreeSet, HashMap};

#[async_trait]
impl Keeps for Store {
    async fn keys_with_work(&self, installation: Option<&str>) -> Result<Vec<Key>, EngineError> {
        let name = installation.map(str::to_owned);
        self.read(move |c| tasks::keys_with_work(c, name.as_deref())).await
    }

    async fn next_at(&self, keys: Vec<Key>, limits: &EngineLimits) -> Result<Vec<(Key, NextAt)>, EngineError> {
        let limits = limits.clone();
        let next = move |c: &_| {
            let next = |key: Key| {
                let at = tasks::next_at(c, &key.installation, &key.key, &limits);
                (key, at)
            };
            Ok(keys.into_iter().map(next).collect())
        };
        self.read(next).await
    }

    async fn cut_off(&self, key: &Key) -> Result<Option<OpenRun>, EngineError> {
        let key = key.clone();
        self.read(move |c| runs::cut_off(c, &key)).await
    }

    async fn open(
        &self,
        key: &Key,
        prepared: Prepared,
        now: Timestamp,
        limits: &EngineLimits,
    ) -> Result<Option<Lead>, EngineError> {
        let (key, limits) = (key.clone(), limits.clone());
        self.write(move |c| runs::open(c, &key, prepared, now, &limits)).await
    }

    async fn append(&self, lead: &Lead, first: u64, records: Vec<String>) -> Result<(), EngineError> {
        let (installation, run) = (lead.installation.clone(), lead.run);
        self.write(move |c| runs::append(c, &installation, run, first, &records)).await
    }

    async fn end(
        &self,
        conclusion: Conclusion,
        now: Timestamp,
        limits: &EngineLimits,
    ) -> Result<BTreeSet<Key>, EngineError> {
        let limits = limits.clone();
        self.write(move |c| runs::end(c, &conclusion, now, &limits)).await
    }

    async fn cancelled(&self, lead: &Lead) -> Result<Option<String>, EngineError> {
        let (installation, run) = (lead.installation.clone(), lead.run);
        self.read(move |c| runs::cancelled(c, &installation, run)).await
    }

    async fn sizes(&self, lead: &Lead, keys: Vec<String>) -> Result<(HashMap<String, u64>, Usage), EngineError> {
        let (installation, ordering_key) = (lead.installation.clone(), lead.key.clone());
        let sizes = move |c: &_| {
            let mut sizes = HashMap::new();
            for key in keys {
                if let Some(size) = memory::size_of(c, &installation, &ordering_key, &key)? {
                    sizes.insert(key, size);
                }
            }
            Ok((sizes, memory::usage(c, &installation)?))
        };
        self.read(sizes).await
    }

    async fn get(&self, lead: &Lead, keys: Vec<String>) -> Result<Vec<Option<String>>, EngineError> {
        let (installation, ordering_key) = (lead.installation.clone(), lead.key.clone());
        self.read(move |c| keys.iter().map(|key| memory::get(c, &installation, &ordering_key, key)).collect()).await
    }

    async fn scan(
        &self,
        lead: &Lead,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, EngineError> {
        let (installation, ordering_key) = (lead.installation.clone(), lead.key.clone());
        let (prefix, after) = (prefix.to_string(), after.map(str::to_owned));
        self.read(move |c| memory::scan(c, &installation, &ordering_key, &prefix, after.as_deref(), limit)).await
    }

    async fn tell(&self, installation: &str, at: Timestamp, line: &Line) -> Result<(), EngineError> {
        let (name, line) = (installation.to_string(), line.clone());
        self.write(move |c| tasks::tell(c, &name, None, at, &line)).await
    }

    fn halt(&self, point: &Point) {
        Store::halt(self, point);
    }
}
