//! Records of sessions: when, in which status, how many registered and came, how long it was.

use super::{
    pass::Pass,
    reading::mark_of,
    records,
    shape::{self, Field, Kind},
};
use crate::{
    domain::session::Session,
    host::Subject,
    json::{self, At},
    livestorm::resources,
    work::Work,
};
use serde_json::Value;
use std::collections::BTreeSet;

const FIELDS: [Field; 12] = [
    ("name", "name", Kind::Text),
    ("status", "status", Kind::Text),
    ("timezone", "timezone", Kind::Text),
    ("scheduled_at", "estimated_started_at", Kind::Time),
    ("started_at", "started_at", Kind::Time),
    ("ended_at", "ended_at", Kind::Time),
    ("canceled_at", "canceled_at", Kind::Time),
    ("duration", "duration", Kind::Count),
    ("registrants_count", "registrants_count", Kind::Count),
    ("attendees_count", "attendees_count", Kind::Count),
    ("created_at", "created_at", Kind::Time),
    ("updated_at", "updated_at", Kind::Time),
];

pub fn found(work: &Work<'_>, pass: &mut Pass, row: &Value) {
    if let Some((session, record)) = read(work, row) {
        records::put(work, pass, session.id.as_str(), record);
    }
}

/// `marks`: those of all sessions.
pub fn not_found(work: &Work<'_>, pass: &mut Pass, marks: &BTreeSet<String>) {
    for entry in records::unseen(work, records::PREFIX, |id| marks.contains(&mark_of(id))) {
        records::put(work, pass, entry.key.strip_prefix(records::PREFIX).unwrap_or_default(), Value::Null);
    }
}

/// A session and its record. A row that is none is left out, with a line.
pub fn read(work: &Work<'_>, row: &Value) -> Option<(Session, Value)> {
    let read = At::root(row).and_then(|row| Ok((resources::session(&row)?, row.object("attributes")?)));
    match read {
        Ok((session, attributes)) => {
            let record = record(&session, &attributes);
            Some((session, record))
        }
        Err(problem) => {
            let id = row.get("id").and_then(json::scalar).unwrap_or_default();
            let message =
                format!("A session of Livestorm is left out of this pass, since its row cannot be read: {problem}");
            work.warn("session-unreadable", &message, Some(Subject::session(&id)));
            None
        }
    }
}

fn record(session: &Session, row: &At<'_>) -> Value {
    let mut record = shape::fields(row, &FIELDS);
    record.insert("id".into(), session.id.as_str().into());
    record.insert("event_id".into(), session.event_id.clone().map_or(Value::Null, Value::from));
    Value::Object(record)
}
