//! The default engine keeps every law, and what is its own: the file.

use super::*;
use crate::{
    clock::{SimulatedClock, SystemClock, Timestamp},
    durable::{
        NoProbe, Phase, Point, TaskFilter,
        conformance::{
            Bench, DieWhere, Harness, INSTALLATION, MINUTE, Store as Kept, delivery,
            guest::{Guests, done, later, register, request},
            laws, statuses, task,
            world::World,
        },
    },
    effect::{Lead, Repeat, Run},
};
use std::{path::PathBuf, sync::Mutex, time::Duration};
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedSender;

mod bytes;
mod clock_set;

struct Files;

/// A store at a place that the test knows.
struct Here(PathBuf);

impl Harness for Here {
    fn store(&self) -> Box<dyn Kept> {
        Box::new(Here(self.0.clone()))
    }
}

impl Kept for Here {
    fn open(&self, clock: Arc<dyn Clock>, limits: EngineLimits, probe: Arc<dyn Probe>) -> Arc<dyn Engine> {
        Arc::new(SqliteEngine::open(&self.0, clock, limits, Durability::ProcessCrash, probe).unwrap())
    }
}

struct InTemp(TempDir);

impl InTemp {
    fn new() -> InTemp {
        InTemp(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("durable.db")
    }

    fn try_open(&self, durability: Durability) -> Result<SqliteEngine, EngineError> {
        let clock = Arc::new(SystemClock);
        SqliteEngine::open(&self.path(), clock, EngineLimits::default(), durability, Arc::new(NoProbe))
    }
}

impl Harness for Files {
    fn store(&self) -> Box<dyn Kept> {
        Box::new(InTemp::new())
    }
}

impl Kept for InTemp {
    fn open(&self, clock: Arc<dyn Clock>, limits: EngineLimits, probe: Arc<dyn Probe>) -> Arc<dyn Engine> {
        Arc::new(SqliteEngine::open(&self.path(), clock, limits, Durability::ProcessCrash, probe).unwrap())
    }
}

laws!(super::Files);

#[tokio::test]
async fn a_second_one_is_refused_while_the_first_has_the_file() {
    let file = InTemp::new();
    let first = file.try_open(Durability::Full).unwrap();
    let error = file.try_open(Durability::Full).err().unwrap().to_string();
    assert!(error.contains("durable.db is in use by another process"), "{error}");
    drop(first);
    file.try_open(Durability::Full).unwrap();
}

#[tokio::test]
async fn a_store_is_copied_with_what_its_log_holds_and_only_at_rest() {
    let file = InTemp::new();
    let other = InTemp::new();
    copy(&file.path(), &other.path()).unwrap();
    assert!(!other.path().exists(), "there was none");
    let engine = file.try_open(Durability::ProcessCrash).unwrap();
    let kept = engine.accept("i", vec![task("a", "k", "1")]).await.unwrap();
    assert!(copy(&file.path(), &other.path()).unwrap_err().to_string().contains("is in use"));
    // As a process that was killed leaves it: the log is not yet in the file.
    std::fs::copy(file.path(), other.path()).unwrap();
    let log = |of: &InTemp| of.path().with_extension("db-wal");
    std::fs::copy(log(&file), log(&other)).unwrap();
    drop(engine);
    let third = InTemp::new();
    copy(&other.path(), &third.path()).unwrap();
    let engine = third.try_open(Durability::ProcessCrash).unwrap();
    assert_eq!(engine.tasks("i", TaskFilter::default(), None).await.unwrap().len(), kept.len());
}

/// While two of four are under way; what comes afterwards is not in it.
#[tokio::test]
async fn a_backup_of_a_store_in_use_goes_on_and_has_lost_nothing_that_was_accepted_before() {
    let (file, other) = (InTemp::new(), InTemp::new());
    assert!(backup(&file.path(), &other.path()).is_err() && !file.path().exists(), "there was none, and none is made");
    let mut bench = Bench::new(&Here(file.path()), Guests::new(register).batches_of(2));
    bench.world.takes_at_once(1);
    bench.world.answers_after(MINUTE / 4);
    let up = bench.up();
    up.accept((0..4).map(|i| task("register", "people", format!("p{i}")))).await;
    up.accept([delivery("1", "done before")]).await;
    bench.clock.run_for(MINUTE / 3).await;
    backup(&file.path(), &other.path()).unwrap();
    let before = up.tasks().await;
    assert_eq!(
        statuses(&before)[..4],
        [TaskStatus::Running, TaskStatus::Running, TaskStatus::Waiting, TaskStatus::Waiting]
    );
    up.accept([task("register", "people", "late")]).await;
    match backup(&file.path(), &other.path()) {
        Err(EngineError::Invalid(why)) => assert!(why.contains("is there already"), "{why}"),
        other => panic!("{other:?}"),
    }
    // It goes on where the first one was lost.
    up.serving.abort();
    let _ = up.serving.await;
    drop(up.engine);
    bench.store = Box::new(Here(other.path()));
    let up = bench.up();
    assert_eq!(up.tasks().await.len(), before.len());
    bench.clock.run_for(MINUTE * 30).await;
    let kept = up.tasks().await;
    assert!(kept.iter().all(|k| (k.status, k.attempt) == (TaskStatus::Done, 1)), "{kept:?}");
    assert!(bench.world.effects().values().all(|times| *times == 1), "{:?}", bench.world.effects());
    up.down().await;

    let third = InTemp::new();
    backup(&other.path(), &third.path()).unwrap();
    let engine = third.try_open(Durability::Full).unwrap();
    assert_eq!(engine.tasks(INSTALLATION, TaskFilter::default(), None).await.unwrap().len(), 5, "at rest, too");
}

#[tokio::test]
async fn callers_that_come_together_are_answered_each_for_itself() {
    let file = InTemp::new();
    let engine = file.try_open(Durability::Full).unwrap();
    let too_long = || vec![task("a", &"x".repeat(200), "1")];
    let accepts = (0..100).map(|i| {
        let engine = &engine;
        async move {
            match i % 10 {
                0 => assert!(matches!(engine.accept("i", too_long()).await, Err(EngineError::Invalid(_)))),
                1 => assert!(engine.retry("i", TaskId(999)).await.is_err()),
                _ => assert_eq!(engine.accept("i", vec![task("a", "k", i.to_string())]).await.unwrap().len(), 1),
            }
        }
    });
    futures_util::future::join_all(accepts).await;
    drop(engine);
    let engine = file.try_open(Durability::Full).unwrap();
    assert_eq!(engine.tasks("i", TaskFilter::default(), None).await.unwrap().len(), 80);
}

#[tokio::test]
async fn one_callers_failure_takes_back_that_callers_writes_alone() {
    let file = InTemp::new();
    let store = Store::open(&file.path(), Durability::Full).unwrap();
    let pause = |name: &'static str, fails: bool| {
        store.write(move |c| {
            pauses::pause(c, name, None, Timestamp(1))?;
            if fails { Err(EngineError::Invalid("no".into())) } else { Ok(()) }
        })
    };
    let (a, b, c) = tokio::join!(pause("a", false), pause("b", true), pause("c", false));
    assert!(a.is_ok() && b.is_err() && c.is_ok());
    let paused = store.read(|c| ["a", "b", "c"].map(|name| pauses::paused(c, name, "k")).into_iter().collect());
    let paused: Vec<bool> = paused.await.unwrap();
    assert_eq!(paused, [true, false, true]);
    store.close();
    assert!(matches!(store.read(|_| Ok(())).await, Err(EngineError::Store(_))));
}

#[tokio::test]
async fn a_file_that_holds_what_cannot_be_is_an_error_and_no_panic() {
    let file = InTemp::new();
    let engine = file.try_open(Durability::ProcessCrash).unwrap();
    engine.accept("i", vec![task("a", "k", "1")]).await.unwrap();
    drop(engine);
    rusqlite::Connection::open(file.path()).unwrap().execute("UPDATE task SET status = 'odd'", []).unwrap();
    let engine = file.try_open(Durability::ProcessCrash).unwrap();
    let tasks = engine.tasks("i", TaskFilter::default(), None).await;
    assert!(matches!(tasks, Err(EngineError::Corrupt(_))), "{tasks:?}");
}

#[tokio::test]
async fn a_run_whose_recording_cannot_be_read_ends_and_keeps_nobody_from_going_on() {
    let odd_begin = "UPDATE journal SET record = '{\"odd\":1}' WHERE record LIKE '%begin%'";
    for damage in [odd_begin, "UPDATE run SET input = '7'"] {
        let file = InTemp::new();
        let clock = SimulatedClock::new(Timestamp(1_000_000));
        let guests = Arc::new(Guests::new(register));
        let world = Arc::new(World::new(clock.clone()));
        let serve = async |probe: Arc<dyn Probe>, tasks: Vec<Task>| {
            let engine = Kept::open(&file, Arc::new(clock.clone()), EngineLimits::default(), probe);
            let stop = CancellationToken::new();
            let serving = crate::durable::start(engine.clone(), &clock, guests.clone(), world.clone(), stop.clone());
            engine.accept("i", tasks).await.unwrap();
            clock.run_for(MINUTE / 2).await;
            stop.cancel();
            let end = serving.await.unwrap();
            (end, engine.tasks("i", TaskFilter::default(), None).await, engine.runs("i", None).await.unwrap())
        };
        let answered = Arc::new(DieWhere(|p: &Point| p.phase == Phase::Answered));
        let (end, ..) = serve(answered, vec![task("register", "k", "1"), task("register", "k", "2")]).await;
        assert!(matches!(end, Err(EngineError::Stopped(_))));
        rusqlite::Connection::open(file.path()).unwrap().execute(damage, []).unwrap();

        let sent = world.effects();
        let (end, kept, runs) = serve(Arc::new(NoProbe), vec![task("register", "l", "3")]).await;
        assert!(end.is_ok(), "{end:?}");
        assert!(runs[0].end.as_ref().unwrap().contains("cannot be read"), "{runs:?}");
        let kept: Vec<_> = kept.unwrap().iter().map(|k| k.status).collect();
        assert_eq!(kept, [TaskStatus::Dead, TaskStatus::Dead, TaskStatus::Done]);
        assert_eq!(world.effects().len(), sent.len() + 1, "what cannot be known is not sent again");
        let engine = file.try_open(Durability::Full).unwrap();
        let ledger = engine.state("i", "k", "", None).await.unwrap();
        assert_eq!(
            ledger.iter().map(|e| e.value.as_str()).collect::<Vec<_>>(),
            ["sending"; 2],
            "what can be read stays"
        );
    }
}

/// The engine must not lean on a clock that can be stopped: here is real time, and it is short.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_keys_are_worked_off_in_real_time_too() {
    let file = InTemp::new();
    let engine: Arc<dyn Engine> = Arc::new(file.try_open(Durability::ProcessCrash).unwrap());
    let world = Arc::new(World::new(SimulatedClock::new(Timestamp(0))));
    world.answers_after(std::time::Duration::ZERO);
    let stop = CancellationToken::new();
    let guests = Arc::new(Guests::new(register));
    let serving = crate::durable::start(engine.clone(), &SystemClock, guests, world.clone(), stop.clone());
    let tasks = (0..400).map(|i| task("register", &format!("k{}", i % 40), format!("p{i}"))).collect();
    engine.accept("i", tasks).await.unwrap();
    let done = TaskFilter { status: Some(TaskStatus::Done) };
    while engine.tasks("i", done, None).await.unwrap().len() < 400 {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    serving.await.unwrap().unwrap();
    assert_eq!(world.effects().len(), 400);
    assert!(world.effects().values().all(|times| *times == 1));
}

/// A key that cannot go on is no reason for another installation to stand still.
#[tokio::test]
async fn an_odd_row_stops_its_key_and_no_other() {
    // Two are as an older engine left them, one has a run that was cut off.
    let damages = [
        ("UPDATE task SET failure = '{'", true),
        ("UPDATE task SET due = -1", true),
        ("UPDATE task SET ordering_key = CAST(x'ff' AS TEXT)", false),
        ("UPDATE task SET failure = '{', status = 'running'; UPDATE run SET ended_at = NULL", true),
    ];
    for (damage, told) in damages {
        let file = InTemp::new();
        let clock = SimulatedClock::new(Timestamp(1_000_000_000_000));
        let world = Arc::new(World::new(clock.clone()));
        let guests = Arc::new(Guests::each(|a, imports| async move {
            imports.send(request(Repeat::Read, "look")).await.map_err(|e| e.to_string())?;
            let tomorrow = imports.now().plus(MINUTE * 60);
            Ok(if a.task.payload == "1" { later(tomorrow, None) } else { done() })
        }));
        let up = || {
            let engine = Kept::open(&file, Arc::new(clock.clone()), EngineLimits::default(), Arc::new(NoProbe));
            let stop = CancellationToken::new();
            let serving = crate::durable::start(engine.clone(), &clock, guests.clone(), world.clone(), stop.clone());
            (engine, serving, stop)
        };
        let (engine, serving, stop) = up();
        engine.accept("bad", vec![task("a", "k", "1")]).await.unwrap();
        clock.run_for(MINUTE).await;
        stop.cancel();
        serving.await.unwrap().unwrap();
        drop(engine);
        rusqlite::Connection::open(file.path()).unwrap().execute_batch(damage).unwrap();

        let (engine, serving, stop) = up();
        engine.accept("good", vec![task("a", "k", "2")]).await.unwrap();
        clock.run_for(MINUTE * 120).await;
        assert!(!serving.is_finished(), "{damage}: {:?}", serving.await);
        let good = engine.tasks("good", TaskFilter::default(), None).await.unwrap();
        assert_eq!(good[0].status, TaskStatus::Done, "{damage}");
        let log = engine.log("bad", None).await.unwrap();
        let parked = log.iter().filter(|l| l.line.code == "key-parked").count();
        assert_eq!(parked, usize::from(told), "{damage}: {log:?}");

        let mend = "UPDATE task SET failure = NULL, due = 1, ordering_key = 'k', payload = '3'; \
                    UPDATE run SET started_at = 1";
        rusqlite::Connection::open(file.path()).unwrap().execute_batch(mend).unwrap();
        engine.installed("bad");
        clock.run_for(MINUTE * 120).await;
        let mended = engine.tasks("bad", TaskFilter::default(), None).await.unwrap();
        assert_eq!(mended[0].status, TaskStatus::Done, "{damage}: {mended:?}");
        stop.cancel();
        serving.await.unwrap().unwrap();
    }
}

/// Does not know the installation at first, and takes until it is told so to say it.
struct Hesitant {
    guests: Guests,
    asked: UnboundedSender<()>,
    answers: Mutex<std::sync::mpsc::Receiver<()>>,
}

#[async_trait]
impl Driver for Hesitant {
    fn prepare(&self, installation: &str) -> Option<(String, serde_json::Value)> {
        let _ = self.asked.send(());
        self.answers.lock().unwrap().recv().is_err().then(|| self.guests.prepare(installation))?
    }

    fn batch_tasks(&self, installation: &str, key: &str) -> usize {
        self.guests.batch_tasks(installation, key)
    }

    async fn open(&self, lead: Lead) -> Result<Box<dyn Run>, String> {
        self.guests.open(lead).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_word_that_comes_while_the_driver_says_no_is_not_lost() {
    let file = InTemp::new();
    let engine: Arc<dyn Engine> = Arc::new(file.try_open(Durability::ProcessCrash).unwrap());
    let (asked, mut is_asked) = tokio::sync::mpsc::unbounded_channel();
    let (says_no, answers) = std::sync::mpsc::channel();
    let guests = Guests::each(|_, _| async { Ok(done()) });
    let driver = Arc::new(Hesitant { guests, asked, answers: Mutex::new(answers) });
    let world = Arc::new(World::new(SimulatedClock::new(Timestamp(0))));
    let stop = CancellationToken::new();
    let serving = crate::durable::start(engine.clone(), &SystemClock, driver, world, stop.clone());
    engine.accept("i", vec![task("a", "k", "1")]).await.unwrap();
    is_asked.recv().await.unwrap();
    engine.resume("i", None).await.unwrap();
    // The loop hears it while the driver still thinks.
    tokio::time::sleep(Duration::from_millis(100)).await;
    says_no.send(()).unwrap();
    drop(says_no);
    let waits = TaskFilter { status: Some(TaskStatus::Waiting) };
    let done = async {
        while !engine.tasks("i", waits, None).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), done).await.expect("the key stands still");
    stop.cancel();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_runs_time_begins_with_its_first_wave() {
    let file = InTemp::new();
    let limits = EngineLimits { run: Duration::from_millis(200), ..EngineLimits::default() };
    let engine = Kept::open(&file, Arc::new(SystemClock), limits, Arc::new(NoProbe));
    let world = Arc::new(World::new(SimulatedClock::new(Timestamp(0))));
    world.answers_after(Duration::ZERO);
    let guests = Arc::new(Guests::each(|_, imports| async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        imports.send(request(Repeat::Read, "look")).await.map(|_| done()).map_err(|e| e.to_string())
    }));
    let stop = CancellationToken::new();
    let serving = crate::durable::start(engine.clone(), &SystemClock, guests, world, stop.clone());
    engine.accept("i", vec![task("a", "k", "1")]).await.unwrap();
    let runs = async || engine.runs("i", None).await.unwrap().pop().and_then(|run| run.end);
    let end = loop {
        if let Some(end) = runs().await {
            break end;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(end, "done");
    stop.cancel();
    serving.await.unwrap().unwrap();
}
