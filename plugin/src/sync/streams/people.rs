//! Records of people. One address is one person, in whatever spelling; the registration made last says their name, their
//! status, their answers; all registrations stand in `registrations`.
//!
//! ```text
//! session/<id>          a session as listed, and when its people were last read
//! reg/<session>/<mark>  one registration, as shown
//! record/<digest>       one person: address, keys of the registrations, the pass in which any of them changed
//! ```
//!
//! Promises: people are read of sessions whose own row changed, and of those that are due; attendance and replays move no
//! other row for sure. Who is left out of the destinations (RULES 14) is no record. Neither `password_key` nor
//! `connection_link` is taken, under any name (RULES 16).
//!
//! `registration_status` is one of three words, as of the last reading of that session:
//!
//! - `registered`: no more is known. The session lies ahead, is on, has no end (on demand), did not take place, or they
//!   registered after its end.
//! - `attended`: they were in the room while the session was on.
//! - `not_attended`: the session took place and they were not there: a no-show. Said ten minutes after the end at the
//!   earliest, when Livestorm's attendance is ready.
//!
//! `attendance` is what they did: in the room while it was on, and whether they watched the replay (of an on-demand
//! session: the session) afterwards.

use super::{
    pass::{Pass, WEEK},
    reading::{self, End, List, mark, mark_of},
    records, sessions,
    shape::{self, Field, Kind},
};
use crate::{
    domain::email::Email,
    flow::left_out,
    host::{DAY, Entry, Instant, Row, RowChange, Subject},
    json::{self, At, Problem},
    livestorm::{
        calls::SESSION_PEOPLE,
        resources::{self, Secrets},
    },
    mapping::source_path,
    plain::{Plain, from_text, to_text},
    stop::{Doing, Stop},
    task::ATTENDANCE_READY,
    text::{digest, fit},
    work::Work,
};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

const SESSION: &str = "session/";
/// When a session's people are read again, from its end: whatever is late is there by then.
const READ_AGAIN: [u64; 3] = [ATTENDANCE_READY, DAY, WEEK];
/// Of one person, so that what somebody types into forms never grows over what a page may hold: so many registrations are
/// remembered, and so many bytes of them told, the last ones.
const REGISTRATIONS_MAX: usize = 500;
const REGISTRATIONS_BYTES_MAX: usize = 1 << 20;
/// Answers of one registration, in all and each.
const ANSWERS_BYTES_MAX: usize = 16_000;
const ANSWER_BYTES_MAX: usize = 4_000;

const NAMES: [Field; 2] = [("first_name", "first_name", Kind::Text), ("last_name", "last_name", Kind::Text)];

/// What is told of a registration: nothing that is not named here, so that no secret is ever among it.
const DETAIL: [Field; 19] = [
    ("referrer", "referrer", Kind::Text),
    ("utm_source", "utm_source", Kind::Text),
    ("utm_medium", "utm_medium", Kind::Text),
    ("utm_term", "utm_term", Kind::Text),
    ("utm_content", "utm_content", Kind::Text),
    ("utm_campaign", "utm_campaign", Kind::Text),
    ("browser_name", "browser_name", Kind::Text),
    ("browser_version", "browser_version", Kind::Text),
    ("os_name", "os_name", Kind::Text),
    ("os_version", "os_version", Kind::Text),
    ("screen_width", "screen_width", Kind::Text),
    ("screen_height", "screen_height", Kind::Text),
    ("ip_city", "ip_city", Kind::Text),
    ("ip_country_code", "ip_country_code", Kind::Text),
    ("ip_country_name", "ip_country_name", Kind::Text),
    ("registration_type", "registration_type", Kind::Text),
    ("session_role", "session_role", Kind::Text),
    ("is_guest_speaker", "is_guest_speaker", Kind::Flag),
    ("updated_at", "updated_at", Kind::Time),
];

const IN_THE_ROOM: [Field; 3] = [
    ("attended", "attended", Kind::Is),
    ("rate", "attendance_rate", Kind::Number),
    ("duration", "attendance_duration", Kind::Count),
];

/// These stand beside the rest.
const SAID: [Field; 4] = [
    ("messages_count", "messages_count", Kind::Sum),
    ("questions_count", "questions_count", Kind::Sum),
    ("votes_count", "votes_count", Kind::Sum),
    ("up_votes_count", "up_votes_count", Kind::Sum),
];

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
        match shown(work, session, watched, row) {
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

/// One registration as remembered: address, names, and what stands in `registrations`. None: left out.
fn shown(work: &Work<'_>, session: &str, watched: &Watched, row: &Value) -> Result<Option<(Email, Value)>, Problem> {
    let row = At::root(row)?;
    let attributes = row.object("attributes")?;
    // The hosts are in every session: they are no news, and no line.
    if attributes.text_or_none("role").as_deref() == Some("team_member") {
        return Ok(None);
    }
    let registration = resources::registered(&row, work.now(), Secrets::default())?;
    if let Some(why) = left_out::why(&registration, &work.settings.left_out, None) {
        let message = format!("{} is no record of people: {}", registration.person(), why.reason);
        work.info(why.code, &message, Some(Subject::person(registration.person())));
        return Ok(None);
    }
    let Some(email) = registration.email else { return Ok(None) };
    let detail = attributes.object("registrant_detail")?;
    let mut attendance = Map::new();
    shape::put(&mut attendance, &detail, &IN_THE_ROOM);
    shape::put(&mut attendance, &attributes, &SAID);
    let attended = attendance.get("attended") == Some(&Value::Bool(true));
    let replay = resources::replay(&row);
    attendance.insert("replay_watched".into(), replay.is_some().into());
    attendance.insert("replay_watched_at".into(), shape::time(replay.and_then(|replay| replay.watched_at)));
    let mut details = Map::new();
    // What it says nothing of is left out.
    shape::put(&mut details, &detail, DETAIL.iter().filter(|(_, source, _)| detail.has(source)));
    let mut one = Map::new();
    for (name, value) in [
        ("session_id", session.into()),
        ("event_id", registration.event_id.map_or(Value::Null, Value::from)),
        ("created_at", shape::time(registration.registered_at)),
    ] {
        details.insert(name.into(), value.clone());
        one.insert(name.into(), value);
    }
    let status = status(work.now(), watched, registration.registered_at, attended);
    one.insert("registration_status".into(), status.into());
    one.insert("registrant_detail".into(), Value::Object(details));
    one.insert("attendance".into(), Value::Object(attendance));
    one.insert("custom_fields".into(), answers(work, &email, detail.get("fields")));
    let mut remembered = shape::fields(&attributes, &NAMES);
    remembered.insert("email".into(), email.as_str().into());
    remembered.insert("registration".into(), Value::Object(one));
    Ok(Some((email, Value::Object(remembered))))
}

fn status(now: Instant, watched: &Watched, registered_at: Option<Instant>, attended: bool) -> &'static str {
    match watched.ended_at {
        _ if attended => "attended",
        Some(ended_at) if now >= ended_at + ATTENDANCE_READY && registered_at.is_none_or(|at| at <= ended_at) => {
            "not_attended"
        }
        _ => "registered",
    }
}

/// The form's answers by the id of their question; address and names stand in fields of their own.
fn answers(work: &Work<'_>, email: &Email, fields: Option<&Value>) -> Value {
    let (mut answers, mut bytes_left) = (Map::new(), ANSWERS_BYTES_MAX);
    for field in fields.and_then(Value::as_array).into_iter().flatten() {
        let Some(id) = field.get("id").and_then(json::scalar) else { continue };
        if ["email", "first_name", "last_name"].contains(&id.as_str()) || source_path::field(&id).is_none() {
            continue;
        }
        let value = answer(field.get("value"));
        let bytes = id.len() + json::text(&value).len();
        if bytes > bytes_left {
            let message = format!("{email} gave more answers than a record holds; the rest of them is left out.");
            work.warn("answers-cut", &message, Some(Subject::person(email.as_str())));
            break;
        }
        bytes_left -= bytes;
        answers.insert(id, value);
    }
    Value::Object(answers)
}

/// A text, a number, a flag, or the list of what was chosen.
fn answer(value: Option<&Value>) -> Value {
    match value {
        Some(Value::String(text)) => fit(text, ANSWER_BYTES_MAX).into(),
        Some(Value::Array(choices)) => {
            let texts = choices.iter().filter_map(json::scalar);
            Value::Array(texts.map(|text| fit(&text, ANSWER_BYTES_MAX).into()).collect())
        }
        Some(value @ (Value::Bool(_) | Value::Number(_))) => value.clone(),
        _ => Value::Null,
    }
}

/// A person as told. `record`: as remembered.
pub fn row(work: &Work<'_>, record: &Value) -> Row {
    let registrations: Vec<String> =
        record.get("registrations").and_then(|list| Plain::read(list).ok()).unwrap_or_default();
    let keys: Vec<String> = registrations.iter().map(|id| registration_key(id)).collect();
    let known = work.host.get_many(&keys).into_iter().flatten();
    let email = record.get("email").cloned().unwrap_or_default();
    match unified(known.filter_map(|text| json::parse(text.as_bytes()).ok()).collect()) {
        Some(value) => Row { change: RowChange::Upsert, value: json::text(&value) },
        None => records::deleted("email", email.as_str().unwrap_or_default()),
    }
}

/// Several registrations of one address as one person. The last one wins; a name that it does not say, the one before it.
fn unified(registrations: Vec<Value>) -> Option<Value> {
    let of = |one: &Value, name: &str| {
        one.get("registration").and_then(|shown| shown.get(name)).cloned().unwrap_or_default()
    };
    // A map is sorted by its keys.
    let order = |one: &Value| {
        let text = |name| of(one, name).as_str().unwrap_or_default().to_string();
        format!("{} {} {}", text("created_at"), text("session_id"), json::text(one))
    };
    let mut sorted = Map::new();
    for one in registrations {
        sorted.insert(order(&one), one);
    }
    let mut bytes = 0;
    let last_ones = sorted.iter().rev().take_while(|(order, _)| {
        bytes += order.len();
        bytes <= REGISTRATIONS_BYTES_MAX
    });
    let registrations: Vec<&Value> = last_ones.map(|(_, one)| one).collect();
    let last = registrations.first()?;
    let mut person = Map::new();
    for name in ["email", "first_name", "last_name"] {
        let mut said = registrations.iter().filter_map(|one| one.get(name));
        person.insert(name.into(), said.find(|name| !name.is_null()).cloned().unwrap_or_default());
    }
    for name in ["registration_status", "registrant_detail", "attendance", "custom_fields", "created_at"] {
        person.insert(name.into(), of(last, name));
    }
    let all = registrations.iter().rev().filter_map(|one| one.get("registration").cloned());
    person.insert("registrations".into(), all.collect());
    Some(Value::Object(person))
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
