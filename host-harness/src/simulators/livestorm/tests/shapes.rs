//! What each resource has, of which type, and what may be null: the tables of the reference, row by row.

use super::*;

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Text,
    Seconds,
    Number,
    Flag,
    Object,
    List,
}

use Is::*;

/// Exactly these, and null only where it may be.
fn has_exactly(of: &str, found: &Value, table: &[(&str, Is, bool)]) {
    let found = found.as_object().unwrap_or_else(|| panic!("{of}: {found}"));
    let names: BTreeSet<&str> = found.keys().map(String::as_str).collect();
    let expected: BTreeSet<&str> = table.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, expected, "{of}");
    for (name, is, may_be_null) in table {
        let value = &found[*name];
        let fits = match is {
            Text => value.is_string(),
            Seconds => value.as_u64().is_some_and(|at| at == 0 || (1_600_000_000..4_000_000_000).contains(&at)),
            Number => value.is_u64(),
            Flag => value.is_boolean(),
            Object => value.is_object(),
            List => value.is_array(),
        };
        assert!(fits || *may_be_null && value.is_null(), "{of} {name}: {value} is no {is:?}");
    }
}

const EVENT: [(&str, Is, bool); 24] = [
    ("title", Text, false),
    ("slug", Text, false),
    ("registration_link", Text, false),
    ("estimated_duration", Number, false),
    ("registration_page_enabled", Flag, false),
    ("light_registration_page_enabled", Flag, false),
    ("detailed_registration_page_enabled", Flag, false),
    ("everyone_can_speak", Flag, false),
    ("recording_enabled", Flag, false),
    ("show_in_company_page", Flag, false),
    ("chat_enabled", Flag, false),
    ("polls_enabled", Flag, false),
    ("questions_enabled", Flag, false),
    ("recording_public", Flag, true),
    ("description", Text, true),
    ("status", Text, false),
    ("scheduling_status", Text, false),
    ("language", Text, false),
    ("published_at", Seconds, false),
    ("created_at", Seconds, false),
    ("updated_at", Seconds, false),
    ("owner", Object, false),
    ("sessions_count", Number, false),
    ("fields", List, false),
];

const OWNER: [(&str, Is, bool); 8] = [
    ("role", Text, false),
    ("created_at", Seconds, false),
    ("updated_at", Seconds, false),
    ("timezone", Text, false),
    ("first_name", Text, false),
    ("last_name", Text, false),
    ("email", Text, false),
    ("avatar_link", Text, true),
];

const SESSION: [(&str, Is, bool); 15] = [
    ("event_id", Text, false),
    ("status", Text, false),
    ("timezone", Text, false),
    ("room_link", Text, false),
    ("name", Text, true),
    ("attendees_count", Number, false),
    ("registrants_count", Number, false),
    ("duration", Number, true),
    ("estimated_started_at", Seconds, false),
    ("started_at", Seconds, false),
    ("ended_at", Seconds, false),
    ("canceled_at", Seconds, false),
    ("created_at", Seconds, false),
    ("updated_at", Seconds, false),
    ("breakout_room_parent_session_id", Text, true),
];

const PERSON: [(&str, Is, bool); 14] = [
    ("role", Text, false),
    ("created_at", Seconds, false),
    ("updated_at", Seconds, false),
    ("timezone", Text, true),
    ("first_name", Text, false),
    ("last_name", Text, false),
    ("email", Text, false),
    ("avatar_link", Text, true),
    ("registrant_detail", Object, false),
    ("messages_count", Number, false),
    ("questions_count", Number, false),
    ("votes_count", Number, false),
    ("up_votes_count", Number, false),
    ("replay_view_detail", Object, true),
];

const DETAIL: [(&str, Is, bool); 30] = [
    ("event_id", Text, false),
    ("session_id", Text, false),
    ("created_at", Seconds, false),
    ("updated_at", Seconds, false),
    ("fields", List, false),
    ("referrer", Text, true),
    ("utm_source", Text, true),
    ("utm_medium", Text, true),
    ("utm_term", Text, true),
    ("utm_content", Text, true),
    ("utm_campaign", Text, true),
    ("browser_version", Text, true),
    ("browser_name", Text, true),
    ("os_name", Text, true),
    ("os_version", Text, true),
    ("screen_height", Text, true),
    ("screen_width", Text, true),
    ("ip_city", Text, true),
    ("ip_country_code", Text, true),
    ("ip_country_name", Text, true),
    ("password_key", Text, true),
    ("connection_link", Text, false),
    ("attended", Flag, false),
    ("attendance_rate", Number, true),
    ("attendance_duration", Number, false),
    ("has_viewed_replay", Flag, false),
    ("registration_type", Text, true),
    ("is_highlighted", Flag, false),
    ("is_guest_speaker", Flag, false),
    ("session_role", Text, true),
];

#[test]
fn each_resource_has_the_attributes_of_its_table_in_their_types() {
    let (simulators, clock) = started();
    let (session, ana, _) = session_over(&simulators, &clock);
    let unknowns = unknowns(&simulators);
    wait(&clock, 600);
    simulators.world().livestorm.watch_replay(&session, &ana, &unknowns);
    let mut world = simulators.world();
    let draft = world.livestorm.create_event(NewEvent::default());
    world.livestorm.set_event_flag(&draft, "recording_public", None);
    world.livestorm.create_session(&draft, NewSession::default());
    drop(world);
    let rows = |path: &str| get(&simulators, path).1["data"].as_array().unwrap().clone();
    let events = rows("/v1/events");
    assert_eq!(events.len(), 2);
    for event in &events {
        has_exactly("event", &event["attributes"], &EVENT);
        has_exactly("owner", &event["attributes"]["owner"]["attributes"], &OWNER);
        assert_eq!(event["attributes"]["owner"]["type"], "people");
        assert_eq!(event["attributes"]["owner"]["attributes"]["role"], "team_member");
        assert_eq!(event["attributes"]["language"].as_str().unwrap().len(), 2);
        let link = format!("https://app.livestorm.co/p/{}", event["id"].as_str().unwrap());
        assert_eq!(event["attributes"]["registration_link"], json!(link));
    }
    assert_eq!(events[1]["attributes"].get("recording_public"), Some(&Value::Null), "as met in production");
    for session in rows("/v1/sessions") {
        has_exactly("session", &session["attributes"], &SESSION);
        let (event, id) = (session["attributes"]["event_id"].as_str().unwrap(), session["id"].as_str().unwrap());
        assert_eq!(
            session["attributes"]["room_link"],
            json!(format!("https://app.livestorm.co/p/{event}/live?s={id}"))
        );
    }
    let people = rows(&format!("/v1/sessions/{session}/people"));
    assert_eq!(people.len(), 3);
    for person in people {
        has_exactly("person", &person["attributes"], &PERSON);
        has_exactly("detail", &person["attributes"]["registrant_detail"], &DETAIL);
    }
}

#[test]
fn an_id_is_a_uuid_whatever_it_is_of() {
    let (simulators, clock) = started();
    let (session, ana, _) = session_over(&simulators, &clock);
    let event = simulators.world().livestorm.events.all().next().unwrap().id.clone();
    let mut world = simulators.world();
    world.livestorm.write_in_chat(&session, &ana, "x");
    world.livestorm.ask_question(&session, &ana, "x");
    world.livestorm.add_recording(&session, 1);
    world.livestorm.add_subscription("people.registered", "https://hooks.example.org/1");
    drop(world);
    for (path, kind) in [
        ("/v1/events".to_owned(), "events"),
        ("/v1/sessions".to_owned(), "sessions"),
        ("/v1/people".to_owned(), "people"),
        ("/v1/users".to_owned(), "users"),
        ("/v1/webhooks".to_owned(), "webhooks"),
        ("/v1/people_attributes".to_owned(), "people_attributes"),
        (format!("/v1/events/{event}/people"), "people"),
        (format!("/v1/sessions/{session}/people"), "people"),
        (format!("/v1/sessions/{session}/chat_messages"), "chat_messages"),
        (format!("/v1/sessions/{session}/questions"), "questions"),
        (format!("/v1/sessions/{session}/recordings"), "recordings"),
    ] {
        let (_, body) = get(&simulators, &path);
        let rows = body["data"].as_array().unwrap();
        assert!(!rows.is_empty(), "{path}");
        for row in rows {
            assert_eq!(row["type"], kind, "{path}");
            let id = row["id"].as_str().unwrap();
            let lengths: Vec<_> = id.split('-').map(str::len).collect();
            assert!(lengths == [8, 4, 4, 4, 12] && id.replace('-', "").bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
        }
    }
}

#[test]
fn a_link_into_the_room_has_a_key_for_participants_alone() {
    let (simulators, _) = started();
    let (event, session, ana) = ana_registered(&simulators);
    let owner = simulators.world().livestorm.owner().id.clone();
    let detail = |who: &str| person(&simulators, &session, who)["registrant_detail"].clone();
    let key = detail(&ana)["password_key"].as_str().unwrap().to_owned();
    assert!(key.len() == 22 && key.bytes().all(|b| b.is_ascii_hexdigit()), "{key}");
    let room = format!("https://app.livestorm.co/p/{event}/live?email=");
    let links = (detail(&ana)["connection_link"].clone(), detail(&owner)["connection_link"].clone());
    let (anas, owners) = (links.0.as_str().unwrap(), links.1.as_str().unwrap());
    assert!(anas.starts_with(&room) && anas.ends_with(&format!("&key={key}&s={session}")), "{anas}");
    assert!(owners.starts_with(&room) && owners.ends_with(&format!("&s={session}")), "{owners}");
    assert!(!owners.contains("key="), "{owners}");
    assert_eq!(detail(&owner)["password_key"], json!(null));
}

#[test]
fn an_answer_is_a_text_a_list_of_texts_or_null_and_custom_ones_say_so() {
    let (simulators, _) = started();
    let mut world = simulators.world();
    let fields = vec![
        FormField::text("company"),
        FormField::choice("topics", &["A", "B"], true),
        FormField::choice("size", &["S", "L"], false),
    ];
    let event = world.livestorm.create_event(NewEvent { fields, ..Default::default() });
    let session = world.livestorm.create_session(&event, NewSession::default());
    let answers = vec![("topics".into(), json!(["A", "B"])), ("size".into(), json!("L"))];
    let ana = world.livestorm.register(&session, NewRegistrant { fields: answers, ..Default::default() }).unwrap();
    drop(world);
    let fields = person(&simulators, &session, &ana)["registrant_detail"]["fields"].clone();
    let expected = json!([
        { "id": "email", "type": "text", "value": "ana@example.org", "required": true },
        { "id": "first_name", "type": "text", "value": "Ana", "required": true },
        { "id": "last_name", "type": "text", "value": "Lima", "required": true },
        { "id": "company", "type": "text", "value": null, "required": false },
        { "id": "topics", "type": "multiple", "value": ["A", "B"], "required": false, "custom": true },
        { "id": "size", "type": "multiple", "value": "L", "required": false, "custom": true },
    ]);
    assert_eq!(fields, expected);
}

#[test]
fn each_status_that_the_pages_name_comes_about() {
    let (simulators, clock) = started();
    let unknowns = unknowns(&simulators);
    let starts_at = Some(simulators.world().now().plus(Duration::from_secs(3600)));
    /// What is done, and the statuses of session and event.
    type Row = (&'static str, bool, bool, &'static str, &'static str);
    let rows: [Row; 7] = [
        ("nothing", false, false, "draft", "draft"),
        ("nothing", true, false, "past_not_started", "not_started"),
        ("start", true, false, "live", "live"),
        ("end", true, false, "past", "ended"),
        ("cancel", true, false, "canceled", "cancelled"),
        ("nothing", true, true, "on_demand", "on_demand"),
        ("nothing", false, true, "draft", "draft"),
    ];
    let mut made = vec![];
    for (act, is_published, on_demand, ..) in rows {
        let mut world = simulators.world();
        let event = world.livestorm.create_event(NewEvent { on_demand, ..Default::default() });
        let session = world.livestorm.create_session(&event, NewSession { starts_at, ..Default::default() });
        if is_published {
            world.livestorm.publish(&event);
        }
        match act {
            "start" => assert!(world.livestorm.start_session(&session)),
            "end" => assert!(world.livestorm.end_session(&session, &unknowns)),
            "cancel" => assert!(world.livestorm.cancel_session(&session)),
            _ => {}
        }
        made.push((event, session));
    }
    let bare = simulators.world().livestorm.create_event(NewEvent::default());
    simulators.world().livestorm.publish(&bare);
    let read = |path: String, name: &str| get(&simulators, &path).1["data"]["attributes"][name].clone();
    assert_eq!(read(format!("/v1/events/{bare}"), "scheduling_status"), "not_scheduled");
    let (event, session) = &made[1];
    assert_eq!(read(format!("/v1/sessions/{session}"), "status"), "upcoming", "its hour has not come");
    assert_eq!(read(format!("/v1/events/{event}"), "scheduling_status"), "upcoming");
    wait(&clock, 3601);
    for ((event, session), (act, _, _, status, scheduling_status)) in made.iter().zip(rows) {
        assert_eq!(read(format!("/v1/sessions/{session}"), "status"), status, "{act}");
        assert_eq!(read(format!("/v1/events/{event}"), "scheduling_status"), scheduling_status, "{act}");
    }
    let (_, session) = &made[1];
    for (name, value) in [("started_at", json!(0)), ("ended_at", json!(0)), ("duration", json!(null))] {
        assert_eq!(read(format!("/v1/sessions/{session}"), name), value, "{name} of one that was never started");
    }
}
