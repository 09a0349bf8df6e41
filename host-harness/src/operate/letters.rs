//! Dead letters: what waits for a person, why, by which command it goes again, and how it is given up.

use super::{Desk, OperateError, pages};
use crate::durable::{EngineError, KeptTask, RunSummary, TaskFilter, TaskId, TaskStatus};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// A task that goes on only when a person says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetter {
    pub task: u64,
    pub what: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub person: Option<String>,
    pub problem: String,
    /// With the command that gives it again.
    pub remedy: String,
    /// The run that had it last. Nothing: it never ran.
    pub run: Option<u64>,
    /// Runs are kept for a time, dead letters until somebody sees to them.
    pub run_is_kept: bool,
}

impl DeadLetter {
    pub(super) fn of(kept: &KeptTask, runs: &BTreeSet<u64>) -> DeadLetter {
        let run = kept.run.map(|run| run.0);
        let subject = kept.task.subject.as_ref().filter(|subject| subject.is_person());
        DeadLetter {
            task: kept.id.0,
            what: kept.task.title.clone(),
            person: subject.map(|subject| subject.id.clone()),
            problem: kept.failure.as_ref().map(|failure| failure.problem.clone()).unwrap_or_default(),
            remedy: remedy(kept),
            run,
            run_is_kept: run.is_some_and(|run| runs.contains(&run)),
        }
    }

    pub(super) fn is_of(&self, person: Option<&str>) -> bool {
        person.is_none_or(|person| self.person.as_deref() == Some(person))
    }
}

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// Those that this run had last.
    Run(u64),
    Task(u64),
    AllFailed,
}

/// One answer for each, in their order. None: nothing waited for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Discarding {
    pub installation: String,
    pub tasks: Vec<Discarded>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Discarded {
    pub task: u64,
    pub what: String,
    pub given_up: bool,
    /// Why it was not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refused: Option<String>,
}

impl Desk {
    /// Gives dead letters up: they are deleted, and a line in the installation's log says what each was.
    pub async fn discard(&self, installation: &str, which: Which) -> Result<Discarding, OperateError> {
        let mut tasks = vec![];
        for KeptTask { id, task, .. } in self.meant(installation, which).await? {
            let refused = match self.engine.discard(installation, id).await {
                Ok(()) => None,
                Err(EngineError::Invalid(why)) => Some(why),
                Err(error) => return Err(error.into()),
            };
            tasks.push(Discarded { task: id.0, what: task.title, given_up: refused.is_none(), refused });
        }
        Ok(Discarding { installation: installation.into(), tasks })
    }

    /// A task by its number is found whatever its status: one that is no dead letter is refused by its name.
    pub(super) async fn meant(&self, installation: &str, which: Which) -> Result<Vec<KeptTask>, OperateError> {
        let filter = match which {
            Which::Task(_) => TaskFilter::default(),
            _ => TaskFilter { status: Some(TaskStatus::Dead) },
        };
        let mut meant = pages::tasks(&*self.engine, installation, filter).await?;
        match which {
            Which::AllFailed => {}
            Which::Task(task) => {
                meant.retain(|kept| kept.id == TaskId(task));
                if meant.is_empty() {
                    return Err(OperateError::NoSuchTask { installation: installation.into(), task });
                }
            }
            Which::Run(run) => {
                meant.retain(|kept| kept.run.is_some_and(|of| of.0 == run));
                if meant.is_empty() {
                    self.known(installation, run).await?;
                    return Err(OperateError::NoDeadLetter { run });
                }
            }
        }
        Ok(meant)
    }

    /// That there is such a run.
    async fn known(&self, installation: &str, run: u64) -> Result<(), OperateError> {
        let runs = pages::runs(&*self.engine, installation).await?;
        match runs.iter().any(|one| one.id.0 == run) {
            true => Ok(()),
            false => Err(OperateError::NoSuchRun { installation: installation.into(), run }),
        }
    }
}

pub(super) fn ids(runs: &[RunSummary]) -> BTreeSet<u64> {
    runs.iter().map(|run| run.id.0).collect()
}

/// What to do about a dead letter. Where its own words say "then retry", by the command that does it: whoever wrote them knows neither
/// the command nor the task's number.
pub fn remedy(kept: &KeptTask) -> String {
    let command = format!("`harness retry --task {}`", kept.id);
    let said = kept.failure.as_ref().map(|failure| failure.remedy.trim()).unwrap_or_default();
    if said.is_empty() {
        return format!("See to the problem, then give it again with {command}.");
    }
    let named = said.replace("hen retry", &format!("hen {command}")).replace("`harness retry`", &command);
    let named = named.replace("retry it when", &format!("{command} when"));
    if named.contains(&command) { named } else { format!("{} To give it again: {command}.", ended(&named)) }
}

/// With a full stop, so that another sentence can follow.
fn ended(text: &str) -> String {
    if text.ends_with(['.', '!', '?']) { text.into() } else { format!("{text}.") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Timestamp,
        durable::{TaskId, TaskStatus},
        effect::{Failure, FailureClass, Lane, Task},
    };

    #[test]
    fn a_remedy_names_the_command_that_gives_the_task_again() {
        let rows = [
            ("Free some storage, then retry.", "Free some storage, then `harness retry --task 7`."),
            (
                "See to what it waits for, then give it again with `harness retry`.",
                "See to what it waits for, then give it again with `harness retry --task 7`.",
            ),
            ("it is kept; retry it when it is mended", "it is kept; `harness retry --task 7` when it is mended"),
            ("Take its default. Then retry.", "Take its default. Then `harness retry --task 7`."),
            ("Restore the list", "Restore the list. To give it again: `harness retry --task 7`."),
            ("", "See to the problem, then give it again with `harness retry --task 7`."),
        ];
        for (said, expected) in rows {
            let task = Task {
                kind: "k".into(),
                payload: String::new(),
                ordering_key: "k".into(),
                dedupe_key: "k".into(),
                lane: Lane::Prompt,
                not_before: None,
                title: "t".into(),
                subject: None,
            };
            let failure = Failure { class: FailureClass::NeedsAttention, problem: "p".into(), remedy: said.into() };
            let kept = KeptTask {
                id: TaskId(7),
                task,
                status: TaskStatus::Dead,
                attempt: 1,
                generation: 0,
                admitted_at: Timestamp(0),
                due: Timestamp(0),
                waiting_for: None,
                wake_on: None,
                failure: Some(failure),
                repeats: 0,
                run: None,
            };
            assert_eq!(remedy(&kept), expected);
        }
    }
}
