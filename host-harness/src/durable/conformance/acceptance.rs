//! What was accepted is kept, once, and ends as done or as a dead letter.

use super::{
    super::{Accepted, DELIVERY, EngineError, Phase, TaskStatus::*},
    *,
};
use crate::effect::Outcome;
use guest::{Guests, done, followed_by};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

fn obedient() -> Guests {
    Guests::each(|_, _| async { Ok(done()) })
}

pub async fn what_was_accepted_is_done_by_whoever_serves_next(harness: &dyn Harness) {
    let bench = Bench::new(harness, obedient());
    let engine = bench.closed();
    let ids = accept(engine.as_ref(), [task("a", "k", "1"), task("a", "l", "2")]).await;
    assert_eq!(statuses(&tasks(engine.as_ref()).await), [Waiting, Waiting]);
    drop(engine);

    let up = bench.up();
    bench.clock.run_for(MINUTE).await;
    let kept = up.tasks().await;
    assert_eq!(kept.iter().map(|k| (k.id, k.status)).collect::<Vec<_>>(), [(ids[0], Done), (ids[1], Done)]);
    up.down().await;
}

pub async fn the_same_work_is_kept_once_while_it_waits_runs_or_was_done_of_late(harness: &dyn Harness) {
    let bench = Bench::new(harness, obedient());
    let up = bench.up();
    let again = || up.engine.accept(INSTALLATION, vec![task("a", "k", "1")]);
    let first = up.engine.accept(INSTALLATION, vec![task("a", "k", "1"), task("a", "k", "1")]).await.unwrap();
    let [Accepted::New(id), Accepted::Already(same)] = first[..] else { panic!("{first:?}") };
    assert_eq!(id, same);

    bench.clock.run_for(DAY * 13).await;
    assert_eq!(up.task(id).await.status, Done);
    assert_eq!(again().await.unwrap(), [Accepted::Already(id)]);
    assert_eq!(up.task(id).await.repeats, 2);

    bench.clock.run_for(DAY).await;
    let anew = again().await.unwrap();
    assert!(matches!(anew[..], [Accepted::New(new)] if new != id), "the retention is over: {anew:?}");
    up.down().await;
}

pub async fn a_dead_letter_does_not_stand_in_the_way_of_the_same_work(harness: &dyn Harness) {
    let bench = Bench::new(harness, Guests::each(|_, _| async { Ok(breaking::failed(FailureClass::Invalid)) }));
    let up = bench.up();
    let first = up.accept([task("a", "k", "1")]).await;
    bench.clock.run_for(MINUTE).await;
    assert_eq!(up.task(first[0]).await.status, Dead);
    assert_ne!(up.accept([task("a", "k", "1")]).await, first);
    up.down().await;
}

pub async fn a_task_beyond_the_bounds_is_refused_and_a_delivery_may_be_large(harness: &dyn Harness) {
    let bench = Bench::new(harness, obedient());
    let up = bench.up();
    let large = "x".repeat((64 << 10) + 1);
    let both = vec![task("a", "k", "1"), Task { dedupe_key: "d".into(), ..task("a", "k", large.clone()) }];
    match up.engine.accept(INSTALLATION, both).await {
        Err(EngineError::Invalid(why)) => assert!(why.contains("`payload`") && why.contains("65536"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert!(up.tasks().await.is_empty(), "all or nothing");

    let delivery = Task { dedupe_key: "d".into(), title: "d".into(), ..task(DELIVERY, "inbox/1", large) };
    let ids = up.accept([delivery]).await;
    bench.clock.run_for(MINUTE).await;
    assert_eq!(up.task(ids[0]).await.status, Done);
    up.down().await;
}

pub async fn the_body_of_a_delivery_is_gone_once_its_tasks_are_durable(harness: &dyn Harness) {
    // The first traps once, the second is refused until somebody mends it.
    let mended = Arc::new(AtomicBool::new(false));
    let mend = mended.clone();
    let bench = Bench::new(
        harness,
        Guests::each(move |a, _| {
            let mended = mended.load(SeqCst);
            async move {
                match (a.task.payload.as_str(), a.attempt) {
                    ("a link of Ana's", 1) => Err("trap".into()),
                    ("a link of Ben's", _) if !mended => Ok(breaking::failed(FailureClass::Invalid)),
                    ("ana" | "ben", _) => Ok(done()),
                    (link, _) => Ok(followed_by(vec![task("a", "k", link[10..13].to_lowercase())])),
                }
            }
        }),
    );
    let up = bench.up();
    let ids = up.accept([delivery("1", "a link of Ana's"), delivery("2", "a link of Ben's")]).await;
    bench.clock.run_for(MINUTE * 2).await;
    let kept = up.tasks().await;
    let holds = |of: &[KeptTask]| of.iter().map(|k| (k.status, k.task.payload.clone())).collect::<Vec<_>>();
    let expect = [(Done, String::new()), (Dead, "a link of Ben's".into()), (Done, "ana".into())];
    assert_eq!(holds(&kept), expect);

    let whole = async || {
        let mut whole = vec![];
        for run in up.engine.runs(INSTALLATION, None).await.unwrap() {
            let tape = up.engine.tape(INSTALLATION, run.id).await.unwrap();
            let named = serde_json::to_string(&tape).unwrap().contains("a link of Ana's");
            assert!(!named, "run {}: {tape:?}", run.id);
            whole.push(tape.whole().is_ok());
        }
        whole
    };
    assert_eq!(whole().await, [false, true, false, true], "Ana's twice, Ben's, and what came of Ana's");
    match up.engine.retry(INSTALLATION, ids[0]).await {
        Err(EngineError::Invalid(why)) => assert!(why.contains("body of a delivery is not kept"), "{why}"),
        other => panic!("{other:?}"),
    }
    let again = up.engine.accept(INSTALLATION, vec![delivery("1", "a link of Ana's")]).await.unwrap();
    assert_eq!(again, [Accepted::Already(ids[0])]);
    assert_eq!(up.task(ids[0]).await.task.payload, "", "it comes back by no repetition");

    mend.store(true, SeqCst);
    up.engine.retry(INSTALLATION, ids[1]).await.unwrap();
    bench.clock.run_for(MINUTE).await;
    assert_eq!((up.task(ids[1]).await.status, up.task(ids[1]).await.task.payload), (Done, String::new()));
    assert_eq!(whole().await, [false, false, false, true, false, true]);
    up.down().await;
}

pub async fn a_delivery_that_was_cut_off_is_given_its_body_again(harness: &dyn Harness) {
    for phase in [Phase::Opened, Phase::Ending] {
        let bench = Bench::new(harness, obedient());
        let up = bench.up_until(Arc::new(DieWhere(move |p: &Point| p.phase == phase)));
        up.accept([delivery("1", "a link")]).await;
        bench.clock.run_for(MINUTE).await;
        up.died().await;
        let up = bench.up();
        bench.clock.run_for(MINUTE).await;
        assert_eq!(statuses(&up.tasks().await), [Done]);
        assert!(bench.guests.payloads().iter().all(|body| body == "a link"), "{phase:?}");
        assert_eq!(up.engine.runs(INSTALLATION, None).await.unwrap().len(), 1);
        up.down().await;
    }
}

pub async fn follow_ups_are_accepted_with_the_end_of_their_run_and_deduplicated(harness: &dyn Harness) {
    let bench = Bench::new(
        harness,
        Guests::each(|a, _| async move {
            Ok(match a.task.kind.as_str() {
                "first" => followed_by(vec![task("then", "other", "1"), task("then", "other", "1")]),
                _ => done(),
            })
        }),
    );
    let up = bench.up();
    up.accept([task("first", "k", "1"), task("first", "k", "2")]).await;
    bench.clock.run_for(MINUTE).await;
    let kept = up.tasks().await;
    assert_eq!(statuses(&kept), [Done, Done, Done]);
    let follow_up = &kept[2];
    assert_eq!((follow_up.task.kind.as_str(), follow_up.generation, follow_up.repeats), ("then", 1, 3));
    up.down().await;
}

pub async fn a_chain_without_end_becomes_a_dead_letter(harness: &dyn Harness) {
    let next = |a: crate::effect::Assignment, _| async move {
        let n: u32 = a.task.payload.parse().unwrap();
        Ok(followed_by(vec![task("again", "k", (n + 1).to_string())]))
    };
    let bench = Bench::new(harness, Guests::each(next));
    let up = bench.up();
    up.accept([task("again", "k", "0")]).await;
    bench.clock.run_for(MINUTE).await;
    let kept = up.tasks().await;
    let (last, others) = kept.split_last().unwrap();
    assert!(others.iter().all(|k| k.status == Done));
    assert_eq!((last.generation, last.status), (bench.limits.generations_max + 1, Dead));
    let failure = last.failure.as_ref().unwrap();
    assert!(failure.class == FailureClass::Bug && failure.problem.contains("16 generations"), "{failure:?}");
    let log = up.engine.log(INSTALLATION, None).await.unwrap();
    assert_eq!(log.iter().map(|l| l.line.code.as_str()).collect::<Vec<_>>(), ["dead-letter"]);
    up.down().await;
}

pub async fn a_follow_up_that_is_no_task_becomes_a_dead_letter(harness: &dyn Harness) {
    let malformed = || {
        let delivery = crate::effect::Delivery {
            source: "s".into(),
            headers: vec![],
            body: b"forged".into(),
            received_at: Timestamp(1),
            verified: true,
        };
        let large = Task { dedupe_key: "large".into(), title: "t".into(), ..task("b", "k", "x".repeat(1 << 17)) };
        [
            (large, "`payload`"),
            (task("Upper", "k", "1"), "lower case"),
            (task("b", "", "2"), "`ordering-key`"),
            (task(DELIVERY, "k", "3"), "host's own"),
            (task("b", "inbox/9", "4"), "host's own"),
            (task(DELIVERY, "inbox/9", serde_json::to_string(&delivery).unwrap()), "host's own"),
        ]
    };
    let guests = Guests::each(move |a, _| async move {
        let all = malformed().map(|(task, _)| task).into_iter().chain([task("then", "k", "5")]);
        Ok(if a.task.kind == "a" { followed_by(all.collect()) } else { done() })
    });
    let bench = Bench::new(harness, guests);
    let up = bench.up();
    up.accept([task("a", "k", "1")]).await;
    bench.clock.run_for(MINUTE).await;
    let kept = up.tasks().await;
    assert_eq!(statuses(&kept), [Done, Dead, Dead, Dead, Dead, Dead, Dead, Done], "the rest counts");
    for (dead, (_, why)) in kept[1..].iter().zip(malformed()) {
        let failure = dead.failure.as_ref().unwrap();
        assert!(failure.class == FailureClass::Bug && failure.problem.contains(why), "{why}: {failure:?}");
        match up.engine.retry(INSTALLATION, dead.id).await {
            Err(EngineError::Invalid(refused)) => assert!(refused.contains(why), "{refused}"),
            other => panic!("{why}: {other:?}"),
        }
    }
    let opened: Vec<String> = bench.guests.open_leads().iter().map(|lead| lead.key.clone()).collect();
    assert_eq!(opened, ["k", "k"], "none of them ever runs");
    up.down().await;
}

pub async fn an_engine_that_is_dropped_is_opened_again_at_once(harness: &dyn Harness) {
    let slow = Guests::each(|_, imports| async move {
        let answer = imports.send(guest::request(crate::effect::Repeat::Read, "slow")).await;
        Ok(answer.map_or_else(|e| panic!("{e}"), |_| done()))
    });
    let bench = Bench::new(harness, slow);
    for round in 0..5 {
        let up = bench.up();
        up.accept([task("a", "k", round.to_string())]).await;
        // It is dropped wherever it is just then: no stop, no farewell.
        up.serving.abort();
        let _ = up.serving.await;
        drop(up.engine);
    }
    let up = bench.up();
    bench.clock.run_for(MINUTE).await;
    assert_eq!(statuses(&up.tasks().await), [Done; 5]);
    up.down().await;
}

pub async fn one_installation_sees_nothing_of_another(harness: &dyn Harness) {
    let writes = Guests::each(|a, imports| async move {
        let found = imports.get("k").await;
        imports.set("k", &a.task.payload);
        imports.log(found.as_deref().unwrap_or("nothing"));
        Ok::<Outcome, String>(done())
    });
    let bench = Bench::new(harness, writes);
    let up = bench.up();
    up.engine.accept("one", vec![task("a", "k", "1")]).await.unwrap();
    bench.clock.run_for(MINUTE).await;
    let other = up.engine.accept("two", vec![Task { payload: "2".into(), ..task("a", "k", "1") }]).await.unwrap();
    assert!(matches!(other[..], [Accepted::New(_)]), "dedupe keys are an installation's own");
    bench.clock.run_for(MINUTE).await;
    for (name, payload) in [("one", "1"), ("two", "2")] {
        let kept = up.engine.tasks(name, TaskFilter::default(), None).await.unwrap();
        assert_eq!(kept.iter().map(|k| k.task.payload.as_str()).collect::<Vec<_>>(), [payload]);
        let state = up.engine.state(name, "k", "", None).await.unwrap();
        assert_eq!(state.iter().map(|e| e.value.as_str()).collect::<Vec<_>>(), [payload]);
        let log = up.engine.log(name, None).await.unwrap();
        assert_eq!(log.iter().map(|l| l.line.code.as_str()).collect::<Vec<_>>(), ["nothing"]);
        assert_eq!(up.engine.runs(name, None).await.unwrap().len(), 1);
    }
    let theirs = up.engine.runs("two", None).await.unwrap()[0].id;
    assert!(matches!(up.engine.tape("one", theirs).await, Err(EngineError::Unknown(_))));
    up.down().await;
}
