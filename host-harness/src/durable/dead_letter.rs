//! Why a task became a dead letter, where the engine itself says so. Promises: each says what happened and what a person
//! does about it. Not here: failures in the connector's own words, which are kept as they came.

use super::{EngineError, EngineLimits, KeptTask, TaskStatus, engine_failure, engine_line};
use crate::{
    clock::Timestamp,
    effect::{Failure, FailureClass::*, Level, Line, Subject, Task},
};
use std::time::Duration;

/// The code of a line that says that a dead letter was given up.
pub const DISCARDED: &str = "discarded";
const RETRY: &str = "give it again with `harness retry`";

/// How it is told in the customer's log.
pub fn line(title: &str, subject: Option<Subject>, failure: &Failure) -> Line {
    let level = match failure.class {
        NeedsAttention => Level::Warning,
        Invalid | Bug => Level::Error,
    };
    // A title may hold quotes of its own.
    let message = format!("Not done: {} {} {}", sentence(title), sentence(&failure.problem), failure.remedy);
    engine_line(level, "dead-letter", message.trim_end().into(), subject)
}

/// How it is told that a person gave it up.
pub fn discarded(kept: &KeptTask) -> Result<Line, EngineError> {
    let Some(failure) = kept.failure.as_ref().filter(|_| kept.status == TaskStatus::Dead) else {
        return Err(EngineError::Invalid(format!(
            "task {} is not a dead letter, so there is nothing to give up",
            kept.id
        )));
    };
    let message = format!("Given up by a person: {}. {}", kept.task.title, sentence(&failure.problem));
    Ok(engine_line(Level::Info, DISCARDED, message, kept.task.subject.clone()))
}

fn sentence(text: &str) -> String {
    if text.ends_with(['.', '!', '?']) { text.into() } else { format!("{text}.") }
}

pub fn cancelled(why: &str) -> Failure {
    engine_failure(
        NeedsAttention,
        format!("Cancelled: {why}"),
        format!("If it is wanted after all, {RETRY}. What it had done until then stays."),
    )
}

pub fn gave_up(since: Timestamp, give_up: Duration, waiting_for: Option<&str>) -> Failure {
    let reason = waiting_for.unwrap_or("the connector gave no reason");
    let days = give_up.as_secs_f64() / 86_400.0;
    engine_failure(
        NeedsAttention,
        format!("Put off since {since}, longer than the {days:.1} days allowed (pauses not counted): {reason}"),
        format!("See to what it waits for, then {RETRY}."),
    )
}

/// `failure` is what ended the last attempt.
pub fn out_of_attempts(attempts: u32, failure: &Failure) -> Failure {
    let remedy = match failure.remedy.as_str() {
        "" => format!("Tell the connector's author; with a mended version, {RETRY}."),
        remedy => remedy.to_string(),
    };
    engine_failure(Bug, format!("Failed {attempts} times, at last with: {}", failure.problem), remedy)
}

pub fn too_many_generations(max: u32) -> Failure {
    engine_failure(
        Bug,
        format!("A follow-up of follow-ups, {max} generations long: the connector goes round in a circle"),
        format!("Tell the connector's author. If the work is meant to be that long, {RETRY}."),
    )
}

/// Its notes of what it sent are lost with the recording: sending again is for a person to decide.
pub fn unreadable(why: &str) -> Failure {
    engine_failure(
        NeedsAttention,
        format!("The run was cut off and its recording cannot be read, so it is not known what was sent: {why}"),
        format!("See at the provider whether it is done; if not, {RETRY}."),
    )
}

/// Why it may not run. Only what was accepted from outside may be the host's own task: a follow-up of that form is forged.
pub fn fault(task: &Task, generation: u32) -> Option<String> {
    if generation == 0 && task.is_hosts_own() { None } else { task.fault() }
}

/// What a run gave and what may not run is a dead letter from the start; nothing is lost without a word.
pub fn from_the_start(task: &Task, generation: u32, limits: &EngineLimits) -> Option<Failure> {
    let max = limits.generations_max;
    match fault(task, generation) {
        Some(fault) => Some(malformed(&fault)),
        None => (generation > max).then(|| too_many_generations(max)),
    }
}

/// A follow-up that breaks the contract's bounds is kept and shown, never lost.
pub fn malformed(fault: &str) -> Failure {
    engine_failure(Bug, format!("Not a task as the contract has it: {fault}"), "Tell the connector's author.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_done_is_told_by_its_title_as_it_is_written() {
        let failure = Failure { class: Bug, problem: "the list is full".into(), remedy: "Empty it.".into() };
        for (title, told) in [
            (
                "ana registered for \"Product demo\"",
                "Not done: ana registered for \"Product demo\". the list is full. Empty it.",
            ),
            ("Is ana there?", "Not done: Is ana there? the list is full. Empty it."),
        ] {
            assert_eq!(line(title, None, &failure).message, told);
        }
    }
}
