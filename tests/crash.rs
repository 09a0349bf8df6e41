//! Stopped at every point that an uncrashed story passes, reopened on the same file: the world ends equal, nothing twice.

use crate::support::*;
use host_harness::{
    clock::{Clock, SimulatedClock, Work},
    durable::{EngineError, Phase, Point, Probe},
    simulators::Options,
    stage::story::story as demo_story,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tokio::sync::Notify;

/// Notes the points that are passed, and dies at the one that is named. From then on it holds the clock, so that no time goes by
/// between the death of the process and the start of the next.
struct Watch {
    clock: SimulatedClock,
    die_at: Option<Point>,
    passed: Mutex<Vec<Point>>,
    dead: Mutex<Option<Work>>,
    died: Notify,
}

impl Watch {
    fn new(theatre: &Theatre, die_at: Option<Point>) -> Arc<Watch> {
        let clock = theatre.stage.clock.clone();
        Arc::new(Watch { clock, die_at, passed: Mutex::default(), dead: Mutex::default(), died: Notify::new() })
    }
}

impl Probe for Watch {
    fn reached(&self, point: &Point) -> bool {
        self.passed.lock().unwrap().push(point.clone());
        if self.die_at.as_ref() != Some(point) {
            return true;
        }
        *self.dead.lock().unwrap() = Some(self.clock.begin());
        self.died.notify_one();
        false
    }
}

/// Every point of a run in which nothing dies, in their order.
async fn points() -> Vec<Point> {
    let story = demo_story();
    let theatre = Theatre::with(&story, Options::default(), "{}").await;
    let watch = Watch::new(&theatre, None);
    let host = theatre.open_with(watch.clone()).await;
    theatre.stage.play(&story).await;
    assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new());
    watch.passed.lock().unwrap().clone()
}

/// Whether it got to the point at all.
async fn dies_and_goes_on(at: &Point) -> bool {
    let story = demo_story();
    let theatre = Arc::new(Theatre::with(&story, Options::default(), "{}").await);
    let watch = Watch::new(&theatre, Some(at.clone()));
    theatre.open_with(watch.clone()).await;
    let next = tokio::spawn({
        let (theatre, watch) = (theatre.clone(), watch.clone());
        async move {
            watch.died.notified().await;
            // In this task's hands: should it fail, the clock goes on and the failure is told, instead of a test that hangs.
            let dead = watch.dead.lock().unwrap().take();
            let why = theatre.stage.stopped().await;
            assert!(matches!(&why, Some(EngineError::Stopped(p)) if Some(p) == watch.die_at.as_ref()), "{why:?}");
            let host = theatre.open().await;
            drop(dead);
            host
        }
    });
    theatre.stage.play(&story).await;
    if !watch.passed.lock().unwrap().contains(at) {
        next.abort();
        return false;
    }
    let host = next.await.unwrap();
    let problems = theatre.problems(&story, &host).await;
    assert!(problems.is_empty(), "died at {at}: {problems:#?}\n{:#?}", log(&host).await);
    true
}

/// Two deliveries of one moment may be taken in either order, and then runs have each other's numbers: a point that was not passed
/// this time is tried again.
const TRIES: usize = 10;

#[test]
fn stopped_at_every_point_the_world_ends_equal_and_nothing_is_made_twice() {
    let alone = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let points = alone().block_on(points());
    let mut phases: BTreeMap<Phase, usize> = BTreeMap::new();
    points.iter().for_each(|p| *phases.entry(p.phase).or_default() += 1);
    assert_eq!(phases.len(), 5, "each phase occurs: {phases:?}");

    let halves: Vec<Vec<Point>> = (0..2).map(|half| points.iter().skip(half).step_by(2).cloned().collect()).collect();
    let died: usize = std::thread::scope(|threads| {
        let halves: Vec<_> = halves
            .iter()
            .map(|half| {
                threads
                    .spawn(|| half.iter().filter(|p| (0..TRIES).any(|_| alone().block_on(dies_and_goes_on(p)))).count())
            })
            .collect();
        halves.into_iter().map(|h| h.join().unwrap()).sum()
    });
    println!("stopped at {died} of {} points: {phases:?}", points.len());
    assert_eq!(died, points.len(), "every point was reached again");
}
