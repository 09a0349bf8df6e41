//! What the people of a story cost in calls to Salesforce: by what they did, and what was for all of them apart.
//!
//! A call belongs to the run of the key `people` in which it was made, and a run to the kind of its tasks.

use crate::{
    durable::{Engine, KeptTask, RunSummary},
    effect::RunId,
    simulators::{Api, world::SeenRequest},
    stage::INSTALLATION,
};
use std::collections::BTreeSet;

/// The connector's key of everything that writes people.
const PEOPLE: &str = "people";

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub what: &'static str,
    /// How many people did it; nothing where it is for all of them.
    pub people: Option<usize>,
    pub calls: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Calls(pub Vec<Row>);

impl Calls {
    pub async fn of(engine: &dyn Engine, seen: &[SeenRequest], tasks: &[KeptTask]) -> anyhow::Result<Calls> {
        let (mut runs, mut after) = (vec![], None);
        loop {
            let page = engine.runs(INSTALLATION, after).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            runs.extend(page);
        }
        Ok(counted(seen, &runs, tasks))
    }
}

fn counted(seen: &[SeenRequest], runs: &[RunSummary], tasks: &[KeptTask]) -> Calls {
    const KINDS: [(&str, &str); 3] = [("register", "registrations"), ("attendance", "ends"), ("replay", "replays")];
    let runs: Vec<(&RunSummary, &str)> = runs
        .iter()
        .filter(|run| run.key == PEOPLE)
        .filter_map(|run| {
            let kinds: BTreeSet<&str> = of(tasks, run.id).map(|task| task.task.kind.as_str()).collect();
            KINDS.iter().find(|(kind, _)| kinds.contains(kind)).map(|(kind, _)| (run, *kind))
        })
        .collect();
    let run_of = |request: &SeenRequest| {
        let is_of = |run: &RunSummary| {
            run.started_at <= request.at && run.ended_at.is_none_or(|ended_at| request.at <= ended_at)
        };
        runs.iter().rev().find(|(run, _)| is_of(run))
    };
    let (mut describes, mut other, mut of_people) = (0, 0, vec![]);
    for request in seen.iter().filter(|request| request.api == Api::Salesforce) {
        let is_of_people = request.path.ends_with("/composite") || request.path.contains("/query/");
        match run_of(request).filter(|_| is_of_people) {
            Some((run, kind)) => of_people.push((run.id, *kind)),
            None if request.path.ends_with("/describe") => describes += 1,
            None => other += 1,
        }
    }
    let mut rows: Vec<Row> = KINDS
        .iter()
        .map(|(kind, what)| {
            let calls = of_people.iter().filter(|(_, of)| of == kind).count();
            // Whoever was left out, or was known already, cost nothing.
            let costly: BTreeSet<RunId> = of_people.iter().filter(|(_, of)| of == kind).map(|(run, _)| *run).collect();
            let people = costly.into_iter().map(|run| of(tasks, run).filter(|task| task.task.kind == *kind).count());
            Row { what, people: Some(people.sum()), calls }
        })
        .collect();
    rows.push(Row { what: "which fields there are", people: None, calls: describes });
    rows.push(Row { what: "campaigns, statuses, tokens", people: None, calls: other });
    Calls(rows)
}

fn of(tasks: &[KeptTask], run: RunId) -> impl Iterator<Item = &KeptTask> {
    tasks.iter().filter(move |task| task.run == Some(run))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Timestamp,
        durable::{TaskId, TaskStatus},
        effect::{Lane, Task},
    };

    fn run(id: u64, key: &str, from: u64, to: u64) -> RunSummary {
        let at = Timestamp::from_seconds;
        let (started_at, ended_at) = (at(from), Some(at(to)));
        RunSummary { id: RunId(id), key: key.into(), tasks: 1, started_at, ended_at, end: Some("done".into()) }
    }

    fn task(id: u64, kind: &str, run: u64) -> KeptTask {
        let task = Task {
            kind: kind.into(),
            payload: String::new(),
            ordering_key: PEOPLE.into(),
            dedupe_key: id.to_string(),
            lane: Lane::Prompt,
            not_before: None,
            title: "made up".into(),
            subject: None,
        };
        KeptTask {
            id: TaskId(id),
            task,
            status: TaskStatus::Done,
            attempt: 1,
            generation: 1,
            admitted_at: Timestamp::from_seconds(0),
            due: Timestamp::from_seconds(0),
            waiting_for: None,
            wake_on: None,
            failure: None,
            repeats: 0,
            run: Some(RunId(run)),
        }
    }

    fn request(api: Api, at: u64, path: &str) -> SeenRequest {
        let (at, path) = (Timestamp::from_seconds(at), format!("/services/data/v62.0/{path}"));
        SeenRequest { at, api, method: "POST".into(), path, status: Some(200) }
    }

    #[test]
    fn each_call_is_counted_once_where_it_belongs() {
        let runs = [
            run(1, "session/s", 0, 9),
            run(2, PEOPLE, 10, 10),
            run(3, PEOPLE, 20, 21),
            run(4, PEOPLE, 30, 30),
            run(5, PEOPLE, 40, 40),
        ];
        let tasks = [
            task(1, "session-created", 1),
            task(2, "register", 2),
            task(3, "register", 2),
            task(4, "attendance", 3),
            task(5, "session-ready", 4),
            task(6, "register", 5),
        ];
        let seen = [
            request(Api::Salesforce, 3, "sobjects/Campaign"),
            request(Api::Salesforce, 10, "sobjects/Lead/describe"),
            request(Api::Salesforce, 10, "composite"),
            request(Api::Salesforce, 10, "composite"),
            request(Api::Livestorm, 10, "composite"),
            request(Api::Salesforce, 21, "composite"),
        ];
        let row = |what, people, calls| Row { what, people, calls };
        let expected = [
            row("registrations", Some(2), 2),
            row("ends", Some(1), 1),
            row("replays", Some(0), 0),
            row("which fields there are", None, 1),
            row("campaigns, statuses, tokens", None, 1),
        ];
        assert_eq!(counted(&seen, &runs, &tasks).0, expected);
    }
}
