//! Whole stories against the pure connector: a small queue that keeps the contract's promises, a small world behind the
//! three APIs, and time that tests move. What runs here in milliseconds is proved again with the component and the real host
//! in `tests/`.

mod corners;
mod ends;
mod faults;
mod form_faults;
mod form_world;
mod forms;
mod livestorm;
mod past;
mod past_in_salesforce;
mod queue;
mod reconciled;
mod registrations;
mod removed;
mod removed_member;
mod resynced;
mod sessions;
pub mod state;
mod webhooks;
mod world;

use queue::Story;
use serde_json::{Value, json};

/// 2026-11-22T15:00:00Z, an hour before the stories' sessions are made.
const START: u64 = 1_795_359_600_000;

fn session_created(id: &str, starts_at: u64) -> Value {
    json!({"data": {"id": id, "type": "sessions", "attributes": session_attributes(starts_at),
        "meta": {"webhook": {"id": "W1", "event": "session.created"}}}})
}

fn session_attributes(starts_at: u64) -> Value {
    json!({"event_id": "E1", "status": "upcoming", "timezone": "Europe/Paris", "estimated_started_at": starts_at / 1_000,
        "started_at": 0, "ended_at": 0, "canceled_at": 0, "created_at": START / 1_000 + 1, "updated_at": START / 1_000 + 1,
        "duration": null, "breakout_room_parent_session_id": null})
}

fn registered(session: &str, email: &str, at: u64, company: &str) -> Value {
    json!({"data": {"id": format!("P-{email}"), "type": "people", "attributes": {"role": "participant", "email": email,
            "first_name": "Ana", "last_name": "Lund", "registrant_detail": {"event_id": "E1", "session_id": session,
                "created_at": at / 1_000, "fields": [{"id": "company", "value": company}]}},
        "meta": {"webhook": {"id": "W2", "event": "people.registered", "organization_id": "O1"}}}})
}

fn legacy(session: &str, email: &str) -> Value {
    json!({"attendee": {"identify": format!("L-{email}"), "email": email, "first_name": "Ana", "last_name": "Lund",
            "created_at": "2021-03-12T09:26:43.700Z", "fields": {"company": "Example"}},
        "webinar": {"identify": "E1", "title": "Product demo", "created_at": "2021-05-18T08:43:25.304Z",
            "room_link": format!("https://app.livestorm.co/p/E1/live?s={session}")}})
}

/// A story in which session S1 is linked.
fn with_linked_session() -> Story {
    let mut story = Story::new();
    story.deliver(&session_created("S1", START + 86_400_000));
    story.settle();
    assert_eq!(story.dead_letters(), Vec::<String>::new());
    story
}
