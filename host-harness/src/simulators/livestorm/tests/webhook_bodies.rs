//! What a webhook says, in both dialects.

use super::*;
use crate::simulators::unknowns::LegacyPersonId;

/// Every path to a value, `attributes/title` and the like.
fn paths(value: &Value, at: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                into.insert(format!("{at}/{name}"));
                paths(value, &format!("{at}/{name}"), into);
            }
        }
        Value::Array(rows) => rows.iter().for_each(|row| paths(row, &format!("{at}/*"), into)),
        _ => {}
    }
}

/// S1-11, S1-12, S1-14, S1-18, S1-19.
#[test]
fn native_bodies_have_exactly_the_fields_of_the_documents() {
    const DOCUMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/livestorm/webhooks_native");
    let (simulators, clock) = started();
    let unknowns = LivestormUnknowns { absentees_listed: false, ..unknowns(&simulators) };
    let mut world = simulators.world();
    let event = world.livestorm.create_event(NewEvent::default());
    let starts_at = Timestamp::parse("2026-11-23T15:00:00Z");
    let session = world.livestorm.create_session(&event, NewSession { starts_at, ..Default::default() });
    let person = world.livestorm.register(&session, NewRegistrant::default()).unwrap();
    drop(world);
    let check = |file: &str, occurrence: Occurrence| {
        let document = std::fs::read(format!("{DOCUMENTS}/{file}.json")).unwrap();
        let built = simulators.world().livestorm.webhook_body(&occurrence, Dialect::Native, &unknowns).unwrap();
        let (mut wanted, mut found) = (BTreeSet::new(), BTreeSet::new());
        paths(&serde_json::from_slice(&document).unwrap(), "", &mut wanted);
        paths(&serde_json::from_slice(&built).unwrap(), "", &mut found);
        assert_eq!(found, wanted, "{file}");
        serde_json::from_slice::<Value>(&built).unwrap()
    };
    // Minutes in the one dialect, seconds in the other.
    let created = check("event_created", Occurrence::EventCreated { event: event.clone() });
    assert_eq!(created["data"]["attributes"]["estimated_duration"], json!(30));
    check("session_created", Occurrence::SessionCreated { session: session.clone() });
    let published = check("event_published", Occurrence::EventPublished { event });
    assert_eq!(published["webinar"]["estimated_duration"], json!(1800));
    check("new_registrant", Occurrence::Registered { session: session.clone(), person: person.clone() });
    simulators.world().livestorm.start_session(&session);
    check("event_starts", Occurrence::SessionStarted { session: session.clone() });
    wait(&clock, 91);
    simulators.world().livestorm.attend(&session, &person, attendance(181), &unknowns);
    simulators.world().livestorm.end_session(&session, &unknowns);
    let ended = check("event_ends", Occurrence::SessionEnded { session });
    let rows = [
        ("duration", json!(91)),
        ("nb_attended", json!(1)),
        ("nb_registered", json!(2)),
        ("ended_at", json!("2026-11-23T09:01:31.000Z")),
    ];
    for (name, value) in rows {
        assert_eq!(ended["webinar"][name], value, "{name}");
    }
    let attendee = &ended["webinar"]["attendees"][0];
    assert_eq!((&attendee["attendance_duration"], &attendee["attendance_rate"]), (&json!(181), &json!(100)));
}

/// Spec 001 does not say; its one example has nobody who was absent.
#[test]
fn whether_absentees_stand_among_the_legacy_attendees_is_a_switch() {
    let (simulators, clock) = started();
    let (session, ..) = session_over(&simulators, &clock);
    for (absentees_listed, here) in [(true, vec![false, true, false]), (false, vec![true])] {
        let unknowns = LivestormUnknowns { absentees_listed, ..unknowns(&simulators) };
        let told = Occurrence::SessionEnded { session: session.clone() };
        let body = simulators.world().livestorm.webhook_body(&told, Dialect::Native, &unknowns).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let attendees = body["webinar"]["attendees"].as_array().unwrap();
        let found: Vec<_> = attendees.iter().map(|person| person["is_attendance"].as_bool().unwrap()).collect();
        assert_eq!(found, here);
        assert_eq!(body["webinar"]["nb_attended"], 1);
    }
}

/// Each REST name, told of one story: an event whose session Ana attends and Bo does not, and whose recording Bo watches.
fn told_by_rest(simulators: &Simulators, clock: &SimulatedClock) -> Vec<(Occurrence, Value)> {
    let mut told = vec![];
    let mut tell = |occurrence: Occurrence| {
        let world = simulators.world();
        let unknowns = &world.options.unknowns.livestorm;
        let body = world.livestorm.webhook_body(&occurrence, Dialect::RestManaged, unknowns).unwrap();
        told.push((occurrence, serde_json::from_slice(&body).unwrap()));
    };
    let unknowns = unknowns(simulators);
    let event = simulators.world().livestorm.create_event(NewEvent {
        fields: vec![FormField::text("company"), FormField::text("topics")],
        ..Default::default()
    });
    tell(Occurrence::EventCreated { event: event.clone() });
    let starts_at = Timestamp::parse("2026-11-23T15:00:00Z");
    let session = simulators.world().livestorm.create_session(&event, NewSession { starts_at, ..Default::default() });
    tell(Occurrence::SessionCreated { session: session.clone() });
    wait(clock, 60);
    simulators.world().livestorm.publish(&event);
    tell(Occurrence::EventPublished { event });
    wait(clock, 60);
    let ana = NewRegistrant {
        fields: vec![("company".into(), json!("Lima & Söhne")), ("topics".into(), json!("Webinars"))],
        referrer: Some("https://www.example.org/events".into()),
        utm: Utm { source: Some("newsletter".into()), campaign: Some("autumn".into()), ..Default::default() },
        ..Default::default()
    };
    let ana = simulators.world().livestorm.register(&session, ana).unwrap();
    tell(Occurrence::Registered { session: session.clone(), person: ana.clone() });
    let bo = NewRegistrant {
        email: "bo@example.org".into(),
        first_name: "Bo".into(),
        last_name: "Berg".into(),
        ..Default::default()
    };
    let bo = simulators.world().livestorm.register(&session, bo).unwrap();
    wait(clock, 6 * 3600);
    simulators.world().livestorm.start_session(&session);
    tell(Occurrence::SessionStarted { session: session.clone() });
    wait(clock, 1800);
    simulators.world().livestorm.attend(&session, &ana, attendance(1650), &unknowns);
    simulators.world().livestorm.end_session(&session, &unknowns);
    tell(Occurrence::SessionEnded { session: session.clone() });
    tell(Occurrence::Attended { session: session.clone(), person: ana });
    tell(Occurrence::NotAttended { session: session.clone(), person: bo.clone() });
    wait(clock, 24 * 3600);
    simulators.world().livestorm.watch_replay(&session, &bo, &unknowns);
    tell(Occurrence::WatchedReplay { session, person: bo });
    let job = simulators.world().livestorm.add_job(2, 1);
    tell(Occurrence::JobEnded { job });
    told
}

/// `UPDATE_FIXTURES=1 cargo test -p host-harness webhooks_rest` writes them anew.
#[test]
fn the_samples_in_webhooks_rest_are_what_the_simulator_writes() {
    const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/livestorm/webhooks_rest");
    let (simulators, clock) = started();
    let told = told_by_rest(&simulators, &clock);
    let names: BTreeSet<_> = told.iter().map(|(occurrence, _)| occurrence.name()).collect();
    assert_eq!((told.len(), names.len()), (10, 10), "each name once: {names:?}");
    for (occurrence, body) in told {
        let path = format!("{SAMPLES}/{}.json", occurrence.name().replace('.', "_"));
        let written = format!("{}\n", serde_json::to_string_pretty(&body).unwrap());
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            std::fs::write(&path, &written).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), written, "{path}");
    }
}

#[test]
fn a_rest_managed_body_is_the_resource_with_its_webhook_and_organisation() {
    let (simulators, clock) = started();
    let told = told_by_rest(&simulators, &clock);
    for (occurrence, mut body) in told {
        let meta = body["data"].as_object_mut().unwrap().remove("meta").unwrap();
        assert_eq!(meta["webhook"]["event"], occurrence.name());
        assert_eq!(meta["webhook"]["organization_id"], json!(simulators.world().livestorm.organization_id));
        let id = body["data"]["id"].as_str().unwrap();
        let path = match &occurrence {
            Occurrence::EventCreated { .. } | Occurrence::EventPublished { .. } => format!("/v1/events/{id}"),
            Occurrence::SessionCreated { .. } | Occurrence::SessionStarted { .. } | Occurrence::SessionEnded { .. } => {
                format!("/v1/sessions/{id}")
            }
            Occurrence::Registered { session, .. }
            | Occurrence::Attended { session, .. }
            | Occurrence::NotAttended { session, .. }
            | Occurrence::WatchedReplay { session, .. } => format!("/v1/sessions/{session}/people/{id}"),
            Occurrence::JobEnded { .. } => format!("/v1/jobs/{id}"),
        };
        let (_, read) = get(&simulators, &path);
        let (mut wanted, mut found) = (BTreeSet::new(), BTreeSet::new());
        paths(&read["data"], "", &mut wanted);
        paths(&body["data"], "", &mut found);
        // Watched since then: what was null has become an object.
        wanted.remove("/attributes/replay_view_detail/watched_at");
        found.remove("/attributes/replay_view_detail/watched_at");
        assert_eq!(found, wanted, "{occurrence:?}");
        if let Occurrence::WatchedReplay { .. } | Occurrence::SessionEnded { .. } | Occurrence::JobEnded { .. } =
            occurrence
        {
            assert_eq!(body["data"], read["data"], "nothing has changed since: {occurrence:?}");
        }
    }
}

#[test]
fn the_native_app_has_no_word_for_four_of_the_ten() {
    let (simulators, clock) = started();
    let silent: Vec<_> = told_by_rest(&simulators, &clock)
        .into_iter()
        .filter(|(occurrence, _)| {
            let world = simulators.world();
            let unknowns = &world.options.unknowns.livestorm;
            world.livestorm.webhook_body(occurrence, Dialect::Native, unknowns).is_none()
        })
        .map(|(occurrence, _)| occurrence.name())
        .collect();
    assert_eq!(silent, ["people.attended", "people.not_attended", "people.watched_replay", "job.ended"]);
}

#[test]
fn whether_the_legacy_id_is_the_rest_id_is_a_switch() {
    let (simulators, _) = started();
    let (_, session, person) = ana_registered(&simulators);
    let world = simulators.world();
    for (legacy_person_id, same) in [(LegacyPersonId::Other, false), (LegacyPersonId::SameAsRest, true)] {
        let mut unknowns = world.options.unknowns.livestorm.clone();
        unknowns.legacy_person_id = legacy_person_id;
        let told = Occurrence::Registered { session: session.clone(), person: person.clone() };
        let body = world.livestorm.webhook_body(&told, Dialect::Native, &unknowns).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["attendee"]["identify"] == json!(person), same);
        assert!(body["webinar"]["room_link"].as_str().unwrap().ends_with(&format!("?s={session}")));
        assert_eq!(body["attendee"]["fields"], json!({ "company": "Example Ltd" }));
    }
}

#[test]
fn a_signature_is_the_digest_of_time_secret_and_body() {
    let digest = "fd3ca61dda14c127d4019824da21936d03e2383be875930f47c94c6851dbea4c";
    let body = br#"{"data":{"id":"x"}}"#;
    assert_eq!(webhooks::signature("test-secret", 1_700_000_000, body), format!("1700000000,{digest}"));
}
