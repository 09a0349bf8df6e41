//! Which runs there were, the newest first, and what of them did not come to its end.
//!
//! Promises: a delivery and a page are runs and told as such; a dead letter is told whether or not its run is still kept, and whatever
//! `since` says: it waits for a person.

use super::{
    Desk, OperateError, When,
    letters::{DeadLetter, ids},
    pages, person,
};
use crate::{
    durable::{
        Engine, EngineError, INBOX, KeptTask, RunSummary, SOURCES, Tape, TaskFilter, TaskStatus, journal::Ending,
    },
    effect::{Outcome, RunId, Subject, TRIGGER},
};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use std::collections::HashMap;
use utoipa::{IntoParams, ToSchema};

const LIMIT: usize = 20;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct RunFilter {
    /// Runs with a task about this address.
    pub person: Option<String>,
    pub since: Option<When>,
    pub status: Option<RunStatus>,
    /// Runs at most, and at least 1; 20 where nothing is said.
    #[serde(deserialize_with = "at_least_one")]
    #[param(minimum = 1)]
    pub limit: Option<usize>,
}

fn at_least_one<'de, D: Deserializer<'de>>(d: D) -> Result<Option<usize>, D::Error> {
    match Option::deserialize(d)? {
        Some(0) => Err(D::Error::custom("0 is too few, at least 1 are listed")),
        limit => Ok(limit),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunStatus {
    /// It is under way, or was cut off and goes on.
    Open,
    Done,
    /// Some of its tasks wait for a later run.
    PutOff,
    /// Some of its tasks could not be done.
    Failed,
    /// It came to no end of its own: a trap, a limit, a recording that did not fit.
    Broken,
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunKind {
    /// A webhook is turned into tasks.
    Delivery,
    /// The same for something that happened to the installation itself.
    Trigger,
    /// A page of a source is read.
    Page,
    Tasks,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Runs {
    pub installation: String,
    pub runs: Vec<RunRow>,
    /// There are older ones.
    pub more: bool,
    pub dead_letters: Vec<DeadLetter>,
    /// Work waits until somebody has signed in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signed_out: Option<SignedOut>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignedOut {
    /// What the first of them met.
    pub why: String,
    pub tasks: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunRow {
    pub run: u64,
    pub kind: RunKind,
    pub begun: When,
    pub ended: Option<When>,
    pub took_ms: Option<u64>,
    /// The title of its first task, and how many more there are.
    pub what: String,
    pub more: usize,
    pub status: RunStatus,
    /// Of what was put off, broken or cancelled.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub why: Option<String>,
    pub failures: Vec<Failed>,
}

/// A task that this run could not do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failed {
    pub what: String,
    pub problem: String,
}

impl RunKind {
    pub(super) fn of(key: &str) -> RunKind {
        match key.strip_prefix(INBOX) {
            Some(TRIGGER) => RunKind::Trigger,
            Some(_) => RunKind::Delivery,
            None if key.starts_with(SOURCES) => RunKind::Page,
            None => RunKind::Tasks,
        }
    }
}

/// What a run was about and how it ended.
pub(super) struct Facts {
    pub titles: Vec<(String, Option<Subject>)>,
    pub status: RunStatus,
    pub why: Option<String>,
    pub failures: Vec<Failed>,
}

impl Facts {
    pub fn of(tape: &Tape) -> Facts {
        let assignments = &tape.lead.input.assignments;
        let titles = assignments.iter().map(|a| (a.task.title.clone(), a.task.subject.clone())).collect();
        let title = |id: u32| assignments.iter().find(|a| a.id == id).map(|a| a.task.title.clone()).unwrap_or_default();
        let (status, why) = match &tape.end {
            None => (RunStatus::Open, None),
            Some(Ending::Outcomes(outcomes)) => of_outcomes(outcomes),
            Some(Ending::GivenBack(_)) => (RunStatus::PutOff, tape.end.as_ref().map(Ending::to_string)),
            Some(Ending::Cancelled(why)) => (RunStatus::Cancelled, Some(why.clone())),
            Some(other) => (RunStatus::Broken, Some(other.to_string())),
        };
        let failures = match &tape.end {
            Some(Ending::Outcomes(outcomes)) => outcomes
                .iter()
                .filter_map(|(id, outcome)| match outcome {
                    Outcome::Failed(failure) => Some(Failed { what: title(*id), problem: failure.problem.clone() }),
                    _ => None,
                })
                .collect(),
            _ => vec![],
        };
        Facts { titles, status, why, failures }
    }

    /// Where nothing is recorded any more.
    fn of_what_is_left(summary: &RunSummary, known: &[&KeptTask]) -> Facts {
        let dead = || known.iter().filter(|kept| kept.status == TaskStatus::Dead);
        let (status, why) = match summary.end.as_deref() {
            None => (RunStatus::Open, None),
            Some(DONE) if dead().count() > 0 => (RunStatus::Failed, None),
            Some(DONE) if known.iter().any(|kept| kept.status != TaskStatus::Done) => (RunStatus::PutOff, None),
            Some(DONE) => (RunStatus::Done, None),
            Some(why) => (RunStatus::Broken, Some(why.to_owned())),
        };
        let failed = |kept: &&&KeptTask| {
            let problem = kept.failure.as_ref().map(|failure| failure.problem.clone()).unwrap_or_default();
            Failed { what: kept.task.title.clone(), problem }
        };
        Facts { titles: titles(known), status, why, failures: dead().map(|kept| failed(&kept)).collect() }
    }

    fn is_about(&self, person: &str) -> bool {
        self.titles.iter().any(|(_, subject)| pages::is_about(subject, Subject::PERSON, person))
    }
}

fn of_outcomes(outcomes: &[(u32, Outcome)]) -> (RunStatus, Option<String>) {
    let waits = outcomes.iter().find_map(|(_, outcome)| match outcome {
        Outcome::Later(wait) => Some(format!("{} (until {})", wait.reason, wait.until)),
        _ => None,
    });
    match outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Failed(_))) {
        true => (RunStatus::Failed, None),
        false if waits.is_some() => (RunStatus::PutOff, waits),
        false => (RunStatus::Done, None),
    }
}

/// As an engine says it of a run that came to its end.
const DONE: &str = "done";

fn titles(known: &[&KeptTask]) -> Vec<(String, Option<Subject>)> {
    known.iter().map(|kept| (kept.task.title.clone(), kept.task.subject.clone())).collect()
}

impl Desk {
    pub async fn runs(&self, installation: &str, filter: &RunFilter) -> Result<Runs, OperateError> {
        let engine = &*self.engine;
        let whom = filter.person.as_deref().map(person).transpose()?;
        let (all, tasks) = (
            pages::runs(engine, installation).await?,
            pages::tasks(engine, installation, TaskFilter::default()).await?,
        );
        let mut by_run: HashMap<RunId, Vec<&KeptTask>> = HashMap::new();
        for kept in &tasks {
            if let Some(run) = kept.run {
                by_run.entry(run).or_default().push(kept);
            }
        }
        let limit = filter.limit.unwrap_or(LIMIT);
        let (mut runs, mut more) = (vec![], false);
        for summary in all.iter().rev().filter(|run| filter.since.is_none_or(|since| run.started_at >= since.0)) {
            let known = by_run.get(&summary.id).map(Vec::as_slice).unwrap_or_default();
            let facts = facts(engine, installation, summary, known).await?;
            let is_meant = whom.as_deref().is_none_or(|whom| facts.is_about(whom))
                && filter.status.is_none_or(|status| facts.status == status);
            if !is_meant {
                continue;
            }
            if runs.len() == limit {
                more = true;
                break;
            }
            runs.push(row(summary, facts));
        }
        let tells_dead = filter.status.is_none_or(|status| status == RunStatus::Failed);
        let kept = ids(&all);
        let dead = tasks.iter().filter(|task| tells_dead && task.status == TaskStatus::Dead);
        let dead = dead.map(|task| DeadLetter::of(task, &kept)).filter(|letter| letter.is_of(whom.as_deref()));
        let dead_letters = dead.collect();
        let waiting = self.signed_out(installation, &tasks).await?;
        let signed_out = waiting.first().map(|(_, why)| SignedOut { why: why.clone(), tasks: waiting.len() });
        Ok(Runs { installation: installation.into(), runs, more, dead_letters, signed_out })
    }
}

/// Its recording is read where the tasks do not tell all: those that went on in another run, and those that did not end well.
async fn facts(
    engine: &dyn Engine,
    installation: &str,
    summary: &RunSummary,
    known: &[&KeptTask],
) -> Result<Facts, EngineError> {
    let are_all = known.len() == summary.tasks && known.iter().all(|kept| kept.status == TaskStatus::Done);
    if are_all && summary.end.as_deref() == Some(DONE) {
        return Ok(Facts { titles: titles(known), status: RunStatus::Done, why: None, failures: vec![] });
    }
    match engine.tape(installation, summary.id).await {
        Ok(tape) => Ok(Facts::of(&tape)),
        Err(EngineError::Unknown(_) | EngineError::Corrupt(_)) => Ok(Facts::of_what_is_left(summary, known)),
        Err(error) => Err(error),
    }
}

fn row(summary: &RunSummary, facts: Facts) -> RunRow {
    let RunSummary { id, key, tasks, started_at, ended_at, .. } = summary;
    let took = |ended: crate::clock::Timestamp| u64::try_from(ended.since(*started_at).as_millis()).unwrap_or(u64::MAX);
    RunRow {
        run: id.0,
        kind: RunKind::of(key),
        begun: When(*started_at),
        ended: ended_at.map(When),
        took_ms: ended_at.map(took),
        what: facts.titles.first().map_or_else(|| "its tasks are no longer kept".into(), |(title, _)| title.clone()),
        more: tasks.saturating_sub(1),
        status: facts.status,
        why: facts.why,
        failures: facts.failures,
    }
}
