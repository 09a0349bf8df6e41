//! Sessions made, changed and deleted by the API.

use super::*;
use crate::simulators::unknowns::{DeleteRegisteredSession, SessionEventField, UnsetTimes};

#[test]
fn a_session_is_made_with_who_takes_part() {
    let (simulators, _) = started();
    let (event, _, ana) = ana_registered(&simulators);
    let owner = simulators.world().livestorm.owner().id.clone();
    let body = json!({ "data": {
        "type": "sessions",
        "attributes": { "name": "Second", "estimated_started_at": "2026-11-30T15:00:00Z", "timezone": "Europe/Lisbon" },
        "relationships": { "people": [
            { "data": { "type": "people", "id": owner, "role": "team_member" } },
            { "data": { "type": "people", "id": ana, "role": "participant" } },
        ] },
    } });
    let (status, made) = send(&simulators, "POST", &format!("/v1/events/{event}/sessions"), &body.to_string());
    assert_eq!(status, 201, "{made}");
    let rows = [
        ("/data/type", json!("sessions")),
        ("/data/attributes/event_id", json!(event)),
        ("/data/attributes/name", json!("Second")),
        ("/data/attributes/timezone", json!("Europe/Lisbon")),
        ("/data/attributes/status", json!("upcoming")),
        ("/data/attributes/estimated_started_at", json!(1_796_050_800)),
        ("/data/attributes/registrants_count", json!(2)),
        ("/data/attributes/started_at", json!(0)),
    ];
    for (pointer, value) in rows {
        assert_eq!(made.pointer(pointer), Some(&value), "{pointer}");
    }
    let id = made["data"]["id"].as_str().unwrap();
    let (_, people) = get(&simulators, &format!("/v1/sessions/{id}/people?filter[role]=participant"));
    assert_eq!(people["data"][0]["id"], json!(ana));
    assert_eq!(people["data"][0]["attributes"]["first_name"], "Ana", "known from elsewhere");
    let (status, bare) = send(&simulators, "POST", &format!("/v1/events/{event}/sessions"), r#"{"data":{}}"#);
    assert_eq!((status, &bare["data"]["attributes"]["estimated_started_at"]), (201, &json!(0)));
}

#[test]
fn what_is_wrong_with_a_session_is_refused_and_nothing_is_made() {
    let (simulators, _) = started();
    let (event, session, ana) = ana_registered(&simulators);
    let before = simulators.world().livestorm.sessions.len();
    let rows = [
        (json!({ "attributes": { "estimated_started_at": "soon" } }), 422),
        (json!({ "attributes": { "estimated_started_at": 1_796_050_800 } }), 422),
        (json!({ "attributes": { "timezone": "+01:00" } }), 422),
        (json!({ "attributes": { "timezone": "" } }), 422),
        (json!({ "attributes": { "name": 1 } }), 422),
        (json!({ "type": "people" }), 400),
        (json!({ "attributes": "x" }), 400),
        (json!({ "relationships": { "people": { "id": "x" } } }), 400),
        (json!({ "relationships": { "people": [{ "data": { "id": ana, "role": "boss" } }] } }), 422),
        (json!({ "relationships": { "people": [{ "data": { "id": "nobody", "role": "participant" } }] } }), 422),
        (json!({ "relationships": { "people": [7] } }), 422),
    ];
    for (data, status) in rows {
        let body = json!({ "data": data }).to_string();
        assert_eq!(send(&simulators, "POST", &format!("/v1/events/{event}/sessions"), &body).0, status, "{body}");
    }
    assert_eq!(send(&simulators, "POST", "/v1/events/none/sessions", r#"{"data":{}}"#).0, 404);
    assert_eq!(simulators.world().livestorm.sessions.len(), before);
    let path = format!("/v1/sessions/{session}");
    let (_, was) = get(&simulators, &path);
    let wrong = json!({ "name": "Other", "timezone": 3 });
    assert_eq!(write(&simulators, "PATCH", &path, "sessions", wrong).0, 422);
    assert_eq!(get(&simulators, &path).1, was, "half a change is none");
}

#[test]
fn a_session_is_changed_by_what_is_named() {
    let (simulators, clock) = started();
    let (_, session, _) = ana_registered(&simulators);
    let path = format!("/v1/sessions/{session}");
    wait(&clock, 60);
    let (_, mut expected) = get(&simulators, &path);
    let change = json!({ "name": "Moved", "estimated_started_at": "2026-12-01 09:00:00", "status": "past", "embed_url": "https://x.example" });
    let (status, changed) = write(&simulators, "PATCH", &path, "sessions", change);
    expected["data"]["attributes"]["name"] = json!("Moved");
    expected["data"]["attributes"]["estimated_started_at"] = json!(1_796_115_600);
    expected["data"]["attributes"]["updated_at"] = json!(simulators.world().now().seconds());
    assert_eq!((status, &changed), (200, &expected), "a status cannot be written");
    simulators.world().options.unknowns.livestorm.embed_url_shown = true;
    assert_eq!(get(&simulators, &path).1["data"]["attributes"]["embed_url"], "https://x.example");
    let (_, unset) =
        write(&simulators, "PATCH", &path, "sessions", json!({ "name": null, "estimated_started_at": null }));
    assert_eq!(unset["data"]["attributes"]["name"], json!(null));
    assert_eq!(unset["data"]["attributes"]["estimated_started_at"], 0);
    assert_eq!(write(&simulators, "PATCH", "/v1/sessions/none", "sessions", json!({})).0, 404);
}

/// The application deletes no session that has registrants; what the API does is not said.
#[test]
fn a_session_is_deleted_and_whether_its_registrants_keep_it_is_a_switch() {
    let (simulators, _) = started();
    let (event, session, _) = ana_registered(&simulators);
    let empty = simulators.world().livestorm.create_session(&event, NewSession::default());
    let delete = |id: &str| send(&simulators, "DELETE", &format!("/v1/sessions/{id}"), "").0;
    assert_eq!((delete(&empty), delete(&empty)), (204, 404), "its owner is no registrant");
    assert_eq!(delete(&session), 422);
    assert_eq!(get(&simulators, &format!("/v1/sessions/{session}")).0, 200);
    simulators.world().options.unknowns.livestorm.delete_registered_session = DeleteRegisteredSession::Delete;
    assert_eq!((delete(&session), get(&simulators, &format!("/v1/sessions/{session}/people")).0), (204, 404));
    assert_eq!(get(&simulators, &format!("/v1/events/{event}")).1["data"]["attributes"]["sessions_count"], 0);
}

/// Attendance is told minutes after the end, to a writer as to a reader.
#[test]
fn a_change_soon_after_the_end_does_not_tell_who_was_there() {
    let (simulators, clock) = started();
    let (session, ana, _) = session_over(&simulators, &clock);
    let path = format!("/v1/sessions/{session}");
    let counted = |change: Value| {
        write(&simulators, "PATCH", &path, "sessions", change).1["data"]["attributes"]["attendees_count"].clone()
    };
    assert_eq!(counted(json!({ "name": "x" })), 0);
    simulators.world().options.unknowns.livestorm.delete_registered_session = DeleteRegisteredSession::Delete;
    wait(&clock, 300);
    assert_eq!(counted(json!({ "name": "y" })), 1);
    assert_eq!(send(&simulators, "DELETE", &path, "").0, 204);
    assert_eq!(get(&simulators, &format!("{path}/people/{ana}")).0, 404);
}

/// Deleted at once, whatever is yet to be told of its people.
#[test]
fn a_session_deleted_soon_after_its_end_is_gone_with_its_people() {
    let (simulators, clock) = started();
    let (session, ana, _) = session_over(&simulators, &clock);
    simulators.world().options.unknowns.livestorm.delete_registered_session = DeleteRegisteredSession::Delete;
    let path = format!("/v1/sessions/{session}");
    assert_eq!(send(&simulators, "DELETE", &path, "").0, 204);
    for path in [format!("{path}/people/{ana}"), format!("{path}/people"), format!("/v1/people/{ana}")] {
        assert_eq!(get(&simulators, &path).0, 404, "{path}");
    }
}

/// Samples say 0 and `event_id`, schemas null and `event_type_id`.
#[test]
fn switches_decide_how_an_unset_time_and_the_event_of_a_session_are_written() {
    let (simulators, _) = started();
    let (event, session, _) = ana_registered(&simulators);
    let mut world = simulators.world();
    world.options.unknowns.livestorm.unset_times = UnsetTimes::Null;
    world.options.unknowns.livestorm.session_event_field = SessionEventField::EventTypeId;
    let draft = world.livestorm.create_event(NewEvent::default());
    drop(world);
    let (_, read) = get(&simulators, &format!("/v1/sessions/{session}"));
    let attributes = &read["data"]["attributes"];
    assert_eq!((attributes.get("event_id"), &attributes["event_type_id"]), (None, &json!(event)));
    for name in ["started_at", "ended_at", "canceled_at"] {
        assert_eq!(attributes.get(name), Some(&Value::Null), "{name}");
    }
    assert_ne!(attributes["estimated_started_at"], json!(null));
    let (_, draft) = get(&simulators, &format!("/v1/events/{draft}"));
    assert_eq!(draft["data"]["attributes"].get("published_at"), Some(&Value::Null));
}
