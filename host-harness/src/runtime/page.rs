//! One page of a source, as a run: it reads and remembers, and what it gives becomes durable together with what it remembers.
//!
//! Promises: rows go to who takes them, or the page ends as broken; a pass that repeats by itself goes on whatever happened to
//! one page, and says so.

use super::{
    contract::{Cost, Interruption, Page},
    instance::{Coroutine, Next},
    limits::Limits,
    outcomes,
};
use crate::{
    clock::Timestamp,
    effect::{Ask, Completion, End, Failure, FailureClass, Input, Level, Line, Note, Outcome, Run, Step, Task, Wait},
    sync::{
        Pass,
        plan::{Plan, Spent},
    },
};
use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::mpsc;

/// When a pass goes on that a person has to do something for.
const AGAIN: Duration = Duration::from_secs(3600);
const ROWS_MAX: usize = 1_000;
const CURSOR_BYTES_MAX: usize = 8 << 10;

/// A page, for whoever takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    pub page: Page,
    /// By the pass so far.
    pub spent: Spent,
}

type Given = Result<Taken, Interruption>;

/// Who takes the pages of passes that are asked for, by the name that stands in the pass.
#[derive(Default)]
pub(super) struct Takers(Mutex<BTreeMap<String, mpsc::UnboundedSender<Given>>>);

impl Takers {
    pub fn add(&self, name: &str) -> mpsc::UnboundedReceiver<Given> {
        let (give, take) = mpsc::unbounded_channel();
        self.0.lock().unwrap_or_else(|p| p.into_inner()).insert(name.into(), give);
        take
    }

    fn of(&self, name: &str) -> Option<mpsc::UnboundedSender<Given>> {
        self.0.lock().unwrap_or_else(|p| p.into_inner()).get(name).filter(|taker| !taker.is_closed()).cloned()
    }

    pub fn has(&self, name: &str) -> bool {
        self.of(name).is_some()
    }
}

/// A run of `sync.run`.
pub(super) struct Reading {
    pub guest: Coroutine<Result<Page, Interruption>>,
    pub id: u32,
    pub limits: Limits,
    pub pass: Pass,
    pub plan: Plan,
    /// As the last answer had it.
    pub now: Timestamp,
    pub takers: Arc<Takers>,
}

#[async_trait]
impl Run for Reading {
    async fn step(&mut self, input: Input) -> Step {
        if let Input::Reply { at: Some(at), .. } = &input {
            self.now = *at;
        }
        match self.guest.step(input).await {
            Next::Asks { notes, ask } => {
                if let Ask::Wave(requests) = &ask {
                    for request in requests {
                        *self.pass.spent.entry(request.connection.clone()).or_default() += 1;
                    }
                }
                Step::Asks { notes, ask }
            }
            Next::Finished { mut notes, result } => {
                let outcome = result.and_then(|page| self.outcome(page, &mut notes));
                let end = match outcome.and_then(|o| outcomes::checked(vec![(self.id, o)], &[self.id], &self.limits)) {
                    Ok(outcomes) => End::Outcomes(outcomes),
                    Err(why) => End::Broken(why),
                };
                Step::Finished { notes, end }
            }
        }
    }
}

impl Reading {
    fn outcome(&self, page: Result<Page, Interruption>, notes: &mut Vec<Note>) -> Result<Outcome, String> {
        if let Ok(page) = &page {
            outcomes::limit("rows", page.rows.len(), ROWS_MAX)?;
            outcomes::limit("cursor-bytes", page.cursor.len(), CURSOR_BYTES_MAX)?;
            if self.pass.taker.is_none() && !page.rows.is_empty() {
                return Err(format!("{} gave rows, and nobody takes them", self.pass.source));
            }
        }
        if let Some(taker) = &self.pass.taker {
            // Who is gone meanwhile asks again from an earlier cursor.
            let given = page.clone().map(|page| Taken { spent: self.spent(&page), page });
            if let Some(taker) = self.takers.of(taker) {
                drop(taker.send(given));
            }
        }
        Ok(match page {
            Ok(page) => Outcome::Done(self.page(page)),
            Err(Interruption::Later(wait)) => Outcome::Later(wait),
            Err(Interruption::BadCursor(why)) if self.pass.every_ms.is_some() => {
                let message = format!("{} begins anew, from the beginning: {why}", self.pass.source);
                notes.push(Note::Log(line("sync-begins-anew", message)));
                let pass = Pass { cursor: None, pages: 0, ..self.pass.clone() };
                Outcome::Done(then(pass.task(None)))
            }
            Err(Interruption::BadCursor(why)) => Outcome::Failed(Failure {
                class: FailureClass::Invalid,
                problem: why,
                remedy: "Give the state that the last pass left, or begin anew with a full pass".into(),
            }),
            Err(Interruption::Failed(failure)) if self.pass.every_ms.is_some() => {
                let Failure { problem, remedy, .. } = failure;
                let message = format!(
                    "{} could not be read, and is tried again in an hour: {problem} {remedy}",
                    self.pass.source
                );
                notes.push(Note::Log(line("sync-failed", message)));
                let until = self.now.plus(AGAIN);
                Outcome::Later(Wait { until, reason: problem, wake_on: None, pause: None })
            }
            Err(Interruption::Failed(failure)) => Outcome::Failed(failure),
        })
    }

    fn page(&self, page: Page) -> Completion {
        let spent = self.spent(&page);
        let pass = self.pass.clone();
        let next = match (page.more, self.pass.every_ms) {
            // Whoever takes the pages asks for the next one.
            _ if pass.taker.is_some() => None,
            (true, Some(_)) => Some(pass.next_page(page.cursor, spent).task(None)),
            // A pass on request may be of any size: each page waits until the one before is paid for.
            (true, None) => {
                let at = self.plan.next(pass.began_at, Duration::ZERO, &spent).max(self.now);
                let next = Pass { began_at: at, ..pass.next_page(page.cursor, Spent::default()) };
                Some(next.task(Some(at)))
            }
            (false, Some(every_ms)) => {
                let at = self.plan.next(pass.began_at, Duration::from_millis(every_ms), &spent).max(self.now);
                Some(Pass::repeating(&pass.source, Some(page.cursor), every_ms, at).task(Some(at)))
            }
            (false, None) => None,
        };
        Completion { follow_ups: page.tasks, then: next.map(Box::new), ..Completion::default() }
    }

    /// By the pass, with what the tasks of this page will cost.
    fn spent(&self, page: &Page) -> Spent {
        let mut spent = self.pass.spent.clone();
        for Cost { connection, most, .. } in &page.costs {
            *spent.entry(connection.clone()).or_default() += most;
        }
        spent
    }
}

fn then(task: Task) -> Completion {
    Completion { then: Some(Box::new(task)), ..Completion::default() }
}

fn line(code: &str, message: String) -> Line {
    Line { level: Level::Warning, code: code.into(), message, subject: None, fields: vec![] }
}

/// A run of the host's own that has nothing to ask.
pub(super) struct Nothing {
    pub id: u32,
    pub why: &'static str,
}

#[async_trait]
impl Run for Nothing {
    async fn step(&mut self, _: Input) -> Step {
        let notes = vec![Note::Log(Line { level: Level::Debug, ..line("sync-not-read", self.why.into()) })];
        Step::Finished { notes, end: End::Outcomes(vec![(self.id, Outcome::Done(Completion::default()))]) }
    }
}
