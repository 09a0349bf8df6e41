use super::*;
use crate::{
    clock::SimulatedClock,
    simulators::{Options, Simulators, unknowns::LegacyPersonId},
};
use http::Method;
use std::{collections::BTreeSet, time::Duration};

const MONDAY: &str = "2026-11-23T09:00:00Z";

fn started() -> (Simulators, SimulatedClock) {
    let clock = SimulatedClock::new(Timestamp::parse(MONDAY).unwrap());
    let mut options = Options::default();
    options.limits.livestorm_calls_per_second = 1000;
    (Simulators::new(Arc::new(clock.clone()), options), clock)
}

fn ask(simulators: &Simulators, method: Method, path: &str, token: &str) -> (u16, http::HeaderMap, Value) {
    let uri = format!("http://x.test{path}");
    let request = http::Request::builder().method(method).uri(uri).header("authorization", token).body(vec![]).unwrap();
    let answer = simulators.handle(request).unwrap();
    let body = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
    (answer.status().as_u16(), answer.headers().clone(), body)
}

fn get(simulators: &Simulators, path: &str) -> (u16, Value) {
    let token = simulators.world().options.livestorm_token.clone();
    let (status, _, body) = ask(simulators, Method::GET, path, &token);
    (status, body)
}

/// An event with a session at 15:00, and Ana in it.
fn ana_registered(simulators: &Simulators) -> (String, String, String) {
    let mut world = simulators.world();
    let event =
        world.livestorm.create_event(NewEvent { fields: vec![FormField::text("company")], ..Default::default() });
    let starts_at = Timestamp::parse("2026-11-23T15:00:00Z");
    let session = world.livestorm.create_session(&event, NewSession { starts_at, ..Default::default() });
    world.livestorm.publish(&event);
    let ana = NewRegistrant { fields: vec![("company".into(), json!("Example Ltd"))], ..Default::default() };
    let person = world.livestorm.register(&session, ana).unwrap();
    (event, session, person)
}

#[test]
fn the_token_is_sent_raw_and_bearer_is_refused() {
    let (simulators, _) = started();
    let token = simulators.world().options.livestorm_token.clone();
    let rows = [
        (token.clone(), 200, false),
        (format!("Bearer {token}"), 401, true),
        ("wrong".to_owned(), 401, false),
        (String::new(), 401, false),
    ];
    for (sent, status, challenged) in rows {
        let (answered, headers, body) = ask(&simulators, Method::GET, "/v1/ping", &sent);
        assert_eq!(answered, status, "{sent:?}");
        assert_eq!(headers.contains_key("www-authenticate"), challenged, "{sent:?}");
        assert_eq!(headers.contains_key("ratelimit-monthly-remaining"), status == 200, "{sent:?}");
        if status == 401 {
            assert_eq!(body["errors"][0]["status"], "unauthorized");
            assert_eq!(body["errors"][0]["code"], "401");
        }
    }
    simulators.world().livestorm.refuse_token_once();
    assert_eq!(get(&simulators, "/v1/ping").0, 401);
    assert_eq!(get(&simulators, "/v1/ping").0, 200);
}

#[test]
fn each_call_answers_its_resource_or_404() {
    let (simulators, _) = started();
    let (event, session, _) = ana_registered(&simulators);
    let rows = [
        ("/v1/me".to_owned(), 200, "/data/type", json!("organizations")),
        ("/v1/organization".to_owned(), 200, "/data/attributes/slug", json!("example-organisation")),
        ("/v1/users".to_owned(), 200, "/data/0/attributes/role", json!("host")),
        ("/v1/users?filter[email]=OWNER@livestorm-customer.example".to_owned(), 200, "/meta/record_count", json!(1)),
        ("/v1/users?filter[role]=moderator".to_owned(), 200, "/meta/record_count", json!(0)),
        ("/v1/events".to_owned(), 200, "/data/0/id", json!(event)),
        ("/v1/events?include=sessions".to_owned(), 200, "/included/0/id", json!(session)),
        ("/v1/events?filter[titel]=x".to_owned(), 400, "/errors/0/code", json!("400")),
        (format!("/v1/events/{event}"), 200, "/data/attributes/scheduling_status", json!("upcoming")),
        (format!("/v1/events/{event}/sessions"), 200, "/data/0/id", json!(session)),
        ("/v1/sessions?filter[status]=upcoming".to_owned(), 200, "/meta/record_count", json!(1)),
        ("/v1/sessions?filter[status]=past".to_owned(), 200, "/meta/record_count", json!(0)),
        (format!("/v1/sessions/{session}"), 200, "/data/attributes/registrants_count", json!(2)),
        (format!("/v1/sessions/{session}/people"), 200, "/meta/record_count", json!(2)),
        (format!("/v1/sessions/{session}/people?page[number]=1"), 400, "/errors/0/code", json!("400")),
        (format!("/v1/sessions/{event}/people"), 404, "/errors/0/status", json!("not_found")),
        ("/v1/events/none".to_owned(), 404, "/errors/0/status", json!("not_found")),
        ("/v1/polls".to_owned(), 404, "/errors/0/status", json!("not_found")),
    ];
    for (path, status, pointer, value) in rows {
        let (answered, body) = get(&simulators, &path);
        assert_eq!((answered, body.pointer(pointer)), (status, Some(&value)), "{path}: {body}");
    }
}

/// Not said on <https://developers.livestorm.co/docs/rate-limits-and-quotas>, so the dearer is assumed.
#[test]
fn what_is_refused_after_the_token_costs_a_request_too() {
    let (simulators, _) = started();
    let used = || simulators.world().livestorm.quota.used;
    for (path, status) in [("/v1/polls", 404), ("/v1/events/none", 404), ("/v1/events?filter[titel]=x", 400)] {
        let before = used();
        assert_eq!(get(&simulators, path).0, status, "{path}");
        assert_eq!(used(), before + 1, "{path}");
    }
    let before = used();
    assert_eq!(ask(&simulators, Method::GET, "/v1/ping", "wrong").0, 401);
    assert_eq!(used(), before);
    simulators.world().options.limits.livestorm_calls_per_month = before;
    assert_eq!(get(&simulators, "/v1/polls").0, 429, "the quota comes before the path");
}

#[test]
fn people_are_filtered_by_address_role_and_time() {
    let (simulators, clock) = started();
    let (_, session, _) = ana_registered(&simulators);
    let start = simulators.world().now().seconds();
    futures_util::FutureExt::now_or_never(clock.run_for(Duration::from_secs(60)));
    let bo = NewRegistrant { email: "Bo+1@example.org".into(), ..Default::default() };
    simulators.world().livestorm.register(&session, bo).unwrap();
    let rows = [
        ("filter[email]=bo%2B1@example.org".to_owned(), 1),
        ("filter[email]=bo+1@example.org".to_owned(), 0),
        ("filter[role]=participant".to_owned(), 2),
        ("filter[role]=team_member".to_owned(), 1),
        (format!("filter[created_since]={}", start + 1), 1),
        (format!("filter[created_until]={start}"), 2),
        ("filter[attended]=true".to_owned(), 0),
    ];
    for (query, count) in rows {
        let (status, body) = get(&simulators, &format!("/v1/sessions/{session}/people?{query}"));
        assert_eq!((status, body["meta"]["record_count"].as_u64()), (200, Some(count)), "{query}");
    }
}

#[test]
fn one_address_is_one_person_in_every_session_and_registers_once_in_each() {
    let (simulators, _) = started();
    let (event, session, ana) = ana_registered(&simulators);
    let mut world = simulators.world();
    let second = world.livestorm.create_session(&event, NewSession::default());
    let again = || NewRegistrant { email: "ANA@example.org".into(), ..Default::default() };
    assert_eq!(world.livestorm.register(&session, again()), Err(NotRegistered::Already("ANA@example.org".into())));
    assert_eq!(world.livestorm.register(&second, again()), Ok(ana));
    let wrong = NewRegistrant { fields: vec![("shoe_size".into(), json!("44"))], ..again() };
    assert_eq!(world.livestorm.register(&session, wrong), Err(NotRegistered::NoField("shoe_size".into())));
    assert!(matches!(world.livestorm.register("none", again()), Err(NotRegistered::NoSession(_))));
}

#[test]
fn a_breakout_room_is_hidden_until_it_is_asked_for() {
    let (simulators, _) = started();
    let (event, session, _) = ana_registered(&simulators);
    let room = NewSession { breakout_room_of: Some(session.clone()), ..Default::default() };
    simulators.world().livestorm.create_session(&event, room);
    let rows = [("/v1/sessions", 1), ("/v1/sessions?filter[include_breakout_rooms]=true", 2)];
    for (path, count) in rows {
        assert_eq!(get(&simulators, path).1["meta"]["record_count"], count, "{path}");
    }
}

#[test]
fn an_unset_time_is_zero_and_what_has_not_happened_is_null() {
    let (simulators, _) = started();
    let (_, session, _) = ana_registered(&simulators);
    let (_, body) = get(&simulators, &format!("/v1/sessions/{session}"));
    for (name, value) in
        [("started_at", json!(0)), ("ended_at", json!(0)), ("canceled_at", json!(0)), ("duration", json!(null))]
    {
        assert_eq!(body["data"]["attributes"][name], value, "{name}");
    }
    let (_, body) = get(&simulators, &format!("/v1/sessions/{session}/people?filter[role]=participant"));
    let person = &body["data"][0]["attributes"];
    assert_eq!(person["replay_view_detail"], json!(null));
    assert_eq!(person["messages_count"], 0);
    assert_eq!(person["registrant_detail"]["attendance_rate"], json!(null));
    assert_eq!(person["registrant_detail"]["attendance_duration"], 0);
    let asked = json!({"id": "company", "type": "text", "value": "Example Ltd", "required": false, "custom": true});
    assert_eq!(person["registrant_detail"]["fields"][3], asked);
    let (_, body) = get(&simulators, &format!("/v1/sessions/{session}/people?filter[role]=team_member"));
    assert_eq!(body["data"][0]["attributes"]["registrant_detail"]["password_key"], json!(null));
}

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

#[test]
fn native_bodies_have_exactly_the_fields_of_the_documents() {
    const DOCUMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/livestorm/webhooks_native");
    let (simulators, _) = started();
    let mut world = simulators.world();
    let event = world.livestorm.create_event(NewEvent::default());
    let starts_at = Timestamp::parse("2026-11-23T15:00:00Z");
    let session = world.livestorm.create_session(&event, NewSession { starts_at, ..Default::default() });
    let person = world.livestorm.register(&session, NewRegistrant::default()).unwrap();
    let rows = [
        ("event_created", Occurrence::EventCreated { event: event.clone() }),
        ("session_created", Occurrence::SessionCreated { session: session.clone() }),
        ("event_published", Occurrence::EventPublished { event }),
        ("new_registrant", Occurrence::Registered { session, person }),
    ];
    for (file, occurrence) in rows {
        let document = std::fs::read(format!("{DOCUMENTS}/{file}.json")).unwrap();
        let unknowns = &world.options.unknowns.livestorm;
        let built = world.livestorm.webhook_body(&occurrence, Dialect::Native, unknowns).unwrap();
        let (mut wanted, mut found) = (BTreeSet::new(), BTreeSet::new());
        paths(&serde_json::from_slice(&document).unwrap(), "", &mut wanted);
        paths(&serde_json::from_slice(&built).unwrap(), "", &mut found);
        assert_eq!(found, wanted, "{file}");
    }
}

#[test]
fn a_rest_managed_body_is_the_resource_with_its_webhook_and_organisation() {
    let (simulators, _) = started();
    let (event, session, person) = ana_registered(&simulators);
    let resources = [
        (Occurrence::EventCreated { event: event.clone() }, format!("/v1/events/{event}"), "/data"),
        (Occurrence::EventPublished { event: event.clone() }, format!("/v1/events/{event}"), "/data"),
        (Occurrence::SessionCreated { session: session.clone() }, format!("/v1/sessions/{session}"), "/data"),
        (
            Occurrence::Registered { session: session.clone(), person },
            format!("/v1/sessions/{session}/people?filter[email]=ana@example.org"),
            "/data/0",
        ),
    ];
    for (occurrence, path, pointer) in resources {
        let (_, read) = get(&simulators, &path);
        let world = simulators.world();
        let unknowns = &world.options.unknowns.livestorm;
        let body = world.livestorm.webhook_body(&occurrence, Dialect::RestManaged, unknowns).unwrap();
        let mut body: Value = serde_json::from_slice(&body).unwrap();
        let meta = body["data"].as_object_mut().unwrap().remove("meta").unwrap();
        assert_eq!(body.pointer("/data"), read.pointer(pointer), "{occurrence:?}");
        assert_eq!(meta["webhook"]["event"], occurrence.name());
        assert_eq!(meta["webhook"]["organization_id"], json!(world.livestorm.organization_id));
    }
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
