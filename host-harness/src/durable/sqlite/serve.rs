//! The loop that gives keys their turn. It holds a work while it does something and none while it waits; whoever
//! tells it something hands over a work, so that a simulated clock does not leap in between.

use super::{
    Shared, guard,
    live::{Left, Live},
    runs::{self, OpenRun, Prepared},
    tasks,
};
use crate::{
    clock::{Timer, Work},
    durable::{
        EngineError, Phase,
        journal::Ending,
        schedule::{Key, Schedule},
    },
    effect::{Driver, Performer},
};
use std::{collections::BTreeSet, future::pending, sync::Arc};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// Something may be to do there.
pub(super) struct Touched {
    pub scope: Scope,
    pub work: Work,
}

pub(super) enum Scope {
    Keys(BTreeSet<Key>),
    Installation(String),
}

struct Over {
    key: Key,
    /// The driver did not know the installation: its tasks wait until somebody touches them.
    parked: bool,
    left: Left,
    work: Option<Work>,
}

/// One loop at a time: the place is taken until this is dropped.
struct Place(Arc<Shared>);

impl Drop for Place {
    fn drop(&mut self) {
        *guard(&self.0.serving) = None;
    }
}

pub(super) async fn serve(
    shared: Arc<Shared>,
    driver: Arc<dyn Driver>,
    performer: Arc<dyn Performer>,
    stop: CancellationToken,
) -> Result<(), EngineError> {
    // Before anything is awaited: see `durable::start`.
    let mut work = Some(shared.clock.begin());
    let (sender, messages) = mpsc::unbounded_channel();
    let _place = {
        let mut place = guard(&shared.serving);
        if place.is_some() {
            return Err(EngineError::Invalid("the engine serves already".into()));
        }
        *place = Some(sender);
        Place(shared.clone())
    };
    let mut serving = Serving {
        schedule: Schedule::new(shared.limits.runs_per_installation_max),
        runs: JoinSet::new(),
        shared,
        driver,
        performer,
    };
    let result = serving.turn(messages, stop, &mut work).await;
    // The work is held until all that was under way is gone, so that no timer of it fires any more.
    serving.runs.shutdown().await;
    drop(work);
    result
}

struct Serving {
    shared: Arc<Shared>,
    driver: Arc<dyn Driver>,
    performer: Arc<dyn Performer>,
    schedule: Schedule,
    runs: JoinSet<Over>,
}

impl Serving {
    async fn turn(
        &mut self,
        mut messages: mpsc::UnboundedReceiver<Touched>,
        stop: CancellationToken,
        work: &mut Option<Work>,
    ) -> Result<(), EngineError> {
        if stop.is_cancelled() {
            return Ok(());
        }
        self.resume().await?;
        let waiting = self.shared.store.read(|c| tasks::waiting_keys(c, None)).await?;
        self.look(waiting.into_iter().collect()).await?;
        let mut stopping = false;
        loop {
            if stopping && self.runs.is_empty() {
                return Ok(());
            }
            while !stopping && let Some(key) = self.schedule.begin(self.shared.clock.now()) {
                let run = run(self.shared.clone(), self.driver.clone(), self.performer.clone(), key);
                self.spawn(run);
            }
            let timer = self.schedule.next_at().filter(|_| !stopping).map(|at| self.shared.clock.timer(at));
            *work = None;
            tokio::select! {
                biased;
                Some(over) = self.runs.join_next() => {
                    let over = over.map_err(|e| EngineError::Store(format!("a run's task failed: {e}")))?;
                    *work = Some(over.work.unwrap_or_else(|| self.shared.clock.begin()));
                    self.schedule.ended(&over.key);
                    let mut keys = over.left?;
                    if !over.parked {
                        keys.insert(over.key);
                    }
                    self.look(keys).await?;
                }
                Some(touched) = messages.recv() => {
                    *work = Some(touched.work);
                    let keys = match touched.scope {
                        Scope::Keys(keys) => keys,
                        Scope::Installation(name) => {
                            let keys = self.shared.store.read(move |c| tasks::waiting_keys(c, Some(&name)));
                            keys.await?.into_iter().collect()
                        }
                    };
                    self.look(keys).await?;
                }
                () = stop.cancelled(), if !stopping => {
                    stopping = true;
                    *work = Some(self.shared.clock.begin());
                }
                fired = due(timer) => *work = Some(fired),
            }
        }
    }

    /// Runs that were cut off go on before any new one of their key begins.
    async fn resume(&mut self) -> Result<(), EngineError> {
        for open in self.shared.store.read(runs::all_open).await? {
            let key = Key { installation: open.lead.installation.clone(), key: open.lead.key.clone() };
            self.schedule.resumed(key.clone());
            let resumed = resumed(self.shared.clone(), self.driver.clone(), self.performer.clone(), key, open);
            self.spawn(resumed);
        }
        Ok(())
    }

    fn spawn<F: Future<Output = Over> + Send + 'static>(&mut self, run: impl FnOnce(Work) -> F) {
        let work = self.shared.clock.begin();
        self.runs.spawn(run(work));
    }

    /// Asks the store anew: whatever was said meanwhile, this is newer.
    async fn look(&mut self, keys: BTreeSet<Key>) -> Result<(), EngineError> {
        if keys.is_empty() {
            return Ok(());
        }
        let limits = self.shared.limits.clone();
        let next = self.shared.store.read(move |c| {
            let next = |key: Key| tasks::next_at(c, &key.installation, &key.key, &limits).map(|at| (key, at));
            keys.into_iter().map(next).collect::<Result<Vec<_>, _>>()
        });
        let now = self.shared.clock.now();
        for (key, at) in next.await? {
            self.schedule.set(&key, at, now);
        }
        Ok(())
    }
}

async fn due(timer: Option<Timer>) -> Work {
    match timer {
        Some(timer) => timer.await,
        None => pending().await,
    }
}

fn run(
    shared: Arc<Shared>,
    driver: Arc<dyn Driver>,
    performer: Arc<dyn Performer>,
    key: Key,
) -> impl FnOnce(Work) -> std::pin::Pin<Box<dyn Future<Output = Over> + Send>> {
    move |work| {
        Box::pin(async move {
            let Some((component, context)) = driver.prepare(&key.installation) else {
                return Over { key, parked: true, left: Ok(BTreeSet::new()), work: Some(work) };
            };
            let tasks_max = driver.batch_tasks(&key.installation, &key.key);
            let prepared = Prepared { component, context, tasks_max };
            let (now, limits, of) = (shared.clock.now(), shared.limits.clone(), key.clone());
            let opened = shared.store.write(move |c| runs::open(c, &of, prepared, now, &limits)).await;
            let opened = match opened {
                Ok(Some(lead)) => shared.reach(lead.run, 0, 0, Phase::Opened).map(|()| Some(lead)),
                other => other,
            };
            let (left, work) = match opened {
                Ok(Some(lead)) => {
                    let open = OpenRun { lead, recorded: vec![], unreadable: None };
                    match Live::new(shared, driver, performer, open, work).await {
                        Ok(live) => live.go().await,
                        Err(error) => (Err(error), None),
                    }
                }
                Ok(None) => (Ok(BTreeSet::new()), Some(work)),
                Err(error) => (Err(error), Some(work)),
            };
            Over { key, parked: false, left, work }
        })
    }
}

fn resumed(
    shared: Arc<Shared>,
    driver: Arc<dyn Driver>,
    performer: Arc<dyn Performer>,
    key: Key,
    open: OpenRun,
) -> impl FnOnce(Work) -> std::pin::Pin<Box<dyn Future<Output = Over> + Send>> {
    move |work| {
        Box::pin(async move {
            let component = driver.prepare(&key.installation).map(|(component, _)| component);
            let ending = match &open.unreadable {
                Some(why) => Some(Ending::Unreadable(why.clone())),
                // Another component would ask for something else; its ledger makes beginning anew safe.
                None if component.as_ref() != Some(&open.lead.input.component) => Some(Ending::Superseded),
                None => None,
            };
            let (left, work) = match (Live::new(shared, driver, performer, open, work).await, ending) {
                (Err(error), _) => (Err(error), None),
                (Ok(live), Some(ending)) => live.conclude(ending).await,
                (Ok(live), None) => live.go().await,
            };
            Over { key, parked: false, left, work }
        })
    }
}
