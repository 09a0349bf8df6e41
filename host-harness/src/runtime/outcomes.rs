//! Is what `handle` or `admit` answered an answer by the contract? Pure. What is not counts as a trap, in words.

use super::limits::Limits;
use crate::effect::Outcome;

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
    for (_, outcome) in &sorted {
        if let Outcome::Done(done) = outcome {
            limit("follow-ups", done.follow_ups.len(), limits.follow_ups)?;
            // One that cannot be a task is kept by the engine as a dead letter; it takes no other along.
            for task in &done.follow_ups {
                bytes += task.payload.len() + task.title.len() + task.ordering_key.len() + task.dedupe_key.len();
            }
        }
    }
    limit("outcome-bytes", bytes, limits.outcome_bytes)?;
    Ok(sorted)
}

pub(super) fn limit(name: &str, used: usize, allowed: usize) -> Result<(), String> {
    if used > allowed { Err(format!("limit {name}: {used} wanted, {allowed} allowed")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::{Completion, Lane, Task};

    fn done(follow_ups: Vec<Task>) -> Outcome {
        Outcome::Done(Completion { follow_ups, ..Completion::default() })
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
    fn one_follow_up_too_many_and_one_byte_too_many_are_refused() {
        let limits = Limits::default();
        let many = vec![task(); limits.follow_ups + 1];
        refused(vec![(1, done(many)), (2, done(vec![]))], "limit follow-ups: 1001 wanted, 1000 allowed");
        let large = Task { payload: "x".repeat(limits.outcome_bytes), ..task() };
        refused(vec![(1, done(vec![large])), (2, done(vec![]))], "limit outcome-bytes");
    }
}
