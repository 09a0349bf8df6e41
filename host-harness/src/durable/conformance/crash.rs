//! Whatever dies, wherever: nothing is lost, and no effect that must happen once happens twice.

use super::{
    super::{Phase, TaskStatus::*, journal::Record},
    *,
};
use crate::effect::{Repeat, SendError};
use guest::{Guests, done, register, request};

const PEOPLE: usize = 8;

fn people(bench: &Bench) -> impl Iterator<Item = Task> + use<> {
    bench.world.takes_at_once(3);
    (0..PEOPLE).map(|i| task("register", "people", format!("p{i}")))
}

/// Each person has one activity, each task is done, nobody counted an attempt.
async fn all_is_well(bench: &Bench, up: &Up, after: &str) {
    let effects = bench.world.effects();
    assert_eq!(effects.len(), PEOPLE, "{after}");
    assert!(effects.values().all(|times| *times == 1), "twice, after {after}: {effects:?}");
    for kept in up.tasks().await {
        assert_eq!((kept.status, kept.attempt), (Done, 1), "{after}: {}", kept.task.title);
    }
}

pub async fn acknowledged_work_survives_a_stop_at_each_point(harness: &dyn Harness) {
    // The points of a run that nothing disturbs.
    let bench = Bench::new(harness, Guests::new(register));
    let engine = bench.closed();
    accept(engine.as_ref(), people(&bench)).await;
    drop(engine);
    let points = Arc::new(Points::default());
    let up = bench.up_until(points.clone());
    bench.clock.run_for(DAY).await;
    all_is_well(&bench, &up, "no stop").await;
    up.down().await;
    let points = points.seen();
    let phases = count(points.iter().map(|p| p.phase));
    let expect = [(Phase::Opened, 1), (Phase::Begun, 8), (Phase::Answered, 8), (Phase::Ending, 1), (Phase::Ended, 1)];
    assert_eq!(phases, expect.into(), "enough happens for the verdict to count");

    for (index, point) in points.iter().enumerate() {
        let bench = Bench::new(harness, Guests::new(register));
        let engine = bench.closed();
        accept(engine.as_ref(), people(&bench)).await;
        drop(engine);
        let up = bench.up_until(Points::die_at(index));
        bench.clock.run_for(DAY).await;
        assert_eq!(up.died().await, *point, "it dies there and nowhere else");

        let up = bench.up();
        bench.clock.run_for(DAY).await;
        all_is_well(&bench, &up, &format!("a stop at {point}")).await;
        up.down().await;
    }
}

pub async fn stops_upon_stops_still_make_each_effect_once(harness: &dyn Harness) {
    // Below seven a batch of five that looks for its people would lose what it read at every stop: to come on, a run must
    // get from one durable write to the next.
    for every in [7, 8, 10, 13] {
        let bench = Bench::new(harness, Guests::new(register).batches_of(5));
        let engine = bench.closed();
        accept(engine.as_ref(), people(&bench)).await;
        drop(engine);
        let mut stops = 0;
        loop {
            let up = bench.up_until(Points::die_at(every));
            bench.clock.run_for(MINUTE * 5).await;
            if !up.serving.is_finished() {
                all_is_well(&bench, &up, &format!("{stops} stops, each after {every} points")).await;
                up.down().await;
                break;
            }
            up.died().await;
            stops += 1;
            assert!(stops < 200, "it comes nowhere with a stop after every {every} points");
        }
        assert!(stops > 0);
    }
}

/// One wave with one of each class, and what it was answered, noted down.
fn one_of_each() -> Guests {
    Guests::new(|lead, imports| async move {
        let classes = [Repeat::Read, Repeat::Idempotent, Repeat::Once];
        let requests = classes.map(|repeat| request(repeat, "thing")).into();
        let unknown: Vec<bool> = imports
            .send_all(requests)
            .await
            .iter()
            .map(|answer| matches!(answer, Err(SendError::Unknown(_))))
            .collect();
        imports.log(&format!("{unknown:?}"));
        Ok(lead.input.assignments.iter().map(|a| (a.id, done())).collect())
    })
}

pub async fn a_once_that_was_begun_is_unknown_and_all_else_is_asked_again(harness: &dyn Harness) {
    // Whether it was sent or not, nobody can know from the journal.
    for (phase, sent) in [(Phase::Begun, 0), (Phase::Answered, 1)] {
        let bench = Bench::new(harness, one_of_each());
        let up = bench.up_until(Arc::new(DieWhere(move |p: &Point| p.phase == phase)));
        up.accept([task("a", "k", "1")]).await;
        bench.clock.run_for(MINUTE).await;
        up.died().await;
        assert_eq!(bench.world.asked("POST thing"), sent);

        let up = bench.up();
        bench.clock.run_for(MINUTE).await;
        let log = up.engine.log(INSTALLATION, None).await.unwrap();
        let codes: Vec<_> = log.iter().map(|l| l.line.code.as_str()).collect();
        assert_eq!(codes, ["[false, false, true]"], "{phase:?}: told once, by the run that ended");
        assert_eq!(bench.world.asked("POST thing"), sent, "never sent again");
        assert_eq!(bench.world.asked("GET thing"), sent + 1);
        assert_eq!(bench.world.asked("PUT thing"), sent + 1);
        up.down().await;
    }
}

pub async fn what_was_answered_durably_is_not_asked_again(harness: &dyn Harness) {
    let waves = Guests::new(|lead, imports| async move {
        for (repeat, path) in [(Repeat::Read, "a"), (Repeat::Once, "b"), (Repeat::Read, "c"), (Repeat::Once, "d")] {
            // That `d` is unknown is none of this law's business.
            let _ = imports.send(request(repeat, path)).await;
        }
        Ok(lead.input.assignments.iter().map(|a| (a.id, done())).collect())
    });
    let bench = Bench::new(harness, waves);
    // The begin of `d` makes all before it durable.
    let up = bench.up_until(Arc::new(DieWhere(|p: &Point| p.phase == Phase::Begun && p.wave == 3)));
    up.accept([task("a", "k", "1")]).await;
    bench.clock.run_for(MINUTE).await;
    up.died().await;

    let up = bench.up();
    bench.clock.run_for(MINUTE).await;
    assert_eq!(["GET a", "POST b", "GET c", "POST d"].map(|what| bench.world.asked(what)), [1, 1, 1, 0]);
    let leads = bench.guests.open_leads();
    assert_eq!(leads[0], leads[1], "one run, twice opened with the same input");
    up.down().await;
}

pub async fn a_chunk_in_flight_is_all_that_one_stop_makes_unknown(harness: &dyn Harness) {
    let wave = Guests::new(|lead, imports| async move {
        let requests = (0..20).map(|i| request(Repeat::Once, &format!("things/{i}"))).collect();
        imports.send_all(requests).await;
        Ok(lead.input.assignments.iter().map(|a| (a.id, done())).collect())
    });
    let bench = Bench::new(harness, wave);
    let up = bench.up_until(Arc::new(DieWhere(|p: &Point| p.phase == Phase::Answered && p.place == 12)));
    up.accept([task("a", "k", "1")]).await;
    bench.clock.run_for(MINUTE).await;
    up.died().await;
    let up = bench.up();
    bench.clock.run_for(MINUTE).await;
    let run = up.engine.runs(INSTALLATION, None).await.unwrap()[0].id;
    let tape = up.engine.tape(INSTALLATION, run).await.unwrap();
    let unknown = |r: &&Record| matches!(r, Record::Answer { answer: Err(SendError::Unknown(_)), .. });
    assert_eq!(tape.entries.iter().filter(unknown).count(), 5, "the third chunk of five");
    assert_eq!(bench.world.effects().len(), 20);
    up.down().await;
}

pub async fn a_large_recording_becomes_durable_on_its_way(harness: &dyn Harness) {
    let large = Guests::new(|lead, imports| async move {
        (0..9).for_each(|i| imports.set(&format!("x{i}"), &"x".repeat(1 << 20)));
        let _ = imports.send(request(Repeat::Read, "slow")).await;
        Ok(lead.input.assignments.iter().map(|a| (a.id, done())).collect())
    });
    let bench = Bench::new(harness, large);
    bench.world.answers_after(MINUTE / 2);
    let up = bench.up();
    up.accept([task("a", "k", "1")]).await;
    bench.clock.run_for(Duration::from_secs(1)).await;
    let run = up.engine.runs(INSTALLATION, None).await.unwrap()[0].id;
    let durable = up.engine.tape(INSTALLATION, run).await.unwrap().entries.len();
    assert!(durable >= 8, "{durable} of 9 MiB, and no `once` asked for it");
    up.serving.abort();
    let _ = up.serving.await;
    drop(up.engine);

    let up = bench.up();
    bench.clock.run_for(MINUTE).await;
    let kept = up.tasks().await.remove(0);
    assert_eq!((kept.status, kept.attempt, kept.run), (Done, 1, Some(run)), "a beginning is enough to go on with");
    assert_eq!(up.engine.tape(INSTALLATION, run).await.unwrap().entries.len(), 10);
    assert_eq!(up.engine.state(INSTALLATION, "k", "", None).await.unwrap().len(), 9);
    up.down().await;
}

pub async fn a_recorded_write_is_not_judged_again(harness: &dyn Harness) {
    let two = Guests::new(|lead, imports| async move {
        if lead.key == "other" {
            imports.set("x", "12345678");
        } else {
            imports.set("sent", "sending");
            let _ = imports.send(request(Repeat::Once, "effect")).await;
            imports.set("sent", "sent");
        }
        Ok(lead.input.assignments.iter().map(|a| (a.id, done())).collect())
    });
    let mut bench = Bench::new(harness, two);
    // Room for one of them. Each was judged before the other had ended.
    bench.limits.state_bytes_max = 15;
    let up = bench.up_until(Arc::new(DieWhere(|p: &Point| p.phase == Phase::Answered)));
    up.accept([task("a", "k", "1")]).await;
    bench.clock.run_for(Duration::from_millis(1)).await;
    up.accept([task("a", "other", "2")]).await;
    bench.clock.run_for(Duration::from_millis(1)).await;
    assert_eq!(statuses(&up.tasks().await), [Running, Done]);
    bench.clock.run_for(DAY).await;
    up.died().await;
    let up = bench.up();
    bench.clock.run_for(DAY).await;
    let kept = up.tasks().await;
    assert!(kept.iter().all(|k| (k.status, k.attempt) == (Done, 1)), "{kept:?}");
    up.down().await;
}
