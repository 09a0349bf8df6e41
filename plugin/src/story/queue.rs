//! The host's side of the contract, as far as stories need it: dedupe, ordering keys with a state each, waits and wakes.

use super::{state::assert_has_a_sample, world::World};
use crate::{
    connector,
    host::{
        Admission, Assignment, Context, Delivery, Entry, FailureClass, Host, Instant, Interruption, MINUTE, Outcome,
        Page, Request, Row, Task, Trigger,
    },
    test_host::{TestHost, context},
};
use serde_json::Value;
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

const SYNC: &str = "sync/reconcile";

struct Waiting {
    task: Task,
    admitted_at: Instant,
    due_at: Instant,
    wake_on: Option<String>,
}

pub struct Story {
    pub host: TestHost,
    pub world: Rc<RefCell<World>>,
    pub context: Context,
    pub batch_max: usize,
    states: BTreeMap<String, BTreeMap<String, Entry>>,
    cursors: BTreeMap<String, String>,
    waiting: Vec<Waiting>,
    done: BTreeSet<String>,
    /// What the tasks of all passes were to cost.
    pub costs: u64,
    /// Where the last pass ended.
    pub cursor: Option<String>,
    dead: Vec<(Task, FailureClass, String)>,
    pub waits: Vec<String>,
}

impl Story {
    pub fn new() -> Self {
        let world = Rc::new(RefCell::new(World::default()));
        let behind = world.clone();
        let host = TestHost::new(super::START + 60 * MINUTE, move |request| behind.borrow_mut().answer(request));
        world.borrow_mut().now = host.now();
        let context = Context { activated_at: super::START, ..context() };
        Self {
            host,
            world,
            context,
            batch_max: 50,
            states: BTreeMap::new(),
            cursors: BTreeMap::new(),
            waiting: Vec::new(),
            done: BTreeSet::new(),
            costs: 0,
            cursor: None,
            dead: Vec::new(),
            waits: Vec::new(),
        }
    }

    pub fn set_up(&mut self, settings: &Value) {
        self.context.settings = settings.to_string();
        self.world.borrow_mut().settings = settings.to_string();
    }

    pub fn deliver(&mut self, body: &Value) -> Admission {
        let delivery = Delivery {
            source: "livestorm".into(),
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
            received_at: self.host.now(),
            verified: false,
        };
        let admission = connector::admit(&self.context, &Trigger::Webhook(delivery));
        if let Admission::Tasks(tasks) = &admission {
            tasks.iter().cloned().for_each(|task| self.accept(task));
        }
        admission
    }

    /// A task from wherever, and what follows from it at once.
    pub fn give(&mut self, task: Task) {
        self.accept(task);
        self.run_due();
    }

    /// Switched on or off: a cause of its own, whatever was done before.
    pub fn trigger(&mut self, trigger: &Trigger) {
        let Admission::Tasks(tasks) = connector::admit(&self.context, trigger) else { panic!("{trigger:?}") };
        for task in tasks {
            self.done.remove(&task.dedupe_key);
            self.accept(task);
        }
        self.run_due();
    }

    /// One pass of a source, page by page; its tasks wait like any other.
    pub fn pass(&mut self, source: &str) -> Result<Vec<Row>, Interruption> {
        let mut rows = Vec::new();
        loop {
            let page = self.page(source, "")?;
            rows.extend(page.rows);
            if !page.more {
                return Ok(rows);
            }
        }
    }

    /// The next page of a source.
    pub fn page(&mut self, source: &str, parameters: &str) -> Result<Page, Interruption> {
        let (page, state) = self.page_lost(source, parameters)?;
        self.states.insert(format!("sync/{source}"), state);
        self.cursors.insert(source.into(), page.cursor.clone());
        page.tasks.iter().cloned().for_each(|task| self.accept(task));
        Ok(page)
    }

    /// The next page, of which nothing becomes durable; and the state that it would leave.
    pub fn page_lost(
        &mut self,
        source: &str,
        parameters: &str,
    ) -> Result<(Page, BTreeMap<String, Entry>), Interruption> {
        let key = format!("sync/{source}");
        let cursor = self.cursors.get(source).cloned();
        self.host.swap_state(self.states.get(&key).cloned().unwrap_or_default());
        let page = connector::sync(&self.host, &self.context, source, parameters, cursor.as_deref());
        let state = self.host.swap_state(BTreeMap::new());
        let page = page?;
        state.keys().for_each(|entry| assert_has_a_sample(&key, entry));
        assert!(page.rows.len() <= 1_000 && page.tasks.len() <= 1_000 && page.cursor.len() <= 8 * 1024);
        Ok((page, state))
    }

    /// As after a switching off and on: what the source has read is not known any more.
    pub fn forget_source(&mut self, source: &str) {
        self.states.remove(&format!("sync/{source}"));
        self.cursors.remove(source);
    }

    fn accept(&mut self, task: Task) {
        assert!(task.ordering_key.len() <= 128 && task.dedupe_key.len() <= 200 && task.title.len() <= 200, "{task:?}");
        let waits = self.waiting.iter().any(|waiting| waiting.task.dedupe_key == task.dedupe_key);
        if !waits && !self.done.contains(&task.dedupe_key) {
            let now = self.host.now();
            let due_at = task.not_before.unwrap_or(now);
            self.waiting.push(Waiting { task, admitted_at: now, due_at, wake_on: None });
        }
    }

    fn set_now(&self, now: Instant) {
        self.host.set_now(now);
        self.world.borrow_mut().now = now;
    }

    pub fn advance(&mut self, milliseconds: u64) {
        self.set_now(self.host.now() + milliseconds);
        self.run_due();
    }

    pub fn advance_to(&mut self, at: Instant) {
        let now = self.host.now();
        self.advance(at - now);
    }

    /// One pass of the reconciliation, page by page, and what follows from it as far as it is due. How many tasks it gave.
    pub fn reconcile(&mut self) -> usize {
        let mut given = 0;
        loop {
            self.host.swap_state(self.states.remove(SYNC).unwrap_or_default());
            let cursor = self.cursor.clone();
            let page = connector::sync(&self.host, &self.context, "reconcile", "", cursor.as_deref());
            let state = self.host.swap_state(BTreeMap::new());
            state.keys().for_each(|entry| assert_has_a_sample(SYNC, entry));
            self.states.insert(SYNC.into(), state);
            let page = match page {
                Err(Interruption::Later(wait)) => {
                    self.advance_to(wait.until);
                    continue;
                }
                page => page.unwrap(),
            };
            assert!(page.rows.is_empty() && page.tasks.len() <= 1_000 && page.cursor.len() <= 8 * 1024);
            self.cursor = Some(page.cursor);
            self.costs += page.costs.iter().map(|cost| cost.most).sum::<u64>();
            given += page.tasks.len();
            page.tasks.into_iter().for_each(|task| self.accept(task));
            if !page.more {
                break;
            }
        }
        self.run_due();
        given
    }

    /// A pass every so often, until then.
    pub fn reconcile_until(&mut self, until: Instant, each: u64) {
        while self.host.now() < until {
            self.reconcile();
            let next = (self.host.now() + each).min(until);
            while let Some(due) = self.waiting.iter().map(|one| one.due_at).min().filter(|due| *due < next) {
                self.set_now(due.max(self.host.now()));
                self.run_due();
            }
            self.advance_to(next);
        }
    }

    /// Works off whatever is due now.
    pub fn run_due(&mut self) {
        loop {
            let now = self.host.now();
            let Some(key) = self.waiting.iter().find(|one| one.due_at <= now).map(|one| one.task.ordering_key.clone())
            else {
                return;
            };
            let mut batch = Vec::new();
            let mut rest = Vec::new();
            for one in std::mem::take(&mut self.waiting) {
                let takes = one.task.ordering_key == key && one.due_at <= now && batch.len() < self.batch_max;
                if takes { batch.push(one) } else { rest.push(one) }
            }
            self.waiting = rest;
            self.run(&key, batch);
        }
    }

    fn run(&mut self, key: &str, batch: Vec<Waiting>) {
        let assignments: Vec<Assignment> = (0..)
            .zip(&batch)
            .map(|(id, one)| Assignment { id, task: one.task.clone(), attempt: 1, admitted_at: one.admitted_at })
            .collect();
        self.host.swap_state(self.states.remove(key).unwrap_or_default());
        let ends = connector::handle(&self.host, &self.context, &assignments);
        let state = self.host.swap_state(BTreeMap::new());
        state.keys().for_each(|entry| assert_has_a_sample(key, entry));
        self.states.insert(key.into(), state);
        assert_eq!(ends.len(), batch.len());
        let mut wakes = Vec::new();
        for ((_, outcome), one) in ends.into_iter().zip(batch) {
            match outcome {
                Outcome::Done(completion) => {
                    self.done.insert(one.task.dedupe_key);
                    completion.follow_ups.into_iter().for_each(|task| self.accept(task));
                    wakes.extend(completion.wakes);
                }
                Outcome::Later(wait) => {
                    assert!(wait.until > self.host.now(), "a wait ends in the future: {}", wait.reason);
                    assert!(wait.reason.len() <= 300, "{}", wait.reason);
                    self.waits.push(wait.reason.clone());
                    self.waiting.push(Waiting { due_at: wait.until, wake_on: wait.wake_on, ..one });
                }
                Outcome::Failed(failure) => {
                    assert!(
                        failure.problem.len() <= 2_000 && failure.remedy.len() <= 1_000 && !failure.remedy.is_empty()
                    );
                    self.dead.push((one.task, failure.class, format!("{} | {}", failure.problem, failure.remedy)));
                }
            }
        }
        let now = self.host.now();
        for one in &mut self.waiting {
            if one.task.ordering_key == key && one.wake_on.as_ref().is_some_and(|word| wakes.contains(word)) {
                one.due_at = now;
            }
        }
    }

    /// Moves time to the next timer until nothing waits. More than 14 days is a story without an end.
    pub fn settle(&mut self) {
        let end = self.host.now() + 14 * 24 * 60 * MINUTE;
        self.run_due();
        while let Some(next) = self.waiting.iter().map(|one| one.due_at).min() {
            assert!(next < end, "waits without an end: {:?}", self.waits.last());
            self.set_now(next.max(self.host.now()));
            self.run_due();
        }
    }

    pub fn dead_letters(&self) -> Vec<String> {
        self.dead.iter().map(|(task, class, text)| format!("{} {class:?}: {text}", task.kind)).collect()
    }

    /// `harness retry`: all dead letters again.
    pub fn retry(&mut self) {
        for (task, _, _) in std::mem::take(&mut self.dead) {
            self.accept(Task { not_before: None, ..task });
        }
    }

    /// As if a version had run here that did not keep such entries.
    pub fn forget_entries(&mut self, key: &str, prefix: &str) {
        self.states.entry(key.into()).or_default().retain(|entry, _| !entry.starts_with(prefix));
    }

    /// As after the retention: what was done before is not dropped any more.
    pub fn forget_done(&mut self) {
        self.done.clear();
    }

    /// Requests sent since, and their purposes.
    pub fn sent_since(&self, count: usize) -> Vec<Request> {
        self.host.requests().split_off(count)
    }

    pub fn sent(&self) -> usize {
        self.host.requests().len()
    }

    pub fn state(&self, key: &str, entry: &str) -> Option<&str> {
        self.states.get(key)?.get(entry).map(|entry| entry.value.as_str())
    }

    pub fn keys(&self, key: &str) -> Vec<String> {
        self.states.get(key).map(|state| state.keys().cloned().collect()).unwrap_or_default()
    }

    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}
