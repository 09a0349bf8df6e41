//! Is what `handle` or `admit` answered an answer by the contract? Pure. What is not counts as a trap, in words.

use super::limits::Limits;
use crate::{
    durable::INBOX,
    effect::{Outcome, Task},
};

/// Sizes of the parts of a task, from `types.wit`.
const KIND_BYTES_MAX: usize = 64;
const PAYLOAD_BYTES_MAX: usize = 64 << 10;
const ORDERING_KEY_BYTES_MAX: usize = 128;
const DEDUPE_KEY_BYTES_MAX: usize = 200;
const TITLE_BYTES_MAX: usize = 200;
const SUBJECT_ID_BYTES_MAX: usize = 320;

/// The same outcomes, in the order of `ids`, if there is exactly one for each and each may be.
pub(super) fn checked(
    outcomes: Vec<(u32, Outcome)>,
    ids: &[u32],
    limits: &Limits,
) -> Result<Vec<(u32, Outcome)>, String> {
    let mut sorted = outcomes;
    sorted.sort_by_key(|(id, _)| *id);
    let mut wanted = ids.to_vec();
    wanted.sort_unstable();
    let answered: Vec<u32> = sorted.iter().map(|(id, _)| *id).collect();
    if answered != wanted {
        return Err(format!("it answered for the tasks {answered:?} where it was given {wanted:?}"));
    }
    let mut bytes = 0;
    for (id, outcome) in &sorted {
        if let Outcome::Done(done) = outcome {
            limit("follow-ups", done.follow_ups.len(), limits.follow_ups)?;
            for task in &done.follow_ups {
                may_be(task).map_err(|why| format!("task {id} has a follow-up that cannot be: {why}"))?;
                bytes += task.payload.len() + task.title.len() + task.ordering_key.len() + task.dedupe_key.len();
            }
        }
    }
    limit("outcome-bytes", bytes, limits.outcome_bytes)?;
    Ok(sorted)
}

fn may_be(task: &Task) -> Result<(), String> {
    if task.kind.is_empty() || task.kind.chars().any(char::is_uppercase) {
        return Err(format!("the kind `{}` is not in lower case", task.kind));
    }
    if task.ordering_key.is_empty() || task.ordering_key.starts_with(INBOX) {
        return Err(format!("the ordering key `{}` belongs to the host", task.ordering_key));
    }
    limit("kind", task.kind.len(), KIND_BYTES_MAX)?;
    limit("payload", task.payload.len(), PAYLOAD_BYTES_MAX)?;
    limit("ordering-key", task.ordering_key.len(), ORDERING_KEY_BYTES_MAX)?;
    limit("dedupe-key", task.dedupe_key.len(), DEDUPE_KEY_BYTES_MAX)?;
    limit("title", task.title.len(), TITLE_BYTES_MAX)?;
    limit("subject", task.subject.as_ref().map_or(0, |s| s.id.len()), SUBJECT_ID_BYTES_MAX)
}

fn limit(name: &str, used: usize, allowed: usize) -> Result<(), String> {
    if used > allowed { Err(format!("limit {name}: {used} wanted, {allowed} allowed")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::{Completion, Lane};

    fn done(follow_ups: Vec<Task>) -> Outcome {
        Outcome::Done(Completion { follow_ups, wakes: vec![] })
    }

    fn task() -> Task {
        Task {
            kind: "register".into(),
            payload: "{}".into(),
            ordering_key: "people".into(),
            dedupe_key: "k".into(),
            lane: Lane::Prompt,
            not_before: None,
            title: "t".into(),
            subject: None,
        }
    }

    fn refused(outcomes: Vec<(u32, Outcome)>, why: &str) {
        let said = checked(outcomes, &[1, 2], &Limits::default()).unwrap_err();
        assert!(said.contains(why), "{said}");
    }

    #[test]
    fn each_assignment_has_exactly_one_outcome() {
        let both = vec![(2, done(vec![])), (1, done(vec![task()]))];
        let ids: Vec<u32> = checked(both, &[1, 2], &Limits::default()).unwrap().iter().map(|o| o.0).collect();
        assert_eq!(ids, [1, 2]);
        refused(vec![(1, done(vec![]))], "given [1, 2]");
        refused(vec![(1, done(vec![])), (1, done(vec![])), (2, done(vec![]))], "[1, 1, 2]");
        refused(vec![(1, done(vec![])), (3, done(vec![]))], "[1, 3]");
    }

    #[test]
    fn a_follow_up_one_over_a_limit_is_refused() {
        let with = |change: &dyn Fn(&mut Task)| {
            let mut t = task();
            change(&mut t);
            vec![(1, done(vec![t])), (2, done(vec![]))]
        };
        refused(with(&|t| t.payload = "x".repeat(PAYLOAD_BYTES_MAX + 1)), "limit payload");
        refused(with(&|t| t.ordering_key = "x".repeat(ORDERING_KEY_BYTES_MAX + 1)), "limit ordering-key");
        refused(with(&|t| t.dedupe_key = "x".repeat(DEDUPE_KEY_BYTES_MAX + 1)), "limit dedupe-key");
        refused(with(&|t| t.title = "x".repeat(TITLE_BYTES_MAX + 1)), "limit title");
        refused(with(&|t| t.kind = "Register".into()), "not in lower case");
        refused(with(&|t| t.ordering_key = format!("{INBOX}1")), "belongs to the host");
        let many = vec![task(); Limits::default().follow_ups + 1];
        refused(vec![(1, done(many)), (2, done(vec![]))], "limit follow-ups");
    }
}
