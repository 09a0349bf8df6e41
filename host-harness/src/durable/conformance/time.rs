//! Timers, wakes, pauses, and the end of patience.

use super::{
    super::{Phase, TaskStatus::*},
    *,
};
use crate::effect::{Completion, Outcome, Repeat, SendError};
use guest::{Guests, done, later, register, request};

pub async fn a_timer_is_never_early_fires_once_and_survives_a_restart(harness: &dyn Harness) {
    let noted = Arc::new(Mutex::new(vec![]));
    let seen = noted.clone();
    let bench = Bench::new(
        harness,
        Guests::each(move |a, imports| {
            seen.lock().unwrap().push((a.task.payload.clone(), imports.now()));
            async { Ok(done()) }
        }),
    );
    let start = bench.clock.now();
    let at = |hours: u64| start.plus(MINUTE * 60 * hours as u32);
    let timed = |hours: u64| Task { not_before: Some(at(hours)), ..task("remind", "k", hours.to_string()) };
    let up = bench.up();
    up.accept([timed(5), timed(2), timed(30)]).await;
    bench.clock.run_until(at(2).minus(Duration::from_millis(1))).await;
    assert!(noted.lock().unwrap().is_empty(), "never early");
    bench.clock.run_until(at(3)).await;
    up.down().await;

    // Nobody serves when the second is due: it fires as soon as somebody does.
    bench.clock.run_until(at(6)).await;
    let up = bench.up();
    bench.clock.run_until(at(48)).await;
    let expect: Vec<_> = [(2, 2), (5, 6), (30, 30)].map(|(due, ran)| (due.to_string(), at(ran))).into();
    assert_eq!(*noted.lock().unwrap(), expect);
    assert_eq!(statuses(&up.tasks().await), [Done; 3]);
    up.down().await;
}

/// `wait` waits for the word `there` until it was woken or three days are over; `tell` says it.
fn waiting_and_telling() -> Guests {
    Guests::each(|a, imports| async move {
        let once_more = imports.get(&a.task.payload).await.is_some();
        imports.set(&a.task.payload, "seen");
        let wakes = vec!["there".to_string()];
        Ok(match a.task.kind.as_str() {
            "tell" => Outcome::Done(Completion { wakes, ..Completion::default() }),
            _ if once_more => done(),
            _ => later(imports.now().plus(DAY * 3), Some("there")),
        })
    })
}

pub async fn a_wake_ends_the_wait_of_its_key_alone(harness: &dyn Harness) {
    let bench = Bench::new(harness, waiting_and_telling());
    let up = bench.up();
    up.accept([task("wait", "k", "1"), task("wait", "l", "2")]).await;
    bench.clock.run_for(DAY).await;
    let kept = up.tasks().await;
    assert_eq!(statuses(&kept), [Waiting, Waiting]);
    assert_eq!(kept[0].waiting_for.as_deref(), Some("the campaign is not there yet"));
    up.accept([task("tell", "k", "3")]).await;
    bench.clock.run_for(MINUTE).await;
    assert_eq!(statuses(&up.tasks().await), [Done, Waiting, Done]);
    assert_eq!(up.tasks().await[0].attempt, 1, "to wait is not to fail");
    bench.clock.run_for(DAY * 2).await;
    assert_eq!(statuses(&up.tasks().await), [Done; 3], "the other one went on when its time came");
    up.down().await;
}

pub async fn a_wake_reaches_a_task_that_was_put_off_by_the_same_run(harness: &dyn Harness) {
    let bench = Bench::new(harness, waiting_and_telling());
    let engine = bench.closed();
    accept(engine.as_ref(), [task("wait", "k", "1"), task("tell", "k", "2")]).await;
    drop(engine);
    let up = bench.up();
    bench.clock.run_for(MINUTE).await;
    assert_eq!(statuses(&up.tasks().await), [Done, Done]);
    assert_eq!(bench.guests.payloads(), ["1", "2", "1"]);
    up.down().await;
}

/// Never there, asked every hour.
fn patient() -> Guests {
    Guests::each(|_, imports| async move { Ok(later(imports.now().plus(MINUTE * 60), None)) })
}

pub async fn a_task_gives_up_after_seven_days_of_being_put_off_pauses_not_counted(harness: &dyn Harness) {
    let bench = Bench::new(harness, patient());
    let up = bench.up();
    let ids = up.accept([task("a", "k", "1")]).await;
    bench.clock.run_for(DAY * 4).await;

    // Two days of the key and two of the installation, one day of them together: three in all.
    up.engine.pause(INSTALLATION, Some("k")).await.unwrap();
    bench.clock.run_for(DAY).await;
    up.engine.pause(INSTALLATION, None).await.unwrap();
    bench.clock.run_for(DAY).await;
    up.engine.resume(INSTALLATION, Some("k")).await.unwrap();
    bench.clock.run_for(DAY).await;
    up.engine.resume(INSTALLATION, None).await.unwrap();

    bench.clock.run_for(DAY * 3 - MINUTE * 61).await;
    assert_eq!(up.task(ids[0]).await.status, Waiting, "nearly seven days without the pauses");
    bench.clock.run_for(MINUTE * 62).await;
    let kept = up.task(ids[0]).await;
    assert_eq!((kept.status, kept.attempt), (Dead, 1));
    let failure = kept.failure.unwrap();
    assert_eq!(failure.class, FailureClass::NeedsAttention);
    assert!(failure.problem.contains("7.0 days") && failure.problem.contains("the campaign"), "{failure:?}");
    up.down().await;
}

pub async fn a_task_that_waits_for_ever_gives_up_as_well(harness: &dyn Harness) {
    let bench =
        Bench::new(harness, Guests::each(|_, _| async { Ok(later(Timestamp::MAX, Some("a word that nobody says"))) }));
    let up = bench.up();
    up.accept([task("a", "k", "1")]).await;
    bench.clock.run_for(DAY * 7 - MINUTE).await;
    assert_eq!(statuses(&up.tasks().await), [Waiting]);
    bench.clock.run_for(MINUTE * 2).await;
    assert_eq!(statuses(&up.tasks().await), [Dead]);
    assert_eq!(bench.guests.open_leads().len(), 1);
    up.down().await;
}

pub async fn after_its_time_a_run_sends_nothing_more(harness: &dyn Harness) {
    let stopped = Arc::new(Mutex::new(0));
    let seen = stopped.clone();
    let bench = Bench::new(
        harness,
        Guests::new(move |lead, imports| {
            let seen = seen.clone();
            async move {
                let requests = (0..6).map(|i| request(Repeat::Once, &format!("things/{i}"))).collect();
                let answers = imports.send_all(requests).await;
                *seen.lock().unwrap() = answers.iter().filter(|a| matches!(a, Err(SendError::Stopped(_)))).count();
                Ok(lead.input.assignments.iter().map(|a| (a.id, done())).collect())
            }
        }),
    );
    bench.world.takes_at_once(2);
    bench.world.answers_after(MINUTE * 3 / 4);
    let up = bench.up();
    up.accept([task("a", "k", "1")]).await;
    let began = bench.clock.now();
    bench.clock.run_for(DAY).await;
    assert_eq!(*stopped.lock().unwrap(), 2);
    let arrivals = bench.world.arrivals();
    assert_eq!(arrivals.len(), 4);
    assert!(arrivals.iter().all(|a| a.permit.send_before == began.plus(bench.limits.run)));
    assert!(arrivals.iter().all(|a| a.at <= a.permit.send_before), "the fence");
    up.down().await;
}

pub async fn nothing_runs_while_it_is_paused_and_a_restart_does_not_end_a_pause(harness: &dyn Harness) {
    let bench = Bench::new(harness, Guests::each(|_, _| async { Ok(done()) }));
    let up = bench.up();
    up.engine.pause(INSTALLATION, Some("k")).await.unwrap();
    up.accept([task("a", "k", "1"), task("a", "l", "2")]).await;
    bench.clock.run_for(MINUTE).await;
    assert_eq!(statuses(&up.tasks().await), [Waiting, Done]);
    up.engine.pause(INSTALLATION, None).await.unwrap();
    up.down().await;

    let up = bench.up();
    up.accept([task("a", "k", "3"), task("a", "l", "4")]).await;
    bench.clock.run_for(DAY).await;
    assert_eq!(statuses(&up.tasks().await), [Waiting, Done, Waiting, Waiting]);
    up.engine.resume(INSTALLATION, None).await.unwrap();
    bench.clock.run_for(MINUTE).await;
    assert_eq!(statuses(&up.tasks().await), [Waiting, Done, Waiting, Done], "the key has a pause of its own");
    up.engine.resume(INSTALLATION, Some("k")).await.unwrap();
    bench.clock.run_for(MINUTE).await;
    assert_eq!(statuses(&up.tasks().await), [Done; 4]);
    assert_eq!(bench.guests.payloads(), ["2", "4", "1", "3"], "worked off in order");
    up.down().await;
}

pub async fn a_run_that_was_cut_off_does_not_go_on_while_it_is_paused(harness: &dyn Harness) {
    for key in [None, Some("k")] {
        let bench = Bench::new(harness, Guests::new(register));
        bench.world.takes_at_once(1);
        let up = bench.up_until(Arc::new(DieWhere(|p: &Point| p.phase == Phase::Answered && p.place == 1)));
        let two = [task("register", "k", "1"), task("register", "k", "2"), task("register", "k", "3")];
        up.accept(two).await;
        bench.clock.run_for(MINUTE).await;
        up.died().await;
        let arrived = bench.world.arrivals().len();
        let engine = bench.closed();
        engine.pause(INSTALLATION, key).await.unwrap();
        drop(engine);

        let up = bench.up();
        bench.clock.run_for(DAY).await;
        assert_eq!(bench.world.arrivals().len(), arrived, "nothing is sent while it is paused");
        assert_eq!(statuses(&up.tasks().await), [Waiting; 3]);
        let ended = up.engine.runs(INSTALLATION, None).await.unwrap().remove(0).end.unwrap();
        assert!(ended.contains("paused"), "{ended}");
        assert_eq!(up.engine.state(INSTALLATION, "k", "", None).await.unwrap().len(), 3, "what was written stays");

        up.engine.resume(INSTALLATION, key).await.unwrap();
        bench.clock.run_for(DAY).await;
        let kept = up.tasks().await;
        assert!(kept.iter().all(|k| (k.status, k.attempt) == (Done, 1)), "{kept:?}");
        let effects = bench.world.effects();
        assert_eq!((effects.len(), effects.values().max()), (3, Some(&1)));
        up.down().await;
    }
}
