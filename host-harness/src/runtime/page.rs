//! One page of a source, as a run: it reads and remembers, and what it gives becomes durable together with what it remembers.
//!
//! Promises: rows go to who takes them, or the page ends as broken; whatever happened to one page, a pass that nobody takes goes on:
//! it is never put off for so long that it is given up, one that repeats begins anew where it broke, and its log says so.

use super::{
    contract::{Cost, Interruption, Page},
    instance::{Coroutine, Next},
    limits::Limits,
    outcomes,
};
use crate::{
    clock::Timestamp,
    effect::{Ask, Completion, End, Failure, FailureClass, Input, Level, Line, Note, Outcome, Run, Step, Task},
    sync::{
        Keeper, Pass,
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

/// A page, for whoever takes it: read, and not yet durable. Its task says whether it was remembered.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// How many pages of its pass come before it.
    pub number: u64,
    pub page: Result<Page, Interruption>,
    /// By the pass so far.
    pub spent: Spent,
    /// When the accounts have paid for it.
    pub paid_at: Timestamp,
}

/// Who takes the pages of passes that are asked for, by the name that stands in the pass.
#[derive(Default)]
pub(super) struct Takers(Mutex<BTreeMap<String, mpsc::UnboundedSender<Taken>>>);

impl Takers {
    pub fn add(&self, name: &str) -> mpsc::UnboundedReceiver<Taken> {
        let (give, take) = mpsc::unbounded_channel();
        let mut all = self.0.lock().unwrap_or_else(|p| p.into_inner());
        all.retain(|_, taker| !taker.is_closed());
        all.insert(name.into(), give);
        take
    }

    fn of(&self, name: &str) -> Option<mpsc::UnboundedSender<Taken>> {
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
    pub installation: String,
    pub limits: Limits,
    pub pass: Pass,
    /// Requests sent for this page.
    pub sent: Spent,
    pub plan: Plan,
    /// As the last answer had it.
    pub now: Timestamp,
    pub takers: Arc<Takers>,
    /// Of a pass whose rows the host keeps.
    pub keeper: Option<Arc<dyn Keeper>>,
    /// What was spent is paid for once.
    pub paid_at: Option<Timestamp>,
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
                        *self.sent.entry(request.connection.clone()).or_default() += 1;
                    }
                }
                Step::Asks { notes, ask }
            }
            Next::Finished { mut notes, result } => {
                let checked = match result {
                    Ok(page) => self.checked(page, &mut notes).await,
                    Err(why) => Err(why),
                };
                let end = match checked {
                    Ok(outcomes) => End::Outcomes(outcomes),
                    Err(why) if self.pass.every_ms.is_some() => {
                        let message = format!("{} broke off, and is tried again in an hour: {why}", self.pass.source);
                        notes.push(Note::Log(Line { level: Level::Error, ..line("sync-broke", message) }));
                        let again = self.again(self.now.plus(AGAIN));
                        self.broke(&notes, Some(&again)).await;
                        End::Outcomes(vec![(self.id, Outcome::Done(again))])
                    }
                    Err(why) => End::Broken(why),
                };
                Step::Finished { notes, end }
            }
        }
    }
}

impl Reading {
    /// Handed on once nothing is wrong with it.
    async fn checked(
        &mut self,
        page: Result<Page, Interruption>,
        notes: &mut Vec<Note>,
    ) -> Result<Vec<(u32, Outcome)>, String> {
        if let Ok(page) = &page {
            outcomes::limit("rows", page.rows.len(), ROWS_MAX)?;
            outcomes::limit("cursor-bytes", page.cursor.len(), CURSOR_BYTES_MAX)?;
            if self.pass.taker.is_none() && self.keeper.is_none() && !page.rows.is_empty() {
                return Err(format!("{} gave rows, and nobody takes them", self.pass.source));
            }
        }
        // Who is gone meanwhile asks again from an earlier cursor.
        let taker = self.pass.taker.as_ref().and_then(|taker| self.takers.of(taker));
        let outcome = self.outcome(page.clone(), notes);
        let outcomes = outcomes::checked(vec![(self.id, outcome)], &[self.id], &self.limits)?;
        if let Some(taker) = taker {
            drop(taker.send(self.taken(page)));
            return Ok(outcomes);
        }
        let done = match outcomes.first() {
            Some((_, Outcome::Done(done))) => Some(done),
            _ => None,
        };
        match page {
            Ok(page) => self.kept(page, done).await?,
            Err(_) => self.broke(notes, done).await,
        }
        Ok(outcomes)
    }

    async fn kept(&mut self, page: Page, done: Option<&Completion>) -> Result<(), String> {
        let Some(keeper) = self.keeper.clone() else { return Ok(()) };
        let (installation, pass, now, next_at) =
            (self.installation.clone(), self.pass.clone(), self.now, next_at(done));
        let kept = move || keeper.keep(&installation, &pass, &page, now, next_at);
        tokio::task::spawn_blocking(kept).await.map_err(|e| e.to_string())?
    }

    async fn broke(&mut self, notes: &[Note], done: Option<&Completion>) {
        let Some(keeper) = self.keeper.clone() else { return };
        let said = notes.iter().rev().find_map(|note| match note {
            Note::Log(line) => Some(line.message.clone()),
            _ => None,
        });
        let (installation, pass, again_at) = (self.installation.clone(), self.pass.clone(), next_at(done));
        let broke = move || keeper.broke(&installation, &pass, &said.unwrap_or_default(), again_at);
        // What broke there is no reason to read no more.
        drop(tokio::task::spawn_blocking(broke).await);
    }

    fn taken(&mut self, page: Result<Page, Interruption>) -> Taken {
        let costs = page.as_ref().map_or(&[][..], |page| &page.costs);
        let spent = self.spent(costs);
        let paid_at = self.pay(&spent);
        Taken { number: self.pass.pages, spent: added(self.pass.spent.clone(), &spent), paid_at, page }
    }

    fn outcome(&mut self, page: Result<Page, Interruption>, notes: &mut Vec<Note>) -> Outcome {
        let (source, repeats) = (self.pass.source.clone(), self.pass.every_ms.is_some());
        let mut say = |level, code, message| notes.push(Note::Log(Line { level, ..line(code, message) }));
        let failure = match page {
            Ok(page) => return Outcome::Done(self.page(page)),
            // Who takes the pages is told, and asks again.
            Err(_) if self.pass.taker.is_some() => return Outcome::Done(Completion::default()),
            Err(Interruption::Later(wait)) => {
                let message = format!("{source} is read on from {} on: {}", wait.until, wait.reason);
                say(Level::Info, "sync-waits", message);
                return Outcome::Done(self.again(wait.until));
            }
            // What it refuses at its very beginning is no cursor of its own, and would be refused again at once.
            Err(Interruption::BadCursor(why)) if repeats && self.pass.cursor.is_some() => {
                let message = format!("{source} begins anew, from the beginning: {why}");
                say(Level::Warning, "sync-begins-anew", message);
                return Outcome::Done(then(Pass { cursor: None, pages: 0, ..self.pass.clone() }.task(None)));
            }
            Err(Interruption::BadCursor(problem)) => {
                Failure { class: FailureClass::Invalid, problem, remedy: String::new() }
            }
            Err(Interruption::Failed(failure)) => failure,
        };
        if !repeats {
            return Outcome::Failed(failure);
        }
        let Failure { problem, remedy, .. } = failure;
        let message = format!("{source} could not be read, and is tried again in an hour: {problem} {remedy}");
        say(Level::Warning, "sync-failed", message);
        Outcome::Done(self.again(self.now.plus(AGAIN)))
    }

    /// The same page, later. What was spent on it in vain is paid back like the rest.
    fn again(&mut self, at: Timestamp) -> Completion {
        let sent = self.sent.clone();
        let at = self.pay(&sent).max(at);
        then(self.pass.task(Some(at)))
    }

    fn pay(&mut self, spent: &Spent) -> Timestamp {
        *self.paid_at.get_or_insert_with(|| self.plan.pay(self.now, spent))
    }

    fn page(&mut self, page: Page) -> Completion {
        let spent = self.spent(&page.costs);
        let paid_at = self.pay(&spent);
        let pass = self.pass.clone();
        let spent = added(pass.spent.clone(), &spent);
        let next = match (page.more, pass.every_ms) {
            // Whoever takes the pages asks for the next one.
            _ if pass.taker.is_some() => None,
            (true, Some(_)) => Some(pass.next_page(page.cursor, spent).task(None)),
            // A pass on request may be of any size: each page waits until the one before is paid for.
            (true, None) => Some(pass.next_page(page.cursor, spent).task(Some(paid_at))),
            (false, Some(every_ms)) => {
                let at = pass.began_at.plus(Duration::from_millis(every_ms)).max(paid_at);
                let next = Pass::repeating(&pass.source, Some(page.cursor), every_ms, at);
                Some(Pass { kept: pass.kept, ..next }.task(Some(at)))
            }
            (false, None) => None,
        };
        Completion { follow_ups: page.tasks, then: next.map(Box::new), ..Completion::default() }
    }

    /// For this page, with what its tasks will cost.
    fn spent(&self, costs: &[Cost]) -> Spent {
        let costs = costs.iter().map(|cost| (cost.connection.clone(), cost.most)).collect::<Vec<_>>();
        costs.into_iter().fold(self.sent.clone(), |spent, cost| added(spent, &Spent::from([cost])))
    }
}

fn added(mut to: Spent, spent: &Spent) -> Spent {
    for (connection, requests) in spent {
        *to.entry(connection.clone()).or_default() += requests;
    }
    to
}

fn next_at(done: Option<&Completion>) -> Option<Timestamp> {
    done?.then.as_ref()?.not_before
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
    /// The same, later.
    pub then: Option<Task>,
}

impl Nothing {
    pub fn until_it_is_kept(id: u32, pass: &Pass, now: Timestamp) -> Nothing {
        let then = Some(pass.task(Some(now.plus(AGAIN))));
        Nothing { id, why: "rows are kept by the process that serves, and this is another one", then }
    }
}

#[async_trait]
impl Run for Nothing {
    async fn step(&mut self, _: Input) -> Step {
        let notes = vec![Note::Log(Line { level: Level::Debug, ..line("sync-not-read", self.why.into()) })];
        Step::Finished {
            notes,
            end: {
                let then = self.then.take().map(Box::new);
                End::Outcomes(vec![(self.id, Outcome::Done(Completion { then, ..Completion::default() }))])
            },
        }
    }
}
