//! Who is in a session, as readings of its people have seen it: whoever is missing in a later one that was complete and stable was
//! taken out of it, which no webhook tells. One small entry a person, so that it can be forgotten.
//!
//! Promises: nobody counts as taken out because of pages that do not fit together, nor because of a reading that began before they were
//! met; who was, and is back, is news again. Not here: what becomes of it (`removed.rs`).

use crate::{
    domain::{
        attendance::Attendance,
        email::Email,
        registrant::{Registration, Role},
        session::SessionId,
    },
    host::{Entry, Instant, Subject, Task},
    plain::{from_text, to_text},
    task::{self, Reading},
    text::digest,
    work::Work,
};
use std::collections::BTreeSet;

pub const PREFIX: &str = "roster/";

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
    /// Since when they are seen like this. None: an earlier version saw them.
    met_at: Option<Instant>,
}

plain!(Met { mark, email, person_id, registered_at, has_attended, removed_at, met_at });

fn key(email: &Email) -> String {
    format!("{PREFIX}{}", &digest([email.as_str()])[..16])
}

/// They are in the session. Since when they were taken for removed, where they were.
pub fn meet(work: &Work<'_>, registration: &Registration, attendance: &Attendance, mark: &str) -> Option<Instant> {
    let email = registration.email.as_ref()?;
    let key = key(email);
    let before: Option<Met> = work.host.get(&key).and_then(|text| from_text(&text).ok());
    let mut met = Met {
        mark: mark.into(),
        email: email.clone(),
        person_id: registration.person_id.clone(),
        registered_at: registration.registered_at,
        has_attended: attendance.attended.then_some(true),
        removed_at: None,
        met_at: before.as_ref().and_then(|before| before.met_at),
    };
    if before.as_ref() != Some(&met) {
        met.met_at = Some(work.now());
        work.host.set(Entry { key, value: to_text(&met), subject: Some(Subject::person(email.as_str())) });
    }
    before?.removed_at
}

/// A reading that began then was complete and stable, and these were in it: the keys of those who were there before and are not any more.
pub fn missing(work: &Work<'_>, began_at: Instant, marks: &BTreeSet<String>) -> Vec<String> {
    let is_gone = |met: &Met| {
        met.removed_at.is_none() && met.met_at.is_none_or(|met_at| met_at < began_at) && !marks.contains(&met.mark)
    };
    let (mut keys, mut after) = (Vec::new(), None::<String>);
    loop {
        let entries = work.host.scan(PREFIX, after.as_deref(), 1_000);
        let Some(last) = entries.last() else { return keys };
        after = Some(last.key.clone());
        let gone = |entry: &Entry| from_text(&entry.value).is_ok_and(|met| is_gone(&met));
        keys.extend(entries.into_iter().filter(gone).map(|entry| entry.key));
    }
}

/// Who stands under the key was taken out of the session: a task, once.
pub fn gone(work: &Work<'_>, reading: &Reading, key: &str) -> Option<Task> {
    let met: Met = from_text(&work.host.get(key)?).ok()?;
    if met.removed_at.is_some() {
        return None;
    }
    let now = work.now();
    let gone = Met { removed_at: Some(now), ..met };
    if reading.is_last() {
        work.host.delete(key);
    } else {
        let subject = Some(Subject::person(gone.email.as_str()));
        work.host.set(Entry { key: key.into(), value: to_text(&gone), subject });
    }
    let has_attended = gone.has_attended == Some(true);
    Some(task::removed(registration(&reading.session, gone), has_attended, now))
}

/// Nobody needs these entries any more, but for those that are kept. False: there are more than so many scans show.
pub fn forget(work: &Work<'_>, prefix: &str, scans: usize, is_kept: impl Fn(&str) -> bool) -> bool {
    let mut after = None::<String>;
    for _ in 0..scans {
        let entries = work.host.scan(prefix, after.as_deref(), 1_000);
        let Some(last) = entries.last() else { return true };
        after = Some(last.key.clone());
        entries.iter().filter(|entry| !is_kept(&entry.key)).for_each(|entry| work.host.delete(&entry.key));
    }
    false
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
            met_at: None,
        };
        says("session/S1", &key(&email), &met);
    }
}
