//! The loop that gives keys their turn. It holds a work while it does something and none while it waits; whoever
//! tells it something hands over a work, so that a simulated clock does not leap in between.

use super::{
    Drive, OpenRun, Prepared, Scope, guard,
    live::{self, Left, Live},
};
use crate::{
    clock::{Timer, Timestamp, Work},
    durable::{
        EngineError, Phase, engine_line,
        journal::Ending,
        schedule::{Key, Schedule},
    },
    effect::{Driver, Level, Performer},
};
use std::{collections::BTreeSet, future::pending, sync::Arc};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

/// What the loop hears.
pub(super) enum Heard {
    Touched(Touched),
    /// Somebody wants to know when nothing is going on and nothing is due, and when the next task is.
    Idle(oneshot::Sender<Option<Timestamp>>, Work),
}

/// Something may be to do there.
pub(super) struct Touched {
    pub scope: Scope,
    pub work: Work,
}

/// What is left of a key's turn.
struct Over {
    key: Key,
    /// The driver did not know the installation: its tasks wait until somebody touches them.
    parked: bool,
    left: Left,
    work: Option<Work>,
}

/// One loop at a time: the place is taken until this is dropped.
struct Place(Arc<Drive>);

impl Drop for Place {
    fn drop(&mut self) {
        *guard(&self.0.serving) = None;
    }
}

pub(super) async fn serve(
    drive: Arc<Drive>,
    driver: Arc<dyn Driver>,
    performer: Arc<dyn Performer>,
    stop: CancellationToken,
) -> Result<(), EngineError> {
    // Before anything is awaited: see `durable::start`.
    let mut work = Some(drive.clock.begin());
    let (sender, messages) = mpsc::unbounded_channel();
    let _place = {
        let mut place = guard(&drive.serving);
        if place.is_some() {
            return Err(EngineError::Invalid("the engine serves already".into()));
        }
        for asker in guard(&drive.early).drain(..) {
            let _ = sender.send(Heard::Idle(asker, drive.clock.begin()));
        }
        *place = Some(sender);
        Place(drive.clone())
    };
    let mut serving = Serving {
        schedule: Schedule::new(drive.limits.runs_max, drive.limits.runs_per_installation_max),
        runs: JoinSet::new(),
        drive,
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
    drive: Arc<Drive>,
    driver: Arc<dyn Driver>,
    performer: Arc<dyn Performer>,
    schedule: Schedule,
    runs: JoinSet<Over>,
}

impl Serving {
    async fn turn(
        &mut self,
        mut messages: mpsc::UnboundedReceiver<Heard>,
        stop: CancellationToken,
        work: &mut Option<Work>,
    ) -> Result<(), EngineError> {
        if stop.is_cancelled() {
            return Ok(());
        }
        // Runs that were cut off stand first in line.
        self.look(self.drive.keeps.keys_with_work(None).await?).await?;
        let mut stopping = false;
        let mut wait_for_idle = vec![];
        loop {
            if stopping && self.runs.is_empty() {
                return Ok(());
            }
            while !stopping && let Some(key) = self.schedule.begin(self.drive.clock.now()) {
                let work = self.drive.clock.begin();
                self.runs.spawn(turn(self.drive.clone(), self.driver.clone(), self.performer.clone(), key, work));
            }
            if self.runs.is_empty() {
                let until = self.schedule.next_at().map(tracing::field::display);
                tracing::debug!(until, "nothing is due");
                for asker in wait_for_idle.drain(..) {
                    // Nobody hears it where the asker has gone.
                    let _ = oneshot::Sender::send(asker, self.schedule.next_at());
                }
            }
            let timer = self.schedule.next_at().filter(|_| !stopping).map(|at| self.drive.clock.timer(at));
            *work = None;
            tokio::select! {
                biased;
                Some(over) = self.runs.join_next() => {
                    let over = over.map_err(|e| EngineError::Store(format!("a run's task failed: {e}")))?;
                    *work = Some(over.work.unwrap_or_else(|| self.drive.clock.begin()));
                    let said = self.schedule.ended(&over.key, self.drive.clock.now());
                    let (goes_on, left) = match over.left {
                        Ok(left) => (!over.parked, left),
                        Err(error) => (false, self.park(&over.key, error).await.map(|()| BTreeSet::new())?),
                    };
                    // A word that came in its turn may be the one that a parked key waits for.
                    let again = (goes_on || said).then_some(over.key);
                    self.look(left.into_iter().chain(again).collect()).await?;
                }
                Some(heard) = messages.recv() => {
                    let touched = match heard {
                        Heard::Touched(touched) => touched,
                        Heard::Idle(asker, asked) => {
                            *work = Some(asked);
                            wait_for_idle.push(asker);
                            continue;
                        }
                    };
                    *work = Some(touched.work);
                    let keys = match touched.scope {
                        Scope::Keys(keys) => keys.into_iter().collect(),
                        Scope::Installation(name) => self.drive.keeps.keys_with_work(Some(&name)).await?,
                    };
                    self.look(keys).await?;
                }
                () = stop.cancelled(), if !stopping => {
                    stopping = true;
                    *work = Some(self.drive.clock.begin());
                }
                fired = due(timer) => *work = Some(fired),
            }
        }
    }

    /// Asks the store anew: whatever was said meanwhile, this is newer.
    async fn look(&mut self, keys: Vec<Key>) -> Result<(), EngineError> {
        if keys.is_empty() {
            return Ok(());
        }
        for (key, at) in self.drive.keeps.next_at(keys, &self.drive.limits).await? {
            let at = match at {
                Ok(at) => at,
                Err(error) => self.park(&key, error).await.map(|()| None)?,
            };
            self.schedule.set(&key, at, self.drive.clock.now());
        }
        Ok(())
    }

    /// What is odd about one key stops that key alone, until somebody touches it; a store that fails stops everything.
    async fn park(&self, key: &Key, error: EngineError) -> Result<(), EngineError> {
        if matches!(error, EngineError::Store(_) | EngineError::Stopped(_)) {
            return Err(error);
        }
        let message = format!("\"{}\" stands still, and its tasks wait, since it cannot go on: {error}", key.key);
        let line = engine_line(Level::Error, "key-parked", message, None);
        self.drive.keeps.tell(&key.installation, self.drive.clock.now(), &line).await
    }
}

async fn due(timer: Option<Timer>) -> Work {
    match timer {
        Some(timer) => timer.await,
        None => pending().await,
    }
}

/// The key's turn: the run that was cut off goes on or is ended; else one begins.
async fn turn(drive: Arc<Drive>, driver: Arc<dyn Driver>, performer: Arc<dyn Performer>, key: Key, work: Work) -> Over {
    let (parked, left, work) = match next_run(&drive, driver.as_ref(), &key).await {
        Ok(Next::Parked) => (true, Ok(BTreeSet::new()), Some(work)),
        Ok(Next::Nothing) => (false, Ok(BTreeSet::new()), Some(work)),
        Ok(Next::Run(open, ending)) => {
            let (tasks, began) = (open.lead.input.assignments.len(), drive.clock.now());
            let live = Live::new(drive.clone(), driver, performer, *open, work);
            let (left, work) = match ending {
                Some(ending) => live.conclude(ending).await,
                None => {
                    let end = live.go().await;
                    guard(&drive.batches).took(&key, tasks, drive.clock.now().since(began));
                    end
                }
            };
            (false, left, work)
        }
        Err(error) => (false, Err(error), Some(work)),
    };
    Over { key, parked, left, work }
}

enum Next {
    /// With the ending, where it does not go on.
    Run(Box<OpenRun>, Option<Ending>),
    Nothing,
    Parked,
}

async fn next_run(drive: &Drive, driver: &dyn Driver, key: &Key) -> Result<Next, EngineError> {
    if let Some(open) = drive.keeps.cut_off(key).await? {
        let ending = match &open.unreadable {
            Some(why) => Some(Ending::Unreadable(why.clone())),
            None if open.paused => Some(Ending::GivenBack("it is paused".into())),
            None => live::replaced(driver, &open.lead).map(Ending::GivenBack),
        };
        return Ok(Next::Run(Box::new(open), ending));
    }
    let Some((component, context)) = driver.prepare(&key.installation) else { return Ok(Next::Parked) };
    let tasks_max = guard(&drive.batches).size(key, driver.batch_tasks(&key.installation, &key.key));
    let prepared = Prepared { component, context, tasks_max };
    let lead = drive.keeps.open(key, prepared, drive.clock.now(), &drive.limits).await?;
    let Some(lead) = lead else { return Ok(Next::Nothing) };
    drive.reach(lead.run, 0, 0, Phase::Opened)?;
    let open = OpenRun { lead, recorded: vec![], bytes: 0, paused: false, unreadable: None };
    Ok(Next::Run(Box::new(open), None))
}
