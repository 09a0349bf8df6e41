//! Records of people. One address is one person, in whatever spelling; the registration made last says their name, their
//! status, their answers; all registrations stand in `registrations`.
//!
//! ```text
//! session/<id>          a session as listed, and when its people were last read
//! reg/<session>/<mark>  one registration, as shown
//! record/<digest>       one person: address, keys of the registrations, the pass in which any of them changed
//! ```
//!
//! Promises: people are read of sessions whose own row changed, and of those that are due, since attendance and replays
//! move no row of the session for sure; who vanished is gone only if a reading was whole. Not here: what is told of a
//! registration (`registration.rs`).

use super::{
    pass::{Pass, WEEK},
    reading::{self, End, List, mark, mark_of},
    records, registration, sessions,
};
use crate::{
    domain::email::Email,
    host::{DAY, Entry, Instant, Row, RowChange, Subject},
    json,
    livestorm::calls::SESSION_PEOPLE,
    plain::{Plain, from_text, to_text},
    stop::{Doing, Stop},
    task::ATTENDANCE_READY,
    text::digest,
    work::Work,
};
use serde_json::Value;
use std::collections::BTreeSet;

const SESSION: &str = "session/";
/// When a session's people are read again, from its end: whatever is late is there by then.
const READ_AGAIN: [u64; 3] = [ATTENDANCE_READY, DAY, WEEK];
/// Of one person: their keys fit one entry of the state and one look-up.
const REGISTRATIONS_MAX: usize = 500;

#[derive(Debug, PartialEq)]
struct Watched {
    /// Digest of its row.
    row: String,
    ended_at: Option<Instant>,
    /// Its row changed since its people were read.
    changed: bool,
    /// 0: never.
    read_at: Instant,
    /// Of its people, as last read.
    pages: u64,
    /// Deleted in Livestorm.
    gone: bool,
}

plain!(Watched { row, ended_at, changed, read_at, pages, gone });

impl Watched {
    fn is_due(&self, pass: &Pass, now: Instant) -> bool {
        let passed = |point: Instant| self.read_at < point && point <= now;
        let after_end = |at: Instant| READ_AGAIN.iter().any(|wait| passed(at + wait));
        self.gone
            || self.changed
            || (pass.all && self.read_at < pass.started)
            || passed(self.read_at + WEEK)
            || self.ended_at.is_some_and(after_end)
    }
}

/// A person, as remembered.
#[derive(Debug, PartialEq)]
struct Person {
    email: Email,
    /// `<session>/<mark>`; none: not in Livestorm any more.
    registrations: Vec<String>,
    changed_in: Instant,
}

plain!(Person { email, registrations, changed_in });

pub fn session_found(work: &Work<'_>, row: &Value) {
    let Some((session, record)) = sessions::read(work, row) else { return };
    let key = format!("{SESSION}{}", session.id);
    let known: Option<Watched> = work.host.get(&key).and_then(|text| from_text(&text).ok());
    let row = digest([json::text(&record).as_str()]);
    if known.as_ref().is_some_and(|known| known.row == row && !known.gone) {
        return;
    }
    let (read_at, pages) = known.map_or((0, 0), |known| (known.read_at, known.pages));
    keep(work, key, &Watched { row, ended_at: session.ended_at, changed: true, read_at, pages, gone: false });
}

/// `marks`: those of all sessions.
pub fn session_not_found(work: &Work<'_>, marks: &BTreeSet<String>) {
    for entry in records::unseen(work, SESSION, |id| marks.contains(&mark_of(id))) {
        if let Ok(watched) = from_text::<Watched>(&entry.value) {
            keep(work, entry.key, &Watched { gone: true, ..watched });
        }
    }
}

fn keep(work: &Work<'_>, key: String, watched: &Watched) {
    work.host.set(Entry { key, value: to_text(watched), subject: None });
}

/// The next page of people, or the end of the pass.
pub async fn step(work: &Work<'_>, pass: &mut Pass) -> Result<(), Stop> {
    let Some((id, mut watched)) = next_session(work, pass) else {
        pass.over = true;
        return Ok(());
    };
    let key = format!("{SESSION}{id}");
    if watched.gone {
        keep_only(work, pass, &id, &BTreeSet::new());
        work.host.delete(&key);
        pass.done_with(key);
        return Ok(());
    }
    let whom = format!("session {id}");
    let doing = Doing { what: "read who is in it", whom: &whom };
    let list = List { call: &SESSION_PEOPLE, ids: &[id.as_str()], filter: Vec::new() };
    let step = reading::step(work, &list, &doing).await?;
    found(work, pass, &id, &watched, &step.rows);
    match step.end {
        None => return Ok(()),
        Some(End::Whole(marks)) => keep_only(work, pass, &id, &marks),
        Some(End::Moving) => {
            let message = format!(
                "The people of session {id} changed while they were read. Who was seen is taken; who was removed shows with a \
                 later reading."
            );
            work.info("people-moving", &message, Some(Subject::session(&id)));
        }
        // Just deleted: the next list of all sessions shows it.
        Some(End::Unknown) => {}
    }
    watched.changed = false;
    watched.read_at = step.began_at;
    watched.pages = step.pages;
    keep(work, key.clone(), &watched);
    pass.done_with(key);
    Ok(())
}

/// The session being read, else the next one whose people are due.
fn next_session(work: &Work<'_>, pass: &mut Pass) -> Option<(String, Watched)> {
    let now = work.now();
    if let Some(id) = &pass.session
        && let Some(watched) = work.host.get(&format!("{SESSION}{id}")).and_then(|text| from_text(&text).ok())
    {
        return Some((id.clone(), watched));
    }
    let due = records::after(work, SESSION, &pass.after).find_map(|entry| {
        let watched: Watched = from_text(&entry.value).ok()?;
        watched.is_due(pass, now).then_some((entry.key, watched))
    });
    let (key, watched) = due?;
    let id = key.strip_prefix(SESSION).unwrap_or_default().to_string();
    pass.session = Some(id.clone());
    Some((id, watched))
}

fn registration_key(registration: &str) -> String {
    format!("reg/{registration}")
}

fn person_id(email: &Email) -> String {
    digest([email.as_str()])
}

fn found(work: &Work<'_>, pass: &mut Pass, session: &str, watched: &Watched, rows: &[Value]) {
    let ids: Vec<String> = rows.iter().map(|row| format!("{session}/{}", mark(row))).collect();
    let keys: Vec<String> = ids.iter().map(|id| registration_key(id)).collect();
    let known = work.host.get_many(&keys);
    for ((id, row), known) in ids.into_iter().zip(rows).zip(known) {
        match registration::remembered(work, session, watched.ended_at, row) {
            Ok(Some((email, registration))) => {
                let value = json::text(&registration);
                if known.as_ref() != Some(&value) {
                    if let Some(before) = known.as_deref().and_then(email_of).filter(|before| *before != email) {
                        change(work, pass, before, &id, false);
                    }
                    let subject = Some(Subject::person(email.as_str()));
                    work.host.set(Entry { key: registration_key(&id), value, subject });
                    change(work, pass, email, &id, true);
                }
            }
            Ok(None) => remove(work, pass, &id, known),
            // What was read of them before stays.
            Err(problem) => {
                let person = row.get("id").and_then(json::scalar).unwrap_or_default();
                let message =
                    format!("A row of session {session} cannot be read, and is left out of this pass: {problem}");
                work.warn("person-unreadable", &message, Some(Subject::person(&person)));
            }
        }
    }
}

/// `marks`: those of all people of the session.
fn keep_only(work: &Work<'_>, pass: &mut Pass, session: &str, marks: &BTreeSet<String>) {
    let prefix = registration_key(&format!("{session}/"));
    for entry in records::unseen(work, &prefix, |mark| marks.contains(mark)) {
        let id = entry.key.strip_prefix("reg/").unwrap_or_default();
        remove(work, pass, id, Some(entry.value));
    }
}

fn remove(work: &Work<'_>, pass: &mut Pass, id: &str, known: Option<String>) {
    if let Some(email) = known.as_deref().and_then(email_of) {
        change(work, pass, email, id, false);
        work.host.delete(&registration_key(id));
    }
}

fn email_of(registration: &str) -> Option<Email> {
    let registration = json::parse(registration.as_bytes()).ok()?;
    Email::read(registration.get("email")?).ok()
}

/// A registration of a person is new, another, or gone.
fn change(work: &Work<'_>, pass: &mut Pass, email: Email, registration: &str, is_there: bool) {
    let key = records::key(&person_id(&email));
    let known = work.host.get(&key).and_then(|text| from_text(&text).ok());
    let mut person = known.unwrap_or(Person { email, registrations: Vec::new(), changed_in: 0 });
    person.registrations.retain(|other| other != registration);
    if is_there {
        person.registrations.push(registration.into());
    }
    let subject = Some(Subject::person(person.email.as_str()));
    if person.registrations.len() > REGISTRATIONS_MAX {
        person.registrations.remove(0);
        let message = format!(
            "{} has more than {REGISTRATIONS_MAX} registrations; the one read first is not shown any more.",
            person.email
        );
        work.warn("person-cut", &message, subject.clone());
    }
    person.changed_in = pass.started;
    pass.changed_in = pass.started;
    work.host.set(Entry { key, value: to_text(&person), subject });
}

/// A person as told. `record`: as remembered.
pub fn row(work: &Work<'_>, record: &Value) -> Row {
    let registrations: Vec<String> =
        record.get("registrations").and_then(|list| Plain::read(list).ok()).unwrap_or_default();
    let keys: Vec<String> = registrations.iter().map(|id| registration_key(id)).collect();
    let known = work.host.get_many(&keys).into_iter().flatten();
    let email = record.get("email").cloned().unwrap_or_default();
    match registration::unified(known.filter_map(|text| json::parse(text.as_bytes()).ok()).collect()) {
        Some(value) => Row { change: RowChange::Upsert, value: json::text(&value) },
        None => records::deleted("email", email.as_str().unwrap_or_default()),
    }
}

/// Pages of people that are due, as many as there were when they were last read.
pub fn pages_due(work: &Work<'_>, pass: &Pass) -> u64 {
    let now = work.now();
    let sessions = records::after(work, SESSION, "").filter_map(|entry| from_text::<Watched>(&entry.value).ok());
    sessions.filter(|watched| watched.is_due(pass, now)).map(|watched| watched.pages.max(1)).sum()
}

/// Pages of people of so many sessions, by those on this page.
pub fn pages(body: &Value, sessions: u64) -> u64 {
    let rows = body.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let pages = |row: &Value| {
        let counts = row.get("attributes").and_then(|row| row.get("registrants_count"));
        counts.and_then(Value::as_u64).unwrap_or_default().div_ceil(50).max(1)
    };
    let here: u64 = rows.iter().map(pages).sum();
    (here * sessions).div_ceil((rows.len() as u64).max(1))
}
