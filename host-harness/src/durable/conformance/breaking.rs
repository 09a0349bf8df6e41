//! Traps, limits and failures: one bad task fails by itself, and what was written stays.

use super::{super::TaskStatus::*, *};
use crate::effect::{Action, Change, Failure, Note, Outcome, Repeat};
use guest::{Guests, done, register, request};

pub fn failed(class: FailureClass) -> Outcome {
    Outcome::Failed(Failure { class, problem: "the field is missing".into(), remedy: "add it".into() })
}

pub async fn writes_stay_after_a_trap(harness: &dyn Harness) {
    let bench = Bench::new(
        harness,
        Guests::each(|a, imports| async move {
            let before = imports.get("attempts").await.unwrap_or_default();
            imports.set("attempts", &format!("{before}{}", a.attempt));
            Err("unreachable executed".into())
        }),
    );
    let up = bench.up();
    let ids = up.accept([task("a", "k", "1")]).await;
    bench.clock.run_for(DAY).await;
    let state = up.engine.state(INSTALLATION, "k", "", None).await.unwrap();
    assert_eq!(state[0].value, "1234");
    let kept = up.task(ids[0]).await;
    assert_eq!((kept.status, kept.attempt), (Dead, 4));
    let failure = kept.failure.unwrap();
    assert!(failure.class == FailureClass::Bug && failure.problem.contains("unreachable"), "{failure:?}");
    let runs = up.engine.runs(INSTALLATION, None).await.unwrap();
    assert_eq!(runs.len(), 4);
    assert!(runs.iter().all(|run| run.end.as_deref() == Some("unreachable executed")));
    let began: Vec<u64> = runs.iter().map(|r| r.started_at.since(runs[0].started_at).as_secs() / 60).collect();
    assert_eq!(began, [0, 1, 6, 21], "the pauses grow");
    up.down().await;
}

pub async fn a_bad_task_is_isolated_by_halving(harness: &dyn Harness) {
    let bench = Bench::new(harness, Guests::new(register));
    let engine = bench.closed();
    let who = |i| if i == 11 { "boom".to_string() } else { format!("p{i}") };
    let ids = accept(engine.as_ref(), (0..16).map(|i| task("register", "people", who(i)))).await;
    drop(engine);

    let up = bench.up();
    // Before the first pause is over: others of the key go on meanwhile.
    bench.clock.run_for(MINUTE / 2).await;
    let late = up.accept([task("register", "people", "late")]).await;
    bench.clock.run_for(MINUTE / 4).await;
    for id in ids.iter().chain(&late) {
        let kept = up.task(*id).await;
        let bad = kept.task.payload == "boom";
        let expect = if bad { (Waiting, 2) } else { (Done, 1) };
        assert_eq!((kept.status, kept.attempt), expect, "{}", kept.task.payload);
    }
    let sizes: Vec<usize> = up.engine.runs(INSTALLATION, None).await.unwrap().iter().map(|run| run.tasks).collect();
    assert_eq!(sizes, [16, 8, 8, 4, 2, 2, 1, 1, 4, 1], "halves of halves, the older ones first");

    bench.clock.run_for(DAY).await;
    let bad = up.task(ids[11]).await;
    assert_eq!((bad.status, bad.attempt), (Dead, 4));
    let effects = bench.world.effects();
    assert_eq!(effects.len(), 17);
    assert!(effects.values().all(|times| *times == 1), "{effects:?}");
    up.down().await;
}

pub async fn a_failure_that_needs_a_person_is_a_dead_letter_at_once_and_a_bug_after_its_attempts(
    harness: &dyn Harness,
) {
    let bench = Bench::new(
        harness,
        Guests::each(|a, _| async move {
            Ok(match a.task.kind.as_str() {
                "attention" => failed(FailureClass::NeedsAttention),
                "invalid" => failed(FailureClass::Invalid),
                "bug" => failed(FailureClass::Bug),
                _ => done(),
            })
        }),
    );
    let engine = bench.closed();
    accept(engine.as_ref(), ["attention", "invalid", "bug", "fine"].map(|kind| task(kind, "k", "1"))).await;
    drop(engine);
    let up = bench.up();
    bench.clock.run_for(MINUTE / 2).await;
    let kept = up.tasks().await;
    assert_eq!(statuses(&kept), [Dead, Dead, Waiting, Done]);
    assert_eq!(kept[0].failure.as_ref().unwrap().remedy, "add it");
    assert_eq!((kept[2].attempt, kept[2].due.since(kept[2].admitted_at)), (2, MINUTE));

    bench.clock.run_for(DAY).await;
    let bug = up.tasks().await.remove(2);
    assert_eq!((bug.status, bug.attempt), (Dead, 4));
    let with_the_bug = bench.guests.open_leads().into_iter().skip(1).map(|lead| lead.input.assignments.len());
    assert_eq!(with_the_bug.collect::<Vec<_>>(), [1, 1, 1], "alone");
    let log = up.engine.log(INSTALLATION, None).await.unwrap();
    let told = log.iter().filter(|l| l.line.code == "dead-letter").count();
    assert_eq!(told, 3, "each dead letter is told once");
    let first = &log[0].line.message;
    assert_eq!(first, "Not done: attention 1. the field is missing. add it");
    up.down().await;
}

pub async fn a_wrong_list_of_outcomes_counts_as_a_trap(harness: &dyn Harness) {
    let lists: [&[u32]; 4] = [&[], &[1, 1], &[2], &[1, 2]];
    for list in lists {
        let bench = Bench::new(
            harness,
            Guests::new(move |_, imports| async move {
                imports.set("it", "stays");
                Ok(list.iter().map(|id| (*id, done())).collect())
            }),
        );
        let up = bench.up();
        let ids = up.accept([task("a", "k", "1")]).await;
        bench.clock.run_for(MINUTE / 2).await;
        let kept = up.task(ids[0]).await;
        assert_eq!((kept.status, kept.attempt), (Waiting, 2), "{list:?}");
        assert_eq!(up.engine.state(INSTALLATION, "k", "", None).await.unwrap().len(), 1);
        up.down().await;
    }
}

pub async fn a_run_beyond_the_bound_on_state_ends_and_names_it(harness: &dyn Harness) {
    let writes = || {
        Guests::each(|a, imports| async move {
            let count: usize = a.task.payload.parse().unwrap();
            (0..count).for_each(|i| imports.set(&format!("{}-{i:02}", a.task.kind), "12345"));
            Ok(done())
        })
    };
    let mut bench = Bench::new(harness, writes());
    bench.limits.state_entries_max = 10;
    let up = bench.up();
    // One over, in two runs of two keys: the bound is the installation's.
    let ids = up.accept([task("a", "k", "6")]).await;
    bench.clock.run_for(MINUTE / 2).await;
    let over = up.accept([task("b", "l", "5")]).await;
    bench.clock.run_for(MINUTE / 2).await;
    assert_eq!(up.task(ids[0]).await.status, Done);
    assert_eq!((up.task(over[0]).await.status, up.task(over[0]).await.attempt), (Waiting, 2));
    let end = up.engine.runs(INSTALLATION, None).await.unwrap().remove(1).end.unwrap();
    assert!(end.contains("10 entries (state_entries_max)"), "{end}");
    let stays = up.engine.state(INSTALLATION, "l", "", None).await.unwrap();
    assert_eq!(stays.len(), 4, "what was written before stays");
    up.down().await;

    let mut bench = Bench::new(harness, writes());
    bench.limits.state_bytes_max = 3 * 9;
    let up = bench.up();
    up.accept([task("a", "k", "4")]).await;
    bench.clock.run_for(MINUTE / 2).await;
    let end = up.engine.runs(INSTALLATION, None).await.unwrap().remove(0).end.unwrap();
    assert!(end.contains("27 bytes (state_bytes_max)"), "{end}");
    assert_eq!(up.engine.state(INSTALLATION, "k", "", None).await.unwrap().len(), 3);
    up.down().await;
}

pub async fn a_run_is_judged_by_what_others_wrote_meanwhile(harness: &dyn Harness) {
    let writes = Guests::each(|a, imports| async move {
        imports.set("1", "");
        if a.task.kind == "slow" {
            let _ = imports.send(request(Repeat::Read, "slow")).await;
        }
        (2..=5).for_each(|i| imports.set(&i.to_string(), ""));
        Ok(done())
    });
    let mut bench = Bench::new(harness, writes);
    bench.limits.state_entries_max = 8;
    bench.world.answers_after(MINUTE / 4);
    let up = bench.up();
    let ids = up.accept([task("slow", "k", "1"), task("quick", "l", "2")]).await;
    bench.clock.run_for(MINUTE / 2).await;
    assert_eq!(up.task(ids[1]).await.status, Done);
    assert_eq!((up.task(ids[0]).await.status, up.task(ids[0]).await.attempt), (Waiting, 2));
    let stays = up.engine.state(INSTALLATION, "k", "", None).await.unwrap();
    assert_eq!(stays.len(), 3, "five of the other, three of its own");
    up.down().await;
}

pub async fn a_run_beyond_the_bound_on_its_journal_ends_and_names_it(harness: &dyn Harness) {
    let guests = || {
        Guests::each(|_, imports| async move {
            imports.set("it", "stays");
            for i in 0..3 {
                imports.log(&format!("line-{i}"));
                imports.send(request(Repeat::Once, &format!("things/{i}"))).await.map_err(|e| e.to_string())?;
            }
            imports.log("last");
            Ok(done())
        })
    };
    let run = async |limit: u64| {
        let mut bench = Bench::new(harness, guests());
        bench.limits.journal_bytes = limit;
        let up = bench.up();
        up.accept([task("a", "k", "1")]).await;
        bench.clock.run_for(MINUTE / 2).await;
        let run = up.engine.runs(INSTALLATION, None).await.unwrap().remove(0);
        let entries = up.engine.tape(INSTALLATION, run.id).await.unwrap().entries;
        let bytes: usize = entries.iter().map(|e| serde_json::to_string(e).unwrap().len()).sum();
        assert_eq!(up.engine.state(INSTALLATION, "k", "", None).await.unwrap().len(), 1);
        let task = up.tasks().await.remove(0);
        up.down().await;
        (bytes as u64, run.end.unwrap(), task.attempt, bench.world.effects().len())
    };
    let (bytes, end, ..) = run(EngineLimits::default().journal_bytes).await;
    assert_eq!(end, "done");
    let (_, end, attempt, _) = run(bytes).await;
    assert_eq!((end.as_str(), attempt), ("done", 1), "exactly as much as it may");
    let (_, end, attempt, sent) = run(bytes - 1).await;
    assert!(end.contains(&format!("{} bytes (journal_bytes)", bytes - 1)), "{end}");
    assert_eq!((attempt, sent), (2, 3));
    // In the middle of it, nothing more is sent.
    let (_, _, _, sent) = run(bytes / 2).await;
    assert!(sent < 3, "{sent}");
}

pub async fn a_run_that_asks_for_its_state_once_too_often_ends_and_names_the_bound(harness: &dyn Harness) {
    let asks = Guests::each(|a, imports| async move {
        for i in 0..a.task.payload.parse().unwrap() {
            match i % 2 {
                0 => drop(imports.get("k").await),
                _ => drop(imports.scan("k", 1).await),
            }
        }
        Ok(done())
    });
    let mut bench = Bench::new(harness, asks);
    bench.limits.state_asks = 6;
    let up = bench.up();
    let ids = up.accept([task("a", "k", "6"), task("a", "l", "7")]).await;
    bench.clock.run_for(MINUTE / 2).await;
    assert_eq!(up.task(ids[0]).await.status, Done);
    assert_eq!((up.task(ids[1]).await.status, up.task(ids[1]).await.attempt), (Waiting, 2));
    let end = up.engine.runs(INSTALLATION, None).await.unwrap().remove(1).end.unwrap();
    assert!(end.contains("6 times (state_asks)"), "{end}");
    up.down().await;
}

pub async fn a_panic_of_the_host_ends_one_run_and_no_other(harness: &dyn Harness) {
    let bench = Bench::new(harness, Guests::each(|_, _| async { Ok(done()) }));
    let up = bench.up();
    let ids = up.accept([task("a", "k", "open: panic"), task("a", "l", "1")]).await;
    bench.clock.run_for(MINUTE / 2).await;
    assert_eq!(up.task(ids[1]).await.status, Done);
    let kept = up.task(ids[0]).await;
    assert_eq!((kept.status, kept.attempt), (Waiting, 2));
    up.down().await;
}

pub async fn a_run_that_cannot_be_opened_counts_an_attempt(harness: &dyn Harness) {
    let bench = Bench::new(harness, Guests::each(|_, _| async { Ok(done()) }));
    let up = bench.up();
    let ids = up.accept([task("a", "k", "open: too large")]).await;
    bench.clock.run_for(DAY).await;
    let kept = up.task(ids[0]).await;
    assert_eq!((kept.status, kept.attempt), (Dead, 4));
    assert!(kept.failure.unwrap().problem.contains("it does not open: too large"));
    up.down().await;
}

pub async fn log_and_changes_of_a_broken_run_are_kept(harness: &dyn Harness) {
    let bench = Bench::new(
        harness,
        Guests::each(|a, imports| async move {
            imports.log("on-its-way");
            imports.note(Note::Changes(vec![Change {
                connection: "crm".into(),
                object: "Lead".into(),
                id: Some("00Q1".into()),
                action: Action::Created,
                subject: None,
                detail: None,
            }]));
            if a.attempt == 1 { Err("trap".into()) } else { Ok(done()) }
        }),
    );
    let up = bench.up();
    up.accept([task("a", "k", "1")]).await;
    bench.clock.run_for(DAY).await;
    assert_eq!(statuses(&up.tasks().await), [Done]);
    let log = up.engine.log(INSTALLATION, None).await.unwrap();
    let codes: Vec<_> = log.iter().map(|l| l.line.code.as_str()).collect();
    assert_eq!(codes, ["on-its-way", "run-broken", "on-its-way"]);
    assert_eq!(up.engine.log(INSTALLATION, Some(log[1].id)).await.unwrap(), log[2..]);
    let changes = up.engine.changes(INSTALLATION, None).await.unwrap();
    let runs: Vec<u64> = changes.iter().map(|c| c.run.0).collect();
    assert_eq!(runs, [1, 2]);
    assert_eq!(changes[0].change.id.as_deref(), Some("00Q1"));
    up.down().await;
}
