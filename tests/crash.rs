//! Stopped at points that an uncrashed story passes, reopened on the same file: the world ends equal, nothing twice. At every third by
//! default; `CRASH_POINTS=all cargo test crash` stops at all.

use crate::support::*;
use host_harness::{
    clock::{Clock, SimulatedClock, Work},
    durable::{EngineError, Phase, Point, Probe},
    simulators::Options,
    stage::story::story as demo_story,
};
use oracle::Story;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tokio::sync::Notify;

/// Notes the points that are passed, and dies at the one with this number. From then on it holds the clock, so that no time goes by
/// between the death of the process and the start of the next.
struct Watch {
    clock: SimulatedClock,
    die_at: Option<usize>,
    passed: Mutex<Vec<Point>>,
    dead: Mutex<Option<Work>>,
    died: Notify,
}

impl Watch {
    fn new(theatre: &Theatre, die_at: Option<usize>) -> Arc<Watch> {
        let clock = theatre.stage.clock.clone();
        Arc::new(Watch { clock, die_at, passed: Mutex::default(), dead: Mutex::default(), died: Notify::new() })
    }
}

impl Probe for Watch {
    fn reached(&self, point: &Point) -> bool {
        let mut passed = self.passed.lock().unwrap();
        passed.push(point.clone());
        if self.die_at != Some(passed.len() - 1) {
            return true;
        }
        *self.dead.lock().unwrap() = Some(self.clock.begin());
        self.died.notify_one();
        false
    }
}

/// How many points are passed where nothing dies.
async fn points(story: &Story) -> usize {
    let theatre = Theatre::with(story, Options::default(), "{}").await;
    let watch = Watch::new(&theatre, None);
    let host = theatre.open_with(watch.clone()).await;
    theatre.stage.play(story).await;
    assert_eq!(theatre.problems(story, &host).await, Vec::<String>::new());
    watch.passed.lock().unwrap().len()
}

/// Dies at the point of this number, counted from 0. Which it was; none where fewer are passed.
async fn dies_and_goes_on(story: &Story, number: usize) -> Option<Point> {
    let theatre = Arc::new(Theatre::with(story, Options::default(), "{}").await);
    let watch = Watch::new(&theatre, Some(number));
    theatre.open_with(watch.clone()).await;
    let next = tokio::spawn({
        let (theatre, watch) = (theatre.clone(), watch.clone());
        async move {
            watch.died.notified().await;
            // In this task's hands: should it fail, the clock goes on and the failure is told, instead of a test that hangs.
            let dead = watch.dead.lock().unwrap().take();
            let why = theatre.stage.stopped().await;
            let at = watch.passed.lock().unwrap()[number].clone();
            assert!(matches!(&why, Some(EngineError::Stopped(p)) if *p == at), "{why:?}");
            let host = theatre.open().await;
            drop(dead);
            host
        }
    });
    theatre.stage.play(story).await;
    let Some(at) = watch.passed.lock().unwrap().get(number).cloned() else {
        next.abort();
        return None;
    };
    let host = next.await.unwrap();
    let problems = theatre.problems(story, &host).await;
    assert!(problems.is_empty(), "died at {at}: {problems:#?}\n{:#?}", log(&host).await);
    Some(at)
}

/// Two deliveries of one moment may be taken in either order, and in one run or in two: so many points may be missing at the end.
const FEWER: usize = 15;

/// At every `step`th point from the first on, each phase among them; with `CRASH_POINTS=all` at every one.
pub fn dies_at_each_and_ends_well(story: &Story, step: usize) {
    let step = if std::env::var("CRASH_POINTS").is_ok_and(|which| which == "all") { 1 } else { step };
    let alone = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let points = alone().block_on(points(story));

    let died: Vec<Option<Point>> = std::thread::scope(|threads| {
        let half = |first: usize| {
            threads.spawn(move || {
                let numbers = (first * step..points).step_by(2 * step);
                numbers.map(|number| alone().block_on(dies_and_goes_on(story, number))).collect::<Vec<_>>()
            })
        };
        let halves = [half(0), half(1)];
        halves.into_iter().flat_map(|h| h.join().unwrap()).collect()
    });
    let mut phases: BTreeMap<Phase, usize> = BTreeMap::new();
    died.iter().flatten().for_each(|p| *phases.entry(p.phase).or_default() += 1);
    let number = died.iter().flatten().count();
    println!("stopped at {number} of {points} points: {phases:?}");
    assert_eq!(phases.len(), 5, "each phase occurs");
    assert!(number + FEWER >= points.div_ceil(step), "{number} of {points} points were reached");
}

#[test]
fn stopped_at_its_points_the_world_ends_equal_and_nothing_is_made_twice() {
    dies_at_each_and_ends_well(&demo_story(), 3);
}
