//! What was written, asked and recorded in a session, and what may be included with people and sessions.

use super::*;
use crate::simulators::unknowns::{AttendedWhileLive, ChatMessageType, SpokenAnswerField, UnknownInclude};

#[test]
fn the_chat_tells_who_wrote_what() {
    let (simulators, _) = started();
    let (_, session, ana) = ana_registered(&simulators);
    let owner = simulators.world().livestorm.owner().id.clone();
    let guest = NewRegistrant { email: "guest@example.org".into(), is_guest_speaker: true, ..Default::default() };
    let guest = simulators.world().livestorm.register(&session, guest).unwrap();
    for (author, text) in [(&ana, "1 < 2 & so on"), (&owner, "Hello"), (&guest, "Hi"), (&ana, "Bye")] {
        assert!(simulators.world().livestorm.write_in_chat(&session, author, text).is_some());
    }
    let nobody = simulators.world().livestorm.write_in_chat(&session, "nobody", "x");
    assert_eq!((nobody, simulators.world().livestorm.write_in_chat("none", &ana, "x")), (None, None));
    let path = format!("/v1/sessions/{session}/chat_messages");
    let (status, body) = get(&simulators, &path);
    assert_eq!((status, &body["meta"]["record_count"], body.get("included")), (200, &json!(4), None));
    let now = simulators.world().now().seconds();
    let expected = json!({
        "author_id": ana, "text_content": "1 < 2 & so on", "html_content": "<p>1 &lt; 2 &amp; so on</p>",
        "created_at": now, "from_guest_speaker": false, "from_team_member": false,
    });
    assert_eq!(body["data"][0]["attributes"], expected);
    assert_eq!(body["data"][0]["type"], "chat_messages");
    let from = |row: usize| {
        let row = &body["data"][row]["attributes"];
        (row["from_team_member"].clone(), row["from_guest_speaker"].clone())
    };
    assert_eq!((from(1), from(2)), ((json!(true), json!(false)), (json!(false), json!(true))));
    let (_, with) = get(&simulators, &format!("{path}?include=people&page[size]=2&page[number]=1"));
    assert_eq!(with["data"][0]["relationships"]["people"]["data"], json!({ "id": guest, "type": "people" }));
    assert_eq!(with["included"].as_array().unwrap().len(), 2);
    let (_, with) = get(&simulators, &format!("{path}?include=people"));
    assert_eq!(with["included"].as_array().unwrap().len(), 3, "who wrote twice is there once");
    simulators.world().options.unknowns.livestorm.chat_message_type = ChatMessageType::Messages;
    assert_eq!(get(&simulators, &path).1["data"][0]["type"], "messages");
    for (path, status) in [("/v1/sessions/none/chat_messages", 404), (&path.replace('_', "-"), 404)] {
        assert_eq!(get(&simulators, path).0, status, "{path}");
    }
}

#[test]
fn a_question_is_open_answered_in_writing_or_by_word_of_mouth() {
    let (simulators, clock) = started();
    let (event, session, ana) = ana_registered(&simulators);
    let owner = simulators.world().livestorm.owner().id.clone();
    let ask = |text: &str| simulators.world().livestorm.ask_question(&session, &ana, text).unwrap();
    let (open, written, spoken) = (ask("Open?"), ask("Written?"), ask("Spoken?"));
    let asked = simulators.world().now().seconds();
    wait(&clock, 60);
    let answer =
        |question: &str, by: &str, text: Option<&str>| simulators.world().livestorm.answer_question(question, by, text);
    assert!(answer(&written, &owner, Some("Yes")) && answer(&spoken, &owner, None));
    assert!(!answer("none", &owner, None) && !answer(&open, "nobody", None));
    assert_eq!(simulators.world().livestorm.ask_question(&session, "nobody", "?"), None);
    let path = format!("/v1/sessions/{session}/questions");
    let (status, body) = get(&simulators, &path);
    let expected = |question: &str, response: Value, by: Value, at: u64, updated: u64, orally: bool| {
        json!({
            "event_id": event, "session_id": session, "question": question, "response": response,
            "question_author_id": ana, "response_author_id": by, "created_at": asked, "updated_at": updated,
            "responded_at": at, "responded_orally": orally,
        })
    };
    let rows = [
        expected("Open?", json!(null), json!(null), 0, asked, false),
        expected("Written?", json!("Yes"), json!(owner), asked + 60, asked + 60, false),
        expected("Spoken?", json!(null), json!(owner), asked + 60, asked + 60, true),
    ];
    let found: Vec<_> = body["data"].as_array().unwrap().iter().map(|row| row["attributes"].clone()).collect();
    assert_eq!((status, found), (200, rows.to_vec()));
    for query in ["include=asker,responder", "include=asker&include=responder"] {
        let (_, with) = get(&simulators, &format!("{path}?{query}"));
        assert_eq!(with["data"][0]["relationships"]["responder"]["data"], json!(null), "{query}");
        assert_eq!(with["data"][1]["relationships"]["responder"]["data"]["id"], json!(owner), "{query}");
        assert_eq!(with["data"][1]["relationships"]["asker"]["data"]["id"], json!(ana), "{query}");
        let ids: Vec<_> = with["included"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
        assert_eq!(ids, [json!(ana), json!(owner)], "{query}");
    }
    let (_, with) = get(&simulators, &format!("{path}?include=people"));
    assert_eq!(with["data"][1]["relationships"]["people"]["data"].as_array().unwrap().len(), 2);
    simulators.world().options.unknowns.livestorm.spoken_answer_field = SpokenAnswerField::ResponseOrally;
    let (_, body) = get(&simulators, &path);
    assert_eq!(body["data"][2]["attributes"]["response_orally"], true);
    assert_eq!(body["data"][2]["attributes"].get("responded_orally"), None);
    assert_eq!(get(&simulators, "/v1/sessions/none/questions").0, 404);
}

#[test]
fn a_recording_is_there_after_the_end_and_its_address_lives_as_long_as_asked() {
    let (simulators, clock) = started();
    let (event, session, _) = ana_registered(&simulators);
    let unknowns = unknowns(&simulators);
    let add = || simulators.world().livestorm.add_recording(&session, 1_048_576);
    assert_eq!((add(), simulators.world().livestorm.add_recording("none", 1)), (None, None));
    simulators.world().livestorm.end_session(&session, &unknowns);
    let recording = add().unwrap();
    wait(&clock, 60);
    let path = format!("/v1/sessions/{session}/recordings");
    let (status, body) = get(&simulators, &path);
    let row = &body["data"][0];
    assert_eq!((status, &row["id"], &row["type"]), (200, &json!(recording), &json!("recordings")));
    let now = simulators.world().now().seconds();
    let rows = [
        ("event_id", json!(event)),
        ("session_id", json!(session)),
        ("file_type", json!("video")),
        ("mime_type", json!("mp4")),
        ("file_size", json!(1_048_576)),
        ("file_name", json!("recording-1.mp4")),
        ("url_generated_at", json!(now)),
        ("url_expires_in", json!(43_200)),
    ];
    for (name, value) in rows {
        assert_eq!(row["attributes"][name], value, "{name}");
    }
    let url = row["attributes"]["url"].as_str().unwrap().to_owned();
    assert!(url.contains(&format!("expires={}", now + 43_200)), "{url}");
    let fresh = simulators.world().livestorm.create_event(NewEvent { on_demand: true, ..Default::default() });
    let on_demand = simulators.world().livestorm.create_session(&fresh, NewSession::default());
    assert!(
        simulators.world().livestorm.add_recording(&on_demand, 1).is_some(),
        "on demand there is no end to wait for"
    );
    assert_eq!(get(&simulators, &path).1["meta"]["record_count"], 1, "its own alone");
    for (life, status) in
        [("3600", 200), ("604800", 200), ("3599", 400), ("604801", 400), ("x", 400), ("-1", 400), ("", 400)]
    {
        let (answered, body) = get(&simulators, &format!("{path}?url_expires_in={life}"));
        assert_eq!(answered, status, "{life}");
        if status == 200 {
            assert_eq!(body["data"][0]["attributes"]["url_expires_in"].to_string(), life);
        }
    }
    wait(&clock, 1);
    assert_ne!(get(&simulators, &path).1["data"][0]["attributes"]["url"], json!(url), "signed anew");
    assert_eq!(get(&simulators, "/v1/sessions/none/recordings").0, 404);
}

#[test]
fn a_session_and_its_people_come_with_what_is_asked_for() {
    let (simulators, _) = started();
    let (event, session, ana) = ana_registered(&simulators);
    let link = |id: &str, kind: &str| json!({ "id": id, "type": kind });
    let rows = [
        (format!("/v1/sessions/{session}?include=people"), "/included/1/id", json!(ana)),
        (format!("/v1/sessions/{session}?include=people"), "/data/relationships/people/data/1", link(&ana, "people")),
        (format!("/v1/events/{event}/sessions?include=event"), "/included/0/id", json!(event)),
        (
            format!("/v1/events/{event}/sessions?include=event,people"),
            "/data/0/relationships/event/data",
            link(&event, "events"),
        ),
        (format!("/v1/events/{event}/sessions?include=event,people"), "/included/2/id", json!(ana)),
        (
            format!("/v1/sessions/{session}/people?include=event,session"),
            "/data/1/relationships/session/data",
            link(&session, "sessions"),
        ),
        (format!("/v1/sessions/{session}/people?include=event,session"), "/included/0/id", json!(event)),
        (format!("/v1/sessions/{session}/people?include=event,session"), "/included/1/id", json!(session)),
        (format!("/v1/sessions/{session}/people?include=people"), "/included/1/id", json!(ana)),
        ("/v1/organization?include=organization".to_owned(), "/included/0/type", json!("organizations")),
    ];
    for (path, pointer, value) in rows {
        let (status, body) = get(&simulators, &path);
        assert_eq!((status, body.pointer(pointer)), (200, Some(&value)), "{path} {pointer}: {body}");
    }
    let (_, people) = get(&simulators, &format!("/v1/sessions/{session}/people?include=event,session"));
    assert_eq!(people["included"].as_array().unwrap().len(), 2, "what two rows point at is there once");
    simulators.world().options.unknowns.livestorm.included_people_max = Some(1);
    let (_, capped) = get(&simulators, &format!("/v1/sessions/{session}?include=people"));
    assert_eq!(capped["included"].as_array().unwrap().len(), 1);
    assert_eq!(capped["data"]["attributes"]["registrants_count"], 2);
}

#[test]
fn what_was_said_in_one_session_is_not_told_of_another() {
    let (simulators, _) = started();
    let (event, session, ana) = ana_registered(&simulators);
    let other = simulators.world().livestorm.create_session(&event, NewSession::default());
    assert!(simulators.world().livestorm.write_in_chat(&session, &ana, "x").is_some());
    assert!(simulators.world().livestorm.ask_question(&session, &ana, "x").is_some());
    for (session, count) in [(&session, 1), (&other, 0)] {
        for what in ["chat_messages", "questions"] {
            let (_, body) = get(&simulators, &format!("/v1/sessions/{session}/{what}"));
            assert_eq!(body["meta"]["record_count"], count, "{what}");
        }
    }
    assert_eq!(simulators.world().livestorm.write_in_chat(&other, &ana, "x"), None, "she is not in that one");
}

#[test]
fn an_event_brings_its_sessions_and_no_breakout_rooms() {
    let (simulators, _) = started();
    let (event, session, _) = ana_registered(&simulators);
    let room = NewSession { breakout_room_of: Some(session.clone()), ..Default::default() };
    simulators.world().livestorm.create_session(&event, room);
    let (_, body) = get(&simulators, &format!("/v1/events/{event}?include=sessions"));
    let ids: Vec<_> = body["included"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
    assert_eq!((ids, &body["data"]["attributes"]["sessions_count"]), (vec![json!(session)], &json!(1)));
}

/// JSON:API refuses it; no page of the vendor says.
#[test]
fn what_cannot_be_included_is_left_out_or_refused_as_its_switch_says() {
    let (simulators, _) = started();
    let (event, session, ana) = ana_registered(&simulators);
    let paths = [
        "/v1/events".to_owned(),
        format!("/v1/events/{event}"),
        format!("/v1/events/{event}/people"),
        format!("/v1/events/{event}/sessions"),
        "/v1/sessions".to_owned(),
        format!("/v1/sessions/{session}"),
        format!("/v1/sessions/{session}/people"),
        format!("/v1/sessions/{session}/chat_messages"),
        format!("/v1/sessions/{session}/questions"),
        format!("/v1/sessions/{session}/recordings"),
        "/v1/people".to_owned(),
        "/v1/organization".to_owned(),
    ];
    for (unknown_include, status) in [(UnknownInclude::Ignore, 200), (UnknownInclude::Refuse, 400)] {
        simulators.world().options.unknowns.livestorm.unknown_include = unknown_include;
        for path in &paths {
            for what in ["polls", "sessions,tags,polls", "webhooks"] {
                assert_eq!(get(&simulators, &format!("{path}?include={what}")).0, status, "{path} {what}");
            }
            assert_eq!(get(&simulators, &format!("{path}?include=")).0, 200, "{path}");
        }
    }
    for path in [
        "/v1/events?include=people".to_owned(),
        "/v1/sessions?include=event".to_owned(),
        "/v1/people?include=sessions".to_owned(),
        format!("/v1/sessions/{session}?include=event"),
        format!("/v1/events/{event}/people?include=event"),
        format!("/v1/sessions/{session}/chat_messages?include=asker"),
    ] {
        assert_eq!(get(&simulators, &path).0, 400, "{path}: offered elsewhere, not here");
    }
    assert_eq!(get(&simulators, &format!("/v1/sessions/{session}/people/{ana}")).0, 200);
}

/// No page says what the filter means while the room is open.
#[test]
fn whether_the_filter_sees_who_is_in_the_room_is_a_switch() {
    let (simulators, _) = started();
    let (_, session, ana) = ana_registered(&simulators);
    let unknowns = unknowns(&simulators);
    simulators.world().livestorm.start_session(&session);
    simulators.world().livestorm.attend(&session, &ana, attendance(60), &unknowns);
    for (side, there, away) in [(AttendedWhileLive::AsShown, 0, 2), (AttendedWhileLive::InTheRoom, 1, 1)] {
        simulators.world().options.unknowns.livestorm.attended_while_live = side;
        for (attended, count) in [(true, there), (false, away)] {
            let (_, body) = get(&simulators, &format!("/v1/sessions/{session}/people?filter[attended]={attended}"));
            assert_eq!(body["meta"]["record_count"], count, "{side:?} {attended}");
        }
    }
    assert_eq!(person(&simulators, &session, &ana)["registrant_detail"]["attended"], false, "what is shown stays");
}
