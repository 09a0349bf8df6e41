//! Records of events. When an event takes place is said by its sessions: by the next one, else the last. The next is the
//! earliest that is upcoming or live (or, before the event is published, a draft); by its status and not by the clock, so
//! that a record changes only if Livestorm says something new.

use super::{
    pass::Pass,
    reading::mark_of,
    records, sessions,
    shape::{self, Field, Kind},
};
use crate::{
    domain::session::{SessionId, Status},
    host::{Entry, Instant},
    json::{self, At, Problem},
    livestorm::resources,
    plain::{from_text, to_text},
    work::Work,
};
use serde_json::Value;
use std::collections::BTreeSet;

const EVENT: &str = "event/";
const SESSION: &str = "session/";

const FIELDS: [Field; 8] = [
    ("title", "title", Kind::Text),
    ("slug", "slug", Kind::Text),
    ("status", "status", Kind::Text),
    ("scheduling_status", "scheduling_status", Kind::Text),
    ("estimated_duration", "estimated_duration", Kind::Count),
    ("published_at", "published_at", Kind::Time),
    ("created_at", "created_at", Kind::Time),
    ("updated_at", "updated_at", Kind::Time),
];

const SETTINGS: [Field; 11] = [
    ("registration_page_enabled", "registration_page_enabled", Kind::Flag),
    ("light_registration_page_enabled", "light_registration_page_enabled", Kind::Flag),
    ("detailed_registration_page_enabled", "detailed_registration_page_enabled", Kind::Flag),
    ("everyone_can_speak", "everyone_can_speak", Kind::Flag),
    ("recording_enabled", "recording_enabled", Kind::Flag),
    ("recording_public", "recording_public", Kind::Flag),
    ("show_in_company_page", "show_in_company_page", Kind::Flag),
    ("chat_enabled", "chat_enabled", Kind::Flag),
    ("polls_enabled", "polls_enabled", Kind::Flag),
    ("questions_enabled", "questions_enabled", Kind::Flag),
    ("language", "language", Kind::Text),
];

/// What an event takes from a session of its own.
#[derive(Clone, Debug, PartialEq)]
struct Slot {
    status: Status,
    at: Option<Instant>,
    timezone: Option<String>,
}

plain!(Slot { status, at, timezone });

pub fn found(work: &Work<'_>, pass: &mut Pass, row: &Value) {
    match read(row) {
        Ok((id, event)) => {
            let (key, value) = (format!("{EVENT}{id}"), json::text(&event));
            if work.host.get(&key).as_ref() != Some(&value) {
                work.host.set(Entry { key, value, subject: None });
                put_together(work, pass, &id);
            }
        }
        Err(problem) => {
            let message =
                format!("An event of Livestorm is left out of this pass, since its row cannot be read: {problem}");
            work.warn("event-unreadable", &message, None);
        }
    }
}

/// `marks`: those of all events.
pub fn not_found(work: &Work<'_>, pass: &mut Pass, marks: &BTreeSet<String>) {
    for entry in records::unseen(work, EVENT, |id| marks.contains(&mark_of(id))) {
        work.host.delete(&entry.key);
        records::put(work, pass, entry.key.strip_prefix(EVENT).unwrap_or_default(), Value::Null);
    }
}

pub fn session_found(work: &Work<'_>, pass: &mut Pass, row: &Value) {
    let Some((session, _)) = sessions::read(work, row) else { return };
    // Both stand in a key.
    let Some(event) = session.event_id.filter(|id| SessionId::parse(id).is_ok()) else { return };
    let timezone = row.get("attributes").and_then(|row| row.get("timezone")).and_then(json::scalar);
    let slot = Slot { status: session.status, at: session.estimated_started_at, timezone };
    let (key, value) = (format!("{SESSION}{event}/{}", session.id), to_text(&slot));
    if work.host.get(&key).as_ref() != Some(&value) {
        work.host.set(Entry { key, value, subject: None });
        put_together(work, pass, &event);
    }
}

/// `marks`: those of all sessions.
pub fn session_not_found(work: &Work<'_>, pass: &mut Pass, marks: &BTreeSet<String>) {
    for entry in records::unseen(work, SESSION, |id| marks.contains(&mark_of(id))) {
        work.host.delete(&entry.key);
        if let Some((event, _)) = entry.key.strip_prefix(SESSION).and_then(|ids| ids.split_once('/')) {
            put_together(work, pass, event);
        }
    }
}

/// The event, with what its sessions say. Without the event itself there is no record yet.
fn put_together(work: &Work<'_>, pass: &mut Pass, event: &str) {
    let Some(known) = work.host.get(&format!("{EVENT}{event}")) else { return };
    let prefix = format!("{SESSION}{event}/");
    let slots = records::after(work, &prefix, "").filter_map(|entry| from_text(&entry.value).ok());
    let slots: Vec<Slot> = slots.collect();
    let slot = next_or_last(&slots);
    let mut value = json::parse(known.as_bytes()).unwrap_or_default();
    if let Value::Object(event) = &mut value {
        event.insert("scheduled_at".into(), shape::time(slot.and_then(|slot| slot.at)));
        let timezone = slot.and_then(|slot| slot.timezone.clone());
        event.insert("timezone".into(), timezone.map_or(Value::Null, Value::from));
    }
    records::put(work, pass, event, value);
}

fn next_or_last(slots: &[Slot]) -> Option<&Slot> {
    let is_next =
        |slot: &&Slot| slot.at.is_some() && matches!(slot.status, Status::Upcoming | Status::Live | Status::Draft);
    // A canceled one counts only where there is no other.
    let last = |slot: &&Slot| (slot.status != Status::Canceled, slot.at);
    slots.iter().filter(is_next).min_by_key(|slot| slot.at).or_else(|| slots.iter().max_by_key(last))
}

fn read(row: &Value) -> Result<(String, Value), Problem> {
    let row = At::root(row)?;
    let id = resources::session_id(&row, "id").map_err(|problem| Problem { wanted: "an id", ..problem })?;
    let event = row.object("attributes")?;
    let mut record = shape::fields(&event, &FIELDS);
    record.insert("id".into(), id.as_str().into());
    record.insert("settings".into(), Value::Object(shape::fields(&event, &SETTINGS)));
    Ok((id.into(), Value::Object(record)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S0-18, S0-32.
    #[test]
    fn an_event_takes_place_with_its_next_session_else_with_its_last() {
        let slot = |status: &str, at: u64| Slot {
            status: status.to_string().into(),
            at: (at > 0).then_some(at),
            timezone: None,
        };
        let check = |slots: &[Slot], at: Option<u64>| {
            assert_eq!(next_or_last(slots).map(|slot| slot.at.unwrap_or_default()), at, "{slots:?}");
        };
        check(&[], None);
        check(&[slot("past", 1), slot("upcoming", 4), slot("upcoming", 3)], Some(3));
        check(&[slot("past", 1), slot("live", 2), slot("upcoming", 3)], Some(2));
        check(&[slot("past", 1), slot("past_not_started", 2), slot("canceled", 9)], Some(2));
        check(&[slot("canceled", 1), slot("canceled", 2)], Some(2));
        check(&[slot("draft", 5), slot("draft", 4)], Some(4));
        check(&[slot("on_demand", 0)], Some(0));
        check(&[slot("rehearsal", 7), slot("past", 1)], Some(7));
    }
}
