//! Who runs when, and beside whom.

use super::{super::TaskStatus::*, *};
use crate::effect::{Repeat, RunId};
use guest::{Guests, done, request};
use std::sync::atomic::Ordering::SeqCst;

/// Each task asks once; the answer takes as long as the world says.
fn asking() -> Guests {
    Guests::each(|a, imports| async move {
        let asked = imports.send(request(Repeat::Read, &format!("look/{}", a.task.payload))).await;
        asked.map(|_| done()).map_err(|e| e.to_string())
    })
}

pub async fn a_key_has_one_run_at_a_time_and_keys_do_not_wait_for_each_other(harness: &dyn Harness) {
    let mut bench = Bench::new(harness, asking().batches_of(1));
    bench.limits.runs_per_installation_max = 10;
    bench.world.answers_after(MINUTE);
    let up = bench.up();
    up.accept([task("a", "k", "1"), task("a", "k", "2"), task("a", "l", "3"), task("a", "m", "4")]).await;
    bench.clock.run_for(MINUTE + MINUTE / 2).await;
    // The guests themselves check that no key has two.
    assert_eq!(bench.guests.most_live(), 3);
    assert_eq!(statuses(&up.tasks().await), [Done, Running, Done, Done]);
    bench.clock.run_for(MINUTE).await;
    assert_eq!(statuses(&up.tasks().await), [Done; 4]);
    up.down().await;
}

pub async fn an_installation_has_so_many_runs_and_another_one_is_not_held_up(harness: &dyn Harness) {
    let bench = Bench::new(harness, asking());
    bench.world.answers_after(MINUTE);
    let up = bench.up();
    up.accept((0..6).map(|i| task("a", &format!("k{i}"), i.to_string()))).await;
    up.engine.accept("other", vec![task("a", "k", "x")]).await.unwrap();
    bench.clock.run_for(Duration::from_secs(1)).await;
    assert_eq!(bench.guests.most_live(), bench.limits.runs_per_installation_max + 1);
    bench.clock.run_for(MINUTE * 10).await;
    assert_eq!(bench.guests.most_live(), bench.limits.runs_per_installation_max + 1);
    assert_eq!(statuses(&up.tasks().await), [Done; 6]);
    up.down().await;
}

pub async fn nobody_is_overtaken_in_a_lane_and_prompt_goes_before_bulk(harness: &dyn Harness) {
    let bench = Bench::new(harness, asking().batches_of(2));
    let bulk = |payload: &str| Task { lane: Lane::Bulk, ..task("a", "k", payload) };
    let prompt = |payload: &str| task("a", "k", payload);
    let engine = bench.closed();
    accept(engine.as_ref(), [bulk("b1"), bulk("b2"), prompt("p1"), bulk("b3"), prompt("p2"), prompt("p3")]).await;
    drop(engine);

    let up = bench.up();
    bench.clock.run_for(Duration::from_millis(30)).await;
    up.accept([prompt("p4")]).await;
    bench.clock.run_for(MINUTE).await;
    assert_eq!(bench.guests.payloads(), ["p1", "p2", "p3", "p4", "b1", "b2", "b3"]);
    let batches = bench.guests.open_leads().into_iter().map(|lead| {
        let ids: Vec<u32> = lead.input.assignments.iter().map(|a| a.id).collect();
        assert_eq!(ids, (1..=ids.len() as u32).collect::<Vec<_>>(), "unique in the call, in order");
        ids.len()
    });
    assert_eq!(batches.max(), Some(2));
    up.down().await;
}

pub async fn bulk_leaves_a_place_to_prompt_work_of_other_keys(harness: &dyn Harness) {
    let bench = Bench::new(harness, asking());
    bench.world.answers_after(MINUTE);
    let up = bench.up();
    let bulk = |i: u32| Task { lane: Lane::Bulk, ..task("a", &format!("k{i}"), format!("b{i}")) };
    up.accept((0..4).map(bulk)).await;
    bench.clock.run_for(Duration::from_secs(1)).await;
    assert_eq!(statuses(&up.tasks().await), [Running, Waiting, Waiting, Waiting]);
    up.accept([task("a", "k9", "p"), task("a", "k3", "q")]).await;
    bench.clock.run_for(MINUTE / 2).await;
    assert_eq!(bench.guests.payloads(), ["b0", "q"], "prompt work of a key in line goes as such, in that key's place");
    bench.clock.run_for(MINUTE * 10).await;
    assert_eq!(statuses(&up.tasks().await), [Done; 6]);
    up.down().await;
}

pub async fn an_installation_that_nobody_knows_waits(harness: &dyn Harness) {
    let bench = Bench::new(harness, asking());
    bench.guests.known.store(false, SeqCst);
    let up = bench.up();
    up.accept([task("a", "k", "1")]).await;
    bench.clock.run_for(DAY).await;
    assert_eq!(statuses(&up.tasks().await), [Waiting]);
    bench.guests.known.store(true, SeqCst);
    up.engine.installed(INSTALLATION);
    bench.clock.run_for(MINUTE).await;
    assert_eq!(statuses(&up.tasks().await), [Done]);
    up.down().await;
}

pub async fn all_together_have_so_many_runs_and_installations_take_turns(harness: &dyn Harness) {
    let mut bench = Bench::new(harness, asking());
    bench.limits.runs_max = 3;
    bench.world.answers_after(MINUTE / 2);
    let names = ["a", "b", "c", "d"];
    let engine = bench.closed();
    for name in names {
        engine.accept(name, (0..5).map(|i| task("a", &format!("k{i}"), "1")).collect()).await.unwrap();
    }
    drop(engine);
    let up = bench.up();
    bench.clock.run_for(MINUTE * 10).await;
    assert_eq!(bench.guests.most_live(), bench.limits.runs_max);
    for name in names {
        assert_eq!(statuses(&up.engine.tasks(name, TaskFilter::default(), None).await.unwrap()), [Done; 5]);
    }
    let leads = bench.guests.open_leads();
    for round in leads.chunks(4) {
        let each = count(round.iter().map(|lead| lead.installation.as_str()));
        assert_eq!(each, names.map(|name| (name, 1)).into());
    }
    up.down().await;
}

pub async fn runs_that_were_cut_off_count_like_any_other(harness: &dyn Harness) {
    let mut bench = Bench::new(harness, asking());
    bench.limits.runs_per_installation_max = 10;
    bench.world.answers_after(MINUTE / 2);
    let up = bench.up();
    up.accept((0..6).map(|i| task("a", &format!("k{i}"), "1"))).await;
    bench.clock.run_for(Duration::from_secs(1)).await;
    assert_eq!(bench.guests.most_live(), 6);
    up.serving.abort();
    let _ = up.serving.await;
    drop(up.engine);

    bench.limits.runs_max = 2;
    bench.guests = Arc::new(asking());
    let up = bench.up();
    up.accept([task("a", "k5", "2"), task("a", "k6", "3")]).await;
    bench.clock.run_for(MINUTE * 10).await;
    assert_eq!(bench.guests.most_live(), 2);
    let kept = up.tasks().await;
    assert!(kept.iter().all(|k| (k.status, k.attempt) == (Done, 1)), "{kept:?}");
    let runs = up.engine.runs(INSTALLATION, None).await.unwrap();
    assert_eq!(runs.len(), 8, "those that were cut off went on as themselves");
    let first: Vec<RunId> = bench.guests.open_leads()[..6].iter().map(|lead| lead.run).collect();
    assert_eq!(first, (1..=6).map(RunId).collect::<Vec<_>>(), "and first");
    up.down().await;
}

pub async fn a_stop_lets_end_what_is_under_way_and_begins_nothing_new(harness: &dyn Harness) {
    let bench = Bench::new(harness, asking().batches_of(1));
    bench.world.answers_after(MINUTE);
    let up = bench.up();
    up.accept([task("a", "k", "1"), task("a", "k", "2")]).await;
    bench.clock.run_for(MINUTE / 2).await;
    let (engine, _) = tokio::join!(
        async {
            let engine = up.engine.clone();
            up.down().await;
            engine
        },
        async {
            // The stop is heard first, then time goes on.
            tokio::task::yield_now().await;
            bench.clock.run_for(DAY).await;
        }
    );
    assert_eq!(statuses(&tasks(engine.as_ref()).await), [Done, Waiting]);
    drop(engine);
    let up = bench.up();
    bench.clock.run_for(DAY).await;
    assert_eq!(statuses(&up.tasks().await), [Done, Done]);
    up.down().await;
}

pub async fn whoever_asks_hears_when_nothing_is_due_any_more(harness: &dyn Harness) {
    let bench = Bench::new(harness, asking().batches_of(1));
    bench.world.answers_after(MINUTE);
    let engine = bench.closed();
    assert!(futures_util::FutureExt::now_or_never(engine.idle()).is_none(), "nobody serves yet");
    drop(engine);
    let up = bench.up();
    let (start, engine) = (bench.clock.now(), up.engine.clone());
    assert_eq!(engine.idle().await.unwrap(), None);
    let late = Task { not_before: Some(start.plus(DAY)), ..task("a", "l", "3") };
    up.accept([task("a", "k", "1"), task("a", "k", "2"), late]).await;
    let (next, _) = tokio::join!(engine.idle(), bench.clock.run_for(MINUTE * 10));
    assert_eq!(next.unwrap(), Some(start.plus(DAY)));
    assert_eq!(statuses(&up.tasks().await), [Done, Done, Waiting]);
    assert_eq!(engine.idle().await.unwrap(), Some(start.plus(DAY)), "at once where it is so already");
    bench.clock.run_for(DAY * 2).await;
    assert_eq!(engine.idle().await.unwrap(), None);
    drop(engine);
    up.down().await;
}

pub async fn connections_are_given_as_much_as_they_take_at_once(harness: &dyn Harness) {
    let wave = |repeat| {
        Guests::new(move |lead, imports| async move {
            let mut requests: Vec<_> = (0..23).map(|i| request(repeat, &format!("things/{i}"))).collect();
            requests[3].connection = "other".into();
            let answers = imports.send_all(requests).await;
            assert!(answers.iter().all(Result::is_ok));
            Ok(lead.input.assignments.iter().map(|a| (a.id, done())).collect())
        })
    };
    for repeat in [Repeat::Read, Repeat::Idempotent, Repeat::Once] {
        let bench = Bench::new(harness, wave(repeat));
        bench.world.takes_at_once(4);
        let points = Arc::new(Points::default());
        let up = bench.up_until(points.clone());
        up.accept([task("a", "k", "1")]).await;
        let began = bench.clock.now();
        bench.clock.run_for(MINUTE).await;
        assert_eq!(statuses(&up.tasks().await), [Done]);
        assert_eq!((bench.world.most_in_flight("crm"), bench.world.most_in_flight("other")), (4, 1));
        let last = bench.world.arrivals().iter().map(|a| a.at.since(began)).max();
        assert_eq!(last, Some(Duration::from_millis(5 * 20)), "22 requests, 4 at once, 20 ms each");
        let begun = points.seen().iter().filter(|p| p.phase == super::super::Phase::Begun).count();
        assert_eq!(begun, if repeat == Repeat::Once { 23 } else { 0 });
        up.down().await;
    }
}

/// Whoever paces an account lets prompt requests go first, and has to hear which they are.
pub async fn a_request_is_of_the_lane_of_its_tasks(harness: &dyn Harness) {
    let bench = Bench::new(harness, asking());
    let bulk = |key: &str, payload: &str| Task { lane: Lane::Bulk, ..task("a", key, payload) };
    let up = bench.up();
    up.accept([bulk("k", "b1"), bulk("k", "b2"), bulk("both", "b3"), task("a", "both", "p1"), task("a", "l", "p2")])
        .await;
    bench.clock.run_for(MINUTE).await;
    assert_eq!(statuses(&up.tasks().await), [Done; 5]);
    let mut asked: Vec<_> =
        bench.world.arrivals().into_iter().map(|a| (a.request.path.join("/"), a.permit.lane)).collect();
    asked.sort();
    let lanes =
        [("b1", Lane::Bulk), ("b2", Lane::Bulk), ("b3", Lane::Bulk), ("p1", Lane::Prompt), ("p2", Lane::Prompt)];
    assert_eq!(asked, lanes.map(|(payload, lane)| (format!("look/{payload}"), lane)));
    up.down().await;
}
