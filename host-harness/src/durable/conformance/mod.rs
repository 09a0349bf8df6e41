//! The laws that every engine keeps, one function each. An engine brings a [`Harness`] and calls [`laws!`]. Promises: no
//! real time passes; a law that is broken says which one and where. Not here: how an engine keeps them.
//!
//! The connector of these laws is a few lines of script ([`guest`]), the provider a ledger of what really happened ([`world`]).

pub mod acceptance;
pub mod breaking;
pub mod crash;
pub mod guest;
pub mod hands;
pub mod keeping;
pub mod order;
pub mod replay;
pub mod time;
pub mod world;

use super::{
    Accepted, Engine, EngineError, EngineLimits, KeptTask, NoProbe, Point, Probe, TaskFilter, TaskId, TaskStatus,
};
use crate::{
    clock::{Clock, SimulatedClock, Timestamp},
    effect::{FailureClass, Lane, Task},
};
use guest::Guests;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use world::World;

/// How an engine is made.
pub trait Harness {
    /// A new store with nothing in it.
    fn store(&self) -> Box<dyn Store>;
}

/// What survives an engine.
pub trait Store {
    /// Opens it. The one opened before is gone by then, however it ended.
    fn open(&self, clock: Arc<dyn Clock>, limits: EngineLimits, probe: Arc<dyn Probe>) -> Arc<dyn Engine>;
}

/// Makes a test of every law, with this harness.
macro_rules! laws {
    ($harness:expr) => {
        $crate::durable::conformance::laws! { $harness;
            acceptance: what_was_accepted_is_done_by_whoever_serves_next,
                the_same_work_is_kept_once_while_it_waits_runs_or_was_done_of_late,
                a_dead_letter_does_not_stand_in_the_way_of_the_same_work,
                a_task_beyond_the_bounds_is_refused_and_a_delivery_may_be_large,
                the_body_of_a_delivery_is_gone_once_its_tasks_are_durable,
                a_delivery_that_was_cut_off_is_given_its_body_again,
                follow_ups_are_accepted_with_the_end_of_their_run_and_deduplicated,
                a_chain_without_end_becomes_a_dead_letter,
                a_follow_up_that_is_no_task_becomes_a_dead_letter,
                an_engine_that_is_dropped_is_opened_again_at_once,
                one_installation_sees_nothing_of_another;
            order: a_key_has_one_run_at_a_time_and_keys_do_not_wait_for_each_other,
                an_installation_has_so_many_runs_and_another_one_is_not_held_up,
                all_together_have_so_many_runs_and_installations_take_turns,
                runs_that_were_cut_off_count_like_any_other,
                nobody_is_overtaken_in_a_lane_and_prompt_goes_before_bulk,
                bulk_leaves_a_place_to_prompt_work_of_other_keys,
                an_installation_that_nobody_knows_waits,
                a_stop_lets_end_what_is_under_way_and_begins_nothing_new,
                whoever_asks_hears_when_nothing_is_due_any_more,
                connections_are_given_as_much_as_they_take_at_once,
                a_request_is_of_the_lane_of_its_tasks;
            time: a_timer_is_never_early_fires_once_and_survives_a_restart,
                a_wake_ends_the_wait_of_its_key_alone,
                a_wake_reaches_a_task_that_was_put_off_by_the_same_run,
                a_task_gives_up_after_seven_days_of_being_put_off_pauses_not_counted,
                a_task_that_waits_for_ever_gives_up_as_well,
                after_its_time_a_run_sends_nothing_more,
                nothing_runs_while_it_is_paused_and_a_restart_does_not_end_a_pause,
                a_run_that_was_cut_off_does_not_go_on_while_it_is_paused;
            crash: acknowledged_work_survives_a_stop_at_each_point,
                stops_upon_stops_still_make_each_effect_once,
                a_once_that_was_begun_is_unknown_and_all_else_is_asked_again,
                what_was_answered_durably_is_not_asked_again,
                a_chunk_in_flight_is_all_that_one_stop_makes_unknown,
                a_large_recording_becomes_durable_on_its_way,
                a_recorded_write_is_not_judged_again;
            breaking: writes_stay_after_a_trap,
                a_bad_task_is_isolated_by_halving,
                a_failure_that_needs_a_person_is_a_dead_letter_at_once_and_a_bug_after_its_attempts,
                a_wrong_list_of_outcomes_counts_as_a_trap,
                a_run_beyond_the_bound_on_state_ends_and_names_it,
                a_run_is_judged_by_what_others_wrote_meanwhile,
                a_run_beyond_the_bound_on_its_journal_ends_and_names_it,
                a_run_that_asks_for_its_state_once_too_often_ends_and_names_the_bound,
                a_panic_of_the_host_ends_one_run_and_no_other,
                a_run_that_cannot_be_opened_counts_an_attempt,
                log_and_changes_of_a_broken_run_are_kept;
            replay: another_component_begins_the_tasks_anew,
                a_component_that_is_replaced_while_a_run_opens_counts_no_attempt,
                a_run_that_diverges_ends_as_a_bug_and_its_key_goes_on,
                a_tape_is_enough_to_replay_with_no_engine,
                a_run_reads_its_own_writes_and_the_table_of_its_start,
                a_guest_sees_the_same_time_when_it_is_played_again;
            hands: a_run_is_cancelled_between_two_effects,
                a_cancelled_run_stays_cancelled_after_a_stop,
                a_task_is_cancelled_before_it_runs,
                a_dead_letter_goes_again_as_a_first_attempt,
                a_retry_is_no_sooner_than_the_task_may_be,
                a_dead_letter_that_is_given_up_is_gone_and_told_and_the_same_work_is_new,
                what_was_put_off_goes_on_before_its_time_where_somebody_says_so,
                what_is_asked_for_happens_though_the_asker_goes_away,
                what_cannot_be_done_is_refused_with_a_reason,
                how_an_installation_stands_is_told_at_a_glance;
            keeping: what_is_over_goes_after_its_time_and_nothing_else,
                of_too_much_the_oldest_goes,
                a_sweep_touches_nothing_that_waits_or_runs,
                a_person_who_was_forgotten_is_named_nowhere_and_does_not_come_back,
                nobody_is_forgotten_while_a_run_may_have_seen_them;
        }
    };
    ($harness:expr; $($part:ident: $($law:ident),* ;)*) => {$(
        mod $part {
            $(
                #[tokio::test]
                async fn $law() {
                    let law = $crate::durable::conformance::$part::$law(&$harness);
                    // A law that hangs is broken; real time is only what tells so.
                    let hangs = std::time::Duration::from_secs(60);
                    tokio::time::timeout(hangs, law).await.expect("the law hangs");
                }
            )*
        }
    )*};
}
pub(crate) use laws;

pub const INSTALLATION: &str = "inst-1";
pub const MINUTE: Duration = Duration::from_secs(60);
pub const DAY: Duration = Duration::from_secs(86_400);

/// A whole set-up: what survives an engine (store, clock, world) and what it is given.
pub struct Bench {
    pub store: Box<dyn Store>,
    pub clock: SimulatedClock,
    pub limits: EngineLimits,
    pub guests: Arc<Guests>,
    pub world: Arc<World>,
}

impl Bench {
    pub fn new(harness: &dyn Harness, guests: Guests) -> Bench {
        let clock = SimulatedClock::new(Timestamp::parse("2026-11-22T15:00:00Z").unwrap());
        Bench {
            store: harness.store(),
            world: Arc::new(World::new(clock.clone())),
            limits: EngineLimits::default(),
            guests: Arc::new(guests),
            clock,
        }
    }

    pub fn up(&self) -> Up {
        self.up_until(Arc::new(NoProbe))
    }

    /// Opens the store and serves.
    pub fn up_until(&self, probe: Arc<dyn Probe>) -> Up {
        let engine = self.store.open(Arc::new(self.clock.clone()), self.limits.clone(), probe);
        let stop = CancellationToken::new();
        let (guests, world) = (self.guests.clone(), self.world.clone());
        let serving = super::start(engine.clone(), &self.clock, guests, world, stop.clone());
        Up { engine, serving, stop }
    }

    /// Opens the store for people alone; nobody serves.
    pub fn closed(&self) -> Arc<dyn Engine> {
        self.store.open(Arc::new(self.clock.clone()), self.limits.clone(), Arc::new(NoProbe))
    }
}

/// An engine that serves.
pub struct Up {
    pub engine: Arc<dyn Engine>,
    pub serving: JoinHandle<Result<(), EngineError>>,
    stop: CancellationToken,
}

impl Up {
    pub async fn accept(&self, tasks: impl IntoIterator<Item = Task>) -> Vec<TaskId> {
        accept(self.engine.as_ref(), tasks).await
    }

    pub async fn tasks(&self) -> Vec<KeptTask> {
        tasks(self.engine.as_ref()).await
    }

    pub async fn task(&self, id: TaskId) -> KeptTask {
        self.tasks().await.into_iter().find(|kept| kept.id == id).expect("an accepted task is kept")
    }

    /// Ends in order, and lets go of the store.
    pub async fn down(self) {
        self.stop.cancel();
        self.serving.await.unwrap().expect("it serves until it is stopped");
    }

    /// Where the probe let it die.
    pub async fn died(self) -> Point {
        match self.serving.await.unwrap() {
            Err(EngineError::Stopped(point)) => point,
            other => panic!("the engine did not die at a point but ended with {other:?}"),
        }
    }
}

pub async fn accept(engine: &dyn Engine, tasks: impl IntoIterator<Item = Task>) -> Vec<TaskId> {
    let accepted = engine.accept(INSTALLATION, tasks.into_iter().collect()).await.unwrap();
    accepted
        .into_iter()
        .map(|a| match a {
            Accepted::New(id) | Accepted::Already(id) => id,
            Accepted::Forgotten => panic!("nobody was forgotten"),
        })
        .collect()
}

pub async fn tasks(engine: &dyn Engine) -> Vec<KeptTask> {
    engine.tasks(INSTALLATION, TaskFilter::default(), None).await.unwrap()
}

pub fn statuses(tasks: &[KeptTask]) -> Vec<TaskStatus> {
    tasks.iter().map(|kept| kept.status).collect()
}

/// How many there are of each.
pub fn count<T: Ord>(all: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    all.into_iter().fold(BTreeMap::new(), |mut counts, one| {
        *counts.entry(one).or_default() += 1;
        counts
    })
}

pub fn delivery(id: &str, body: &str) -> Task {
    let key = format!("{}{id}", super::INBOX);
    Task { dedupe_key: key.clone(), title: "a delivery".into(), ..task(super::DELIVERY, &key, body) }
}

pub fn task(kind: &str, key: &str, payload: impl Into<String>) -> Task {
    let payload = payload.into();
    Task {
        kind: kind.into(),
        dedupe_key: format!("{kind}/{key}/{payload}"),
        ordering_key: key.into(),
        title: format!("{kind} {payload}"),
        payload,
        lane: Lane::Prompt,
        not_before: None,
        subject: None,
    }
}

/// Notes every point that is passed, and dies at one of them.
#[derive(Default)]
pub struct Points {
    pub seen: Mutex<Vec<Point>>,
    /// Counted from 0.
    pub die_at: Option<usize>,
}

impl Points {
    pub fn die_at(index: usize) -> Arc<Points> {
        Arc::new(Points { die_at: Some(index), ..Points::default() })
    }

    pub fn seen(&self) -> Vec<Point> {
        self.seen.lock().unwrap().clone()
    }
}

impl Probe for Points {
    fn reached(&self, point: &Point) -> bool {
        let mut seen = self.seen.lock().unwrap();
        seen.push(point.clone());
        self.die_at != Some(seen.len() - 1)
    }
}

/// Dies at the first point of which this is true.
pub struct DieWhere<F>(pub F);

impl<F: Fn(&Point) -> bool + Send + Sync> Probe for DieWhere<F> {
    fn reached(&self, point: &Point) -> bool {
        !(self.0)(point)
    }
}
