//! What people do: cancel, retry, ask.

use super::{
    super::{Cancel, Counts, EngineError, Phase, TaskStatus::*},
    *,
};
use crate::effect::{Repeat, RunId};
use guest::{Guests, done, later, request};

/// Two waves of `once`, a minute each, and a write after each.
fn two_waves() -> Guests {
    Guests::new(|lead, imports| async move {
        for wave in ["first", "second"] {
            let requests = (0..2).map(|i| request(Repeat::Once, &format!("{wave}/{i}"))).collect();
            imports.send_all(requests).await;
            imports.set(wave, "done");
        }
        Ok(lead.input.assignments.iter().map(|a| (a.id, done())).collect())
    })
}

async fn the_first_wave_alone_happened(bench: &Bench, up: &Up) {
    let kept = up.tasks().await;
    assert_eq!(statuses(&kept), [Dead, Dead]);
    let failure = kept[0].failure.as_ref().unwrap();
    assert_eq!(failure.class, FailureClass::NeedsAttention);
    assert!(failure.problem.contains("the wrong list"), "{failure:?}");
    assert_eq!(bench.world.effects().into_keys().collect::<Vec<_>>(), ["first/0", "first/1"]);
    let run = up.engine.runs(INSTALLATION, None).await.unwrap().remove(0);
    assert_eq!(run.end.as_deref(), Some("cancelled: the wrong list"));
}

pub async fn a_run_is_cancelled_between_two_effects(harness: &dyn Harness) {
    let bench = Bench::new(harness, two_waves());
    bench.world.answers_after(MINUTE / 2);
    let engine = bench.closed();
    accept(engine.as_ref(), [task("a", "k", "1"), task("a", "k", "2")]).await;
    drop(engine);
    let up = bench.up();
    bench.clock.run_for(Duration::from_secs(10)).await;
    let run = up.engine.runs(INSTALLATION, None).await.unwrap()[0].id;
    up.engine.cancel(INSTALLATION, Cancel::Run(run), "the wrong list").await.unwrap();
    assert_eq!(statuses(&up.tasks().await), [Running, Running], "never inside an effect");
    bench.clock.run_for(DAY).await;
    the_first_wave_alone_happened(&bench, &up).await;
    let again = up.engine.cancel(INSTALLATION, Cancel::Run(run), "once more").await;
    assert!(matches!(again, Err(EngineError::Invalid(_))), "{again:?}");
    up.down().await;
}

pub async fn a_cancelled_run_stays_cancelled_after_a_stop(harness: &dyn Harness) {
    let bench = Bench::new(harness, two_waves());
    bench.world.answers_after(MINUTE / 2);
    let engine = bench.closed();
    accept(engine.as_ref(), [task("a", "k", "1"), task("a", "k", "2")]).await;
    drop(engine);
    let up = bench.up_until(Arc::new(DieWhere(|p: &Point| p.phase == Phase::Answered)));
    bench.clock.run_for(DAY).await;
    let point = up.died().await;

    // Nobody serves; the word is kept.
    let engine = bench.closed();
    engine.cancel(INSTALLATION, Cancel::Run(point.run), "the wrong list").await.unwrap();
    drop(engine);
    let up = bench.up();
    bench.clock.run_for(DAY).await;
    the_first_wave_alone_happened(&bench, &up).await;
    assert_eq!(bench.guests.open_leads().len(), 1, "it is not opened again");
    up.down().await;
}

pub async fn a_task_is_cancelled_before_it_runs(harness: &dyn Harness) {
    let bench = Bench::new(harness, Guests::each(|_, _| async { Ok(done()) }));
    let up = bench.up();
    let tomorrow = Some(bench.clock.now().plus(DAY));
    let ids = up.accept([Task { not_before: tomorrow, ..task("a", "k", "1") }]).await;
    up.engine.cancel(INSTALLATION, Cancel::Task(ids[0]), "moved").await.unwrap();
    bench.clock.run_for(DAY * 2).await;
    assert_eq!(up.task(ids[0]).await.status, Dead);
    assert!(bench.guests.open_leads().is_empty());
    up.down().await;
}

pub async fn a_dead_letter_goes_again_as_a_first_attempt(harness: &dyn Harness) {
    let healed = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let heal = healed.clone();
    let bench = Bench::new(
        harness,
        Guests::each(move |a, _| {
            assert!(a.attempt <= 4);
            let outcome = match healed.load(std::sync::atomic::Ordering::SeqCst) {
                true => done(),
                false => breaking::failed(FailureClass::Bug),
            };
            async move { Ok(outcome) }
        }),
    );
    let up = bench.up();
    let ids = up.accept([task("a", "k", "1")]).await;
    bench.clock.run_for(DAY).await;
    assert_eq!(up.task(ids[0]).await.status, Dead);
    heal.store(true, std::sync::atomic::Ordering::SeqCst);
    up.engine.retry(INSTALLATION, ids[0]).await.unwrap();
    bench.clock.run_for(MINUTE).await;
    let kept = up.task(ids[0]).await;
    assert_eq!((kept.status, kept.attempt, kept.failure), (Done, 1, None));
    up.down().await;
}

pub async fn a_retry_is_no_sooner_than_the_task_may_be(harness: &dyn Harness) {
    let bench = Bench::new(harness, Guests::each(|_, _| async { Ok(done()) }));
    let up = bench.up();
    let tomorrow = bench.clock.now().plus(DAY);
    let id = up.accept([Task { not_before: Some(tomorrow), ..task("a", "k", "1") }]).await[0];
    up.engine.cancel(INSTALLATION, Cancel::Task(id), "moved").await.unwrap();
    up.engine.retry(INSTALLATION, id).await.unwrap();
    bench.clock.run_until(tomorrow.minus(MINUTE)).await;
    let kept = up.task(id).await;
    assert_eq!((kept.status, kept.due), (Waiting, tomorrow));
    bench.clock.run_for(MINUTE * 2).await;
    assert_eq!(up.task(id).await.status, Done);
    up.down().await;
}

pub async fn a_dead_letter_that_is_given_up_is_gone_and_told_and_the_same_work_is_new(harness: &dyn Harness) {
    let bench = Bench::new(
        harness,
        Guests::each(|a, _| async move {
            Ok(if a.task.kind == "bad" { breaking::failed(FailureClass::Invalid) } else { done() })
        }),
    );
    let up = bench.up();
    let ids = up.accept([task("bad", "k", "1"), task("bad", "k", "2"), task("a", "k", "3")]).await;
    bench.clock.run_for(MINUTE).await;
    assert_eq!(statuses(&up.tasks().await), [Dead, Dead, Done]);
    up.engine.discard(INSTALLATION, ids[0]).await.unwrap();
    let left: Vec<TaskId> = up.tasks().await.iter().map(|kept| kept.id).collect();
    assert_eq!((left, up.engine.counts(INSTALLATION).await.unwrap().dead), (ids[1..].to_vec(), 1));
    let told = up.engine.log(INSTALLATION, None).await.unwrap().pop().unwrap();
    assert_eq!(told.line.code, "discarded");
    let problem = up.task(ids[1]).await.failure.unwrap().problem;
    assert!(told.line.message.contains(&problem) && told.run.is_some(), "{told:?}");

    let again = up.accept([task("a", "k", "1")]).await[0];
    bench.clock.run_for(MINUTE).await;
    assert_eq!(up.task(again).await.status, Done, "nothing of it stands in the way");

    let refused = [(INSTALLATION, ids[0]), (INSTALLATION, ids[2]), ("other", ids[1]), (INSTALLATION, TaskId(999))];
    for (installation, id) in refused {
        match up.engine.discard(installation, id).await {
            Err(EngineError::Invalid(why) | EngineError::Unknown(why)) => assert!(why.contains(&format!("task {id}"))),
            other => panic!("{id}: {other:?}"),
        }
    }
    assert_eq!(up.task(ids[1]).await.status, Dead);
    up.down().await;
}

pub async fn what_was_put_off_goes_on_before_its_time_where_somebody_says_so(harness: &dyn Harness) {
    let bench = Bench::new(
        harness,
        Guests::each(|_, imports| async move {
            let asked_before = imports.get("asked").await.is_some();
            imports.set("asked", "once");
            Ok(if asked_before { done() } else { later(imports.now().plus(DAY), Some("a word")) })
        }),
    );
    let up = bench.up();
    let id = up.accept([task("a", "k", "1")]).await[0];
    bench.clock.run_for(MINUTE).await;
    assert!(up.task(id).await.is_put_off());
    up.engine.retry(INSTALLATION, id).await.unwrap();
    bench.clock.run_for(MINUTE).await;
    let kept = up.task(id).await;
    assert_eq!((kept.status, kept.attempt), (Done, 1), "nor is that an attempt");
    up.down().await;
}

/// Asks, and goes away before the answer.
async fn gone<T>(up: &Up, mut asked: impl Future<Output = T> + Unpin) {
    std::future::poll_fn(|cx| std::task::Poll::Ready(std::pin::Pin::new(&mut asked).poll(cx).is_ready())).await;
    drop(asked);
    // What was asked for before this has happened by then.
    up.engine.pause("nobody", None).await.unwrap();
}

pub async fn what_is_asked_for_happens_though_the_asker_goes_away(harness: &dyn Harness) {
    let bench = Bench::new(harness, two_waves());
    bench.world.answers_after(Duration::from_secs(5));
    let up = bench.up();
    let ends_as = async |expect| {
        bench.clock.run_for(MINUTE).await;
        assert_eq!(statuses(&up.tasks().await), expect);
    };
    gone(&up, up.engine.accept(INSTALLATION, vec![task("a", "k", "1")])).await;
    ends_as([Done].as_slice()).await;

    gone(&up, up.engine.pause(INSTALLATION, None)).await;
    let second = up.accept([task("a", "k", "2")]).await[0];
    ends_as(&[Done, Waiting]).await;
    gone(&up, up.engine.cancel(INSTALLATION, Cancel::Task(second), "no")).await;
    gone(&up, up.engine.retry(INSTALLATION, second)).await;
    ends_as(&[Done, Waiting]).await;
    gone(&up, up.engine.resume(INSTALLATION, None)).await;
    ends_as(&[Done, Done]).await;

    let third = up.accept([task("a", "k", "3")]).await[0];
    bench.clock.run_for(Duration::from_secs(1)).await;
    let run = up.task(third).await.run.unwrap();
    gone(&up, up.engine.cancel(INSTALLATION, Cancel::Run(run), "the wrong list")).await;
    ends_as(&[Done, Done, Dead]).await;
    assert_eq!(bench.world.effects()["second/0"], 2, "not by the one that was cancelled");
    gone(&up, up.engine.retry(INSTALLATION, third)).await;
    ends_as(&[Done, Done, Done]).await;
    up.down().await;
}

pub async fn what_cannot_be_done_is_refused_with_a_reason(harness: &dyn Harness) {
    let bench = Bench::new(harness, Guests::each(|_, _| async { Ok(breaking::failed(FailureClass::Invalid)) }));
    let up = bench.up();
    let dead = up.accept([task("a", "k", "1")]).await[0];
    bench.clock.run_for(MINUTE).await;
    let later = Some(bench.clock.now().plus(DAY));
    let waiting = up.accept([Task { not_before: later, ..task("a", "k", "1") }]).await[0];

    let engine = &up.engine;
    let refused = |result: Result<(), EngineError>| match result {
        Err(EngineError::Invalid(why) | EngineError::Unknown(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(refused(engine.retry(INSTALLATION, dead).await).contains(&format!("as task {waiting}")));
    assert!(refused(engine.retry(INSTALLATION, waiting).await).contains("not a dead letter"));
    assert!(refused(engine.retry(INSTALLATION, TaskId(999)).await).contains("task 999"));
    assert!(refused(engine.retry("other", dead).await).contains("task"), "not across installations");
    assert!(refused(engine.cancel(INSTALLATION, Cancel::Task(dead), "no").await).contains("ended already"));
    assert!(refused(engine.cancel(INSTALLATION, Cancel::Run(RunId(99)), "no").await).contains("run 99"));
    let second = engine.serve(bench.guests.clone(), bench.world.clone(), CancellationToken::new()).await;
    assert!(refused(second).contains("serves already"));
    let only_dead = TaskFilter { status: Some(Dead) };
    assert_eq!(engine.tasks(INSTALLATION, only_dead, None).await.unwrap().len(), 1);
    assert_eq!(engine.tasks(INSTALLATION, TaskFilter::default(), Some(dead)).await.unwrap()[0].id, waiting);
    up.down().await;
}

pub async fn how_an_installation_stands_is_told_at_a_glance(harness: &dyn Harness) {
    let bench = Bench::new(harness, keeping::tellers());
    let up = bench.up();
    assert_eq!(up.engine.counts(INSTALLATION).await.unwrap(), Counts::default(), "nobody was here");
    let later = bench.clock.now().plus(DAY);
    let waits = |n: &str| Task { not_before: Some(later), ..task("person", n, n) };
    up.accept([task("person", "k", "1"), task("bad", "k", "2"), waits("3"), waits("4")]).await;
    bench.clock.run_for(MINUTE).await;
    let stands = Counts { waiting: 2, running: 0, dead: 1, next_due: Some(later), paused: false };
    assert_eq!(up.engine.counts(INSTALLATION).await.unwrap(), stands);
    up.engine.pause(INSTALLATION, Some("3")).await.unwrap();
    assert_eq!(up.engine.counts(INSTALLATION).await.unwrap(), stands, "a key alone");
    up.engine.pause(INSTALLATION, None).await.unwrap();
    assert_eq!(up.engine.counts(INSTALLATION).await.unwrap(), Counts { paused: true, ..stands });
    assert_eq!(up.engine.counts("other").await.unwrap(), Counts::default(), "not of another installation");
    up.engine.resume(INSTALLATION, None).await.unwrap();
    assert_eq!(up.engine.counts(INSTALLATION).await.unwrap(), stands);
    up.down().await;
}
