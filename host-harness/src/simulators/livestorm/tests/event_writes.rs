//! Events made, changed, tagged and deleted by the API.

use super::*;
use crate::simulators::unknowns::{PutOmitted, TagStatus};

fn counts(simulators: &Simulators) -> (usize, usize) {
    let world = simulators.world();
    (world.livestorm.events.all().count(), world.livestorm.sessions.all().count())
}

#[test]
fn an_event_is_made_with_its_sessions_which_are_answered_with_it() {
    let (simulators, _) = started();
    let body = json!({ "data": {
        "type": "events",
        "attributes": {
            "title": "New Demo", "status": "published", "description": "<p>Hi</p>",
            "everyone_can_speak": true, "recording_public": false, "copy_from_event_id": "",
        },
        "relationships": { "sessions": [
            { "type": "sessions", "attributes": { "estimated_started_at": "2026-11-28 10:30:00", "timezone": "America/New_York" } },
        ] },
    } });
    let (status, made) = send(&simulators, "POST", "/v1/events", &body.to_string());
    let rows = [
        ("/data/type", json!("events")),
        ("/data/attributes/title", json!("New Demo")),
        ("/data/attributes/slug", json!("new-demo")),
        ("/data/attributes/status", json!("published")),
        ("/data/attributes/scheduling_status", json!("upcoming")),
        ("/data/attributes/description", json!("<p>Hi</p>")),
        ("/data/attributes/everyone_can_speak", json!(true)),
        ("/data/attributes/recording_public", json!(false)),
        ("/data/attributes/chat_enabled", json!(true)),
        ("/data/attributes/sessions_count", json!(1)),
        ("/included/0/attributes/timezone", json!("America/New_York")),
        ("/included/0/attributes/estimated_started_at", json!(1_795_861_800)),
        ("/included/0/attributes/registrants_count", json!(1)),
    ];
    assert_eq!(status, 201, "{made}");
    for (pointer, value) in rows {
        assert_eq!(made.pointer(pointer), Some(&value), "{pointer}");
    }
    assert_eq!(made["data"]["relationships"]["sessions"]["data"][0]["id"], made["included"][0]["id"]);
    let id = made["data"]["id"].as_str().unwrap();
    assert_eq!(get(&simulators, &format!("/v1/events/{id}?include=sessions")).1, made, "reading tells the same");
    for (sessions, count) in [(json!({ "data": [{ "type": "sessions" }, {}] }), 2), (json!([]), 0), (json!(null), 0)] {
        let body = json!({ "data": { "attributes": { "title": "x" }, "relationships": { "sessions": sessions } } });
        let (status, made) = send(&simulators, "POST", "/v1/events", &body.to_string());
        assert_eq!((status, &made["data"]["attributes"]["sessions_count"]), (201, &json!(count)), "{body}");
    }
    let (status, draft) = write(&simulators, "POST", "/v1/events", "events", json!({ "title": "Plain" }));
    assert_eq!((status, &draft["data"]["attributes"]["status"]), (201, &json!("draft")));
    assert_eq!((draft.get("included"), draft["data"].get("relationships")), (None, None));
}

#[test]
fn a_copy_has_all_of_the_first_but_its_sessions_and_its_date_of_publication() {
    let (simulators, _) = started();
    let (event, ..) = ana_registered(&simulators);
    simulators.world().livestorm.set_event_flag(&event, "polls_enabled", Some(false));
    let wish = json!({ "copy_from_event_id": event, "slug": "again", "chat_enabled": false });
    let (status, copy) = write(&simulators, "POST", "/v1/events", "events", wish);
    let (_, first) = get(&simulators, &format!("/v1/events/{event}"));
    assert_eq!(status, 201);
    let (copy, first) = (&copy["data"]["attributes"], &first["data"]["attributes"]);
    for same in ["title", "description", "language", "estimated_duration", "fields", "polls_enabled", "owner"] {
        assert_eq!(copy[same], first[same], "{same}");
    }
    for (name, value) in
        [("slug", json!("again")), ("status", json!("draft")), ("published_at", json!(0)), ("sessions_count", json!(0))]
    {
        assert_eq!(copy[name], value, "{name}");
    }
    assert_eq!(copy["chat_enabled"], false, "what is said goes before what is copied");
}

#[test]
fn what_is_wrong_with_an_event_is_refused_and_nothing_is_made() {
    let (simulators, _) = started();
    let (event, ..) = ana_registered(&simulators);
    let before = counts(&simulators);
    let rows = [
        ("", 400),
        ("nonsense", 400),
        ("[]", 400),
        ("null", 400),
        ("{}", 400),
        (r#"{"data":[]}"#, 400),
        (r#"{"data":{"type":"sessions","attributes":{"title":"x"}}}"#, 400),
        (r#"{"data":{"type":"events","attributes":[]}}"#, 400),
        (r#"{"data":{"type":"events","attributes":{}}}"#, 422),
        (r#"{"data":{"type":"events"}}"#, 422),
        (r#"{"data":{"type":"events","attributes":{"title":""}}}"#, 422),
        (r#"{"data":{"type":"events","attributes":{"title":null}}}"#, 422),
        (r#"{"data":{"type":"events","attributes":{"title":7}}}"#, 422),
        (r#"{"data":{"type":"events","attributes":{"title":"x","slug":{}}}}"#, 422),
        (r#"{"data":{"type":"events","attributes":{"title":"x","status":"live"}}}"#, 422),
        (r#"{"data":{"type":"events","attributes":{"title":"x","chat_enabled":"yes"}}}"#, 422),
        (r#"{"data":{"type":"events","attributes":{"title":"x","owner_id":"nobody"}}}"#, 422),
        (r#"{"data":{"type":"events","attributes":{"title":"x","copy_from_event_id":"none"}}}"#, 422),
        (r#"{"data":{"type":"events","attributes":{"title":"x"},"relationships":{"sessions":"x"}}}"#, 400),
        (r#"{"data":{"type":"events","attributes":{"title":"x"},"relationships":{"sessions":[7]}}}"#, 400),
        (
            r#"{"data":{"type":"events","attributes":{"title":"x"},"relationships":{"sessions":[{"type":"sessions",
            "attributes":{"estimated_started_at":"soon"}}]}}}"#,
            422,
        ),
    ];
    for (body, status) in rows {
        assert_eq!(send(&simulators, "POST", "/v1/events", body).0, status, "{body}");
    }
    assert_eq!(counts(&simulators), before);
    let (_, was) = get(&simulators, &format!("/v1/events/{event}"));
    let wrong = json!({ "title": "Other", "chat_enabled": 1 });
    assert_eq!(write(&simulators, "PATCH", &format!("/v1/events/{event}"), "events", wrong).0, 422);
    assert_eq!(write(&simulators, "PATCH", &format!("/v1/events/{event}"), "events", json!({ "title": " " })).0, 422);
    assert_eq!(get(&simulators, &format!("/v1/events/{event}")).1, was, "half a change is none");
    simulators.world().options.unknowns.livestorm.wrong_attribute_status = 400;
    assert_eq!(write(&simulators, "POST", "/v1/events", "events", json!({ "title": 7 })).0, 400);
}

#[test]
fn an_event_is_changed_by_what_is_named_and_published_and_taken_back() {
    let (simulators, clock) = started();
    let (event, ..) = ana_registered(&simulators);
    let omar = NewTeamMember {
        email: "omar@livestorm-customer.example".into(),
        first_name: "Omar".into(),
        last_name: "Host".into(),
        role: TeamRole::Host,
        pending_invite: false,
    };
    let omar = simulators.world().livestorm.add_team_member(omar);
    wait(&clock, 60);
    let path = format!("/v1/events/{event}");
    let (_, mut expected) = get(&simulators, &path);
    let change = json!({ "title": "Renamed", "description": null, "questions_enabled": false, "owner_id": omar, "status": "draft",
        "registration_page_enabled": false, "nonsense": 1 });
    let (status, changed) = write(&simulators, "PATCH", &path, "events", change);
    assert_eq!(status, 200);
    assert_eq!(changed["data"]["attributes"]["owner"]["id"], json!(omar));
    let now = simulators.world().now().seconds();
    for (name, value) in [
        ("title", json!("Renamed")),
        ("questions_enabled", json!(false)),
        ("status", json!("draft")),
        ("scheduling_status", json!("draft")),
        ("published_at", json!(0)),
        ("updated_at", json!(now)),
        ("owner", changed["data"]["attributes"]["owner"].clone()),
    ] {
        expected["data"]["attributes"][name] = value;
    }
    assert_eq!(changed, expected, "what is not named, and what cannot be written, stays");
    let (_, published) = write(&simulators, "PATCH", &path, "events", json!({ "status": "published" }));
    assert_eq!(published["data"]["attributes"]["published_at"], json!(now));
    wait(&clock, 60);
    let (_, again) = write(&simulators, "PATCH", &path, "events", json!({ "status": "published" }));
    assert_eq!(again["data"]["attributes"]["published_at"], json!(now), "published once");
    assert_eq!(send(&simulators, "PATCH", &path, r#"{"data":{"type":"events"}}"#).0, 200);
    assert_eq!(write(&simulators, "PATCH", "/v1/events/none", "events", json!({ "title": "x" })).0, 404);
}

/// No page says.
#[test]
fn what_put_leaves_out_is_kept_or_reset_as_its_switch_says() {
    for (put_omitted, status_after, description, polls, session_name) in [
        (PutOmitted::Kept, "published", json!("kept"), json!(false), json!("Morning")),
        (PutOmitted::Reset, "draft", json!(null), json!(true), json!(null)),
    ] {
        let (simulators, _) = started();
        let (event, session, _) = ana_registered(&simulators);
        simulators.world().options.unknowns.livestorm.put_omitted = put_omitted;
        let (path, at) = (format!("/v1/events/{event}"), format!("/v1/sessions/{session}"));
        write(&simulators, "PATCH", &path, "events", json!({ "description": "kept", "polls_enabled": false }));
        write(&simulators, "PATCH", &at, "sessions", json!({ "name": "Morning" }));
        let (status, put) = write(&simulators, "PUT", &path, "events", json!({ "title": "Whole" }));
        let put = &put["data"]["attributes"];
        assert_eq!((status, &put["title"], &put["slug"]), (200, &json!("Whole"), &json!("product-demo")));
        assert_eq!((&put["description"], &put["polls_enabled"]), (&description, &polls), "{put_omitted:?}");
        assert_eq!(put["status"], status_after, "{put_omitted:?}");
        let (status, put) = write(&simulators, "PUT", &at, "sessions", json!({ "timezone": "UTC" }));
        assert_eq!((status, &put["data"]["attributes"]["timezone"]), (200, &json!("UTC")));
        assert_eq!(put["data"]["attributes"]["name"], session_name, "{put_omitted:?}");
    }
}

#[test]
fn who_deletes_an_event_deletes_its_sessions_and_their_people() {
    let (simulators, _) = started();
    let (event, session, ana) = ana_registered(&simulators);
    let other = simulators.world().livestorm.create_event(NewEvent::default());
    assert_eq!(send(&simulators, "DELETE", &format!("/v1/events/{event}"), ""), (204, Value::Null));
    for path in [
        format!("/v1/events/{event}"),
        format!("/v1/events/{event}/people"),
        format!("/v1/events/{event}/sessions"),
        format!("/v1/sessions/{session}"),
        format!("/v1/sessions/{session}/people"),
        format!("/v1/sessions/{session}/people/{ana}"),
        format!("/v1/people/{ana}"),
    ] {
        assert_eq!(get(&simulators, &path).0, 404, "{path}");
    }
    assert_eq!(send(&simulators, "DELETE", &format!("/v1/events/{event}"), "").0, 404, "once");
    assert_eq!(get(&simulators, "/v1/events").1["data"][0]["id"], json!(other));
    let (_, made) = write(&simulators, "POST", "/v1/events", "events", json!({ "title": "Next" }));
    assert_ne!(made["data"]["id"], json!(event), "an id never comes again");
}

#[test]
fn an_event_is_tagged_by_a_title_and_untagged_by_it() {
    let (simulators, _) = started();
    let (event, ..) = ana_registered(&simulators);
    let path = format!("/v1/events/{event}/tags");
    let tags = |simulators: &Simulators| {
        let (_, body) = get(simulators, &format!("/v1/events/{event}?include=tags"));
        let links = body["data"]["relationships"]["tags"]["data"].as_array().unwrap().len();
        let titles: Vec<_> =
            body["included"].as_array().unwrap().iter().map(|tag| tag["attributes"]["title"].clone()).collect();
        assert_eq!(titles.len(), links);
        titles
    };
    for (tag_status, made, gone) in [(TagStatus::ByVerb, 201, 204), (TagStatus::Ok, 200, 200)] {
        simulators.world().options.unknowns.livestorm.tag_status = tag_status;
        let (status, tag) = write(&simulators, "POST", &path, "tags", json!({ "title": "EMEA" }));
        assert_eq!((status, &tag["data"]["type"]), (made, &json!("tags")));
        assert_eq!(tag["data"]["attributes"], json!({ "title": "EMEA" }));
        let (_, again) = write(&simulators, "POST", &path, "tags", json!({ "title": "emea" }));
        assert_eq!((again, tags(&simulators)), (tag, vec![json!("EMEA")]), "twice is once, whatever its case");
        assert_eq!(write(&simulators, "DELETE", &path, "tags", json!({ "title": "Emea" })).0, gone);
        assert_eq!(tags(&simulators), Vec::<Value>::new());
        assert_eq!(write(&simulators, "DELETE", &path, "tags", json!({ "title": "EMEA" })).0, 404);
    }
    assert_eq!(write(&simulators, "POST", &path, "tags", json!({ "title": " " })).0, 422);
    assert_eq!(write(&simulators, "POST", &path, "tags", json!({})).0, 422);
    assert_eq!(write(&simulators, "POST", "/v1/events/none/tags", "tags", json!({ "title": "x" })).0, 404);
    assert_eq!(write(&simulators, "DELETE", "/v1/events/none/tags", "tags", json!({ "title": "x" })).0, 404);
}

/// A public client met a page of HTML instead of JSON.
#[test]
fn an_owner_who_is_nobody_and_users_by_address_are_500_of_html_where_a_switch_says_so() {
    let (simulators, _) = started();
    let nobody = || write(&simulators, "POST", "/v1/events", "events", json!({ "title": "x", "owner_id": "nobody" })).0;
    let by_address = "/v1/users?filter[email]=owner@livestorm-customer.example";
    assert_eq!((nobody(), get(&simulators, by_address).0), (422, 200));
    simulators.world().options.unknowns.livestorm.html_server_errors = true;
    assert_eq!((nobody(), get(&simulators, by_address).0, get(&simulators, "/v1/users").0), (500, 500, 200));
    let token = simulators.world().options.livestorm_token.clone();
    let (_, headers, body) = ask(&simulators, by_address, &token);
    assert_eq!((headers["content-type"].to_str().unwrap(), body), ("text/html; charset=utf-8", Value::Null));
}

#[test]
fn a_choice_on_the_form_tells_what_may_be_chosen() {
    let (simulators, _) = started();
    let fields = vec![FormField::text("company"), FormField::choice("topics", &["A", "B"], true)];
    let event = simulators.world().livestorm.create_event(NewEvent { fields, ..Default::default() });
    let (_, body) = get(&simulators, &format!("/v1/events/{event}"));
    let fields = &body["data"]["attributes"]["fields"];
    assert_eq!(fields[0], json!({ "id": "email", "type": "text", "order": 0, "required": true }));
    assert_eq!(fields[3], json!({ "id": "company", "type": "text", "order": 3, "required": false }));
    let options = json!({ "items": [{ "value": "A" }, { "value": "B" }], "multiple_answers": true });
    let topics = json!({ "id": "topics", "type": "multiple", "order": 4, "required": false, "custom": true, "options": options });
    assert_eq!(fields[4], topics);
}

#[test]
fn a_status_that_no_page_names_can_be_brought_about() {
    let (simulators, _) = started();
    let (event, session, _) = ana_registered(&simulators);
    assert!(simulators.world().livestorm.say_event_status(&event, Some("rehearsed")));
    assert!(simulators.world().livestorm.say_session_status(&session, Some("rehearsal")));
    let read = |path: String, name: &str| get(&simulators, &path).1["data"]["attributes"][name].clone();
    assert_eq!(read(format!("/v1/events/{event}"), "scheduling_status"), "rehearsed");
    assert_eq!(read(format!("/v1/sessions/{session}"), "status"), "rehearsal");
    assert!(!simulators.world().livestorm.say_event_status("none", None));
}
