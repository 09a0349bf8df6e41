use super::*;
use crate::{
    clock::SimulatedClock,
    simulators::{Options, Simulators, unknowns::LivestormUnknowns},
};
use std::{collections::BTreeSet, time::Duration};

mod anything;
mod attendance;
mod deliveries;
mod doors;
mod event_writes;
mod in_a_session;
mod jobs;
mod lists;
mod lists_by_law;
mod partners;
mod people_across;
mod registrations;
mod session_writes;
mod shapes;
mod subscriptions;
mod team;
mod webhook_bodies;

const MONDAY: &str = "2026-11-23T09:00:00Z";

fn started() -> (Simulators, SimulatedClock) {
    let clock = SimulatedClock::new(Timestamp::parse(MONDAY).unwrap());
    let mut options = Options::default();
    options.limits.livestorm_calls_per_second = 1000;
    (Simulators::new(Arc::new(clock.clone()), options), clock)
}

/// A request with these headers alone.
fn bare(
    simulators: &Simulators,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> http::Response<Vec<u8>> {
    let mut request = http::Request::builder().method(method).uri(format!("http://x.test{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    simulators.handle(request.body(body.as_bytes().to_vec()).unwrap()).unwrap()
}

fn status_and_json(answer: &http::Response<Vec<u8>>) -> (u16, Value) {
    (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap_or(Value::Null))
}

fn ask(simulators: &Simulators, path: &str, token: &str) -> (u16, http::HeaderMap, Value) {
    let answer = bare(simulators, "GET", path, &[("authorization", token)], "");
    let (status, body) = status_and_json(&answer);
    (status, answer.headers().clone(), body)
}

fn get(simulators: &Simulators, path: &str) -> (u16, Value) {
    let token = simulators.world().options.livestorm_token.clone();
    let (status, _, body) = ask(simulators, path, &token);
    (status, body)
}

/// With a body, whatever it is.
fn send(simulators: &Simulators, method: &str, path: &str, body: &str) -> (u16, Value) {
    let token = simulators.world().options.livestorm_token.clone();
    let headers = [("authorization", &*token), ("content-type", "application/vnd.api+json")];
    status_and_json(&bare(simulators, method, path, &headers, body))
}

/// A write as the vendor's documents have it, by its attributes.
fn write(simulators: &Simulators, method: &str, path: &str, kind: &str, attributes: Value) -> (u16, Value) {
    send(simulators, method, path, &json!({ "data": { "type": kind, "attributes": attributes } }).to_string())
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
    let asked = json!({"id": "company", "type": "text", "value": "Example Ltd", "required": false});
    assert_eq!(person["registrant_detail"]["fields"][3], asked, "custom stands at questions of the workspace alone");
    let (_, body) = get(&simulators, &format!("/v1/sessions/{session}/people?filter[role]=team_member"));
    assert_eq!(body["data"][0]["attributes"]["registrant_detail"]["password_key"], json!(null));
}

fn wait(clock: &SimulatedClock, seconds: u64) {
    futures_util::FutureExt::now_or_never(clock.run_for(Duration::from_secs(seconds))).unwrap();
}

fn unknowns(simulators: &Simulators) -> LivestormUnknowns {
    simulators.world().options.unknowns.livestorm.clone()
}

fn attendance(seconds: u64) -> Attendance {
    Attendance { seconds, messages: 3, questions: 1, votes: 2, up_votes: 4, ..Attendance::default() }
}

/// Ana was there, Bo was not, and an hour after the beginning it is over.
fn session_over(simulators: &Simulators, clock: &SimulatedClock) -> (String, String, String) {
    let unknowns = unknowns(simulators);
    let (_, session, ana) = ana_registered(simulators);
    let bo = NewRegistrant { email: "bo@example.org".into(), ..Default::default() };
    let bo = simulators.world().livestorm.register(&session, bo).unwrap();
    assert!(simulators.world().livestorm.start_session(&session));
    wait(clock, 3600);
    assert!(simulators.world().livestorm.attend(&session, &ana, attendance(900), &unknowns));
    assert!(simulators.world().livestorm.end_session(&session, &unknowns));
    (session, ana, bo)
}

fn person(simulators: &Simulators, session: &str, person: &str) -> Value {
    let (status, body) = get(simulators, &format!("/v1/sessions/{session}/people/{person}"));
    if status == 200 { body["data"]["attributes"].clone() } else { json!(status) }
}

#[test]
fn an_event_has_tags_and_an_owner() {
    let (simulators, _) = started();
    let (event, session, _) = ana_registered(&simulators);
    let mut world = simulators.world();
    let omar = NewTeamMember {
        email: "omar@livestorm-customer.example".into(),
        first_name: "Omar".into(),
        last_name: "Other".into(),
        role: TeamRole::Moderator,
        pending_invite: false,
    };
    let omar = world.livestorm.add_team_member(omar);
    assert!(world.livestorm.set_event_owner(&event, &omar) && !world.livestorm.set_event_owner(&event, "nobody"));
    for title in ["Product", "EMEA", "product"] {
        assert!(world.livestorm.tag_event(&event, title));
    }
    drop(world);
    let rows = [
        (format!("/v1/events/{event}"), "/data/attributes/owner/attributes/first_name", Some(json!("Omar"))),
        (format!("/v1/events/{event}"), "/included", None),
        (format!("/v1/events/{event}?include=tags"), "/included/1/attributes/title", Some(json!("EMEA"))),
        (format!("/v1/events/{event}?include=tags"), "/included/2", None),
        (format!("/v1/events/{event}?include=tags"), "/data/relationships/tags/data/0/type", Some(json!("tags"))),
        (format!("/v1/events/{event}?include=sessions,tags"), "/included/0/id", Some(json!(session))),
        ("/v1/events?filter[tag]=emea,other".to_owned(), "/meta/record_count", Some(json!(1))),
        ("/v1/events?filter[tag]=other".to_owned(), "/meta/record_count", Some(json!(0))),
    ];
    for (path, pointer, value) in rows {
        let (status, body) = get(&simulators, &path);
        assert_eq!((status, body.pointer(pointer)), (200, value.as_ref()), "{path} {pointer}");
    }
}

#[test]
fn webhooks_questions_and_jobs_are_listed() {
    let (simulators, _) = started();
    ana_registered(&simulators);
    let mut world = simulators.world();
    world.livestorm.add_attribute("topics", "Topics", "multiple_select");
    let heard = world.livestorm.add_subscription("people.registered", "https://hooks.example.org/1");
    let dead = world.livestorm.add_subscription("session.ended", "https://hooks.example.org/2");
    assert!(world.livestorm.disable_subscription(&dead));
    let job = world.livestorm.add_job(2, 1);
    drop(world);
    let rows = [
        ("/v1/webhooks".to_owned(), "/meta/record_count", json!(1)),
        ("/v1/webhooks".to_owned(), "/data/0/id", json!(heard)),
        ("/v1/webhooks?filter[event]=session.ended".to_owned(), "/meta/record_count", json!(0)),
        ("/v1/people_attributes?filter[builtin]=true".to_owned(), "/meta/record_count", json!(11)),
        ("/v1/people_attributes?filter[builtin]=false".to_owned(), "/data/0/attributes/slug", json!("topics")),
        ("/v1/people_attributes?page[size]=5&page[number]=2".to_owned(), "/meta/page_count", json!(3)),
        ("/v1/people_attributes?sort=-slug".to_owned(), "/data/0/attributes/slug", json!("website")),
        ("/v1/people_attributes?sort=size".to_owned(), "/errors/0/code", json!("400")),
        (format!("/v1/jobs/{job}"), "/data/attributes/status", json!("failed")),
        ("/v1/jobs/none".to_owned(), "/errors/0/code", json!("404")),
    ];
    for (path, pointer, value) in rows {
        assert_eq!(get(&simulators, &path).1.pointer(pointer), Some(&value), "{path} {pointer}");
    }
}
