//! A guest that traps on one task of a batch: the others are done, the one is a dead letter, and each effect happened once.

use crate::support::*;
use async_trait::async_trait;
use host_harness::{
    clock::{Clock, SimulatedClock, Timestamp, Work},
    durable::{
        self, Engine, EngineLimits, NoProbe, TaskFilter, TaskStatus,
        sqlite::{Durability, SqliteEngine},
    },
    effect::{Answer, Lane, Performer, Permit, Request, Response, Task},
    runtime::{Limits, Runtime, contract::Context},
    sync::plan::Plan,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tokio_util::sync::CancellationToken;

const HOSTILE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hostile.wasm"));

/// Counts what is sent.
#[derive(Default)]
struct Counting(Mutex<BTreeMap<String, u32>>);

#[async_trait]
impl Performer for Counting {
    fn in_flight_max(&self, _: &str, _: &str) -> usize {
        4
    }

    async fn perform(&self, _: Permit, request: Request, work: Work) -> (Answer, Work) {
        *self.0.lock().unwrap().entry(request.path.join("/")).or_default() += 1;
        (Ok(Response { status: 201, headers: vec![], body: b"{}".to_vec() }), work)
    }
}

fn effect(name: &str) -> Task {
    Task {
        kind: "effect".into(),
        payload: name.into(),
        ordering_key: "k".into(),
        dedupe_key: name.into(),
        lane: Lane::Prompt,
        not_before: None,
        title: format!("effect {name}"),
        subject: None,
    }
}

#[tokio::test]
async fn a_guest_that_traps_on_one_task_of_sixteen_fails_that_one_alone_and_does_each_effect_once() {
    let clock = SimulatedClock::new(Timestamp::from_seconds(BEGINS_AT));
    let runtime = Arc::new(Runtime::new(Limits::default()).unwrap());
    let component = runtime.compile(HOSTILE).unwrap();
    let context = Context {
        installation: "i".into(),
        settings: "{}".into(),
        activated_at: clock.now(),
        connections: vec!["crm".into()],
        dry_run: false,
        limits: runtime.limits(),
    };
    runtime.install(component, context, 16, Plan::default());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("host.sqlite");
    let limits = EngineLimits::default();
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let engine = SqliteEngine::open(&file, shared, limits, Durability::ProcessCrash, Arc::new(NoProbe)).unwrap();
    let engine: Arc<dyn Engine> = Arc::new(engine);

    let names = (0..16).map(|n| if n == 7 { "trap".to_string() } else { format!("effect-{n:02}") });
    let tasks: Vec<Task> = names.map(|name| effect(&name)).collect();
    engine.accept("i", tasks).await.unwrap();
    let (sent, stop) = (Arc::new(Counting::default()), CancellationToken::new());
    let serving = durable::start(engine.clone(), &clock, runtime, sent.clone(), stop.clone());
    clock.run_until(Timestamp::MAX).await;
    stop.cancel();
    serving.await.unwrap().unwrap();

    let kept = engine.tasks("i", TaskFilter::default(), None).await.unwrap();
    let done = kept.iter().filter(|kept| kept.status == TaskStatus::Done).count();
    assert_eq!((kept.len(), done), (16, 15));
    let dead = kept.iter().find(|kept| kept.status == TaskStatus::Dead).unwrap();
    assert_eq!(dead.task.payload, "trap");
    let failure = dead.failure.clone().unwrap();
    assert!(failure.problem.contains("nobody can digest this one"), "{}", failure.problem);
    assert!(!failure.remedy.is_empty());
    let sent = sent.0.lock().unwrap();
    assert_eq!(sent.len(), 15, "{sent:?}");
    assert!(sent.values().all(|times| *times == 1), "{sent:?}");
}
