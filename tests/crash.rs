//! Stopped at every point that an uncrashed story passes, reopened on the same file: the world ends equal, nothing twice.

use crate::support::*;
use host_harness::{
    clock::Timestamp,
    durable::{EngineError, Phase, Point, Probe},
    simulators::Options,
    stage::story::story as demo_story,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// Notes the points that are passed, and dies at the one that is named.
#[derive(Default)]
struct Watch {
    die_at: Option<Point>,
    passed: Mutex<Vec<Point>>,
}

impl Probe for Watch {
    fn reached(&self, point: &Point) -> bool {
        self.passed.lock().unwrap().push(point.clone());
        self.die_at.as_ref() != Some(point)
    }
}

/// Every point of a run in which nothing dies, in their order.
async fn points() -> Vec<Point> {
    let story = demo_story();
    let theatre = Theatre::with(&story, Options::default(), "{}").await;
    let watch = Arc::new(Watch::default());
    let host = theatre.open_with(watch.clone()).await;
    theatre.stage.play(&story).await;
    assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new());
    let passed = watch.passed.lock().unwrap().clone();
    passed
}

/// Whether it got to the point at all.
async fn dies_and_goes_on(at: &Point) -> bool {
    let story = demo_story();
    let theatre = Theatre::with(&story, Options::default(), "{}").await;
    theatre.open_with(Arc::new(Watch { die_at: Some(at.clone()), ..Watch::default() })).await;
    theatre.stage.play(&story).await;
    let died = match theatre.stage.stopped().await {
        Some(EngineError::Stopped(point)) => {
            assert_eq!(point, *at);
            true
        }
        Some(other) => panic!("{at}: {other}"),
        None => false,
    };
    let host = theatre.open().await;
    theatre.stage.clock.run_until(Timestamp::MAX).await;
    let problems = theatre.problems(&story, &host).await;
    assert!(problems.is_empty(), "died at {at}: {problems:#?}\n{:#?}", log(&host).await);
    died
}

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
                threads.spawn(|| half.iter().filter(|p| alone().block_on(dies_and_goes_on(p))).count())
            })
            .collect();
        halves.into_iter().map(|h| h.join().unwrap()).sum()
    });
    println!("stopped at {died} of {} points: {phases:?}", points.len());
    assert_eq!(died, points.len(), "every point was reached again");
}
