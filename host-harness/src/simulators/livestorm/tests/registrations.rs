//! Registering by the API, changing it and taking people off.

use super::*;
use crate::simulators::unknowns::{EndedSession, Removal};
use proptest::prelude::*;

fn fields(fields: &[(&str, Value)]) -> String {
    let fields: Vec<_> = fields.iter().map(|(id, value)| json!({"id": id, "value": value})).collect();
    json!({"data": {"type": "people", "attributes": {"fields": fields}}}).to_string()
}

fn people(session: &str) -> String {
    format!("/v1/sessions/{session}/people")
}

#[test]
fn one_person_registered_by_the_api_is_answered_whole_and_has_no_browser() {
    let (simulators, _) = started();
    let (event, session, _) = ana_registered(&simulators);
    let body = json!({"data": {"type": "people", "attributes": {
        "fields": [
            {"id": "email", "value": " bo@example.org "},
            {"id": "first_name", "value": " Bo "},
            {"id": "company", "value": "replaced"},
            {"id": "company", "value": ["A", "B"]},
        ],
        "email": "ignored@example.org",
        "referrer": "", "utm_source": "s", "utm_medium": null, "utm_campaign": "k",
    }}});
    let (status, answer) = send(&simulators, "POST", &people(&session), &body.to_string());
    assert_eq!(status, 201, "{answer}");
    let detail = "/data/attributes/registrant_detail";
    let rows = [
        ("/data/type".to_owned(), json!("people")),
        ("/data/attributes/email".to_owned(), json!("bo@example.org")),
        ("/data/attributes/role".to_owned(), json!("participant")),
        ("/data/attributes/first_name".to_owned(), json!("Bo")),
        ("/data/attributes/last_name".to_owned(), json!(null)),
        ("/data/attributes/timezone".to_owned(), json!(null)),
        ("/data/attributes/messages_count".to_owned(), json!(0)),
        (format!("{detail}/event_id"), json!(event)),
        (format!("{detail}/session_id"), json!(session)),
        (format!("{detail}/registration_type"), json!("API")),
        (format!("{detail}/browser_name"), json!(null)),
        (format!("{detail}/ip_city"), json!(null)),
        (format!("{detail}/os_name"), json!(null)),
        (format!("{detail}/session_role"), json!(null)),
        (format!("{detail}/referrer"), json!("")),
        (format!("{detail}/utm_source"), json!("s")),
        (format!("{detail}/utm_medium"), json!(null)),
        (format!("{detail}/utm_campaign"), json!("k")),
        (format!("{detail}/attended"), json!(false)),
        (format!("{detail}/attendance_rate"), json!(null)),
        (format!("{detail}/fields/3/value"), json!(["A", "B"])),
    ];
    for (pointer, value) in rows {
        assert_eq!(answer.pointer(&pointer), Some(&value), "{pointer}");
    }
    let link = answer.pointer(&format!("{detail}/connection_link")).and_then(Value::as_str).unwrap();
    assert!(link.contains("email=bo%40example%2Eorg&key=") && link.contains(&format!("&s={session}")), "{link}");
    let id = answer["data"]["id"].as_str().unwrap();
    assert_eq!(get(&simulators, &format!("{}/{id}", people(&session))).1["data"], answer["data"]);
}

#[test]
fn what_cannot_be_registered_is_refused_by_its_reason() {
    let (simulators, _) = started();
    let (_, session, _) = ana_registered(&simulators);
    let email = |value: Value| fields(&[("email", value)]);
    let new = email(json!("bo@example.org"));
    let company = |value: Value| fields(&[("email", json!("bo@example.org")), ("company", value)]);
    let rows = [
        (people("none"), new.clone(), 404, "could not be found"),
        (people(&session), email(json!("ANA@example.org")), 409, "already been registered"),
        (people(&session), email(json!("")), 422, "'email' can't be blank"),
        (people(&session), email(json!(null)), 422, "'email' can't be blank"),
        (people(&session), email(json!("bo")), 422, "'email' is invalid"),
        (people(&session), email(json!(["bo@example.org"])), 422, "'email' must be a text"),
        (people(&session), fields(&[("first_name", json!("Bo"))]), 422, "'email' can't be blank"),
        (
            people(&session),
            fields(&[("email", json!("bo@example.org")), ("shoe_size", json!("44"))]),
            422,
            "The field 'shoe_size' doesn't exist",
        ),
        (people(&session), company(json!(7)), 422, "'company' must be"),
        (people(&session), company(json!(["A", 7])), 422, "'company' must be"),
        (people(&session), company(json!({"A": "B"})), 422, "'company' must be"),
        (people(&session), "{".into(), 400, "JSON object"),
        (people(&session), "[]".into(), 400, "JSON object"),
        (people(&session), String::new(), 400, "JSON object"),
        (people(&session), "{}".into(), 400, "data must be"),
        (people(&session), r#"{"data":[]}"#.into(), 400, "data must be"),
        (people(&session), r#"{"data":{"type":"people"}}"#.into(), 400, "data.attributes"),
        (people(&session), r#"{"data":{"type":"jobs","attributes":{}}}"#.into(), 400, "type must be people"),
        (people(&session), r#"{"data":{"attributes":{"fields":{}}}}"#.into(), 422, "fields must be a list"),
        (people(&session), r#"{"data":{"attributes":{"fields":["email"]}}}"#.into(), 422, "must have an id"),
        (people(&session), r#"{"data":{"attributes":{"utm_source":1}}}"#.into(), 422, "utm_source"),
    ];
    for (path, body, status, detail) in rows {
        let (answered, answer) = send(&simulators, "POST", &path, &body);
        assert_eq!(answered, status, "{body}: {answer}");
        let told = &answer["errors"][0];
        assert_eq!(told["code"], status.to_string(), "{body}");
        assert!(told["detail"].as_str().unwrap().contains(detail), "{body}: {told}");
    }
    assert_eq!(simulators.world().livestorm.people_of(&session, Timestamp::MAX).count(), 2, "nobody came in");
}

#[test]
fn refusals_that_no_page_settles_follow_their_switches() {
    let (simulators, _) = started();
    let (_, session, _) = ana_registered(&simulators);
    let ana = fields(&[("email", json!("ana@example.org"))]);
    let unasked = fields(&[("email", json!("bo@example.org")), ("shoe_size", json!("44"))]);
    let post = |body: &str| send(&simulators, "POST", &people(&session), body).0;
    simulators.world().options.unknowns.livestorm.already_registered_status = 422;
    simulators.world().options.unknowns.livestorm.unknown_field_status = 400;
    assert_eq!((post(&ana), post(&unasked)), (422, 400));
    let (_, canceled, _) = ana_registered(&simulators);
    assert!(simulators.world().livestorm.cancel_session(&canceled));
    let unknowns = unknowns(&simulators);
    simulators.world().livestorm.end_session(&session, &unknowns);
    let bo = fields(&[("email", json!("bo@example.org"))]);
    assert_eq!(post(&bo), 422, "it is over");
    assert_eq!(send(&simulators, "POST", &people(&canceled), &bo).0, 422, "it is canceled");
    simulators.world().options.unknowns.livestorm.ended_session = EndedSession::Register;
    assert_eq!(post(&bo), 201);
}

#[test]
fn a_public_event_takes_who_gives_no_address_under_an_anonymous_one() {
    let (simulators, clock) = started();
    let session = {
        let mut world = simulators.world();
        let new = NewEvent { asks_for_email: false, ..Default::default() };
        let event = world.livestorm.create_event(new);
        world.livestorm.create_session(&event, NewSession::default())
    };
    wait(&clock, 60);
    let now = simulators.world().now().seconds();
    let mut ids = BTreeSet::new();
    for answers in [fields(&[]), fields(&[("first_name", json!("Bo"))]), fields(&[("email", json!(""))])] {
        let (status, answer) = send(&simulators, "POST", &people(&session), &answers);
        assert_eq!(status, 201, "{answer}");
        let email = answer["data"]["attributes"]["email"].as_str().unwrap();
        let id = email.strip_prefix(&format!("{now}+")).and_then(|rest| rest.strip_suffix("@unknown.livestorm.co"));
        assert_eq!(id.map(str::len), Some(36), "{email}");
        let detail = &answer["data"]["attributes"]["registrant_detail"];
        assert!(detail["connection_link"].as_str().unwrap().contains("&key="), "{detail}");
        assert_eq!(detail["fields"][0]["id"], "first_name", "the form has no other");
        ids.insert(answer["data"]["id"].to_string());
    }
    assert_eq!(ids.len(), 3, "each is somebody else");
    let named = send(&simulators, "POST", &people(&session), &fields(&[("email", json!("bo@example.org"))]));
    assert_eq!((named.0, &named.1["data"]["attributes"]["email"]), (201, &json!("bo@example.org")));
    let bulk = json!({"data": {"type": "jobs", "attributes": {"tasks": [{"fields": []}, {}]}}}).to_string();
    let (_, job) = send(&simulators, "POST", &format!("{}/bulk", people(&session)), &bulk);
    wait(&clock, 10);
    let (_, job) = get(&simulators, &format!("/v1/jobs/{}", job["id"].as_str().unwrap()));
    assert_eq!(job["data"]["attributes"]["status"], "ended", "{job}");
}

#[test]
fn an_attribute_of_the_wrong_type_is_refused_as_its_switch_says_wherever_it_is_written() {
    let (simulators, _) = started();
    let (_, session, _) = ana_registered(&simulators);
    let of = |attributes: Value| json!({ "data": { "attributes": attributes } }).to_string();
    let rows = [
        (people(&session), of(json!({"fields": 1}))),
        (people(&session), of(json!({"fields": [{"id": "email", "value": "bo"}]}))),
        (people(&session), of(json!({"referrer": []}))),
        (format!("{}/bulk", people(&session)), of(json!({"tasks": 1}))),
        (format!("{}/bulk", people(&session)), of(json!({"tasks": ["bo@example.org"]}))),
        ("/v1/webhooks".into(), of(json!({"url": 1, "event": "job.ended"}))),
        ("/v1/webhooks".into(), of(json!({"url": "https://hooks.example.org/", "event": "job.created"}))),
        ("/v1/users".into(), of(json!({"email": "a@b"}))),
        ("/v1/events".into(), of(json!({"title": 1}))),
    ];
    for status in [422, 400] {
        simulators.world().options.unknowns.livestorm.wrong_attribute_status = status;
        for (path, body) in &rows {
            assert_eq!(send(&simulators, "POST", path, body).0, status, "{path} {body}");
        }
    }
}

#[test]
fn the_months_allowance_of_contacts_is_402_for_who_is_new_in_it() {
    let (simulators, clock) = started();
    let (event, session, _) = ana_registered(&simulators);
    let second = simulators.world().livestorm.create_session(&event, NewSession::default());
    simulators.world().options.limits.livestorm_contacts_per_month = Some(2);
    let post =
        |session: &str, email: &str| send(&simulators, "POST", &people(session), &fields(&[("email", json!(email))])).0;
    assert_eq!(post(&session, "bo@example.org"), 201);
    assert_eq!(post(&session, "cy@example.org"), 402);
    assert_eq!(post(&second, "Ana@example.org"), 201, "who is counted already is not counted again");
    wait(&clock, 8 * 24 * 3600);
    assert_eq!(post(&session, "cy@example.org"), 201, "December");
}

#[test]
fn a_registration_is_true_at_once_and_read_with_the_lag() {
    let (simulators, clock) = started();
    let (_, session, _) = ana_registered(&simulators);
    simulators.world().options.read_lag.livestorm = Duration::from_secs(10);
    wait(&clock, 60);
    let bo = fields(&[("email", json!("bo@example.org"))]);
    assert_eq!(send(&simulators, "POST", &people(&session), &bo).0, 201);
    let seen = || get(&simulators, &people(&session)).1["meta"]["record_count"].clone();
    assert_eq!(seen(), 2);
    assert_eq!(send(&simulators, "POST", &people(&session), &bo).0, 409);
    wait(&clock, 10);
    assert_eq!(seen(), 3);
}

#[test]
fn a_patch_changes_what_it_names_and_nothing_else() {
    let (simulators, clock) = started();
    let (_, session, ana) = ana_registered(&simulators);
    let path = format!("{}/{ana}", people(&session));
    let before = get(&simulators, &path).1;
    wait(&clock, 5);
    let body = json!({"data": {"type": "people", "attributes": {
        "fields": [{"id": "company", "value": null}, {"id": "last_name", "value": "Silva"}],
        "utm_term": "t", "referrer": "https://example.org/",
    }}});
    let (status, after) = send(&simulators, "PATCH", &path, &body.to_string());
    assert_eq!(status, 200, "{after}");
    let mut expected = before["data"].clone();
    let attributes = &mut expected["attributes"];
    attributes["last_name"] = json!("Silva");
    attributes["updated_at"] = json!(simulators.world().now().seconds());
    attributes["registrant_detail"]["updated_at"] = attributes["updated_at"].clone();
    attributes["registrant_detail"]["utm_term"] = json!("t");
    attributes["registrant_detail"]["referrer"] = json!("https://example.org/");
    attributes["registrant_detail"]["fields"][2]["value"] = json!("Silva");
    attributes["registrant_detail"]["fields"][3]["value"] = json!(null);
    assert_eq!(after["data"], expected);
    let rows = [
        (path.clone(), fields(&[("shoe_size", json!("44"))]), 422),
        (path.clone(), fields(&[("email", json!("other@example.org"))]), 422),
        (path.clone(), fields(&[("email", json!("Ana@example.org"))]), 200),
        (path.clone(), "{}".into(), 400),
        (format!("{}/none", people(&session)), fields(&[]), 404),
        (format!("{}/{ana}", people("none")), fields(&[]), 404),
    ];
    for (path, body, status) in rows {
        assert_eq!(send(&simulators, "PATCH", &path, &body).0, status, "{path} {body}");
    }
}

#[test]
fn a_registrant_is_removed_by_address_or_id_and_may_come_again() {
    let (simulators, _) = started();
    let (event, session, ana) = ana_registered(&simulators);
    let by_email = |query: &str| format!("{}?{query}", people(&session));
    let rows = [
        (people(&session), 400),
        (by_email("filter[email]="), 400),
        (by_email("filter[email]=ana@example.org&filter[name]=x"), 400),
        (by_email("filter[email]=nobody@example.org"), 404),
        (format!("{}/none", people(&session)), 404),
        (format!("{}?filter[email]=ana@example.org", people("none")), 404),
        (by_email("filter[email]=ANA@example.org"), 204),
        (by_email("filter[email]=ana@example.org"), 404),
    ];
    for (path, status) in rows {
        let (answered, body) = send(&simulators, "DELETE", &path, "");
        assert_eq!(answered, status, "{path}: {body}");
        assert_eq!(body.is_null(), status == 204, "{path}");
    }
    let again = fields(&[("email", json!("ana@example.org"))]);
    let (_, other, _) = ana_registered(&simulators);
    for removal in [Removal::Session, Removal::Event] {
        simulators.world().options.unknowns.livestorm.removal = removal;
        let second = simulators.world().livestorm.create_session(&event, NewSession::default());
        for session in [&session, &second] {
            assert_eq!(send(&simulators, "POST", &people(session), &again).0, 201);
        }
        assert_eq!(send(&simulators, "DELETE", &format!("{}/{ana}", people(&session)), "").0, 204);
        let elsewhere = get(&simulators, &format!("{}/{ana}", people(&second))).0;
        assert_eq!(elsewhere, if removal == Removal::Session { 200 } else { 404 }, "{removal:?}");
        let of_another_event = format!("{}/{ana}", people(&other));
        assert_eq!(get(&simulators, &of_another_event).0, 200, "{removal:?}");
    }
}

proptest! {
    #[test]
    fn whatever_is_sent_is_answered_and_never_with_500(body in ".{0,200}", value in any::<i64>(), id in "[a-z_\\[\\]\"]{0,12}") {
        let (simulators, _) = started();
        let (_, session, ana) = ana_registered(&simulators);
        let odd = json!({"data": {"type": "people", "attributes": {"fields": [{"id": id, "value": value}, {"id": body}], "utm_term": [id]}}});
        let one = format!("{}/{ana}", people(&session));
        for (method, path) in [("POST", people(&session)), ("PATCH", one)] {
            for body in [&body, &odd.to_string()] {
                let status = send(&simulators, method, &path, body).0;
                prop_assert!((400..500).contains(&status), "{status}");
            }
        }
    }
}
