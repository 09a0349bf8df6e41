//! Who is in a session, as readings of its people have seen it: whoever is missing in a later one that was complete and stable was
//! taken out of it, which no webhook tells. One small entry a person, so that it can be forgotten.
//!
//! Promises: nobody counts as taken out because of pages that do not fit together; who was, and is back, is news again. Not here: what
//! becomes of it (`removed.rs`).

use crate::{
    domain::{
        attendance::Attendance,
        email::Email,
        registrant::{Registration, Role},
        session::SessionId,
    },
    host::{Entry, Instant, Subject, Task},
    plain::{from_text, to_text},
    task,
    text::digest,
    work::Work,
};
use std::collections::BTreeSet;

const PREFIX: &str = "roster/";
/// Follow-ups of a call are at most 1,000; who is left over is seen by the next reading.
const MISSING_MAX: usize = 500;

#[derive(Clone, Debug, PartialEq)]
struct Met {
    /// By what a reading tells them apart.
    mark: String,
    email: Email,
    person_id: Option<String>,
    registered_at: Option<Instant>,
    /// True: the last reading said so.
    has_attended: Option<bool>,
    /// They were missing then, and have not been seen since.
    removed_at: Option<Instant>,
}

plain!(Met { mark, email, person_id, registered_at, has_attended, removed_at });

fn key(email: &Email) -> String {
    format!("{PREFIX}{}", &digest([email.as_str()])[..16])
}

/// They are in the session. Since when they were taken for removed, where they were.
pub fn meet(work: &Work<'_>, registration: &Registration, attendance: &Attendance, mark: &str) -> Option<Instant> {
    let email = registration.email.as_ref()?;
    let key = key(email);
    let before: Option<Met> = work.host.get(&key).and_then(|text| from_text(&text).ok());
    let met = Met {
        mark: mark.into(),
        email: email.clone(),
        person_id: registration.person_id.clone(),
        registered_at: registration.registered_at,
        has_attended: attendance.attended.then_some(true),
        removed_at: None,
    };
    if before.as_ref() != Some(&met) {
        work.host.set(Entry { key, value: to_text(&met), subject: Some(Subject::person(email.as_str())) });
    }
    before?.removed_at
}

/// The reading was complete and stable, and these were in it: a task for each who was there before and is not any more.
pub fn missing(work: &Work<'_>, session: &SessionId, marks: &BTreeSet<String>) -> Vec<Task> {
    let now = work.now();
    let (mut tasks, mut after) = (Vec::new(), None::<String>);
    while tasks.len() < MISSING_MAX {
        let entries = work.host.scan(PREFIX, after.as_deref(), 1_000);
        let Some(last) = entries.last() else { break };
        after = Some(last.key.clone());
        for entry in entries {
            let Ok(met) = from_text::<Met>(&entry.value) else { continue };
            if met.removed_at.is_some() || marks.contains(&met.mark) || tasks.len() >= MISSING_MAX {
                continue;
            }
            let gone = Met { removed_at: Some(now), ..met };
            work.host.set(Entry { value: to_text(&gone), ..entry });
            let has_attended = gone.has_attended == Some(true);
            tasks.push(task::removed(registration(session, gone), has_attended, now));
        }
    }
    tasks
}

/// What is known of somebody who is not in the session any more.
fn registration(session: &SessionId, met: Met) -> Registration {
    Registration {
        session: session.clone(),
        event_id: None,
        event_title: None,
        person_id: met.person_id,
        email: Some(met.email),
        email_problem: None,
        email_as_typed: None,
        role: Some(Role::Participant),
        guest_speaker: None,
        registered_at: met.registered_at,
        received_at: met.removed_at.unwrap_or_default(),
        values: Default::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::state::says;

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_remembers_of_who_was_there_is_still_read() {
        let email = Email::parse("ana@example.org").unwrap();
        let met = Met {
            mark: "0123456789ab".into(),
            email: email.clone(),
            person_id: Some("P1".into()),
            registered_at: Some(1_644_845_990_000),
            has_attended: Some(true),
            removed_at: Some(1_645_547_400_000),
        };
        says("session/S1", &key(&email), &met);
    }
}
