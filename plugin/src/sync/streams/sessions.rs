//! Records of sessions: when, in which status, how many registered and came, how long it was.

use super::{pass::Pass, reading::mark_of, records, shape};
use crate::{
    domain::session::Session,
    host::Subject,
    json::{self, At, object},
    livestorm::resources,
    work::Work,
};
use serde_json::Value;
use std::collections::BTreeSet;

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
    object(vec![
        ("id", session.id.as_str().into()),
        ("event_id", session.event_id.clone().map_or(Value::Null, Value::from)),
        ("name", shape::text(row, "name")),
        ("status", String::from(session.status.clone()).into()),
        ("timezone", shape::text(row, "timezone")),
        ("scheduled_at", shape::time(session.estimated_started_at)),
        ("started_at", shape::time_of(row, "started_at")),
        ("ended_at", shape::time(session.ended_at)),
        ("canceled_at", shape::time_of(row, "canceled_at")),
        ("duration", shape::count(row, "duration")),
        ("registrants_count", shape::count(row, "registrants_count")),
        ("attendees_count", shape::count(row, "attendees_count")),
        ("created_at", shape::time(session.created_at)),
        ("updated_at", shape::time_of(row, "updated_at")),
    ])
}
