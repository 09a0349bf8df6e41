//! The whole life of a task: [`next`]. Pure; a pair that is not listed is a typed error.
//!
//! | status  | event              | next                                                                        |
//! |---------|--------------------|-----------------------------------------------------------------------------|
//! | waiting | picked             | running                                                                     |
//! | waiting | woken              | waiting, due now                                                            |
//! | waiting | gave up, cancelled | dead                                                                        |
//! | running | done               | done                                                                        |
//! | running | later              | waiting; dead where it was put off for too long in all                      |
//! | running | failed             | dead; with class `bug` like *broke alone*                                   |
//! | running | broke with others  | waiting in a smaller batch, attempt unchanged                               |
//! | running | broke alone        | waiting after a growing pause, attempt counted; dead after the last attempt |
//! | running | given back         | waiting, nothing counted                                                    |
//! | running | cancelled          | dead                                                                        |
//! | dead    | retried            | waiting, as a first attempt, due now or at its `not-before`                 |

use super::{EngineLimits, TaskId, TaskStatus, dead_letter, engine_failure};
use crate::{
    clock::Timestamp,
    effect::{Failure, FailureClass, Wait},
};
use std::time::Duration;

/// Pauses after the first, second, third ... failed attempt; the last one from there on.
const PAUSES: [Duration; 3] = [Duration::from_secs(60), Duration::from_secs(5 * 60), Duration::from_secs(15 * 60)];

/// A task that asks for less is given no less: seconds are waited for in memory, and a queue must not spin.
const PUT_OFF_MIN: Duration = Duration::from_secs(1);

/// What changes about a task in the course of its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    pub id: TaskId,
    pub status: TaskStatus,
    pub attempt: u32,
    pub due: Timestamp,
    pub waiting_for: Option<String>,
    pub wake_on: Option<String>,
    /// When it was put off for the first time; moved on by pauses, which are not counted.
    pub put_off_at: Option<Timestamp>,
    /// Tasks of one batch have the same part. None: any batch without one.
    pub part: Option<Part>,
    pub failure: Option<Failure>,
    pub ended_at: Option<Timestamp>,
}

/// Keeps the halves of a broken batch apart. Negative: the task of that number, alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part(pub i64);

impl Part {
    fn alone(task: TaskId) -> Part {
        Part(-i64::try_from(task.0).unwrap_or(i64::MAX))
    }

    /// The parts of a batch that broke, one for each of its tasks in their order.
    pub fn halves(run: crate::effect::RunId, tasks: &[TaskId]) -> Vec<Part> {
        let middle = tasks.len() / 2;
        let half = |first: bool, size: usize, task: TaskId| match size {
            1 => Part::alone(task),
            _ => Part(i64::try_from(run.0).unwrap_or(i64::MAX / 2).saturating_mul(2) + i64::from(first)),
        };
        let part = |(i, task): (usize, &TaskId)| match i < middle {
            true => half(true, middle, *task),
            false => half(false, tasks.len() - middle, *task),
        };
        tasks.iter().enumerate().map(part).collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Picked,
    Done,
    Later(Wait),
    Failed(Failure),
    /// A trap, a limit, or a recording that did not fit.
    Broke {
        why: String,
        /// Nothing where it was alone.
        part: Option<Part>,
    },
    /// Its run was ended for no fault of its own.
    GivenBack,
    Woken,
    GaveUp,
    Cancelled(String),
    Retried {
        not_before: Option<Timestamp>,
    },
}

/// A walk that only a bug can take, or a store that holds what cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("task {task} is {status:?} and cannot be {event:?}")]
pub struct Impossible {
    pub task: TaskId,
    pub status: TaskStatus,
    pub event: Event,
}

pub fn next(life: Life, event: Event, now: Timestamp, limits: &EngineLimits) -> Result<Life, Impossible> {
    use TaskStatus::{Dead, Done, Running, Waiting};
    let dead = |life: Life, failure: Failure| Life {
        status: Dead,
        failure: Some(failure),
        ended_at: Some(now),
        wake_on: None,
        part: None,
        ..life
    };
    Ok(match (life.status, event) {
        (Waiting, Event::Picked) => Life { status: Running, waiting_for: None, wake_on: None, ..life },
        (Waiting, Event::Woken) => Life { due: now, wake_on: None, ..life },
        (Waiting, Event::GaveUp) => {
            let failure = gave_up(&life, now, limits);
            dead(life, failure)
        }
        (Waiting | Running, Event::Cancelled(why)) => dead(life, dead_letter::cancelled(&why)),

        (Running, Event::Done) => {
            Life { status: Done, failure: None, part: None, waiting_for: None, ended_at: Some(now), ..life }
        }
        (Running, Event::Later(wait)) => put_off(life, wait, now, limits),
        (Running, Event::Failed(failure)) if failure.class != FailureClass::Bug => dead(life, failure),
        (Running, Event::Failed(failure)) => failed_alone(life, failure, now, limits),
        (Running, Event::Broke { part: Some(part), .. }) => {
            Life { status: Waiting, due: now, part: Some(part), ..life }
        }
        (Running, Event::Broke { why, part: None }) => {
            failed_alone(life, engine_failure(FailureClass::Bug, why, ""), now, limits)
        }
        (Running, Event::GivenBack) => Life { status: Waiting, due: now, ..life },

        (Dead, Event::Retried { not_before }) => Life {
            status: Waiting,
            attempt: 1,
            due: not_before.unwrap_or(now).max(now),
            waiting_for: None,
            wake_on: None,
            put_off_at: None,
            part: None,
            failure: None,
            ended_at: None,
            id: life.id,
        },

        (status, event) => return Err(Impossible { task: life.id, status, event }),
    })
}

/// Gives up when it is put off once more after the time is over: a task that is due has its chance first.
fn put_off(life: Life, wait: Wait, now: Timestamp, limits: &EngineLimits) -> Life {
    let life = Life {
        status: TaskStatus::Waiting,
        due: wait.until.max(now.plus(PUT_OFF_MIN)),
        waiting_for: Some(wait.reason),
        wake_on: wait.wake_on,
        put_off_at: Some(life.put_off_at.unwrap_or(now)),
        part: None,
        ..life
    };
    match life.put_off_at {
        Some(since) if now.since(since) >= limits.give_up => {
            let failure = gave_up(&life, now, limits);
            Life { status: TaskStatus::Dead, failure: Some(failure), ended_at: Some(now), wake_on: None, ..life }
        }
        _ => life,
    }
}

fn gave_up(life: &Life, now: Timestamp, limits: &EngineLimits) -> Failure {
    dead_letter::gave_up(life.put_off_at.unwrap_or(now), limits.give_up, life.waiting_for.as_deref())
}

fn failed_alone(life: Life, failure: Failure, now: Timestamp, limits: &EngineLimits) -> Life {
    if life.attempt >= limits.attempts_max {
        return Life {
            status: TaskStatus::Dead,
            failure: Some(dead_letter::out_of_attempts(life.attempt, &failure)),
            ended_at: Some(now),
            part: None,
            ..life
        };
    }
    let pause = PAUSES[(life.attempt.max(1) as usize - 1).min(PAUSES.len() - 1)];
    Life {
        status: TaskStatus::Waiting,
        due: now.plus(pause),
        attempt: life.attempt + 1,
        part: Some(Part::alone(life.id)),
        waiting_for: Some(format!("another attempt after: {}", failure.problem)),
        ..life
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::RunId;
    use TaskStatus::{Dead, Done, Running, Waiting};

    const NOW: Timestamp = Timestamp(1_000_000_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    fn life(status: TaskStatus, attempt: u32) -> Life {
        Life {
            id: TaskId(7),
            status,
            attempt,
            due: Timestamp(1),
            waiting_for: None,
            wake_on: None,
            put_off_at: None,
            part: None,
            failure: None,
            ended_at: None,
        }
    }

    fn wait(until: Timestamp) -> Event {
        Event::Later(Wait { until, reason: "the campaign".into(), wake_on: Some("there".into()), pause: None })
    }

    fn failed(class: FailureClass) -> Event {
        Event::Failed(engine_failure(class, "no", "mend it"))
    }

    fn every_event() -> Vec<Event> {
        let broke = |part| Event::Broke { why: "trap".into(), part };
        vec![
            Event::Picked,
            Event::Done,
            wait(NOW.plus(DAY)),
            failed(FailureClass::NeedsAttention),
            failed(FailureClass::Invalid),
            failed(FailureClass::Bug),
            broke(None),
            broke(Some(Part(9))),
            Event::GivenBack,
            Event::Woken,
            Event::GaveUp,
            Event::Cancelled("no longer wanted".into()),
            Event::Retried { not_before: None },
        ]
    }

    /// The table of the module, row by row: status and attempt after each event, in the order of `every_event`.
    #[test]
    fn each_pair_of_the_table_goes_where_it_says_and_no_other_pair_is_possible() {
        let none: [Option<(TaskStatus, u32)>; 13] = [None; 13];
        let mut waiting = none;
        waiting[0] = Some((Running, 2));
        waiting[9] = Some((Waiting, 2));
        waiting[10] = Some((Dead, 2));
        waiting[11] = Some((Dead, 2));
        let running = [
            None,
            Some((Done, 2)),
            Some((Waiting, 2)),
            Some((Dead, 2)),
            Some((Dead, 2)),
            Some((Waiting, 3)),
            Some((Waiting, 3)),
            Some((Waiting, 2)),
            Some((Waiting, 2)),
            None,
            None,
            Some((Dead, 2)),
            None,
        ];
        let mut dead = none;
        dead[12] = Some((Waiting, 1));
        for (status, row) in [(Waiting, waiting), (Running, running), (Done, none), (Dead, dead)] {
            for (event, expect) in every_event().into_iter().zip(row) {
                let got = next(life(status, 2), event.clone(), NOW, &EngineLimits::default());
                let got = got.map(|l| (l.status, l.attempt)).ok();
                assert_eq!(got, expect, "{status:?} and {event:?}");
            }
        }
    }

    #[test]
    fn pauses_grow_and_the_last_attempt_is_a_dead_letter() {
        let limits = EngineLimits::default();
        let after = |attempt| next(life(Running, attempt), failed(FailureClass::Bug), NOW, &limits).unwrap();
        let minutes = |l: &Life| l.due.since(NOW).as_secs() / 60;
        assert_eq!([1, 2, 3].map(|a| minutes(&after(a))), [1, 5, 15]);
        let end = after(limits.attempts_max);
        assert_eq!(end.status, Dead);
        let failure = end.failure.unwrap();
        assert_eq!(failure.class, FailureClass::Bug);
        assert_eq!(failure.problem, "Failed 4 times, at last with: no");
        assert_eq!(failure.remedy, "mend it");
    }

    #[test]
    fn a_wait_is_never_early_never_spins_and_ends_after_the_time_to_give_up() {
        let limits = EngineLimits::default();
        let asked = |life, until| next(life, wait(until), NOW, &limits).unwrap();
        assert_eq!(asked(life(Running, 1), NOW.plus(DAY)).due, NOW.plus(DAY));
        assert_eq!(asked(life(Running, 1), Timestamp(3)).due, NOW.plus(PUT_OFF_MIN));
        let old = |days| Life { put_off_at: Some(NOW.minus(DAY * days)), ..life(Running, 1) };
        assert_eq!(asked(old(6), NOW.plus(DAY)).status, Waiting);
        let end = asked(old(7), NOW.plus(DAY));
        assert_eq!((end.status, end.failure.unwrap().class), (Dead, FailureClass::NeedsAttention));
    }

    #[test]
    fn a_retry_is_no_sooner_than_it_may_be() {
        let due =
            |not_before| next(life(Dead, 3), Event::Retried { not_before }, NOW, &EngineLimits::default()).unwrap().due;
        assert_eq!([None, Some(Timestamp(3)), Some(NOW.plus(DAY))].map(due), [NOW, NOW, NOW.plus(DAY)]);
    }

    #[test]
    fn halves_stay_apart_and_a_single_task_is_alone() {
        let ids: Vec<TaskId> = (1..=5).map(TaskId).collect();
        let parts = Part::halves(RunId(3), &ids);
        assert_eq!(parts, [Part(7), Part(7), Part(6), Part(6), Part(6)]);
        assert_eq!(Part::halves(RunId(3), &ids[..3]), [Part(-1), Part(6), Part(6)]);
        assert_eq!(Part::halves(RunId(3), &ids[..2]), [Part(-1), Part(-2)]);
    }
}
