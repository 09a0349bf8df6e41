//! One registration as it is remembered, and all of a person as one record.
//!
//! Promises: only what is named here is taken, so neither `password_key` nor `connection_link` ever is (RULES 16), be it as
//! the answer to a question of that name. Who is left out of the destinations (RULES 14) is no record.
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

use super::shape::{self, Field, Kind};
use crate::{
    domain::email::Email,
    flow::left_out,
    host::{Instant, Subject},
    json::{self, At, Problem},
    livestorm::resources::{self, Secrets},
    mapping::source_path,
    task::ATTENDANCE_READY,
    text::fit,
    work::Work,
};
use serde_json::{Map, Value};

/// What somebody types into forms never grows over what a page may hold: the answers of one registration, in all and each,
/// and what is told of a person, the last of it.
const ANSWERS_BYTES_MAX: usize = 16_000;
const ANSWER_BYTES_MAX: usize = 4_000;
const REGISTRATIONS_BYTES_MAX: usize = 1 << 20;

const NAMES: [Field; 2] = [("first_name", "first_name", Kind::Text), ("last_name", "last_name", Kind::Text)];

/// Where they came from and with what.
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

/// One registration as remembered: address, names, and what stands in `registrations`. None: left out.
pub fn remembered(
    work: &Work<'_>,
    session: &str,
    ended_at: Option<Instant>,
    row: &Value,
) -> Result<Option<(Email, Value)>, Problem> {
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
    let status = status(work.now(), ended_at, registration.registered_at, attended);
    one.insert("registration_status".into(), status.into());
    one.insert("registrant_detail".into(), Value::Object(details));
    one.insert("attendance".into(), Value::Object(attendance));
    one.insert("custom_fields".into(), answers(work, &email, detail.get("fields")));
    let mut remembered = shape::fields(&attributes, &NAMES);
    remembered.insert("email".into(), email.as_str().into());
    remembered.insert("registration".into(), Value::Object(one));
    Ok(Some((email, Value::Object(remembered))))
}

fn status(now: Instant, ended_at: Option<Instant>, registered_at: Option<Instant>, attended: bool) -> &'static str {
    match ended_at {
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

/// Several registrations of one address as one person. The last one wins; a name that it does not say, the one before it.
pub fn unified(registrations: Vec<Value>) -> Option<Value> {
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
