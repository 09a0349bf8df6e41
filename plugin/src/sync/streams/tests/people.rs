//! People: who is one, what is known of them, and when a session's people are read again.

use super::*;
use crate::host::Level;

fn statuses(told: &BTreeMap<String, Value>) -> BTreeMap<&str, &str> {
    told.iter().map(|(email, person)| (email.as_str(), person["registration_status"].as_str().unwrap())).collect()
}

/// S0-2, S0-5 to S0-10, S0-26 to S0-30; S0-11: the rows are as a CRM takes them, one an address.
#[test]
fn an_address_in_three_spellings_is_one_person_and_the_last_registration_says_who_it_is() {
    let mut livestorm = Livestorm::new();
    livestorm.person("S2", "P4")["first_name"] = "Anna".into();
    livestorm.person("S2", "P4")["last_name"] = Value::Null;
    let mut taker = Taker::of("people", livestorm);
    let told = taker.told();
    assert_valid("people", told.values());
    assert_eq!(
        told.keys().collect::<Vec<_>>(),
        ["ana@example.org", "bo@example.org", "cy@example.org", "di@example.org"]
    );
    let mut ana = told["ana@example.org"].clone();
    let registrations = ana["registrations"].take();
    assert_eq!(
        ana,
        json!({"email": "ana@example.org", "first_name": "Anna", "last_name": "Lund", "registration_status": "registered",
            "created_at": "2026-11-17T15:00:00Z", "custom_fields": {"company": "Example", "topics": ["x", "y"], "why": null},
            "registrant_detail": {"event_id": "E1", "session_id": "S2", "created_at": "2026-11-17T15:00:00Z",
                "updated_at": "2026-11-17T15:00:00Z", "referrer": "https://example.org", "utm_source": "mail",
                "is_guest_speaker": false},
            "attendance": {"attended": false, "rate": null, "duration": 0, "messages_count": 0, "questions_count": 0,
                "votes_count": 0, "up_votes_count": 0, "replay_watched": false, "replay_watched_at": null},
            "registrations": null})
    );
    let all: Vec<_> = registrations.as_array().unwrap().iter().collect();
    let of = |name: &str| all.iter().map(|one| one[name].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(of("session_id"), ["S1", "S2", "S2"]);
    assert_eq!(of("registration_status"), ["attended", "registered", "registered"]);
    assert_eq!(all[0]["attendance"]["rate"], 80);
    assert_eq!(all[0]["attendance"]["duration"], 2_880);
}

/// S0-12, S0-33: somebody new is told with the next pass, and nobody else.
#[test]
fn who_registered_since_is_told_with_the_next_pass() {
    let mut taker = Taker::of("people", Livestorm::new());
    taker.pass();
    taker.now_is(NOW + 30 * MINUTE);
    taker.change(|livestorm| livestorm.register(person("P9", "eve@example.org", "S2", NOW + 10 * MINUTE)));
    let requests = taker.requests();
    assert_eq!(taker.keys(), ["eve@example.org"]);
    // The window, what was updated, and the people of S2 alone: two pages.
    assert_eq!(taker.requests() - requests, 1 + 1 + 2);
}

/// S0-9, S0-13, S0-34: who came and who did not are told apart; so is who registered after the end, for the replay.
#[test]
fn no_shows_are_told_from_attendees_once_attendance_is_ready() {
    let mut livestorm = Livestorm::new();
    livestorm.register(person("P6", "late@example.org", "S1", NOW - 30 * MINUTE));
    let mut taker = Taker::of("people", livestorm);
    let told = taker.told();
    let expected = [
        ("ana@example.org", "registered"),
        ("bo@example.org", "not_attended"),
        ("cy@example.org", "not_attended"),
        ("di@example.org", "registered"),
        ("late@example.org", "registered"),
    ];
    assert_eq!(statuses(&told), expected.into_iter().collect());
}

/// S0-35: before the webinar, at its end, and whatever comes later, though no row of the session moves any more.
#[test]
fn people_are_read_again_ten_minutes_a_day_and_a_week_after_the_end() {
    let mut taker = Taker::of("people", Livestorm::new());
    taker.pass();
    let end = NOW + DAY + HOUR;
    taker.now_is(end + 5 * MINUTE);
    taker.change(|livestorm| {
        livestorm.set("S2", "status", "past");
        livestorm.set("S2", "ended_at", seconds(end));
    });
    assert_eq!(taker.keys(), Vec::<String>::new(), "attendance is not ready, and nobody is a no-show yet");
    taker.now_is(end + 35 * MINUTE);
    taker.change(|livestorm| livestorm.came("S2", "P4"));
    assert_eq!(taker.told()["ana@example.org"]["registration_status"], "attended");
    taker.now_is(end + 65 * MINUTE);
    taker.change(|livestorm| livestorm.person("S2", "P4")["registrant_detail"]["has_viewed_replay"] = true.into());
    assert_eq!(taker.keys(), Vec::<String>::new(), "nothing says that anything is new, and nothing is due");
    taker.now_is(end + DAY);
    assert_eq!(taker.told()["ana@example.org"]["attendance"]["replay_watched"], true);
    taker.now_is(end + 6 * DAY);
    taker.change(|livestorm| livestorm.person("S2", "P4")["messages_count"] = 3.into());
    assert_eq!(taker.keys(), Vec::<String>::new());
    taker.now_is(end + 7 * DAY);
    assert_eq!(taker.told()["ana@example.org"]["attendance"]["messages_count"], 3);
}

/// RULES 21: once a week everything is read again, on demand too.
#[test]
fn an_on_demand_session_is_read_again_every_week() {
    let mut livestorm = Livestorm::new();
    livestorm.sessions.push(session("S4", "E1", "on_demand", 0));
    livestorm.register(person("P7", "flo@example.org", "S4", NOW - DAY));
    let mut taker = Taker::of("people", livestorm);
    taker.pass();
    taker.change(|livestorm| livestorm.person("S4", "P7")["replay_view_detail"] = json!({"watched_at": seconds(NOW)}));
    taker.now_is(NOW + 7 * DAY - MINUTE);
    assert_eq!(taker.keys(), Vec::<String>::new());
    taker.now_is(NOW + 7 * DAY + MINUTE);
    let told = taker.told();
    assert_valid("people", told.values());
    assert_eq!(told.keys().collect::<Vec<_>>(), ["flo@example.org"]);
    assert_eq!(told["flo@example.org"]["attendance"]["replay_watched_at"], "2026-11-22T15:00:00Z");
}

/// RULES 14, 16.
#[test]
fn who_is_left_out_is_no_record_and_a_secret_is_nowhere() {
    let mut livestorm = Livestorm::new();
    for (id, change) in [
        ("X1", json!({"email": null})),
        ("X2", json!({"email": "1700000000+x@unknown.livestorm.co"})),
        ("X3", json!({"role": "team_member", "registrant_detail": null})),
        ("X4", json!({"email": "no address"})),
        ("X5", json!({"registrant_detail": 7})),
    ] {
        let mut row = person(id, "left@example.org", "S3", NOW);
        row["attributes"].as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        livestorm.people.get_mut("S3").unwrap().push(row);
    }
    let mut taker = Taker::of("people", livestorm);
    assert_eq!(taker.keys(), ["ana@example.org", "bo@example.org", "cy@example.org", "di@example.org"]);
    assert_eq!(taker.host.lines(Level::Info), ["left-out-no-address", "left-out-anonymous", "left-out-no-address"]);
    assert_eq!(taker.host.lines(Level::Warning), ["person-unreadable"]);
    let everything = format!("{:?} {}", taker.rows, taker.host.everything_said());
    for secret in ["made-up-password", "password_key", "connection_link"] {
        assert!(!everything.contains(secret), "{secret}");
    }
}

#[test]
fn who_was_removed_is_told_as_deleted_or_with_the_registrations_that_are_left() {
    let mut taker = Taker::of("people", Livestorm::new());
    taker.pass();
    taker.now_is(NOW + HOUR);
    taker.change(|livestorm| {
        livestorm.unregister("S1", "P3");
        livestorm.unregister("S1", "P1");
    });
    let told = taker.told();
    assert_eq!(told["cy@example.org"], Value::Null);
    assert_eq!(told["ana@example.org"]["registrations"].as_array().map(Vec::len), Some(2));
    // They come back.
    taker.now_is(NOW + 2 * HOUR);
    taker.change(|livestorm| livestorm.register(person("P3", "cy@example.org", "S2", NOW + HOUR)));
    assert_eq!(taker.told()["cy@example.org"]["created_at"], "2026-11-22T16:00:00Z");
}

#[test]
fn an_address_that_was_corrected_moves_the_registration() {
    let mut taker = Taker::of("people", Livestorm::new());
    taker.pass();
    taker.now_is(NOW + HOUR);
    taker.change(|livestorm| {
        livestorm.person("S3", "P5")["email"] = "dina@example.org".into();
        livestorm.set("S3", "updated_at", seconds(NOW + HOUR));
    });
    assert_eq!(taker.keys(), ["(di@example.org)", "dina@example.org"]);
}

/// A row that cannot be read any more says nothing: what it said before stays.
#[test]
fn a_row_that_cannot_be_read_is_told_and_deletes_nobody() {
    let mut taker = Taker::of("people", Livestorm::new());
    taker.pass();
    taker.now_is(NOW + HOUR);
    taker.change(|livestorm| {
        livestorm.person("S1", "P3")["registrant_detail"]["created_at"] = "soon".into();
        livestorm.set("S1", "updated_at", seconds(NOW + HOUR));
    });
    assert_eq!(taker.keys(), Vec::<String>::new());
    assert_eq!(taker.host.lines(Level::Warning), ["person-unreadable"]);
}

/// Anybody may fill in a registration form, with whatever, and as often as they like.
#[test]
fn what_somebody_types_never_grows_over_what_a_page_may_hold() {
    let mut livestorm = Livestorm::new();
    livestorm.page_size = 50;
    let answers: Vec<Value> = (0..20).map(|n| json!({"id": format!("q{n}"), "value": "é".repeat(4_000)})).collect();
    livestorm.person("S3", "P5")["registrant_detail"]["fields"] = answers.clone().into();
    for number in 0..520 {
        let mut row = person(&format!("Q{number}"), "eve@example.org", "S3", NOW - DAY + number * SECOND);
        row["attributes"]["registrant_detail"]["fields"] = answers.clone().into();
        livestorm.register(row);
    }
    let mut taker = Taker::of("people", livestorm);
    let told = taker.told();
    assert_valid("people", told.values());
    assert_eq!(told["di@example.org"]["custom_fields"].as_object().map(|answers| answers.len()), Some(3));
    let registrations = told["eve@example.org"]["registrations"].as_array().unwrap();
    assert!(
        registrations.len() < 100 && told["eve@example.org"].to_string().len() < 2 << 20,
        "{}",
        registrations.len()
    );
    assert_eq!(registrations.last().unwrap()["created_at"], told["eve@example.org"]["created_at"]);
    assert_eq!(told["eve@example.org"]["created_at"], "2026-11-21T15:08:39Z");
    let warnings = taker.host.lines(Level::Warning);
    assert_eq!(warnings.iter().filter(|code| *code == "answers-cut").count(), 521);
    assert_eq!(warnings.iter().filter(|code| *code == "person-cut").count(), 20);
}

/// Between the list of sessions and the reading of their people one is deleted: that is no reason to stop, and none to take
/// its people for deleted before a list of everything says so.
#[test]
fn a_session_that_is_gone_when_its_people_are_read_is_passed_over() {
    let mut livestorm = Livestorm::new();
    livestorm.page_size = 50;
    livestorm.happens = Some((1, |livestorm| livestorm.sessions.retain(|session| session["id"] != "S3")));
    let mut taker = Taker::of("people", livestorm);
    assert_eq!(taker.keys(), ["ana@example.org", "bo@example.org", "cy@example.org"]);
}

/// More people than one page of rows holds.
#[test]
fn each_of_many_people_is_told_once() {
    let mut livestorm = Livestorm::new();
    livestorm.page_size = 50;
    for number in 0..1_200 {
        livestorm.register(person(&format!("Q{number}"), &format!("q{number}@example.org"), "S2", NOW - DAY));
    }
    let mut taker = Taker::of("people", livestorm);
    assert_eq!(taker.told().len(), 1_204);
    taker.now_is(NOW + HOUR);
    assert_eq!(taker.keys(), Vec::<String>::new());
}
