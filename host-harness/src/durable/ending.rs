//! What the end of a run brings about, deed by deed, in order. Pure: an engine does all of them or none.

use super::{
    DELIVERY, EngineError, KeptTask, TaskId, dead_letter,
    journal::{Ending, Told},
    run::{Event, Part},
};
use crate::effect::{Completion, Lead, Level, Outcome, Task, Wait};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed<'a> {
    Step(TaskId, Event),
    /// A delivery is done, and its body of no use any more.
    Empty(TaskId),
    FollowUp {
        task: &'a Task,
        generation: u32,
    },
    /// The host's own task that goes on where this one ended.
    Then(&'a Task),
    /// A line of the run log.
    Say(Level, &'static str, String),
    /// Tasks of the run's own key that wait for this word.
    Wake(&'a str),
}

/// How it ends where a person has ended it: what broke for that reason did not break.
pub fn as_cancelled(ending: &Ending, cancelled: Option<&str>) -> Ending {
    match (cancelled, ending) {
        (Some(why), Ending::Broken(_) | Ending::GivenBack(_)) => Ending::Cancelled(why.into()),
        _ => ending.clone(),
    }
}

/// `batch` are the run's tasks with the ids of their assignments.
pub fn deeds<'a>(
    lead: &Lead,
    ending: &'a Ending,
    cancelled: Option<&str>,
    told: &Told,
    batch: &[(u32, KeptTask)],
) -> Result<Vec<Deed<'a>>, EngineError> {
    let all = |event: Event| batch.iter().map(|(_, kept)| Deed::Step(kept.id, event.clone())).collect();
    Ok(match ending {
        Ending::Outcomes(outcomes) => of_outcomes(lead, outcomes, cancelled, batch)?,
        Ending::Broken(why) => broken(lead, batch, &with_last_words(why, told)),
        Ending::Cancelled(why) => all(Event::Cancelled(why.clone())),
        Ending::Unreadable(why) => all(Event::Failed(dead_letter::unreadable(why))),
        Ending::GivenBack(_) => all(Event::GivenBack),
    })
}

/// A guest that panics can say why in its log and nowhere else (`report.wit`). Whoever sees the dead letter should not have to
/// look there.
fn with_last_words(why: &str, told: &Told) -> String {
    match told.lines.last() {
        Some((_, line)) if line.level == Level::Error => format!("{why}: {}", line.message),
        _ => why.into(),
    }
}

fn of_outcomes<'a>(
    lead: &Lead,
    outcomes: &'a [(u32, Outcome)],
    cancelled: Option<&str>,
    batch: &[(u32, KeptTask)],
) -> Result<Vec<Deed<'a>>, EngineError> {
    let outcomes: BTreeMap<u32, &Outcome> = outcomes.iter().map(|(id, outcome)| (*id, outcome)).collect();
    let (mut deeds, mut wakes) = (vec![], BTreeSet::new());
    for (id, kept) in batch {
        let outcome = outcomes
            .get(id)
            .ok_or_else(|| EngineError::Corrupt(format!("run {} has no outcome for assignment {id}", lead.run)))?;
        match (outcome, cancelled) {
            (Outcome::Done(completion), _) => {
                deeds.extend(done(kept, completion));
                wakes.extend(completion.wakes.iter().map(String::as_str));
            }
            (_, Some(why)) => deeds.push(Deed::Step(kept.id, Event::Cancelled(why.into()))),
            (Outcome::Later(wait), None) => deeds.extend(later(kept, wait)),
            (Outcome::Failed(failure), None) => deeds.push(Deed::Step(kept.id, Event::Failed(failure.clone()))),
        }
    }
    // Last: a task that was put off by this very run is woken too, or the word would be lost on it.
    deeds.extend(wakes.into_iter().map(Deed::Wake));
    Ok(deeds)
}

fn done<'a>(kept: &KeptTask, completion: &'a Completion) -> impl Iterator<Item = Deed<'a>> {
    let generation = kept.generation + 1;
    let follow_ups = completion.follow_ups.iter().map(move |task| Deed::FollowUp { task, generation });
    let empty = (kept.task.kind == DELIVERY).then_some(Deed::Empty(kept.id));
    let then = completion.then.as_deref().map(Deed::Then);
    std::iter::once(Deed::Step(kept.id, Event::Done)).chain(empty).chain(follow_ups).chain(then)
}

fn later<'a>(kept: &KeptTask, wait: &Wait) -> impl Iterator<Item = Deed<'a>> {
    let pause = wait.pause.as_ref().map(|connection| {
        // The performer has heard it from the provider and keeps the pace; here it is only said.
        let message = format!("{connection} asks for a pause until {}: {}", wait.until, wait.reason);
        Deed::Say(Level::Info, "provider-pause", message)
    });
    pause.into_iter().chain([Deed::Step(kept.id, Event::Later(wait.clone()))])
}

fn broken<'a>(lead: &Lead, batch: &[(u32, KeptTask)], why: &str) -> Vec<Deed<'a>> {
    let next = match batch.len() {
        1 => "its task counts an attempt",
        _ => "its tasks go again in smaller runs",
    };
    let message = format!("Run {} of {} tasks broke off ({next}): {why}", lead.run, batch.len());
    let ids: Vec<TaskId> = batch.iter().map(|(_, kept)| kept.id).collect();
    let parts = ids.iter().zip(Part::halves(lead.run, &ids));
    let broke = parts.map(|(id, part)| {
        let part = (ids.len() > 1).then_some(part);
        Deed::Step(*id, Event::Broke { why: why.into(), part })
    });
    std::iter::once(Deed::Say(Level::Error, "run-broken", message)).chain(broke).collect()
}
