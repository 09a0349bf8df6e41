//! The engine without a file keeps every law, and what is its own: the outbox.

use super::*;
use crate::{
    clock::SimulatedClock,
    durable::{
        NoProbe,
        conformance::{Harness, Store, laws, task},
    },
};

struct Memory;

impl Harness for Memory {
    fn store(&self) -> Box<dyn Store> {
        Box::new(Disk::default())
    }
}

impl Store for Disk {
    fn open(&self, clock: Arc<dyn Clock>, limits: EngineLimits, probe: Arc<dyn Probe>) -> Arc<dyn Engine> {
        Arc::new(MemoryEngine::open(self, clock, limits, probe))
    }
}

laws!(super::Memory);

#[tokio::test]
async fn what_lay_in_an_outbox_arrives_when_the_disk_is_opened_again() {
    let disk = Disk::default();
    let clock = Arc::new(SimulatedClock::new(Timestamp(1_000)));
    let from = disk.0.object(&Key { installation: "i".into(), key: "k".into() });
    let message = |payload| Message { task: task("a", "l", payload), generation: 3 };
    guard(&from).outbox.extend([message("1"), message("2"), message("1")]);
    let engine = MemoryEngine::open(&disk, clock, EngineLimits::default(), Arc::new(NoProbe));
    let kept = engine.tasks("i", TaskFilter::default(), None).await.unwrap();
    let shown: Vec<_> = kept.iter().map(|k| (k.task.payload.as_str(), k.generation, k.repeats)).collect();
    assert_eq!(shown, [("1", 3, 1), ("2", 3, 0)]);
    assert!(guard(&from).outbox.is_empty());
}

#[tokio::test]
async fn an_engine_that_is_gone_writes_nothing_more() {
    let disk = Disk::default();
    let clock: Arc<dyn Clock> = Arc::new(SimulatedClock::new(Timestamp(1_000)));
    let open = || MemoryEngine::open(&disk, clock.clone(), EngineLimits::default(), Arc::new(NoProbe));
    let first = open();
    let late = first.open.clone();
    drop(first);
    assert!(matches!(late.directory(), Err(EngineError::Store(_))));
    assert!(open().accept("i", vec![task("a", "k", "1")]).await.is_ok());
}
