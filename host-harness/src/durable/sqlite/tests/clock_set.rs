//! The machine's clock is set while runs are open, requests under way, and tasks wait for a time: nothing is lost, nothing is done
//! twice, and work goes on without a restart.

use super::*;
use crate::{
    clock::{LOOK, Steady, tried::Tried},
    durable::{KeptTask, conformance::DAY},
    effect::{SendError, Task},
};
use std::collections::BTreeMap;

const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

/// An engine that serves on a machine whose clock is set. Requests are under way until `provider` runs.
struct Up {
    machine: Tried,
    clock: Steady<Tried>,
    provider: SimulatedClock,
    world: Arc<World>,
    guests: Arc<Guests>,
    engine: Arc<dyn Engine>,
    _file: InTemp,
}

impl Up {
    fn new() -> Up {
        let machine = Tried::new(Timestamp::parse("2026-11-22T15:00:00Z").unwrap());
        let clock = Steady::of(machine.clone());
        let provider = SimulatedClock::new(Timestamp(0));
        let world = Arc::new(World::new(provider.clone()));
        world.answers_after(SECOND);
        // `hold` waits for half a minute once; `send` sends once, and waits where its run has no time left.
        let guests = Arc::new(Guests::each(|a, imports| async move {
            let (kind, payload) = (a.task.kind.as_str(), a.task.payload.as_str());
            Ok(match kind {
                "hold" if imports.get(payload).await.is_none() => {
                    imports.set(payload, "held");
                    later(imports.now().plus(30 * SECOND), None)
                }
                "send" => match imports.send(request(Repeat::Once, &format!("things/{payload}"))).await {
                    Ok(_) => done(),
                    Err(SendError::Stopped(_)) => later(imports.now().plus(MINUTE), None),
                    Err(other) => return Err(other.to_string()),
                },
                _ => done(),
            })
        }));
        let file = InTemp::new();
        let engine = Kept::open(&file, Arc::new(clock.clone()), EngineLimits::default(), Arc::new(NoProbe));
        // Ends with the test's runtime.
        crate::durable::start(engine.clone(), &clock, guests.clone(), world.clone(), CancellationToken::new());
        Up { machine, clock, provider, world, guests, engine, _file: file }
    }

    async fn accept(&self, tasks: impl IntoIterator<Item = Task>) {
        self.engine.accept(INSTALLATION, tasks.into_iter().collect()).await.unwrap();
    }

    /// At this hour of the engine's.
    fn timed(&self, hours: u32) -> Task {
        let not_before = Some(self.clock.now().plus(hours * HOUR));
        Task { not_before, ..task("timed", "timed", format!("after {hours} hours")) }
    }

    async fn kept(&self) -> BTreeMap<String, TaskStatus> {
        let all: Vec<KeptTask> = self.engine.tasks(INSTALLATION, TaskFilter::default(), None).await.unwrap();
        all.into_iter().map(|kept| (kept.task.payload, kept.status)).collect()
    }

    /// Which of them are done.
    async fn done(&self) -> Vec<String> {
        let is_done = |(name, status)| (status == TaskStatus::Done).then_some(name);
        self.kept().await.into_iter().filter_map(is_done).collect()
    }

    /// A request is under way, and what can be done beside it is done.
    async fn is_under_way(&self, held: &str) {
        let waits =
            async || self.kept().await[held] == TaskStatus::Waiting && self.guests.payloads().contains(&held.into());
        while self.world.arrivals().is_empty() || !waits().await {
            tokio::task::yield_now().await;
        }
    }

    /// Until nothing is due. When the next is.
    async fn at_rest(&self) -> Option<Timestamp> {
        self.engine.idle().await.unwrap()
    }

    /// How often each was given to the connector.
    fn given(&self, name: &str) -> usize {
        self.guests.payloads().iter().filter(|payload| *payload == name).count()
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_an_hour_makes_nothing_wait_for_an_hour_or_run_twice() {
    let up = Up::new();
    up.accept([task("hold", "a", "held"), up.timed(2), task("send", "b", "sent")]).await;
    up.is_under_way("held").await;
    let before = up.clock.now();

    up.machine.is_set_back(HOUR);
    assert_eq!(up.clock.now(), before, "time does not go back");
    up.provider.run_for(SECOND).await;
    up.accept([task("say", "c", "new")]).await;
    let next = up.at_rest().await.unwrap();
    assert_eq!(up.done().await, ["new", "sent"], "what is due is due still, and so is what comes new");
    assert_eq!(next, before.plus(30 * SECOND));
    up.machine.runs_for(59 * SECOND);
    up.at_rest().await;
    assert_eq!(up.given("held"), 1, "never early");
    up.machine.runs_for(SECOND);
    up.at_rest().await;
    assert_eq!(up.done().await, ["held", "new", "sent"], "twice as long, and no hour");

    // The two have met by then, and the second timer of two hours fires with the machine's clock.
    up.machine.runs_for(3 * HOUR);
    up.at_rest().await;
    assert_eq!(up.clock.now(), up.clock.of_machine());
    assert_eq!(up.done().await, ["after 2 hours", "held", "new", "sent"]);
    assert_eq!([up.given("held"), up.given("after 2 hours"), up.given("sent"), up.given("new")], [2, 1, 1, 1]);
    assert_eq!(up.world.effects(), BTreeMap::from([("things/sent".into(), 1)]));
}

#[tokio::test]
async fn a_clock_that_is_set_forward_a_day_makes_due_what_is_due_by_then_once_and_loses_nothing() {
    let up = Up::new();
    // Both of one run: the second is to be sent when the first has come back.
    let sends = [task("send", "b", "sent"), task("send", "b", "not sent in time")];
    up.accept([task("hold", "a", "held"), up.timed(5), up.timed(72)]).await;
    up.accept(sends).await;
    up.is_under_way("held").await;

    up.machine.is_set_forward(DAY);
    up.machine.runs_for(LOOK);
    up.provider.run_for(SECOND).await;
    up.at_rest().await;
    assert_eq!(up.done().await, ["after 5 hours", "held", "sent"]);
    assert_eq!(up.world.effects().len(), 1, "a run that the leap made too old sends nothing more");

    up.machine.runs_for(MINUTE);
    while up.world.arrivals().len() < 2 {
        tokio::task::yield_now().await;
    }
    up.provider.run_for(SECOND).await;
    up.at_rest().await;
    up.machine.runs_for(2 * DAY);
    up.at_rest().await;
    assert_eq!(up.done().await, ["after 5 hours", "after 72 hours", "held", "not sent in time", "sent"]);
    assert_eq!(
        [up.given("held"), up.given("after 5 hours"), up.given("after 72 hours"), up.given("sent")],
        [2, 1, 1, 1]
    );
    let effects = ["things/not sent in time", "things/sent"].map(|name| (name.to_owned(), 1));
    assert_eq!(up.world.effects(), effects.into());
}
