//! A recording and what it is good for.

use super::{
    super::{Phase, TaskStatus::*, journal},
    *,
};
use crate::effect::{End, Repeat};
use guest::{Guests, done, register, request};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

pub async fn another_component_begins_the_tasks_anew(harness: &dyn Harness) {
    let bench = Bench::new(harness, Guests::new(register));
    bench.world.takes_at_once(2);
    let die = DieWhere(|p: &Point| p.phase == Phase::Answered && p.place == 2);
    let up = bench.up_until(Arc::new(die));
    up.accept((0..4).map(|i| task("register", "people", format!("p{i}")))).await;
    bench.clock.run_for(MINUTE).await;
    up.died().await;

    *bench.guests.component.lock().unwrap() = "component-2".into();
    let up = bench.up();
    bench.clock.run_for(DAY).await;
    let runs = up.engine.runs(INSTALLATION, None).await.unwrap();
    assert!(runs[0].end.as_deref().unwrap().contains("another version"), "{:?}", runs[0].end);
    let leads = bench.guests.open_leads();
    assert_eq!(leads[0].input.component, "component-1");
    assert!(leads[1..].iter().all(|lead| lead.input.component == "component-2"), "the first is never opened again");
    for kept in up.tasks().await {
        assert_eq!((kept.status, kept.attempt), (Done, 1));
    }
    let effects = bench.world.effects();
    assert_eq!((effects.len(), effects.values().max()), (4, Some(&1)), "the ledger makes that safe");
    up.down().await;
}

pub async fn a_component_that_is_replaced_while_a_run_opens_counts_no_attempt(harness: &dyn Harness) {
    let bench = Bench::new(harness, Guests::each(|_, _| async { Ok(done()) }));
    *bench.guests.next_component.lock().unwrap() = Some("component-2".into());
    let up = bench.up();
    let ids = up.accept([task("a", "k", "1")]).await;
    bench.clock.run_for(MINUTE / 2).await;
    let kept = up.task(ids[0]).await;
    assert_eq!((kept.status, kept.attempt), (Done, 1));
    let ends = up.engine.runs(INSTALLATION, None).await.unwrap().into_iter().map(|run| run.end.unwrap());
    assert!(
        matches!(&ends.collect::<Vec<_>>()[..], [first, second] if first.contains("another version") && second == "done")
    );
    up.down().await;
}

pub async fn a_run_that_diverges_ends_as_a_bug_and_its_key_goes_on(harness: &dyn Harness) {
    // A guest that asks for something else each time it is opened, as no guest may.
    let opened = Arc::new(AtomicUsize::new(0));
    let fickle = Guests::new(move |lead, imports| {
        let opened = opened.clone();
        async move {
            imports.set("begun", "yes");
            let first = &lead.input.assignments[0];
            if first.task.kind == "fickle" {
                let path = format!("things/{}", opened.fetch_add(1, SeqCst));
                imports.send(request(Repeat::Once, &path)).await.map_err(|e| e.to_string())?;
            }
            Ok(lead.input.assignments.iter().map(|a| (a.id, done())).collect())
        }
    });
    let bench = Bench::new(harness, fickle.batches_of(1));
    let up = bench.up_until(Arc::new(DieWhere(|p: &Point| p.phase == Phase::Begun)));
    let ids = up.accept([task("fickle", "k", "1"), task("steady", "k", "2")]).await;
    bench.clock.run_for(MINUTE).await;
    up.died().await;

    let up = bench.up();
    bench.clock.run_for(MINUTE / 2).await;
    let end = up.engine.runs(INSTALLATION, None).await.unwrap().remove(0).end.unwrap();
    for path in ["things/0", "things/1"] {
        assert!(end.contains(&request(Repeat::Once, path).digest()), "{end}");
    }
    let kept = up.task(ids[0]).await;
    assert_eq!((kept.status, kept.attempt), (Waiting, 2), "it counts like a trap");
    assert_eq!(up.task(ids[1]).await.status, Done, "the key goes on");
    assert_eq!(up.engine.state(INSTALLATION, "k", "", None).await.unwrap().len(), 1, "what was recorded stays");
    bench.clock.run_for(DAY).await;
    assert_eq!(up.task(ids[0]).await.status, Done);
    up.down().await;
}

pub async fn a_tape_is_enough_to_replay_with_no_engine(harness: &dyn Harness) {
    let bench = Bench::new(harness, Guests::new(register));
    let up = bench.up();
    up.accept((0..6).map(|i| task("register", "people", format!("p{i}")))).await;
    bench.clock.run_for(MINUTE).await;
    up.accept((4..9).map(|i| Task { dedupe_key: format!("{i}"), ..task("register", "people", format!("p{i}")) })).await;
    bench.clock.run_for(MINUTE).await;
    let mut tapes = vec![];
    for run in up.engine.runs(INSTALLATION, None).await.unwrap() {
        let tape = up.engine.tape(INSTALLATION, run.id).await.unwrap();
        // As it would travel to a laptop.
        let text = serde_json::to_string(&tape).unwrap();
        tapes.push(serde_json::from_str::<super::super::Tape>(&text).unwrap());
    }
    up.down().await;
    assert!(tapes.len() >= 2);

    for tape in tapes {
        let mut run = bench.guests.alone(tape.lead.clone());
        match journal::play(tape.entries.clone(), &mut run).await.unwrap() {
            End::Outcomes(outcomes) => assert_eq!(tape.end, Some(journal::Ending::Outcomes(outcomes))),
            End::Broken(why) => panic!("{why}"),
        }
        let mut run = bench.guests.alone(tape.lead.clone());
        let cut = tape.entries[..tape.entries.len() - 1].to_vec();
        let end = journal::play(cut, &mut run).await;
        assert!(matches!(end, Err(journal::Divergence::NotRecorded { .. })), "{end:?}");
    }
}

pub async fn a_run_reads_its_own_writes_and_the_table_of_its_start(harness: &dyn Harness) {
    let seen = Arc::new(Mutex::new(vec![]));
    let noted = seen.clone();
    let bench = Bench::new(
        harness,
        Guests::new(move |lead, imports| {
            let noted = noted.clone();
            async move {
                let n = lead.input.assignments[0].task.payload.clone();
                imports.set(&format!("x{n}"), &n);
                imports.set("last", &n);
                imports.delete("x1");
                let got = imports.get_many(vec!["last".into(), "x1".into()]).await;
                let all = imports.scan("x", 2).await;
                noted.lock().unwrap().push(format!(
                    "{} {} {}",
                    got[0].as_deref().unwrap_or("-"),
                    got[1].is_some(),
                    all.join(",")
                ));
                Ok(lead.input.assignments.iter().map(|a| (a.id, done())).collect())
            }
        }),
    );
    let up = bench.up();
    for n in ["1", "2", "3", "4"] {
        up.accept([task("a", "k", n)]).await;
        bench.clock.run_for(MINUTE).await;
    }
    let expect = ["1 false ", "2 false x2=2", "3 false x2=2,x3=3", "4 false x2=2,x3=3"];
    assert_eq!(*seen.lock().unwrap(), expect);
    let state = up.engine.state(INSTALLATION, "k", "x", Some("x2")).await.unwrap();
    assert_eq!(state.iter().map(|e| e.key.as_str()).collect::<Vec<_>>(), ["x3", "x4"]);
    up.down().await;
}

pub async fn a_guest_sees_the_same_time_when_it_is_played_again(harness: &dyn Harness) {
    let seen = Arc::new(Mutex::new(vec![]));
    let noted = seen.clone();
    let bench = Bench::new(
        harness,
        Guests::new(move |lead, imports| {
            let noted = noted.clone();
            async move {
                imports.send(request(Repeat::Once, "first")).await.map_err(|e| e.to_string())?;
                noted.lock().unwrap().push(imports.now());
                imports.log("told");
                let _ = imports.send(request(Repeat::Once, "second")).await;
                Ok(lead.input.assignments.iter().map(|a| (a.id, done())).collect())
            }
        }),
    );
    bench.world.answers_after(Duration::from_secs(3));
    let up = bench.up_until(Arc::new(DieWhere(|p: &Point| p.phase == Phase::Begun && p.wave == 1)));
    up.accept([task("a", "k", "1")]).await;
    let began = bench.clock.now();
    bench.clock.run_for(DAY).await;
    up.died().await;
    let up = bench.up();
    bench.clock.run_for(DAY).await;
    let at = began.plus(Duration::from_secs(3));
    assert_eq!(*seen.lock().unwrap(), [at, at]);
    let log = up.engine.log(INSTALLATION, None).await.unwrap();
    assert_eq!(log[0].at, at, "and so does the customer's log");
    up.down().await;
}
